"""What is stored survives what happens to files, and the same records give the same bytes."""

from __future__ import annotations

import errno
import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from verify import model
from verify.errors import UserError
from verify.model import Criterion, Environment, Evidence, Failure, Record, Registration, Trial, Verdict
from verify.planning.plan import fingerprint
from verify.project import lines, store
from verify.project.lines import identified

ENVIRONMENT = identified(Environment("", "cpu", "a processor", 2, "Linux x86_64", {"python": "3.11"}, "abc"))
CODE = ("c1", {"m:f": "aa"})
OF: lines.Place = ("r", "v", "tiny")
COMMITTED, KEPT = "docs/evidence/r/v.tiny.jsonl", ".verify/journal/r/v.tiny.jsonl"
REGISTERED = Registration("c", "2026-11-27", model.Test("error", Criterion(high=0.5), where={"lr": 0.1}), 5, seen=3)


def record(seed: int, error: float = 0.5, **changes: object) -> Record:
    fields = {"environment": ENVIRONMENT.id, "code": "c1", "seconds": 1.5, **changes}
    found = Record("", {"lr": 0.1}, seed, {"error": error, "curve": (1.0, 2.0)}, **fields)  # type: ignore[arg-type]
    return replace(found, fingerprint=fingerprint("tiny", found))


def trial(seed: int) -> Trial:
    return Trial("r", "v", "tiny", "f", {"lr": 0.1}, seed, record(seed).fingerprint, "c1")


def failure(seed: int) -> Failure:
    return Failure(record(seed).fingerprint, {"lr": 0.1}, seed, "error")


@pytest.fixture
def journal(tmp_path: Path) -> store.Journal:
    return store.Journal(tmp_path / "deep" / "v.tiny.jsonl", Evidence("r", "v", "tiny"), KEPT)


def load(journal: store.Journal) -> Evidence:
    found = store.read(journal.path, KEPT, OF)
    assert found is not None
    return found


def evidence_of(*records: Record) -> bytes:
    """An evidence file of these records."""
    known = Evidence(*OF, {ENVIRONMENT.id: ENVIRONMENT}, dict([CODE]), records, (), (REGISTERED,))
    return store.encode(known, [trial(each.seed) for each in records])


def refused(path: Path, content: bytes, name: str = COMMITTED) -> UserError:
    """The mistake in a file of this content."""
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        store.read(path, name, OF)
    return error.value


def test_what_is_appended_is_read(journal: store.Journal) -> None:
    journal.append(registered=[REGISTERED])
    journal.append(ENVIRONMENT, CODE, [record(1)])
    journal.append(ENVIRONMENT, CODE, [record(2)], [failure(3)])
    found = load(journal)
    assert (found.review, found.verification, found.scale) == OF
    assert found.records == (record(1), record(2))
    assert found.failures == (failure(3),)
    assert found.environments == {ENVIRONMENT.id: ENVIRONMENT}
    assert found.codes == {"c1": {"m:f": "aa"}}
    assert found.registered == (REGISTERED,)
    assert store.fingerprints(journal.path) == {record(1).fingerprint, record(2).fingerprint}
    assert journal.path.read_bytes().count(b'{"environment"') == 1


def test_the_last_result_of_a_trial_counts(journal: store.Journal) -> None:
    journal.append(ENVIRONMENT, CODE, records=[record(1, 0.5)], failures=[failure(2)])
    journal.append(records=[record(1, 0.4), record(2)])
    found = load(journal)
    assert [r.number("error") for r in found.records] == [0.4, 0.5]
    assert not found.failures


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_dropped_and_the_journal_goes_on(journal: store.Journal, cut: int) -> None:
    journal.append(ENVIRONMENT, CODE, [record(1), record(2)])
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[:-cut])
    assert load(journal).records == (record(1),)
    assert store.fingerprints(journal.path) == {record(1).fingerprint}
    journal.append(records=[record(3)])
    assert load(journal).records == (record(1), record(3))


