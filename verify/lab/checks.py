"""Checks of an experiment's parameters that only the experiment can make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isinf
from typing import Any


def one_of(what: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Raise a `ValueError` that lists what is `known`, where anything `given` is not."""
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"{what} must be one of {', '.join(known)}; not {', '.join(unknown)}")


def numbers(what: str, given: Any, least: float, most: float, *, from_above: bool = False) -> None:
    """Raise a `ValueError` unless a number, or each of a list, lies from `least` to below `most`.

    With `from_above`, `least` itself is left out.
    """
    each = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for number in each:
        if not isinstance(number, int | float):
            raise ValueError(f"{what} is a number, or a list with one a replica; not {number!r}")  # noqa: TRY004
        value = float(number)
        if not ((value > least or (value == least and not from_above)) and (value < most or isinf(most))):
            end = "" if isinf(most) else f" to below {most:g}"
            raise ValueError(f"{what} is {'above' if from_above else 'from'} {least:g}{end}; not {value:g}")
