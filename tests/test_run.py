"""Runs of a miniature project: what is kept, what is run again, and what is said of what went wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from importlib import metadata
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.conftest import COIN, COMMAND, Mini
from verify.model import Environment
from verify.project.lines import identified


def trials(path) -> list[dict]:  # type: ignore[no-untyped-def, type-arg]
    lines = map(json.loads, path.read_text().splitlines())
    return [line["trial"] for line in lines if "trial" in line]


def wait_for(condition, process: subprocess.Popen[str] | None = None, seconds: float = 30) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        assert process is None or process.poll() is None, "it ended too early"
        time.sleep(0.02)


def test_a_run_writes_evidence_and_the_next_has_nothing_to_do(mini: Mini) -> None:
    assert "10 trials to run: never timed before" in mini.verify("run", "--dry-run")
    output = mini.verify("run")
    assert "10 of 10 trials fresh" in output
    assert "coin:flips tiny: evidence written" in output
    assert [trial["seed"] for trial in trials(mini.evidence)] == [0, 1, 2, 3, 4] * 2
    assert mini.verify("run") == "10 of 10 trials fresh\n"
    assert "nothing to run: 10 of 10 trials fresh" in mini.due()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    time.sleep(nap)", "    # a comment\n    time.sleep(nap)"),
        ("Flip a coin a thousand times.", "Toss it."),
        ("# Coins", "# Coins\n\nMore prose."),
        ("Heads by bias.", "Another caption."),
        ("within: [0.45, 0.55]", "within: [0.4, 0.6]"),
        ("The coin is fair.", "The coin is quite fair."),
        ("summary: A coin is fair.", "summary: Coins."),
    ],
)
def test_edits_that_rerun_nothing(ran: Mini, old: str, new: str) -> None:
    ran.edit(old, new)
    assert "nothing to run" in ran.due()


@pytest.mark.parametrize(
    ("old", "new", "count", "why"),
    [
        ("range(1000)", "range(999)", 10, "code changed: toss"),
        ("bias: [0.5, 0.8]", "bias: [0.5, 0.8, 0.9]", 5, "parameter changed or added: bias 0.5 → 0.9"),
        ("seeds: 5", "seeds: 6", 2, "new seed 5"),
        ("tiny: {seeds: 5}", "tiny: {seeds: 5, nap: 0.001}", 10, "parameter changed or added: nap None → 0.001"),
    ],
)
def test_edits_that_rerun_exactly_what_they_touch(ran: Mini, old: str, new: str, count: int, why: str) -> None:
    ran.edit(old, new)
    said = ran.due()
    kept = 0 if count == 10 else 10
    assert f"{count} to run, {kept} fresh" in said
    assert f"{count} × {why}" in said
    assert "about" in said, "recorded times say how long it will take"
    ran.verify("run")
    assert "nothing to run" in ran.due()


def test_a_crash_names_the_line_and_costs_only_itself(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 3, trick: crash}")
    output = mini.verify("run", expect=1)
    assert "reviews/coin.md:24: ValueError: no such coin: 0.5" in output
    assert "failed: coin:flips tiny, seed 1 (bias=0.5, trick=crash)" in output
    log = next(line for line in output.splitlines() if line.startswith("    log: "))
    text = (mini.root / log.removeprefix("    log: ")).read_text()
    assert 'File "reviews/coin.md", line 24, in coin' in text
    assert "4 of 6 trials fresh" in output
    assert {trial["seed"] for trial in trials(mini.evidence)} == {0, 2}, "a failure is never a result"
    assert mini.evidence.read_text().count('{"failure"') == 2
    assert "1 × failed before: reviews/coin.md:24: ValueError: no such coin: 0.8" in mini.due()
    assert "4 fresh, 2 failed" in mini.verify("status")
    mini.edit('if trick == "crash" and seed == 1:', 'if trick == "never":')
    assert "6 of 6 trials fresh" in mini.verify("run")
    assert '{"failure"' not in mini.evidence.read_text()


def test_a_trial_that_is_killed_costs_only_itself(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 3, trick: die}")
    output = mini.verify("run", expect=1)
    assert "its process ended (killed by signal 9; out of memory?)" in output
    assert "4 of 6 trials fresh" in output


def test_a_trial_that_hangs_is_stopped_at_its_limit(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 3, trick: hang, time_limit: 1}")
    begun = time.monotonic()
    output = mini.verify("run", expect=1)
    assert "it took longer than its limit of 1 s" in output
    assert "4 of 6 trials fresh" in output
    assert time.monotonic() - begun < 30


def test_a_batch_that_fails_is_tried_in_halves(mini: Mini) -> None:
    mini.edit("def toss", "\ndef experiment(**options):\n    return lambda f: f\n\n\n"
              "@experiment(batch=8)\ndef many(seeds, device, *, bias):\n"
              "    return [coin(seed, device, bias=bias, trick='crash') for seed in seeds]\n\n\ndef toss")  # fmt: skip
    mini.edit("experiment: coin", "experiment: many")
    mini.edit("seeds: 5", "seeds: 4")
    output = mini.verify("run", expect=1)
    assert "trying its 4 trials in halves" in output
    assert "6 of 8 trials fresh" in output
    assert [trial["seed"] for trial in trials(mini.evidence)] == [0, 2, 3] * 2


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_finished_survives_and_the_next_run_goes_on(mini: Mini, sign: signal.Signals) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 12, nap: 0.25}")
    process = mini.start("run", "--workers", "2")
    wait_for(lambda: mini.journal.exists() and len(trials(mini.journal)) >= 3, process)
    if sign == signal.SIGINT:
        os.killpg(process.pid, sign)  # Ctrl-C reaches the workers too
    else:
        process.send_signal(sign)
    output, _ = process.communicate(timeout=30)
    if sign != signal.SIGKILL:
        assert process.returncode == 130
        assert "finished batches are kept" in output
        assert "Traceback" not in output
    kept = {trial["fingerprint"]: trial for trial in trials(mini.journal)}
    assert 3 <= len(kept) < 24
    assert not mini.evidence.exists(), "evidence is written whole or not at all"
    mini.edit("nap: 0.25", "nap: 0.25, time_limit: 9")
    assert f"{24 - len(kept)} to run, {len(kept)} fresh" in mini.due()
    assert "24 of 24 trials fresh" in mini.verify("run")
    again = {trial["fingerprint"]: trial for trial in trials(mini.evidence)}
    assert all(again[key] == trial for key, trial in kept.items()), "nothing finished was done again"


def test_evidence_lost_before_it_was_written_is_written_by_the_next_run(ran: Mini) -> None:
    content = ran.evidence.read_bytes()
    ran.evidence.unlink()
    assert "evidence written" in ran.verify("run")
    assert ran.evidence.read_bytes() == content


def test_three_runs_at_once_share_the_work(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 5, nap: 0.6}")
    first = mini.start("run")
    wait_for(lambda: mini.journal.exists(), first)
    others = [mini.start("run"), mini.start("run")]
    outputs = [process.communicate(timeout=60)[0] for process in (first, *others)]
    assert [process.returncode for process in (first, *others)] == [0, 0, 0], outputs
    for second in outputs[1:]:
        assert "another `verify run` is at work in this project; waiting for it" in second
        assert second.endswith("10 of 10 trials fresh\n")
        assert "begun" not in second
    assert len(trials(mini.journal)) == 10


def test_committed_evidence_counts_only_if_asked(ran: Mini) -> None:
    shutil.rmtree(ran.root / ".verify")
    before = ran.evidence.read_bytes()
    assert "10 to run, 0 fresh" in ran.due()
    assert "0 to run, 10 fresh" in ran.verify("run", "--missing", "--dry-run")
    ran.edit("seeds: 5", "seeds: 6")
    assert "2 to run, 10 fresh" in ran.verify("run", "--missing", "--dry-run")
    ran.edit("seeds: 6", "seeds: 5")
    output = ran.verify("run")
    assert "coin:flips tiny: reproduced exactly" in output
    assert ran.evidence.read_bytes() == before, "the same values: the first recording stays"


def use_torch(project: Mini) -> None:
    """Let the coin need torch."""
    project.edit("import random\n", "import random\nimport torch\n")
    project.edit("    time.sleep(nap)\n", "    time.sleep(nap)\n    torch.manual_seed(seed)\n")


def recorded_under(path: Path, **changes: str) -> None:
    """Let all that a file holds be recorded under another device or another torch."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    environment = msgspec.convert(next(line["environment"] for line in lines if "environment" in line), Environment)
    versions = {**environment.versions, **{name: changes[name] for name in changes if name == "torch"}}
    other = identified(replace(environment, versions=versions, device=changes.get("device", environment.device)))
    for line in lines:
        if "environment" in line:
            line["environment"] = msgspec.to_builtins(other)
        if "trial" in line:
            line["trial"]["environment"] = other.id
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def test_trials_that_are_compared_share_one_torch_and_one_device(mini: Mini) -> None:
    use_torch(mini)
    mini.verify("run")
    for path in (mini.evidence, mini.journal):
        recorded_under(path, torch="0.2")
    assert "10 of 10 trials fresh" in mini.verify("run"), "an upgrade alone reruns nothing"
    assert "torch 0.2" in mini.verify("status")
    mini.edit("seeds: 5", "seeds: 6")
    said = mini.due()
    assert "12 to run, 0 fresh" in said
    assert "10 × recorded under torch 0.2 on cpu: trials that are compared share both" in said
    assert "12 trials on" in mini.verify("run"), "with a new seed, all are run on the torch of today"
    for path in (mini.evidence, mini.journal):
        recorded_under(path, device="cuda")
    assert "nothing to run" in mini.due()
    assert "12 to run, 0 fresh" in mini.verify("run", "--dry-run", "--device", "cpu")


