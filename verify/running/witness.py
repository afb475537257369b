"""The journal as a witness: where this machine has run a trial, its values are held against the evidence.

An evidence file can be edited, merged by hand or recorded elsewhere.  What was run here is known from the journal, and
each value that is another one in the evidence is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from textwrap import wrap

import msgspec
from msgspec import Struct

from verify.errors import UserError, UserErrors
from verify.model import Environment, Evidence, Failure, Record, Review, Scale, Trial, Value, Verification
from verify.project import store
from verify.project.lines import UNDECODABLE, Place
from verify.project.project import Project

SHOWN = 20
"""Values that are named of all that differ: of more, nobody reads all."""
UNDECIDED = "restore the evidence with git, or delete {journal} and run again"
"""What to do where it is not known which of the two is right."""
OVERWRITTEN = "the evidence now holds what was run here: keep it, or restore the file with git"
"""What to do after a run that has written its own results."""
AGAIN = "the later result counts, and neither may be right: the trial is not deterministic, or something else changed"
"""What to do after a run of trials that were run before."""
_WIDTH = 76
"""Characters of a line of a hint, which stands indented by four."""


class _Result(Struct, frozen=True, gc=False):
    """What is compared of a trial; not where it ran, nor for how long."""

    values: dict[str, Value]
    data: str = ""
    diverged: bool = False


class _TrialLine(Struct, frozen=True, gc=False):
    trial: _Result


_results = msgspec.json.Decoder(_TrialLine)


class Difference(Struct, frozen=True):
    """One value of a trial that this machine has run, and that the evidence says otherwise."""

    review: str
    verification: str
    scale: Scale
    fingerprint: str
    point: str
    """The trial, in words: `seed 1 (bias=0.5)`."""
    name: str
    """Of the value; `data` or `diverged` for these."""
    here: Value | str | bool | None
    there: Value | str | bool | None
    """None, here and above: there is no such value."""
    here_on: Environment
    there_on: Environment


class Contradiction(UserError):
    """Evidence that this machine contradicts: no mistake in what was written, so a command ends with 1."""


def differences(project: Project, review: Review, verification: Verification, scale: Scale) -> list[Difference]:
    """Values of the evidence that are not those which this machine got, in the order of the evidence.

    Raises:
        UserErrors: evidence or journal cannot be read.
    """
    return _between(project, (review.slug, verification.id, scale))


def _between(project: Project, place: Place) -> list[Difference]:
    own, others = store.trial_lines(project.journal_path(*place)), store.trial_lines(project.evidence_path(*place))
    if own and others and not _are_unlike(own, others):
        return []
    evidence = project.evidence(*place)  # where there are no lines, it says why, if anything is wrong
    journal = project.journal(*place)
    return [] if evidence is None else compare(journal, evidence)


def _are_unlike(own: dict[bytes, bytes], others: dict[bytes, bytes]) -> bool:
    """Whether any result is another one, told from the lines: a run with nothing to do has no time to read records."""
    pairs = [(own[key], line) for key, line in others.items() if own.get(key, line) != line]
    try:
        return any(_results.decode(here).trial != _results.decode(there).trial for here, there in pairs)
    except UNDECODABLE:
        return True  # reading them will say what is wrong


def of_review(project: Project, review: Review) -> list[Difference]:
    """Those of all its verifications at all scales; raises as `differences` does."""
    return [each for rung in project.rungs(review) for each in differences(project, review, *rung)]


def compare(own: Evidence, evidence: Evidence) -> list[Difference]:
    """Values that are not the same in two results of one trial: equal fingerprints, under whatever code."""
    here = {record.fingerprint: record for record in own.records}
    return [
        Difference(
            evidence.review,
            evidence.verification,
            evidence.scale,
            there.fingerprint,
            point(there),
            name,
            first,
            second,
            own.environments[here[there.fingerprint].environment],
            evidence.environments[there.environment],
        )
        for there in evidence.records
        if there.fingerprint in here
        for name, first, second in _unlike(here[there.fingerprint], there)
    ]


def _unlike(here: Record, there: Record) -> Iterator[tuple[str, Value | str | bool | None, Value | str | bool | None]]:
    for name in dict.fromkeys((*there.values, *here.values)):
        if here.values.get(name) != there.values.get(name):
            yield name, here.values.get(name), there.values.get(name)
    if here.data != there.data:
        yield "data", here.data or None, there.data or None
    if here.diverged != there.diverged:
        yield "diverged", here.diverged, there.diverged


def point(trial: Trial | Record | Failure) -> str:
    """Where in the grid a trial stands: `seed 1 (lr=0.1, width=8)`."""
    parameters = ", ".join(f"{name}={value}" for name, value in trial.parameters.items())
    return f"seed {trial.seed}" + (f" ({parameters})" if parameters else "")


class Witness:
    """Holds a run's results against the evidence as it was before, which the run may overwrite."""

    def __init__(self, project: Project, places: Iterable[Place], *, again: bool = False) -> None:
        """`again`: trials are run that may have been run here before; their results are compared as well."""
        self._project = project
        self._places = list(places)
        self._again = again
        self._before: dict[Place, Evidence | None] = {}
        self._ran: dict[Place, Evidence] = {}
        """What the journal held before."""
        self.mistakes: list[UserError] = []
        """Evidence and journals that cannot be read, and so were not compared."""

    def begin(self) -> None:
        """Keep the evidence as it is now; it may have changed since it was read, by a run that this one waited for."""
        for place in self._places:
            self._project.forget(*place)
            with suppress(UserErrors):  # `end` says so if it still cannot be read then
                self._before[place] = self._project.evidence(*place)
                if self._again:
                    self._ran[place] = self._project.journal(*place)

    def end(self) -> list[Contradiction]:
        """What is to be told after the run: of evidence that it overwrote, and of what it left as it is."""
        replaced: list[Difference] = []
        left: list[Difference] = []
        changed: list[Difference] = []
        for place in self._places:
            try:
                now = _between(self._project, place)
                left += now
                if before := self._before.get(place):
                    replaced += _beyond(now, compare(self._project.journal(*place), before))
                if ran := self._ran.get(place):
                    changed += _beyond([*now, *replaced], compare(self._project.journal(*place), ran))
            except UserErrors as wrong:
                self.mistakes += wrong.errors
        return [
            *told(self._project, replaced, OVERWRITTEN),
            *told(self._project, left),
            *told(self._project, changed, AGAIN, earlier=True),
        ]


