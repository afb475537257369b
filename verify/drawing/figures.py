"""A figure's short form → Vega-Lite → SVG.

The specification holds everything (data, look, size), so that the page can also make it interactive; it depends on
nothing but its arguments, and `draw` turns equal specifications into equal bytes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from verify.drawing import letters, omitted, palette
from verify.drawing.chart import Chart
from verify.drawing.explore import explorable
from verify.drawing.failure import CannotDraw
from verify.drawing.reported import panel
from verify.drawing.series import flat, labels, omitted_of_spec
from verify.drawing.svg import draw, is_empty
from verify.model import Evidence, Figure, Terms, Verification

__all__ = ["draw", "explorable", "labels", "make", "make_reported", "reported", "specification", "thumbnail"]

Spec = dict[str, Any]

MOST_BYTES = 300_000
"""Of a drawing, and of a short form's specification."""
MOST_OF_SPEC = 1_000_000
"""Of the specification of a full `spec`, whose records cannot be thinned without changing what it makes of them."""
_SHARES = (1.0, 0.5, 0.25, 0.1)

_encoder = msgspec.json.Encoder(order="sorted")

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
THUMBNAIL = (160, 90)


class Made(Struct, frozen=True):
    """A drawing, and what it was drawn from, as files hold them."""

    svg: bytes
    specification: bytes = b""
    """Of a figure to explore; a thumbnail is none."""


def make(
    figure: Figure,
    evidence: Evidence,
    verification: Verification,
    labels: Sequence[str],
    prefix: str,
    *,
    small: bool = False,
) -> Made:
    """A figure's files, within bounds whatever the data; `small`: its thumbnail.

    Raises:
        CannotDraw: why there are none.
    """
    too_large = ""
    for share in _SHARES if figure.spec is None else _SHARES[:1]:
        whole = specification(figure, evidence, verification, labels, share)
        made = _made(thumbnail(whole) if small else whole, prefix, alone=figure.spec is not None, small=small)
        too_large = _too_large(made, MOST_BYTES if figure.spec is None else MOST_OF_SPEC)
        if not too_large:
            return made
    raise CannotDraw(too_large, "draw fewer marks, or aggregate them; are its names very long?")


def make_reported(figure: Figure, terms: Terms, prefix: str) -> Made:
    """The files of the paper's own numbers beside a figure.

    Raises:
        CannotDraw: why there are none.
    """
    made = _made(reported(figure, terms), prefix, alone=False, small=False)
    if too_large := _too_large(made, MOST_BYTES):
        raise CannotDraw(too_large, "give fewer points")
    return made


def _made(whole: Spec, prefix: str, *, alone: bool, small: bool) -> Made:
    whole = letters.drawable(whole, 0 if alone else letters.LINE)
    svg = draw(whole, prefix, alone=alone)
    if is_empty(svg):
        raise CannotDraw("it shows nothing: no mark has a place", "are the fields that it names in the data?")
    return Made(svg.encode(), b"" if small else _encoder.encode(explorable(whole)) + b"\n")


def _too_large(made: Made, most: int) -> str:
    for content, what, bound in ((made.svg, "drawing", MOST_BYTES), (made.specification, "specification", most)):
        if len(content) > bound:
            return f"its {what} has {len(content) // 1000:,} KB, and may have {bound // 1000:,}"
    return ""


def specification(
    figure: Figure, evidence: Evidence, verification: Verification, labels: Sequence[str], share: float = 1.0
) -> Spec:
    """The Vega-Lite specification of `figure`.

    Args:
        figure: in the short form, or a full `spec` over data named `records`.
        evidence: the records of the figure's verification at one scale.
        verification: whose grid gives the order of categories.
        labels: those of the review (`labels`); a label's place is its colour, dash and shape.
        share: of the marks that a drawing may have, how many this one may.

    Raises:
        CannotDraw: the records lack what the figure asks for, or have too much of it.
    """
    frame: Spec = {"$schema": SCHEMA, "description": figure.caption, "config": copy.deepcopy(palette.CONFIG)}
    if figure.spec is not None:
        return _full(frame, figure.spec, evidence)
    return frame | Chart(figure, evidence, verification, labels, share).specification()


def reported(figure: Figure, terms: Terms) -> Spec:
    """The Vega-Lite specification of the paper's own numbers, for a figure that has them beside it.

    `terms` are those of the figure's verification.
    """
    assert figure.paper is not None, "only figures with the paper's numbers have such a panel"
    description = f"{figure.paper.source}: the paper's own numbers"
    frame: Spec = {"$schema": SCHEMA, "description": description, "config": copy.deepcopy(palette.CONFIG)}
    return frame | panel(figure, figure.paper, terms)


def thumbnail(specification: Spec) -> Spec:
    """A small variant for lists: the marks alone, without axes, legends and single seeds; of panels, the first."""
    small: Spec = _bare(copy.deepcopy(specification))
    small.pop("title", None)
    small["config"] = {**small.get("config", {}), "padding": 2}
    facet = small.get("facet", {})
    if facet.get("sort"):
        panel = {"filter": {"field": facet["field"], "equal": facet["sort"][0]}}
        small = {**small, **small["spec"], "transform": [panel]}
        small = {key: value for key, value in small.items() if key not in ("facet", "spec", "columns", "spacing")}
    if "layer" in small or "mark" in small:
        width, height = THUMBNAIL
        small |= {"width": width, "height": height, "autosize": {"type": "fit", "contains": "padding"}}
    return small


def _bare(part: Any) -> Any:
    if isinstance(part, list):
        return [_bare(item) for item in part if not (isinstance(item, dict) and item.get("name") == "seeds")]
    if not isinstance(part, dict):
        return part
    bare = {key: value if key in ("datasets", "config", "transform") else _bare(value) for key, value in part.items()}
    for channel, encoding in bare.get("encoding", {}).items():
        if channel in ("x", "y"):
            encoding["axis"] = None
        elif isinstance(encoding, dict) and "scale" in encoding:
            encoding["legend"] = None
    if isinstance(bare.get("mark"), dict) and "size" in bare["mark"]:
        bare["mark"]["size"] /= 2
    return bare


def _full(frame: Spec, spec: Spec, evidence: Evidence) -> Spec:
    full = {"width": palette.WIDTH, "autosize": {"type": "fit-x", "contains": "padding"}, **frame, **spec}
    full["config"] = _merged(frame["config"], spec.get("config", {}))
    full.setdefault("data", {"name": "records"})
    full["datasets"] = {**spec.get("datasets", {}), "records": flat(evidence)}
    if not evidence.records:
        raise CannotDraw(f"there is no record at scale {evidence.scale}", *_first_failure(evidence))
    return omitted.noted(full, omitted_of_spec(spec, evidence), palette.WIDTH)


def _first_failure(evidence: Evidence) -> list[str]:
    return [f"a trial failed with: {evidence.failures[0].error}"] if evidence.failures else []


def _merged(ours: Spec, theirs: Spec) -> Spec:
    merged = dict(ours)
    for key, value in theirs.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
