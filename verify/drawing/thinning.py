"""Fewer marks where there are more than a reader can tell apart: a drawing stays small whatever the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from verify.drawing.failure import CannotDraw

Row = dict[str, Any]

MOST_SEEDS = 800
MOST_MARKS = 600
"""Means that are marks of their own."""
MOST_ON_LINES = 1600
"""Means and fitted points that lines join."""
_CELLS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024)
"""Pixels: of the marks of one series in one square of this size, one is drawn."""


class Axes(Struct, frozen=True):
    """What a panel measures, in pixels, and how."""

    width: int
    height: int
    log_x: bool
    log_y: bool


def thin(rows: Sequence[Row], axes: Axes, share: float, *, joined: bool) -> tuple[list[Row], list[str]]:
    """The rows to draw, in their order, and in sentences what was thinned.

    Args:
        rows: of kinds mean, seed and fit.
        axes: of one panel.
        share: of the marks that there may be.
        joined: whether lines join the means.
    """
    if len(rows) <= min(MOST_SEEDS, MOST_MARKS, MOST_ON_LINES) * share:
        return list(rows), []
    said: list[str] = []
    kept: set[int] = set()
    places = _places(rows, axes)
    for kind in dict.fromkeys(row["kind"] for row in rows):
        numbers = [number for number, row in enumerate(rows) if row["kind"] == kind]
        most = {"seed": MOST_SEEDS, "fit": MOST_ON_LINES}.get(kind, MOST_ON_LINES if joined else MOST_MARKS)
        if len(numbers) <= most * share:
            kept.update(numbers)
        elif kind == "fit" or (kind == "mean" and joined):
            few = _along_lines(rows, numbers, int(most * share))
            kept.update(few)
            if kind == "mean":
                said.append(f"Of {len(numbers):,} points {len(few):,} are drawn: of each stretch of a line its ends.")
        else:
            few, cell = _apart(rows, places, numbers, int(most * share))
            kept.update(few)
            what = "single seeds" if kind == "seed" else "points"
            near = f"the others are within {cell} pixels of one of their series"
            said.append(f"Of {len(numbers):,} {what} {len(few):,} are drawn: {near}.")
    return [row for number, row in enumerate(rows) if number in kept], said


def _places(rows: Sequence[Row], axes: Axes) -> list[tuple[float, float]]:
    """Where each row stands in its panel, in pixels."""
    names = {x: number for number, x in enumerate(dict.fromkeys(row["x"] for row in rows if isinstance(row["x"], str)))}
    across = _scaled(
        [float(names[row["x"]] if row["x"] in names else row["x"]) for row in rows],
        axes.width,
        axes.log_x and not names,
    )
    up = _scaled([row["y"] for row in rows], axes.height, axes.log_y)
    return list(zip(across, up, strict=True))


def _scaled(numbers: Sequence[float], length: int, log: bool) -> list[float]:
    measure: Callable[[float], float] = math.log10 if log else float
    found = [measure(number) for number in numbers]
    low, high = min(found), max(found)
    # Halves: the difference of two finite numbers may not be finite.
    return [length * (number / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0 for number in found]


def _apart(
    rows: Sequence[Row], places: Sequence[tuple[float, float]], numbers: Sequence[int], most: int
) -> tuple[list[int], int]:
    """One of those that fall together, in squares of the smallest size that suffices, which comes with them."""
    for cell in _CELLS:
        seen: dict[tuple[str, str, int, int], int] = {}
        for number in numbers:
            x, y = places[number]
            seen.setdefault((*_panel_and_series(rows[number]), int(x // cell), int(y // cell)), number)
        if len(seen) <= most:
            return list(seen.values()), cell
    raise CannotDraw(f"it has {len(seen):,} series in panels, and room for {most}", "select some by `where`")


def _along_lines(rows: Sequence[Row], numbers: Sequence[int], most: int) -> list[int]:
    """Of each line its first and last point, and of each stretch between its highest and its lowest."""
    lines = [list(line) for _, line in groupby(numbers, lambda number: _line(rows[number]))]
    each = max(4, most // len(lines))
    if each * len(lines) > max(most, 4):
        raise CannotDraw(f"it has {len(lines):,} lines, and room for {most // 4}", "select some by `where`")
    return [number for line in lines for number in _extremes(line, rows, each)]


def _extremes(line: Sequence[int], rows: Sequence[Row], most: int) -> Iterable[int]:
    if len(line) <= most:
        return line
    kept = {line[0], line[-1]}
    stretches = (most - 2) // 2
    for at in range(stretches):
        begin, end = len(line) * at // stretches, len(line) * (at + 1) // stretches
        stretch = sorted(line[begin:end], key=lambda number: (rows[number]["y"], number))
        kept |= {stretch[0], stretch[-1]}
    return sorted(kept)


def _panel_and_series(row: Row) -> tuple[str, str]:
    return row.get("facet", ""), row.get("series", "")


def _line(row: Row) -> tuple[str, str, str]:
    return *_panel_and_series(row), row.get("fit", "")
