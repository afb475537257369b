"""In a terminal a run shows how far it is and how long it will take."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from tests.conftest import COMMAND, Mini


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
