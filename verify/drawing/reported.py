"""The paper's own numbers as a panel beside a figure: plain points and lines, in colours that no arm of ours has."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

from verify.drawing import names, palette
from verify.drawing.chart import AXIS, legend_room, number_format, title
from verify.drawing.series import label
from verify.model import Figure, Reported, Terms
from verify.terms import PERCENT, PLAIN, of_metric

Spec = dict[str, Any]


def panel(figure: Figure, reported: Reported, terms: Terms) -> Spec:
    """Everything but the frame of the panel that stands beside `figure`."""
    categorical = any(isinstance(x, str) for points in reported.series.values() for x, _ in points)
    called = {name: label(name, figure.color, terms) for name in reported.series}
    rows = [
        {"series": called[name], "x": label(x, figure.x, terms) if categorical else x, "y": y}
        for name, points in reported.series.items()
        for x, y in points
    ]
    series = list(dict.fromkeys(called.values()))
    room = legend_room(series, figure.color, terms)
    source = wrap(f"The paper: {reported.source}", int(palette.BESIDE / names.LETTER))
    height = palette.HEIGHT + names.LINE * (len(source) - 1) + palette.LEGEND_ROW * max(0, (len(series) - 1) // 2)
    x: Spec = {"field": "x", "title": reported.x_title or figure.x_title or title(figure.x, terms)}
    if categorical:
        order = list(dict.fromkeys(str(row["x"]) for row in rows))
        along = names.axis(order, palette.BESIDE - AXIS)
        height += along.height
        x |= {"type": "ordinal", "sort": order, "axis": along.spec}
    else:
        scale: Spec = {"type": reported.x_scale or figure.x_scale, "nice": False, "padding": 12}
        if scale["type"] == "linear":
            scale["zero"] = False
        x |= {"type": "quantitative", "scale": scale, "axis": {**_ticks(rows, scale["type"]), "grid": False}}
    # Where it has a title of its own, it may show something else than the figure, in a unit that is not known.
    shown = PLAIN if reported.y_title else of_metric(terms, figure.y)
    form = reported.y_format or figure.y_format or ("~%" if shown.unit == PERCENT else "")
    y_axis: Spec = {"tickCount": 5} | number_format(form)
    finer = {"type": "quantitative", "format": ".4~p"} if shown.unit == PERCENT else {}
    y: Spec = {
        "field": "y",
        "type": "quantitative",
        "title": reported.y_title or figure.y_title or title(figure.y, terms),
        "scale": {"zero": categorical},
        "axis": y_axis,
    }
    tooltip = [{"field": "series"}, {"field": "x", "title": x["title"]}, {"field": "y", "title": y["title"], **finer}]
    shared: Spec = {"x": x, "y": y, "tooltip": tooltip}
    if categorical and len(series) > 1:
        shared["xOffset"] = {"field": "series", "type": "nominal", "sort": series}
    return {
        "data": {"name": "rows"},
        "datasets": {"rows": rows},
        "usermeta": {"summary": f"The paper's own numbers: {reported.source}."},
        "title": {"text": source, "fontWeight": "normal"},
        "width": palette.BESIDE,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "encoding": shared,
        "layer": _bars(series, room) if categorical else _lines(series, room),
    }


def _bars(series: list[str], room: Spec) -> list[Spec]:
    return [{"mark": {"type": "bar"}, "encoding": _cues(series, room, "color")}]


def _lines(series: list[str], room: Spec) -> list[Spec]:
    point = {"type": "point", "filled": True, "opacity": 1, "size": 70}
    return [
        {"mark": {"type": "line", "strokeWidth": 1.6}, "encoding": _cues(series, room, "color")},
        {"mark": point, "encoding": _cues(series, room, "color", "shape")},
    ]


def _cues(series: list[str], room: Spec, *channels: str) -> Spec:
    """Colours and shapes from the far end of the palette."""
    looks = {"color": palette.color, "shape": palette.shape}
    legend = {"title": None, "columns": 2, **room} if len(series) > 1 else None
    return {
        channel: {
            "field": "series",
            "type": "nominal",
            "scale": {"domain": series, "range": [looks[channel](-1 - place) for place in range(len(series))]},
            "legend": legend,
        }
        for channel in channels
    }


def _ticks(rows: list[Spec], scale: str) -> Spec:
    """On a logarithmic axis a tick at each number, as far as labels have room."""
    if scale != "log":
        return {"tickCount": 6}
    values = sorted({row["x"] for row in rows})
    return {"values": values, "format": ",~g" if values[-1] < 1e4 else "~s"}
