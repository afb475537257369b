"""Checks of an experiment's parameters that only the experiment can make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def one_of(what: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Raise a `ValueError` that lists what is `known`, where anything `given` is not."""
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"{what} must be one of {', '.join(known)}; not {', '.join(unknown)}")
