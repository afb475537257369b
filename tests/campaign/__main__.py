"""`python -m tests.campaign [PART]... [--seed N] [--lanes N] [--short]`: all parts, or those named, and a table."""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

from tests.campaign import clock, disk, kills, misbehaving, mutated, odd, processes, texts, together
from tests.campaign.tally import Tally, table

Piece = tuple[Callable[..., Tally], tuple[Any, ...]]
SHORT_ODD = ("exit-0", "str-raises", "holds-the-gil", "fork-bomb", "import-raises", "many-names", "decimal")
"""Of the misbehaving experiments, those that a short campaign tries."""


def pieces(seed: int, short: bool) -> dict[str, list[Piece]]:
    """Per part what there is to do, in pieces of a minute or so, each with a seed of its own."""
    if short:
        return {
            "misbehaving": [(misbehaving.misbehave, (list(SHORT_ODD), seed))],
            "kills": [(kills.kill, (4, seed, texts.FEW))],
            "together": [(together.together, (1, seed, texts.FEW))],
            "disk": [(disk.failing, (1, seed, texts.FEW))],
            "clock": [(clock.jumps, (1, seed, texts.FEW))],
        }
    names = [each.name for each in odd.ALL]
    return {
        "kills": [(kills.kill, (40, seed + n, texts.REVIEWS if n else texts.WITH_TORCH)) for n in range(5)],
        "together": [(together.together, (6, seed + n)) for n in range(2)],
        "disk": [(disk.full, (13, seed)), (disk.limited, (12, seed)), (disk.failing, (16, seed))],
        "clock": [(clock.jumps, (6, seed))],
        "misbehaving": [(misbehaving.misbehave, (names[n::8], seed)) for n in range(8)],
        "mutated": [(mutated.mutate, (kind, 7_200, seed)) for kind in mutated.KINDS],
    }


def campaign(parts: list[str], seed: int, lanes: int, *, short: bool) -> list[Tally]:
    """Do the parts on so many lanes, each a process of its own that adopts what its runs leave behind."""
    todo = [piece for name, those in pieces(seed, short).items() if not parts or name in parts for piece in those]
    tallies: dict[str, Tally] = {}
    with ProcessPoolExecutor(lanes, get_context("spawn"), processes.adopt) as pool:
        for number, future in enumerate(as_completed([pool.submit(call, *given) for call, given in todo]), start=1):
            done = _result(future)
            print(f"{number} of {len(todo)}: {done.part}", flush=True)
            tallies.setdefault(done.part, Tally(done.part)).add(done)
            for fault in done.faults:
                print(f"{done.part}: {fault}\n", flush=True)
    return sorted(tallies.values(), key=lambda tally: tally.part)


def _result(future: Future[Tally]) -> Tally:
    """What a piece found; one that broke off is a fault, and costs the others nothing."""
    error = future.exception()
    if error is None:
        return future.result()
    return Tally("pieces that broke off", faults=["".join(traceback.format_exception(error))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *pieces(0, short=False)], help="by default all")
    parser.add_argument("--seed", type=int, default=None, help="by default drawn, and printed")
    parser.add_argument("--lanes", type=int, default=2, help="pieces at once")
    parser.add_argument("--short", action="store_true", help="a little of each part, in seconds")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    begun = time.monotonic()
    print(f"seed {seed}", flush=True)
    tallies = campaign(given.parts, seed, given.lanes, short=given.short)
    faults = sum(len(tally.faults) for tally in tallies)
    print(f"\n{table(tallies)}\n\n{faults} faults in {time.monotonic() - begun:.0f} s (seed {seed})")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
