"""What was measured, as Markdown for readers and JSON for machines."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import msgspec

from benchmarks.made import ROOT
from benchmarks.measuring import Cell, Goal, Measurement
from verify.lab.processor import processor
from verify.system import cores

PACKAGES = ("torch", "numpy", "msgspec", "click", "mkdocs", "mkdocs-material")

Machine = dict[str, str | int]


def machine() -> Machine:
    """The machine and what is installed on it, without anything that names it or its user."""
    versions: Machine = {each: metadata.version(each).split("+")[0] for each in PACKAGES}
    return {
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
        "python": platform.python_version(),
        **versions,
    }


def _commit() -> str:
    """The commit this is, with `+` where files differ from it; empty outside git."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    head = git("rev-parse", "--short=12", "HEAD")
    return head + ("+" if git("status", "--porcelain", "--", ".", ":(exclude)docs/benchmarks.*") else "")


def write(folder: Path, found: Mapping[str, Measurement], *, quick: bool) -> None:
    """Write `benchmarks.md` and `benchmarks.json`, whole: what was not measured now is not in them."""
    described = machine()
    content = {"format": 1, "quick": quick, "machine": described, "measurements": found}
    encoded = msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.json").write_bytes(encoded)
    (folder / "benchmarks.md").write_text("\n".join(_page(described, found, quick)) + "\n", encoding="utf-8")


def summary(found: Mapping[str, Measurement]) -> str:
    """Every goal in a line, for the terminal."""
    return "\n".join(f"{name}: {_goal(goal)}" for name, each in found.items() for goal in each.goals)


def _page(described: Machine, found: Mapping[str, Measurement], quick: bool) -> Iterator[str]:
    yield "# Benchmarks\n"
    yield "How fast this project is, measured against what it would replace: alternatives in turn, in one run on one"
    yield "machine, so that their ratio means something where the times themselves may not. `make bench` measures"
    yield "anew and writes this page, and [the same for machines](benchmarks.json).\n"
    if quick:
        yield "!!! warning\n    This was a quick run on small amounts. No number here means anything.\n"
    yield "| goal | reached | met |\n| --- | --- | --- |"
    for each in found.values():
        for goal in each.goals:
            yield f"| {each.title}: {goal.what} {_bound(goal)} | {_amount(goal.value, goal.unit)} | {_met(goal)} |"
    yield ""
    for each in found.values():
        yield from _section(each)
    yield "## The machine\n"
    yield "| | |\n| --- | --- |"
    yield from (f"| {name} | {value} |" for name, value in described.items() if value != "")


def _section(each: Measurement) -> Iterator[str]:
    yield f"## {each.title}\n"
    yield f"{each.what}\n"
    yield f"| {' | '.join(each.columns)} |"
    yield "| --- |" + " ---: |" * (len(each.columns) - 1)
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in each.rows)
    yield f"\n*What limits it.* {each.limits}\n"


def _goal(goal: Goal) -> str:
    return f"{goal.what} {_amount(goal.value, goal.unit)}, goal {_bound(goal)}: {_met(goal)}"


def _bound(goal: Goal) -> str:
    return f"{goal.side} {_amount(goal.bound, goal.unit)}"


def _met(goal: Goal) -> str:
    return "yes" if goal.met else "no"


def _amount(value: float, unit: str) -> str:
    return f"{_cell(value)} {unit}".rstrip()


def _cell(value: Cell) -> str:
    if isinstance(value, float) and value < 1000:
        return f"{value:.3g}"
    return f"{value:,.0f}" if isinstance(value, (int, float)) else value
