"""What is declared for scale `full`, which no run here has tried: each trains for a few steps, on made data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.batches import task
from verify.drawing.series import declared
from verify.lab import batch, data, opened
from verify.lab.data import Dataset
from verify.messages import Returned
from verify.model import Choice, Review, Scalar, Verification
from verify.planning.plan import points
from verify.project.project import Project

PROJECT = Project.load(Path(__file__).parent.parent)
DECLARED = [(review, each) for review in PROJECT.reviews for each in review.verifications if "full" in each.rungs]

FEW: dict[str, float] = {
    "epochs": 2, "retrain_epochs": 1, "warmup_epochs": 1, "steps": 3, "pretrain_steps": 3, "transfer_steps": 3,
    "examples": 64, "minibatch": 8, "ghost": 8, "width": 4,
}  # fmt: skip
"""The most that these parameters may be here: networks of the same make, but narrow, and few steps."""
TRAIN, HELD_OUT = 128, 64
WATCH = opened.Watch()


@pytest.fixture(autouse=True, scope="module")
def made_images() -> Iterator[None]:
    """CIFAR-10 in shape, noise in content; one thread, since others would only wait."""
    count = TRAIN + 2 * HELD_OUT
    inputs = torch.randn(count, 3 * 32 * 32, generator=torch.Generator().manual_seed(0))
    splits = torch.arange(count).split([TRAIN, HELD_OUT, HELD_OUT])

    def made(seeds: Sequence[int]) -> Dataset:
        own = (dict.fromkeys(seeds, each) for each in splits)
        return Dataset(
            "cifar-10", inputs, torch.arange(count) % 10, *own, 10, (3, 32, 32), dict.fromkeys(seeds, "made")
        )

    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(data._LOADERS, "cifar-10", made)
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)


def trials(review: Review, verification: Verification) -> Iterator[dict[str, Scalar]]:
    """The first and the last point of the grid, made small; where another verification chooses, its first value."""
    by_name = {each.id: each for each in review.verifications}
    rung = verification.rungs["full"]
    every = list(points(rung))
    for point in (every[0], every[-1]):
        found: dict[str, Scalar] = {}
        for name, value in {**rung.parameters, **point}.items():
            given = declared(by_name[value.verification], name, "full")[0] if isinstance(value, Choice) else value
            is_number = isinstance(given, int | float) and not isinstance(given, bool)
            found[name] = min(given, type(given)(FEW[name])) if name in FEW and is_number else given  # type: ignore[type-var]
        yield found


@pytest.mark.parametrize(("review", "verification"), DECLARED, ids=[f"{r.slug}:{v.id}" for r, v in DECLARED])
def test_it_runs_to_its_end(review: Review, verification: Verification, tmp_path: Path) -> None:
    experiment = PROJECT.experiment(review, verification)
    for parameters in trials(review, verification):
        fields: dict[str, Any] = {
            "function": experiment.name, "module": experiment.module, "batched": experiment.batched,
            "batch_axes": experiment.batch_axes, "diverged": experiment.diverged, "parameters": (parameters,),
            "torch": True,
        }  # fmt: skip
        reply = batch.run(task(tmp_path, None, **fields), WATCH, lambda _: None)
        assert isinstance(reply, Returned), f"{parameters}\n{reply}"
        (result,) = reply.results
        assert result.values.keys() == set(experiment.values)
        for claim in verification.claims:
            metric = result.values[claim.test.metric]
            assert math.isfinite(metric[-1] if isinstance(metric, tuple) else metric)


def test_every_paper_has_definitions_for_the_largest_scale() -> None:
    assert {review.slug for review, each in DECLARED if each.claims} == {review.slug for review in PROJECT.reviews}
    datasets = {str(each.rungs["full"].parameters.get("dataset")) for _, each in DECLARED}
    assert "cifar-10" in datasets
