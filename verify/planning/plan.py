"""What there is to run: a review's trials at a scale, which of them are fresh, and why the others are not.

Pure: no clock, no disk, no randomness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from itertools import product
from operator import xor
from typing import Literal

import msgspec
from msgspec import Struct

from verify.errors import UserError, listed
from verify.judging.choices import choose
from verify.judging.robust import multiplied
from verify.model import Choice, Code, Evidence, Experiment, Record, Rung, Scalar, Scale, Trial, Verification
from verify.planning.fingerprint import Definitions, digest

State = Literal["fresh", "stale", "missing", "failed"]
Point = dict[str, Scalar]
Lookup = Callable[[str], Sequence[Record] | None]
"""Per verification of the same review and scale: its records, or None while they are not complete."""

_encoder = msgspec.json.Encoder(order="sorted")
_COMPARED = 20
"""Records that a trial is held against where none differs from it in one parameter only."""


class Waiting(Exception):
    """A verification's parameters are chosen by `verification`, which is not complete yet, or leaves no choice."""

    def __init__(self, verification: str, reason: str) -> None:
        super().__init__(reason)
        self.verification = verification
        self.reason = reason


class Planned(Struct, frozen=True):
    """A trial, its state, and the reason a reader is given where it is not fresh."""

    trial: Trial
    state: State
    why: str = ""


class Batch(Struct, frozen=True):
    """Trials that are trained together."""

    trials: tuple[Trial, ...]
    experiment: Experiment
    time_limit: float
    """Seconds for the whole batch."""

    def halves(self) -> tuple[Batch, Batch]:
        """The batch in two, to find the trial that breaks it."""
        middle = len(self.trials) // 2
        share = self.time_limit / len(self.trials)
        first, second = self.trials[:middle], self.trials[middle:]
        return (
            Batch(first, self.experiment, share * len(first)),
            Batch(second, self.experiment, share * len(second)),
        )


def points(rung: Rung) -> Iterator[Point]:
    """Every point of every grid, once each, in the order of the declaration."""
    seen = set()
    for grid in rung.grids or ({},):
        for values in product(*grid.values()):
            point = dict(zip(grid, values, strict=True))
            key = _encoder.encode(point)
            if key not in seen:
                seen.add(key)
                yield point


def expand(
    slug: str, verification: Verification, rung: Rung, code: Code, lookup: Lookup, first_seed: int = 0
) -> tuple[Trial, ...]:
    """The trials of a verification at a scale, grid points outermost, seeds innermost, as many as the last look has.

    Seeds are counted from `first_seed`, which is a laboratory's own.

    Raises:
        Waiting: a parameter is chosen by a verification for which `lookup` has no records.
    """
    trials = []
    seen = set()
    choices = _Choices(lookup)
    for point in points(rung):
        parameters = choices.resolve({**rung.parameters, **point})
        stem = _stem(code.hash, rung.scale, parameters)
        if stem in seen:  # a point that leaves out what is fixed, beside one that names it
            continue
        seen.add(stem)
        for seed in range(first_seed, first_seed + rung.seeds[-1]):
            trials.append(
                Trial(
                    review=slug,
                    verification=verification.id,
                    scale=rung.scale,
                    experiment=verification.experiment,
                    parameters=parameters,
                    seed=seed,
                    fingerprint=digest(stem + str(seed)),
                    code=code.hash,
                )
            )
    return tuple(trials)


def _stem(code: str, scale: Scale, parameters: Point) -> str:
    return f"{code} {scale} {_encoder.encode(parameters).decode()} "


def fingerprint(scale: Scale, record: Record) -> str:
    """What the fingerprint of a record must be, by all that it says of itself."""
    return digest(_stem(record.code, scale, record.parameters) + str(record.seed))


class _Choices:
    """The values that other verifications choose: their records are gone through once, not for every point."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._groups: dict[tuple[str, tuple[str, ...]], dict[tuple[Scalar | None, ...], list[Record]]] = {}
        self._chosen: dict[tuple[str, Choice, tuple[Scalar | None, ...]], Scalar] = {}

    def resolve(self, parameters: Mapping[str, Scalar | Choice]) -> Point:
        """Parameters with every choice made, sorted by name."""
        settled = {name: value for name, value in parameters.items() if not isinstance(value, Choice)}
        for name, value in parameters.items():
            if isinstance(value, Choice):
                settled[name] = self._choose(name, value, settled)
        return dict(sorted(settled.items()))

    def _choose(self, name: str, choice: Choice, settled: Point) -> Scalar:
        where = tuple(settled.get(each) for each in choice.per)
        if (name, choice, where) not in self._chosen:
            records = self._grouped(choice).get(where, [])
            try:
                self._chosen[name, choice, where] = multiplied(choose(choice, name, settled, records), choice.times)
            except UserError as error:
                raise Waiting(choice.verification, f"cannot run: {error.message}") from None
        return self._chosen[name, choice, where]

    def _grouped(self, choice: Choice) -> dict[tuple[Scalar | None, ...], list[Record]]:
        """The chooser's records by what they must agree on."""
        key = choice.verification, choice.per
        if key not in self._groups:
            records = self._lookup(choice.verification)
            if records is None:
                raise Waiting(choice.verification, f"waits for {choice.verification}, which chooses its parameters")
            groups: dict[tuple[Scalar | None, ...], list[Record]] = {}
            for record in records:
                groups.setdefault(tuple(map(record.parameters.get, choice.per)), []).append(record)
            self._groups[key] = groups
        return self._groups[key]


