"""How figures look: colours, dashes, shapes, and the Vega-Lite configuration.

Every colour has a contrast of at least 3 with white and with Material's slate (`tests/test_figures.py` holds them to
it), so one palette serves both; a page may still override each through its variable.  Colour is never the only cue.
"""

from __future__ import annotations

from typing import Any

COLORS = ("#1f78d1", "#d94801", "#25936b", "#d667a0", "#94903a", "#7d5fb0", "#b0771f", "#75828e")
DASHES = ((1, 0), (7, 3), (2, 2), (9, 3, 2, 3), (12, 4))
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left")
LOOKS = 40
"""So many labels look different as lines: the 41st has the colour and the dash of the first."""
FIT_DASHES = {"log": (6, 4), "power": (2, 3), "saturating": (9, 3, 2, 3), "logistic": (1, 2, 5, 2)}

FONT = "Liberation Sans"
"""What text is measured in: vl-convert brings it, so that every machine lays out alike.  Drawn in the page's font."""

WIDTH, HEIGHT, FONT_SIZE = 560, 330, 14
LEGEND_ROW = 18
"""The height of a row of a legend."""
BESIDE = 420
"""The width of each of two panels that stand side by side."""


def color(index: int) -> str:
    """The colour of the label at `index` of the review: a page's variable, or ours."""
    place = index % len(COLORS)
    return f"var(--verify-color-{place + 1}, {COLORS[place]})"


def dash(index: int) -> list[int]:
    """The dash of the label at `index`; labels that share a colour do not share it."""
    return list(DASHES[index % len(DASHES)])


def shape(index: int) -> str:
    """The point shape of the label at `index`; labels that share a colour do not share it."""
    return SHAPES[index % len(SHAPES)]


_TEXT = {"labelFontSize": FONT_SIZE - 1, "titleFontSize": FONT_SIZE, "titleFontWeight": "normal"}
_INK = {"labelColor": "currentColor", "titleColor": "currentColor"}

CONFIG: dict[str, Any] = {
    "background": None,
    "font": FONT,
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        **_TEXT,
        **_INK,
        "domainColor": "currentColor",
        "domainOpacity": 0.4,
        "tickColor": "currentColor",
        "tickOpacity": 0.4,
        "gridColor": "currentColor",
        "gridOpacity": 0.12,
        "titlePadding": 8,
        "labelOverlap": "greedy",
        "labelSeparation": 6,
        "labelFlush": False,
    },
    "legend": {**_TEXT, **_INK, "orient": "top", "symbolSize": 110, "symbolStrokeWidth": 2, "labelLimit": 220},
    "header": {**_TEXT, **_INK, "labelLimit": 220, "labelFontWeight": "bold"},
    "title": {"color": "currentColor", "subtitleColor": "currentColor", "fontSize": FONT_SIZE, "anchor": "start"},
    "mark": {"color": color(0)},
    "text": {"color": "currentColor"},
    "range": {"category": [color(index) for index in range(len(COLORS))]},
}