def test_a_missing_file_holds_nothing(tmp_path: Path) -> None:
    assert store.read(tmp_path / "none.jsonl", "none", OF) is None
    assert store.fingerprints(tmp_path / "none.jsonl") == set()


HEADER = b'{"evidence":{"version":2,"verification":"v","scale":"tiny"}}\n'


@pytest.mark.parametrize(
    ("content", "line", "message", "hint"),
    [
        (b'{"trial":{}}\n', 1, "not one of an evidence file", "restore it with git"),
        (b"<<<<<<< HEAD\n", 1, "this is a conflict that git left", "restore it with git"),
        (HEADER + b"<<<<<<< HEAD\n", 2, "this is a conflict that git left", "restore it with git"),
        (HEADER + b'{"trial":{"fingerprint":7}}\n', 2, "Expected `str`, got `int`", "restore it with git"),
        (HEADER + b"\n" + HEADER, 2, "not one of an evidence file", "restore it with git"),
        (HEADER + HEADER, 2, "this line says again what the file is of", "restore it with git"),
        (HEADER + b"{}\n", 2, "this line says nothing", "restore it with git"),
        (HEADER + b'{"trial":{"finger', 2, "its last line is cut off", "restore it with git"),
        (b'{"evidence":{"version":9,"verification":"v","scale":"tiny"}}\n', 1, "version 9", "make clean"),
        (b'{"evidence":{"version":9}}\n', 1, "version 9", "make clean"),
        (b'{"evidence":{"version":9}}\n{"what":1}\n', 1, "version 9", "make clean"),
        (b"", 1, "does not say what it is evidence of", "git checkout"),
        (b'{"evidence":{"version":"2","verification":"v"}}\n', 1, "not one of an evidence file", "restore it with git"),
        (b'{"trial":"\xff"}\n', 1, "not one of an evidence file", "restore it with git"),
        (b"[" * 100_000 + b"\n", 1, "not one of an evidence file", "restore it with git"),
        (b'{"trial":' + b"[" * 100_000 + b"\n", 1, "not one of an evidence file", "restore it with git"),
    ],
)
def test_a_file_that_is_not_evidence(tmp_path: Path, content: bytes, line: int, message: str, hint: str) -> None:
    error = refused(tmp_path / "v.tiny.jsonl", content)
    assert message in error.message
    assert hint in error.hint
    assert (error.file, error.line) == (COMMITTED, line)
    assert not isinstance(error, lines.OlderFormat)


def test_a_file_of_an_older_format_is_told_apart_from_a_wrong_one(tmp_path: Path) -> None:
    content = b'{"evidence":{"version":1,"review":"r","verification":"v","scale":"tiny"}}\n{"trial":{"a":1}}\n'
    error = refused(tmp_path / "v.tiny.jsonl", content)
    assert isinstance(error, lines.OlderFormat)
    assert str(error) == (
        f"{COMMITTED}:1: its format is version 1; this program reads version 2\n    rerun it: `verify run`"
    )


