"""Broken inputs by the thousand, as `tests.breaking` breaks them."""

from __future__ import annotations

from tests.campaign.tally import Tally

KINDS = ("reviews", "bindings", "evidence", "journal", "verdicts", "caches", "notebooks")


def mutate(kind: str, count: int, seed: int) -> Tally:
    """Break `count` inputs of a kind; a fault is what ended in anything but a message."""
    from tests.breaking import run

    tally = Tally("mutated inputs")
    report = run(kind, count, seed)
    tally.faults += [f"seed {seed}, {kind}: {fault}" for fault in report.faults]
    tally.count(f"mutated {kind}", report.tried)
    return tally
