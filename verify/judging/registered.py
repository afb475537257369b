"""How a claim's test stands to what was registered of it when trials were about to run; its words are elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from verify.model import Claim, Criterion, Registration, Scalar, Test, Where

Kind = Literal["before", "after", "changed", "unregistered"]
Setting = (
    Criterion
    | Where
    | Scalar
    | dict[str, Criterion]
    | tuple[int, ...]
    | tuple[Where, ...]
    | tuple[str, ...]
    | tuple[tuple[float, float], ...]
    | None
)


class Change(Struct, frozen=True):
    """One part of a test that is not what it was."""

    field: str
    """A field of `Test`, or `control` or `seeds`."""
    before: Setting
    now: Setting


class Standing(Struct, frozen=True):
    """What the registrations of a claim say of its test as it is declared now."""

    kind: Kind
    """`before`: registered when no trial had been run; `after`: when some had; `changed`: never as it is now, but
    otherwise; `unregistered`: not at all.
    """
    registration: Registration | None = None
    """The first one of the test as it is now: of `before` and `after`."""
    previous: Registration | None = None
    """The last one of another test: there always where it is `changed`, else where another one was tried."""
    changes: tuple[Change, ...] = ()
    """From the previous one to what is declared now."""


def standing(claim: Claim, looks: Sequence[int], registered: Iterable[Registration]) -> Standing:
    """Of a claim at a scale that declares these looks; `registered` is in the order of time, of any claims."""
    seeds = _one_or_all(looks)
    own = [each for each in registered if each.claim == claim.id]
    now = _settings(claim.test, claim.control, seeds)
    same = [each for each in own if _settings_of(each) == now]
    others = [each for each in own if _settings_of(each) != now]
    previous = others[-1] if others else None
    changes = _changes(_settings_of(previous), now) if previous else ()
    if same:
        return Standing("after" if same[0].seen else "before", same[0], previous, changes)
    return Standing("changed" if previous else "unregistered", None, previous, changes)


def due(
    claims: Iterable[Claim], looks: Sequence[int], registered: Sequence[Registration], on: str, seen: int
) -> list[Registration]:
    """What is to be registered before trials run: of each claim whose test is not the last one registered for it.

    `on` is the date by UTC; `seen` how many trials' results are known.
    """
    seeds = _one_or_all(looks)
    last = {each.claim: _settings_of(each) for each in registered}
    return [
        Registration(claim.id, on, claim.test, seeds, claim.control, seen)
        for claim in claims
        if last.get(claim.id) != _settings(claim.test, claim.control, seeds)
    ]


def _one_or_all(looks: Sequence[int]) -> int | tuple[int, ...]:
    """As a registration says it."""
    return looks[0] if len(looks) == 1 else tuple(looks)


def _settings(test: Test, control: Where | None, seeds: int | tuple[int, ...]) -> dict[str, Setting]:
    return {**asdict(test), "control": control, "seeds": seeds}


def _settings_of(registration: Registration) -> dict[str, Setting]:
    return _settings(registration.test, registration.control, registration.seeds)


def _changes(before: dict[str, Setting], now: dict[str, Setting]) -> tuple[Change, ...]:
    return tuple(Change(name, before[name], now[name]) for name in now if before[name] != now[name])