def test_a_journal_of_an_older_format_begins_anew(journal: store.Journal) -> None:
    journal.path.parent.mkdir()
    journal.path.write_bytes(b'{"evidence":{"version":1,"review":"r","verification":"v","scale":"tiny"}}\n{"x":1}\n')
    journal.append(ENVIRONMENT, CODE, [record(1)])
    journal.append(ENVIRONMENT, CODE, [record(2)])
    assert load(journal).records == (record(1), record(2))


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (("r", "v", "small"), "it says to be of 'v' at tiny, and lies where 'v' at small is"),
        (("r", "w", "tiny"), "it says to be of 'v' at tiny, and lies where 'w' at tiny is"),
    ],
)
@pytest.mark.parametrize(("name", "hint"), [(COMMITTED, "restore it with git"), (KEPT, "delete this file")])
def test_a_header_of_another_place_is_refused(tmp_path: Path, of: lines.Place, says: str, name: str, hint: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(evidence_of(record(1)))
    with pytest.raises(UserError) as error:
        store.read(path, name, of)
    assert (error.value.message, error.value.line) == (says, 1)
    assert hint in error.value.hint


def test_a_review_that_is_renamed_keeps_its_evidence(tmp_path: Path) -> None:
    path = tmp_path / "v.tiny.jsonl"
    path.write_bytes(evidence_of(record(1)))
    found = store.read(path, "docs/evidence/renamed/v.tiny.jsonl", ("renamed", "v", "tiny"))
    assert found is not None
    assert (found.review, found.records) == ("renamed", (record(1),))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seed":2', b'"seed":9'),
        (b'"lr":0.1},"seed":2', b'"lr":0.2},"seed":2'),
        (b'"scale":"tiny"', b'"scale":"full"'),
    ],
)
def test_a_record_of_another_trial_than_its_fingerprint_is_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = tmp_path / "v.tiny.jsonl"
    path.write_bytes(evidence_of(record(1), record(2)).replace(old, new))
    with pytest.raises(UserError) as error:
        store.read(path, COMMITTED, ("r", "v", "full" if b"full" in new else "tiny"))
    assert "is of another trial: its parameters, seed and code give " in error.value.message
    assert error.value.line == (5 if b"full" in new else 6)


def test_a_trial_that_stands_in_an_evidence_file_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.tiny.jsonl"
    content = evidence_of(record(1))
    twice = content + content.splitlines(keepends=True)[-1].replace(b"0.5", b"0.4")
    error = refused(path, twice)
    assert (error.message, error.line) == (f"trial {record(1).fingerprint} stands here twice", 6)
    assert store.read(path, KEPT, OF) is not None, "in a journal the later result counts"
    failed = content + lines.encode([lines.Line(failure=failure(1))])
    assert refused(path, failed).message == f"trial {record(1).fingerprint} stands here twice"


def test_a_test_that_is_registered_twice_in_an_evidence_file_is_refused(tmp_path: Path) -> None:
    path, line = tmp_path / "v.tiny.jsonl", lines.encode([lines.Line(registered=REGISTERED)])
    content = evidence_of(record(1)).replace(line, b"") + line
    path.write_bytes(content)
    assert store.read(path, KEPT, OF) is not None, "once"
    error = refused(path, content + line)
    assert (error.message, error.line) == ("this test is registered here twice", content.count(b"\n") + 1)
    assert store.read(path, KEPT, OF) is not None, "a journal may say it again"
    later = content + lines.encode([lines.Line(registered=replace(REGISTERED, on="2026-11-28"))])
    path.write_bytes(later)
    assert len(store.read(path, "v.tiny.jsonl", OF).registered) == 2, "a test that was registered anew"  # type: ignore[union-attr]


