"""`python -m benchmarks [NAME…]`: measure, and write docs/benchmarks.md and docs/benchmarks.json."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import MEASUREMENTS, report
from benchmarks.made import ROOT
from benchmarks.measuring import timed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements that are named, or all; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(MEASUREMENTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small amounts, to see that all works: no times to quote")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="folder to write to; by default docs/")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - MEASUREMENTS.keys()):
        parser.error(f"there is no measurement {', '.join(unknown)}; there is {', '.join(MEASUREMENTS)}")
    found = {}
    for name in given.names or MEASUREMENTS:
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        seconds = timed(lambda name=name: found.update({name: MEASUREMENTS[name](given.quick)}))  # type: ignore[misc]
        print(f"{seconds:.0f} s", file=sys.stderr)
    report.write(given.output, found, quick=given.quick)
    print(report.summary(found))
    return 0


if __name__ == "__main__":  # workers are spawned, and import this module
    sys.exit(main())
