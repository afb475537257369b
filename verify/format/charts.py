"""The figures of a verification."""

from __future__ import annotations

from verify.errors import nearest
from verify.format import fields, specifications
from verify.format.fields import Field, listing, one_of, optional, required
from verify.format.grids import Draft
from verify.format.problems import Problems
from verify.format.selection import names, values
from verify.format.subjects import channel, metric, numbers, where
from verify.format.yaml12 import Items, Node, Table
from verify.model import FORMS, Figure, Reported, Scalar

_D3_FORMAT = r"(.?[<>=^])?[-+( ]?[$#]?0?\d{0,2},?(\.\d{1,2})?~?[a-zA-Z%]?"
MOST = {
    "color": (40, "series", "put some in panels by `facet`, or select some by `where`"),
    "facet": (24, "panels", "select some by `where`"),
    "x": (60, "names on its x axis", "select some by `where`"),
}
"""Per key how many values its parameter may have in one figure: 40 labels look different, in eight colours by five
dashes, and the 41st line looks as the first does; 24 panels are more than a screen; 60 names have nine pixels each.
Drawing holds to the same where a value is known from the records only."""
_WITH_SPEC = ("id", "caption", "spec", "paper")
_SCALES = ("linear", "log")
_format = fields.matching(_D3_FORMAT, "a d3 number format", "such as .0% or .3~g")


def read_all(draft: Draft, problems: Problems) -> tuple[Figure, ...]:
    """The figures that could be read."""
    if draft.figures is None:
        return ()
    convert = fields.each(lambda node, _name, problems: _figure(node, draft, problems), "figures")
    return convert(draft.figures, "figures", problems) or ()


def _fields(draft: Draft) -> dict[str, Field]:
    return {
        "id": required(fields.identifier),
        "caption": required(fields.text),
        "mark": optional(one_of(("line", "point", "bar")), "line"),
        "x": optional(channel(draft), ""),
        "y": optional(metric(draft), ""),
        "color": optional(channel(draft)),
        "facet": optional(channel(draft)),
        "where": optional(where(draft), {}),
        "x_scale": optional(one_of(_SCALES), "linear"),
        "y_scale": optional(one_of(_SCALES), "linear"),
        "x_title": optional(fields.text),
        "y_title": optional(fields.text),
        "y_format": optional(_format),
        "fits": optional(listing(one_of(FORMS), "forms"), ()),
        "spec": optional(specifications.read),
        "paper": optional(_reported),
    }


def _reported(node: Node, _name: str, problems: Problems) -> Reported | None:
    known = {
        "source": required(fields.text),
        "series": required(fields.mapping(listing(_point, "points [x, y]"), "names to lists of points [x, y]")),
        "x_title": optional(fields.text),
        "y_title": optional(fields.text),
        "x_scale": optional(one_of(_SCALES)),
        "y_format": optional(_format),
    }
    found = fields.record(node, "`paper`", known, problems)
    if found is None or not isinstance(node, Table):
        return None
    points = [point for series in found["series"].values() for point in series]
    line = node.entries["series"].line
    if not points:
        problems.add(line, "`series` has no curve", "give each a name and a list of points [x, y]")
        return None
    if len({isinstance(x, str) for x, _ in points}) > 1:
        problems.add(line, "`series` has both numbers and texts as x", "an axis is of numbers or of texts")
        return None
    if found["x_scale"] == "log" and any(isinstance(x, str) or x <= 0 for x, _ in points):
        problems.add(node.entries["x_scale"].line, "a logarithmic x axis needs numbers above 0", "write `linear`")
        return None
    return Reported(**found)


def _point(node: Node, name: str, problems: Problems) -> tuple[Scalar, float] | None:
    if not isinstance(node, Items) or len(node.nodes) != 2:
        fields.expected(node, name, "a list of points [x, y]", problems, "such as [[256, 0.236], [512, 0.2348]]")
        return None
    x, y = fields.scalar(node.nodes[0], name, problems), fields.number(node.nodes[1], name, problems)
    return None if x is None or y is None else (x, y)


