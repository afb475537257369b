"""Figures: each mistake at its line, and nothing besides."""

from __future__ import annotations

import pytest

from tests.reviewing import (
    APART,
    CHOOSING,
    CLAIM,
    FRONT,
    HEAD,
    SWEEP,
    Case,
    check_case,
    fence,
    figure,
    good,
    with_grid,
)
from verify.drawing import chart, palette
from verify.format import charts

SHORT = "lower-case letters, digits and hyphens, a letter first"

PAPER = "x: epoch, y: error, paper: {source: Figure 1, series: {gold: [[1, 0.5], [2, 0.4]]}}"

FIGURES: list[Case] = [
    (figure(PAPER.replace("source: Figure 1, ", "")), "- {id: c", "`paper` needs the key 'source'", ""),
    (
        figure(PAPER.replace("[1, 0.5]", "1")),
        "- {id: c",
        "`gold` must be a list of points [x, y], not the number 1",
        "such as [[256, 0.236], [512, 0.2348]]",
    ),
    (
        figure(PAPER.replace("[1, 0.5]", "[one, 0.5]")),
        "- {id: c",
        "`series` has both numbers and texts as x",
        "an axis is of numbers or of texts",
    ),
    (
        figure(PAPER.replace("gold: [[1, 0.5], [2, 0.4]]", "")),
        "- {id: c",
        "`series` has no curve",
        "give each a name and a list of points [x, y]",
    ),
    (
        figure(PAPER.replace("[1, 0.5]", "[0, 0.5]").replace("source:", "x_scale: log, source:")),
        "- {id: c",
        "a logarithmic x axis needs numbers above 0",
        "write `linear`",
    ),
    (
        figure("x: epoch, y: error").replace("id: curve", "id: A curve"),
        "- {id: A",
        "`id` must be a short name, not the text 'A curve'",
        "lower-case letters, digits and hyphens, a letter first",
    ),
    (
        figure("x: epoch, y: error").replace("caption: A curve., ", ""),
        "- {id: c",
        "a figure needs the key 'caption'",
        "",
    ),
    (figure("x: epoch, y: eror"), "- {id: c", "experiment coin returns no 'eror'", "did you mean 'error'?"),
    (
        figure("x: epok, y: error"),
        "- {id: c",
        "'epok' is neither a parameter of this verification nor returned by its experiment",
        "did you mean 'epoch'?",
    ),
    (
        figure("x: epoch, y: error, color: arms"),
        "- {id: c",
        "'arms' is neither a parameter of this verification nor returned by its experiment",
        "did you mean 'arm'?",
    ),
    (
        figure("x: epoch, y: error, facet: lr").replace("tiny: {", "tiny: {lr: 1, "),
        "- {id: c",
        "'lr' is not set at every scale",
        "set it in the grid or the parameters of each",
    ),
    (
        figure("x: epoch, y: error, mark: lines"),
        "- {id: c",
        "`mark` must be one of line, point, bar, not the text 'lines'",
        "did you mean 'line'?",
    ),
    (
        figure("x: epoch, y: error, y_format: percent"),
        "- {id: c",
        "`y_format` must be a d3 number format, not the text 'percent'",
        "such as .0% or .3~g",
    ),
    (figure("y: error"), "- {id: c", "a figure needs the key 'x'", "or a whole Vega-Lite `spec`"),
    (figure("x: epoch"), "- {id: c", "a figure needs the key 'y'", "or a whole Vega-Lite `spec`"),
    (
        figure("x: bias, y: error, fits: [logg]"),
        "- {id: c",
        "`fits` must be one of log, power, saturating, logistic, not the text 'logg'",
        "did you mean 'log'?",
    ),
    (
        figure("x: epoch, y: error, fits: [log]"),
        "- {id: c",
        "`fits` are drawn over a parameter",
        "put a parameter on x; known: arm, bias, examples",
    ),
    (
        figure("x: arm, y: error, fits: [log]"),
        "- {id: c",
        "`fits` need numbers, and 'arm' is 'old' at scale tiny",
        "put a numeric parameter on x",
    ),
    (
        figure("x: arm, y: error, x_scale: log"),
        "- {id: c",
        "a logarithmic x axis needs numbers, and 'arm' is 'old' at scale tiny",
        "put a numeric parameter on x",
    ),
    (
        figure("x: bias, y: error, x_scale: log", HEAD.replace("0.1,", "0, 0.1,")),
        "- {id: c",
        "a logarithmic x axis needs numbers above 0 on x",
        "select them by `where`",
    ),
    (
        figure("x: lr, y: error, fits: [log]", CHOOSING) + fence(SWEEP),
        "- {id: c",
        "`fits` need a given parameter, and 'lr' is chosen by another verification",
        "put a numeric parameter on x",
    ),
    (
        figure("spec: {mark: bar}, x: bias"),
        "- {id: c",
        "`x` beside `spec`",
        "with `spec` a figure has id, caption, spec, paper only; the specification says the rest",
    ),
    (figure("spec: bar"), "- {id: c", "`spec` must be a Vega-Lite specification, not the text 'bar'", ""),
    (
        figure("x: bias, y: error, where: {arm: odl}"),
        "- {id: c",
        "'arm' is never odl at scale tiny",
        "did you mean 'old'?",
    ),
    (
        figure("x: bias, y: error, where: {arms: old}"),
        "- {id: c",
        "'arms' is not a parameter of this verification",
        "did you mean 'arm'?",
    ),
    (
        figure("x: bias, y: error, where: {}"),
        "- {id: c",
        "`where` selects nothing in particular",
        "name a parameter and its value",
    ),
    (
        figure("x: bias, y: error, where: [arm]"),
        "- {id: c",
        "`where` must be a mapping of parameters to values, not a list",
        "",
    ),
    (
        figure("x: bias, y: error, where: {lr: 1}").replace("tiny: {", "tiny: {lr: 1, "),
        "- {id: c",
        "'lr' is not set at scale small",
        "set it in the grid or the parameters of every scale",
    ),
    (
        figure("x: bias, y: error, where: {bias: 0.1, arm: new}", with_grid(APART)),
        "- {id: c",
        "no trial at scale tiny has bias=0.1, arm=new",
        "each value occurs, but not in one grid",
    ),
    (
        figure("x: bias, y: error, where: {lr: 1}", CHOOSING) + fence(SWEEP),
        "- {id: c",
        "'lr' is chosen by another verification at scale tiny",
        "it cannot select trials",
    ),
    (
        FRONT + fence(HEAD + "figures: {id: curve}\n"),
        "figures:",
        "`figures` must be a list of figures, not a mapping",
        "start each item with `- `",
    ),
    (
        FRONT + fence(HEAD + "figures: [curve]\n"),
        "figures:",
        "a figure must be a mapping of keys to values, not the text 'curve'",
        "",
    ),
    (
        figure("x: bias, y: error").replace("```\n", CLAIM.replace("falls", "curve") + "```\n"),
        "- id: cu",
        "claim 'curve' exists already",
        "in line 18; figures and claims of a review share their names",
    ),
]


