"""The DSD experiment."""

from __future__ import annotations

import pytest

from tests.trying import by_arm

pytestmark = pytest.mark.usefixtures("small")


def test_dsd_arms_share_the_first_phase_and_then_part() -> None:
    arms = by_arm("dsd")
    first_phase = len(arms["baseline"]["epoch"])
    for arm in ("dsd", "ddd", "random-mask"):
        assert arms[arm]["epoch"][-1] == pytest.approx(4), "2 epochs and twice 1"
        assert arms[arm]["test_error"][:first_phase] == arms["baseline"]["test_error"]
    assert arms["baseline"]["epoch"][-1] == pytest.approx(2)
    last = {arms[arm]["train_loss"][-1] for arm in arms}
    assert len(last) == 4


def test_dsd_cuts_the_same_share_by_size_and_at_random() -> None:
    arms = by_arm("dsd")
    parameters = 40 * 8 + 8 + 8 * 8 + 8 + 8 * 10 + 10
    cut = round(0.3 * 64) + round(0.3 * 80)
    for arm, expected in (("dsd", cut), ("random-mask", cut), ("ddd", 0), ("baseline", 0)):
        assert arms[arm]["cut"] == pytest.approx(expected / parameters, abs=1e-6)
