"""Optimizers, clipping and masks of several replicas against `torch.optim` and `clip_grad_norm_` in a plain loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from tests.replicas import FEATURES, Build, both_ways, everything, perceptron, plain, pool, unwritten
from tests.replicas import one_thread as one_thread
from verify.lab import optimizers, schedules
from verify.lab.ensemble import Ensemble
from verify.lab.examples import Examples
from verify.lab.networks import is_written
from verify.lab.pruning import magnitude_mask
from verify.lab.training import Training

MINIBATCH, STEPS = 8, 61


class Kind(NamedTuple):
    ours: type[optimizers.Optimizer]
    theirs: Any
    rate: float
    """Of which float32 stays within 1e-6 of float64 over twenty steps."""
    hypers: Sequence[dict[str, Any]]
    """The first for all replicas that are alike."""


SGD = Kind(
    optimizers.SGD,
    torch.optim.SGD,
    0.05,
    [
        {"momentum": 0.9, "weight_decay": 1e-2},
        {"momentum": 0.5, "weight_decay": 0.1},
        {"momentum": 0.0, "weight_decay": 0.0},
    ],
)
ADAM = Kind(
    optimizers.Adam,
    torch.optim.Adam,
    5e-3,
    [
        {"betas": (0.9, 0.999), "eps": 1e-3, "weight_decay": 1e-2},
        {"betas": (0.5, 0.99), "eps": 1e-2, "weight_decay": 0.1},
        {"betas": (0.0, 0.99999), "eps": 1e-3, "weight_decay": 0.0},
    ],
)
KINDS = {"SGD": SGD, "Adam": ADAM, "AdamW": ADAM._replace(ours=optimizers.AdamW, theirs=torch.optim.AdamW)}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
each_way = pytest.mark.parametrize(
    ("build", "apart"),
    [(perceptron, False), (perceptron, True), (unwritten, True)],
    ids=["stacked, alike", "stacked, apart", "in turn"],
)
"""Whether hyperparameters differ between replicas, which is nothing to those that take turns."""


@dataclass
class Trial:
    """What one replica, and one plain loop, is given."""

    seed: int
    hyper: dict[str, Any]
    runs: list[Tensor]
    """The schedule, as it is cut into runs."""
    clip_norm: float = math.inf

    def cut(self, steps: int) -> Trial:
        """Its first steps, in as many runs."""
        begins = [sum(map(len, self.runs[:place])) for place in range(len(self.runs))]
        return replace(
            self, runs=[each[: max(0, steps - begin)] for each, begin in zip(self.runs, begins, strict=True)]
        )


@dataclass
class Case:
    kind: Kind
    build: Build
    trials: list[Trial]
    exempt: Sequence[str] = ()
    nesterov: dict[str, bool] = field(default_factory=dict)
    """{"nesterov": True}, or nothing."""
    density: Sequence[float] = ()
    """Of each replica's weights, how many its mask keeps."""

    def mask(self, ensemble: Ensemble) -> Tensor | None:
        return magnitude_mask(ensemble, [1 - each for each in self.density]) if self.density else None

    def found(self, dtype: torch.dtype) -> Tensor:
        """All parameters and buffers of the replicas; hyperparameters are lists where they differ."""
        trials = self.trials
        ensemble = Ensemble.of(self.build, [each.seed for each in trials], dtype=dtype)
        clips = [each.clip_norm for each in trials]
        training = Training(
            ensemble,
            Examples.same(pool(), len(trials)),
            [each.seed for each in trials],
            minibatch=MINIBATCH,
            optimizer=self.kind.ours(**merged([each.hyper for each in trials]), exempt=self.exempt, **self.nesterov),
            clip_norm=None if set(clips) == {math.inf} else one_or_each(clips),
            mask=self.mask(ensemble),
        )
        for run in zip(*(each.runs for each in trials), strict=True):
            training.run(run)
        return everything(ensemble)

    def expected(self, dtype: torch.dtype) -> Tensor:
        mask = self.mask(Ensemble.of(self.build, [each.seed for each in self.trials], dtype=dtype))
        views = Ensemble.of(self.build, [0]).views(mask) if mask is not None else {}
        return torch.stack(
            [
                plain(
                    self.build,
                    trial.seed,
                    torch.cat(trial.runs),
                    (pool().inputs, pool().labels),
                    partial(self.kind.theirs, lr=0.1, **trial.hyper, **self.nesterov),
                    dtype=dtype,
                    minibatch=MINIBATCH,
                    exempt=self.exempt,
                    masks=[each[r] for each in views.values()] if views else None,
                    clip_norm=trial.clip_norm,
                )
                for r, trial in enumerate(self.trials)
            ]
        )

    def check(self) -> None:
        """In float64 to 1e-9; in float32, over the first steps, to 1e-5."""
        torch.testing.assert_close(self.found(torch.float64), self.expected(torch.float64), rtol=0, atol=1e-9)
        short = replace(self, trials=[each.cut(20) for each in self.trials])
        torch.testing.assert_close(short.found(torch.float32), short.expected(torch.float32), rtol=0, atol=1e-5)


