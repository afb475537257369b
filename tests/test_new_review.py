"""The promise to authors: one Markdown file, and nothing else, adds a review to this very project."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import COMMAND

ROOT = Path(__file__).parent.parent

FIFTH = """\
---
title: A fifth paper on schedules
authors: [A. Author]
venue: Journal of Schedules 2021
section: Optimisation
tags: [schedules]
summary: A longer warmup rises more slowly.
---

The rate rises by {{ slope.largest_rise[warmup_epochs=5] | max | .4f }} a step ([@slower]).

```yaml verify
id: slope
experiment: warmup_curve
grid:
  warmup_epochs: [1, 5]
  k: [4, 8, 16]
parameters: {rule: gradual-warmup, lr: 0.1, epochs: 20, steps_per_epoch: 50}
scales:
  tiny: {seeds: 1}
figures:
  - id: rise
    caption: The rate by epoch for two lengths of warmup.
    mark: line
    x: epoch
    y: rate_over_base
    color: warmup_epochs
    where: {k: 8}
claims:
  - id: slower
    says: Five epochs of warmup never raise the rate by more than a two-hundredth.
    source: Section 3
    test: {metric: largest_rise, where: {warmup_epochs: 5}, every: {at_most: 0.005}}
    control: {where: {warmup_epochs: 1}}
```
"""


def run(project: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_one_file_adds_a_review(tmp_path: Path) -> None:
    for name in ("docs", "reviews"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "reviews" / "fifth.md").write_text(FIFTH)

    run(tmp_path, *COMMAND, "run", "--missing", "fifth")
    run(tmp_path, *COMMAND, "refresh")
    run(tmp_path, sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet")

    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    committed = {path for path in written if path.relative_to(tmp_path).parts[0] not in (".verify", ".cache", "site")}
    evidence = tmp_path / "docs" / "evidence" / "fifth"
    names = ("slope.tiny.jsonl", "rise.tiny.svg", "rise.tiny.vl.json", "thumbnail.svg", "verdicts.json")
    assert committed == {tmp_path / "reviews" / "fifth.md", *(evidence / name for name in names)}

    home = (tmp_path / "site" / "index.html").read_text()
    assert "A fifth paper on schedules" in home
    assert "Optimisation" in home
    page = (tmp_path / "site" / "reviews" / "fifth" / "index.html").read_text()
    assert "<svg" in page
    assert "supported" in page
    assert "warmup_curve" in page
    dsd = (tmp_path / "site" / "reviews" / "dsd" / "index.html").read_text()
    assert 'href="../fifth/"' in dsd, "it is in the navigation of every other page"
    index = json.loads((tmp_path / "site" / "search" / "search_index.json").read_text())
    assert any("never raise the rate" in entry["text"] for entry in index["docs"])