HOLDS_NONE = "a figure fetches nothing and leads nowhere"
RECORDS = "its data are there by the name `records`"
ASLANT = "a bar has no foot on a logarithmic axis"


def spec(text: str) -> str:
    """A review with a figure whose specification, in flow style, stands in a line of its own."""
    return figure("spec:\n      {" + text + "}")


LOG_BAR = "mark: bar, encoding: {x: {field: arm}, y: {field: error, scale: {type: log}}"
MANY = ", ".join(map(str, range(1, 42)))
PANELS = ", ".join(map(str, range(1, 26)))
NAMES = ", ".join(f"n{number}" for number in range(61))

REFUSED: list[Case] = [
    (spec("data: {url: data.csv}, mark: bar"), "{data", "`url`: a figure has no room for an address", RECORDS),
    (
        spec("mark: bar, transform: [{lookup: arm, from: {data: {url: x}, key: arm}}]"),
        "{mark",
        "`url`: a figure has no room for an address",
        RECORDS,
    ),
    (spec("mark: {type: point, href: x}"), "{mark", "`href`: a figure has no room for a link", HOLDS_NONE),
    (
        spec("mark: point, encoding: {href: {field: arm}}"),
        "{mark",
        "`href`: a figure has no room for a link",
        HOLDS_NONE,
    ),
    (spec("mark: image"), "{mark", "a figure has no room for images", HOLDS_NONE),
    (spec("layer: [{mark: {type: image}}]"), "{layer", "a figure has no room for images", HOLDS_NONE),
    *[
        (spec(f"mark: {{type: point, fill: '{text}'}}"), "{mark", f"'{text}' is an address", HOLDS_NONE)
        for text in (
            "url(#a)",
            "https://example.org/a",
            "//example.org/a",
            "javascript:alert(1)",
            "JavaScript : x",
            "data:image/png;base64,x",
            "file:/etc/passwd",
            "ftp://example.org",
        )
    ],
    (
        spec("mark: bar, datasets: {mine: [{href: 1, text: 'https://example.org'}]}"),
        "{mark",
        "'https://example.org' is an address",
        HOLDS_NONE,
    ),
    (
        spec("data: {name: recrods}, mark: bar"),
        "{data",
        "there are no data called 'recrods'",
        "did you mean 'records'?",
    ),
    (
        spec("layer: [{data: {name: mine}, mark: bar}]"),
        "{layer",
        "there are no data called 'mine'",
        "known: records",
    ),
    (
        spec("data: {sequence: {start: 0, stop: 1e9}}, mark: bar"),
        "{data",
        "`sequence` has more than 10,000 rows",
        "take a larger `step`",
    ),
    (
        spec("data: {sequence: {start: 0, stop: 10, step: 0}}, mark: bar"),
        "{data",
        "`sequence` has `start`, `stop` and `step`, which are numbers",
        "",
    ),
    (
        spec("mark: bar, params: [{name: a, bind: {element: body}}]"),
        "{mark",
        "`bind` to an `element`: a figure changes nothing of the page around it",
        "leave it out",
    ),
    (
        spec("$schema: 'https://vega.github.io/schema/vega/v5.json', marks: []"),
        "{$schema",
        "`$schema` is not that of Vega-Lite",
        "leave it out, or write https://vega.github.io/schema/vega-lite/v6.json",
    ),
    (spec(LOG_BAR + "}"), "{mark", ASLANT, "write `mark: point`, or give the bar an end by `y2`"),
    (
        spec(LOG_BAR.replace("mark: bar", "layer: [{mark: {type: bar}") + "}}]"),
        "{layer",
        ASLANT,
        "write `mark: point`, or give the bar an end by `y2`",
    ),
    (
        figure("x: bias, y: error, mark: bar, y_scale: log"),
        "- {id: c",
        ASLANT,
        "write `mark: point`, or `y_scale: linear`",
    ),
    (
        figure("x: arm, y: error, color: bias", HEAD.replace("[0.1, 0.2, 0.4, 0.8, 0.9]", f"[{MANY}]")),
        "- {id: c",
        "`color: bias` has 41 values at scale tiny: a figure shows up to 40 series",
        "put some in panels by `facet`, or select some by `where`",
    ),
    (
        figure("x: arm, y: error, facet: bias", HEAD.replace("[0.1, 0.2, 0.4, 0.8, 0.9]", f"[{PANELS}]")),
        "- {id: c",
        "`facet: bias` has 25 values at scale tiny: a figure shows up to 24 panels",
        "select some by `where`",
    ),
    (
        figure("x: arm, y: error", HEAD.replace("[old, new]", f"[{NAMES}]")),
        "- {id: c",
        "`x: arm` has 61 values at scale tiny: a figure shows up to 60 names on its x axis",
        "select some by `where`",
    ),
    (
        figure("x: bias, x_scale: log, " + PAPER.replace("x: epoch, ", "").replace("[1, 0.5]", "[0, 0.5]")),
        "- {id: c",
        "a logarithmic x axis needs numbers above 0",
        "write `x_scale: linear` for the paper's",
    ),
    (
        figure(PAPER.replace("gold: ", "".join(f"g{number}: [[1, 1]], " for number in range(40)) + "gold: ")),
        "- {id: c",
        "`paper` has 41 series: a panel shows up to 40 series",
        "leave some out",
    ),
]

