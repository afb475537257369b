"""Names along the x axis: on as many lines as they need, upright where their words have no room side by side."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any, NamedTuple

_WRAPPED = r"split(trim(replace(datum.label, regexp('(.{1,%d})( +|$)', 'g'), '$1\n')), '\n')"
"""Lines of a label, as Vega makes them: an expression that names no label, since names may be of any length."""
LETTER, LINE = 7.4, 15
"""What a letter takes of the width, and a line of the height, in a reader's font wider than ours."""
UPRIGHT = 24
"""Letters of an upright line, as far as there is room for another line beside it."""


class Axis(NamedTuple):
    """How the names stand."""

    spec: dict[str, Any]
    height: int
    """What they take of the drawing's height, beyond a single line."""


def axis(names: Sequence[str], width: float) -> Axis:
    """The axis of `names` that share `width`: none is cut, none left out, and no two overlap."""
    band = width / len(names)
    room = int((band - 4) / LETTER)
    upright = max(len(word) for name in names for word in name.split() or [""]) > room
    if upright:
        room = max(UPRIGHT, -(-max(map(len, names)) // max(1, int(band / LINE))))
    lines = [wrap(name, room, break_long_words=False, break_on_hyphens=False) or [name] for name in names]
    most, longest = max(map(len, lines)), max(len(line) for each in lines for line in each)
    # Upright, they end at another height in another font, and the title stands below the longest.
    spec: dict[str, Any] = {"titlePadding": 8 + round(longest * LETTER / 6)} if upright else {}
    spec |= {"labelAngle": -90 if upright else 0, "labelLimit": 0, "labelOverlap": False, "grid": False}
    if most > 1:
        spec["labelExpr"] = _WRAPPED % room
    return Axis(spec, round(longest * LETTER * 7 / 6) if upright else LINE * (most - 1))
