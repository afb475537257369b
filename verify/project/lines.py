"""The lines of journals and evidence files: what each kind holds, and what is wrong with one.

A line is a JSON object with one key: `evidence` (what the file is of; always the first line), `environment`, `code`,
`registered` (what a claim's test was before a run), `trial`, `failure`.  What a line refers to stands before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from verify.errors import CONFLICT, CONFLICT_MARKS, UserError
from verify.model import FORMS, STATISTICS, Environment, Evidence, Failure, Record, Registration, Scale, Test
from verify.planning.fingerprint import digest
from verify.planning.plan import fingerprint

VERSION = 2
Place = tuple[str, str, Scale]
"""Review, verification and scale that a file belongs to, by where it lies."""
UNDECODABLE = (ValueError, RecursionError)
"""What decoding raises: a DecodeError is a ValueError, as is text that is not UTF-8; brackets may be too deep."""
RESTORE = "it is written by `verify run` only: restore it with git, or delete it and rerun"
_LONGEST = 1e9
"""Seconds that no trial takes: thirty years."""
LONGEST_ERROR = 300
"""Characters of a failure's error, which is one line."""
_encoder = msgspec.json.Encoder()
_sorted = msgspec.json.Encoder(order="sorted")


class OlderFormat(UserError):
    """A file of an earlier version of this program's: to a run as good as none, since it is replaced."""


class _Header(Struct, frozen=True):
    """It does not name the review: that is the name of the folder, so that a review can be renamed."""

    version: int
    verification: str
    scale: Scale


class _Version(Struct, frozen=True):
    version: int


class _FirstLine(Struct, frozen=True):
    """Of a header what every version has."""

    evidence: _Version


class CodeLine(Struct, frozen=True):
    id: str
    definitions: dict[str, str]


