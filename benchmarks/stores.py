"""Planning many trials, and opening the evidence of as many."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import made
from benchmarks.measuring import Goal, Measurement, interleaved
from verify.model import Evidence, Review, Verification
from verify.planning.plan import batches, examine
from verify.project.project import Project

REPEATS = 5
SIZE = (25, 100)
"""Rates and seeds of each of the 40 verifications."""


def measure(quick: bool) -> Measurement:
    """Seconds to plan a large project, and to read all its evidence."""
    rates, seeds = (5, 5) if quick else SIZE
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        project = made.project(root, {f"made-{number}": made.review(number, 10, rates, seeds) for number in range(4)})
        made.run(project)
        trials = _plan(project)
        megabytes = sum(path.stat().st_size for path in root.rglob("docs/evidence/*/*.jsonl")) / 1e6
        seconds = interleaved(
            {
                "plan": partial(_plan, project),
                "open": partial(_open, root),
                "examine": partial(_examine, project),
            },
            repeats=1 if quick else REPEATS,
        )
    return Measurement(
        title="Many trials",
        what=f"A made project of 40 verifications and {trials:,} trials with two curves each. Planning expands grids "
        "and seeds, takes each trial's fingerprint and cuts batches; opening decodes every record of the evidence "
        f"({megabytes:.0f} MB); examining plans, and holds each trial against the evidence once opened.",
        columns=("what", "trials", "s"),
        rows=(
            ("plan", trials, seconds["plan"]),
            ("open the evidence", trials, seconds["open"]),
            ("plan and examine", trials, seconds["examine"]),
        ),
        goals=(
            Goal("planning", seconds["plan"], "at most", 1, "s"),
            Goal("opening the evidence", seconds["open"], "at most", 2, "s"),
        ),
        limits="Planning is a hash and a frozen structure a trial. Opening is decoding the numbers of the curves; the "
        "garbage collector's rounds over them are a third of it.",
    )


def _verifications(project: Project) -> Iterator[tuple[Review, Verification]]:
    return ((review, verification) for review in project.reviews for verification in review.verifications)


def _plan(project: Project) -> int:
    """Plan everything; the number of trials."""
    count = 0
    for review, verification in _verifications(project):
        trials = project.trials(review, verification, made.SCALE)
        cut = batches(trials, project.experiment(review, verification), verification.rungs[made.SCALE])
        count += sum(len(batch.trials) for batch in cut)
    return count


def _open(root: Path) -> list[Evidence | None]:
    project = Project.load(root)
    return [project.evidence(review.slug, each.id, made.SCALE) for review, each in _verifications(project)]


def _examine(project: Project) -> None:
    for review, verification in _verifications(project):
        known = project.evidence(review.slug, verification.id, made.SCALE)
        assert known is not None, "it was made"
        trials = project.trials(review, verification, made.SCALE)
        examine(trials, known, project.code(review, verification).definitions)
