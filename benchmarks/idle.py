"""`verify run` where nothing is to be done: what a user waits for most often."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import made
from benchmarks.measuring import Goal, Measurement, interleaved
from verify.project.project import Project

REPEATS = 21
SECONDS = 0.15


def measure(quick: bool) -> Measurement:
    """Seconds from the call to the prompt, for the reviews of this project and for many more trials."""
    with tempfile.TemporaryDirectory() as folder:
        here, large = Path(folder) / "reviews", Path(folder) / "large"
        source = Project.load(made.ROOT)
        project = made.project(here, {review.slug: review.text for review in source.reviews})
        made.restamp(project, source)
        parts, rates = (2, 5) if quick else (10, 25)
        many = made.project(large, {f"made-{number}": made.review(number, parts, rates, 5) for number in range(4)})
        made.run(many)
        own, others = _fresh(here), _fresh(large)  # also fills the cache of parsed reviews
        program = str(Path(sys.executable).with_name("verify"))
        seconds = interleaved(
            {
                "python": partial(_call, sys.executable, "-c", "pass"),
                "version": partial(_call, program, "--version"),
                "own": partial(_call, program, "--project", str(here), "run"),
                "others": partial(_call, program, "--project", str(large), "run"),
            },
            repeats=1 if quick else REPEATS,
        )
    return Measurement(
        title="Nothing to do",
        what="`verify run` as a command of its own, from the call until it has ended, where everything is fresh: for "
        "the four reviews, and for a made project. The first two rows say what starting costs.",
        columns=("command", "trials", "s"),
        rows=(
            ("`python -c pass`", "", seconds["python"]),
            ("`verify --version`", "", seconds["version"]),
            ("`verify run`, the four reviews", own, seconds["own"]),
            (f"`verify run`, {4 * parts} verifications", others, seconds["others"]),
        ),
        goals=(
            Goal("the four reviews", seconds["own"], "at most", SECONDS, "s"),
            Goal(f"{others} trials", seconds["others"], "at most", SECONDS, "s"),
        ),
        limits="Importing: click and msgspec with what they import, then our modules. Fingerprints of trials are kept "
        "beside the parsed reviews, and results are not decoded to see that they are there.",
    )


def _fresh(root: Path) -> int:
    """The number of trials, all of them fresh.

    Raises:
        RuntimeError: something would have to run.
    """
    said = _call(str(Path(sys.executable).with_name("verify")), "--project", str(root), "run", "--dry-run")
    if not (found := re.search(r"nothing to run: \d+ of (\d+) trials fresh", said)):
        raise RuntimeError(said)
    return int(found[1])


def _call(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
