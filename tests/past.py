"""The miniature review in a repository of its own, whose verdicts change from commit to commit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests import miniature
from verify.model import Trial, Value
from verify.project.project import Project
from verify.project.refresh import refresh

IDENTITY = ("-c", "user.name=A. Author", "-c", "user.email=author@example.org")
FIRST = 1_700_000_000
"""Of the first commit, in seconds; each further one is a day later."""
_DAY = 86_400


def git(root: Path, *arguments: str, day: int = 0) -> str:
    """What git prints; commits are made on the day of that number."""
    date = f"{FIRST + day * _DAY} +0000"
    environment = {**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True).stdout


class Past:
    """A project with the review `coin`, run at tiny with six seeds, judged and committed once."""

    def __init__(self, root: Path, results: Callable[[Trial], Mapping[str, Value]] = miniature.toss) -> None:
        root.mkdir()
        self.root = root
        self.review = root / "reviews" / "coin.md"
        self.verdicts = root / "docs/evidence/coin/verdicts.json"
        self.evidence = root / "docs/evidence/coin/tosses.tiny.jsonl"
        self.days = 0
        miniature.make(root, {"coin": miniature.COIN}, results, {"coin": ("tiny",)})
        (root / ".gitignore").write_text(".verify/\nsite/\n")
        git(root, "init", "--quiet", "--initial-branch", "main")
        self.commit()

    def edit(self, old: str, new: str) -> None:
        """Replace a part of the review that must be there."""
        text = self.review.read_text(encoding="utf-8")
        assert old in text
        self.review.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, results: Callable[[Trial], Mapping[str, Value]] = miniature.toss) -> None:
        """New evidence of what is declared now."""
        miniature.record(Project.load(self.root), "coin", "tiny", results)

    def commit(self) -> str:
        """Judge and draw, then commit all; the commit."""
        refresh(Project.load(self.root))
        return self.commit_as_it_is()

    def commit_as_it_is(self) -> str:
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--allow-empty", "--message", f"day {self.days}", day=self.days)
        self.days += 1
        return git(self.root, "rev-parse", "HEAD").strip()


def other(trial: Trial) -> dict[str, Value]:
    """Results in which the biased coin is nearly fair."""
    bias = 0.5 + 0.1 * (float(trial.parameters["bias"]) - 0.5)
    return {"heads": round(bias * (1 + 0.001 * (trial.seed - 4)), 6)}