class Line(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One line of a file: exactly one of these is there."""

    evidence: _Header | None = None
    environment: Environment | None = None
    code: CodeLine | None = None
    registered: Registration | None = None
    trial: Record | None = None
    failure: Failure | None = None


_decoder = msgspec.json.Decoder(Line)
_first_line = msgspec.json.Decoder(_FirstLine)


def identified(environment: Environment) -> Environment:
    """The environment with the id that it must have: the hash of all its other fields."""
    blank = replace(environment, id="")
    return replace(blank, id=digest(_sorted.encode(blank).decode()))


def header(evidence: Evidence) -> Line:
    return Line(evidence=_Header(VERSION, evidence.verification, evidence.scale))


def encode(lines: Iterable[Line]) -> bytes:
    return b"".join(_encoder.encode(line) + b"\n" for line in lines)


def decode(content: bytes, name: str, of: Place) -> Evidence:
    """What a file holds whose lines are all finished; `name` is what an error calls it.

    Raises:
        OlderFormat: an earlier version of this program wrote it.
        UserError: it is not what it should be.
    """
    _require_version(content, name)
    lines = _decode(content, name)
    first = lines[0].evidence if lines else None
    if first is None:
        hint = "delete this file: its trials are run again" if is_journal(name) else "restore it: git checkout"
        raise UserError("its first line does not say what it is evidence of", name, 1, hint)
    if (first.verification, first.scale) != of[1:]:
        message = f"it says to be of '{first.verification}' at {first.scale}, and lies where '{of[1]}' at {of[2]} is"
        hint = "delete this file: its trials are run again" if is_journal(name) else RESTORE
        raise UserError(message, name, 1, hint)
    found = _Found(first.scale, repeats=is_journal(name))
    for number, line in enumerate(lines[1:], 2):
        wrong = found.take(line)
        if wrong:
            raise UserError(wrong, name, number, _mend_hint(name))
    if not is_journal(name):
        _expect_as_written(lines, content, name)
    return found.evidence(of)


def _expect_as_written(lines: list[Line], content: bytes, name: str) -> None:
    """See that evidence holds nothing beside what is read of it: no other key, none twice, no number in other digits.

    What looks into a file without decoding it, as a run with nothing to do, may rely on that.
    """
    if encode(lines) == content:
        return
    for number, (line, text) in enumerate(zip(lines, content.split(b"\n"), strict=False), 1):
        if _encoder.encode(line) != text:
            wrong = "this line holds more than is read of it, or is not as it is written"
            raise UserError(wrong, name, number, RESTORE)


class _Found:
    """What the lines of a file hold, as far as they were read."""

    def __init__(self, scale: Scale, *, repeats: bool) -> None:
        """`repeats`: a trial may stand there more than once, as in a journal."""
        self._scale = scale
        self._repeats = repeats
        self._environments: dict[str, Environment] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self._registered: list[Registration] = []
        self._tests: set[bytes] = set()
        """Registrations as they are written."""
        self._records: dict[str, Record] = {}
        self._failures: dict[str, Failure] = {}

    def take(self, line: Line) -> str:
        """Add a line; returns what is wrong with it, and nothing where it is right."""
        if line.trial is not None:
            return self._take_record(line.trial)
        if line.failure is not None:
            wrong = self._repeated(line.failure.fingerprint) or self._too_long(line.failure)
            self._failures[line.failure.fingerprint] = line.failure
            return wrong
        if line.registered is not None:
            text = _encoder.encode(line)
            if not self._repeats and text in self._tests:
                return "this test is registered here twice"
            self._tests.add(text)
            self._registered.append(line.registered)
            return _wrong_registration(line.registered)
        if line.environment is not None:
            self._environments[line.environment.id] = line.environment
            expected = identified(line.environment).id
            given = line.environment.id
            return "" if given == expected else f"environment '{given}' is not what it says: its fields give {expected}"
        if line.code is not None:
            self._codes[line.code.id] = line.code.definitions
            return ""
        return "this line says again what the file is of" if line.evidence is not None else "this line says nothing"

    def _take_record(self, record: Record) -> str:
        if record.environment not in self._environments:
            return f"record {record.fingerprint} was run on '{record.environment}', which no line before it describes"
        if record.code not in self._codes:
            return f"record {record.fingerprint} is of code '{record.code}', which no line before it describes"
        if not 0 <= record.seconds < _LONGEST:
            return f"record {record.fingerprint} is said to have taken {record.seconds:g} seconds"
        expected = fingerprint(self._scale, record)
        if record.fingerprint != expected:
            return f"record {record.fingerprint} is of another trial: its parameters, seed and code give {expected}"
        wrong = self._repeated(record.fingerprint)
        self._records[record.fingerprint] = record
        self._failures.pop(record.fingerprint, None)
        return wrong

    def _repeated(self, trial: str) -> str:
        known = not self._repeats and (trial in self._records or trial in self._failures)
        return f"trial {trial} stands here twice" if known else ""

    def _too_long(self, failure: Failure) -> str:
        """A journal may hold what a program of before wrote; evidence is shown."""
        long = not self._repeats and (len(failure.error) > LONGEST_ERROR or "\n" in failure.error)
        return f"the error of trial {failure.fingerprint} is not one line of {LONGEST_ERROR} characters" if long else ""

    def evidence(self, of: Place) -> Evidence:
        return Evidence(
            *of,
            environments=self._environments,
            codes=self._codes,
            records=tuple(self._records.values()),
            failures=tuple(failure for key, failure in self._failures.items() if key not in self._records),
            registered=tuple(self._registered),
        )


def _wrong_registration(registration: Registration) -> str:
    try:
        dated = date.fromisoformat(registration.on).isoformat() == registration.on
    except ValueError:
        dated = False
    if not dated:
        return f"'{registration.on}' is no date such as 2026-11-27"
    looks = registration.seeds if isinstance(registration.seeds, tuple) else (registration.seeds,)
    if not looks or min(looks) < 1 or registration.seen < 0:
        return "a test is registered with one seed or more, and after zero trials or more"
    return "" if _can_be_declared(registration.test) else "no review can declare the test that is registered here"


def _can_be_declared(test: Test) -> bool:
    """Whether all that puts a test into words finds what it needs."""
    forms = {test.form, *test.rivals} - {None}
    paired = all(len(each) in (0, 2) for each in (test.arms, test.between, test.spans))
    bounded = test.criterion.low is not None or test.criterion.high is not None
    return test.statistic in STATISTICS and forms <= set(FORMS) and paired and bounded


def is_journal(name: str) -> bool:
    return name.startswith(".verify/")


def _mend_hint(name: str) -> str:
    return "delete this line: its trials are run again" if is_journal(name) else RESTORE


def version_of(first: bytes) -> int | None:
    """The version that a file's first line states; None where it is no header."""
    try:
        return _first_line.decode(first).evidence.version
    except UNDECODABLE:
        return None


def _require_version(content: bytes, name: str) -> None:
    version = version_of(content[: content.find(b"\n")])
    if version is None or version == VERSION:
        return
    message = f"its format is version {version}; this program reads version {VERSION}"
    if version > VERSION:
        raise UserError(message, name, 1, "upgrade this project: `git pull && make clean`")
    raise OlderFormat(message, name, 1, "rerun it: `verify run`")


def _decode(content: bytes, name: str) -> list[Line]:
    """All lines at once, which takes half the time of one by one; a line that is wrong is then looked for."""
    try:
        lines = _decoder.decode_lines(content)
        if len(lines) == content.count(b"\n"):
            return lines
    except UNDECODABLE:
        pass  # told below, with the line
    lines = []
    for number, text in enumerate(content.split(b"\n")[:-1], 1):
        try:
            lines.append(_decoder.decode(text))
        except UNDECODABLE as error:
            wrong = f"this line is not one of an evidence file: {error}"
            if text.startswith(CONFLICT_MARKS):
                wrong = CONFLICT
            raise UserError(wrong, name, number, _mend_hint(name)) from None
    return lines
