"""Large minibatches with scaled learning rates and warmup (Goyal et al. 2017, arXiv 1706.02677)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from torch import Tensor, nn

from verify.lab import data, models, schedules
from verify.lab.checks import one_of
from verify.lab.curves import Point, columns, follow
from verify.lab.declare import experiment
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples, draw
from verify.lab.optimizers import SGD
from verify.lab.training import Training

RULES = (
    "gradual-warmup",
    "constant-warmup",
    "no-warmup",
    "half-linear",
    "twice-linear",
    "square-root",
    "fixed-rate",
    "tuned",
)
DROPS = (30 / 90, 60 / 90, 80 / 90)
"""Shares of the training after which the rate falls to a tenth."""


def rates(rule: str, base: float, k: int, steps: int, warmup: int, tuned: float = math.nan) -> Tensor:
    """The learning rate of each step (steps,) under `rule`, for a minibatch `k` times the one with rate `base`.

    The linear scaling rule trains at k times `base`; `half-linear` and `twice-linear` at half and twice that,
    `square-root` at the root of k times `base`, `fixed-rate` at `base`, and `tuned` at the rate `tuned`.  A
    `constant-warmup` stays at `base` for `warmup` steps; all but it, `no-warmup` and `fixed-rate` rise from `base`.

    Raises:
        ValueError: there is no such rule, or no rate `tuned` for it.
    """
    one_of("rule", [rule], RULES)
    if rule == "tuned" and math.isnan(tuned):
        raise ValueError("rule 'tuned' needs a rate: tuned_lr")
    factors = {"half-linear": k / 2, "twice-linear": 2 * k, "square-root": math.sqrt(k), "fixed-rate": 1}
    peak = tuned if rule == "tuned" else factors.get(rule, k) * base
    scaled = schedules.step_decay(peak, steps, at=DROPS)
    if rule in ("no-warmup", "fixed-rate"):
        return scaled
    warmed = schedules.constant_warmup if rule == "constant-warmup" else schedules.gradual_warmup
    return warmed(scaled, base, warmup)


@experiment(values=("epoch", "rate_over_base", "first_over_base", "last_over_scaled", "largest_rise"))
def warmup_curve(
    seed: int,
    device: str,
    *,
    rule: str,
    k: int,
    lr: float,
    epochs: int = 90,
    warmup_epochs: int = 5,
    steps_per_epoch: int = 157,
) -> dict[str, object]:
    """The learning-rate schedule that `large_batch` trains with; nothing is trained and nothing is random.

    Args:
        rule: how the rate follows from `k`, and how it is approached.
        k: minibatches of the base size that are taken together.
        lr: the base rate.
        epochs: of training.
        warmup_epochs: over which the rate rises.
        steps_per_epoch: at this minibatch.

    Returns:
        Curve by `epoch`: `rate_over_base`, the rate over `lr`, over the first two warmups.  Numbers: that ratio at the
        first step; the rate at the first step after the warmup over k times `lr`; and the largest rise from one step
        to the next over k times `lr`.
    """
    del seed, device
    warmup = warmup_epochs * steps_per_epoch
    schedule = rates(rule, lr, k, epochs * steps_per_epoch, warmup)
    shown = range(0, min(2 * warmup + 1, len(schedule)), max(1, math.ceil(2 * warmup / 80)))
    return {
        "epoch": [step / steps_per_epoch for step in shown],
        "rate_over_base": [float(schedule[step]) / lr for step in shown],
        "first_over_base": float(schedule[0]) / lr,
        "last_over_scaled": float(schedule[warmup]) / (k * lr),
        "largest_rise": float(schedule.diff().max()) / (k * lr),
    }


@experiment(
    batch_axes=("rule", "lr", "tuned_lr"),
    values=("epoch", "train_loss", "test_error", "validation_error"),
    diverged={"train_loss": 2.302585, "test_error": 0.9, "validation_error": 0.9},
    batch=20,
    time_limit=60,
)
def large_batch(
    seeds: list[int],
    device: str,
    *,
    rule: list[str],
    lr: list[float],
    tuned_lr: list[float] | None = None,
    k: int,
    model: str = "mlp",
    ghost: int | None = None,
    zero_gamma: bool = False,
    dataset: str = "mnist1d",
    examples: int = 4096,
    width: int = 64,
    minibatch: int = 32,
    epochs: int = 36,
    warmup_epochs: int = 2,
    points: int = 18,
    weight_decay: float = 1e-4,
) -> list[dict[str, object]]:
    """Train a network for a fixed number of epochs on minibatches `k` times as large as the base.

    Args:
        seeds: trials of one seed share examples, initialisation and the order of the data.
        device: what to train on.
        rule: how the learning rate follows the minibatch, one of `RULES`; it falls to a tenth after 30/90, 60/90 and
            80/90 of the training, as in the paper.
        lr: the rate for the base minibatch.
        tuned_lr: the full rate of the rule `tuned`, whatever the minibatch; the other rules do without it.
        k: minibatch over base minibatch.
        model: one of `models.MODELS`.
        ghost: examples that batch normalisation takes together, as a worker does in the paper; None for the minibatch.
        zero_gamma: whether γ of each block's last batch normalisation starts at 0.
        dataset: which data set.
        examples: size of the training subset.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        minibatch: the base, in examples.
        epochs: of training.
        warmup_epochs: of those, how many the warmup takes.
        points: of a curve.
        weight_decay: the same for all, but none for γ and β of batch normalisation, as in the paper; momentum is
            Nesterov's, 0.9.

    Returns:
        Curves by `epoch`: mean training loss since the last point, test error.  Number: error on the validation split.

    Raises:
        ValueError: an unknown rule, or model.
    """
    source = data.load(dataset, seeds)
    train, validation, test = draw(source, seeds, [examples] * len(seeds), device)
    per_epoch = examples / (k * minibatch)
    steps, warmup = round(epochs * per_epoch), round(warmup_epochs * per_epoch)
    schedule = [
        rates(each, base, k, steps, warmup, tuned)
        for each, base, tuned in zip(rule, lr, tuned_lr or [math.nan] * len(seeds), strict=True)
    ]
    build = partial(models.named, model, source.shape, source.classes, width=width, ghost=ghost, zero_gamma=zero_gamma)
    ensemble, followed = train_networks(
        build, train, seeds, schedule, k * minibatch, points, {"test_error": test}, weight_decay
    )
    errors = evaluate(ensemble, validation).error
    return [
        {**columns(each, 1 / per_epoch), "validation_error": float(error), "data": source.sha256[seed]}
        for seed, each, error in zip(seeds, followed, errors, strict=True)
    ]


def train_networks(
    build: partial[nn.Sequential],
    train: Examples,
    seeds: Sequence[int],
    schedule: Sequence[Tensor],
    minibatch: int,
    points: int,
    watched: Mapping[str, Examples],
    weight_decay: float = 1e-4,
) -> tuple[Ensemble, list[list[Point]]]:
    """Train one network a seed as the paper does: Nesterov's momentum 0.9, no weight decay of γ and β (section 5.1).

    Args:
        build: makes a network.
        train: what each trains on.
        seeds: of initialisation and data order.
        schedule: per network, the rate of each step (steps,).
        minibatch: examples a step.
        points: of a curve.
        watched: examples to evaluate at each point, by the name its error is given.
        weight_decay: of all other parameters.

    Returns:
        The networks, and what `curves.follow` returns.
    """
    ensemble = Ensemble.of(build, seeds, str(train.rows.device))
    training = Training(
        ensemble,
        train,
        seeds,
        minibatch=minibatch,
        optimizer=SGD(0.9, weight_decay, nesterov=True, exempt=models.normalisations(ensemble.template)),
    )
    return ensemble, follow(training, schedule, points, watched)
