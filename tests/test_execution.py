"""Runs through an executor without processes: what is handed in, kept, tried again, said and published."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.conftest import Mini
from tests.executing import FACTS, Fake, Noted, executed, heads, planned
from verify import report
from verify.errors import UserErrors, visible
from verify.messages import Facts, Result, Task
from verify.model import Evidence, Failure, Record
from verify.project import store
from verify.running import interrupts, tasks
from verify.running.executors import Done
from verify.running.jobs import Halted
from verify.running.known import Known
from verify.running.lock import only_run

CHOSEN = """
```yaml verify
id: chosen
experiment: coin
parameters: {bias: {choose_from: flips, maximise: heads}, nap: 0.001}
scales: {tiny: {seeds: 3}}
```
"""
PLAIN = "{seeds: 5}"


def lines(path: Path, kind: str) -> list[dict[str, Any]]:
    return [line[kind] for line in map(json.loads, path.read_text().splitlines()) if kind in line]


def batched(mini: Mini, most: int = 8) -> None:
    """Let the coin be tossed in batches."""
    mini.edit("import os\n", "import os\nfrom verify.lab.declare import experiment\n")
    mini.edit("def coin(seed: int,", f"@experiment(batch={most})\ndef coin(seeds: list,")
    mini.edit("-> dict:", "-> list:")


def move_the_threshold(mini: Mini) -> None:
    """Of the claim that the coin is fair."""
    mini.edit("where: {bias: 0.5}, within: [0.45, 0.55]", "where: {bias: 0.5}, within: [0.4, 0.6]")


def test_what_is_handed_in(mini: Mini) -> None:
    executor = Fake()
    run = executed(mini, executor)
    task = executor.tasks[0]
    assert (task.group, task.function, task.module, task.device, task.torch) == (
        "coin:flips.tiny", "coin", "reviews/coin.md", "cpu", False,
    )  # fmt: skip
    assert task.code is not None
    assert task.code.splitlines()[task.code[: task.code.index("def coin")].count("\n")].startswith("def coin")
    assert (task.root, task.folder) == (str(mini.root), str(mini.root / "reviews"))
    assert Path(task.log).parent == mini.root / ".verify" / "logs" / "coin" / "flips.tiny"
    assert executor.described == [("cpu", False)]
    assert [job.state for job in run.jobs.values()] == ["planned"]
    assert "10 of 10 trials fresh" in list(report.summary(run))


def test_declared_data_is_for_the_fences_whose_fingerprint_holds_it(mini: Mini) -> None:
    mini.root.joinpath("reviews", "points.csv").write_text("1\n")
    mini.edit("title: ", "data: [points.csv]\ntitle: ")
    (job,) = planned(mini).jobs.values()
    batch = job.batches()[0]
    assert tasks.task(job, batch, "cpu").data == ("points.csv",)
    job.experiment = replace(job.experiment, module="verify.experiments.pretraining")
    assert tasks.task(job, batch, "cpu").data == ()


def test_the_device_is_asked_for_once_where_torch_is_needed(mini: Mini) -> None:
    mini.edit("import random\n", "import random\nimport torch\n")
    mini.edit("    time.sleep(nap)\n", "    torch.manual_seed(seed)\n")
    gpu = Facts("cuda", "GPU", 2, "Linux", {"python": "3", "torch": "2.0"})
    executor = Fake(lambda task: replace(heads(task), environment=gpu), gpu)
    executed(mini, executor)
    assert executor.described == [("auto", True)]
    assert {(task.device, task.torch) for task in executor.tasks} == {("cuda", True)}
    assert lines(mini.evidence, "environment")[0]["device"] == "cuda"


def test_torch_that_is_not_installed(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    mini.edit("import random\n", "import random\nimport torch\n")
    mini.edit("    time.sleep(nap)\n", "    torch.manual_seed(seed)\n")
    monkeypatch.setattr("verify.running.runner.find_spec", lambda _: None)
    with pytest.raises(UserErrors, match="torch is not installed, and experiments train with it"):
        executed(mini)


def test_logs_of_trials_that_are_declared_no_more_go(mini: Mini) -> None:
    run = planned(mini)
    (job,) = run.jobs.values()
    log = tasks.log_of(job, job.batches()[0])
    log.parent.mkdir(parents=True)
    for name in (log.name, "0123456789abcdef-1.log", "0123456789abcdef-30-again.log"):
        (log.parent / name).write_text("x")
    run.execute(Fake())
    assert list(log.parent.iterdir()) == [log]


@pytest.mark.skipif(sys.platform == "darwin", reason="its names are UTF-8")
def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    run = planned(Mini(tmp_path / os.fsdecode(b"odd\xff")))
    with pytest.raises(UserErrors, match=r"the project's folder, '.*odd\\udcff', has a name that is not UTF-8"):
        run.execute(Fake())


def test_each_batch_has_the_environment_it_came_with(mini: Mini) -> None:
    def two_machines(task: Task) -> Done:
        facts = replace(FACTS, machine="first" if task.seeds[0] < 2 else "second", versions={"sklearn": "1.5"})
        return replace(heads(task), environment=facts)

    executed(mini, Fake(two_machines, at_once=3))
    of = {each["id"]: each["machine"] for each in lines(mini.evidence, "environment")}
    assert {(trial["seed"] < 2, of[trial["environment"]]) for trial in lines(mini.evidence, "trial")} == {
        (True, "first"), (False, "second"),
    }  # fmt: skip
    assert lines(mini.evidence, "environment")[0]["versions"] == {"sklearn": "1.5"}


def test_code_that_cannot_be_loaded_stops_its_verification_once(mini: Mini) -> None:
    mini.review.write_text(
        mini.review.read_text()
        + "\n```python verify\ndef other(seed: int, device: str) -> dict:\n    return {'v': 1}\n```\n"
        + "\n```yaml verify\nid: others\nexperiment: other\nscales: {tiny: {seeds: 3}}\n```\n"
    )

    def load(task: Task) -> Done:
        if task.function == "other":
            return heads(task)
        error = "reviews/coin.md:16: ModuleNotFoundError: No module named 'sklearn'"
        return Done(error=error, loading=True, file="reviews/coin.md", line=16)

    noted = Noted()
    executor = Fake(load)
    run = executed(mini, executor, noted)
    message = "reviews/coin.md:16: the code of 'coin' cannot be loaded: ModuleNotFoundError: No module named 'sklearn'"
    assert f"coin:flips: stopped: {message}" in noted.said
    assert [task.function for task in executor.tasks].count("coin") == 1
    assert not lines(mini.journal, "failure")
    assert "coin:others: evidence written" in noted.said
    said = list(report.summary(run))
    assert message in said
    assert "3 of 13 trials fresh" in said


def test_a_batch_that_fails_is_tried_in_halves_down_to_the_trial(mini: Mini) -> None:
    batched(mini)
    noted = Noted()
    run = executed(mini, Fake(lambda task: Done(error="no") if 3 in task.seeds else heads(task)), noted)
    assert [each for each in noted.said if each.endswith(": no")] == [
        "coin:flips 5: no", "coin:flips 5: no", "coin:flips 3: no", "coin:flips 3: no",
        "coin:flips 2: no", "coin:flips 2: no", "coin:flips 1: no", "coin:flips 1: no",
    ]  # fmt: skip
    assert [failure.seed for _, failure in run.failures] == [3, 3]
    assert "8 of 10 trials fresh" in list(report.summary(run))
    (job,) = run.jobs.values()
    assert not job.open
    assert not job.complete


def test_what_waits_for_a_choice_joins_the_run(mini: Mini) -> None:
    mini.review.write_text(mini.review.read_text() + CHOSEN)
    noted = Noted()

    def by_bias(task: Task) -> Done:
        (parameters,) = task.parameters
        return Done((Result({"heads": parameters["bias"]}),), 0.5, FACTS)  # type: ignore[dict-item]

    run = planned(mini, noted)
    assert [job.state for job in run.jobs.values()] == ["planned", "waiting"]
    run.execute(Fake(by_bias))
    assert noted.said[:2] == ["13 trials on 2", "begun coin:flips"]
    assert "begun coin:chosen" in noted.said
    assert [job.waits_for for job in run.jobs.values()] == ["", ""]
    chosen = mini.evidence.with_name("chosen.tiny.jsonl")
    assert {trial["parameters"]["bias"] for trial in lines(chosen, "trial")} == {0.8}


def test_tests_are_registered_before_the_first_batch(mini: Mini) -> None:
    kinds: list[list[str]] = []

    def look(task: Task) -> Done:
        kinds.append([next(iter(json.loads(line))) for line in mini.journal.read_text().splitlines()])
        return heads(task)

    executed(mini, Fake(look))
    assert kinds[0] == ["evidence", "registered", "registered"]
    first, _ = lines(mini.evidence, "registered")
    assert first["claim"] == "fair"
    assert first["seeds"] == 5
    assert "seen" not in first, "nothing had been run"
    assert len(first["on"]) == len("2026-11-27")
    move_the_threshold(mini)
    assert not planned(mini).open, "moving a threshold reruns nothing, and registers nothing"
    mini.edit("seeds: 5", "seeds: 6")
    executed(mini)
    registered = [(each["claim"], each.get("seen", 0)) for each in lines(mini.evidence, "registered")]
    assert registered == [("fair", 0), ("loaded", 0), ("fair", 10), ("loaded", 10)]


def test_a_new_registration_leaves_results_that_are_reproduced_as_they_were(mini: Mini) -> None:
    executed(mini)
    before = lines(mini.evidence, "trial")
    mini.journal.unlink()
    noted = Noted()
    executed(mini, Fake(lambda task: replace(heads(task), seconds=9.0)), noted)
    assert "coin:flips: reproduced exactly" in noted.said
    assert len(lines(mini.evidence, "registered")) == 2
    mini.journal.unlink()
    move_the_threshold(mini)
    executed(mini, Fake(lambda task: replace(heads(task), seconds=9.0)), noted)
    assert noted.said.count("coin:flips: reproduced exactly") == 2
    assert lines(mini.evidence, "trial") == before
    assert [(each["claim"], each.get("seen", 0)) for each in lines(mini.evidence, "registered")][2:] == [("fair", 10)]


@pytest.mark.parametrize("what", ["journal", "evidence"])
def test_a_full_disk_ends_the_run_and_loses_nothing(mini: Mini, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    def full(*_: object) -> bool:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(task: Task) -> Done:
        if task.seeds == (4,):
            monkeypatch.setattr(os, "fsync", full) if what == "journal" else monkeypatch.setattr(
                store, "write_atomically", full
            )
        return heads(task)

    with pytest.raises(Halted) as halted:
        executed(mini, Fake(fill))
    path = mini.journal if what == "journal" else mini.evidence
    assert path.relative_to(mini.root).as_posix() in str(halted.value)
    assert "no space left on device" in str(halted.value)
    assert "run again" in str(halted.value) or "goes on" in str(halted.value)
    monkeypatch.undo()
    assert not mini.evidence.exists()
    kept = len(lines(mini.journal, "trial"))
    assert kept == (4 if what == "journal" else 10)
    run = planned(mini)
    if what == "journal":
        run.execute(Fake())
    assert not run.publish(run.unpublished)
    assert len(lines(mini.evidence, "trial")) == 10
    assert len(lines(mini.journal, "trial")) == 10, "what was kept was not run again"


@pytest.mark.parametrize("in_the_way", ["docs", "docs/evidence/coin", ".verify/journal", ".verify/journal/coin"])
def test_a_file_where_results_belong_is_found_before_anything_runs(mini: Mini, in_the_way: str) -> None:
    path = mini.root / in_the_way
    run = planned(mini)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    ((mistake,),) = run.unwritable().values()
    assert mistake.message.startswith("it cannot be written: ")
    assert mistake.file.startswith(in_the_way)


def test_a_folder_that_may_not_be_written(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    run = planned(mini)
    monkeypatch.setattr(os, "access", lambda path, _: "evidence" not in str(path))
    ((mistake,),) = run.unwritable().values()
    assert str(mistake).startswith("docs/evidence/coin: it cannot be written: permission denied")
    run.leave_out("coin")
    assert not run.jobs


def test_a_request_to_end_is_an_interrupt_unless_it_is_ignored() -> None:
    before = [signal.getsignal(each) for each in interrupts.ENDING]
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what runs in a script's background
        interrupts.take_as_interrupts()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for each, handler in zip(interrupts.ENDING, before, strict=True):
            signal.signal(each, handler)


def test_a_folder_in_the_place_of_a_journal(mini: Mini) -> None:
    mini.journal.mkdir(parents=True)
    output = mini.verify("run", expect=2)
    assert ".verify/journal/coin/flips.tiny.jsonl: this is no file" in output


@pytest.mark.parametrize(("path", "folder"), [(".verify", False), (".verify/lock", True)])
def test_something_in_the_place_of_the_lock(mini: Mini, path: str, folder: bool) -> None:
    place = mini.root / path
    place.parent.mkdir(exist_ok=True)
    place.mkdir() if folder else place.write_text("")
    with pytest.raises(UserErrors, match="cannot be written"), only_run(mini.root, lambda: None):
        pytest.fail("nothing may run")


def test_the_lock_is_free_when_a_run_has_ended(mini: Mini) -> None:
    waited: list[bool] = []
    for _ in range(2):
        with only_run(mini.root, lambda: waited.append(True)):
            pass
    assert not waited


def test_evidence_that_cannot_be_read_costs_itself(mini: Mini) -> None:
    again = CHOSEN.replace("{choose_from: flips, maximise: heads}", "0.3")
    mini.review.write_text(mini.review.read_text() + again)
    executed(mini)
    other = mini.evidence.with_name("chosen.tiny.jsonl")
    other.unlink()
    mini.evidence.write_text("garbage\n")
    run = planned(mini, missing=False)
    (mistake,) = run.publish(run.unpublished)
    assert mistake.file == "docs/evidence/coin/flips.tiny.jsonl"
    assert len(lines(other, "trial")) == 3, "the other is written"


def test_evidence_of_an_older_format_is_replaced(mini: Mini) -> None:
    mini.evidence.parent.mkdir(parents=True)
    mini.evidence.write_text(
        '{"evidence":{"version":1,"review":"coin","verification":"flips","scale":"tiny"}}\n'
        '{"trial":{"fingerprint":"0123456789abcdef","parameters":{"bias":0.5},"seed":0}}\n'
    )
    executed(mini)
    assert len(lines(mini.evidence, "trial")) == 10
    assert {each["seen"] for each in lines(mini.evidence, "registered")} == {1}, "a result was known before"


def test_what_an_experiment_says_reaches_no_terminal_as_it_is(mini: Mini) -> None:
    error = "ValueError: \x1b]0;gone\x07 \u202e\ud800 " + "x" * 1000 + "\nnext"
    said = Noted()
    run = executed(mini, Fake(lambda _: Done(error=error)), said)
    told = [each for each in said.said if "ValueError" in each]
    stored = [failure.error for _, failure in run.failures]
    assert len(told) == len(stored) == 10
    assert all("\x1b" not in each and r"\x1b]0;gone\x07 \u202e\ud800 xxx" in each for each in (*told, *stored))
    assert {len(each) for each in stored} == {300}
    assert not planned(mini).jobs["coin", "flips", "tiny"].complete


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[31m", r"a\x1b[31m"), ("é \u00a0 字\n", "é \u00a0 字\n"), ("\r\x9b", r"\r\x9b")]
)
def test_what_is_shown_for_what_a_terminal_would_obey(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_an_interrupt_waits_for_what_must_be_finished() -> None:
    done = []

    def write() -> None:
        with interrupts.undisturbed():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            done.append("written")
        done.append("never")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert done == ["written"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_in_the_middle_of_an_append_loses_nothing(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.fsync

    def interrupted(file: int) -> None:
        if lines(mini.journal, "trial"):
            signal.raise_signal(signal.SIGINT)
        write(file)

    monkeypatch.setattr(os, "fsync", interrupted)
    executor = Fake()
    with pytest.raises(KeyboardInterrupt):
        executed(mini, executor)
    assert len(executor.tasks) == 1
    assert len(lines(mini.journal, "trial")) == 1
    (job,) = planned(mini).jobs.values()
    assert job.fresh == 1


def test_results_are_added_in_the_time_they_take() -> None:
    known = Known("r", "v", "tiny")
    records = known.records
    for name in "abc":
        record = Record(name, {}, 0, {}, 1.0, "e", "c")
        known.add(Evidence("r", "v", "tiny", records=(record,), failures=(Failure("b", {}, 0, "no"),)))
    assert known.records is records, "nothing is copied"
    assert list(known.records) == ["a", "b", "c"]
    assert not known.failures, "a result counts more than a failure, whichever came first"