def test_code_without_torch_runs_on_the_processor_whatever_is_asked_for(ran: Mini) -> None:
    assert '"torch"' not in ran.evidence.read_text()
    assert "nothing to run" in ran.verify("run", "--dry-run", "--device", "mps")
    ran.edit("seeds: 5", "seeds: 6")
    assert "12 of 12 trials fresh" in ran.verify("run", "--device", "mps")
    assert {line["environment"]["device"] for line in map(json.loads, ran.journal.read_text().splitlines())
            if "environment" in line} == {"cpu"}  # fmt: skip


def test_a_parameter_is_chosen_by_another_verification(mini: Mini) -> None:
    mini.edit(
        "```yaml verify\nid: flips",
        "```yaml verify\nid: sweep\nexperiment: coin\ngrid: {bias: [0.2, 0.4, 0.6]}\n"
        "scales:\n  tiny: {seeds: 3}\n```\n\n"
        "```yaml verify\nid: chosen\nexperiment: coin\n"
        "parameters: {bias: {choose_from: sweep, maximise: heads}, nap: 0.001}\nscales:\n  tiny: {seeds: 3}\n```\n\n"
        "```yaml verify\nid: flips",
    )
    assert "coin:chosen tiny: waits for sweep" in mini.verify("run", "coin:chosen", "--dry-run")
    mini.verify("run", "coin:chosen")
    chosen = mini.root / "docs" / "evidence" / "coin" / "chosen.tiny.jsonl"
    assert [trial["parameters"]["bias"] for trial in trials(chosen)] == [0.6] * 3
    assert not mini.evidence.exists(), "only what was asked for, and what it needs"
    mini.edit("[0.2, 0.4, 0.6]", "[0.2, 0.4]")
    mini.verify("run", "coin:chosen")
    assert [trial["parameters"]["bias"] for trial in trials(chosen)] == [0.4] * 3


