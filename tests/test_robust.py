"""Variants: a verification repeated with one parameter multiplied, and what that says of its verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import miniature
from tests.conftest import Mini
from tests.judging import record
from tests.reviewing import CHOOSING, CLAIM, COMPARE, FRONT, HEAD, SWEEP, Case, check_case, fence, good
from verify.judging.looks import intervals
from verify.judging.robust import Varied, changed, multiplied, ran
from verify.model import SCALES, Choice, Code, Record, Scalar, Variation, Verdict
from verify.planning.plan import expand
from verify.project.project import Project
from verify.project.refresh import refresh
from verify.site.words import survival

ROBUST = "robust: {examples: [0.5, 2]}\n"
LR = "parameters: {lr: 0.1, epochs: 3}\n"


@pytest.mark.parametrize(
    ("value", "times", "product"),
    [
        (0.1, 3.0, 0.3),
        (0.1, 0.5, 0.05),
        (0.0, 2.0, 0.0),
        (10, 0.5, 5),
        (3, 0.5, 2),
        (1, 0.25, 1),
        (0, 2.0, 0),
        (-4, 0.1, -1),
    ],
)
def test_numbers_are_multiplied_and_integers_stay_integers(value: Scalar, times: float, product: Scalar) -> None:
    found = multiplied(value, times)
    assert (found, type(found)) == (product, type(product))


@pytest.mark.parametrize("value", ["conv", True])
def test_what_is_no_number_is_not_multiplied(value: Scalar) -> None:
    with pytest.raises(TypeError):
        multiplied(value, 2.0)


def test_each_parameter_and_factor_makes_a_variant_of_the_verification() -> None:
    head = HEAD.replace("seeds: 5", "seeds: [5, 10]") + LR + "robust: {examples: [0.5, 2], lr: [2]}\n"
    review = good(FRONT + fence(head + CLAIM))
    toss = review.verifications[0]
    assert [each.id for each in review.variants] == ["toss.examples-x0.5", "toss.examples-x2", "toss.lr-x2"]
    assert review.variants_of(toss) == review.variants
    half, _, lr = review.variants
    assert half.varies == Variation("toss", "examples", 0.5)
    assert {scale: rung.parameters for scale, rung in half.rungs.items()} == {
        "tiny": {"examples": 5, "lr": 0.1, "epochs": 3},
        "small": {"examples": 50, "lr": 0.1, "epochs": 3},
    }
    assert [rung.seeds for rung in half.rungs.values()] == [(5,), (3,)], "the first look alone"
    assert half.rungs["tiny"].grids == toss.rungs["tiny"].grids
    assert (half.figures, half.claims, half.experiment) == ((), toss.claims, toss.experiment)
    assert lr.rungs["tiny"].parameters["lr"] == 0.2


def test_variants_are_none_of_the_reviews_verifications_or_claims() -> None:
    plain, varied = good(FRONT + fence(HEAD + CLAIM)), good(FRONT + fence(HEAD + ROBUST + CLAIM))
    assert len(varied.claims) == len(plain.claims) == 1
    assert len(varied.verifications) == 1
    assert intervals(varied, SCALES) == intervals(plain, SCALES) == 2


def test_a_parameter_of_the_grid_is_multiplied_at_every_value() -> None:
    review = good(FRONT + fence(HEAD + "robust: {bias: [0.5]}\n" + CLAIM))
    assert review.variants[0].rungs["tiny"].grids == ({"arm": ("old", "new"), "bias": (0.05, 0.1, 0.2, 0.4, 0.45)},)


def test_a_chosen_parameter_is_multiplied_after_the_choice() -> None:
    review = good(FRONT + fence(CHOOSING + "robust: {lr: [2]}\n" + CLAIM) + fence(SWEEP))
    [variant] = review.variants
    rung = variant.rungs["tiny"]
    assert rung.parameters["lr"] == Choice("sweep", "loss", "minimise", times=2)

    def records(name: str) -> list[Record]:
        assert name == "sweep"
        return [replace(record({"lr": lr}, 0, None), values={"loss": abs(lr - 0.1)}) for lr in (0.1, 1e-3)]

    trials = expand("coins", variant, rung, Code("c", {}, ()), records)
    assert {trial.parameters["lr"] for trial in trials} == {0.2}
    assert {trial.verification for trial in trials} == {"toss.lr-x2"}


def robust(what: str, fragment: str, message: str, hint: str, head: str = HEAD, *others: str) -> Case:
    text = FRONT + fence(f"{head}robust: {what}\n{CLAIM}") + "".join(map(fence, others))
    return text, fragment, message, hint


WIDE_SWEEP = SWEEP.replace("parameters: {bias: 0.5}\n", "").replace("grid:", "grid:\n  bias: [0.1, 0.2, 0.4, 0.8, 0.9]")
TAKE_ANOTHER = "take another factor or parameter"


@pytest.mark.parametrize(
    "case",
    [
        robust("{}", "robust:", "`robust` must be a mapping of parameters to factors, not a mapping",
               "such as {lr: [0.5, 2]}"),
        robust("[lr]", "robust:", "`robust` must be a mapping of parameters to factors, not a list",
               "such as {lr: [0.5, 2]}"),
        robust("{examplez: [2]}", "robust:", "`robust` multiplies 'examplez', which is not set in this verification",
               "did you mean 'examples'?"),
        robust("{examples: [2, 1]}", "robust:", "a factor of 'examples' cannot be 1",
               "from 0.001 to 1000; 1 is the verification itself"),
        robust("{examples: [-2]}", "robust:", "a factor of 'examples' cannot be -2",
               "from 0.001 to 1000; 1 is the verification itself"),
        robust("{examples: 2}", "robust:", "`examples` must be a list of factors, not the number 2", "write [2]"),
        robust("{arm: [2]}", "robust:", "`robust` multiplies 'arm', by which claim 'falls' selects its trials",
               "its test would find none: multiply a parameter that no claim refers to"),
        robust("{fair: [2]}", "robust:", "`robust` multiplies 'fair', which is true, no number, at scale tiny",
               TAKE_ANOTHER, HEAD + "parameters: {fair: true}\n"),
        robust("{examples: [1.01]}", "robust:", "'examples' × 1.01 leaves 10 what it is at scale tiny", TAKE_ANOTHER),
        robust("{epochs: [0.1]}", "robust:", "'epochs' × 0.1 makes two of its values one at scale tiny", TAKE_ANOTHER,
               HEAD.replace("  arm:", "  epochs: [2, 3]\n  arm:")),
        robust("{bias: [2]}", "robust:", "`robust` multiplies 'bias', per which 'lr' is chosen",
               "'sweep' has no trials there: multiply 'lr', or another parameter",
               CHOOSING.replace("loss}", "loss, per: bias}"),
               WIDE_SWEEP),
        robust("{lr: [0.1]}", "robust:", "'lr' × 0.1 leaves 1 what it is at scale tiny", TAKE_ANOTHER, CHOOSING,
               SWEEP.replace("[0.1, 1e-3]", "[1, 20]")),
    ],
)  # fmt: skip
def test_mistakes(case: Case) -> None:
    check_case(case)


def test_verdicts_need_claims_to_survive() -> None:
    text = FRONT + fence(HEAD + ROBUST)
    check_case((text, "robust:", "`robust` asks whether verdicts survive, and there is no claim", "leave it out"))


@pytest.mark.parametrize("test", [f"{COMPARE}, where: {{bias: 0.2}}, at_most: 0",
                                  "metric: error, statistic: slope, along: bias, at_most: 0"])  # fmt: skip
def test_a_parameter_that_any_part_of_a_test_refers_to_is_refused(test: str) -> None:
    text = FRONT + fence(
        HEAD + "robust: {bias: [2]}\n" + CLAIM.replace(CLAIM[CLAIM.index("{metric") :], f"{{{test}}}\n")
    )
    message = "`robust` multiplies 'bias', by which claim 'falls' selects its trials"
    check_case((text, "robust:", message, "its test would find none: multiply a parameter that no claim refers to"))


def test_too_many_variants_are_refused() -> None:
    text = FRONT + fence(f"{HEAD}robust: {{bias: {list(range(2, 23))}}}\n{CLAIM}")
    check_case((text, "robust:", "`robust` has 21 factors, more than 20", "each runs all trials again"))


# In words

AT = [Variation("v", "lr", 0.5), Variation("v", "lr", 2.0), Variation("v", "steps", 2.0)]


def varied(*statuses: str) -> list[Varied]:
    verdicts = [Verdict("c", "tiny", status, "", 0.2, -0.1, 0.5) for status in statuses]  # type: ignore[arg-type]
    return [Varied(*both) for both in zip(AT, verdicts, strict=False)]


def test_words_say_where_a_verdict_stays_and_what_it_is_elsewhere() -> None:
    verdict = Verdict("c", "tiny", "supported", "")
    assert survival(verdict, varied("supported", "supported", "supported")) == "Stays in 3 of 3 variants."
    found = varied("inconclusive", "supported", "supported")
    assert survival(verdict, found) == "Stays in 2 of 3 variants; at lr × 0.5: inconclusive, 0.200 [−0.100, 0.500]."
    assert [each.by.times for each in changed(verdict, found)] == [0.5]
    part = varied("supported", "not run", "not run")
    assert survival(verdict, part) == "Stays in 1 of 1 variant that ran, of 3."
    assert len(ran(part)) == 1
    assert survival(verdict, varied("not run")) == ""
    assert survival(verdict, []) == ""
    assert survival(Verdict("c", "tiny", "not run", ""), found) == ""


# On disk

TOSSES = "grid: {bias: [0.5, 0.7]}\n"


def project(root: Path, factors: str = "[0.5, 2]") -> Project:
    text = miniature.COIN.replace(TOSSES, f"{TOSSES}parameters: {{tosses: 1000}}\nrobust: {{tosses: {factors}}}\n")
    root.mkdir()
    return miniature.make(root, {"coin": text})


def test_variants_are_judged_beside_the_reviews_own_claims(tmp_path: Path) -> None:
    found = project(tmp_path / "p")
    review = found.review("coin")
    stored = found.stored("coin")
    assert {each.claim for each in stored.verdicts} == {claim.id for claim in review.claims}
    assert len(stored.verdicts) == 2 * len(review.claims)
    assert list(stored.robust) == ["tosses.tosses-x0.5", "tosses.tosses-x2"]
    assert {each.status for each in stored.robust["tosses.tosses-x2"]} == {"not run"}


def test_a_claim_says_on_its_page_in_how_many_variants_it_stays(mini: Mini) -> None:
    mini.edit("  bias: [0.5, 0.8]\n", "  bias: [0.5, 0.8]\nparameters: {nap: 0.001}\nrobust: {nap: [2, 3]}\n")
    mini.edit('{"heads": toss(seed, bias)}', '{"heads": toss(seed, bias) if nap < 0.003 else seed / 4}')
    out = mini.verify("run")
    assert "30 of 30 trials fresh" in out
    published = [line.split(" tiny")[0] for line in out.splitlines() if line.endswith("evidence written")]
    assert sorted(published) == ["coin:flips", "coin:flips.nap-x2", "coin:flips.nap-x3"]
    mini.verify("refresh")
    verdicts = json.loads((mini.root / "docs/evidence/coin/verdicts.json").read_text())
    assert [each["claim"] for each in verdicts["verdicts"]] == ["fair", "loaded"]
    statuses = {name: [each["status"] for each in of] for name, of in verdicts["robust"].items()}
    assert statuses["flips.nap-x2"] == ["supported", "contradicted"]
    assert statuses["flips.nap-x3"] == ["inconclusive", "inconclusive"]
    assert {each["level"] for of in verdicts["robust"].values() for each in of} == {0.95}
    told = mini.verify("verdicts")
    assert "2 of 2 verdicts reached here at tiny agree" in told
    assert told.count("Stays in 1 of 2 variants; at nap × 3: inconclusive") == 2
    assert max(map(len, told.splitlines())) <= 80
    status = mini.verify("status")
    assert "  2 variants  tiny   20 fresh   20 fresh" in status
    assert "2 of 2 tests are as they were registered before the run" in status
    assert "nap-x2" not in status
    assert "coin:flips.nap-x2  tiny   10 fresh" in mini.verify("status", "coin:flips.nap-x2")
    (mini.root / ".verify/journal/coin/flips.nap-x3.tiny.jsonl").rename(mini.root / "aside")
    assert mini.verify("verdicts").count("Stays in 1 of 1 variant that ran, of 2.") == 2
    (mini.root / "aside").rename(mini.root / ".verify/journal/coin/flips.nap-x3.tiny.jsonl")
    assert mini.verify("check") == "1 review, no mistakes\n"
    assert mini.verify("run") == "30 of 30 trials fresh\n"
    assert mini.verify("run", "--no-robust") == "10 of 10 trials fresh\n"
    assert mini.verify("run", "coin:flips.nap-x3") == "10 of 10 trials fresh\n"


def test_a_mistake_that_all_variants_share_is_told_once(mini: Mini) -> None:
    mini.edit("  bias: [0.5, 0.8]\n", "  bias: [0.5, 0.8]\nparameters: {nap: 0.001}\nrobust: {nap: [2, 3]}\n")
    mini.edit('return {"heads": toss(seed, bias)}', 'return dict([("heads", toss(seed, bias))])')
    mini.edit("test: {metric: heads, where: {bias: 0.5}", "test: {metric: tails, where: {bias: 0.5}")
    summary = mini.verify("run", expect=1).split("took", 1)[1]
    assert summary.count("returned no 'tails', which claim 'fair' asks for") == 1


def test_a_verdict_of_a_variant_that_was_edited_is_noticed(ran: Mini) -> None:
    ran.edit("  bias: [0.5, 0.8]\n", "  bias: [0.5, 0.8]\nparameters: {nap: 0.001}\nrobust: {nap: [2]}\n")
    ran.verify("run")
    ran.verify("refresh")
    path = ran.root / "docs/evidence/coin/verdicts.json"
    verdicts = json.loads(path.read_text())
    verdicts["robust"]["flips.nap-x2"][0]["status"] = "contradicted"
    path.write_text(json.dumps(verdicts))
    message = "the verdict of 'fair' at tiny in flips.nap-x2 is contradicted; the records give supported"
    assert message in ran.verify("check", expect=2)
    ran.verify("refresh")
    assert ran.verify("check") == "1 review, no mistakes\n"


def test_what_is_left_of_a_variant_is_no_ones(ran: Mini) -> None:
    variant = "parameters: {nap: 0.001}\nrobust: {nap: [2]}\n"
    ran.edit("  bias: [0.5, 0.8]\n", "  bias: [0.5, 0.8]\n" + variant)
    ran.verify("run")
    ran.verify("refresh")
    ran.edit("robust: {nap: [2]}\n", "")
    told = ran.verify("check", expect=2)
    assert "verdicts in flips.nap-x2 are there, and no such variant is declared" in told
    assert "flips.nap-x2.tiny.jsonl: this evidence belongs to no verification of a review" in told


def test_the_page_has_the_line_and_the_sheet_lists_the_variants(tmp_path: Path) -> None:
    found = project(tmp_path / "p", "[2]")
    assert "Stays in" not in miniature.html(found, "reviews/coin.md")
    review = found.review("coin")
    [variant] = review.variants
    trials = found.trials(review, variant, "tiny")
    assert {trial.parameters["tosses"] for trial in trials} == {2000}
    miniature.record_one(found, "coin", variant, "tiny")
    refresh(Project.load(found.root))
    page = miniature.html(Project.load(found.root), "reviews/coin.md")
    assert page.count("Stays in 1 of 1 variant.") == 4, "at tiny only"
    assert page.count('evidence/coin/tosses.html#variants">Variants</a>') == 4
    sheet = miniature.html(Project.load(found.root), "evidence/coin/tosses.html")
    assert '<th scope="row">tosses × 2</th>' in sheet
    assert "evidence/coin/tosses.tosses-x2.tiny.jsonl" in sheet
    miniature.outdate(Project.load(found.root), "coin", variant.id, "tiny")
    page = miniature.html(Project.load(found.root), "reviews/coin.md")
    assert page.count("Not fresh: 1 variant.") == 4
