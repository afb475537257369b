"""A drawn figure's specification → the same figure to explore: tooltips, series chosen in the legend, zoom.

What it shows at first is what is drawn; nothing here changes data, scales or looks.
"""

from __future__ import annotations

import copy
from typing import Any

Spec = dict[str, Any]

FAINT = 0.06
"""The opacity of what the legend has not chosen."""
_CONTINUOUS = ("quantitative", "temporal")
_COMPOSED = ("layer", "facet", "repeat", "concat", "hconcat", "vconcat", "params")


def explorable(specification: Spec) -> Spec:
    """`specification` with what a reader can do in a browser.

    Args:
        specification: of a figure in the short form, of the paper's own numbers, or a reviewer's full one.
    """
    whole = copy.deepcopy(specification)
    # Options for the embedding script may stand here: a page sets its own.
    whole["usermeta"] = {key: value for key, value in whole.get("usermeta", {}).items() if key == "summary"}
    whole["config"] = {**whole.get("config", {}), "aria": False}
    if whole.get("data") == {"name": "rows"}:
        _own(whole.get("spec", whole))
    else:
        _foreign(whole)
    return whole


def _own(drawing: Spec) -> None:
    """A figure of ours: layers over shared axes."""
    layers, axes = drawing["layer"], drawing["encoding"]
    named = [layer for layer in layers if layer["encoding"].get("color", {}).get("legend")]
    for layer in layers:
        layer["mark"]["clip"] = True
        if named:
            opacity = layer["mark"].pop("opacity", 1)
            chosen = {"condition": {"param": "chosen", "value": opacity}, "value": min(opacity, FAINT)}
            layer["encoding"]["opacity"] = chosen
    channels = [name for name in ("x", "y") if axes[name].get("type") in _CONTINUOUS]
    params: list[Spec] = [{"name": "view", "select": {"type": "interval", "encodings": channels}, "bind": "scales"}]
    if named:
        params.append({"name": "chosen", "select": {"type": "point", "fields": ["series"]}, "bind": "legend"})
    (named or layers)[0]["params"] = params
    if axes["y"].get("scale", {}).get("type") == "log":
        axes["y"].get("axis", {}).pop("values", None)  # closer up, there are other ticks
    for line in [layer for layer in layers if layer["mark"]["type"] == "line" and "tooltip" in layer["encoding"]]:
        layers.append(_targets(line))


def _targets(line: Spec) -> Spec:
    """Points that cannot be seen, to point at along a line: pointed at itself, it would tell of its beginning."""
    tooltip = line["encoding"].pop("tooltip")
    mark = {"type": "point", "filled": True, "size": 90, "opacity": 0, "clip": True}
    return {"transform": line["transform"], "mark": mark, "encoding": {"tooltip": tooltip}}


def _foreign(whole: Spec) -> None:
    """A reviewer's own: tooltips of what is encoded; zoom where nothing can go wrong, in one view of two axes."""
    config = whole["config"]
    config["mark"] = {"tooltip": True, **config.get("mark", {})}
    encoding = whole.get("encoding", {})
    axes = [encoding.get(name, {}) for name in ("x", "y")]
    plain = all(axis.get("type") in _CONTINUOUS and not axis.get("bin") for axis in axes)
    if plain and not any(name in whole for name in _COMPOSED):
        mark = whole["mark"] if isinstance(whole["mark"], dict) else {"type": whole["mark"]}
        whole["mark"] = {**mark, "clip": True}
        whole["params"] = [{"name": "view", "select": "interval", "bind": "scales"}]
