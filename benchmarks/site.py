"""Building the site of many reviews, against the same pages as plain Markdown."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import made
from benchmarks.measuring import Goal, Measurement, interleaved
from verify.project.project import Project
from verify.site import pages
from verify.site.as_markdown import as_markdown


def measure(quick: bool) -> Measurement:
    """Seconds of `mkdocs build`, with and without this project's plugin, and of twice as many reviews."""
    count = 2 if quick else 500
    with tempfile.TemporaryDirectory() as folder:
        root, double, bare = Path(folder) / "project", Path(folder) / "double", Path(folder) / "plain"
        _reviews(root, count)
        _reviews(double, 2 * count)
        plain(Project.load(root), bare)
        seconds = interleaved(
            {"plain": partial(_build, bare), "ours": partial(_build, root), "double": partial(_build, double)},
            repeats=1,
        )
        page = (root / "site" / "reviews" / "made-1" / "index.html").stat().st_size
        grown = (double / "site" / "reviews" / "made-1" / "index.html").stat().st_size
    ratio, growth = seconds["ours"] / seconds["plain"], seconds["double"] / seconds["ours"]
    return Measurement(
        title="Building the site",
        what=f"`mkdocs build` of {count} and of {2 * count} reviews, each with evidence of twenty trials, a figure and "
        f"a claim; and of the {count} as plain pages of Material for MkDocs with search and `navigation.prune`, from "
        "the Markdown that an export makes of them. Built once each, from nothing.",
        columns=("pages", "reviews", "s", "over plain", "a page, KB"),
        rows=(
            ("plain Material", count, seconds["plain"], 1.0, ""),
            ("reviews with evidence", count, seconds["ours"], ratio, page / 1000),
            ("reviews with evidence", 2 * count, seconds["double"], "", grown / 1000),
        ),
        goals=(
            Goal("reviews over plain pages", ratio, "at most", 1.3, "×"),
            Goal("twice as many reviews", growth, "at most", 2.2, "×"),
        ),
        limits="A third is the theme's templates, a third its search, which reads every page once more; the rest is "
        "reading reviews and evidence and writing their pages. Nothing but the home page and the list of claims grows "
        "with the number of reviews.",
    )


def _reviews(root: Path, count: int) -> None:
    """A project of made reviews with evidence and drawings."""
    made.run(made.project(root, {f"made-{number}": made.review(number, 1, 4, 5) for number in range(count)}))
    made.draw(Project.load(root))


def plain(project: Project, root: Path) -> None:
    """At `root`, a site of the same pages that knows nothing of this project."""
    shutil.copytree(project.root / "docs", root / "docs")
    for name, text in pages.render(project).items():
        page = root / "docs" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text if isinstance(text, str) else as_markdown(text, ()), encoding="utf-8")
    sections = [
        f"      - {json.dumps(title)}: {json.dumps(paths)}\n" for title, paths in pages.sections(project).items()
    ]
    configuration = (project.root / "mkdocs.yml").read_text(encoding="utf-8")
    configuration = re.sub(r"^  - verify\n", "", configuration, flags=re.MULTILINE)
    configuration = re.sub(r"^  - mkdocs-jupyter:\n( {6}.*\n)+", "", configuration, flags=re.MULTILINE)
    configuration = re.sub(r"^      - reviews .*\n", "".join(sections), configuration, flags=re.MULTILINE)
    (root / "mkdocs.yml").write_text(configuration, encoding="utf-8")


def _build(root: Path) -> None:
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet"]
    subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True, timeout=600)
