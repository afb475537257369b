"""What is stored survives what happens to files, and the same records give the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.errors import UserError
from verify.model import Environment, Evidence, Failure, Record, Trial, Verdict
from verify.project import store

ENVIRONMENT = Environment("e1", "cpu", "a processor", 2, "Linux x86_64", {"python": "3.11"}, "abc")
CODE = ("c1", {"m:f": "aa"})


def record(fingerprint: str, error: float = 0.5, **changes: object) -> Record:
    fields = {"environment": "e1", "code": "c1", "seconds": 1.5, **changes}
    return Record(fingerprint, {"lr": 0.1}, 0, {"error": error, "curve": (1.0, 2.0)}, **fields)  # type: ignore[arg-type]


def trial(fingerprint: str) -> Trial:
    return Trial("r", "v", "tiny", "f", {"lr": 0.1}, 0, fingerprint, "c1")


@pytest.fixture
def journal(tmp_path: Path) -> store.Journal:
    return store.Journal(tmp_path / "deep" / "v.tiny.jsonl", Evidence("r", "v", "tiny"))


def load(journal: store.Journal) -> Evidence:
    found = store.read(journal.path, "journal")
    assert found is not None
    return found


def test_what_is_appended_is_read(journal: store.Journal) -> None:
    journal.append(ENVIRONMENT, CODE, [record("f1")])
    journal.append(ENVIRONMENT, CODE, [record("f2")], [Failure("f3", {}, 0, "error")])
    found = load(journal)
    assert (found.review, found.verification, found.scale) == ("r", "v", "tiny")
    assert found.records == (record("f1"), record("f2"))
    assert found.failures == (Failure("f3", {}, 0, "error"),)
    assert found.environments == {"e1": ENVIRONMENT}
    assert found.codes == {"c1": {"m:f": "aa"}}
    assert store.fingerprints(journal.path) == {"f1", "f2"}


def test_the_last_result_of_a_trial_counts(journal: store.Journal) -> None:
    journal.append(ENVIRONMENT, records=[record("f1", 0.5)], failures=[Failure("f2", {}, 0, "error")])
    journal.append(records=[record("f1", 0.4), record("f2")])
    found = load(journal)
    assert [r.number("error") for r in found.records] == [0.4, 0.5]
    assert not found.failures


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_dropped_and_the_journal_goes_on(journal: store.Journal, cut: int) -> None:
    journal.append(ENVIRONMENT, CODE, [record("f1"), record("f2")])
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[:-cut])
    assert [r.fingerprint for r in load(journal).records] == ["f1"]
    assert store.fingerprints(journal.path) == {"f1"}
    journal.append(records=[record("f3")])
    assert [r.fingerprint for r in load(journal).records] == ["f1", "f3"]


def test_a_missing_file_holds_nothing(tmp_path: Path) -> None:
    assert store.read(tmp_path / "none.jsonl", "none") is None
    assert store.fingerprints(tmp_path / "none.jsonl") == set()


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (b'{"trial":{}}\n', "not one of an evidence file", "restore it with git"),
        (b"<<<<<<< HEAD\n", "not one of an evidence file", "restore it with git"),
        (b'{"evidence":{"version":9,"review":"r","verification":"v","scale":"tiny"}}\n', "version 9", "make clean"),
        (b'{"evidence":{"version":0,"review":"r","verification":"v","scale":"tiny"}}\n', "version 0", "verify run"),
        (b'{"evidence":{"version":9}}\n', "version 9", "make clean"),
        (b"", "does not say what it is evidence of", "git checkout"),
        (b'{"evidence":{"version":"9","review":"r"}}\n', "not one of an evidence file", "restore it with git"),
        (b'{"trial":"\xff"}\n', "not one of an evidence file", "restore it with git"),
        (b"[" * 100_000 + b"\n", "not one of an evidence file", "restore it with git"),
        (b'{"trial":' + b"[" * 100_000 + b"\n", "not one of an evidence file", "restore it with git"),
    ],
)
def test_a_file_that_is_not_evidence(tmp_path: Path, content: bytes, message: str, hint: str) -> None:
    path = tmp_path / "v.tiny.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        store.read(path, "docs/evidence/r/v.tiny.jsonl")
    assert message in error.value.message
    assert hint in error.value.hint
    assert (error.value.file, error.value.line) == ("docs/evidence/r/v.tiny.jsonl", 1)


@pytest.mark.parametrize("content", [b"", b'{"evidence":{"version":1,"rev'])
def test_a_journal_whose_first_line_was_never_finished_holds_nothing_and_goes_on(
    journal: store.Journal, content: bytes
) -> None:
    journal.path.parent.mkdir()
    journal.path.write_bytes(content)
    name = ".verify/journal/r/v.tiny.jsonl"
    assert store.read(journal.path, name) is None
    journal.append(ENVIRONMENT, CODE, [record("f1")])
    found = store.read(journal.path, name)
    assert found is not None
    assert found.records == (record("f1"),)


def test_a_journal_without_its_first_line_says_what_to_do(journal: store.Journal) -> None:
    journal.append(ENVIRONMENT, CODE, [record("f1")])
    journal.path.write_bytes(b"".join(journal.path.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(UserError) as error:
        store.read(journal.path, ".verify/journal/r/v.tiny.jsonl")
    assert error.value.hint == "delete this file: its trials are run again"


@pytest.mark.parametrize(("name", "hint"), [
    ("docs/evidence/r/v.tiny.jsonl", "restore it with git"),
    (".verify/journal/r/v.tiny.jsonl", "delete it and run again"),
])  # fmt: skip
def test_a_record_of_an_environment_that_is_not_there(journal: store.Journal, name: str, hint: str) -> None:
    journal.append(records=[record("f1")])
    with pytest.raises(UserError) as error:
        store.read(journal.path, name)
    assert error.value.message == "record f1 was run on 'e1', of which no line says what it is"
    assert hint in error.value.hint


def test_a_file_that_may_not_be_read(journal: store.Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(ENVIRONMENT, CODE, [record("f1")])

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError) as error:
        store.read(journal.path, "docs/evidence/r/v.tiny.jsonl")
    assert str(error.value) == "docs/evidence/r/v.tiny.jsonl: it cannot be read: permission denied"
    assert store.fingerprints(journal.path) == set()
    assert store.read_verdicts(journal.path) == store.Verdicts()


@pytest.mark.parametrize("tail", [b"", b"{" * 10, b"{" * 200_000, b"\n" + b"{" * 65_536])
def test_the_end_of_a_long_journal_is_found(journal: store.Journal, tail: bytes) -> None:
    journal.append(ENVIRONMENT, CODE, [record(f"f{number}") for number in range(1000)])
    whole = journal.path.read_bytes() + (b"\n" if tail.startswith(b"\n") else b"")
    journal.path.write_bytes(journal.path.read_bytes() + tail)
    journal.append()
    assert journal.path.read_bytes() == whole


def test_a_torn_fingerprint_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "v.tiny.jsonl"
    path.write_bytes(b'{"trial":{"fingerprint":"f\xff1"}}\n{"trial":{"fingerprint":"f2\n')
    assert "f\ufffd1" in store.fingerprints(path)


def test_evidence_is_written_in_the_order_of_the_trials_with_what_it_refers_to() -> None:
    other = Environment("e2", "cuda", "a GPU", 2, "Linux", {})
    evidence = Evidence("r", "v", "tiny", {"e1": ENVIRONMENT, "e2": other}, {"c1": {"b": "2", "a": "1"}, "c2": {}},
                        (record("f2"), record("old"), record("f1")), (Failure("f3", {}, 1, "error"),))  # fmt: skip
    content = store.encode(evidence, [trial("f1"), trial("f2"), trial("f3")]).decode()
    lines = content.splitlines()
    assert [line[: line.index(":")] for line in lines] == [
        '{"evidence"', '{"environment"', '{"code"', '{"trial"', '{"trial"', '{"failure"',
    ]  # fmt: skip
    assert '"f1"' in lines[3]
    assert '"a":"1","b":"2"' in lines[2]
    assert "old" not in content
    assert content.endswith("\n")
    assert "\r" not in content


def test_six_significant_digits() -> None:
    assert store.six_digits(1 / 3) == 0.333333
    assert store.six_digits([123456.789, 2]) == (123457.0, 2.0)


def test_results_are_the_same_whatever_machine_they_come_from() -> None:
    first = Evidence("r", "v", "tiny", records=(record("f1"),))
    assert store.same_results(first, Evidence("r", "v", "tiny", records=(record("f1", seconds=9.0, environment="e2"),)))
    assert not store.same_results(first, Evidence("r", "v", "tiny", records=(record("f1", 0.6),)))
    assert not store.same_results(first, Evidence("r", "v", "tiny", records=(record("f2"),)))
    failed = Evidence("r", "v", "tiny", records=(record("f1"),), failures=(Failure("f2", {}, 0, "error"),))
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


def test_verdicts_survive_a_round_trip_and_another_version_counts_as_none(tmp_path: Path) -> None:
    verdicts = store.Verdicts("abc", "def", (Verdict("c", "tiny", "supported", "because"),), {"f.tiny": "x"})
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
