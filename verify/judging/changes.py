"""What a verdict rested on at two times, and what of it is not what it was: why a verdict is another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from verify.errors import listed
from verify.model import Test, Verdict, Where

Kind = Literal[
    "criterion", "test", "control", "verification", "seeds", "level", "parameters", "code", "data", "device",
    "judging", "rerun", "unknown",
]  # fmt: skip
NUMBERS = ("estimate", "low", "high", "passed", "control", "control_low", "control_high")
"""The fields of a verdict that are measured."""


class Asked(Struct, frozen=True, omit_defaults=True):
    """A claim's test at one scale, as its review declared it."""

    verification: str
    test: Test
    seeds: int | tuple[int, ...]
    """As declared: a number, or the looks."""
    control: Where | None = None
    parameters: dict[str, str] = {}
    """Per parameter of the scale the values that are declared, in words."""


class Ran(Struct, frozen=True):
    """What an evidence file says of how its results came about."""

    seeds: frozenset[int] = frozenset()
    parameters: dict[str, str] = {}
    """Per parameter its values, in words."""
    code: dict[str, str] = {}
    """Per definition that the experiment reaches, its hash."""
    data: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    """Torch, device and machine, in words."""
    results: str = ""
    """A hash of all results, whatever code gave them."""


class Known(Struct, frozen=True):
    """A verdict, and what it rested on as far as that can be read."""

    verdict: Verdict
    asked: Asked | None = None
    ran: Ran | None = None
    unread: tuple[str, ...] = ()
    """Why one of them is not known."""


class Cause(Struct, frozen=True, omit_defaults=True):
    """One thing that is not what it was.

    `judging`: results and test are the same, so the program judges otherwise; `rerun`: nothing that is declared
    changed, and the results did; `unknown`: something cannot be read, and `names` says what.
    """

    kind: Kind
    before: Asked | str = ""
    now: Asked | str = ""
    names: tuple[str, ...] = ()
    """Which definitions, of code; which fields, of a test."""


def moved(before: Verdict, now: Verdict) -> bool:
    """Whether anything measured differs in its first six digits."""
    return any(_six(getattr(before, name)) != _six(getattr(now, name)) for name in NUMBERS)


def _six(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def causes(before: Known, now: Known) -> tuple[Cause, ...]:
    """Why a verdict or its numbers may be other ones: never nothing, in the order of what an author decides first."""
    found = [*of_test(before.asked, now.asked), *_of_seeds(before, now), *_of_level(before, now), *_of_run(before, now)]
    unread = tuple(dict.fromkeys((*before.unread, *now.unread)))
    if unread:
        found.append(Cause("unknown", names=unread))
    if not found:
        same = before.ran is not None and now.ran is not None and before.ran.results == now.ran.results
        found.append(Cause("judging" if same else "rerun"))
    return tuple(found)


def of_test(before: Asked | None, now: Asked | None) -> Iterator[Cause]:
    """What is asked otherwise; seeds and parameters are told apart from it."""
    if before is None or now is None:
        return
    was, becomes = asdict(before.test), asdict(now.test)
    fields = tuple(name for name in becomes if was[name] != becomes[name])
    if fields:
        yield Cause("criterion" if fields == ("criterion",) else "test", before, now, fields)
    if before.control != now.control:
        yield Cause("control", before, now)
    if before.verification != now.verification:
        yield Cause("verification", before.verification, now.verification)


def of_declared(before: Asked | None, now: Asked | None) -> tuple[Cause, ...]:
    """All that is declared otherwise, whether or not it has run."""
    if before is None or now is None:
        return ()
    found = list(of_test(before, now))
    if before.seeds != now.seeds:
        found.append(Cause("seeds", _looks(before.seeds), _looks(now.seeds)))
    if before.parameters != now.parameters:
        found.append(_of_parameters(before.parameters, now.parameters))
    return tuple(found)


def _of_seeds(before: Known, now: Known) -> Iterator[Cause]:
    was, becomes = before.verdict.seeds, now.verdict.seeds
    if was and becomes and was != becomes:  # a verdict that came from no numbers counts none
        yield Cause("seeds", str(was), str(becomes))
    elif before.asked and now.asked and before.asked.seeds != now.asked.seeds:
        yield Cause("seeds", _looks(before.asked.seeds), _looks(now.asked.seeds))
    elif before.ran and now.ran and before.ran.seeds != now.ran.seeds:
        yield Cause("seeds", _span(before.ran.seeds), _span(now.ran.seeds))


def _looks(seeds: int | tuple[int, ...]) -> str:
    return str(seeds) if isinstance(seeds, int) else " or ".join(map(str, seeds))


def _span(seeds: frozenset[int]) -> str:
    """Seeds by their numbers: `0 to 9`, or how many where some are left out."""
    if not seeds:
        return "none"
    first, last = min(seeds), max(seeds)
    whole = last - first + 1 == len(seeds)
    return f"{first} to {last}" if whole else f"{len(seeds)} of {first} to {last}"


def _of_level(before: Known, now: Known) -> Iterator[Cause]:
    was, becomes = before.verdict.level, now.verdict.level
    if was is not None and becomes is not None and _six(was) != _six(becomes):
        yield Cause("level", f"{was:.2%}", f"{becomes:.2%}")


def _of_run(before: Known, now: Known) -> Iterator[Cause]:
    """What is known of how the results came about, on both sides."""
    if before.asked and now.asked and before.asked.parameters != now.asked.parameters:
        yield _of_parameters(before.asked.parameters, now.asked.parameters)
    elif before.ran and now.ran and before.ran.parameters != now.ran.parameters:
        yield _of_parameters(before.ran.parameters, now.ran.parameters)
    if before.ran is None or now.ran is None:
        return
    if before.ran.code != now.ran.code:
        yield Cause("code", names=_unlike(before.ran.code, now.ran.code))
    if _are_others(before.ran.data, now.ran.data):
        yield Cause("data", _short(before.ran.data), _short(now.ran.data))
    if before.ran.devices != now.ran.devices:
        yield Cause("device", "; ".join(sorted(before.ran.devices)), "; ".join(sorted(now.ran.devices)))


def _are_others(before: frozenset[str], now: frozenset[str]) -> bool:
    """Whether data changed: where seeds have data of their own, more or fewer seeds have more or fewer of the same."""
    return before != now and not (before and now and (before < now or now < before))


def _short(hashes: frozenset[str]) -> str:
    return listed(sorted(each[:12] for each in hashes)) or "none"


def _of_parameters(before: Mapping[str, str], now: Mapping[str, str]) -> Cause:
    names = _unlike(before, now)
    was, becomes = (", ".join(f"{name} = {of.get(name, 'none')}" for name in names) for of in (before, now))
    return Cause("parameters", was, becomes, names)


def _unlike(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in sorted({*before, *now}) if before.get(name) != now.get(name))
