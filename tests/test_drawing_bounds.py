"""What a drawing leaves out it says; what cannot be drawn says why; whatever the data, files stay small."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.judging import record
from tests.test_figures import LINE, evidence, review, verification
from verify.drawing import apart, thinning
from verify.drawing.failure import MOST_SAID, CannotDraw
from verify.drawing.figures import MOST_BYTES, MOST_OF_SPEC, Made, labels, make, make_reported, specification
from verify.drawing.svg import draw, is_empty
from verify.errors import UserError
from verify.model import Evidence, Failure, Figure, Record, Reported, Terms, Value

POINTS = Figure("f", "Error by n.", 1, x="n", y="error", mark="point")
SPEC: dict[str, Any] = {
    "mark": "point",
    "encoding": {"x": {"field": "n", "type": "quantitative"}, "y": {"field": "error", "type": "quantitative"}},
}


def held(*values: float | None, name: str = "error", **changes: Any) -> Evidence:
    """One record an n, with its value or none."""
    records = [
        replace(record({"n": number, "arm": "a"}, 0, 0.0), values={} if value is None else {name: value}, **changes)
        for number, value in enumerate(values, 1)
    ]
    return Evidence("r", "v", "tiny", records=tuple(records))


def curves(*pairs: tuple[tuple[float, ...], tuple[float, ...]]) -> Evidence:
    records = [
        replace(record({"n": number}, 0, 0.0), values={"epoch": x, "error": y}) for number, (x, y) in enumerate(pairs)
    ]
    return Evidence("r", "v", "tiny", records=tuple(records))


def made(figure: Figure, given: Evidence, **more: Any) -> Made:
    told = verification(figure)
    return make(figure, given, told, labels(review(told)), "r-f", **more)


def said(figure: Figure, given: Evidence) -> str:
    """What the drawing says it leaves out: the same below it and to who cannot see it."""
    spec = specification(figure, given, verification(figure), ())
    text = " ".join(spec.get("title", {}).get("text", []))
    assert spec.get("usermeta", {}).get("summary", "").endswith(text)
    svg = draw(spec, "r-f")
    for line in spec.get("title", {}).get("text", []):
        assert line.replace("&", "&amp;").replace("<", "&lt;") in svg
    return text


def undrawn(figure: Figure, given: Evidence) -> str:
    with pytest.raises(CannotDraw) as caught:
        made(figure, given)
    return caught.value.reason


# --- what is left out


FAILED = (Failure("1", {"n": 9}, 0, "ValueError: no"), Failure("2", {"n": 10}, 0, "ValueError: no"))

LEFT_OUT: list[tuple[Figure, Evidence, str]] = [
    (POINTS, held(1.0, 2.0, 3.0), ""),
    (POINTS, held(1.0, math.nan, 3.0), "1 of 3 points is left out: not a number."),
    (POINTS, held(1.0, math.inf, -math.inf, math.nan), "3 of 4 points are left out: 2 infinite, 1 not a number."),
    (POINTS, replace(held(1.0, 2.0), failures=FAILED), "2 of 4 trials are left out: failed."),
    (replace(POINTS, where={"n": 1}), replace(held(1.0, 2.0), failures=FAILED), ""),
    (
        POINTS,
        replace(held(1.0), records=(*held(1.0).records, *held(None, None, diverged=True).records)),
        "2 of 3 trials are left out: diverged.",
    ),
    (POINTS, held(1.0, None), "1 of 2 trials is left out: without error."),
    (
        POINTS,
        replace(held(1.0, None), failures=FAILED[:1]),
        "2 of 3 trials are left out: 1 failed, 1 without error.",
    ),
    (
        replace(POINTS, y_scale="log"),
        held(1.0, 0.0, 2.0),
        "1 of 3 points is left out: 0 on a logarithmic axis. 1 of 3 means is left out: 0 on a logarithmic axis.",
    ),
    (
        replace(POINTS, y_scale="log"),
        held(1.0, 0.0, -2.0),
        "2 of 3 points are left out: 0 or less on a logarithmic axis. "
        "2 of 3 means are left out: 0 or less on a logarithmic axis.",
    ),
    (
        replace(POINTS, x="epoch", mark="line", y_scale="log"),
        curves(((0, 1, 2), (1.0, -1.0, 3.0))),
        "1 of 3 means is left out: below 0 on a logarithmic axis.",
    ),
    (
        replace(POINTS, x="epoch", mark="line", x_scale="log"),
        curves(((0, 1, 2), (1.0, 2.0, 3.0))),
        "1 of 3 points is left out: 0 on a logarithmic x axis.",
    ),
    (
        replace(POINTS, x="epoch", mark="line"),
        curves(((math.nan, 1, 2), (1.0, 2.0, 3.0))),
        "1 of 3 points is left out: not a number on the x axis.",
    ),
    (
        replace(POINTS, x="epoch", mark="line"),
        curves(((1, 2, 3), (1.0, 2.0))),
        "1 of 3 points is left out: epoch or error without the other.",
    ),
    (replace(POINTS, spec=SPEC), held(1.0, 2.0), ""),
    (replace(POINTS, spec=SPEC), held(1.0, math.nan), "1 of 2 values of error is left out: not a number."),
    (replace(POINTS, spec=SPEC), held(1.0, None), "1 of 2 values of error is left out: not there."),
    (
        replace(POINTS, spec=SPEC),
        replace(held(1.0, math.inf), failures=FAILED),
        "2 of 4 trials are left out: failed. 1 of 2 values of error is left out: infinite.",
    ),
]


@pytest.mark.parametrize(("figure", "given", "expected"), LEFT_OUT)
def test_a_drawing_says_what_it_leaves_out(figure: Figure, given: Evidence, expected: str) -> None:
    assert said(figure, given) == expected


def test_an_interval_that_is_wider_than_numbers_can_be() -> None:
    two = [replace(each, parameters={"n": 1}, seed=seed) for seed, each in enumerate(held(1e308, -1e308).records)]
    assert said(POINTS, Evidence("r", "v", "tiny", records=tuple(two))) == (
        "1 of 1 interval is left out: wider than numbers can be."
    )
    same = [replace(each, values={"error": 1e300}) for each in two]
    assert said(POINTS, Evidence("r", "v", "tiny", records=tuple(same))) == ""


@pytest.mark.parametrize(("own", "kept"), [
    ("Mine", {"text": "Mine", "subtitle": ["1 of 2 values of error is left out: not a number."]}),
    ({"text": "Mine", "subtitle": "Under it", "anchor": "end"}, {"text": "Mine", "anchor": "end"}),
])  # fmt: skip
def test_a_title_of_its_own_stays(own: Any, kept: dict[str, Any]) -> None:
    figure = replace(POINTS, spec={**SPEC, "title": own})
    title = specification(figure, held(1.0, math.nan), verification(figure), ())["title"]
    assert kept.items() <= title.items()
    assert title["subtitle"][-1] == "1 of 2 values of error is left out: not a number."


def test_a_thumbnail_has_no_words() -> None:
    assert b"<text" not in made(POINTS, held(1.0, math.nan, 2.0), small=True).svg


def test_tiny_and_huge_numbers_are_written_short() -> None:
    for unit, shown in ((1e-300, "3e-300"), (1e300, "3e+300")):
        assert shown in made(POINTS, held(unit, 2 * unit, 3 * unit)).svg.decode()


# --- what cannot be drawn

NOTHING = "write `y_scale: linear`"

UNDRAWN: list[tuple[Figure, Evidence, str]] = [
    (
        POINTS,
        replace(held(), failures=FAILED),
        "each of its 2 trials failed; the first: ValueError: no\n`verify run` tries them again",
    ),
    (
        POINTS,
        replace(held(), failures=FAILED[:1]),
        "its only trial failed; the first: ValueError: no\n`verify run` tries them again",
    ),
    (POINTS, held(math.nan, math.nan), "none of its points can be shown: 2 of 2 points are left out: not a number."),
    (
        POINTS,
        held(math.inf, math.nan),
        "none of its points can be shown: 2 of 2 points are left out: 1 infinite, 1 not a number.",
    ),
    (
        POINTS,
        replace(held(None, diverged=True), failures=FAILED),
        "none of its 3 trials has both n and error: 2 failed, 1 diverged",
    ),
    (
        replace(POINTS, y_scale="log"),
        held(0.0, -1.0),
        f"no error is above 0, as a logarithmic axis needs it\n{NOTHING}",
    ),
    (
        replace(POINTS, mark="bar", y_scale="log"),
        held(1.0),
        "a bar has no foot on a logarithmic axis\nwrite `mark: point`, or `y_scale: linear`",
    ),
    (replace(POINTS, spec=SPEC), held(), "there is no record at scale tiny"),
    (
        replace(POINTS, spec=SPEC),
        replace(held(), failures=FAILED),
        "there is no record at scale tiny\na trial failed with: ValueError: no",
    ),
    (
        replace(POINTS, spec=SPEC),
        held(math.nan),
        "it shows nothing: no mark has a place\nare the fields that it names in the data?",
    ),
    (
        replace(POINTS, spec={**SPEC, "data": {"name": "nothing"}}),
        held(1.0),
        "it shows nothing: no mark has a place\nare the fields that it names in the data?",
    ),
    (
        replace(POINTS, spec={"mark": "nonsense", "encoding": {}}),
        held(1.0),
        "Vega-Lite does not accept it: TypeError: Cannot read properties of undefined (reading 'filled')",
    ),
    (
        replace(POINTS, spec={**SPEC, "transform": [{"calculate": "foo(1)", "as": "z"}]}),
        held(1.0),
        "Vega-Lite does not accept it: Error: Unrecognized function: foo",
    ),
    (
        replace(POINTS, spec={**SPEC, "data": {"url": "https://example.org/x.csv"}}),
        held(1.0),
        "Vega-Lite does not accept it: Error: External data url not allowed: https://example.org/x.csv",
    ),
    (
        replace(POINTS, spec={**SPEC, "mark": {"type": "point", "href": "javascript:alert(1)"}}),
        held(1.0),
        "Vega-Lite does not accept it: TypeError: Cannot read properties of null (reading 'href')",
    ),
    (
        replace(POINTS, spec={**SPEC, "mark": {"type": "point", "href": {"expr": "'ht'+'tps://example.org'"}}}),
        held(1.0),
        "the drawing would hold a link (`href`)\na figure is made of shapes and text alone",
    ),
    (
        replace(POINTS, spec={**SPEC, "mark": {"type": "image", "url": {"expr": "'x.png'"}, "width": 9, "height": 9}}),
        held(1.0),
        "the drawing would hold an image\na figure is made of shapes and text alone",
    ),
    (
        replace(POINTS, spec={**SPEC, "mark": {"type": "point", "fill": {"expr": "'ur'+'l(ht'+'tps://a.example)'"}}}),
        held(1.0),
        'the drawing would hold fill="url(https://a.example)"\na figure loads nothing and leads nowhere',
    ),
]


@pytest.mark.parametrize(("figure", "given", "expected"), UNDRAWN)
def test_what_cannot_be_drawn_says_why(figure: Figure, given: Evidence, expected: str) -> None:
    assert undrawn(figure, given) == expected


def test_memory_and_time_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "CPU_SECONDS", 2)
    slow = {**SPEC, "transform": [{"calculate": f"test(/^(a+)+$/, '{'a' * 60}b')", "as": "z"}]}
    hint = "\ndraw fewer marks, or aggregate them"
    assert undrawn(replace(POINTS, spec=slow), held(1.0)) == f"drawing it takes more than 2 seconds{hint}"
    monkeypatch.setattr(apart, "CPU_SECONDS", 60)
    monkeypatch.setattr(apart, "MEMORY", 2**30)
    greedy = {**SPEC, "data": {"sequence": {"start": 0, "stop": 1e7}}}
    assert undrawn(replace(POINTS, spec=greedy), held(1.0)) == f"drawing it takes more than 1 GiB of memory{hint}"


def test_waiting_ends_and_is_not_kept_against_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "WALL_SECONDS", 0.01)
    with pytest.raises(CannotDraw, match="has taken more than") as caught:
        made(replace(POINTS, spec=SPEC), held(1.0))
    assert caught.value.passing


def test_no_process_to_draw_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart.sys, "executable", "/nowhere/python")
    with pytest.raises(CannotDraw, match="no process could be started to draw it") as caught:
        made(replace(POINTS, spec=SPEC), held(1.0))
    assert caught.value.passing


@pytest.mark.parametrize(("code", "said_so", "reason", "passing"), [
    (-9, "", "the process that draws ended with signal 9: it said nothing", True),
    (-11, "oh\nno\n", "the process that draws ended with signal 11: no", False),
    (1, "ModuleNotFoundError: no vl_convert", "exit code 1: ModuleNotFoundError: no vl_convert", False),
    (-6, "# Fatal JavaScript out of memory: x", "takes more than 2 GiB of memory", False),
])  # fmt: skip
def test_how_a_child_ends(code: int, said_so: str, reason: str, passing: bool) -> None:
    ended = apart._ended(code, said_so)
    assert reason in ended.reason
    assert ended.passing is passing


def test_vega_that_does_not_say_why() -> None:
    assert apart.plain("conversion failed:\n   at x:1") == "it does not say why"


def test_a_reason_is_a_line_of_text() -> None:
    reason = CannotDraw("a\n\x1b[31mb\x00" + "c" * 2000).reason
    assert reason.startswith("a [31mb c")
    assert len(reason) == MOST_SAID + 1
    assert isinstance(CannotDraw("x"), UserError)


def test_what_is_no_svg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "convert", lambda *_: "<svg")
    assert undrawn(replace(POINTS, spec=SPEC), held(1.0)).startswith("what Vega drew is no SVG: ")


def test_a_mark_without_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "convert", lambda *_: '<svg xmlns="http://www.w3.org/2000/svg"><path d="MNaN,0"/></svg>')
    hint = "are its numbers too large or too small for one axis?"
    assert undrawn(replace(POINTS, spec=SPEC), held(1.0)) == f'Vega finds no place for a mark: d="MNaN,0"\n{hint}'


@pytest.mark.parametrize("element", ["<script>x</script>", "<foreignObject/>", '<path onclick="x()"/>'])
def test_a_drawing_is_shapes_and_text(monkeypatch: pytest.MonkeyPatch, element: str) -> None:
    monkeypatch.setattr(apart, "convert", lambda *_: f'<svg xmlns="http://www.w3.org/2000/svg">{element}</svg>')
    assert undrawn(replace(POINTS, spec=SPEC), held(1.0)).startswith("the drawing would hold ")


def test_a_figure_that_failed_in_this_process_fails_no_other() -> None:
    for mark in ({"type": "point", "href": "javascript:alert(1)"}, {"type": "point"}):
        spec = {**specification(POINTS, held(1.0, 2.0), verification(POINTS), ())}
        spec["layer"] = [{**layer, "mark": {**layer["mark"], **mark}} for layer in spec["layer"]]
        if "href" in mark:
            with pytest.raises(CannotDraw, match="Cannot read properties of null"):
                draw(spec, "p")
        else:
            assert not is_empty(draw(spec, "p"))
            assert draw(spec, "p") == draw(spec, "p", alone=True)


def test_letters_that_no_drawing_may_hold_are_replaced() -> None:
    records = held(1.0, 2.0).records
    named = [
        replace(each, parameters={**each.parameters, "arm": f"a\x01\uffff\ud800{number}"})
        for number, each in enumerate(records)
    ]
    odd = Evidence("r", "v", "tiny", records=tuple(named))
    svg = made(replace(POINTS, color="arm"), odd).svg.decode()
    assert "\x01" not in svg
    assert "\ufffd" in svg


# --- however much there is


def scattered(places: int, seeds: int, arms: int = 1, name: str = "a") -> Evidence:
    records = [
        replace(
            record({"n": n, "arm": f"{name}{arm}"}, seed, 0.0),
            values={"error": 1 + math.sin(n * 0.7 + seed * 1.3 + arm)},
        )
        for arm in range(arms)
        for n in range(1, places + 1)
        for seed in range(seeds)
    ]
    return Evidence("r", "v", "tiny", records=tuple(records))


def long_curves(number: int, panels: int = 1) -> Evidence:
    epochs = tuple(float(epoch) for epoch in range(1, 101))
    records: list[Record] = []
    for arm in range(number):
        for panel in range(panels):
            values: dict[str, Value] = {
                "epoch": epochs,
                "error": tuple(2 + math.sin(epoch * (arm + panel + 1)) for epoch in epochs),
            }
            records.append(replace(record({"n": panel, "arm": f"a{arm}"}, 0, 0.0), values=values))
    return Evidence("r", "v", "tiny", records=tuple(records))


CURVES = replace(POINTS, mark="line", x="epoch", color="arm")

MUCH: list[tuple[Figure, Evidence]] = [
    (POINTS, scattered(100, 100)),
    (replace(POINTS, mark="line"), scattered(3000, 3)),
    (replace(POINTS, color="arm"), scattered(40, 20, arms=40)),
    (replace(POINTS, color="arm", mark="line", fits=("log", "power", "saturating")), scattered(30, 3, arms=40)),
    (replace(POINTS, x="arm", color=None, y_scale="log"), scattered(10, 30, arms=60)),
    (replace(POINTS, x="arm", mark="bar", color="n"), scattered(40, 2, arms=12)),
    (replace(POINTS, color="arm"), scattered(10, 10, arms=40, name="x" * 400)),
    (CURVES, long_curves(40)),
    (replace(CURVES, y_scale="log", x_scale="log"), long_curves(40)),
    (replace(CURVES, facet="n", color="arm"), long_curves(12, 24)),
]


@pytest.mark.parametrize(("figure", "given"), MUCH)
def test_files_stay_small(figure: Figure, given: Evidence) -> None:
    found = made(figure, given)
    assert len(found.svg) <= MOST_BYTES
    assert len(found.specification) <= MOST_BYTES
    assert len(made(figure, given, small=True).svg) <= MOST_BYTES
    if len(json.loads(found.specification)["datasets"]["rows"]) < 2 * len(given.records):
        assert "are drawn: " in json.loads(found.specification)["usermeta"]["summary"]


def test_dense_points_are_thinned_where_they_fall_together_and_it_is_said() -> None:
    spec = specification(POINTS, scattered(100, 100), verification(POINTS), ())
    seeds = [row for row in spec["datasets"]["rows"] if row["kind"] == "seed"]
    assert len(seeds) <= thinning.MOST_SEEDS
    told = f"Of 10,000 single seeds {len(seeds):,} are drawn: the others are within"
    assert told in " ".join(spec["title"]["text"])
    assert {row["x"] for row in seeds} >= {1, 100}, "what stands at the ends is drawn"


def test_long_curves_keep_their_ends_and_their_peaks() -> None:
    x = tuple(float(place) for place in range(3000))
    y = [math.sin(place / 40) for place in x]
    y[1234] = 9.0
    figure = replace(CURVES, color=None)
    spec = specification(figure, curves((x, tuple(y))), verification(figure), ())
    rows = spec["datasets"]["rows"]
    assert len(rows) <= thinning.MOST_ON_LINES
    assert [rows[0]["x"], rows[-1]["x"]] == [0, 2999]
    assert max(row["y"] for row in rows) == 9
    assert f"Of 3,000 points {len(rows):,} are drawn: of each stretch" in " ".join(spec["title"]["text"])


def test_few_points_are_all_drawn() -> None:
    spec = specification(LINE, evidence(), verification(LINE), ())
    assert "title" not in spec
    assert len(spec["datasets"]["rows"]) == 40


@pytest.mark.parametrize(("figure", "given", "reason"), [
    (replace(POINTS, color="arm"), scattered(2, 1, arms=41), "it has 41 series for arm, and can show 40"),
    (replace(POINTS, facet="arm"), scattered(2, 1, arms=25), "it has 25 panels for arm, and can show 24"),
    (replace(POINTS, x="arm"), scattered(1, 1, arms=61), "it has 61 names of arm, and can show 60"),
])  # fmt: skip
def test_more_than_a_reader_can_tell_apart_is_refused(figure: Figure, given: Evidence, reason: str) -> None:
    assert undrawn(figure, given) == f"{reason}\nselect some by `where`"


def test_more_lines_and_groups_than_there_is_room_for() -> None:
    figure = replace(CURVES, facet="n", color="arm")
    assert undrawn(figure, long_curves(40, 24)).startswith("it has 960 lines, and room for 400")
    points = [
        replace(each, parameters={"n": each.seed, "arm": each.parameters["arm"]})
        for each in scattered(1, 24, arms=40).records
    ]
    crowd = replace(POINTS, facet="n", color="arm", x="error")
    assert "series in panels, and room for" in undrawn(crowd, Evidence("r", "v", "tiny", records=tuple(points)))


@pytest.mark.parametrize("figure", [
    replace(POINTS, color="arm"),
    replace(POINTS, x="arm"),
    replace(POINTS, facet="arm"),
    replace(POINTS, x_title="x" * 20_000, y_title="y" * 20_000, caption="c" * 20_000),
    replace(POINTS, paper=Reported("s" * 20_000, {"n" * 20_000: ((1, 1.0),)})),
])  # fmt: skip
def test_names_of_any_length(figure: Figure) -> None:
    given = scattered(2, 1, arms=5, name="x" * 20_000)
    found = made(figure, given) if figure.paper is None else make_reported(figure, Terms(), "r-f")
    assert len(found.svg) <= MOST_BYTES
    if figure.color or figure.facet:
        names = {row.get("series", row.get("facet")) for row in json.loads(found.specification)["datasets"]["rows"]}
        assert len(names) == 5, "names that begin alike stay apart"


def test_a_specification_of_too_many_records() -> None:
    reason = undrawn(replace(POINTS, spec={**SPEC, "mark": "rule"}), scattered(20_000, 1))
    assert "and may have" in reason
    assert MOST_OF_SPEC == 1_000_000


def test_a_drawing_that_is_too_large_to_be_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MOST_DRAWN", 100)
    assert "its drawing would have " in undrawn(replace(POINTS, spec=SPEC), held(1.0))


def test_the_papers_numbers_too() -> None:
    many = tuple((float(n), math.sin(n)) for n in range(5000))
    with pytest.raises(CannotDraw, match="and may have 300") as caught:
        make_reported(replace(POINTS, paper=Reported("Figure 1", {"net": many})), Terms(), "r-f")
    assert caught.value.hint == "give fewer points"


def test_no_address_is_asked(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The engine is told of no place to fetch from."""
    import vl_convert

    from verify.drawing import child

    asked: list[object] = []
    monkeypatch.setattr(vl_convert, "vegalite_to_svg", lambda *_, **more: asked.append(more) or "<svg/>")
    monkeypatch.setattr(child.sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}\n{}\n")))
    child.main({}, "6.1")
    assert asked == [{"vl_version": "6.1", "allowed_base_urls": []}] * 2
    assert capfdbinary.readouterr().out == b"drawn 6\n<svg/>" * 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone ends a process with its parent")
def test_what_draws_ends_with_the_process_that_started_it() -> None:
    """Also while it draws: its input, which this test holds, does not end."""
    code = (
        "import subprocess, sys, time; from verify.drawing import apart\n"
        "print(subprocess.Popen(apart.command({}, '6.1'), stdin=sys.stdin).pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = Path(f"/proc/{int(parent.stdout.readline())}/stat")
        time.sleep(0.5)
        assert child.exists()
        parent.kill()
        deadline = time.monotonic() + 20
        while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < deadline, "it lives on"
            time.sleep(0.02)
