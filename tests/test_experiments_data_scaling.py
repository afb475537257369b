"""The data-scaling experiment: wrong labels."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trying import run
from verify.experiments.data_scaling import wrong_labels
from verify.lab.randomness import stream

LABELS = torch.arange(20_000) % 10


def drawn(share: float, seed: int = 0) -> Tensor:
    return wrong_labels(LABELS, 10, share, stream(seed, "wrong labels"))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 1.0])
def test_so_many_labels_are_wrong(share: float) -> None:
    wrong = (drawn(share) != LABELS).double().mean()
    assert float(wrong) == pytest.approx(share, abs=5 * (share * (1 - share) / 20_000) ** 0.5)


def test_each_other_class_is_as_likely() -> None:
    away = (drawn(1.0) - LABELS) % 10
    counts = away.bincount(minlength=10).double()
    assert counts[0] == 0
    assert float(((counts[1:] - 20_000 / 9) ** 2 / (20_000 / 9)).sum()) < 26.1, "chi-squared, 8 degrees, 0.1 %"


def test_what_is_wrong_stays_wrong_under_a_larger_share() -> None:
    less, more = drawn(0.2), drawn(0.4)
    mistaken = less != LABELS
    assert torch.equal(less[mistaken], more[mistaken])
    assert not torch.equal(less, drawn(0.2, seed=1))


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_lies_within_0_and_1(share: float) -> None:
    with pytest.raises(ValueError, match=f"a share of wrong labels lies within 0 and 1, not {share}"):
        drawn(share)


@pytest.mark.usefixtures("small")
def test_wrong_labels_can_be_learnt_and_teach_nothing_true() -> None:
    trial: dict[str, Any] = {"examples": 40, "budget": "fixed-steps", "steps": 1500, "width": 64, "lr": 0.1}
    seeds = list(range(5))
    found = run("data_scaling", [trial] * 5 + [{**trial, "noise": 1.0}] * 5, seeds * 2)
    assert {each["train_error"] for each in found} == {0.0}, "the error is by the labels that were trained on"
    right, wrong = (fmean(each["test_error"] for each in half) for half in (found[:5], found[5:]))
    assert wrong > 0.9 > right, "worse than chance: a right label is never taught"
