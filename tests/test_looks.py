"""Looks: where a run may stop, and that what it finds there is true as often as it says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from tests.judging import A_MINUS_B, CPU, claim, record, trial
from verify.judging.looks import Outcome, at_look, intervals, stand
from verify.model import Claim, Criterion, Evidence, Failure, Rung, Trial, Where

LOOKS = (5, 10, 20)
RUNG = Rung("tiny", ({"arm": ("a", "b")},), {}, LOOKS)
ABOVE = claim(Criterion(low=0.0), statistic="difference", arms=A_MINUS_B)
ARMS: list[Where] = [{"arm": "a"}, {"arm": "b"}]


def declared(seeds: int = LOOKS[-1]) -> list[Trial]:
    return [trial(arm, seed) for arm in ARMS for seed in range(seeds)]


def known(seeds: int, values: Callable[[Where, int], float]) -> Evidence:
    records = [record(each.parameters, each.seed, values(each.parameters, each.seed)) for each in declared(seeds)]
    return Evidence("review", "v", "tiny", {"e1": CPU}, records=tuple(records))


def noisy(effect: float) -> Callable[[Where, int], float]:
    """Arms that differ by `effect` and by noise of sd 1: seed by seed, +1, -1, …"""
    return lambda where, seed: (effect + (-1) ** seed) * (where["arm"] == "a")


def outcome(evidence: Evidence, *claims: Claim, rung: Rung = RUNG, declares: int = 3) -> Outcome:
    return stand(claims or (ABOVE,), rung, evidence, declared(), declares)


def test_a_run_stops_at_the_first_look_at_which_every_claim_is_decided() -> None:
    clear = outcome(known(20, noisy(9.0)))
    assert (clear.seeds, clear.look, clear.verdicts[0].status) == (5, 1, "supported")
    assert clear.verdicts[0].seeds == 5, "seeds beyond the look do not count"
    later = outcome(known(20, noisy(1.2)))
    assert (later.seeds, later.look, later.verdicts[0].status) == (10, 2, "supported")


def test_one_claim_that_straddles_takes_the_others_along() -> None:
    found = outcome(known(20, noisy(1.2)), claim(Criterion(low=-50.0), statistic="difference", arms=A_MINUS_B), ABOVE)
    assert [each.look for each in found.verdicts] == [2, 2]


def test_while_the_next_look_has_not_run_the_verdict_is_of_the_last_one() -> None:
    found = outcome(known(5, noisy(1.2)))
    assert (found.seeds, found.look) == (10, 2)
    assert (found.verdicts[0].status, found.verdicts[0].look, found.verdicts[0].seeds) == ("inconclusive", 1, 5)
    part = known(10, noisy(1.2))
    half = replace(part, records=part.records[:-1])
    assert outcome(half).verdicts == found.verdicts


def test_the_last_look_ends_it_undecided() -> None:
    found = outcome(known(20, noisy(0.0)))
    assert (found.seeds, found.look, found.verdicts[0].status) == (20, 3, "inconclusive")
    assert found.verdicts[0].undecided


def test_what_more_seeds_cannot_mend_ends_it_too() -> None:
    flat = known(20, lambda where, _: float(where["arm"] == "a"))
    assert outcome(flat).look == 1, "there is no spread"
    crash = Failure("now", ARMS[0], 2, "RuntimeError: boom")
    part = known(5, noisy(0.0))
    crashed = replace(part, records=tuple(each for each in part.records if each.seed != 2), failures=(crash,))
    assert (
        outcome(replace(crashed, failures=(crash, replace(crash, parameters=ARMS[1])))).verdicts[0].status == "failed"
    )


def test_an_exact_statement_needs_no_looks() -> None:
    exact = claim(Criterion(low=-3.0, every=True), statistic="difference", arms=A_MINUS_B)
    found = outcome(known(20, noisy(0.0)), exact)
    assert (found.look, found.verdicts[0].status) == (1, "supported")


def test_a_control_that_straddles_goes_on() -> None:
    asked = claim(Criterion(low=0.0), {"arm": "b"}, where={"arm": "a"})

    def values(where: Where, seed: int) -> float:
        return 9.0 + seed % 2 if where["arm"] == "a" else float((-1) ** seed)

    found = outcome(known(20, values), asked)
    assert (found.look, found.verdicts[0].status) == (3, "inconclusive")
    assert found.verdicts[0].reason == "the control may pass too: its interval includes the bound"


def test_a_look_has_the_first_seeds() -> None:
    assert {each.seed for each in at_look(declared(), 10)} == set(range(10))


def test_intervals_are_counted_over_claims_scales_and_looks(mini: object) -> None:
    from tests.conftest import Mini
    from verify.project.project import Project

    assert isinstance(mini, Mini)
    review = Project.load(mini.root).review("coin")
    before = intervals(review, {"tiny"})
    assert intervals(review, {"tiny", "small"}) == before, "at small nothing is declared"
    text = mini.review.read_text()
    assert "seeds: 5" in text, text
    mini.review.write_text(text.replace("seeds: 5", "seeds: [5, 10, 20]", 1))
    assert intervals(Project.load(mini.root).review("coin"), {"tiny"}) == 3 * before


def miss(
    draw: Callable[[np.random.Generator, int], Callable[[Where, int], float]], asked: Claim, truth: float, runs: int
) -> float:
    """How often any interval that was looked at misses the truth, where a run stops as soon as it is decided."""
    generator = np.random.default_rng(13)
    wrong = 0
    for _ in range(runs):
        values = draw(generator, LOOKS[-1])
        whole = known(LOOKS[-1], values)
        reached = outcome(whole, asked).look
        missed = False
        for look in range(1, reached + 1):
            part = replace(whole, records=tuple(each for each in whole.records if each.seed < LOOKS[look - 1]))
            verdict = outcome(part, asked, rung=replace(RUNG, seeds=LOOKS[:look])).verdicts[0]
            low, high = verdict.low, verdict.high
            missed |= low is not None and high is not None and not low <= truth <= high
        wrong += missed
    return wrong / runs


def normal(generator: np.random.Generator, seeds: int) -> Callable[[Where, int], float]:
    a, b = generator.normal(0.0, 1.0, (2, seeds))
    return lambda where, seed: float(a[seed] if where["arm"] == "a" else b[seed])


def rare(generator: np.random.Generator, seeds: int) -> Callable[[Where, int], float]:
    a, b = generator.random((2, seeds)) < 0.3
    return lambda where, seed: float(a[seed] if where["arm"] == "a" else b[seed])


EVENT = Criterion(low=0.5)


@pytest.mark.parametrize(
    ("asked", "truth", "draw"),
    [
        (claim(Criterion(low=0.0), statistic="difference", arms=A_MINUS_B), 0.0, normal),
        (claim(Criterion(low=0.0), statistic="difference", arms=A_MINUS_B, heavy_tails=True), 0.0, normal),
        (claim(Criterion(low=0.0), statistic="sd", arms=A_MINUS_B), 0.0, normal),
        (claim(Criterion(low=0.0), statistic="sd", arms=A_MINUS_B, heavy_tails=True), 0.0, normal),
        (claim(Criterion(low=1.0), {"arm": "b"}, statistic="sd", where={"arm": "a"}), 1.0, normal),
        (claim(Criterion(low=0.3), {"arm": "b"}, statistic="rate", where={"arm": "a"}, event=EVENT), 0.3, rare),
        (claim(Criterion(low=0.0), statistic="rate", arms=A_MINUS_B, event=EVENT), 0.0, rare),
    ],
)
def test_stopping_at_a_look_does_not_make_errors_more_frequent(
    asked: Claim, truth: float, draw: Callable[[np.random.Generator, int], Callable[[Where, int], float]]
) -> None:
    """The truth sits on the bound, where it is most tempting to stop: 5 % at most, and four standard errors of room."""
    assert miss(draw, asked, truth, 300) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)


def test_looks_settle_most_of_what_a_fixed_number_of_seeds_would_with_fewer_seeds() -> None:
    """An effect of one sd of the difference, m = 1: the fixed design has 20 seeds, the looks 5, 10 or 20."""
    generator = np.random.default_rng(3)
    fixed, stopped, used = 0, 0, []
    for _ in range(200):
        difference = generator.normal(1.0, 1.0, LOOKS[-1])
        whole = known(LOOKS[-1], lambda where, seed, d=difference: float(d[seed] * (where["arm"] == "a")))
        found = outcome(whole, declares=3)
        stopped += found.verdicts[0].status == "supported"
        used.append(found.seeds)
        single = replace(RUNG, seeds=(20,))
        fixed += outcome(whole, rung=single, declares=1).verdicts[0].status == "supported"
    assert fixed / 200 > 0.97
    assert stopped / 200 > 0.9
    assert np.mean(used) < 15
