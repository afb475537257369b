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
    with_grid,
)

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
        "`fits` must be one of log, power, saturating, not the text 'logg'",
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


@pytest.mark.parametrize("case", FIGURES)
def test_mistake(case: Case) -> None:
    check_case(case)
