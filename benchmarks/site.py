"""Building the site of many reviews, against the same Markdown as plain pages."""

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


def measure(quick: bool) -> Measurement:
    """Seconds of `mkdocs build`, with and without this project's plugin."""
    count = 2 if quick else 500
    with tempfile.TemporaryDirectory() as folder:
        root, bare = Path(folder) / "project", Path(folder) / "plain"
        project = made.project(root, {f"made-{number}": made.review(number, 1, 4, 5) for number in range(count)})
        made.run(project)
        made.draw(Project.load(root))
        plain(Project.load(root), bare)
        seconds = interleaved({"plain": partial(_build, bare), "ours": partial(_build, root)}, repeats=1)
        ratio = seconds["ours"] / seconds["plain"]
    return Measurement(
        title="Building the site",
        what=f"`mkdocs build` of {count} reviews, each with evidence of twenty trials, a figure and a claim; and of "
        "the Markdown that our plugin makes of them, as plain pages of Material for MkDocs with its search. Built once "
        "each, from nothing.",
        columns=("pages", "reviews", "s", "over plain"),
        rows=(
            ("plain Material", count, seconds["plain"], 1.0),
            ("reviews with evidence", count, seconds["ours"], ratio),
        ),
        goals=(Goal("reviews over plain pages", ratio, "at most", 1.3, "×"),),
        limits="Most of both is the theme: every page carries links to all others, which grows with the square of "
        "their number. Of ours, half is reading the reviews and rendering their tables, and half is putting the "
        "drawings in line, each checked to be nothing but a drawing.",
    )


def plain(project: Project, root: Path) -> None:
    """At `root`, a site of the same pages that knows nothing of this project."""
    shutil.copytree(project.root / "docs", root / "docs")
    for name, text in pages.render(project).items():
        page = root / "docs" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text if isinstance(text, str) else pages.as_markdown(text, ""), encoding="utf-8")
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
