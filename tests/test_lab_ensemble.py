"""Every replica against the plain loop that the ensemble promises to follow: `nn.Module` and `torch.optim.SGD`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from verify.lab import models, schedules
from verify.lab.data import Split
from verify.lab.ensemble import Ensemble, Training, evaluate
from verify.lab.examples import Examples
from verify.lab.pruning import magnitude_mask
from verify.lab.randomness import stream

FEATURES, CLASSES, POOL = 6, 4, 90
Build = Callable[[], nn.Module]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On tensors as small as these, threads only wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pool() -> Split:
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(POOL, FEATURES, generator=generator)
    return Split(inputs, torch.randint(CLASSES, (POOL,), generator=generator))


def perceptron() -> nn.Module:
    return models.mlp(FEATURES, CLASSES, width=12)


def convolution() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, FEATURES)), nn.Conv1d(1, 5, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(30, CLASSES)
    )


@dataclass
class Trial:
    """What one replica, and one plain loop, is given."""

    seed: int
    rates: Tensor
    rows: Tensor = field(default_factory=lambda: torch.arange(POOL))
    labels: Tensor | None = None
    momentum: float = 0.9
    weight_decay: float = 0.0

    @property
    def examples(self) -> tuple[Tensor, Tensor]:
        labels = pool().labels if self.labels is None else self.labels
        return self.rows, labels[self.rows]


def minibatches(seed: int, size: int, minibatch: int) -> Iterator[Tensor]:
    """One shuffle after another, cut into minibatches."""
    generator = stream(seed, "order 0")
    waiting = torch.randperm(size, generator=generator)
    while True:
        while len(waiting) < minibatch:
            waiting = torch.cat([waiting, torch.randperm(size, generator=generator)])
        yield waiting[:minibatch]
        waiting = waiting[minibatch:]


def plain(
    trial: Trial,
    build: Build,
    dtype: torch.dtype,
    minibatch: int,
    nesterov: bool = False,
    masks: list[Tensor] | None = None,
) -> Tensor:
    """All parameters after a loop as anyone would write it."""
    torch.manual_seed(trial.seed)
    network = build().to(dtype)
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=0.1,
        momentum=trial.momentum,
        weight_decay=trial.weight_decay,
        nesterov=nesterov,
    )
    rows, labels = trial.examples
    inputs = pool().inputs.to(dtype)
    for rate, places in zip(trial.rates, minibatches(trial.seed, len(rows), minibatch), strict=False):
        optimizer.param_groups[0]["lr"] = float(rate)
        optimizer.zero_grad()
        F.cross_entropy(network(inputs[rows[places]]), labels[places]).backward()
        for parameter, mask in zip(network.parameters(), masks or [], strict=masks is not None):
            assert parameter.grad is not None
            parameter.grad *= mask
        optimizer.step()
    return nn.utils.parameters_to_vector(network.parameters()).detach()


def stacked(
    trials: list[Trial], build: Build, dtype: torch.dtype, minibatch: int, nesterov: bool = False, cuts: int = 1
) -> Tensor:
    """All parameters of every replica, (R, parameters), after as many runs as `cuts`."""
    seeds = [trial.seed for trial in trials]
    rows, labels = zip(*(trial.examples for trial in trials), strict=True)
    ensemble = Ensemble.of(build, seeds, dtype=dtype)
    training = Training(
        ensemble,
        Examples.of(pool().inputs, rows, labels),
        seeds,
        minibatch=minibatch,
        momentum=[trial.momentum for trial in trials],
        weight_decay=[trial.weight_decay for trial in trials],
        nesterov=nesterov,
    )
    for segment in schedules.segments([trial.rates for trial in trials], cuts):
        training.run(segment)
    return ensemble.weights


def assert_same(trials: list[Trial], build: Build = perceptron, minibatch: int = 8, nesterov: bool = False) -> None:
    """In float64 to 1e-9; in float32, over the first fifty steps, to 1e-5."""
    for dtype, steps, tolerance in ((torch.float64, None, 1e-9), (torch.float32, 50, 1e-5)):
        cut = [replace(trial, rates=trial.rates[:steps]) for trial in trials]
        found = stacked(cut, build, dtype, minibatch, nesterov)
        for trial, weights in zip(cut, found, strict=True):
            torch.testing.assert_close(weights, plain(trial, build, dtype, minibatch, nesterov), rtol=0, atol=tolerance)


def cosine(rate: float = 0.05, steps: int = 300) -> Tensor:
    return schedules.cosine(rate, steps)


@pytest.mark.parametrize("build", [perceptron, convolution, lambda: models.linear(FEATURES, CLASSES)])
@pytest.mark.parametrize("nesterov", [False, True])
def test_a_replica_is_a_plain_loop(build: Build, nesterov: bool) -> None:
    assert_same([Trial(seed, cosine(), weight_decay=1e-3) for seed in (0, 1, 5)], build, nesterov=nesterov)


def test_rates_decay_and_momentum_ride_along() -> None:
    warmed = schedules.gradual_warmup(schedules.step_decay(0.1, 300, at=[0.5]), 0.01, 20)
    trials = [
        Trial(0, cosine(), momentum=0.0),
        Trial(1, warmed, momentum=0.5, weight_decay=1e-2),
        Trial(1, schedules.constant(0.02, 300)),
    ]
    assert_same(trials)


def test_labels_and_subsets_ride_along() -> None:
    wrong = torch.randint(CLASSES, (POOL,), generator=torch.Generator().manual_seed(1))
    some = torch.randperm(POOL, generator=torch.Generator().manual_seed(2))
    trials = [Trial(3, cosine()), Trial(3, cosine(), labels=wrong), Trial(3, cosine(), rows=some[:20])]
    assert_same(trials)


def test_a_subset_may_be_smaller_than_a_minibatch() -> None:
    assert_same([Trial(0, cosine(), rows=torch.arange(5)), Trial(0, cosine())], minibatch=13)


def test_inputs_ride_along() -> None:
    seeds, rates = [0, 1], cosine(steps=100)
    splits = [pool(), Split(pool().inputs.flip(1)[:40], pool().labels[:40])]
    ensemble = Ensemble.of(perceptron, seeds, dtype=torch.float64)
    Training(ensemble, Examples.apart(splits), seeds, minibatch=8).run([rates, rates])

    def flipped() -> nn.Module:
        network = models.mlp(FEATURES, CLASSES, width=12)
        network.register_forward_pre_hook(lambda _, given: (given[0].flip(1),))
        return network

    expected = plain(Trial(1, rates, rows=torch.arange(40)), flipped, torch.float64, 8)
    torch.testing.assert_close(ensemble.weights[1], expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(
        ensemble.weights[0], plain(Trial(0, rates), perceptron, torch.float64, 8), rtol=0, atol=1e-9
    )


def test_stopping_time_rides_along() -> None:
    assert_same([Trial(0, cosine(steps=40)), Trial(1, cosine(steps=300)), Trial(2, cosine(steps=120))])


def test_masked_weights_stay_and_the_rest_is_a_plain_loop() -> None:
    trials = [Trial(0, cosine(), weight_decay=1e-2), Trial(1, cosine(steps=80), weight_decay=1e-2)]
    ensemble = Ensemble.of(perceptron, [0, 1], dtype=torch.float64)
    mask = magnitude_mask(ensemble, [0.4, 0.7])
    ensemble.weights *= mask
    examples = Examples.same(pool(), 2)
    Training(ensemble, examples, [0, 1], minibatch=8, weight_decay=1e-2, mask=mask).run([t.rates for t in trials])
    assert (ensemble.weights[mask == 0] == 0).all()

    for r, trial in enumerate(trials):
        masks = [each[r] for each in ensemble.views(mask).values()]

        def cut(masks: list[Tensor] = masks) -> nn.Module:
            network = perceptron().double()
            with torch.no_grad():
                for parameter, mask in zip(network.parameters(), masks, strict=True):
                    parameter *= mask
            return network

        expected = plain(trial, cut, torch.float64, 8, masks=masks)
        torch.testing.assert_close(ensemble.weights[r], expected, rtol=0, atol=1e-9)


def test_stopping_between_steps_to_look_changes_nothing() -> None:
    trials = [Trial(0, cosine()), Trial(1, cosine(steps=70))]
    whole, cut = (stacked(trials, perceptron, torch.float64, 8, cuts=cuts) for cuts in (1, 11))
    torch.testing.assert_close(cut, whole, rtol=0, atol=1e-12)


def test_mates_do_not_matter() -> None:
    trials = [Trial(seed, cosine(steps=50)) for seed in range(7)]
    together = stacked(trials, perceptron, torch.float32, 8)
    for trial, weights in zip(trials, together, strict=True):
        torch.testing.assert_close(stacked([trial], perceptron, torch.float32, 8)[0], weights, rtol=0, atol=1e-6)


def test_the_same_bytes_twice_whatever_the_global_state() -> None:
    trials = [Trial(seed, cosine()) for seed in range(3)]
    first = stacked(trials, perceptron, torch.float32, 8)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(stacked(trials, perceptron, torch.float32, 8), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_new_phase_has_a_new_data_order() -> None:
    def after(phase: int) -> Tensor:
        ensemble = Ensemble.of(perceptron, [0])
        Training(ensemble, Examples.same(pool(), 1), [0], minibatch=8, phase=phase).run([cosine(steps=5)])
        return ensemble.weights

    assert not torch.equal(after(0), after(1))


def test_run_returns_the_mean_minibatch_loss_and_nan_at_rest() -> None:
    ensemble = Ensemble.of(perceptron, [0, 0], dtype=torch.float64)
    training = Training(ensemble, Examples.same(pool(), 2), [0, 0], minibatch=POOL)
    before = evaluate(ensemble, Examples.same(pool(), 2)).loss[0]
    losses = training.run([schedules.constant(0.0, 3), schedules.constant(0.1, 0)])
    assert float(losses[0]) == pytest.approx(float(before), abs=1e-12)
    assert losses[1].isnan()


def test_evaluation_is_that_of_the_module() -> None:
    ensemble = Ensemble.of(perceptron, [4, 9])
    rows = [torch.arange(30), torch.arange(10, 90)]
    scores = evaluate(ensemble, Examples.of(pool().inputs, rows, [pool().labels[each] for each in rows]))
    for r, seed in enumerate((4, 9)):
        torch.manual_seed(seed)
        outputs = perceptron()(pool().inputs[rows[r]]).detach()
        labels = pool().labels[rows[r]]
        assert float(scores.loss[r]) == pytest.approx(float(F.cross_entropy(outputs, labels)), abs=1e-6)
        assert float(scores.error[r]) == pytest.approx(float((outputs.argmax(1) != labels).double().mean()), abs=1e-12)


def test_a_replica_that_diverged_has_no_error_and_spares_its_mates() -> None:
    ensemble = Ensemble.of(perceptron, [0, 1])
    examples = Examples.same(pool(), 2)
    Training(ensemble, examples, [0, 1], minibatch=8).run([schedules.constant(1e12, 30), cosine(steps=30)])
    error = evaluate(ensemble, examples).error
    assert error[0].isnan()
    assert 0 <= error[1] <= 1


def test_taken_replicas_are_copies() -> None:
    ensemble = Ensemble.of(perceptron, [0, 1])
    taken = ensemble.take([1, 1, 0])
    assert torch.equal(taken.weights, ensemble.weights[[1, 1, 0]])
    taken.weights.zero_()
    assert ensemble.weights.abs().sum() > 0


def test_a_network_with_buffers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a network with buffers .*: 1\.running_mean, 1\.running_var"):
        Ensemble.of(lambda: nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), [0])