def _figure(node: Node, draft: Draft, problems: Problems) -> Figure | None:
    found = fields.record(node, "a figure", _fields(draft), problems)
    if found is None or not isinstance(node, Table):
        return None
    figure = Figure(**found, line=node.line)
    mistakes = _beside_spec(node) if figure.spec is not None else _short_form(figure, node, draft)
    mistakes += _panel(figure, node)
    for line, message, hint in mistakes:
        problems.add(line, message, hint)
    return None if mistakes else figure


def _beside_spec(node: Table) -> list[tuple[int, str, str]]:
    hint = f"with `spec` a figure has {', '.join(_WITH_SPEC)} only; the specification says the rest"
    return [
        (entry.line, f"`{key}` beside `spec`", hint) for key, entry in node.entries.items() if key not in _WITH_SPEC
    ]


def _short_form(figure: Figure, node: Table, draft: Draft) -> list[tuple[int, str, str]]:
    found = [
        (node.line, f"a figure needs the key '{key}'", "or a whole Vega-Lite `spec`")
        for key in ("x", "y")
        if key not in node.entries
    ]
    is_parameter = any(figure.x in names(rung) for rung in draft.rungs.values())
    if figure.fits and not is_parameter and draft.rungs:
        parameters = set[str]().union(*map(names, draft.rungs.values()))
        hint = f"put a parameter on x; {nearest(figure.x, parameters)}"
        found.append((node.entries["fits"].line, "`fits` are drawn over a parameter", hint))
    if is_parameter:
        found += _axis(figure, node, draft)
    if figure.mark == "bar" and figure.y_scale == "log":
        hint = "write `mark: point`, or `y_scale: linear`"
        found.append((node.entries["y_scale"].line, "a bar has no foot on a logarithmic axis", hint))
    return found + _crowd(figure, node, draft)


def _crowd(figure: Figure, node: Table, draft: Draft) -> list[tuple[int, str, str]]:
    """More series, panels or names than a reader could tell apart."""
    found = []
    for key, (most, what, hint) in MOST.items():
        parameter = getattr(figure, key)
        for scale, rung in draft.rungs.items():
            given = values(rung, parameter, figure.where) if parameter else ()
            named = figure.mark == "bar" or any(isinstance(value, str) for value in given)
            if len(given) > most and (key != "x" or named):
                message = (
                    f"`{key}: {parameter}` has {len(given):,} values at scale {scale}: a figure shows up to {most}"
                )
                found.append((node.entries[key].line, f"{message} {what}", hint))
                break
    return found


def _panel(figure: Figure, node: Table) -> list[tuple[int, str, str]]:
    """Mistakes of the paper's own numbers that follow from what the figure says."""
    paper, found = figure.paper, []
    if paper is None:
        return []
    line = node.entries["paper"].line
    places = [x for points in paper.series.values() for x, _ in points]
    inherits = paper.x_scale is None and figure.x_scale == "log"
    if inherits and any(isinstance(x, bool | int | float) and x <= 0 for x in places):
        found.append((line, "a logarithmic x axis needs numbers above 0", "write `x_scale: linear` for the paper's"))
    most, what, _ = MOST["color"]
    if len(paper.series) > most:
        found.append(
            (line, f"`paper` has {len(paper.series):,} series: a panel shows up to {most} {what}", "leave some out")
        )
    return found


def _axis(figure: Figure, node: Table, draft: Draft) -> list[tuple[int, str, str]]:
    """Mistakes of a parameter on the x axis."""
    reasons = [("fits", "`fits` need")] if figure.fits else []
    reasons += [("x_scale", "a logarithmic x axis needs")] if figure.x_scale == "log" else []
    for key, wanted in reasons:
        problem = numbers(draft, figure.x, figure.where, wanted)
        if problem:
            return [(node.entries[key].line, problem, "put a numeric parameter on x")]
        for rung in draft.rungs.values():
            if any(not isinstance(value, str) and value <= 0 for value in values(rung, figure.x, figure.where)):
                return [(node.entries[key].line, f"{wanted} numbers above 0 on x", "select them by `where`")]
    return []
