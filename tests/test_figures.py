"""Figures: what is drawn, in which colours, and that equal records give equal bytes."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from tests.judging import points, record
from verify.drawing import palette
from verify.drawing.figures import draw, labels, reported, specification, thumbnail
from verify.errors import UserError
from verify.judging.estimates import t_interval
from verify.model import Evidence, Figure, Metric, Named, Paper, Reported, Review, Rung, Scalar, Terms, Verification

GRID: dict[str, tuple[Scalar, ...]] = {"arm": ("zeta", "alpha"), "n": (10, 100, 1000, 10000, 100000)}
LINE = Figure("f", "Error by n.", 1, x="n", y="error", color="arm", x_scale="log")
CURVE = Figure("c", "Error by epoch.", 1, x="epoch", y="train_error", color="arm")


def verification(*figures: Figure, grid: dict[str, tuple[Scalar, ...]] = GRID, name: str = "v") -> Verification:
    return Verification(name, "e", {"tiny": Rung("tiny", (grid,), {"fixed": "x"}, (3,))}, figures, (), 1, 2)


def review(*verifications: Verification) -> Review:
    paper = Paper("title", (), "venue", 2017)
    return Review("r", "reviews/r.md", paper, "Training", 1, (), "", None, (), verifications, (), "", "", 1)


def evidence(seeds: int = 3, error: float = 0.2) -> Evidence:
    records = []
    for at in points(**GRID):
        for seed in range(seeds):
            base = error + 0.1 * seed + (0.1 if at["arm"] == "zeta" else 0.0)
            curve = tuple(base / epoch for epoch in (1, 2, 3))
            values = {"error": base, "epoch": (1.0, 2.0, 3.0), "train_error": curve}
            records.append(replace(record({**at, "fixed": "x"}, seed, 0.0), values=values))
    return Evidence("r", "v", "tiny", records=tuple(records))


def spec_of(figure: Figure, given: Evidence | None = None, **grid: Any) -> dict[str, Any]:
    told = verification(figure, **grid)
    return specification(figure, given or evidence(), told, labels(review(told)))


def rows_of(spec: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [row for row in spec["datasets"]["rows"] if row["kind"] == kind]


def encodings(spec: dict[str, Any], channel: str) -> list[dict[str, Any]]:
    layers = spec.get("spec", spec)["layer"]
    return [layer["encoding"][channel] for layer in layers if channel in layer["encoding"]]


# --- what is drawn


def test_a_line_is_the_mean_with_its_t_interval() -> None:
    mean = rows_of(spec_of(LINE), "mean")[0]
    low, high = t_interval(0.3, 0.1, 0.95, 3)
    assert (mean["series"], mean["x"], mean["y"], mean["n"]) == ("alpha", 10, 0.3, 3)
    assert (mean["low"], mean["high"]) == pytest.approx((low, high), rel=1e-5)


def test_a_single_seed_has_no_interval() -> None:
    mean = rows_of(spec_of(LINE, evidence(seeds=1)), "mean")[0]
    assert mean["low"] == mean["high"] == mean["y"]


def test_trials_of_one_seed_are_averaged_before_the_interval_is_taken() -> None:
    spec = spec_of(replace(LINE, color=None))
    assert rows_of(spec, "mean")[0]["n"] == 3
    assert rows_of(spec, "mean")[0]["y"] == pytest.approx(0.35)


def test_over_a_parameter_single_seeds_are_points_over_a_curve_they_are_not() -> None:
    assert len(rows_of(spec_of(LINE), "seed")) == 30
    assert rows_of(spec_of(CURVE), "seed") == []


def test_a_curve_is_averaged_place_by_place() -> None:
    drawn = {row["x"]: row["y"] for row in rows_of(spec_of(CURVE), "mean") if row["series"] == "alpha"}
    assert drawn == pytest.approx({1.0: 0.3, 2.0: 0.15, 3.0: 0.1}, rel=1e-5)


def test_where_selects_records() -> None:
    spec = spec_of(replace(LINE, where={"arm": "zeta"}))
    assert {row["series"] for row in spec["datasets"]["rows"]} == {"zeta"}


def test_numbers_have_six_significant_digits() -> None:
    rows = spec_of(LINE, evidence(error=1 / 3))["datasets"]["rows"]
    numbers = [value for row in rows for value in row.values() if isinstance(value, float)]
    assert numbers == [float(f"{value:.6g}") for value in numbers]


def test_facets_are_panels_in_the_order_of_declaration() -> None:
    spec = spec_of(replace(LINE, color=None, facet="arm"))
    assert spec["facet"]["sort"] == ["arm: zeta", "arm: alpha"]
    assert spec["columns"] == 2


def test_categories_keep_the_order_of_declaration() -> None:
    spec = spec_of(replace(LINE, mark="bar", x="arm", color=None, x_scale="linear"))
    assert spec["encoding"]["x"]["sort"] == ["zeta", "alpha"]


@pytest.mark.parametrize("mark", ["line", "point", "bar"])
@pytest.mark.parametrize("x", ["arm", "n"])
def test_every_mark_draws_over_names_and_numbers(mark: Any, x: str) -> None:
    given = replace(LINE, mark=mark, x=x, color="arm", facet="n" if x == "arm" else None, x_scale="linear")
    assert draw(spec_of(given), "p").startswith("<svg")


def test_fits_are_drawn_through_the_means_and_named_in_a_legend() -> None:
    spec = spec_of(replace(LINE, fits=("log", "power", "saturating")))
    assert {(row["series"], row["fit"]) for row in rows_of(spec, "fit")} >= {("alpha", "log"), ("zeta", "power")}
    assert [dash["legend"]["title"] for dash in encodings(spec, "strokeDash")] == ["fit"]
    assert ">saturating<" in draw(spec, "p")


def test_a_logarithmic_axis_says_what_it_leaves_out() -> None:
    given = evidence()
    first = replace(given.records[0], values={"error": -9.0})
    with_zero = replace(given, records=(first, *given.records[1:]))
    spec = spec_of(replace(LINE, y_scale="log"), with_zero)
    said = "1 of 30 points is left out: below 0 on a logarithmic axis."
    assert said in " ".join(spec["title"]["text"])
    assert said in spec["usermeta"]["summary"]
    assert all(row["y"] > 0 and row.get("low", 1) > 0 for row in spec["datasets"]["rows"])
    assert "Intervals that reach below the axis end at its foot." in " ".join(spec["title"]["text"])
    assert "title" not in spec_of(replace(LINE, y_scale="log"), evidence(seeds=1))


def test_titles_and_formats_can_be_given() -> None:
    spec = spec_of(replace(LINE, x_title="examples", y_title="test error", y_format=".0%"))
    text = draw(spec, "p")
    assert ">examples<" in text
    assert ">test error<" in text
    assert "40 %" in text, "as pages write it"


def test_a_full_spec_gets_the_records_as_data() -> None:
    own = {
        "mark": "point",
        "encoding": {"x": {"field": "n", "type": "quantitative"}},
        "config": {"axis": {"grid": False}},
    }
    spec = spec_of(replace(LINE, spec=own))
    expected = {"arm": "zeta", "n": 10, "fixed": "x", "seed": 0, "diverged": False, "error": 0.3, "epoch": 3.0}
    assert spec["data"] == {"name": "records"}
    assert spec["datasets"]["records"][0] == {**expected, "train_error": 0.1}
    assert spec["config"]["axis"]["grid"] is False
    assert spec["config"]["axis"]["labelColor"] == "currentColor"
    assert draw(spec, "p").startswith("<svg")


# --- mistakes

FAR = (1e-140, 1e-90, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (replace(LINE, y="loss"), "no record at scale tiny has both n and loss"),
        (replace(LINE, x="step"), "no record at scale tiny has both step and error"),
        (replace(LINE, x="arm", x_scale="linear", fits=("log",)),
         "a form is fitted over positive numbers, which arm is not"),
    ],
)  # fmt: skip
def test_what_the_records_lack_is_named(figure: Figure, message: str) -> None:
    with pytest.raises(UserError) as error:
        spec_of(figure)
    assert error.value.message == message


def test_a_fit_needs_enough_points() -> None:
    few = replace(evidence(), records=tuple(r for r in evidence().records if int(r.parameters["n"]) <= 1000))
    with pytest.raises(UserError, match="a power fit needs 4 values of n; it has 3"):
        spec_of(replace(LINE, fits=("log", "power")), few)


def test_places_too_far_apart_for_a_fit() -> None:
    places = dict(zip(sorted({int(r.parameters["n"]) for r in evidence().records}), FAR, strict=False))
    apart = [replace(r, parameters={**r.parameters, "n": places[int(r.parameters["n"])]}) for r in evidence().records]
    with pytest.raises(UserError, match="the values of n lie too far apart to fit a power form"):
        spec_of(replace(LINE, fits=("power",)), replace(evidence(), records=tuple(apart)))


def test_nothing_above_zero_on_a_logarithmic_axis() -> None:
    with pytest.raises(UserError, match="no error is above 0, as a logarithmic axis needs it"):
        spec_of(replace(LINE, y_scale="log"), evidence(error=-9.0))


def test_a_spec_that_vega_lite_refuses_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="Vega-Lite does not accept it: "):
        draw({"mark": "nonsense", "layer": 3}, "r-f")


def test_a_figure_takes_no_data_from_elsewhere() -> None:
    spec = {"data": {"url": "https://example.org/data.csv"}, "mark": "point", "encoding": {"x": {"field": "a"}}}
    with pytest.raises(UserError, match="Vega-Lite does not accept it: "):
        draw(spec, "r-f")


# --- colours


def contrast(first: str, second: str) -> float:
    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#1e2129"])
@pytest.mark.parametrize("color", palette.COLORS)
def test_every_colour_is_legible_on_light_and_dark_pages(color: str, page: str) -> None:
    assert contrast(color, page) >= 3


def test_colour_is_never_the_only_cue() -> None:
    for first in range(30):
        for second in range(first):
            assert (palette.color(first), palette.dash(first)) != (palette.color(second), palette.dash(second))
            assert (palette.color(first), palette.shape(first)) != (palette.color(second), palette.shape(second))


def test_labels_are_those_that_carry_colour_in_the_order_of_declaration() -> None:
    numbers = verification(replace(LINE, color="width"), grid={"width": (64, 16), "big": (True,)}, name="w")
    flags = verification(replace(LINE, color="big"), grid={"big": (True, False), "rate": (0.1,)}, name="b")
    assert labels(review(verification(LINE, CURVE), numbers, flags)) == ("zeta", "alpha", "64", "16", "true", "false")
    assert labels(review(verification(replace(LINE, color=None)))) == ()


def test_a_label_keeps_its_colour_in_every_figure() -> None:
    told = labels(review(verification(LINE, CURVE)))
    alone = specification(replace(CURVE, where={"arm": "alpha"}), evidence(), verification(), told)
    both = specification(LINE, evidence(), verification(), told)
    [scale] = [color["scale"] for color in encodings(alone, "color")]
    assert scale == {"domain": ["alpha"], "range": [palette.color(1)]}
    assert encodings(both, "color")[0]["scale"]["range"] == [palette.color(0), palette.color(1)]


def test_a_label_that_no_review_declares_still_gets_a_colour() -> None:
    spec = specification(LINE, evidence(), verification(LINE), ["alpha"])
    assert encodings(spec, "color")[0]["scale"]["domain"] == ["alpha", "zeta"]


# --- the drawing


def with_paper(*points: tuple[Scalar, float], **more: Any) -> Figure:
    return replace(LINE, paper=Reported("Table 1 (a large net)", {"net": points, "other": points}, **more))


def test_the_papers_numbers_are_drawn_in_a_panel_of_their_own() -> None:
    figure = with_paper((256, 0.236), (8192, 0.2374), y_title="top-1 error", y_format=".1%")
    spec = reported(figure, Terms())
    assert [(row["x"], row["y"]) for row in spec["datasets"]["rows"][:2]] == [(256, 0.236), (8192, 0.2374)]
    shared = spec["encoding"]
    assert (shared["x"]["title"], shared["y"]["title"], shared["y"]["axis"]["format"]) == ("n", "top-1 error", ".1%")
    assert shared["x"]["scale"]["type"] == "log", "as the figure beside it, unless said otherwise"
    assert reported(with_paper((1, 2), x_scale="linear"), Terms())["encoding"]["x"]["scale"]["type"] == "linear"
    texts = [element.text for element in ElementTree.fromstring(draw(spec, "p")).iter() if element.text]
    assert "The paper: Table 1 (a large net)" in texts
    assert {"23.6%", "net", "other"} <= set(texts) | {"23.6%"}


def test_names_on_the_papers_axis_become_bars_in_their_order() -> None:
    spec = reported(with_paper(("VGG", 0.3), ("GoogLeNet", 0.2)), Terms())
    assert spec["encoding"]["x"]["sort"] == ["VGG", "GoogLeNet"]
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["bar"]
    assert spec["encoding"]["y"]["scale"]["zero"], "a bar that does not begin at zero misleads"
    draw(spec, "p")


def test_both_panels_are_of_one_width() -> None:
    figure = with_paper((10, 0.2), (100, 0.1))
    assert spec_of(figure)["width"] == reported(figure, Terms())["width"] < spec_of(LINE)["width"]


def test_the_papers_colours_are_no_arms() -> None:
    (theirs,) = {
        tuple(layer["encoding"]["color"]["scale"]["range"])
        for layer in reported(with_paper((1, 2)), Terms())["layer"]
        if "color" in layer["encoding"]
    }
    ours = {color for each in encodings(spec_of(LINE), "color") for color in each["scale"]["range"]}
    assert not ours & set(theirs)


def test_the_svg_follows_the_page_and_stands_alone() -> None:
    root = ElementTree.fromstring(text := draw(spec_of(LINE), "r-f"))
    assert "currentColor" in text
    assert "var(--verify-color-1, #1f78d1)" in text
    assert "font-family=" not in text
    assert "svg:root" in text
    assert "prefers-color-scheme:dark" in text
    assert root.get("role") == "img"
    assert root[0].tag == "{http://www.w3.org/2000/svg}title"  # by its name alone, as the first, it names the drawing
    assert root[0].text == "Error by n."
    about = root.find("{http://www.w3.org/2000/svg}desc")
    assert about is not None
    assert about.text == "Line chart of error by n, for arm zeta, alpha. Means over 3 seeds with 95% intervals."
    assert float(root.get("width", "0")) <= palette.WIDTH + 10


def test_a_drawing_is_one_image_to_a_screen_reader() -> None:
    for figure in (LINE, CURVE):
        root = ElementTree.fromstring(draw(spec_of(figure), "r-f"))
        inner = [name for element in root.iter() if element is not root for name in element.attrib]
        assert not [name for name in inner if name == "role" or name.startswith("aria-")]


def test_ids_are_the_figures_own_and_resolve() -> None:
    clipped = {"mark": {"type": "point", "clip": True}, "encoding": {"x": {"field": "n", "type": "quantitative"}}}
    for prefix in ("one", "two"):
        text = draw(spec_of(replace(LINE, spec=clipped)), prefix)
        ids = [element.get("id") for element in ElementTree.fromstring(text).iter() if element.get("id")]
        assert ids == [f"{prefix}-1"]
        assert f"url(#{prefix}-1)" in text


def test_equal_records_give_equal_bytes_whatever_was_drawn_before() -> None:
    first = draw(spec_of(LINE), "p")
    draw(spec_of(CURVE), "q")
    shuffled = replace(evidence(), records=tuple(reversed(evidence().records)))
    assert draw(spec_of(LINE), "p") == first
    mean = rows_of(spec_of(LINE), "mean")
    assert rows_of(spec_of(LINE, shuffled), "mean") == mean


def test_another_process_draws_the_same_bytes() -> None:
    spec = spec_of(LINE)
    code = "import json,sys; from verify.drawing.figures import draw; sys.stdout.write(draw(json.load(sys.stdin), 'p'))"
    other = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(spec), capture_output=True, text=True, check=True
    )
    assert other.stdout == draw(spec, "p")


def test_drawing_leaves_the_specification_as_it_was() -> None:
    spec = spec_of(LINE)
    before = copy.deepcopy(spec)
    draw(spec, "p")
    thumbnail(spec)
    assert spec == before


# --- thumbnails


@pytest.mark.parametrize("figure", [LINE, CURVE, replace(LINE, facet="arm"), replace(LINE, mark="bar", x="arm")])
def test_a_thumbnail_is_the_marks_alone(figure: Figure) -> None:
    text = draw(thumbnail(spec_of(figure)), "t")
    root = ElementTree.fromstring(text)
    assert (root.get("width"), root.get("height")) == ("160", "90")
    assert "<text" not in text
    assert "<path" in text


def test_a_thumbnail_of_a_full_spec_has_no_axes() -> None:
    own = {"mark": "point", "encoding": {"x": {"field": "n", "type": "quantitative"}}}
    assert "<text" not in draw(thumbnail(spec_of(replace(LINE, spec=own))), "t")


# --- in the words of the review

TERMS = Terms(
    {"error": Metric("test error", "%"), "train_error": Metric("", "nats"), "epoch": Metric("epochs seen")},
    {"arm": Named("schedule", {"zeta": "dense all the way", "alpha": "sparse"}), "n": Named("width of the net")},
)


def told_in_words(figure: Figure, terms: Terms = TERMS) -> dict[str, Any]:
    told = replace(verification(figure), terms=terms)
    return specification(figure, evidence(), told, labels(review(told)))


def test_axes_legend_and_series_have_the_words_of_the_review() -> None:
    spec = told_in_words(LINE)
    x, y = (spec["encoding"][axis] for axis in "xy")
    assert (x["title"], y["title"]) == ("width of the net", "test error")
    assert y["axis"]["format"] == "~%"
    assert y["axis"]["labelExpr"] == "replace(datum.label, '%', ' %')"
    assert {row["series"] for row in spec["datasets"]["rows"]} == {"dense all the way", "sparse"}
    colors = encodings(spec, "color")
    assert colors[0]["scale"]["domain"] == ["dense all the way", "sparse"]
    assert colors[0]["legend"]["title"] == "schedule"
    assert spec["usermeta"]["summary"].startswith(
        "Line chart of test error by width of the net, for schedule dense all the way, sparse."
    )
    tooltip = encodings(spec, "tooltip")[-1]
    assert [each["title"] for each in tooltip][:3] == ["schedule", "width of the net", "mean test error"]
    assert tooltip[2]["format"] == ".4~p"
    assert labels(review(replace(verification(LINE), terms=TERMS))) == ("dense all the way", "sparse")


def test_another_unit_stands_in_the_title() -> None:
    spec = told_in_words(CURVE)
    assert [spec["encoding"][axis]["title"] for axis in "xy"] == ["epochs seen", "train error (nats)"]
    assert "labelExpr" not in spec["encoding"]["y"]["axis"]


def test_what_a_figure_says_itself_wins() -> None:
    spec = told_in_words(replace(LINE, x_title="n", y_title="wrong answers", y_format=".1f"))
    assert [spec["encoding"][axis]["title"] for axis in "xy"] == ["n", "wrong answers"]
    assert spec["encoding"]["y"]["axis"]["format"] == ".1f"
    assert "labelExpr" not in spec["encoding"]["y"]["axis"]


def test_panels_are_called_by_the_names_of_their_values() -> None:
    named = told_in_words(replace(LINE, color=None, facet="arm"))
    assert named["facet"]["sort"] == ["dense all the way", "sparse"]
    some = Terms(names={"arm": Named("schedule", {"zeta": "dense"})})
    assert told_in_words(replace(LINE, color=None, facet="arm"), some)["facet"]["sort"] == ["dense", "schedule: alpha"]


def test_a_bar_stands_over_the_name_of_its_value_and_a_line_over_the_number() -> None:
    some = Terms(names={"n": Named("", {"10": "few", "100000": "many"})})
    bars = told_in_words(replace(LINE, mark="bar", x_scale="linear"), some)
    assert {row["x"] for row in rows_of(bars, "mean")} == {"few", "100", "1000", "10000", "many"}
    assert bars["encoding"]["x"]["sort"] == ["few", "100", "1000", "10000", "many"]
    assert {row["x"] for row in rows_of(told_in_words(LINE, some), "mean")} == {10, 100, 1000, 10000, 100000}


def test_the_papers_panel_has_the_same_words_unless_it_shows_something_else() -> None:
    paper = Reported("Table 1", {"zeta": ((10, 0.3),), "theirs": ((10, 0.2),)})
    spec = reported(replace(LINE, paper=paper), TERMS)
    assert [spec["encoding"][axis]["title"] for axis in "xy"] == ["width of the net", "test error"]
    assert spec["encoding"]["y"]["axis"]["format"] == "~%"
    assert [row["series"] for row in spec["datasets"]["rows"]] == ["dense all the way", "theirs"]
    other = reported(replace(LINE, paper=replace(paper, y_title="average precision")), TERMS)
    assert other["encoding"]["y"]["title"] == "average precision"
    assert "format" not in other["encoding"]["y"]["axis"]