def test_an_environment_that_is_not_what_its_id_says_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path / "f", evidence_of(record(1)).replace(b"a processor", b"a faster one"))
    assert f"environment '{ENVIRONMENT.id}' is not what it says: its fields give " in error.message
    assert error.line == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"2026-11-27", b"20261127", "'20261127' is no date such as 2026-11-27"),
        (b"2026-11-27", b"yesterday", "'yesterday' is no date such as 2026-11-27"),
        (b'"seen":3', b'"seen":-3', "a test is registered with one seed or more, and after zero trials or more"),
        (b'"seeds":5', b'"seeds":0', "a test is registered with one seed or more, and after zero trials or more"),
        (b'"criterion":{"high":0.5}', b'"criterion":{}', "no review can declare the test that is registered here"),
        (b'"where":{', b'"statistic":"luck","where":{', "no review can declare the test that is registered here"),
        (b'}},"seeds"', b'},"spans":[[0.0,1.0]]},"seeds"', "no review can declare the test that is registered here"),
        (b'}},"seeds"', b'},"form":"x"},"seeds"', "no review can declare the test that is registered here"),
    ],
)
def test_a_registration_that_cannot_be(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    error = refused(tmp_path / "f", evidence_of(record(1)).replace(old, new))
    assert (error.message, error.line) == (message, 4)


@pytest.mark.parametrize("seconds", [b"-1.5", b"1e308", b"1000000000.0"])
def test_a_time_that_no_trial_takes_is_refused(tmp_path: Path, seconds: bytes) -> None:
    error = refused(tmp_path / "f", evidence_of(record(1)).replace(b'"seconds":1.5', b'"seconds":' + seconds))
    said = f"record {record(1).fingerprint} is said to have taken {float(seconds):g} seconds"
    assert (error.message, error.line) == (said, 5)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b'"seconds":1.5', b'"seconds":1.5,"note":"supported"'),
        lambda line: line.replace(b'"error":0.5', b'"error":0.9,"error":0.5'),
        lambda line: line.replace(b'"error":0.5', b'"error":5e-1'),
        lambda line: line.replace(b'{"trial":{', b'{"trial": {'),
        # A letter as JSON may write it, too: whoever looks for the fingerprint in the bytes does not find it.
        lambda line: line[:25] + b"\\u00" + line[25:26].hex().encode() + line[26:],
    ],
)
def test_a_line_that_holds_more_than_is_read_of_it_is_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    *before, last = evidence_of(record(1), record(2)).splitlines(keepends=True)
    assert change(last) != last
    error = refused(tmp_path / "f", b"".join([*before, change(last)]))
    assert (error.message, error.line) == (
        "this line holds more than is read of it, or is not as it is written",
        6,
    )
    kept = store.read(tmp_path / "f", KEPT, OF)
    assert kept is not None, "a journal is this machine's own"
    assert kept.records == (record(1), record(2))


@pytest.mark.parametrize("error", ["a\nb", "a" * 301])
def test_an_error_that_is_not_one_line_is_refused(tmp_path: Path, error: str) -> None:
    content = evidence_of(record(1)) + lines.encode([lines.Line(failure=replace(failure(2), error=error))])
    wrong = refused(tmp_path / "f", content)
    said = f"the error of trial {failure(2).fingerprint} is not one line of 300 characters"
    assert (wrong.message, wrong.line) == (said, 6)
    assert store.read(tmp_path / "f", KEPT, OF) is not None


@pytest.mark.parametrize("content", [b"", b'{"evidence":{"version":2,"rev'])
def test_a_journal_whose_first_line_was_never_finished_holds_nothing_and_goes_on(
    journal: store.Journal, content: bytes
) -> None:
    journal.path.parent.mkdir()
    journal.path.write_bytes(content)
    assert store.read(journal.path, KEPT, OF) is None
    journal.append(ENVIRONMENT, CODE, [record(1)])
    assert load(journal).records == (record(1),)


def test_a_journal_without_its_first_line_says_what_to_do(journal: store.Journal) -> None:
    journal.append(ENVIRONMENT, CODE, [record(1)])
    error = refused(journal.path, b"".join(journal.path.read_bytes().splitlines(keepends=True)[1:]), KEPT)
    assert error.hint == "delete this file: its trials are run again"


@pytest.mark.parametrize(("name", "hint"), [
    (COMMITTED, "restore it with git"),
    (KEPT, "delete this line: its trials are run again"),
])  # fmt: skip
@pytest.mark.parametrize(("kind", "message"), [
    (b'{"environment"', f"was run on '{ENVIRONMENT.id}', which no line before it describes"),
    (b'{"code"', "is of code 'c1', which no line before it describes"),
])  # fmt: skip
def test_a_record_of_what_no_line_describes(tmp_path: Path, name: str, hint: str, kind: bytes, message: str) -> None:
    kept = [line for line in evidence_of(record(1)).splitlines(keepends=True) if not line.startswith(kind)]
    error = refused(tmp_path / "f", b"".join(kept), name)
    assert (error.message, error.line) == (f"record {record(1).fingerprint} {message}", 4)
    assert hint in error.hint


