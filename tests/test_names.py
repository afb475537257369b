"""Names along an axis: each is there whole, and none lies over another."""

from __future__ import annotations

import pytest

from verify.drawing import names, palette


@pytest.mark.parametrize(
    ("given", "width", "angle", "lines"),
    [
        (["a", "b"], 400, 0, 1),
        (["gradual warmup", "no warmup", "square root"], 240, 0, 2),
        (["constant warmup"] * 8, 344, -90, 1),
        (["augmentation, dropout, weight decay", "none"], 120, -90, 2),
    ],
)
def test_names_stand_on_lines_where_their_words_fit_and_upright_else(
    given: list[str], width: int, angle: int, lines: int
) -> None:
    axis = names.axis(given, width)
    assert axis.spec["labelAngle"] == angle
    assert axis.spec["labelLimit"] == 0, "none is cut"
    assert axis.spec["labelOverlap"] is False, "none is left out"
    assert ("labelExpr" in axis.spec) == (lines > 1)


def test_the_drawing_grows_with_what_names_take() -> None:
    assert names.axis(["a", "b"], 400).height == 0
    assert names.axis(["gradual warmup", "no warmup"], 160).height == names.LINE
    assert names.axis(["constant warmup"] * 8, 344).height > 100


def test_vega_breaks_lines_where_the_height_was_counted_for() -> None:
    import vl_convert

    given = ["gradual warmup by steps", "no warmup"]
    axis = names.axis(given, 2 * 16 * names.LETTER + 8)
    rows = [{"x": each, "y": 1} for each in given]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "config": palette.CONFIG,
        "data": {"values": rows},
        "mark": "bar",
        "encoding": {"x": {"field": "x", "type": "ordinal", "axis": axis.spec}, "y": {"field": "y"}},
    }
    text = vl_convert.vegalite_to_svg(spec)
    for line in ("gradual warmup", "by steps", "no warmup"):
        assert f">{line}</tspan>" in text or f">{line}</text>" in text, line
