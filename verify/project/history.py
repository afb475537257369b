"""When verdicts changed, and why: from the commits of the project's repository, the main line of them.

Two processes of git list the commits and their files, and hand over what is to be read of these; so a thousand commits
cost little more than ten.  What was found is kept in `.verify/cache` for the commit it was found at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from verify.judging.changes import Cause, causes, moved
from verify.model import Scale, Verdict
from verify.project import cached, program
from verify.project.contents import Objects, Unread, evidence_path, review_of
from verify.project.lines import UNDECODABLE
from verify.project.readings import Place, Readings, in_order
from verify.system import GitSilent, git

_NAME = "history.json"
_LOG = (
    "log", "-z", "--raw", "--root", "--no-abbrev", "--reverse", "--first-parent", "--diff-merges=first-parent",
    "--no-renames", "--relative", "--no-show-signature", "--no-color", "--no-notes", "--no-ext-diff", "--no-textconv",
    "--format=tformat:%x01%H %ct",
)  # fmt: skip
"""All that a configuration of git could change is said; nothing that it names is run."""
_PATHS = (":(glob)docs/evidence/*/verdicts.json", ":(glob)docs/evidence/*/*.jsonl", ":(glob)reviews/*.md")
_LAST_SECOND = 253402300799
"""Of the year 9999."""


class Step(Struct, frozen=True, omit_defaults=True):
    """A commit in which a claim's verdict at a scale, or its numbers, became other ones."""

    review: str
    claim: str
    scale: Scale
    commit: str
    on: str
    """The committer's date, by UTC: `2026-11-27T12:00:00Z`."""
    before: Verdict | None = None
    """None: there was none. Verdicts are without numbers per seed."""
    now: Verdict | None = None
    """None: it was withdrawn."""
    causes: tuple[Cause, ...] = ()
    """None of a verdict that is the first or the last."""
    added: int = 0
    """Seeds that were added since the first verdict; negative where there are fewer."""

    @property
    def day(self) -> str:
        return self.on[:10]

    @property
    def changed(self) -> bool:
        """Whether a verdict that stood became another one, or none."""
        return self.before is not None and (self.now is None or self.now.status != self.before.status)


class History(Struct, frozen=True, omit_defaults=True):
    """What a repository tells of verdicts, in the order of time."""

    steps: tuple[Step, ...] = ()
    head: str = ""
    """The commit up to which it reaches; empty where there is none."""
    on: str = ""
    """Its date, as of a step."""
    cut: bool = False
    """Commits of before are not here: the clone is shallow."""
    unread: tuple[str, ...] = ()
    """What could not be read, each with its reason."""
    missing: str = ""
    """Why nothing is known at all."""


class _File(Struct, frozen=True):
    key: str
    history: History


Files = dict[str, str]
"""Contents' ids by path."""


class _At(Struct, frozen=True):
    """What a commit that touched verdicts left behind."""

    commit: str
    seconds: int
    files: dict[str, Files]
    """Of each review whose verdicts it touched; without verdicts, where it removed them."""


class _Side(Struct, frozen=True):
    """A review when its verdicts were written."""

    slug: str
    files: Files


def of(root: Path) -> History:
    """The history up to the current commit of the project at `root`; from the cache, where it is known there."""
    try:
        head, seconds = git(root, "log", "-1", "--no-show-signature", "--format=%H %ct", "HEAD").decode().split()
        shallow = git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"
        key = f"{head} {shallow} {program.text()}"
        known = _known(root)
        if known is not None and known.key == key:
            return known.history
        found = msgspec.structs.replace(_read(root), head=head, on=_when(int(seconds)), cut=shallow)
    except GitSilent as silent:
        return History(missing=str(silent))
    cached.write(root, _NAME, msgspec.json.encode(_File(key, found)))
    return found


def _known(root: Path) -> _File | None:
    """What the cache holds; None where it cannot be read, since it can be made again."""
    try:
        return msgspec.json.decode(cached.read(root, _NAME) or b"", type=_File)
    except UNDECODABLE:
        return None


def _when(seconds: int) -> str:
    """A time of git's as text; times that no calendar has are moved into it."""
    moment = datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _read(root: Path) -> History:
    times = list(_times(git(root, *_LOG, "HEAD", "--", *_PATHS)))
    readings = Readings(Objects(root))
    readings.verdicts.load(key for at in times for slug, files in at.files.items() if (key := files.get(_path(slug))))
    found: list[_Change] = []
    unread: list[str] = []
    for chain in _chains(times):
        walk = _Walk(chain[-1][1], readings)
        for at, slug in chain:
            found += walk.take(at, slug)
        unread += walk.unread
    order = {at.commit: number for number, at in enumerate(times)}
    found.sort(key=lambda each: (order[each.step.commit], each.step.review))
    return History(tuple(_explained(found, readings)), unread=tuple(unread))


def _path(slug: str) -> str:
    return f"docs/evidence/{slug}/verdicts.json"