def test_a_file_that_may_not_be_read(journal: store.Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(ENVIRONMENT, CODE, [record(1)])

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError) as error:
        store.read(journal.path, COMMITTED, OF)
    assert str(error.value) == f"{COMMITTED}: it cannot be read: permission denied"
    assert store.fingerprints(journal.path) == set()
    assert store.read_verdicts(journal.path) == store.Verdicts()


def test_a_folder_in_the_place_of_a_file(journal: store.Journal) -> None:
    journal.path.mkdir(parents=True)
    for name in (COMMITTED, KEPT):
        with pytest.raises(UserError) as error:
            store.read(journal.path, name, OF)
        assert str(error.value) == (f"{name}: this is no file\n    move it away: a file of results has its place here")
    assert store.fingerprints(journal.path) == set()
    assert store.read_verdicts(journal.path) == store.Verdicts()
    with pytest.raises(UserError, match="results cannot be kept: is a directory"):
        journal.append(ENVIRONMENT, CODE, [record(1)])


@pytest.mark.parametrize("tail", [b"", b"{" * 10, b"{" * 200_000, b"\n" + b"{" * 65_536])
def test_the_end_of_a_long_journal_is_found(journal: store.Journal, tail: bytes) -> None:
    journal.append(ENVIRONMENT, CODE, [record(number) for number in range(1000)])
    whole = journal.path.read_bytes() + (b"\n" if tail.startswith(b"\n") else b"")
    journal.path.write_bytes(journal.path.read_bytes() + tail)
    journal.append()
    assert journal.path.read_bytes() == whole