def test_what_waits_for_a_failed_choice_is_said(mini: Mini) -> None:
    mini.edit(
        "```yaml verify\nid: flips",
        "```yaml verify\nid: sweep\nexperiment: coin\ngrid: {bias: [0.2, 0.3]}\n"
        "scales:\n  tiny: {seeds: 3, trick: crash}\n```\n\n"
        "```yaml verify\nid: chosen\nexperiment: coin\n"
        "parameters: {bias: {choose_from: sweep, maximise: heads}}\nscales:\n  tiny: {seeds: 3}\n```\n\n"
        "```yaml verify\nid: flips",
    )
    output = mini.verify("run", "coin:chosen", expect=1)
    assert "coin:chosen tiny: waits for sweep, which chooses its parameters" in output


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("run", "coyn"), "there is no review 'coyn'", "did you mean 'coin'?"),
        (("run", "coin:flip"), "review 'coin' has no verification 'flip'", "did you mean 'flips'?"),
        (("verdicts", "dice"), "there is no review 'dice'", "known: coin"),
    ],
)
def test_unknown_names(mini: Mini, arguments: tuple[str, ...], message: str, hint: str) -> None:
    output = mini.verify(*arguments, expect=2)
    assert message in output
    assert hint in output


def test_all_unknown_names_are_reported_at_once(mini: Mini) -> None:
    output = mini.verify("run", "coyn", "coin:flip", expect=2)
    assert "'coyn'" in output
    assert "'flip'" in output
    assert "2 mistakes" in output


