"""The short form of a figure as a Vega-Lite specification: which layers, scales, axes and legends it gets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from verify import terms
from verify.drawing import names, omitted, palette, thinning
from verify.drawing.failure import CannotDraw
from verify.drawing.omitted import Count
from verify.drawing.series import LEVEL, declared, gather, label
from verify.model import Evidence, Figure, Terms, Verification
from verify.terms import Quantity

Spec = dict[str, Any]

COLUMNS = 3
"""The most small multiples side by side."""
PANEL_HEIGHT = 190
GAP = 18
"""Between small multiples."""
AXIS = 76
"""What the y axis with its title takes of the width."""
MOST_SERIES = palette.LOOKS
MOST_PANELS = 24
"""Eight rows of three: more than a screen of them."""
MOST_NAMES = 60
"""On the x axis: each has nine pixels then, less than a letter needs that stands aslant."""
MOST_TICKS = 9
"""Up to so many distinct x, each has its own tick."""


class Chart:
    """One figure in the short form: `specification` puts together what the other methods decide.

    Raises:
        CannotDraw: on construction, where the records lack what the figure asks for, or have too much of it.
    """

    def __init__(
        self, figure: Figure, evidence: Evidence, verification: Verification, labels: Sequence[str], share: float = 1.0
    ) -> None:
        """`share`: of the marks that a drawing may have, how many this one may."""
        self.figure = figure
        self.verification = verification
        self.scale = evidence.scale
        self.terms = verification.terms
        gathered = gather(figure, evidence, self.terms)
        self.rows, self.curved, self.left_out = gathered.rows, gathered.curved, gathered.left_out
        self.categorical = figure.mark == "bar" or any(isinstance(row["x"], str) for row in self.rows)
        if figure.y_scale == "log":
            self._fit_log_scale()
        present = {row["series"]: None for row in self.rows if "series" in row}
        known = [name for name in labels if name in present]
        self.series = [*known, *(name for name in present if name not in known)]
        self.places = [*map(list(labels).index, known), *range(len(labels), len(labels) + len(present) - len(known))]
        self.facets = self._name_facets()
        self.columns = max(1, min(len(self.facets), COLUMNS if len(self.facets) != 4 else 2))
        self.width = palette.BESIDE if figure.paper else palette.WIDTH
        self.panel = (self.width - AXIS - GAP * (self.columns - 1)) // self.columns
        self._bound(share)

    def specification(self) -> Spec:
        """Everything but the frame (schema, description, configuration)."""
        whole: Spec = {"data": {"name": "rows"}, "datasets": {"rows": self.rows}}
        whole["usermeta"] = {"summary": self._summary()}
        drawing = {"encoding": self._shared(), "layer": self._layers()}
        if not self.facets:
            size = {"width": self.width, "height": self._height()}
            whole = {**whole, **size, "autosize": {"type": "fit", "contains": "padding"}, **drawing}
            return omitted.noted(whole, self.left_out, self.width)
        facet = {"field": "facet", "type": "nominal", "sort": self.facets, "header": {"title": None}}
        size = {"width": self.panel, "height": PANEL_HEIGHT}
        whole |= {"facet": facet, "columns": self.columns, "spacing": GAP, "spec": {**size, **drawing}}
        return omitted.noted(whole, self.left_out, self.width)

    def _fit_log_scale(self) -> None:
        """Drop what a logarithmic axis cannot show, and end intervals at its foot; say so."""
        if self.figure.mark == "bar":
            raise CannotDraw("a bar has no foot on a logarithmic axis", "write `mark: point`, or `y_scale: linear`")
        for kind, what in (("seed", "point"), ("mean", "mean"), ("fit", "fitted point")):
            found = [row["y"] for row in self.rows if row["kind"] == kind]
            low = [y for y in found if y <= 0]
            count = Count(what, len(found))
            count.add(omitted.no_logarithm(low, "a logarithmic axis"), len(low))
            self.left_out += filter(None, [count.sentence()])
        self.rows = [row for row in self.rows if row["y"] > 0]
        if not self.rows:
            why = f"no {self.figure.y} is above 0, as a logarithmic axis needs it"
            raise CannotDraw(why, "write `y_scale: linear`")
        foot = float(f"1e{math.floor(math.log10(min(row['y'] for row in self.rows)))}")
        if any(row.get("low", foot) < foot for row in self.rows):
            self.left_out.append("Intervals that reach below the axis end at its foot.")
        self.rows = [{**row, "low": max(row["low"], foot)} if "low" in row else row for row in self.rows]

    def _bound(self, share: float) -> None:
        """Refuse what no reader could tell apart, and thin what is dense beyond what one could."""
        limits = (
            (self.series, MOST_SERIES, f"series for {self.figure.color}"),
            (self.facets, MOST_PANELS, f"panels for {self.figure.facet}"),
            (self._ordered("x", self.figure.x) if self.categorical else [], MOST_NAMES, f"names of {self.figure.x}"),
        )
        for found, most, what in limits:
            if len(found) > most:
                raise CannotDraw(f"it has {len(found):,} {what}, and can show {most}", "select some by `where`")
        joined = self.curved or (self.figure.mark == "line" and not self.categorical and not self.figure.fits)
        size = (self.panel, PANEL_HEIGHT) if self.facets else (self.width - AXIS, palette.HEIGHT)
        axes = thinning.Axes(*size, log_x=self.figure.x_scale == "log", log_y=self.figure.y_scale == "log")
        self.rows, said = thinning.thin(self.rows, axes, share, joined=joined)
        self.left_out += said

    def _name_facets(self) -> list[str]:
        """Put the parameter's name before its value over each panel; the panels in order."""
        order = self._ordered("facet", self.figure.facet)
        given = terms.names_of(self.terms, self.figure.facet)
        title = called(self.figure.facet or "", self.terms)
        names = {value: value if value in given else f"{title}: {value}" for value in order}
        self.rows = [{**row, "facet": names[row["facet"]]} if "facet" in row else row for row in self.rows]
        return list(names.values())

    def _ordered(self, field: str, parameter: str | None) -> list[str]:
        """The labels that occur in `field`, in the order of declaration."""
        present = dict.fromkeys(str(row[field]) for row in self.rows if field in row)
        values = declared(self.verification, parameter or "", self.scale)
        order = [label(value, parameter, self.terms) for value in values]
        return [*(name for name in dict.fromkeys(order) if name in present), *(n for n in present if n not in order)]

    def _shared(self) -> Spec:
        """The encoding that all layers have: both axes."""
        figure = self.figure
        y_axis: Spec = {"values": self._decades()} if figure.y_scale == "log" else {"tickCount": 5}
        shown = terms.of_metric(self.terms, figure.y)
        y_axis |= number_format(figure.y_format or _short((row["y"] for row in self.rows), shown))
        y_scale: Spec = {"type": figure.y_scale}
        if figure.mark != "bar" and figure.y_scale == "linear":  # a logarithmic axis has no zero
            y_scale["zero"] = False
        y: Spec = {"field": "y", "type": "quantitative", "title": figure.y_title or title(figure.y, self.terms)}
        shared = {"x": self._x(), "y": {**y, "scale": y_scale, "axis": y_axis}}
        if self.categorical and self._legend():
            shared["xOffset"] = {"field": "series", "type": "nominal", "sort": self.series}
        return shared

    def _decades(self) -> list[float]:
        """Ticks of a logarithmic axis: powers of ten; within two decades, twice and five times them too."""
        y = [float(row[name]) for row in self.rows for name in ("y", "low", "high") if name in row]
        first, last = math.floor(math.log10(min(y))), math.ceil(math.log10(max(y)))
        steps = (1, 2, 5) if last - first <= 2 else (1,)
        return [float(f"{step}e{power}") for power in range(first, last + 1) for step in steps]

    def _names(self) -> names.Axis:
        return names.axis(self._ordered("x", self.figure.x), self.panel)

    def _height(self) -> int:
        """Of a drawing without panels: what the legend and the names take beyond a row each leaves the plot its own."""
        rows = -(-len(self.series) // self._legend_columns()) if self._legend() else 0
        return (
            palette.HEIGHT + palette.LEGEND_ROW * max(0, rows - 1) + (self._names().height if self.categorical else 0)
        )

    def _x(self) -> Spec:
        figure = self.figure
        x: Spec = {"field": "x", "title": figure.x_title or title(figure.x, self.terms)}
        if self.categorical:
            order = self._ordered("x", figure.x)
            numbers = all(not isinstance(row["x"], str) for row in self.rows)
            names = self._names()
            return {**x, "type": "ordinal", "sort": "ascending" if numbers else order, "axis": names.spec}
        scale: Spec = {"type": figure.x_scale} | ({} if self.curved else {"padding": 12})
        if figure.x_scale == "log":
            scale["nice"] = False
        elif not self.curved:
            scale["zero"] = False
        values = sorted({row["x"] for row in self.rows if row["kind"] == "mean"})
        ticked = not self.curved and len(values) <= MOST_TICKS and figure.x_scale == "log"
        axis: Spec = {"values": values, "format": ",~g" if values[-1] < 1e4 else "~s"} if ticked else {"tickCount": 6}
        shown = terms.of_metric(self.terms, figure.x)
        axis |= number_format(_short(values, shown))
        return {**x, "type": "quantitative", "scale": scale, "axis": {**axis, "grid": False}}

    def _legend(self) -> bool:
        return len(self.series) > 1 and self.figure.color not in (self.figure.x, self.figure.facet)

    def _legend_columns(self) -> int:
        widest = max(len(name) for name in self.series) * 7 + 44
        return max(1, min(len(self.series), (self.width - AXIS) // widest))

    def _cues(self, *channels: str) -> Spec:
        """What tells the series apart in the marks that the legend shows: colour, with dash or shape."""
        if not self.series:
            return {"color": {"value": palette.color(0)}}
        looks = {"color": palette.color, "strokeDash": palette.dash, "shape": palette.shape}
        symbol: Spec = {"symbolType": "stroke", "symbolSize": 400} if self.curved else {}
        symbol |= legend_room(self.series, self.figure.color, self.terms)
        legend = {"title": called(self.figure.color or "", self.terms), "columns": self._legend_columns(), **symbol}
        return {
            channel: {
                "field": "series",
                "type": "nominal",
                "scale": {"domain": self.series, "range": [looks[channel](place) for place in self.places]},
                "legend": legend if self._legend() else None,
            }
            for channel in channels
        }

    def _paint(self, channel: str) -> Spec:
        """The same colours in the fainter marks, without a scale: sharing one would fade or drop the legend."""
        if not self.series:
            return {channel: {"value": palette.color(0)}}
        choices = [
            {"test": {"field": "series", "equal": name}, "value": palette.color(place)}
            for name, place in zip(self.series, self.places, strict=True)
        ]
        return {channel: {"condition": choices}, "detail": {"field": "series"}}

    def _layers(self) -> list[Spec]:
        mark = self.figure.mark
        if mark == "line" and self.curved:
            line = self._line("color", "strokeDash")
            layers = [self._band(), {**line, "encoding": {**line["encoding"], **self._tooltip()}}]
        elif mark == "line" and self.figure.fits:  # the fitted curves take the line's place
            layers = [self._band(), self._seeds(), self._point()]
        elif mark == "line" and not self.categorical:
            layers = [self._band(), self._seeds(), self._line("color"), self._point()]
        elif mark == "line":
            layers = [self._seeds(), self._line("color"), self._rule(), self._point()]
        elif mark == "bar":
            layers = [self._bar(), self._seeds(), self._rule()]
        else:
            layers = [self._seeds(), self._rule(), self._point()]
        return layers + ([self._fit()] if self.figure.fits else [])

    def _line(self, *channels: str) -> Spec:
        return _layer("mean", {"type": "line", "strokeWidth": 2.2}, self._cues(*channels))

    def _band(self) -> Spec:
        return _layer("mean", {"type": "area", "opacity": 0.18, "line": False}, {**self._paint("fill"), **_INTERVAL})

    def _rule(self) -> Spec:
        paint = {"stroke": {"value": "currentColor"}} if self.figure.mark == "bar" else self._paint("stroke")
        return _layer("mean", {"type": "rule", "strokeWidth": 1.8}, {**paint, **_INTERVAL})

    def _point(self) -> Spec:
        encoding = {**self._cues("color", "shape"), **self._tooltip()}
        return _layer("mean", {"type": "point", "filled": True, "opacity": 1, "size": 70}, encoding)

    def _seeds(self) -> Spec:
        paint = {"fill": {"value": "currentColor"}} if self.figure.mark == "bar" else self._paint("fill")
        mark = {"type": "circle", "size": 22, "opacity": 0.35}
        return {**_layer("seed", mark, {**paint, **self._tooltip("seed")}), "name": "seeds"}

    def _bar(self) -> Spec:
        return _layer("mean", {"type": "bar"}, {**self._cues("color"), **self._tooltip()})

    def _fit(self) -> Spec:
        forms = list(self.figure.fits)
        dash: Spec = {
            "field": "fit",
            "type": "nominal",
            "scale": {"domain": forms, "range": [list(palette.FIT_DASHES[form]) for form in forms]},
            "legend": {"title": "fit", "symbolType": "stroke", "symbolStrokeColor": "currentColor", "symbolSize": 400},
        }
        return _layer("fit", {"type": "line", "strokeWidth": 1.3}, {**self._paint("stroke"), "strokeDash": dash})

    def _tooltip(self, kind: Literal["mean", "seed"] = "mean") -> Spec:
        """What a mark tells when it is pointed at."""
        figure = self.figure
        value = figure.y_title or title(figure.y, self.terms)
        means = {"y": f"mean {value}", "low": "low", "high": "high", "n": "seeds"}
        fields = means if kind == "mean" else {"y": value, "seed": "seed"}
        percent = (figure.y_format or "").endswith("%") or terms.of_metric(self.terms, figure.y).unit == terms.PERCENT
        digits = ".4~p" if percent else ".4~g"  # finer than the axis
        form = {name: {"format": digits} for name in ("y", "low", "high")}
        numbers = [
            {"field": name, "type": "quantitative", "title": title} | form.get(name, {})
            for name, title in fields.items()
        ]
        series = [{"field": "series", "title": called(figure.color or "", self.terms)}] if self.series else []
        x = {"field": "x", "title": figure.x_title or title(figure.x, self.terms)}
        return {"tooltip": [*series, x, *numbers]}

    def _summary(self) -> str:
        """What a reader who cannot see the figure is told."""
        figure = self.figure
        y, x = (called(name, self.terms) for name in (figure.y, figure.x))
        parts = [f"{figure.mark.capitalize()} chart of {y} by {x}"]
        if self.series:
            parts.append(f"for {called(figure.color or '', self.terms)} {', '.join(self.series)}")
        if self.facets:
            parts.append(f"in panels for {', '.join(self.facets)}")
        seeds = max((row["n"] for row in self.rows if row["kind"] == "mean"), default=1)
        spread = f" Means over {seeds} seeds with {LEVEL:.0%} intervals." if seeds > 1 else ""
        return f"{', '.join(parts)}.{spread}"


_INTERVAL: Spec = {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}


def _layer(kind: str, mark: Spec, encoding: Spec) -> Spec:
    return {"transform": [{"filter": f"datum.kind == '{kind}'"}], "mark": mark, "encoding": encoding}


def _short(numbers: Iterable[float], shown: Quantity) -> str:
    """A format for an axis of numbers that would be written with a tail of zeros, and of per cent; empty for others."""
    if shown.unit == terms.PERCENT:
        return "~%"
    largest = max(map(abs, numbers))
    return ".3~e" if 0 < largest < 1e-4 or largest >= 1e12 else ""


def number_format(form: str | None) -> Spec:
    """What an axis says of how its numbers are written; of per cent, as pages write it: `12 %`."""
    if not form:
        return {}
    return {"format": form} | ({"labelExpr": "replace(datum.label, '%', ' %')"} if form.endswith("%") else {})


def legend_room(series: Iterable[str], parameter: str | None, given: Terms) -> Spec:
    """Room between the columns of a legend of names, which are long: a reader's font may be wider than ours."""
    named = terms.names_of(given, parameter)
    return {"columnPadding": 12 + round(1.2 * max(map(len, series), default=0))} if named else {}


def title(name: str, given: Terms) -> str:
    """The title of an axis: what it shows, and in which unit, unless the numbers themselves have it."""
    unit = terms.of_metric(given, name).unit
    return f"{called(name, given)} ({unit})" if unit not in ("", terms.PERCENT) else called(name, given)


def called(name: str, given: Terms) -> str:
    """A parameter's or a metric's name as axes and legends have it."""
    for own in (terms.parameter(given, name), terms.metric(given, name)):
        if own != name:
            return own
    return name.replace("_", " ").replace("-", " ")
