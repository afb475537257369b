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

from verify.errors import UserError, reason
from verify.model import Environment, Evidence, Failure, Record, Scale, Trial, Value, Verdict

VERSION = 1
_BLOCK = 65_536
"""Bytes that are read at once when the end of a journal's last whole line is looked for."""
_TRIAL = b'{"trial":{"fingerprint":"'
_UNDECODABLE = (ValueError, RecursionError)
"""What decoding raises: a DecodeError is a ValueError, as is text that is not UTF-8; brackets may be too deep."""
_RESTORE = "it is written by `verify run` only: restore it with git, or delete it and rerun"
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
    undrawn: dict[str, str] = {}
    """Of those that could not be drawn, why: in words that a page shows in the drawing's place."""


_decoder = msgspec.json.Decoder(_Line)
_verdicts = msgspec.json.Decoder(Verdicts)


def six_digits(value: Any) -> Value:
    """Numbers as they are stored: six significant digits."""
    if isinstance(value, (list, tuple)):
        return tuple(float(f"{float(item):.6g}") for item in value)
    return float(f"{float(value):.6g}")


def write_atomically(path: Path, content: bytes) -> bool:
    """Replace a file by `content` in one step; False where it holds just that already.

    A link is replaced by a file: nothing is written to where it leads.
    """
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
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
    try:
        lines = _whole_lines(path.read_bytes()).split(b"\n") if path.is_file() else []
    except OSError:  # said where it is decoded
        return set()
    begin = len(_TRIAL)
    return {
        line[begin : line.find(b'"', begin)].decode("utf-8", "replace") for line in lines if line.startswith(_TRIAL)
    }


def _whole_lines(content: bytes) -> bytes:
    """Without a last line that a killed process did not finish."""
    return content[: content.rfind(b"\n") + 1]


def read(path: Path, name: str) -> Evidence | None:
    """What a journal or evidence file holds; of several results of one trial the last; None where there is no file.

    Raises:
        UserError: the file is not what it should be; `name` is what the error calls it.
    """
    content = _content(path, name)
    if content is None:
        return None
    header: _Header | None = None
    environments: dict[str, Environment] = {}
    codes: dict[str, dict[str, str]] = {}
    records: dict[str, Record] = {}
    failures: dict[str, Failure] = {}
    for line in _decode(content, name):
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
        hint = "delete this file: its trials are run again" if _is_journal(name) else "restore it: git checkout"
        raise UserError("its first line does not say what it is evidence of", name, 1, hint)
    for record in records.values():
        if record.environment not in environments:
            message = f"record {record.fingerprint} was run on '{record.environment}', of which no line says what it is"
            raise UserError(message, name, 0, _RESTORE if not _is_journal(name) else "delete it and run again")
    return Evidence(
        review=header.review,
        verification=header.verification,
        scale=header.scale,
        environments=environments,
        codes=codes,
        records=tuple(records.values()),
        failures=tuple(failure for key, failure in failures.items() if key not in records),
    )


def _content(path: Path, name: str) -> bytes | None:
    """The whole lines of a file; None where there is none, or a journal in which no first line was finished."""
    try:
        content = _whole_lines(path.read_bytes()) if path.is_file() else None
    except OSError as error:
        raise UserError(f"it cannot be read: {reason(error)}", name) from None
    return None if content == b"" and _is_journal(name) else content


def _is_journal(name: str) -> bool:
    return name.startswith(".verify/")


def _decode(content: bytes, name: str) -> list[_Line]:
    """All lines at once, which takes half the time of one by one; a line that is wrong is then looked for."""
    try:
        lines = _decoder.decode_lines(content)
    except _UNDECODABLE:
        lines = []
    if lines and all(line.evidence is None or line.evidence.version == VERSION for line in lines):
        return lines
    for number, text in enumerate(content.split(b"\n")[:-1], 1):
        try:
            line = _decoder.decode(text)
        except _UNDECODABLE as error:
            raise _unreadable(text, name, number, str(error)) from None
        if line.evidence is not None and line.evidence.version != VERSION:
            raise _unreadable(text, name, number, "")
    return lines


def _unreadable(text: bytes, name: str, number: int, detail: str) -> UserError:
    try:
        version = msgspec.json.decode(text)["evidence"]["version"]
    except (*_UNDECODABLE, KeyError, TypeError):
        version = VERSION
    if isinstance(version, int) and version != VERSION:
        hint = "upgrade this project: `git pull && make clean`" if version > VERSION else "rerun it: `verify run`"
        return UserError(f"its format is version {version}; this program reads version {VERSION}", name, number, hint)
    hint = "delete this line: its trials are run again" if _is_journal(name) else _RESTORE
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
        """Drop a last line that a killed process left unfinished, and stand at the end."""
        end = whole = file.seek(0, os.SEEK_END)
        while whole > 0:
            begin = max(0, whole - _BLOCK)
            file.seek(begin)
            at = file.read(whole - begin).rfind(b"\n")
            whole = begin + at + 1 if at >= 0 else begin
            if at >= 0:
                break
        if whole != end:
            file.truncate(whole)
        file.seek(0, os.SEEK_END)


def read_verdicts(path: Path) -> Verdicts:
    """The verdicts of a review; none where there is no file, or one of another version that a refresh replaces."""
    try:
        return decode_verdicts(path.read_bytes()) if path.is_file() else Verdicts()
    except OSError:  # derived: a refresh replaces it
        return Verdicts()


def decode_verdicts(content: bytes) -> Verdicts:
    """Verdicts from the bytes of a `verdicts.json`; none where they are of another version."""
    try:
        return _verdicts.decode(content)
    except _UNDECODABLE:
        return Verdicts()


def encode_verdicts(verdicts: Verdicts) -> bytes:
    """`verdicts.json`, indented, so that a change of verdict reads well in a diff."""
    return msgspec.json.format(_encoder.encode(verdicts), indent=1) + b"\n"