def _beyond(known: Iterable[Difference], found: Iterable[Difference]) -> list[Difference]:
    """Those of `found` that are of other values than `known` ones."""
    values = {(each.fingerprint, each.name) for each in known}
    return [each for each in found if (each.fingerprint, each.name) not in values]


def beside(project: Project, place: Place) -> tuple[int, list[Difference]]:
    """How many trials a laboratory and the project itself both have run, and the values that are not the same.

    There are such where the laboratory's seeds are the project's; `here` is the laboratory.

    Raises:
        UserErrors: evidence cannot be read.
    """
    if project is project.own:
        return 0, []
    here, there = project.evidence(*place), project.own.evidence(*place)
    if here is None or there is None:
        return 0, []
    shared = {each.fingerprint for each in here.records} & {each.fingerprint for each in there.records}
    return len(shared), compare(here, there)


# In words


def mistakes(project: Project, review: Review) -> Iterator[UserError]:
    """What `verify check` says of a review's evidence."""
    yield from told(project, of_review(project, review))


def told(
    project: Project, found: Sequence[Difference], advice: str = UNDECIDED, *, earlier: bool = False
) -> Iterator[Contradiction]:
    """A message for each evidence file; all of them together name the first `SHOWN` values.

    `earlier`: what the values are held against is not evidence, but what this machine got before.
    """
    against = "before" if earlier else "evidence"
    left = SHOWN
    for (slug, verification, scale), group in groupby(found, lambda each: (each.review, each.verification, each.scale)):
        of_file = list(group)
        shown = of_file[: max(left, 0)]
        left -= len(of_file)
        lines = [*_where(of_file[0], against), *_table(shown, against)]
        if len(of_file) > len(shown):
            lines.append(f"and {_count(len(of_file) - len(shown), 'more value' if shown else 'value')}")
        journal = project.relative(project.journal_path(slug, verification, scale))
        lines += wrap(advice.format(journal=journal), _WIDTH, break_on_hyphens=False)
        trials = _count(len({each.fingerprint for each in of_file}), "trial")
        verb = "is" if len(of_file) == 1 else "are"
        message = f"{_count(len(of_file), 'value')} of {trials} {verb} not what was run here"
        path = project.relative(project.evidence_path(slug, verification, scale))
        if earlier:
            message, path = f"{message} before", journal
        yield Contradiction(message, path, 0, "\n    ".join(lines))


def _where(difference: Difference, against: str) -> list[str]:
    """The machines, where they are not the same."""
    here, there = difference.here_on.words, difference.there_on.words
    return [] if here == there else [f"here: {here}", f"{against}: {there}"]


def _table(found: Sequence[Difference], against: str) -> Iterator[str]:
    """Numbers first, so that they stand below each other however long a trial's parameters are."""
    if not found:
        return
    rows = [cells(each) for each in found]
    here = max(len("here"), *(len(row[0]) for row in rows))
    there = max(len(against), *(len(row[1]) for row in rows))
    yield f"{'here':>{here}}  {against:>{there}}  value"
    for first, second, what in rows:
        numbers = f"{first:>{here}}  {second:>{there}}  "
        yield from wrap(
            what, _WIDTH, initial_indent=numbers, subsequent_indent=" " * (len(numbers) + 2), break_on_hyphens=False
        )


def cells(difference: Difference) -> tuple[str, str, str]:
    """The values here and there, and what they are of; of curves the first point that is not the same."""
    here, there, name = difference.here, difference.there, difference.name
    if isinstance(here, tuple) and isinstance(there, tuple) and len(here) == len(there):
        apart = [number for number, pair in enumerate(zip(here, there, strict=True)) if pair[0] != pair[1]]
        name = f"{name}[{apart[0]}]" + (f" and {_count(len(apart) - 1, 'more point')}" if len(apart) > 1 else "")
        here, there = here[apart[0]], there[apart[0]]
    return _cell(here), _cell(there), f"{name}, {difference.point}"


def _cell(value: Value | str | bool | None) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return _count(len(value), "point")
    return value[:12] if isinstance(value, str) else f"{value:.6g}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