def one_or_each(values: list[Any]) -> Any:
    return values[0] if all(each == values[0] for each in values) else values


def merged(hypers: list[dict[str, Any]]) -> dict[str, Any]:
    """Per hyperparameter its value, or the replicas' where they differ; of two betas, each by itself."""
    found = {}
    for name in hypers[0]:
        values = [each[name] for each in hypers]
        pair = isinstance(values[0], tuple)
        found[name] = (
            tuple(one_or_each(list(each)) for each in zip(*values, strict=True)) if pair else one_or_each(values)
        )
    return found


def trials(kind: Kind, *steps: Sequence[int], apart: bool) -> list[Trial]:
    """One a row of steps, which are those of its runs."""
    found = []
    for r, runs in enumerate(steps):
        rates = schedules.cosine(kind.rate, sum(runs))
        found.append(Trial(r, kind.hypers[r if apart else 0], list(rates.split(list(runs)))))
    return found


@each_way
@each_kind
def test_a_replica_is_a_plain_loop(kind: Kind, build: Build, apart: bool) -> None:
    """A plain loop in float32 is as near to one in float64 as it is to the replica."""
    Case(kind, build, trials(kind, *[[STEPS]] * 2, apart=apart)).check()
    short = Case(kind, build, trials(kind, *[[20]] * 2, apart=apart))
    single, double = (short.expected(each).double() for each in (torch.float32, torch.float64))
    torch.testing.assert_close(single, double, rtol=0, atol=1e-6)


@each_way
@each_kind
def test_masks_and_parameters_exempt_from_decay(kind: Kind, build: Build, apart: bool) -> None:
    """Weights begin where they were, not at 0: what has no gradient still decays.

    Exempt are the first parameter, one in the middle, and the last.
    """
    names = [name for name, _ in build().named_parameters()]
    exempt = [names[0], names[2], names[-1]]
    case = Case(kind, build, trials(kind, [STEPS], [STEPS], apart=apart), exempt, density=[0.5, 0.3])
    case.check()
    found = case.found(torch.float64)
    for without in (replace(case, exempt=()), replace(case, density=())):
        assert not torch.allclose(without.found(torch.float64), found, rtol=0, atol=1e-3)


@each_way
def test_nesterov(build: Build, apart: bool) -> None:
    """PyTorch has it only with momentum."""
    case = Case(SGD, build, trials(SGD, [STEPS], [STEPS], apart=apart), nesterov={"nesterov": True})
    case.check()
    assert not torch.allclose(replace(case, nesterov={}).found(torch.float64), case.found(torch.float64), atol=1e-4)


@each_way
@each_kind
def test_runs_carry_on_where_the_last_one_ended(kind: Kind, build: Build, apart: bool) -> None:
    """Some leave early, and some rest, so that group mates have made different numbers of steps."""
    Case(kind, build, trials(kind, [7, 5, 40, 9], [12, 0, 40, 1], [0, 3, 25, 35], apart=apart)).check()


@each_kind
def test_one_run_or_several(kind: Kind) -> None:
    whole, cut = (Case(kind, perceptron, trials(kind, *[each] * 2, apart=False)) for each in ([STEPS], [9, 1, 51]))
    torch.testing.assert_close(cut.found(torch.float64), whole.found(torch.float64), rtol=0, atol=1e-12)


@each_kind
def test_a_list_of_equal_values_is_that_value(kind: Kind) -> None:
    def after(hyper: dict[str, Any]) -> Tensor:
        ensemble = Ensemble.of(perceptron, [0, 1])
        training = Training(
            ensemble, Examples.same(pool(), 2), [0, 1], minibatch=MINIBATCH, optimizer=kind.ours(**hyper)
        )
        training.run([schedules.constant(kind.rate, 20)] * 2)
        return ensemble.weights

    def listed(value: Any) -> Any:
        return tuple([each] * 2 for each in value) if isinstance(value, tuple) else [value] * 2

    hyper = kind.hypers[0]
    assert torch.equal(after({name: listed(value) for name, value in hyper.items()}), after(hyper))


