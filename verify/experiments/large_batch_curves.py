"""How far the linear scaling rule carries, and whether it keeps the training curve (Goyal et al. 2017, 1706.02677)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch

from verify.experiments.large_batch import DROPS, rates, train_networks
from verify.lab import data, models, schedules
from verify.lab.curves import Point
from verify.lab.declare import experiment
from verify.lab.ensemble import evaluate
from verify.lab.examples import draw
from verify.lab.randomness import stream

LADDER = (1, 4, 6, 8, 12, 16, 24)
"""Minibatches, in multiples of the base, between which `elbow` looks for the one at which the error rises."""
RISE = 0.05
"""How far above the base minibatch's the error is at the elbow."""


class Arm(NamedTuple):
    """What a network of `curve_distance` is trained with beside the minibatch."""

    seed: int
    """Decides the training subset."""
    lr: float
    factor: float


@experiment(
    batch_axes=("lr", "factor"),
    values=("position", "base_error", "rise"),
    batch=20,
    time_limit=60,
)
def elbow(
    seeds: list[int],
    device: str,
    *,
    lr: list[float],
    factor: list[float],
    model: str = "mlp",
    dataset: str = "mnist1d",
    examples: int = 4096,
    width: int = 64,
    minibatch: int = 32,
    epochs: int = 36,
    warmup_epochs: int = 2,
) -> list[dict[str, object]]:
    """Find the minibatch at which the error rises, under the linear rule with gradual warmup.

    Each minibatch of `LADDER` is trained with.  The elbow is where the test error first exceeds that of the base by
    `RISE`, on a straight line between two steps of the ladder over the logarithm of the minibatch; the ladder's end
    where it never does.  A network that diverged has the error of chance.

    Args:
        seeds: all minibatches of a seed share examples, initialisation and the order of the data.
        device: what to train on.
        lr: the rate for the base minibatch.
        factor: what every rate is multiplied by: one that is larger must bring the elbow nearer.
        model: one of `models.MODELS`.
        dataset: which data set.
        examples: size of the training subset.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        minibatch: the base, in examples.
        epochs: of training, the same for all.
        warmup_epochs: of those, how many the warmup takes.

    Returns:
        Numbers: `position`, the binary logarithm of the minibatch at the elbow over the base; the test error of the
        base; and `rise`, the error at the ladder's end above it.
    """
    source = data.load(dataset, seeds)
    train, _, test = draw(source, seeds, [examples] * len(seeds), device)
    build = partial(models.named, model, source.shape, source.classes, width=width)
    ladder = []
    for k in LADDER:
        per_epoch = examples / (k * minibatch)
        steps, warmup = round(epochs * per_epoch), round(warmup_epochs * per_epoch)
        schedule = [
            rates("gradual-warmup", times * base, k, steps, warmup) for base, times in zip(lr, factor, strict=True)
        ]
        ensemble, _ = train_networks(build, train, seeds, schedule, k * minibatch, 1, {})
        ladder.append(evaluate(ensemble, test).error.nan_to_num(1 - 1 / source.classes))
    return [
        {
            "position": position(LADDER, errors, RISE),
            "base_error": errors[0],
            "rise": errors[-1] - errors[0],
            "data": source.sha256[seed],
        }
        for seed, errors in zip(seeds, torch.stack(ladder, dim=1).tolist(), strict=True)
    ]


def position(ladder: Sequence[int], errors: Sequence[float], rise: float) -> float:
    """The binary logarithm of the place on `ladder` at which `errors` first exceed the first of them by `rise`."""
    logs = [math.log2(each) for each in ladder]
    limit = errors[0] + rise
    for i in range(1, len(errors)):
        if errors[i] > limit:
            fraction = (limit - errors[i - 1]) / (errors[i] - errors[i - 1])
            return logs[i - 1] + fraction * (logs[i] - logs[i - 1])
    return logs[-1]


