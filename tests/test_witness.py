"""The journal as a witness: what was run here is held against what the evidence says of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import miniature
from tests.conftest import Mini
from verify.model import Evidence, Record
from verify.project.lines import identified
from verify.project.project import Project
from verify.running import witness

HERE = miniature.MACHINE
OTHER = identified(replace(HERE, device="cuda", machine="Card"))


def record(seed: int = 0, environment: str = HERE.id, **values: float | tuple[float, ...]) -> Record:
    return Record(f"f{seed}", {"bias": 0.5}, seed, values, 0.1, environment, "c", data="d" * 64)


def holding(*records: Record) -> Evidence:
    machines = {each.id: each for each in (HERE, OTHER)}
    return Evidence("coin", "tosses", "tiny", machines, {"c": {}}, records)


def forge(path: Path, seed: int = 1, **values: object) -> None:
    """Change values of the first trial with `seed` in a file, and nothing else."""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        found = json.loads(line)
        if "trial" in found and found["trial"]["seed"] == seed:
            found["trial"]["values"].update(values)
            lines[number] = json.dumps(found, separators=(",", ":"))
            break
    else:
        raise AssertionError("no such trial")
    path.write_text("\n".join(lines) + "\n")


# --- what differs


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        (record(heads=0.5), record(heads=0.5), []),
        (record(heads=0.5), replace(record(heads=0.5), seconds=9.0, environment=OTHER.id), []),
        (record(heads=0.5), record(heads=0.51), [("heads", 0.5, 0.51)]),
        (record(heads=0.5), record(heads=0.5, tails=0.5), [("tails", None, 0.5)]),
        (record(heads=0.5, tails=0.5), record(heads=0.5), [("tails", 0.5, None)]),
        (record(curve=(1.0, 2.0)), record(curve=(1.0, 3.0)), [("curve", (1.0, 2.0), (1.0, 3.0))]),
        (record(heads=0.5), replace(record(heads=0.5), data=""), [("data", "d" * 64, None)]),
        (record(heads=0.5), replace(record(heads=0.5), diverged=True), [("diverged", False, True)]),
        (record(seed=1, heads=0.5), record(seed=2, heads=0.6), []),
    ],
)
def test_each_value_that_differs_is_found(here: Record, there: Record, expected: list[tuple[object, ...]]) -> None:
    found = witness.compare(holding(here), holding(there))
    assert [(each.name, each.here, each.there) for each in found] == expected


def told(tmp_path: Path, here: list[Record], there: list[Record]) -> str:
    project = Project(tmp_path, [])
    return "\n".join(map(str, witness.told(project, witness.compare(holding(*here), holding(*there)))))


def test_a_difference_is_told_with_both_numbers_and_its_trial(tmp_path: Path) -> None:
    said = told(tmp_path, [record(heads=0.5, tails=0.123456)], [record(heads=0.5125, tails=0.123456)])
    assert said.splitlines() == [
        "docs/evidence/coin/tosses.tiny.jsonl: 1 value of 1 trial is not what was run here",
        "    here  evidence  value",
        "     0.5    0.5125  heads, seed 0 (bias=0.5)",
        "    restore the evidence with git, or delete",
        "    .verify/journal/coin/tosses.tiny.jsonl and run again",
    ]


def test_other_machines_are_named(tmp_path: Path) -> None:
    said = told(tmp_path, [record(heads=0.5)], [record(environment=OTHER.id, heads=0.6)])
    assert "    here: torch 2.13.0, cpu, Test & Co. <b>9000</b>\n    evidence: torch 2.13.0, cuda, Card\n" in said
    assert "evidence: torch" not in told(tmp_path, [record(heads=0.5)], [record(heads=0.6)])


def test_of_a_curve_the_first_point_that_differs_is_told(tmp_path: Path) -> None:
    assert "2       2.5  curve[1], seed 0" in told(
        tmp_path, [record(curve=(1.0, 2.0, 3.0))], [record(curve=(1.0, 2.5, 3.0))]
    )
    said = told(tmp_path, [record(curve=(1.0, 2.0, 3.0))], [record(curve=(0.5, 2.5, 3.5))])
    assert "1       0.5  curve[0] and 2 more points, seed 0" in said
    said = told(tmp_path, [record(curve=(1.0, 2.0, 3.0))], [record(curve=(1.0,))])
    assert "3 points   1 point  curve, seed 0" in said


def test_what_is_no_number_is_told(tmp_path: Path) -> None:
    there = replace(record(tails=1.0), data="e" * 64, diverged=True)
    said = told(tmp_path, [record(heads=0.5)], [there])
    for row in ("none             1  tails", "0.5          none  heads", "dddddddddddd  eeeeeeeeeeee  data",
                "no           yes  diverged"):  # fmt: skip
        assert row in said
    assert "4 values of 1 trial are not what was run here" in said


def test_of_many_differences_the_first_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    many = range(50)
    said = told(tmp_path, [record(seed, heads=0.5) for seed in many], [record(seed, heads=0.6) for seed in many])
    assert "50 values of 50 trials are not what was run here" in said
    assert said.count("heads, seed") == witness.SHOWN
    assert "and 30 more values" in said


def test_the_rest_is_counted_over_several_files(tmp_path: Path) -> None:
    here, there = [record(n, heads=0.5) for n in range(19)], [record(n, heads=0.6) for n in range(19)]
    found = witness.compare(holding(*here), holding(*there))
    others = [replace(each, scale="small") for each in found]
    more = [replace(each, scale="full") for each in found]
    first, second, third = map(str, witness.told(Project(tmp_path, []), [*found, *others, *more]))
    assert [each.count("heads, seed") for each in (first, second, third)] == [19, 1, 0]
    assert "and 18 more values" in second
    assert "and 19 values" in third


def test_rows_fit_into_eighty_columns(tmp_path: Path) -> None:
    long = {f"a_rather_long_parameter_{number}": 0.123456 for number in range(4)}
    here = replace(record(a_rather_long_name_of_a_metric=-1.23456e-05), parameters=long)
    there = replace(record(a_rather_long_name_of_a_metric=-1.23457e-05), parameters=long)
    said = told(tmp_path, [here], [there])
    assert "-1.23456e-05  -1.23457e-05  a_rather_long_name_of_a_metric, seed 0" in said
    assert max(map(len, said.splitlines()[1:])) <= 80


# --- every command that looks


@pytest.mark.parametrize("command", ["run", "verdicts", "check"])
def test_a_value_changed_in_the_evidence_is_named(ran: Mini, command: str) -> None:
    assert "not what was run here" not in ran.verify(command)
    forge(ran.evidence, heads=0.999)
    content = ran.evidence.read_bytes()
    said = ran.verify(command, expect=1)
    assert "docs/evidence/coin/flips.tiny.jsonl: 1 value of 1 trial is not what was run here" in said
    assert "     0.999  heads, seed 1 (bias=0.5)" in said
    assert "or delete\n    .verify/journal/coin/flips.tiny.jsonl and run again" in said
    assert ran.evidence.read_bytes() == content, "what was run earlier overwrites nothing"


@pytest.mark.parametrize("command", ["run", "verdicts", "check"])
def test_where_nothing_was_run_there_is_no_witness(ran: Mini, command: str) -> None:
    forge(ran.evidence, heads=0.5)
    ran.verify("refresh")
    ran.journal.unlink()
    arguments = ("--missing",) if command == "run" else ()
    assert "not what was run here" not in ran.verify(command, *arguments)


def test_what_was_run_earlier_overwrites_nothing_where_trials_are_missing_too(ran: Mini) -> None:
    forge(ran.evidence, heads=0.999)
    lines = ran.evidence.read_text().splitlines(keepends=True)
    ran.evidence.write_text("".join(lines[:-1]))
    content = ran.evidence.read_bytes()
    said = ran.verify("run", expect=1)
    assert "coin:flips tiny: not written: it would replace values that were not run now" in said
    assert "     0.999  heads, seed 1 (bias=0.5)" in said
    assert ran.evidence.read_bytes() == content


def test_what_is_run_now_is_written_and_named(ran: Mini) -> None:
    forge(ran.evidence, heads=0.999)
    ran.journal.unlink()
    said = ran.verify("run", expect=1)
    assert "coin:flips tiny: evidence written" in said
    assert "1 value of 1 trial is not what was run here" in said
    assert "     0.999  heads, seed 1 (bias=0.5)" in said
    assert "the evidence now holds what was run here: keep it, or restore the file" in said
    assert '"heads":0.999' not in ran.evidence.read_text()
    assert "not what was run here" not in ran.verify("run")


def test_a_new_seed_writes_the_file_anew_and_names_what_it_replaced(ran: Mini) -> None:
    forge(ran.evidence, heads=0.999)
    ran.edit("seeds: 5", "seeds: 6")
    said = ran.verify("run", expect=1)
    assert "12 of 12 trials fresh" in said
    assert "     0.999  heads, seed 1 (bias=0.5)" in said
    assert "the evidence now holds what was run here" in said
    assert '"heads":0.999' not in ran.evidence.read_text()


def test_check_ends_with_one_even_if_there_are_mistakes_too(ran: Mini) -> None:
    forge(ran.evidence, heads=0.999)
    (ran.root / "reviews" / "bad.md").write_text("no review\n")
    said = ran.verify("check", expect=1)
    assert "reviews/bad.md" in said
    assert "not what was run here" in said


def test_a_line_that_is_no_result_is_told_by_whoever_reads_it(ran: Mini) -> None:
    ran.evidence.write_text(ran.evidence.read_text().replace('"values":{', '"values":3,"x":{', 1))
    said = ran.verify("verdicts", expect=2)
    assert "docs/evidence/coin/flips.tiny.jsonl:" in said
    assert "this line is not one of an evidence file" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("where", ["docs/evidence", ".verify/journal"])
def test_a_run_tells_once_what_cannot_be_compared(ran: Mini, where: str) -> None:
    path = ran.root / where / "coin" / "flips.tiny.jsonl"
    path.write_text(path.read_text().replace('"values":{', '"values":3,"x":{', 1))
    said = ran.verify("run", expect=2)
    assert said.count(f"{where}/coin/flips.tiny.jsonl:") == 1
    assert "this line is not one of an evidence file" in said
    assert "10 of 10 trials fresh" in said
    assert "Traceback" not in said


# --- what stands in the way of a comparison


PLACES = [
    (".verify", ".verify: this is no folder"),
    (".verify/journal", ".verify/journal: this is no folder"),
    (".verify/journal/coin", ".verify/journal/coin: this is no folder"),
    (".verify/journal/coin/flips.tiny.jsonl", ".verify/journal/coin/flips.tiny.jsonl: this is no file"),
    ("docs/evidence/coin", "docs/evidence/coin: this is no folder"),
    ("docs/evidence/coin/flips.tiny.jsonl", "docs/evidence/coin/flips.tiny.jsonl: this is no file"),
]


@pytest.mark.parametrize(("place", "message"), PLACES)
def test_what_stands_in_the_place_of_records_is_named(ran: Mini, place: str, message: str) -> None:
    path = ran.root / place
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("in the way")
    else:
        path.unlink()
        path.mkdir()
    for command in ("verdicts", "check"):
        said = ran.verify(command, expect=2)
        assert message in said
        assert "move it away" in said
        assert "0 verdicts" not in said, "nothing is known, which is not to say that nothing was run"
        assert "Traceback" not in said
