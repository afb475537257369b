"""A figure's short form → Vega-Lite → SVG.

The specification holds everything (data, look, size), so that the page can also make it interactive; it depends on
nothing but its arguments, and `draw` turns equal specifications into equal bytes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from verify.drawing import palette
from verify.drawing.chart import Chart
from verify.drawing.explore import explorable
from verify.drawing.reported import panel
from verify.drawing.series import flat, labels
from verify.drawing.svg import draw
from verify.model import Evidence, Figure, Verification

__all__ = ["draw", "explorable", "labels", "reported", "specification", "thumbnail"]

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
THUMBNAIL = (160, 90)


def specification(figure: Figure, evidence: Evidence, verification: Verification, labels: Sequence[str]) -> Spec:
    """The Vega-Lite specification of `figure`.

    Args:
        figure: in the short form, or a full `spec` over data named `records`.
        evidence: the records of the figure's verification at one scale.
        verification: whose grid gives the order of categories.
        labels: those of the review (`labels`); a label's place is its colour, dash and shape.

    Raises:
        UserError: the records lack what the figure asks for.
    """
    frame: Spec = {"$schema": SCHEMA, "description": figure.caption, "config": copy.deepcopy(palette.CONFIG)}
    if figure.spec is not None:
        return _full(frame, figure.spec, evidence)
    return frame | Chart(figure, evidence, verification, labels).specification()


def reported(figure: Figure) -> Spec:
    """The Vega-Lite specification of the paper's own numbers, for a figure that has them beside it."""
    assert figure.paper is not None, "only figures with the paper's numbers have such a panel"
    description = f"{figure.paper.source}: the paper's own numbers"
    frame: Spec = {"$schema": SCHEMA, "description": description, "config": copy.deepcopy(palette.CONFIG)}
    return frame | panel(figure, figure.paper)


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
    return full


def _merged(ours: Spec, theirs: Spec) -> Spec:
    merged = dict(ours)
    for key, value in theirs.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
