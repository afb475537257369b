"""Two versions of a project held against each other: claims, verdicts, numbers, tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from verify.errors import UserError
from verify.judging.changes import Asked, Cause, causes, moved, of_declared
from verify.model import Scale, Verdict
from verify.project.contents import Unread, Version
from verify.project.readings import Place, Readings, Tests, in_order, slugs
from verify.system import GitSilent

Kind = Literal["verdict", "gone", "new", "test", "numbers"]
KINDS: tuple[Kind, ...] = ("verdict", "gone", "new", "test", "numbers")
"""In the order of their weight."""


class Difference(Struct, frozen=True, omit_defaults=True):
    """A claim at a scale that is not what it was, named by what weighs most."""

    review: str
    claim: str
    scale: Scale
    kind: Kind
    before: Verdict | None = None
    """None, here and below: there was no verdict."""
    now: Verdict | None = None
    causes: tuple[Cause, ...] = ()
    """What is declared otherwise, or was run otherwise; none of a claim that is new or gone."""


class Compared(Struct, frozen=True):
    """What came of it, in the order of reviews."""

    before: str
    """What was compared with: a commit, or a folder."""
    differences: tuple[Difference, ...]
    same: int
    """Verdicts that do not differ in anything."""
    unread: tuple[str, ...]
    """What could not be read, each with its reason."""


class _Of(Struct, frozen=True):
    """What a version has of a review."""

    verdicts: Mapping[Place, Verdict]
    asked: Mapping[Place, Asked]


def compare(before: Version, now: Version, reviews: Sequence[str] = ()) -> Compared:
    """What differs between two versions, of some reviews or of all.

    Raises:
        UserError: git does not answer.
    """
    found: list[Difference] = []
    try:
        comparison = _Comparison(before, now)
        for slug in reviews or sorted({*slugs(before), *slugs(now)}):
            found += comparison.of_review(slug)
    except GitSilent as silent:
        raise UserError(f"the files of {before.name} cannot be read: {silent}") from None
    return Compared(before.name, tuple(found), comparison.same, tuple(dict.fromkeys(comparison.unread)))


class _Comparison:
    def __init__(self, before: Version, now: Version) -> None:
        self._versions = before, now
        self._readings = Readings(before.contents), Readings(now.contents)
        self.same = 0
        self.unread: list[str] = []
        for version, readings in zip(self._versions, self._readings, strict=True):
            of_reviews = slugs(version)
            for kept, path in (
                (readings.verdicts, "docs/evidence/{}/verdicts.json"),
                (readings.tests, "reviews/{}.md"),
            ):
                kept.load(key for slug in of_reviews if (key := version.files.get(path.format(slug))))

    def of_review(self, slug: str) -> Iterator[Difference]:
        """What differs in a review; nothing of one whose verdicts cannot be read on both sides."""
        before, now = self._of(0, slug), self._of(1, slug)
        if before is None or now is None:
            return
        self._load_runs(slug, before, now)
        for place in in_order({**before.asked, **before.verdicts, **now.asked, **now.verdicts}):
            found = self._claim(slug, place, before, now)
            if found is None:
                self.same += 1
            else:
                yield found

    def _of(self, side: int, slug: str) -> _Of | None:
        """What one side has of a review; None where its verdicts cannot be read."""
        files, readings = self._versions[side].files, self._readings[side]
        path, text = f"docs/evidence/{slug}/verdicts.json", f"reviews/{slug}.md"
        verdicts = readings.verdicts.of(files[path]) if path in files else {}
        tests = readings.tests.of(files[text]) if text in files else Tests({})
        wrong = tests.reason if isinstance(tests, Unread) else tests.wrong
        if wrong:
            self._note(side, text, wrong)
        if isinstance(verdicts, Unread):
            self._note(side, path, verdicts.reason)
            return None
        return _Of(verdicts, tests.asked if isinstance(tests, Tests) else {})

    def _note(self, side: int, path: str, reason: str) -> None:
        self.unread.append(f"{self._versions[side].name}: {path}: {reason}")

    def _load_runs(self, slug: str, before: _Of, now: _Of) -> None:
        """Read at once the evidence of verdicts that differ."""
        unlike = [place for place, verdict in before.verdicts.items() if _differ(verdict, now.verdicts.get(place))]
        for side, of in enumerate((before, now)):
            files = self._versions[side].files
            asked = [(of.asked[place].verification, place[1]) for place in unlike if place in of.asked]
            paths = {f"docs/evidence/{slug}/{name}.{scale}.jsonl" for name, scale in asked}
            self._readings[side].runs.load(files[path] for path in sorted(paths) if path in files)

    def _claim(self, slug: str, place: Place, before: _Of, now: _Of) -> Difference | None:
        was, becomes = before.verdicts.get(place), now.verdicts.get(place)
        if not _has(before, place):
            return Difference(slug, *place, "new", None, becomes)
        if not _has(now, place):
            return Difference(slug, *place, "gone", was)
        declared = of_declared(before.asked.get(place), now.asked.get(place))
        if was is None or becomes is None or not _differ(was, becomes):
            kind: Kind = "verdict" if (was is None) != (becomes is None) else "test"
            return Difference(slug, *place, kind, was, becomes, declared) if declared or kind == "verdict" else None
        kind = "verdict" if was.status != becomes.status else "test" if declared else "numbers"
        return Difference(slug, *place, kind, was, becomes, self._causes(slug, was, becomes, now))

    def _causes(self, slug: str, was: Verdict, becomes: Verdict, now: _Of) -> tuple[Cause, ...]:
        asked = now.asked.get((becomes.claim, becomes.scale))
        verification = asked.verification if asked else ""
        known = [
            readings.known(version.files, slug, verdict, verification)
            for version, readings, verdict in zip(self._versions, self._readings, (was, becomes), strict=True)
        ]
        for side, each in enumerate(known):
            self.unread += [f"{self._versions[side].name}: {reason}" for reason in each.unread]
        return causes(*known)


def _has(of: _Of, place: Place) -> bool:
    return place in of.verdicts or place in of.asked


def _differ(before: Verdict, now: Verdict | None) -> bool:
    return now is not None and (before.status != now.status or moved(before, now))
