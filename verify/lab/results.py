"""What an experiment returned, checked and made into what can be recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from verify.messages import LONGEST_NAME, MOST_POINTS, MOST_VALUES, Result


class WrongResult(Exception):
    """An experiment returned something that cannot be recorded."""


def result(returned: Any, declared: Mapping[str, float]) -> Result:
    """Of one trial; where a value is not finite, what the experiment declares for divergence takes its place.

    A metric that diverged and has no declared value is left out: a claim that needs it fails.

    Raises:
        WrongResult: as its text says.
    """
    if not isinstance(returned, dict) or not returned:
        raise WrongResult(f"an experiment returns a dict of numbers and curves, not {type(returned).__name__}")
    if len(returned) > MOST_VALUES:
        raise WrongResult(f"{len(returned):,} values: at most {MOST_VALUES:,} a trial can be recorded")
    values: dict[str, float | tuple[float, ...]] = {}
    diverged = False
    for given, value in returned.items():
        name = _name(given)
        if name == "data":
            continue
        plain = _plain(name, value)
        if _is_finite(plain):
            values[name] = plain
            continue
        diverged = True
        if name in declared:
            worst = declared[name]
            values[name] = worst if isinstance(plain, float) else tuple(_until_diverged(plain, worst))
    return Result(values, _data(returned.get("data", "")), diverged)


def _name(given: object) -> str:
    if not isinstance(given, str):
        raise WrongResult(f"a value's name must be a string, not {given!r:.100}")
    if len(given) > LONGEST_NAME:
        raise WrongResult(
            f"the name '{given[:20]}…' has {len(given)} characters: at most {LONGEST_NAME} can be recorded"
        )
    if not given.isprintable():  # control characters, and halves of characters, which UTF-8 cannot hold
        raise WrongResult(f"the name {given!a:.100} holds a character that cannot be printed")
    return str.__str__(given)


def _data(given: object) -> str:
    if not isinstance(given, str) or len(given) > LONGEST_NAME or not given.isprintable():
        raise WrongResult("'data' must be the SHA-256 of what the trial saw, as text")
    return str.__str__(given)


def _plain(name: str, value: Any) -> float | tuple[float, ...]:
    if hasattr(value, "tolist"):  # numpy and torch alike
        value = value.tolist()
    if isinstance(value, (bool, int, float)):
        return _float(name, value)
    if isinstance(value, (list, tuple)) and all(isinstance(item, (bool, int, float)) for item in value):
        if not 1 <= len(value) <= MOST_POINTS:
            raise WrongResult(f"curve '{name}' has {len(value)} points: 1 to {MOST_POINTS} can be recorded")
        return tuple(_float(name, item) for item in value)
    raise WrongResult(f"'{name}' must be a number or a list of numbers, not {type(value).__name__}")


def _float(name: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise WrongResult(f"'{name}' is a whole number beyond what a float can hold") from None


def _is_finite(value: float | tuple[float, ...]) -> bool:
    return all(map(math.isfinite, value)) if isinstance(value, tuple) else math.isfinite(value)


def _until_diverged(curve: tuple[float, ...], worst: float) -> Iterator[float]:
    """The curve up to its first point that is not finite, then what divergence counts as."""
    diverged = False
    for point in curve:
        diverged = diverged or not math.isfinite(point)
        yield worst if diverged else point