@experiment(
    batch_axes=("lr", "factor", "k"),
    values=("epoch", "log_distance", "log_distance_of_seeds", "distance", "distance_of_seeds", "excess"),
    diverged={"distance": 10, "distance_of_seeds": 10, "excess": 10},
    batch=60,
    time_limit=60,
)
def curve_distance(
    seeds: list[int],
    device: str,
    *,
    lr: list[float],
    factor: list[float],
    k: list[int],
    model: str = "mlp",
    dataset: str = "mnist1d",
    examples: int = 4096,
    width: int = 64,
    minibatch: int = 32,
    epochs: int = 36,
    warmup_epochs: int = 2,
    points: int = 18,
) -> list[dict[str, object]]:
    """Measure how far a training curve lies from that of the base minibatch, and how far the seeds lie apart.

    Three networks are trained on one training subset: a reference with the base minibatch; its twin, which differs
    from it in initialisation and data order alone; and one with k times the minibatch and `factor` times the rate of
    the linear rule, after a gradual warmup, which shares initialisation and data order with the reference.

    Args:
        seeds: of the reference.
        device: what to train on.
        lr: the rate for the base minibatch.
        factor: the third network's rate over that of the linear rule.
        k: the third network's minibatch over the base.
        model: one of `models.MODELS`.
        dataset: which data set.
        examples: size of the training subset.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        minibatch: the base, in examples.
        epochs: of training, the same for all.
        warmup_epochs: of those, how many the warmup takes; points of the curves that overlap with it do not count.
        points: of a curve.

    Returns:
        Curves by `epoch`: the absolute difference of the logarithms of the training losses since the last point,
        between the third network and the reference, and between twin and reference.  Numbers: `distance` and
        `distance_of_seeds`, the means of both after the warmup, and `excess`, the first minus the second.
    """
    source = data.load(dataset, seeds)
    build = partial(models.named, model, source.shape, source.classes, width=width)

    def curves(own: Sequence[int], these: Sequence[Arm], times: int) -> list[list[Point]]:
        train, _, _ = draw(source, [each.seed for each in these], [examples] * len(these), device)
        per_epoch = examples / (times * minibatch)
        steps, warmup = round(epochs * per_epoch), round(warmup_epochs * per_epoch)
        schedule = [
            schedules.gradual_warmup(
                schedules.step_decay(each.factor * times * each.lr, steps, at=DROPS), each.lr, warmup
            )
            for each in these
        ]
        return train_networks(build, train, own, schedule, times * minibatch, points, {})[1]

    # Trials of one seed and rate share their reference and its twin.
    bases = list(dict.fromkeys(Arm(seed, rate, 1.0) for seed, rate in zip(seeds, lr, strict=True)))
    twins = [int(torch.randint(2**31, (), generator=stream(each.seed, "twin"))) for each in bases]
    references = dict(zip(bases, curves([each.seed for each in bases], bases, 1), strict=True))
    spread = dict(zip(bases, curves(twins, bases, 1), strict=True))
    results: dict[int, dict[str, object]] = {}
    for size in sorted(set(k)):
        places = [place for place, each in enumerate(k) if each == size]
        these = [Arm(seeds[place], lr[place], factor[place]) for place in places]
        for place, arm, third in zip(places, these, curves([each.seed for each in these], these, size), strict=True):
            base = arm._replace(factor=1.0)
            distances = _distances(references[base], spread[base], third, epochs=epochs, warmup_epochs=warmup_epochs)
            results[place] = {**distances, "data": source.sha256[arm.seed]}
    return [results[place] for place in range(len(seeds))]


def _distances(
    reference: Sequence[Point], twin: Sequence[Point], third: Sequence[Point], *, epochs: float, warmup_epochs: float
) -> dict[str, object]:
    """Between the curves of a trial; points are equally far apart, and as many in each."""
    losses = torch.tensor([[point["train_loss"] for point in each] for each in (reference, twin, third)]).log()
    of_seeds, own = (losses[1] - losses[0]).abs(), (losses[2] - losses[0]).abs()
    count = len(reference)
    begin = math.ceil(warmup_epochs / epochs * count)  # points up to here contain steps of the warmup
    distance, distance_of_seeds = float(own[begin:].mean()), float(of_seeds[begin:].mean())
    return {
        "epoch": [epochs * (point + 1) / count for point in range(count)],
        "log_distance": own.tolist(),
        "log_distance_of_seeds": of_seeds.tolist(),
        "distance": distance,
        "distance_of_seeds": distance_of_seeds,
        "excess": distance - distance_of_seeds,
    }