def test_names_may_be_paths(mini: Mini) -> None:
    assert "10 to run" in mini.verify("run", "reviews/coin.md", "--dry-run")


def test_a_folder_that_is_no_project(mini: Mini) -> None:
    output = mini.verify("--project", "/", "status", expect=2)
    assert "this folder is in no project" in output


def test_a_device_that_is_not_here(mini: Mini) -> None:
    use_torch(mini)
    output = mini.verify("run", "--device", "mps", expect=2)
    assert "mps" in output
    assert "--device auto" in output


def test_mistakes_of_all_files_are_reported_and_none_runs(mini: Mini) -> None:
    (mini.root / "reviews" / "other.md").write_text(COIN.replace("experiment: coin", "experiment: coyn"))
    mini.edit("seeds: 5", "seeds: 0")
    output = mini.verify("run", expect=2)
    assert "reviews/coin.md:" in output
    assert "reviews/other.md:" in output
    assert "did you mean 'coin'?" in output
    assert "Traceback" not in output
    assert not mini.journal.exists()


def test_a_review_that_is_not_utf8(mini: Mini) -> None:
    mini.review.write_bytes(COIN.encode().replace(b"# Coins", b"# Co\xffins"))
    assert "reviews/coin.md:10: it is not UTF-8" in mini.verify("status", expect=2)


def test_a_corrupt_cache_is_made_anew(ran: Mini) -> None:
    (ran.root / ".verify" / "cache" / "reviews.json").write_text("{")
    assert "10 of 10 trials fresh" in ran.verify("run")


def test_evidence_with_a_conflict_is_a_users_mistake(ran: Mini) -> None:
    ran.evidence.write_text("<<<<<<< HEAD\n" + ran.evidence.read_text())
    output = ran.verify("refresh", expect=2)
    assert "docs/evidence/coin/flips.tiny.jsonl:1: this is a conflict that git left" in output


def test_a_choice_that_cannot_be_made_is_said_and_stops_nothing_else(mini: Mini) -> None:
    mini.edit(
        "```yaml verify\nid: flips",
        "```python verify\ndef lost(seed: int, device: str, *, lr: float) -> dict:\n    return {'v': float('nan')}\n"
        "```\n\n```yaml verify\nid: sweep\nexperiment: lost\ngrid: {lr: [0.2, 0.3]}\n"
        "scales:\n  tiny: {seeds: 3}\n```\n\n```yaml verify\nid: chosen\nexperiment: lost\n"
        "parameters: {lr: {choose_from: sweep, minimise: v}}\nscales:\n  tiny: {seeds: 3}\n```\n\n"
        "```yaml verify\nid: flips",
    )
    output = mini.verify("run", expect=1)
    assert "coin:chosen tiny: cannot run: 'sweep' has no record to choose lr from" in output
    assert mini.evidence.exists()
    assert "waits for a choice" in mini.verify("status")
    mini.verify("refresh")
    assert "cannot run" in mini.verify("run", "--dry-run")


def test_a_scale_that_is_not_declared(mini: Mini) -> None:
    output = mini.verify("run", "--scale", "full", expect=2)
    assert "nothing that was asked for is declared at scale full" in output
    assert "declared are: tiny" in output


def test_more_trials_than_anyone_means(mini: Mini) -> None:
    mini.edit("seeds: 5", "seeds: 100000000000")
    output = mini.verify("status", expect=2)
    assert "scale tiny is 200,000,000,000 trials" in output
    assert "at most 100,000" in output


def test_a_review_in_a_folder_of_reviews(mini: Mini) -> None:
    (mini.root / "reviews" / "sub").mkdir()
    (mini.root / "reviews" / "sub" / "x.md").write_text(COIN)
    output = mini.verify("status", expect=2)
    assert "reviews/sub/x.md: a review stands directly in reviews/" in output
    assert "move it up" in output


@pytest.mark.parametrize("value", ["-" * 20000 + "1", "+".join(["1"] * 3000)])
def test_code_that_is_nested_too_deeply(mini: Mini, value: str) -> None:
    mini.edit("def toss(", f"DEEP = {value}\n\n\ndef toss(")
    mini.edit("return sum(", "return DEEP * sum(")
    output = mini.verify("status", expect=2)
    assert "reviews/coin.md" in output
    assert "nested too deeply" in output or "maximum recursion depth" in output