def test_defaults_are_those_of_pytorch() -> None:
    for kind in KINDS.values():
        theirs = kind.theirs([nn.Parameter(torch.zeros(1))]).defaults
        ours = kind.ours()
        assert {name: getattr(ours, name) for name in kind.hypers[0]} == {name: theirs[name] for name in kind.hypers[0]}


def test_adam_rounds_no_decay_rate_before_it_is_taken_from_one() -> None:
    """Of float32, 1 - 0.99999 is 0.1 % off, but the correction for the mean of squares is not."""
    hyper = {"betas": (0.9, 0.99999), "eps": 1e-12, "weight_decay": 0.0}
    build: Build = partial(nn.Linear, FEATURES, 4)
    case = Case(ADAM, build, [Trial(0, hyper, [schedules.constant(0.1, 1)])])
    torch.testing.assert_close(case.found(torch.float32).double(), case.expected(torch.float64), rtol=0, atol=1e-6)


# Clipping


CLIPS = {
    "one for all": [0.5, 0.5, 0.5],
    "one a replica": [0.5, 0.05, 5.0],
    "one is not clipped": [0.5, math.inf, 0.05],
}


def clipped(build: Build, clips: Sequence[float], density: Sequence[float] = ()) -> Case:
    """With momentum, and hence SGD, since what Adam does hardly depends on the gradient's length."""
    given = trials(SGD, [STEPS], [30], [STEPS], apart=False)
    given = [replace(each, clip_norm=clip) for each, clip in zip(given, clips, strict=True)]
    return Case(SGD, build, given, density=density)


@both_ways
@pytest.mark.parametrize("clips", CLIPS.values(), ids=CLIPS)
def test_clipping_is_that_of_pytorch(build: Build, clips: Sequence[float]) -> None:
    case = clipped(build, clips)
    case.check()
    moved = case.found(torch.float64) - clipped(build, [math.inf] * 3).found(torch.float64)
    for each, clip in zip(moved, clips, strict=True):
        assert (float(each.abs().max()) > 1e-3) == (clip < 5), "it does something, where it should"


@both_ways
def test_a_gradient_is_masked_before_it_is_clipped(build: Build) -> None:
    case = clipped(build, clips := CLIPS["one is not clipped"], [0.3, 0.2, 0.5])
    case.check()
    moved = case.found(torch.float64) - clipped(build, [math.inf] * 3, case.density).found(torch.float64)
    assert [float(each.abs().max()) > 1e-3 for each in moved] == [clip < math.inf for clip in clips]


def test_clipping_rides_along_with_other_hyperparameters() -> None:
    for kind in KINDS.values():
        given = trials(kind, [STEPS], [20], [STEPS], apart=True)
        clips = (0.01, math.inf, 0.2)
        Case(kind, perceptron, [replace(t, clip_norm=c) for t, c in zip(given, clips, strict=True)]).check()


# What cannot be


def train(build: Build = perceptron, **given: Any) -> None:
    given = {"optimizer": optimizers.SGD()} | given
    Training(Ensemble.of(build, [0, 1]), Examples.same(pool(), 2), [0, 1], minibatch=MINIBATCH, **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimizer": optimizers.SGD(momentum=[0.9] * 3)}, "momentum has 3 values for 2 replicas"),
        ({"optimizer": optimizers.SGD(weight_decay=[0.1])}, "weight_decay has 1 values for 2 replicas"),
        ({"optimizer": optimizers.Adam(betas=(0.9, [0.99] * 3))}, "beta2 has 3 values for 2 replicas"),
        ({"optimizer": optimizers.AdamW(eps=[1e-8])}, "eps has 1 values for 2 replicas"),
        ({"clip_norm": [1.0] * 3}, "clip_norm has 3 values for 2 replicas"),
        ({"dropout": [0.5]}, "dropout has 1 values for 2 replicas"),
        (
            {"optimizer": optimizers.Adam(exempt=["0.wait"])},
            "exempt names '0.wait', which is no parameter; .* 0.weight",
        ),
        ({"loss": "hinge"}, "hinge"),
        ({"precision": "float16"}, "float16"),
    ],
)
def test_what_cannot_be(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train(**given)


@both_ways
def test_every_parameter_must_be_trained(build: Build) -> None:
    def frozen() -> nn.Module:
        network = build()
        network.get_parameter("0.weight").requires_grad_(False)
        return network

    with pytest.raises(ValueError, match=r"'0\.weight' needs no gradient, but all parameters are trained"):
        train(frozen)


def test_one_is_stacked_and_one_goes_in_turn() -> None:
    assert is_written(perceptron())
    assert not is_written(unwritten())
