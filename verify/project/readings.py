"""What files of any time say of claims: verdicts, declared tests, and how results came about; each content read once.

Formats of before are read as far as they have what is asked for, so this is not the store's strict reading: nothing
here becomes evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from verify.errors import UserError, utf8
from verify.judging.changes import Asked, Known, Ran
from verify.model import SCALES, Environment, Scalar, Scale, Value, Verdict
from verify.planning.fingerprint import digest
from verify.project import contents, store
from verify.project.contents import Contents, Unread, Version
from verify.project.lines import UNDECODABLE

Place = tuple[str, Scale]
"""A claim (or a verification) and a scale."""
T = TypeVar("T")


class Tests(Struct, frozen=True):
    """What a review declares."""

    asked: dict[Place, Asked]
    wrong: str = ""
    """The first mistake that keeps a part of it from being read."""


class _Environment(Struct, frozen=True, gc=False):
    id: str
    device: str
    machine: str = ""
    versions: dict[str, str] = {}

    @property
    def words(self) -> str:
        return Environment(self.id, self.device, self.machine, 0, "", self.versions).words


class _Code(Struct, frozen=True):
    id: str
    definitions: dict[str, str] = {}


class _Trial(Struct, frozen=True, gc=False):
    parameters: dict[str, Scalar]
    seed: int
    values: dict[str, Value]
    environment: str = ""
    code: str = ""
    data: str = ""
    diverged: bool = False


class _Line(Struct, frozen=True, gc=False):
    """A line of an evidence file of any version, and of it only what is asked for."""

    environment: _Environment | None = None
    code: _Code | None = None
    trial: _Trial | None = None


_NAME = re.compile("[a-z][a-z0-9-]*")
"""Of a claim."""
_lines = msgspec.json.Decoder(_Line)
_sorted = msgspec.json.Encoder(order="sorted")


class _Kept(Generic[T]):
    """One kind of content by key, decoded when it is loaded."""

    def __init__(self, of: Contents, most: int, decode: Callable[[bytes], T | Unread]) -> None:
        self._of, self._most, self._decode = of, most, decode
        self._found: dict[str, T | Unread] = {}

    def load(self, keys: Iterable[str]) -> None:
        """Read those that are not known yet."""
        for key, content in self._of.read([key for key in keys if key not in self._found], self._most):
            self._found[key] = content if isinstance(content, Unread) else self._decode(content)

    def of(self, key: str) -> T | Unread:
        """What the content under a key says, or why that is not known."""
        if key not in self._found:
            self.load([key])
        return self._found[key]


class Readings:
    """Reads versions of one place."""

    def __init__(self, of: Contents) -> None:
        self.verdicts = _Kept(of, contents.MOST_VERDICTS, _verdicts)
        self.tests = _Kept(of, contents.MOST_REVIEW, _tests)
        self.runs = _Kept(of, contents.MOST_EVIDENCE, _ran)

    def asked(self, files: Mapping[str, str], slug: str, place: Place) -> Asked | None:
        """A claim's test as the review of then declared it; None where that is not known."""
        key = files.get(f"reviews/{slug}.md")
        tests = self.tests.of(key) if key else None
        return tests.asked.get(place) if isinstance(tests, Tests) else None

    def known(self, files: Mapping[str, str], slug: str, verdict: Verdict, verification: str = "") -> Known:
        """A verdict, and what it rested on when `files` were those of the project.

        Args:
            files: keys by path.
            slug: the review's.
            verdict: as it was then.
            verification: where the claim is looked for if the review of then does not say.
        """
        unread = []
        asked = None
        key = files.get(f"reviews/{slug}.md")
        tests = self.tests.of(key) if key else Unread("it is not there")
        if isinstance(tests, Unread):
            unread.append(f"reviews/{slug}.md: {tests.reason}")
        else:
            asked = tests.asked.get((verdict.claim, verdict.scale))
            if asked is None:
                unread.append(f"reviews/{slug}.md: {tests.wrong or 'it does not declare the claim'}")
        ran = None
        place = asked.verification if asked else verification
        if place:
            path = contents.evidence_path(slug, place, verdict.scale)
            found = self.runs.of(files[path]) if path in files else Unread("it is not there")
            if isinstance(found, Unread):
                unread.append(f"{path}: {found.reason}")
            else:
                ran = found
        return Known(verdict, asked, ran, tuple(unread))


def slugs(version: Version) -> list[str]:
    """The reviews of which there is anything, in order."""
    return sorted({contents.review_of(path) for path in version.files})


def in_order(places: Iterable[Place]) -> list[Place]:
    """By scale, then by claim."""
    return sorted(places, key=lambda place: (SCALES.index(place[1]), place[0]))


def _verdicts(content: bytes) -> dict[Place, Verdict] | Unread:
    if wrong := store.wrong_with_verdicts(content):
        return Unread(f"it is not in this program's format: {wrong}")
    found = store.decode_verdicts(content).verdicts
    if not all(_NAME.fullmatch(each.claim) for each in found):
        return Unread("it has verdicts of claims that no review can declare")
    return {(each.claim, each.scale): each for each in found}


def _tests(content: bytes) -> Tests | Unread:
    from verify.format.declared import declared  # YAML and Markdown are loaded only where a text is read

    try:
        asked, mistakes = declared("", utf8(content, ""))
    except UserError as error:
        return Unread(error.message)
    except RecursionError:
        return Unread("it is nested too deeply to be read")
    first = f"line {mistakes[0].line}: {mistakes[0].message}" if mistakes else ""
    return Tests(asked, first)


def _ran(content: bytes) -> Ran | Unread:
    from verify.format.declared import spelled

    try:
        lines = _lines.decode_lines(content)
    except UNDECODABLE as error:
        return Unread(f"it is not in a format that this program reads: {error}")
    trials = [line.trial for line in lines if line.trial is not None]
    used = {trial.environment for trial in trials}
    codes = {trial.code for trial in trials}
    parameters: dict[str, list[Scalar]] = {}
    for trial in trials:
        for name, value in trial.parameters.items():
            parameters.setdefault(name, []).append(value)
    results = sorted(_sorted.encode((each.parameters, each.seed, each.values, each.diverged)) for each in trials)
    return Ran(
        seeds=frozenset(trial.seed for trial in trials),
        parameters=spelled(parameters),
        code={
            name: hash_of
            for line in lines
            if line.code is not None and line.code.id in codes
            for name, hash_of in line.code.definitions.items()
        },
        data=frozenset(trial.data for trial in trials if trial.data),
        devices=frozenset(
            line.environment.words for line in lines if line.environment is not None and line.environment.id in used
        ),
        results=digest(b"\n".join(results).decode()),
    )