def test_two_experiments_of_one_name(mini: Mini) -> None:
    mini.edit("def toss(", "def coin(seed: int, device: str) -> dict:\n    return {}\n\n\ndef toss(")
    output = mini.verify("status", expect=2)
    assert "two experiments are called 'coin'" in output
    assert "the first stands in line 20" in output


def test_a_journal_with_a_bad_line_says_how_to_mend_it(ran: Mini) -> None:
    lines = ran.journal.read_text().splitlines(keepends=True)
    ran.journal.write_text("".join([*lines[:4], "garbage\n", *lines[4:]]))
    output = ran.verify("status", expect=2)
    assert ".verify/journal/coin/flips.tiny.jsonl:5: this line is not one of an evidence file" in output
    assert "delete this line" in output


def test_an_old_failure_of_a_trial_that_is_gone_does_not_rewrite_evidence(ran: Mini) -> None:
    before = ran.evidence.read_bytes()
    first = trials(ran.evidence)
    ran.edit("tiny: {seeds: 5}", "tiny: {seeds: 3, trick: crash}")
    ran.verify("run", expect=1)
    ran.evidence.write_bytes(before)
    ran.edit("tiny: {seeds: 3, trick: crash}", "tiny: {seeds: 5}")
    lines = ran.journal.read_text().splitlines(keepends=True)
    ran.journal.write_text("".join(line for line in lines if '"seed":4' not in line))
    assert "coin:flips tiny: reproduced exactly" in ran.verify("run")
    assert trials(ran.evidence) == first, "seconds and all: only registrations are added"
    assert ran.evidence.read_text().count('{"registered"') == 6


def test_code_that_cannot_be_loaded_is_told_once_with_its_line(mini: Mini) -> None:
    mini.edit("import random\n", "import random\nimport nothing_like_it\n")
    output = mini.verify("run", expect=1)
    message = "reviews/coin.md:17: the code of 'coin' cannot be loaded: ModuleNotFoundError: No module named "
    message += "'nothing_like_it'"
    assert f"coin:flips tiny: stopped: {message}\n" in output
    assert output.count("ModuleNotFoundError") == 2, "when it stops, and at the end"
    assert output.endswith("0 of 10 trials fresh\n")
    assert '"failure"' not in mini.journal.read_text()


def test_packages_that_are_missing_are_told_in_one_message_and_others_run(mini: Mini) -> None:
    for name, needs in (("other", "[nothing-like-it>=2, pytest>=999]"), ("third", "[nothing-like-it>=2]")):
        text = COIN.replace("tags: [coins]", f"tags: [coins]\npackages: {needs}").replace("A coin", f"A {name} coin")
        (mini.root / "reviews" / f"{name}.md").write_text(text)
    for options in (("run", "--dry-run"), ("run",)):
        output = mini.verify(*options, expect=2)
        assert (
            "left out: other, third: packages are not installed: nothing-like-it>=2 for other, third; pytest>=999"
            in output
        )
        assert f"for other ({metadata.version('pytest')} is installed)" in output
        assert "-m pip install 'nothing-like-it>=2' 'pytest>=999'" in output
    assert "coin:flips tiny: evidence written" in output
    assert not (mini.root / ".verify" / "journal" / "other").exists()


def test_a_disk_that_is_full_is_a_message_and_the_next_run_goes_on(mini: Mini) -> None:
    mini.verify("status")  # what is parsed is kept, and not again
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2500, -1)); {COMMAND[2]}"
    done = subprocess.run(
        [*COMMAND[:2], limited, "run"], cwd=mini.root, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1, done
    assert ".verify/journal/coin/flips.tiny.jsonl: results cannot be kept: file too large" in done.stderr
    assert "`verify run` goes on from there" in done.stderr
    assert "Traceback" not in done.stderr
    kept = trials(mini.journal)
    assert 0 < len(kept) < 10
    assert "10 of 10 trials fresh" in mini.verify("run")
    assert trials(mini.journal)[: len(kept)] == kept


def test_a_pipe_is_told_what_begins_before_anything_has_ended(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 1, nap: 30}")
    process = mini.start("run")
    assert process.stdout is not None
    assert process.stdout.readline() == "2 trials on 2 workers\n"
    assert process.stdout.readline() == "begun: coin:flips\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
