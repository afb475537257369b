"""Broken inputs by the thousand: evidence, verdicts, bindings and reviews, as `tests.breaking` breaks them."""

from __future__ import annotations

from tests.campaign.tally import Tally

KINDS = ("evidence", "verdicts", "bindings", "reviews")


def mutate(kind: str, count: int, seed: int) -> Tally:
    """Break `count` inputs of a kind; a fault is what ended in anything but a message."""
    from tests.breaking import run

    tally = Tally("mutated inputs")
    tally.faults += [f"{kind}: {fault}" for fault in run(kind, count, seed)]
    tally.count(f"mutated {kind}", count)
    return tally