def chosen_from(rung: Rung) -> tuple[str, ...]:
    """The verifications that choose a parameter of this one."""
    return tuple(dict.fromkeys(value.verification for value in rung.parameters.values() if isinstance(value, Choice)))


def examine(trials: Iterable[Trial], known: Evidence, definitions: Definitions) -> list[Planned]:
    """Each trial's state against what is `known`, with the reason where it is not fresh."""
    fresh = {record.fingerprint for record in known.records}
    failed = {failure.fingerprint: failure for failure in known.failures}
    history = _History(known)
    planned = []
    for trial in trials:
        if trial.fingerprint in fresh:
            planned.append(Planned(trial, "fresh"))
        elif trial.fingerprint in failed:
            planned.append(Planned(trial, "failed", f"failed before: {failed[trial.fingerprint].error}"))
        else:
            planned.append(history.explain(trial, definitions))
    return planned


class _History:
    """Older records, indexed for naming what changed."""

    def __init__(self, known: Evidence) -> None:
        self._codes = known.codes
        self._records: dict[tuple[bytes, int], Record] = {}
        self._by_seed: dict[int, list[Record]] = {}
        for record in known.records:
            self._records[_encoder.encode(record.parameters), record.seed] = record
            self._by_seed.setdefault(record.seed, []).append(record)
        self._changes: dict[str, str] = {}

    def explain(self, trial: Trial, definitions: Definitions) -> Planned:
        same = self._records.get((_encoder.encode(trial.parameters), trial.seed))
        if same is not None:
            if same.code not in self._changes:
                changed = _changed(self._codes.get(same.code, {}), definitions)
                self._changes[same.code] = f"code changed: {listed(changed) or 'unknown'}"
            return Planned(trial, "stale", self._changes[same.code])
        if trial.seed not in self._by_seed:
            return Planned(trial, "missing", f"new seed {trial.seed}" if self._records else "never run")
        differences = (_difference(record.parameters, trial.parameters) for record in self._near(trial))
        nearest = min(differences, key=lambda difference: (len(difference), str(sorted(difference.items()))))
        named = ", ".join(f"{name} {before} → {after}" for name, (before, after) in sorted(nearest.items()))
        return Planned(trial, "missing", f"parameter changed or added: {named}")

    def _near(self, trial: Trial) -> list[Record]:
        """Records of the trial's seed of which one is as near as a message needs: those that differ in one
        parameter, else some; never all, of which there may be as many as there are trials.
        """
        whole, parts = _hashes(trial.parameters, trial.seed)
        keys = [whole, *(whole ^ part for part in parts)]
        return [self._by_part[key] for key in keys if key in self._by_part] or self._by_seed[trial.seed][:_COMPARED]

    @cached_property
    def _by_part(self) -> dict[int, Record]:
        """A record by the hash of its parameters and seed, and by that of all its parameters but one."""
        found: dict[int, Record] = {}
        for record in reversed(self._records.values()):  # of several the first counts
            whole, parts = _hashes(record.parameters, record.seed)
            for key in (whole, *(whole ^ part for part in parts)):
                found[key] = record
        return found


def _hashes(parameters: Point, seed: int) -> tuple[int, list[int]]:
    """A hash of a point, and one of each of its parameters; with `^`, the second takes a parameter out of the first."""
    parts = [hash((name, repr(value))) for name, value in parameters.items()]
    return reduce(xor, parts, hash(("", seed))), parts


def _changed(before: Definitions, after: Definitions) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _difference(before: Point, after: Point) -> dict[str, tuple[Scalar | None, Scalar | None]]:
    """What differs, type included: 1 and 1.0 are other trials."""
    return {
        name: (before.get(name), after.get(name))
        for name in {*before, *after}
        if repr(before.get(name)) != repr(after.get(name))
    }


def batches(trials: Iterable[Trial], experiment: Experiment, rung: Rung) -> list[Batch]:
    """Trials grouped by all that splits a batch, each group cut evenly into pieces the experiment can train.

    The cut depends on nothing but the trials and the declaration, so the same command gives the same bytes.
    """
    limit = rung.time_limit or experiment.time_limit
    groups: dict[bytes, list[Trial]] = {}
    for trial in trials:
        shared = {name: value for name, value in trial.parameters.items() if name not in experiment.batch_axes}
        groups.setdefault(_encoder.encode([trial.review, trial.verification, trial.scale, shared]), []).append(trial)
    found = []
    for group in groups.values():
        pieces = -(-len(group) // experiment.batch)
        for piece in range(pieces):
            part = tuple(group[piece * len(group) // pieces : (piece + 1) * len(group) // pieces])
            found.append(Batch(part, experiment, limit * len(part)))
    return found