ALLOWED = [
    figure("x: bias, y: error, color: bias, where: {bias: 0.1}", HEAD.replace("[0.1,", f"[{MANY}, 0.1,")),
    figure("x: bias, y: error", HEAD.replace("[0.1, 0.2, 0.4, 0.8, 0.9]", f"[{MANY}, {MANY.replace(', ', '.5, ')}.5]")),
    spec(LOG_BAR + ", y2: {datum: 1}}"),
    spec(LOG_BAR.replace("bar", "point") + "}"),
    spec("$schema: 'https://vega.github.io/schema/vega-lite/v6.json', mark: bar, title: 'Data: a // b, error/loss'"),
    spec("data: {name: mine}, datasets: {mine: [{url: 1}]}, mark: bar"),
    spec("data: {sequence: {start: 0, stop: 100}}, mark: bar"),
    spec("data: {values: [{href: 1}]}, mark: bar"),
]


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_figure_may_not_hold(case: Case) -> None:
    check_case(case)


@pytest.mark.parametrize("text", ALLOWED)
def test_what_a_figure_may_hold(text: str) -> None:
    good(text)


def test_checking_and_drawing_agree_on_how_much_a_figure_shows() -> None:
    assert charts.MOST["color"][0] == palette.LOOKS == chart.MOST_SERIES
    assert charts.MOST["facet"][0] == chart.MOST_PANELS
    assert charts.MOST["x"][0] == chart.MOST_NAMES


@pytest.mark.parametrize("case", FIGURES)
def test_mistake(case: Case) -> None:
    check_case(case)
