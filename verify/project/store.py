"""Where results are kept: the journal of this machine, and the evidence that is committed and published.

Both are JSON Lines of the same kinds of line, told apart by their first key: `evidence` (what the file is of),
`environment`, `code`, `trial`, `failure`.  The journal is appended to as batches finish and survives a torn last
line; an evidence file is written whole, in canonical order, under a temporary name that is then renamed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from verify.errors import UserError
from verify.model import Environment, Evidence, Failure, Record, Scale, Trial, Value, Verdict

VERSION = 1
_TRIAL = b'{"trial":{"fingerprint":"'
_encoder = msgspec.json.Encoder()


class _Header(Struct, frozen=True):
    version: int
    review: str
    verification: str
    scale: Scale


class _Code(Struct, frozen=True):
    id: str
    definitions: dict[str, str]


class _Line(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One line of a file: exactly one of these is there."""

    evidence: _Header | None = None
    environment: Environment | None = None
    code: _Code | None = None
    trial: Record | None = None
    failure: Failure | None = None


class Verdicts(Struct, frozen=True, omit_defaults=True):
    """`verdicts.json`: derived from review and evidence; `inputs` and `figures` say from which."""

    inputs: str = ""
    seal: str = ""
    """A hash of `inputs` and `verdicts`: so that a file that was edited or merged by hand is not taken for derived."""
    verdicts: tuple[Verdict, ...] = ()
    figures: dict[str, str] = {}
    """Per drawing, `<figure>.<scale>` or `thumbnail`, the hash of what it was drawn from and that of its content."""


_decoder = msgspec.json.Decoder(_Line)
_verdicts = msgspec.json.Decoder(Verdicts)


def six_digits(value: Any) -> Value:
    """Numbers as they are stored: six significant digits."""
    if isinstance(value, (list, tuple)):
        return tuple(float(f"{float(item):.6g}") for item in value)
    return float(f"{float(value):.6g}")


def write_atomically(path: Path, content: bytes) -> bool:
    """Replace a file by `content` in one step; False where it holds just that already."""
    if path.is_file() and path.read_bytes() == content:
        return False
    import tempfile  # a run with nothing to do writes nothing

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def fingerprints(path: Path) -> set[str]:
    """The trials a journal or evidence file holds results of, without decoding them."""
    if not path.is_file():
        return set()
    lines = _whole_lines(path.read_bytes()).split(b"\n")
    begin = len(_TRIAL)
    return {line[begin : line.index(b'"', begin)].decode() for line in lines if line.startswith(_TRIAL)}


def _whole_lines(content: bytes) -> bytes:
    """Without a last line that a killed process did not finish."""
    return content[: content.rfind(b"\n") + 1]


def read(path: Path, name: str) -> Evidence | None:
    """What a journal or evidence file holds; of several results of one trial the last; None where there is no file.

    Raises:
        UserError: the file is not what it should be; `name` is what the error calls it.
    """
    if not path.is_file():
        return None
    header: _Header | None = None
    environments: dict[str, Environment] = {}
    codes: dict[str, dict[str, str]] = {}
    records: dict[str, Record] = {}
    failures: dict[str, Failure] = {}
    for line in _decode(_whole_lines(path.read_bytes()), name):
        if line.trial is not None:
            records[line.trial.fingerprint] = line.trial
            failures.pop(line.trial.fingerprint, None)
        elif line.failure is not None:
            failures[line.failure.fingerprint] = line.failure
        elif line.environment is not None:
            environments[line.environment.id] = line.environment
        elif line.code is not None:
            codes[line.code.id] = line.code.definitions
        elif line.evidence is not None:
            header = line.evidence
    if header is None:
        raise UserError("its first line does not say what it is evidence of", name, 1, "restore it: git checkout")
    return Evidence(
        review=header.review,
        verification=header.verification,
        scale=header.scale,
        environments=environments,
        codes=codes,
        records=tuple(records.values()),
        failures=tuple(failure for key, failure in failures.items() if key not in records),
    )


def _decode(content: bytes, name: str) -> list[_Line]:
    """All lines at once, which takes half the time of one by one; a line that is wrong is then looked for."""
    try:
        lines = _decoder.decode_lines(content)
    except msgspec.DecodeError:
        lines = []
    if lines and all(line.evidence is None or line.evidence.version == VERSION for line in lines):
        return lines
    for number, text in enumerate(content.splitlines(), 1):
        try:
            line = _decoder.decode(text)
        except msgspec.DecodeError as error:
            raise _unreadable(text, name, number, str(error)) from None
        if line.evidence is not None and line.evidence.version != VERSION:
            raise _unreadable(text, name, number, "")
    return lines