def _times(log: bytes) -> Iterator[_At]:
    """The commits that touched verdicts, from the answer of `git log`."""
    files: dict[str, Files] = {}
    commit, seconds, touched = "", 0, set[str]()

    def at() -> Iterator[_At]:
        if touched:
            yield _At(commit, seconds, {slug: dict(files[slug]) for slug in sorted(touched)})

    parts = iter(log.split(b"\0"))
    for part in parts:
        text = part.lstrip(b"\n")
        if text.startswith(b"\x01"):
            yield from at()
            commit, _, date = text[1:].decode().partition(" ")
            seconds, touched = int(date), set()
        elif text.startswith(b":"):
            _, mode, _, now, _ = text.decode().split(" ")
            path = next(parts).decode("utf-8", "replace")
            slug = review_of(path)
            if not slug:
                continue
            of_review = files.setdefault(slug, {})
            if mode.startswith("100"):
                of_review[path] = now
            else:  # it is gone, or a link by now
                of_review.pop(path, None)
            if path == _path(slug):
                touched.add(slug)
    yield from at()


def _chains(times: Iterable[_At]) -> list[list[tuple[_At, str]]]:
    """Per review the times at which its verdicts were touched; one that was renamed as it was goes on."""
    chains: dict[str, list[tuple[_At, str]]] = {}
    last: Files = {}
    for at in times:
        now = {slug: files.get(_path(slug), "") for slug, files in at.files.items()}
        gone = {last[slug]: slug for slug, key in now.items() if not key and last.get(slug)}
        for slug, key in now.items():
            if key in gone and not last.get(slug):
                chains[slug] = chains.pop(gone.pop(key))
        for slug, key in now.items():
            if key or slug in chains:
                chains.setdefault(slug, []).append((at, slug))
        last |= now
    return list(chains.values())


class _Change(Struct, frozen=True):
    """A step whose causes are still to be found."""

    step: Step
    before: _Side | None = None
    now: _Side | None = None


class _Walk:
    """Follows the verdicts of one review."""

    def __init__(self, name: str, readings: Readings) -> None:
        """`name` is what the review is called by now."""
        self._name = name
        self._readings = readings
        self._last: dict[Place, Verdict] = {}
        self._seeds: dict[Place, int] = {}
        """Of each claim that had a verdict from evidence, the seeds of the first; 0 while none has counted any."""
        self._side: _Side | None = None
        self.unread: list[str] = []

    def take(self, at: _At, slug: str) -> Iterator[_Change]:
        """What a commit changed."""
        side = _Side(slug, at.files[slug])
        key = side.files.get(_path(slug))
        found = self._readings.verdicts.of(key) if key else {}
        if isinstance(found, Unread):
            self.unread.append(f"{at.commit[:12]}: {_path(slug)}: {found.reason}")
            return
        for place in in_order({**self._last, **found}):
            before, now = self._last.get(place), found.get(place)
            if self._differ(place, before, now):
                step = Step(self._name, *place, at.commit, _when(at.seconds), _bare(before), _bare(now))
                step = msgspec.structs.replace(step, added=self._added(place, now))
                explained = before is not None and now is not None
                yield _Change(step, self._side, side) if explained else _Change(step)
        self._last, self._side = {place: each for place, each in found.items() if place in self._seeds}, side

    def _differ(self, place: Place, before: Verdict | None, now: Verdict | None) -> bool:
        """Whether there is something to tell of a claim; not before it had a verdict from evidence."""
        if now is not None and now.status != "not run":
            self._seeds[place] = self._seeds.get(place) or now.seeds
        if before is None or now is None:
            return place in self._seeds
        return before.status != now.status or moved(before, now)

    def _added(self, place: Place, now: Verdict | None) -> int:
        return now.seeds - self._seeds[place] if now is not None and now.seeds else 0


def _bare(verdict: Verdict | None) -> Verdict | None:
    return None if verdict is None else msgspec.structs.replace(verdict, per_seed=())


def _explained(found: list[_Change], readings: Readings) -> Iterator[Step]:
    """Steps with their causes.

    Texts of reviews are read first, since they say which evidence there is to read; of that, the newest first, since
    there may be more than is read.
    """
    sides = [side for each in found for side in (each.before, each.now) if side is not None]
    readings.tests.load(key for side in sides if (key := side.files.get(f"reviews/{side.slug}.md")))
    places = [_verification(each, readings) for each in found]
    newest = list(zip(found, places, strict=True))[::-1]
    readings.runs.load(key for each, place in newest for key in _evidence(each, place, readings))
    for each, place in zip(found, places, strict=True):
        step = each.step
        if each.before is None or each.now is None or step.before is None or step.now is None:
            yield step
            continue
        was = readings.known(each.before.files, each.before.slug, step.before, place)
        becomes = readings.known(each.now.files, each.now.slug, step.now, place)
        yield msgspec.structs.replace(step, causes=causes(was, becomes))


def _verification(change: _Change, readings: Readings) -> str:
    """Where the claim is declared, by the later of the two reviews that can be read; empty where by none."""
    place = (change.step.claim, change.step.scale)
    for side in (change.now, change.before):
        asked = readings.asked(side.files, side.slug, place) if side else None
        if asked is not None:
            return asked.verification
    return ""


def _evidence(change: _Change, verification: str, readings: Readings) -> Iterator[str]:
    """The keys of the evidence on both sides of a change."""
    place = (change.step.claim, change.step.scale)
    for side in (change.now, change.before):
        if side is not None:
            asked = readings.asked(side.files, side.slug, place)
            path = evidence_path(side.slug, asked.verification if asked else verification, place[1])
            if path in side.files:
                yield side.files[path]
