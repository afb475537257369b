"""A good file parses into exactly the right structures."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.reviewing import CLAIM, COIN, EXPERIMENTS, FRONT, HEAD, SWEEP, claim, fence, figure, good, line_of, read
from verify import model
from verify.errors import UserError
from verify.format.reviews import check, parse
from verify.model import (
    Choice,
    Claim,
    CodeFence,
    Criterion,
    Experiment,
    Figure,
    Paper,
    Review,
    Rung,
    Untestable,
    Verification,
)
from verify.planning.catalogue import read_source

GOOD = """\
---
title: "Coins: a study"
authors: [Ann Author]
venue: Proc. 1999 Coins 2017
arxiv: 1706.10
section: Training
order: 3
tags: [coins, no]
summary: Coins come up heads.
reviewed: 2026-11-23
links:
  code: https://example.org/coins
not_testable:
  - {says: Gold coins too., why: No gold here., source: Section 5}
---

Prose.

```yaml verify
id: toss
experiment: coin
title: A toss
parameters: {fair: no}
grid: {arm: [old, new], bias: [0.1, 2e-1]}
seeds: 4
scales:
  small: {epochs: 7}
  tiny:
    grid: [{bias: [0.5]}, {bias: [1], arm: [new]}]
    seeds: 3
    time_limit: 9
    fair: true
figures:
  - id: curve
    caption: The curve.
    x: epoch
    y: error
    color: arm
    y_format: .0%
claims:
  - id: heads
    says: It comes up heads.
    source: Table 1
    reported: {error: 0.02}
    test: {metric: error, statistic: slope, along: bias, every: {within: [-1, 1]}}
```
"""


def test_good_file() -> None:
    text = GOOD.replace("1706.10", "1706.01010").replace("color: arm", "color: bias")
    rungs = {
        "tiny": Rung("tiny", ({"bias": (0.5,)}, {"bias": (1,), "arm": ("new",)}), {"fair": True}, (3,), 9.0),
        "small": Rung("small", ({"arm": ("old", "new"), "bias": (0.1, 0.2)},), {"fair": "no", "epochs": 7}, (4,)),
    }
    verification = Verification(
        id="toss",
        experiment="coin",
        rungs=rungs,  # type: ignore[arg-type]  # keys are literals
        figures=(Figure("curve", "The curve.", line=34, x="epoch", y="error", color="bias", y_format=".0%"),),
        claims=(
            Claim(
                id="heads",
                says="It comes up heads.",
                source="Table 1",
                test=model.Test("error", Criterion(-1.0, 1.0, every=True), "slope", along="bias"),
                line=41,
                reported={"error": 0.02},
            ),
        ),
        line=19,
        end_line=46,
        title="A toss",
    )
    links = {"code": "https://example.org/coins"}
    assert good(text) == Review(
        slug="coins",
        path="reviews/coins.md",
        paper=Paper("Coins: a study", ("Ann Author",), "Proc. 1999 Coins 2017", 2017, "1706.01010", links),
        section="Training",
        order=3,
        tags=("coins", "no"),
        summary="Coins come up heads.",
        reviewed="2026-11-23",
        not_testable=(Untestable("Gold coins too.", "No gold here.", "Section 5"),),
        verifications=(verification,),
        code_fences=(),
        code="",
        text=text,
        body_line=16,
    )
    assert list(good(text).verifications[0].rungs) == ["tiny", "small"]


def test_least_file() -> None:
    review = good(FRONT)
    assert (review.order, review.tags, review.reviewed, review.verifications) == (1000, (), None, ())
    assert review.body_line == 8


def test_year_of_its_own() -> None:
    assert good(FRONT.replace("venue: ICLR 2017", "venue: Coins\nyear: 2011")).paper.year == 2011


def test_old_arxiv_number_and_a_number_that_ends_in_zero() -> None:
    assert good(FRONT.replace("venue:", "arxiv: cs/0112017\nvenue:")).paper.arxiv == "cs/0112017"
    assert good(FRONT.replace("venue:", "arxiv: 1706.0010\nvenue:")).paper.arxiv == "1706.0010"


def test_line_endings_and_byte_order_mark_change_nothing() -> None:
    text = FRONT + fence(HEAD + CLAIM)
    assert good("\ufeff" + text.replace("\n", "\r\n")) == good(text)


def test_parameter_fixed_by_the_verification_and_varied_by_a_scale() -> None:
    review = good(FRONT + fence(SWEEP.replace("tiny: {seeds: 2}", "tiny: {seeds: 2, grid: {bias: [0.5, 0.6]}}")))
    rung = review.verifications[0].rungs["tiny"]
    assert rung.grids == ({"bias": (0.5, 0.6)},)
    assert rung.parameters == {}


def test_without_a_grid_there_is_one_point() -> None:
    review = good(FRONT + fence("id: one\nexperiment: coin\nseeds: 2\nscales: {full: {bias: 1}, tiny: {bias: 2}}\n"))
    assert review.verifications[0].rungs["full"] == Rung("full", ({},), {"bias": 1}, (2,))


def test_scale_without_a_value() -> None:
    review = good(FRONT + fence("id: one\nexperiment: coin\nseeds: 2\nparameters: {bias: 1}\nscales:\n  tiny:\n"))
    assert review.verifications[0].rungs["tiny"].seeds == (2,)


def test_chosen_parameter() -> None:
    choosing = HEAD.replace("grid:", "parameters:\n  lr: {choose_from: sweep, minimise: loss, per: arm}\ngrid:")
    review = good(FRONT + fence(choosing) + fence(SWEEP))
    assert review.verifications[0].rungs["tiny"].parameters["lr"] == Choice("sweep", "loss", "minimise", ("arm",))
    several = choosing.replace("minimise: loss, per: arm", "maximise: error, per: [arm]")
    parameters = good(FRONT + fence(several) + fence(SWEEP)).verifications[0].rungs["small"].parameters
    assert parameters["lr"] == Choice("sweep", "error", "maximise", ("arm",))


def only_test(test: str, control: str = "") -> model.Test:
    return good(claim(test, control)).claims[0].test


def test_statistics() -> None:
    arms = "arms: [{arm: new}, {arm: old}]"
    pair: tuple[model.Where, ...] = ({"arm": "new"}, {"arm": "old"})
    assert only_test(
        f"{{metric: error, statistic: log_ratio, {arms}, where: {{bias: 0.1}}, at_least: 1}}"
    ) == model.Test("error", Criterion(low=1.0), "log_ratio", where={"bias": 0.1}, arms=pair)
    assert only_test(f"{{metric: error, statistic: slope, {arms}, along: bias, log: true, at_most: 1}}") == model.Test(
        "error", Criterion(high=1.0), "slope", arms=pair, along="bias", log=True
    )
    between = "between: [{bias: 0.1}, {bias: 0.2}]"
    assert only_test(f"{{metric: error, statistic: interaction, {arms}, {between}, within: [0, 1]}}") == model.Test(
        "error", Criterion(0.0, 1.0), "interaction", arms=pair, between=({"bias": 0.1}, {"bias": 0.2})
    )
    spans = "{metric: error, statistic: interaction, along: bias, spans: [[0, 0.3], [0.1, 0.2]], at_most: 0}"
    assert only_test(spans) == model.Test(
        "error", Criterion(high=0.0), "interaction", along="bias", spans=((0.0, 0.3), (0.1, 0.2))
    )
    held_out = "{metric: loss, statistic: holdout_error, along: bias, form: log, rivals: [power], at_most: 0}"
    assert only_test(held_out) == model.Test(
        "loss", Criterion(high=0.0), "holdout_error", along="bias", form="log", rivals=("power",)
    )
    assert only_test(f"{{metric: error, statistic: sd, {arms}, at_most: 0}}").statistic == "sd"


def test_a_slope_may_have_a_control_but_needs_none() -> None:
    slope = "{metric: error, statistic: slope, along: bias, where: {arm: new}, at_most: 0}"
    assert good(claim(slope)).claims[0].control is None
    assert good(claim(slope, "{where: {arm: old}}")).claims[0].control == {"arm": "old"}


def test_figure_with_everything() -> None:
    review = good(
        figure(
            "mark: point, x: bias, y: error, color: arm, facet: examples, where: {arm: old}, x_scale: log, "
            "y_scale: log, x_title: Bias, y_title: Error, y_format: .2f, fits: [log, power]"
        )
    )
    assert review.verifications[0].figures == (
        Figure(
            "curve", "A curve.", 18, "point", "bias", "error", "arm", "examples", {"arm": "old"}, "log", "log",
            "Bias", "Error", ".2f", ("log", "power"),
        ),
    )  # fmt: skip


def test_figure_as_a_specification() -> None:
    review = good(figure("spec: {mark: bar, encoding: {x: {field: arm, sort: [new, 1, null]}}}"))
    assert review.verifications[0].figures[0].spec == {
        "mark": "bar",
        "encoding": {"x": {"field": "arm", "sort": ["new", 1, None]}},
    }


def test_experiment_that_does_not_say_what_it_returns() -> None:
    head = HEAD.replace("coin", "free").replace("examples: 10, ", "").replace("examples: 100, ", "")
    assert good(figure("x: anything, y: whatever", head)).verifications[0].figures[0].y == "whatever"
    assert good(claim("{metric: whatever, where: {arm: new}, at_most: 1}", "{where: {arm: old}}", head)).claims


def test_examples_and_comments_are_no_verifications() -> None:
    longer = "````markdown\n```yaml verify\nid: x\n```\n````\n\n~~~\n```python verify\n~~~\n"
    comment = "<!--\n```yaml verify\n-->\n"
    review = good(FRONT + longer + comment + "\n```python\nprint()\n```\n\n    an indented block\n")
    assert (review.verifications, review.code_fences) == ((), ())


def test_fences_of_other_kinds_may_speak_of_verifying() -> None:
    good(FRONT + '```console title="verify run"\n$ verify run\n```\n```text verified\n```\n')


def test_info_string_with_more_blanks_or_tildes() -> None:
    text = FRONT + "~~~~  yaml   verify \n" + HEAD + "~~~~~\n"
    assert (good(text).verifications[0].line, good(text).verifications[0].end_line) == (8, 17)


def test_python_fences_are_one_module_with_the_review_s_lines() -> None:
    text = (
        FRONT
        + "```python verify\ndef a(): ...\n\n```\n\n```python verify\ndef b(): ...\n```\n"
        + fence(HEAD.replace("coin", "own"))
    )
    seen: list[tuple[str, str]] = []

    def fence_experiments(code: str, path: str) -> tuple[dict[str, Experiment], list[UserError]]:
        seen.append((code, path))
        return {"own": COIN}, []

    review, errors = parse("reviews/coins.md", text, EXPERIMENTS, fence_experiments)
    assert review is not None, errors
    assert seen == [(review.code, "reviews/coins.md")]
    assert review.code_fences == (CodeFence(8, 11), CodeFence(13, 15))
    for number, line in enumerate(review.code.splitlines(), start=1):
        assert line in ("", text.splitlines()[number - 1])
    assert line_of(review.code, "def b") == line_of(text, "def b")


def test_mistakes_in_fence_code_are_passed_on_without_others_that_follow_from_them() -> None:
    text = FRONT + "```python verify\ndef a(:\n```\n" + fence(HEAD.replace("coin", "own"))
    wrong = UserError("not Python", "reviews/coins.md", 9)
    assert parse("reviews/coins.md", text, EXPERIMENTS, lambda _code, _path: ({}, [wrong])) == (None, [wrong])


def test_experiment_of_a_fence_must_not_hide_another() -> None:
    text = FRONT + "```python verify\ndef coin(): ...\n```\n"
    own = Experiment("coin", "reviews/coins.md", 9, (), (), False)
    review, errors = parse("reviews/coins.md", text, EXPERIMENTS, lambda _code, _path: ({"coin": own}, []))
    assert review is None
    assert [(error.line, error.message, error.hint) for error in errors] == [
        (9, "experiment coin exists already, in verify.experiments.coin", "give this one another name")
    ]


def test_check_between_reviews() -> None:
    one, again = good(FRONT), read(FRONT, "reviews/more/coins.md")[0]
    same, other = read(FRONT, "reviews/other.md")[0], read(FRONT.replace("Coins\n", "Dice\n"), "reviews/dice.md")[0]
    assert again is not None
    assert same is not None
    assert other is not None
    assert check([one, other]) == []
    assert [str(error) for error in check([one, again, same])] == [
        "reviews/more/coins.md:1: a review is called 'coins' already\n"
        "    so is reviews/coins.md; rename one of the two",
        "reviews/other.md:2: another review has the same title\n    see reviews/coins.md, line 2; one a paper",
    ]


def test_titles_and_sections_that_differ_in_case_and_spaces_only_are_the_same() -> None:
    one, two = good(FRONT), good(FRONT.replace("title: Coins", "title: Dice"))
    text = FRONT.replace("title: Coins", "'title' :   cOINS").replace("section: Training", 'section: "training "')
    odd, _ = read(text, "reviews/odd.md")
    assert odd is not None
    two = msgspec.structs.replace(two, slug="two", path="reviews/two.md")
    assert [str(error) for error in check([odd, one, two])] == [
        "reviews/coins.md:2: another review has the same title\n    see reviews/odd.md, line 2; one a paper",
        "reviews/odd.md:5: section 'training ' differs from 'Training' in case or spaces only\n"
        "    write `section: Training`, as reviews/coins.md does",
    ]


def test_a_control_of_other_trials() -> None:
    review = good(claim("{metric: error, where: {arm: new}, at_most: 0}", "{where: {arm: old}}"))
    assert review.claims[0].control == {"arm": "old"}


def test_a_function_that_is_no_experiment_is_named_where_it_is_asked_for() -> None:
    text = FRONT + "```python verify\ndef own(seed, device, bias): ...\n```\n" + fence(HEAD.replace("coin", "own"))
    _, errors = parse("reviews/coins.md", text, EXPERIMENTS, read_source)
    assert [(error.line, error.message, error.hint) for error in errors] == [
        (
            line_of(text, "experiment: own"),
            "'own' in line 9 is no experiment: it has `bias` before the `*` that parameters follow",
            "write `def own(seed, device, *, bias)`",
        )
    ]


def test_a_metric_that_the_source_never_returns_is_found_without_evidence() -> None:
    code = "```python verify\ndef own(seed, device, *, arm, bias, examples): return {'error': 1, 'loss': [1]}\n```\n"
    figure = "figures:\n  - {id: a, caption: b, x: bias, y: eror, color: los, facet: arms}\n"
    text = FRONT + "{{ toss.erorr }}\n\n" + code + fence((HEAD + figure + CLAIM).replace("coin\n", "own\n"))
    text = text.replace("metric: error", "metric: err")
    _, errors = parse("reviews/coins.md", text, EXPERIMENTS, read_source)
    assert [(error.line, error.message, error.hint) for error in errors] == [
        (8, "verification 'toss' measures no 'erorr'", "did you mean 'error'?"),
        (line_of(text, "eror,"), "experiment own returns no 'eror'", "did you mean 'error'?"),
        (
            line_of(text, "eror,"),
            "'los' is neither a parameter of this verification nor returned by its experiment",
            "did you mean 'loss'?",
        ),
        (
            line_of(text, "eror,"),
            "'arms' is neither a parameter of this verification nor returned by its experiment",
            "did you mean 'arm'?",
        ),
        (line_of(text, "metric: err"), "experiment own returns no 'err'", "did you mean 'error'?"),
    ]


def test_example_in_the_guide() -> None:
    guide = (Path(__file__).parents[1] / "docs/guide/write-a-review.md").read_text(encoding="utf-8")
    example = guide.split("``````markdown\n")[1].split("\n``````")[0] + "\n"
    review, errors = parse("reviews/error-of-an-average.md", example, {}, read_source)
    assert review is not None, "\n".join(map(str, errors))
    assert [claim.id for claim in review.claims] == ["root", "memory-hurts"]