def _unreadable(text: bytes, name: str, number: int, detail: str) -> UserError:
    try:
        version = msgspec.json.decode(text)["evidence"]["version"]
    except (msgspec.DecodeError, KeyError, TypeError):
        version = VERSION
    if version != VERSION:
        hint = "upgrade this project: `git pull && make clean`" if version > VERSION else "rerun it: `verify run`"
        return UserError(f"its format is version {version}; this program reads version {VERSION}", name, number, hint)
    hint = "it is written by `verify run` only: restore it with git, or delete it and rerun"
    if name.startswith(".verify/"):
        hint = "delete this line: its trials are run again"
    return UserError(f"this line is not one of an evidence file: {detail}", name, number, hint)


def encode(evidence: Evidence, trials: Sequence[Trial]) -> bytes:
    """An evidence file: results and failures of exactly `trials`, in their order, with what they refer to."""
    records = {record.fingerprint: record for record in evidence.records}
    failures = {failure.fingerprint: failure for failure in evidence.failures}
    kept = [records[trial.fingerprint] for trial in trials if trial.fingerprint in records]
    failed = [failures[t.fingerprint] for t in trials if t.fingerprint in failures and t.fingerprint not in records]
    environments = sorted({record.environment for record in kept})
    codes = sorted({record.code for record in kept})
    lines = [_header(evidence)]
    lines += [_Line(environment=evidence.environments[each]) for each in environments]
    lines += [_Line(code=_Code(each, dict(sorted(evidence.codes.get(each, {}).items())))) for each in codes]
    lines += [_Line(trial=record) for record in kept]
    lines += [_Line(failure=failure) for failure in failed]
    return _joined(lines)


def _header(evidence: Evidence) -> _Line:
    return _Line(evidence=_Header(VERSION, evidence.review, evidence.verification, evidence.scale))


def _joined(lines: Iterable[_Line]) -> bytes:
    return b"".join(_encoder.encode(line) + b"\n" for line in lines)


def same_results(first: Evidence, second: Evidence) -> bool:
    """Whether both hold the same trials with the same values, whatever machine and time they come from."""

    def results(evidence: Evidence) -> dict[str, object]:
        return {record.fingerprint: (record.values, record.data, record.diverged) for record in evidence.records}

    return not first.failures and not second.failures and results(first) == results(second)


class Journal:
    """What this machine has run of one verification at one scale; appended to, never rewritten."""

    def __init__(self, path: Path, evidence: Evidence) -> None:
        """`evidence` names review, verification and scale."""
        self.path = path
        self._blank = evidence
        self._named: set[str] = set()

    def append(
        self,
        environment: Environment | None = None,
        code: tuple[str, dict[str, str]] | None = None,
        records: Iterable[Record] = (),
        failures: Iterable[Failure] = (),
    ) -> None:
        """Add lines in one write that reaches the disk before this returns."""
        lines: list[_Line] = []
        if environment is not None and environment.id not in self._named:
            self._named.add(environment.id)
            lines.append(_Line(environment=environment))
        if code is not None and code[0] not in self._named:
            self._named.add(code[0])
            lines.append(_Line(code=_Code(*code)))
        lines += [_Line(trial=record) for record in records]
        lines += [_Line(failure=failure) for failure in failures]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            self._mend(file)
            if file.tell() == 0:
                lines.insert(0, _header(self._blank))
            file.write(_joined(lines))
            file.flush()
            os.fsync(file.fileno())

    @staticmethod
    def _mend(file: Any) -> None:
        """Drop a last line that a killed process left unfinished."""
        file.seek(0)
        content = file.read()
        whole = len(_whole_lines(content))
        if whole != len(content):
            file.truncate(whole)
        file.seek(0, os.SEEK_END)


def read_verdicts(path: Path) -> Verdicts:
    """The verdicts of a review; none where there is no file, or one of another version that a refresh replaces."""
    if not path.is_file():
        return Verdicts()
    return decode_verdicts(path.read_bytes())


def decode_verdicts(content: bytes) -> Verdicts:
    """Verdicts from the bytes of a `verdicts.json`; none where they are of another version."""
    try:
        return _verdicts.decode(content)
    except msgspec.DecodeError:
        return Verdicts()


def encode_verdicts(verdicts: Verdicts) -> bytes:
    """`verdicts.json`, indented, so that a change of verdict reads well in a diff."""
    return msgspec.json.format(_encoder.encode(verdicts), indent=1) + b"\n"
