"""Every replica against the plain loop that the ensemble promises to follow: `nn.Module` and `torch.optim.SGD`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests import replicas
from tests.replicas import CLASSES, FEATURES, POOL, Build, both_ways, everything, perceptron, pool, unwritten
from tests.replicas import one_thread as one_thread
from verify.lab import models, schedules
from verify.lab.data import Split
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples
from verify.lab.optimizers import SGD
from verify.lab.pruning import magnitude_mask
from verify.lab.training import Training

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


BUILDS: dict[str, Build] = {
    "linear": lambda: models.linear(FEATURES, CLASSES),
    "mlp": perceptron,
    "conv 1-D": lambda: models.conv((1, FEATURES), CLASSES, width=3),
    "conv 2-D": lambda: models.conv((2, 1, 3), CLASSES, width=3),
    "resnet 1-D": lambda: models.resnet((1, FEATURES), CLASSES, width=3),
    "resnet 2-D": lambda: models.resnet((1, 2, 3), CLASSES, width=3, zero_gamma=True),
    "ghost batches": lambda: models.resnet((1, FEATURES), CLASSES, width=3, ghost=4),
    "resnet9": lambda: models.resnet9((2, 1, 3), CLASSES, width=2),
    "PyTorch's own batch normalisation": unwritten,
}


def normalised() -> nn.Module:
    return nn.Sequential(nn.Linear(FEATURES, 12), models.BatchNorm(12, ghost=4), nn.ReLU(), nn.Linear(12, CLASSES))


@dataclass
class Trial:
    """What one replica, and one plain loop, is given."""

    seed: int
    rates: Tensor
    rows: Tensor = field(default_factory=lambda: torch.arange(POOL))
    labels: Tensor | None = None
    momentum: float = 0.9
    weight_decay: float = 0.0
    dropout: float = 0.0

    def with_steps(self, steps: int | None) -> Trial:
        return replace(self, rates=self.rates[:steps])

    @property
    def examples(self) -> tuple[Tensor, Tensor]:
        labels = pool().labels if self.labels is None else self.labels
        return self.rows, labels[self.rows]


def plain(
    trial: Trial,
    build: Build,
    dtype: torch.dtype,
    minibatch: int,
    nesterov: bool = False,
    masks: list[Tensor] | None = None,
    exempt: Sequence[str] = (),
) -> Tensor:
    """All parameters and buffers after a loop as anyone would write it."""
    rows, labels = trial.examples
    sgd = partial(torch.optim.SGD, lr=0.1, momentum=trial.momentum, weight_decay=trial.weight_decay, nesterov=nesterov)
    return replicas.plain(
        build, trial.seed, trial.rates, (pool().inputs[rows], labels), sgd,
        dtype=dtype, minibatch=minibatch, exempt=exempt, masks=masks, dropout=trial.dropout,
    )  # fmt: skip


def stacked(
    trials: list[Trial],
    build: Build,
    dtype: torch.dtype,
    minibatch: int,
    nesterov: bool = False,
    exempt: Sequence[str] = (),
    cuts: int = 1,
    device: str = "cpu",
) -> Tensor:
    """All parameters and buffers of every replica, one a row, after as many runs as `cuts`."""
    seeds = [trial.seed for trial in trials]
    rows, labels = zip(*(trial.examples for trial in trials), strict=True)
    ensemble = Ensemble.of(build, seeds, device, dtype)
    training = Training(
        ensemble,
        Examples.of(pool().inputs, rows, labels).to(device),
        seeds,
        minibatch=minibatch,
        optimizer=SGD([trial.momentum for trial in trials], [trial.weight_decay for trial in trials], nesterov, exempt),
        dropout=[trial.dropout for trial in trials],
    )
    for segment in schedules.segments([trial.rates for trial in trials], cuts):
        training.run(segment)
    return everything(ensemble)


def assert_same(
    trials: list[Trial],
    build: Build = perceptron,
    minibatch: int = 8,
    nesterov: bool = False,
    exempt: Sequence[str] = (),
    steps: int = 50,
) -> None:
    """In float64 to 1e-9; in float32, over the first `steps`, to 1e-5."""
    for dtype, most, tolerance in ((torch.float64, None, 1e-9), (torch.float32, steps, 1e-5)):
        cut = [trial.with_steps(most) for trial in trials]
        found = stacked(cut, build, dtype, minibatch, nesterov, exempt)
        for trial, values in zip(cut, found, strict=True):
            expected = plain(trial, build, dtype, minibatch, nesterov, exempt=exempt)
            torch.testing.assert_close(values, expected, rtol=0, atol=tolerance)


def cosine(rate: float = 0.05, steps: int = 200) -> Tensor:
    return schedules.cosine(rate, steps)


@pytest.mark.parametrize("name", BUILDS)
def test_a_replica_is_a_plain_loop(name: str) -> None:
    """Of resnet9 a plain loop in float32 is itself 3e-5 from one in float64 after thirty steps."""
    steps = 10 if name == "resnet9" else 50
    trials = [Trial(seed, cosine(0.02), weight_decay=1e-3) for seed in (0, 5)]
    assert_same(trials, BUILDS[name], 16, nesterov=True, steps=steps)


@both_ways
def test_rates_decay_and_momentum_ride_along(build: Build) -> None:
    warmed = schedules.gradual_warmup(schedules.step_decay(0.1, 200, at=[0.5]), 0.01, 20)
    trials = [
        Trial(0, cosine(), momentum=0.0),
        Trial(1, warmed, momentum=0.5, weight_decay=1e-2),
        Trial(1, schedules.constant(0.02, 200)),
    ]
    assert_same(trials, build)


def test_dropout_rides_along_and_one_who_leaves_early_changes_nothing() -> None:
    trials = [
        Trial(0, cosine(), dropout=0.5),
        Trial(0, cosine(), dropout=0.2, weight_decay=1e-2),
        Trial(0, cosine()),
        Trial(1, cosine(steps=70), dropout=0.5),
    ]
    assert_same(trials)
    assert_same(trials[:1], lambda: models.mlp(FEATURES, CLASSES, width=5, hidden=3), minibatch=7)
    weights = stacked(trials, perceptron, torch.float64, 8)
    assert len({tuple(each.tolist()) for each in weights}) == len(trials), "it does something"


def test_dropout_of_zero_is_no_dropout() -> None:
    trials, beside = [Trial(0, cosine()), Trial(1, cosine())], Trial(2, cosine(), dropout=0.5)
    ensemble = Ensemble.of(perceptron, [0, 1], dtype=torch.float64)
    training = Training(ensemble, Examples.same(pool(), 2), [0, 1], minibatch=8, optimizer=SGD(0.9))
    training.run([trial.rates for trial in trials])
    assert torch.equal(everything(ensemble), stacked(trials, perceptron, torch.float64, 8))
    mixed = stacked([*trials, beside], perceptron, torch.float64, 8)
    torch.testing.assert_close(mixed[:2], everything(ensemble), rtol=0, atol=1e-12)


def test_a_new_phase_drops_others_and_evaluation_drops_none() -> None:
    def after(phase: int) -> Tensor:
        ensemble = Ensemble.of(perceptron, [0])
        # The whole pool at each step, so that only what is dropped differs.
        training = Training(
            ensemble, Examples.same(pool(), 1), [0], minibatch=POOL, optimizer=SGD(0.9), dropout=0.5, phase=phase
        )
        training.run([cosine(steps=5)])
        before = evaluate(ensemble, Examples.same(pool(), 1))
        assert torch.equal(evaluate(ensemble, Examples.same(pool(), 1)).loss, before.loss)
        return ensemble.weights

    first, second = after(0), after(1)
    assert torch.equal(first, after(0))
    assert (first - second).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("build", "fraction", "message"),
    [
        (normalised, 0.5, "dropout is for networks with an nn.Dropout, which this one has not"),
        (perceptron, 1.0, "dropout is a fraction of units within 0 to 1, and is not 1: 1.0"),
        (perceptron, -0.1, "dropout is a fraction of units within 0 to 1"),
    ],
)
def test_dropout_that_cannot_be(build: Build, fraction: float, message: str) -> None:
    ensemble = Ensemble.of(build, [0])
    with pytest.raises(ValueError, match=message):
        Training(ensemble, Examples.same(pool(), 1), [0], minibatch=8, optimizer=SGD(0.9), dropout=fraction)


def test_parameters_exempt_from_decay_are_a_group_of_their_own() -> None:
    build = normalised
    exempt = models.normalisations(build())
    assert exempt == ["1.weight", "1.bias"]
    assert len(models.normalisations(BUILDS["ghost batches"]())) == 2 * 9, "the stem, two a block, two shortcuts"
    trials = [Trial(0, cosine(), weight_decay=0.1), Trial(1, cosine(), weight_decay=0.02)]
    assert_same(trials, build, exempt=exempt)
    assert not torch.equal(*(stacked(trials, build, torch.float64, 8, exempt=each) for each in ((), exempt)))


@both_ways
def test_labels_and_subsets_ride_along(build: Build) -> None:
    wrong = torch.randint(CLASSES, (POOL,), generator=torch.Generator().manual_seed(1))
    some = torch.randperm(POOL, generator=torch.Generator().manual_seed(2))
    trials = [Trial(3, cosine()), Trial(3, cosine(), labels=wrong), Trial(3, cosine(), rows=some[:20])]
    assert_same(trials, build)


def test_a_subset_may_be_smaller_than_a_minibatch() -> None:
    assert_same([Trial(0, cosine(), rows=torch.arange(5)), Trial(0, cosine())], minibatch=13)


def test_inputs_ride_along() -> None:
    seeds, rates = [0, 1], cosine(steps=100)
    splits = [pool(), Split(pool().inputs.flip(1)[:40], pool().labels[:40])]
    ensemble = Ensemble.of(perceptron, seeds, dtype=torch.float64)
    Training(ensemble, Examples.apart(splits), seeds, minibatch=8, optimizer=SGD(0.9)).run([rates, rates])

    def flipped() -> nn.Module:
        network = models.mlp(FEATURES, CLASSES, width=12)
        network.register_forward_pre_hook(lambda _, given: (given[0].flip(1),))
        return network

    expected = plain(Trial(1, rates, rows=torch.arange(40)), flipped, torch.float64, 8)
    torch.testing.assert_close(ensemble.weights[1], expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(
        ensemble.weights[0], plain(Trial(0, rates), perceptron, torch.float64, 8), rtol=0, atol=1e-9
    )


@both_ways
def test_stopping_time_rides_along(build: Build) -> None:
    assert_same([Trial(0, cosine(steps=40)), Trial(1, cosine(steps=200)), Trial(2, cosine(steps=120))], build)


@both_ways
def test_masked_weights_stay_and_the_rest_is_a_plain_loop(build: Build) -> None:
    trials = [Trial(0, cosine(), weight_decay=1e-2), Trial(1, cosine(steps=80), weight_decay=1e-2)]
    ensemble = Ensemble.of(build, [0, 1], dtype=torch.float64)
    mask = magnitude_mask(ensemble, [0.4, 0.7])
    ensemble.weights *= mask
    examples = Examples.same(pool(), 2)
    Training(ensemble, examples, [0, 1], minibatch=8, optimizer=SGD(0.9, 1e-2), mask=mask).run(
        [t.rates for t in trials]
    )
    assert (ensemble.weights[mask == 0] == 0).all()

    for r, trial in enumerate(trials):
        masks = [each[r] for each in ensemble.views(mask).values()]

        def cut(masks: list[Tensor] = masks) -> nn.Module:
            network = build().double()
            with torch.no_grad():
                for parameter, mask in zip(network.parameters(), masks, strict=True):
                    parameter *= mask
            return network

        expected = plain(trial, cut, torch.float64, 8, masks=masks)
        torch.testing.assert_close(everything(ensemble)[r], expected, rtol=0, atol=1e-9)


@both_ways
def test_stopping_between_steps_to_look_changes_nothing(build: Build) -> None:
    trials = [Trial(0, cosine()), Trial(1, cosine(steps=70))]
    whole, cut = (stacked(trials, build, torch.float64, 8, cuts=cuts) for cuts in (1, 11))
    torch.testing.assert_close(cut, whole, rtol=0, atol=1e-12)


@both_ways
def test_mates_do_not_matter(build: Build) -> None:
    trials = [Trial(seed, cosine(steps=50)) for seed in range(7)]
    together = stacked(trials, build, torch.float32, 8)
    for trial, weights in zip(trials, together, strict=True):
        torch.testing.assert_close(stacked([trial], build, torch.float32, 8)[0], weights, rtol=0, atol=1e-6)


@both_ways
def test_the_same_bytes_twice_whatever_the_global_state(build: Build) -> None:
    trials = [Trial(seed, cosine(steps=100)) for seed in range(3)]
    first = stacked(trials, build, torch.float32, 8)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(stacked(trials, build, torch.float32, 8), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_new_phase_has_a_new_data_order() -> None:
    def after(phase: int) -> Tensor:
        ensemble = Ensemble.of(perceptron, [0])
        Training(ensemble, Examples.same(pool(), 1), [0], minibatch=8, optimizer=SGD(0.9), phase=phase).run(
            [cosine(steps=5)]
        )
        return ensemble.weights

    assert not torch.equal(after(0), after(1))


def test_run_returns_the_mean_minibatch_loss_and_nan_at_rest() -> None:
    ensemble = Ensemble.of(perceptron, [0, 0], dtype=torch.float64)
    training = Training(ensemble, Examples.same(pool(), 2), [0, 0], minibatch=POOL, optimizer=SGD(0.9))
    before = evaluate(ensemble, Examples.same(pool(), 2)).loss[0]
    losses = training.run([schedules.constant(0.0, 3), schedules.constant(0.1, 0)])
    assert float(losses[0]) == pytest.approx(float(before), abs=1e-12)
    assert losses[1].isnan()


@both_ways
def test_evaluation_is_that_of_the_module(build: Build) -> None:
    """After some steps, so that running statistics differ from those of any minibatch."""
    trials = [Trial(4, cosine(steps=20)), Trial(9, cosine(steps=20))]
    ensemble = Ensemble.of(build, [4, 9], dtype=torch.float64)
    Training(ensemble, Examples.same(pool(), 2), [4, 9], minibatch=8, optimizer=SGD(0.9)).run(
        [trial.rates for trial in trials]
    )
    rows = [torch.arange(30), torch.arange(10, 90)]
    scores = evaluate(ensemble, Examples.of(pool().inputs, rows, [pool().labels[each] for each in rows]))
    called = ensemble(pool().inputs.double().expand(2, -1, -1))
    for r, trial in enumerate(trials):
        network = build().double()
        values = plain(trial, build, torch.float64, 8)
        with torch.no_grad():
            for each in (*network.parameters(), *network.buffers()):
                each.copy_(values[: each.numel()].view_as(each))
                values = values[each.numel() :]
        everyone = network.eval()(pool().inputs.double()).detach()
        torch.testing.assert_close(called[r], everyone, rtol=0, atol=1e-9)
        outputs, labels = everyone[rows[r]], pool().labels[rows[r]]
        assert float(scores.loss[r]) == pytest.approx(float(F.cross_entropy(outputs, labels)), abs=1e-9)
        assert float(scores.error[r]) == pytest.approx(float((outputs.argmax(1) != labels).double().mean()), abs=1e-12)


def test_a_replica_that_diverged_has_no_error_and_spares_its_mates() -> None:
    ensemble = Ensemble.of(perceptron, [0, 1])
    examples = Examples.same(pool(), 2)
    Training(ensemble, examples, [0, 1], minibatch=8, optimizer=SGD(0.9)).run(
        [schedules.constant(1e12, 30), cosine(steps=30)]
    )
    error = evaluate(ensemble, examples).error
    assert error[0].isnan()
    assert 0 <= error[1] <= 1


@both_ways
def test_taken_replicas_are_copies(build: Build) -> None:
    ensemble = Ensemble.of(build, [0, 1])
    taken = ensemble.take([1, 1, 0])
    before = everything(ensemble)
    assert torch.equal(everything(taken), before[[1, 1, 0]])
    Training(taken, Examples.same(pool(), 3), [0, 1, 2], minibatch=8, optimizer=SGD(0.9)).run([cosine(steps=3)] * 3)
    assert not torch.equal(everything(taken), before[[1, 1, 0]])
    assert torch.equal(everything(ensemble), before)


@needs_cuda
@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_a_gpu_gives_what_the_cpu_gives_and_the_same_bytes_twice(build: Build) -> None:
    trials = [Trial(0, cosine(steps=60), weight_decay=1e-3), Trial(1, cosine(steps=25))]
    expected = stacked(trials, build, torch.float64, 8)
    found, again = (stacked(trials, build, torch.float64, 8, cuts=2, device="cuda") for _ in range(2))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)
    assert torch.equal(found, again)


@needs_cuda
def test_a_gpu_drops_what_the_cpu_drops() -> None:
    trials = [
        Trial(0, cosine(steps=60), dropout=0.5),
        Trial(1, cosine(steps=25), dropout=0.2),
        Trial(2, cosine(steps=60)),
    ]
    expected = stacked(trials, perceptron, torch.float64, 8)
    found = stacked(trials, perceptron, torch.float64, 8, cuts=2, device="cuda")
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


@needs_cuda
def test_a_gpu_that_runs_out_of_memory_says_so_and_goes_on() -> None:
    def huge() -> nn.Module:
        return nn.Sequential(nn.Linear(FEATURES, CLASSES), Hungry())

    with pytest.raises(torch.OutOfMemoryError):
        stacked([Trial(0, cosine(steps=5))], huge, torch.float32, 8, device="cuda")
    assert stacked([Trial(0, cosine(steps=5))], perceptron, torch.float32, 8, device="cuda").isfinite().all()


class Hungry(nn.Module):
    """Wants more memory than any device has."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + torch.zeros(2**46, 1, device=inputs.device).sum()


@both_ways
def test_bfloat16_is_near_and_only_where_it_is_asked_for(build: Build) -> None:
    def after(precision: str) -> Tensor:
        ensemble = Ensemble.of(build, [0])
        training = Training(
            ensemble, Examples.same(pool(), 1), [0], minibatch=8, optimizer=SGD(0.9), precision=precision
        )
        training.run([cosine(steps=20)])
        return everything(ensemble)

    exact, coarse = after("float32"), after("bf16")
    assert exact.dtype == coarse.dtype == torch.float32
    assert not torch.equal(coarse, exact)
    torch.testing.assert_close(coarse, exact, rtol=0, atol=0.05)
