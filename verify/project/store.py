"""Where results are kept: the journal of this machine, and the evidence that is committed and published.

Both are JSON Lines of the kinds that `lines` has.  The journal is appended to as batches finish and survives a torn
last line; an evidence file is written whole, in canonical order, under a temporary name that is then renamed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from verify.errors import UserError, reason
from verify.model import Environment, Evidence, Failure, Record, Registration, Trial, Value, Verdict
from verify.project import lines as written
from verify.project.lines import CodeLine, Line, Place

_BLOCK = 65_536
"""Bytes that are read at once when the end of a journal's last whole line is looked for."""
_FIRST = 4096
"""Bytes in which a file's first line ends."""
_TRIAL = b'{"trial":{"fingerprint":"'
_encoder = msgspec.json.Encoder()


class Verdicts(Struct, frozen=True, omit_defaults=True):
    """`verdicts.json`: derived from review and evidence, and nothing beside that."""

    verdicts: tuple[Verdict, ...] = ()
    undrawn: dict[str, str] = {}
    """Per drawing that cannot be made, `<figure>.<scale>` or `thumbnail`, why: the page shows it in its place."""
    robust: dict[str, tuple[Verdict, ...]] = {}
    """Per variant the verdicts of the claims that it shares, at its scales: beside those of the review's own."""


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
    _remove_abandoned(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.{os.getpid()}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def _remove_abandoned(path: Path) -> None:
    """Remove what was to become this file when its process was killed."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(\d+)\.[a-z0-9_]{{8}}")
    for each in path.parent.iterdir():
        found = pattern.fullmatch(each.name)
        if found and not _lives(int(found[1])):
            each.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def fingerprints(path: Path, *, of_any_version: bool = False) -> set[str]:
    """The trials a journal or evidence file holds results of, without decoding them."""
    lines = trial_lines(path, of_any_version=of_any_version)
    return {fingerprint.decode("utf-8", "replace") for fingerprint in lines}


def trial_lines(path: Path, *, of_any_version: bool = False) -> dict[bytes, bytes]:
    """Per trial's fingerprint the line that holds its result, as it stands; of several the last.

    A file of another version has none, unless `of_any_version`; what is wrong with it is said where it is decoded.
    """
    try:
        lines = _whole_lines(path.read_bytes()).split(b"\n") if path.is_file() else []
    except OSError:  # said where it is decoded
        return {}
    if not of_any_version and written.version_of(lines[0] if lines else b"") != written.VERSION:
        return {}
    begin = len(_TRIAL)
    return {line[begin : line.find(b'"', begin)]: line for line in lines if line.startswith(_TRIAL)}


def _whole_lines(content: bytes) -> bytes:
    """Without a last line that a killed process did not finish."""
    return content[: content.rfind(b"\n") + 1]


def read(path: Path, name: str, of: Place) -> Evidence | None:
    """What a journal or evidence file holds; of several results of one trial the last; None where there is no file.

    Raises:
        lines.OlderFormat: an earlier version of this program wrote it.
        UserError: the file is not what it should be; `name` is what the error calls it.
    """
    content = _content(path, name)
    return None if content is None else written.decode(content, name, of)


def _content(path: Path, name: str) -> bytes | None:
    """The whole lines of a file; None where there is none, or a journal in which no first line was finished."""
    try:
        if not path.is_file():
            if path.exists():
                raise UserError("this is no file", name, 0, "move it away: a file of results has its place here")
            _expect_folder(path.parent, PurePosixPath(name).parent)
            return None
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"it cannot be read: {reason(error)}", name) from None
    whole = _whole_lines(content)
    if written.is_journal(name):
        return whole or None
    if whole != content:
        raise UserError("its last line is cut off", name, content.count(b"\n") + 1, written.RESTORE)
    return content


def _expect_folder(path: Path, name: PurePosixPath) -> None:
    """See that a file is not missing because something else stands where its folder should."""
    while not path.is_dir() and name.name:
        if os.path.lexists(path):
            raise UserError("this is no folder", str(name), 0, "move it away: a folder of results has its place here")
        path, name = path.parent, name.parent


def encode(evidence: Evidence, trials: Sequence[Trial]) -> bytes:
    """An evidence file: all that was registered, and results and failures of exactly `trials`, in their order.

    Only those environments and codes are described that a result refers to.
    """
    records = {record.fingerprint: record for record in evidence.records}
    failures = {failure.fingerprint: failure for failure in evidence.failures}
    kept = [records[trial.fingerprint] for trial in trials if trial.fingerprint in records]
    failed = [failures[t.fingerprint] for t in trials if t.fingerprint in failures and t.fingerprint not in records]
    environments = sorted({record.environment for record in kept})
    codes = sorted({record.code for record in kept})
    lines = [written.header(evidence)]
    lines += [Line(environment=evidence.environments[each]) for each in environments]
    lines += [Line(code=CodeLine(each, dict(sorted(evidence.codes[each].items())))) for each in codes]
    lines += [Line(registered=each) for each in evidence.registered]
    lines += [Line(trial=record) for record in kept]
    lines += [Line(failure=failure) for failure in failed]
    return written.encode(lines)


def same_results(first: Evidence, second: Evidence) -> bool:
    """Whether both hold the same trials with the same values, whatever machine and time they come from."""

    def results(evidence: Evidence) -> dict[str, object]:
        return {record.fingerprint: (record.values, record.data, record.diverged) for record in evidence.records}

    return not first.failures and not second.failures and results(first) == results(second)


class Journal:
    """What this machine has run of one verification at one scale; appended to, never rewritten."""

    def __init__(self, path: Path, evidence: Evidence, name: str = "") -> None:
        """`evidence` names verification and scale; `name` is what an error calls the file."""
        self.path = path
        self._name = name or str(path)
        self._blank = evidence
        self._described: set[str] = set()

    def append(
        self,
        environment: Environment | None = None,
        code: tuple[str, dict[str, str]] | None = None,
        records: Iterable[Record] = (),
        failures: Iterable[Failure] = (),
        registered: Iterable[Registration] = (),
    ) -> None:
        """Add lines in one write that reaches the disk before this returns; a journal of an older format begins anew.

        Raises:
            UserError: the system refuses, for want of room say; then none of the lines is there, and all before are.
        """
        lines: list[Line] = []
        described = set(self._described)
        if environment is not None and environment.id not in described:
            described.add(environment.id)
            lines.append(Line(environment=environment))
        if code is not None and code[0] not in described:
            described.add(code[0])
            lines.append(Line(code=CodeLine(*code)))
        lines += [Line(registered=each) for each in registered]
        lines += [Line(trial=record) for record in records]
        lines += [Line(failure=failure) for failure in failures]
        try:
            self._write(lines)
        except OSError as error:
            hint = "nothing kept before is lost: `verify run` goes on from there once this is mended"
            raise UserError(f"results cannot be kept: {reason(error)}", self._name, 0, hint) from None
        self._described = described

    def _write(self, lines: list[Line]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b", buffering=0) as file:  # unbuffered: closing it must not try again what failed
            file.seek(0)
            version = written.version_of(file.read(_FIRST).partition(b"\n")[0])
            if version is not None and version < written.VERSION:
                write_atomically(self.path, written.encode([written.header(self._blank), *lines]))
                return
            end = _mend(file)
            rest = memoryview(written.encode([written.header(self._blank), *lines] if end == 0 else lines))
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):  # else the next append does it
                    file.truncate(end)
                raise


def _mend(file: BinaryIO) -> int:
    """Drop a last line that a killed process left unfinished; returns where the file then ends."""
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
    return whole


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
    except written.UNDECODABLE:
        return Verdicts()


def wrong_with_verdicts(content: bytes) -> str:
    """Why bytes are no `verdicts.json` of this version; empty where they are one."""
    try:
        _verdicts.decode(content)
    except written.UNDECODABLE as error:
        return str(error)
    return ""


def encode_verdicts(verdicts: Verdicts) -> bytes:
    """`verdicts.json`, indented, so that a change of verdict reads well in a diff."""
    return msgspec.json.format(_encoder.encode(verdicts), indent=1) + b"\n"