def test_an_append_reads_no_more_of_a_long_journal_than_of_a_short_one(
    journal: store.Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    class Counting(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            found = super().read(size)
            read.append(len(found))
            return found

    monkeypatch.setattr(Path, "open", lambda path, mode, **_: Counting(path, mode.replace("b", "")))
    costs = []
    for _ in range(20):
        read.clear()
        journal.append(ENVIRONMENT, CODE, [record(number) for number in range(1000)])
        costs.append(sum(read))
    assert journal.path.stat().st_size > 2_000_000
    assert max(costs) <= 70_000


class Full(io.FileIO):
    """A file on a disk that has room for another 100 bytes."""

    def write(self, content: Any, /) -> int:
        if len(content) <= 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(content[:60])) or 0


@pytest.mark.parametrize("broken", ["write", "fsync"])
def test_a_full_disk_loses_only_what_is_being_written(
    journal: store.Journal, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    journal.append(ENVIRONMENT, CODE, [record(1)])
    before = journal.path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    other = replace(ENVIRONMENT, machine="another")
    with monkeypatch.context() as patch:
        if broken == "write":
            patch.setattr(Path, "open", lambda path, mode, **_: Full(path, mode.replace("b", "")))
        else:
            patch.setattr(os, "fsync", fail)
        with pytest.raises(UserError) as error:
            journal.append(identified(other), CODE, [record(2)])
    assert str(error.value) == (
        f"{KEPT}: results cannot be kept: {'no space left on device' if broken == 'write' else 'input/output error'}\n"
        "    nothing kept before is lost: `verify run` goes on from there once this is mended"
    )
    assert journal.path.read_bytes() == before
    journal.append(identified(other), CODE, [record(2, environment=identified(other).id)])
    assert [each.seed for each in load(journal).records] == [1, 2]


def test_a_torn_fingerprint_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "v.tiny.jsonl"
    header = b'{"evidence":{"version":%d,"verification":"v","scale":"tiny"}}\n'
    content = b'{"trial":{"fingerprint":"f\xff1"}}\n{"trial":{"fingerprint":"f2\n'
    path.write_bytes(header % lines.VERSION + content)
    assert "f\ufffd1" in store.fingerprints(path)
    path.write_bytes(header % (lines.VERSION + 1) + content)
    assert not store.fingerprints(path), "what another version wrote is not taken for known"


def test_evidence_is_written_in_the_order_of_the_trials_with_what_it_refers_to() -> None:
    other = identified(replace(ENVIRONMENT, device="cuda"))
    evidence = Evidence(*OF, {each.id: each for each in (ENVIRONMENT, other)}, {"c1": {"b": "2", "a": "1"}, "c2": {}},
                        (record(2), record(9), record(1)), (failure(3),), (REGISTERED,))  # fmt: skip
    content = store.encode(evidence, [trial(1), trial(2), trial(3)]).decode()
    written = content.splitlines()
    assert [line[: line.index(":")] for line in written] == [
        '{"evidence"', '{"environment"', '{"code"', '{"registered"', '{"trial"', '{"trial"', '{"failure"',
    ]  # fmt: skip
    assert record(1).fingerprint in written[4]
    assert '"a":"1","b":"2"' in written[2]
    assert written[3] == (
        '{"registered":{"claim":"c","on":"2026-11-27","test":{"metric":"error","criterion":{"high":0.5},'
        '"where":{"lr":0.1}},"seeds":5,"seen":3}}'
    )
    assert record(9).fingerprint not in content
    assert content.endswith("\n")
    assert "\r" not in content


def test_six_significant_digits() -> None:
    assert store.six_digits(1 / 3) == 0.333333
    assert store.six_digits([123456.789, 2]) == (123457.0, 2.0)


def test_results_are_the_same_whatever_machine_they_come_from() -> None:
    first = Evidence(*OF, records=(record(1),))
    assert store.same_results(first, Evidence(*OF, records=(record(1, seconds=9.0, environment="e2"),)))
    assert not store.same_results(first, Evidence(*OF, records=(record(1, 0.6),)))
    assert not store.same_results(first, Evidence(*OF, records=(record(2),)))
    failed = Evidence(*OF, records=(record(1),), failures=(failure(2),))
    assert not store.same_results(failed, failed)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a" / "file"
    assert store.write_atomically(path, b"one")
    before = path.stat().st_mtime_ns
    assert not store.write_atomically(path, b"one")
    assert path.stat().st_mtime_ns == before
    assert store.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_what_a_killed_process_left_goes_with_the_next_writing(tmp_path: Path) -> None:
    path = tmp_path / "f.svg"
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, ours = f".f.svg.{gone.pid}.abcdefg_", f".f.svg.{os.getpid()}.abcdefg_"
    init, others = ".f.svg.1.abcdefg_", f".f.svg.2.svg.{gone.pid}.abcdefg_"
    for name in (left, ours, init, others, ".f.svg.kept", f".f.svg.{10**30}.abcdefg_"):
        (tmp_path / name).touch()
    store.write_atomically(path, b"one")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([ours, init, others, ".f.svg.kept", "f.svg"])


def test_verdicts_survive_a_round_trip_and_another_version_counts_as_none(tmp_path: Path) -> None:
    verdicts = store.Verdicts((Verdict("c", "tiny", "supported", "because"),), {"f.tiny": "x"})
    path = tmp_path / "verdicts.json"
    store.write_atomically(path, store.encode_verdicts(verdicts))
    assert store.read_verdicts(path) == verdicts
    for content in (b'{"verdicts": 3}', b'{"inputs": "\xff"}', b"[" * 100_000):
        path.write_bytes(content)
        assert store.read_verdicts(path) == store.Verdicts()


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    away, path = tmp_path / "away", tmp_path / "file"
    for content in (b"one", b"other"):
        away.write_bytes(b"one")
        path.unlink(missing_ok=True)
        path.symlink_to(away)
        assert store.write_atomically(path, content)
        assert not path.is_symlink()
        assert (path.read_bytes(), away.read_bytes()) == (content, b"one")
