"""Dropout wherever a network has it, against a plain loop that draws the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from tests.replicas import CLASSES, FEATURES, Build, everything, perceptron, plain, pool
from tests.replicas import one_thread as one_thread
from verify.lab import models, schedules
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples
from verify.lab.networks import is_written
from verify.lab.optimizers import SGD
from verify.lab.training import Training

MINIBATCH = 8


def own() -> nn.Module:
    """Of inputs too, and of different shares."""
    return nn.Sequential(
        nn.Dropout(0.1), nn.Linear(FEATURES, 12), nn.Dropout(0.3), nn.ReLU(), nn.Linear(12, 8), nn.Dropout(0.0),
        nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, CLASSES),
    )  # fmt: skip


def in_turn() -> nn.Module:
    return nn.Sequential(
        nn.Linear(FEATURES, 12), nn.Tanh(), nn.Dropout(0.3), nn.Unflatten(1, (3, 4)), nn.Conv1d(3, 4, 3),
        nn.Dropout(0.1), nn.Flatten(), nn.Linear(8, CLASSES),
    )  # fmt: skip


BUILDS: dict[str, Build] = {
    "mlp": perceptron,
    "conv 1-D": lambda: models.conv((1, FEATURES), CLASSES, width=3),
    "conv 2-D": lambda: models.conv((1, 2, 3), CLASSES, width=3),
    "resnet 1-D": lambda: models.resnet((1, FEATURES), CLASSES, width=3, ghost=4),
    "resnet 2-D": lambda: models.resnet((1, 2, 3), CLASSES, width=3),
    "resnet9": lambda: models.resnet9((2, 1, 3), CLASSES, width=2),
    "several shares": own,
    "in turn": in_turn,
}
OWN = {"several shares": own, "in turn": in_turn}


def trained(
    build: Build, dropout: float | Sequence[float] | None, dtype: torch.dtype, runs: Sequence[Sequence[int]]
) -> Ensemble:
    """A run for each list of steps, one a replica."""
    seeds = range(len(runs[0]))
    ensemble = Ensemble.of(build, seeds, dtype=dtype)
    examples = Examples.same(pool(), len(seeds))
    training = Training(ensemble, examples, seeds, minibatch=MINIBATCH, optimizer=SGD(0.9), dropout=dropout)
    for steps in runs:
        training.run([schedules.constant(0.02, each) for each in steps])
    return ensemble


def expected(build: Build, seed: int, dropout: float | None, dtype: torch.dtype, steps: int) -> Tensor:
    return plain(
        build,
        seed,
        schedules.constant(0.02, steps),
        (pool().inputs, pool().labels),
        lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9),
        dtype=dtype,
        minibatch=MINIBATCH,
        dropout=dropout,
    )


def test_one_goes_in_turn_and_all_others_are_stacked() -> None:
    assert [name for name, build in BUILDS.items() if not is_written(build())] == ["in turn"]
    assert all(any(isinstance(each, nn.Dropout) for each in build().modules()) for build in BUILDS.values())


@pytest.mark.parametrize("name", BUILDS)
def test_a_replica_is_a_plain_loop_that_draws_the_same(name: str) -> None:
    """One that drops nothing among others, and one that leaves early and rests.

    Of resnet9 a plain loop in float32 is soon far from one in float64.
    """
    build, few = BUILDS[name], 2 if name == "resnet9" else 10
    dropout = [0.5, 0.2, 0.0]
    for dtype, runs, tolerance in (
        (torch.float64, [[10, 4, 10], [20, 0, 20]], 1e-9),
        (torch.float32, [[few, 4, few]], 1e-5),
    ):
        found = everything(trained(build, dropout, dtype, runs))
        for r, share in enumerate(dropout):
            steps = sum(each[r] for each in runs)
            torch.testing.assert_close(found[r], expected(build, r, share, dtype, steps), rtol=0, atol=tolerance)


@pytest.mark.parametrize("build", OWN.values(), ids=OWN)
def test_without_a_number_each_module_drops_its_own_share(build: Build) -> None:
    for dtype, runs, tolerance in ((torch.float64, [[20, 7], [30, 0]], 1e-9), (torch.float32, [[20, 7]], 1e-5)):
        found = everything(trained(build, None, dtype, runs))
        for r in range(2):
            steps = sum(each[r] for each in runs)
            torch.testing.assert_close(found[r], expected(build, r, None, dtype, steps), rtol=0, atol=tolerance)


@pytest.mark.parametrize("build", OWN.values(), ids=OWN)
def test_a_number_stands_for_every_modules_own_share(build: Build) -> None:
    found = [everything(trained(build, share, torch.float64, [[20]])) for share in (None, 0.3, 0.0)]
    assert all((one - other).abs().max() > 1e-3 for one, other in pairwise(found))
    listed = everything(trained(build, [0.3], torch.float64, [[20]]))
    assert torch.equal(listed, found[1])


@pytest.mark.parametrize("build", OWN.values(), ids=OWN)
def test_evaluation_drops_nothing(build: Build) -> None:
    ensemble = trained(build, None, torch.float64, [[5, 5]])
    examples = Examples.same(pool(), 2)
    first, second = (evaluate(ensemble, examples) for _ in range(2))
    assert torch.equal(first.loss, second.loss)
    outputs = ensemble(pool().inputs.double().expand(2, -1, -1))
    for r in range(2):
        network = build().double().eval()
        nn.utils.vector_to_parameters(ensemble.weights[r], network.parameters())
        alone = network(pool().inputs.double()).detach()
        torch.testing.assert_close(outputs[r], alone, rtol=0, atol=1e-12)
        loss = nn.functional.cross_entropy(alone, pool().labels)
        assert float(first.loss[r]) == pytest.approx(float(loss), abs=1e-12)


@pytest.mark.parametrize("dropout", [None, 0.5])
@pytest.mark.parametrize("build", OWN.values(), ids=OWN)
def test_the_global_random_state_stays_as_it_was_and_does_not_matter(build: Build, dropout: float | None) -> None:
    first = everything(trained(build, dropout, torch.float32, [[10, 10]]))
    torch.manual_seed(99)
    state = torch.get_rng_state()
    ensemble = trained(build, dropout, torch.float32, [[10, 10]])
    evaluate(ensemble, Examples.same(pool(), 2))
    ensemble(pool().inputs.expand(2, -1, -1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(everything(ensemble), first)


def test_what_lies_in_memory_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """To see the shapes that dropout layers have, a network is called before any example is there."""

    def embedding() -> nn.Module:
        return nn.Sequential(nn.Embedding(5, 3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(9, CLASSES))

    tokens = torch.randint(5, (20, 3), generator=torch.Generator().manual_seed(0))
    examples = Examples.of(tokens, [torch.arange(20)], [pool().labels[:20]])
    ensemble = Ensemble.of(embedding, [0], dtype=torch.float64)
    new_empty = Tensor.new_empty
    monkeypatch.setattr(Tensor, "new_empty", lambda like, *shape: new_empty(like, *shape).fill_(99))
    Training(ensemble, examples, [0], minibatch=4, optimizer=SGD()).run([schedules.constant(0.1, 20)])
    rates, given = schedules.constant(0.1, 20), (tokens, pool().labels[:20])
    found = plain(
        embedding, 0, rates, given, lambda groups: torch.optim.SGD(groups, lr=0.1), dtype=torch.float64, minibatch=4,
        dropout=None,
    )  # fmt: skip
    torch.testing.assert_close(everything(ensemble)[0], found, rtol=0, atol=1e-9)


def twice(module: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(FEATURES, CLASSES), module, nn.ReLU(), module)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: twice(nn.Dropout(0.5)), "a module stands in several places"),
        (lambda: nn.Sequential(nn.Linear(FEATURES, CLASSES), nn.AlphaDropout(0.5)), "'1' is a AlphaDropout"),
    ],
    ids=["twice", "another kind"],
)
def test_dropout_whose_draws_would_not_be_its_own(network: Build, message: str) -> None:
    ensemble = Ensemble.of(network, [0])
    with pytest.raises(ValueError, match=message):
        Training(ensemble, Examples.same(pool(), 1), [0], minibatch=8, optimizer=SGD())


def test_dropout_that_is_never_called_drops_nothing() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(FEATURES, CLASSES), nn.Dropout(0.5)

        def forward(self, inputs: Tensor) -> Tensor:
            found: Tensor = self.used(inputs)
            return found

    dropping, plain = (Ensemble.of(Idle, [0]) for _ in range(2))
    for ensemble, dropout in ((dropping, None), (plain, 0.0)):
        training = Training(ensemble, Examples.same(pool(), 1), [0], minibatch=8, optimizer=SGD(), dropout=dropout)
        training.run([torch.full((5,), 0.1)])
    assert torch.equal(dropping.weights, plain.weights)


def test_a_dropout_that_stands_twice_is_no_matter_where_nothing_is_dropped() -> None:
    ensemble = Ensemble.of(lambda: twice(nn.Dropout(0.0)), [0])
    Training(ensemble, Examples.same(pool(), 1), [0], minibatch=8, optimizer=SGD()).run([torch.full((3,), 0.1)])
    assert ensemble.weights.isfinite().all()
