"""A run shows how far it is and how long it will take: in a terminal, and in lines for a pipe."""

from __future__ import annotations

import os
import pty
import subprocess
import time

import pytest

from tests.conftest import COMMAND, Mini
from tests.executing import planned
from verify.errors import listed
from verify.planning.plan import Batch
from verify.running.estimate import Work
from verify.running.jobs import Job
from verify.running.progress import Left, Plain


def in_terminal(project: Mini, *arguments: str) -> tuple[int, str]:
    """The exit status and everything written to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "20"}
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=project.root, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        output = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the terminal's end, on Linux
                break
            if not part:
                break
            output += part
    os.close(ours)
    return process.returncode, output.decode()


def test_a_bar_with_the_time_left(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 5, nap: 0.3}")
    status, output = in_terminal(mini, "run")
    assert status == 0
    assert "/10" in output
    assert "left" in output
    assert "coin:flips tiny: evidence written" in output
    assert output.rstrip().endswith("10 of 10 trials fresh")
    assert output.rindex("\x1b[?25h") > output.index("\x1b[?25l"), "the cursor is shown again"


@pytest.mark.parametrize("trick", ["crash", "die"])
def test_failures_stand_above_the_bar(mini: Mini, trick: str) -> None:
    mini.edit("tiny: {seeds: 5}", f"tiny: {{seeds: 3, trick: {trick}}}")
    status, output = in_terminal(mini, "run")
    assert status == 1
    assert "log: .verify/logs/coin/flips.tiny/" in output
    assert "4 of 6 trials fresh" in output


def batch_of(mini: Mini, count: int) -> tuple[Job, Batch]:
    (job,) = planned(mini).jobs.values()
    (first, *_) = job.batches()
    return job, Batch(job.trials[:count], first.experiment, 1.0)


def test_lines_for_a_pipe(mini: Mini, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))
    plain = Plain()
    plain.started(4, 1, 100.0)
    plain.begun(["a:b", "c:d", "e:f", "g:h", "i:j"])
    plain.advanced(*batch_of(mini, 1), 0.25, Work(0.5, 1.0))
    plain.failed(*batch_of(mini, 2), "no", "x.log")
    plain.failed(*batch_of(mini, 1), "no", "y.log")
    plain.repeating(1)
    plain.ended()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["4 trials on 1 worker, about 1 min 40 s", "begun: a:b, c:d, e:f and 2 more"]
    assert lines[2].startswith("[1/4] coin:flips: 1 trial in 0.2 s, about ")
    assert lines[3:] == [
        "coin:flips: no; trying its 2 trials in halves", "    log: x.log",
        "[2/4] coin:flips, seed 0 (bias=0.5): no", "    log: y.log",
        "running 1 trial a second time, to see whether the numbers are the same",
        lines[-1],
    ]  # fmt: skip
    assert lines[-1].startswith("took ")


def test_lines_show_what_a_terminal_would_obey(mini: Mini, capsys: pytest.CaptureFixture[str]) -> None:
    Plain().failed(*batch_of(mini, 1), "\x1b[31mred", "x.log")
    assert r"\x1b[31mred" in capsys.readouterr().out


def test_the_time_left_is_what_was_expected_and_then_the_pace_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    left = Left(100.0)
    now[0] = 4.0
    assert left.seconds == 96.0
    left.advance(Work(0.02, 3.0), 0.5)
    assert left.seconds == pytest.approx(294), "slower than it was recorded, however many trials are done"
    now[0] = 40.0
    left.advance(Work(0.1, 0.5), 0.9)
    assert left.seconds == pytest.approx(45), "twice as fast, though what still runs counts as nothing"
    now[0] = 50.0
    assert left.seconds == pytest.approx(35), "between batches it counts down"
    now[0] = 200.0
    left.advance(Work(0.75, 0.5), 0.9)
    assert left.seconds == pytest.approx(50), "other things than trials took the time"
    left.advance(Work(1.0, 0.5), 1.0)
    assert left.seconds == 0.0


def test_the_time_left_of_what_was_never_timed_goes_by_the_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    left = Left()
    now[0] = 60.0
    left.advance(None, 0.01)
    assert left.seconds is None, "too early"
    left.advance(None, 0.5)
    assert left.seconds == 60.0


@pytest.mark.parametrize(
    ("names", "said"), [(["a"], "a"), (list("abcd"), "a, b, c, d"), (list("abcde"), "a, b, c and 2 more")]
)
def test_names_in_a_line(names: list[str], said: str) -> None:
    assert listed(names) == said
