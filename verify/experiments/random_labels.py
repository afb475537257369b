"""Fitting random labels and noise (Zhang et al. 2017, arXiv 1611.03530, sections 2 and 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Generator, Tensor

from verify.lab import corruption, data, models, schedules
from verify.lab.checks import one_of
from verify.lab.curves import columns, follow
from verify.lab.data import Split
from verify.lab.declare import experiment
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples, draw
from verify.lab.optimizers import SGD
from verify.lab.randomness import stream
from verify.lab.training import Training

LABELS = ("real", "random", "shuffled-pixels", "random-pixels", "gaussian")
EXPLICIT = ("none", "weight-decay", "dropout", "both")
POINTS = 30
FITTED = 0.001
"""Training error at which the data counts as fitted."""


@experiment(
    batch_axes=("labels", "lr", "corrupted"),
    values=("epoch", "train_loss", "train_error", "test_error", "epochs_to_fit", "epochs_to_half"),
    diverged={"train_loss": 2.302585, "train_error": 0.9, "test_error": 0.9},
    batch=20,
    time_limit=60,
)
def random_labels(
    seeds: list[int],
    device: str,
    *,
    labels: list[str],
    lr: list[float],
    corrupted: float | list[float] = 1.0,
    model: str = "mlp",
    dataset: str = "mnist1d",
    examples: int = 2000,
    width: int = 128,
    epochs: int = 60,
    minibatch: int = 64,
    momentum: float = 0.9,
) -> list[dict[str, object]]:
    """Train a network on data whose labels or inputs have lost their meaning, without regularisation.

    Args:
        seeds: trials of one seed share examples, initialisation and data order.
        device: what to train on.
        labels: what is done to the data, one of `LABELS`: nothing; each label drawn anew; one shuffle of the pixels
            for all examples; a shuffle for each example; Gaussian noise with the data's mean and deviation as inputs.
        lr: rate at the first step, falling along a cosine.
        corrupted: of random labels, the share that is drawn anew; trials of one seed draw the same labels, and those
            that a small share corrupts are among those of a larger one.
        model: one of `models.MODELS`; the linear classifier is the control that lacks the capacity.
        dataset: which data set.
        examples: size of the training subset.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        epochs: of training.
        minibatch: examples a step.
        momentum: of SGD.

    Returns:
        Curves by `epoch`: mean training loss since the last point, error on the training subset.  Numbers: test error
        (inputs treated as in training, labels real), and the epochs until the training error was down to 0.1 % and to
        one half, interpolated between points; `epochs` where it never was.

    Raises:
        ValueError: an unknown kind of data, or of model; a share that is not within 0 to 1.
    """
    one_of("labels", labels, LABELS)
    source = data.load(dataset, seeds)
    real = {seed: source.take(source.subset(seed, examples)) for seed in seeds}
    streams = [stream(seed, "inputs") for seed in seeds]
    shares = corrupted if isinstance(corrupted, list) else [corrupted] * len(seeds)

    def seen(r: int, split: Split) -> Split:
        """What replica r sees in place of `split`."""
        return split._replace(inputs=_inputs(labels[r], split.inputs, seeds[r], streams[r], source.shape[0]))

    labelled = [
        _labels(real[seed], kind, seed, source.classes, share)
        for seed, kind, share in zip(seeds, labels, shares, strict=True)
    ]
    train = Examples.apart([seen(r, split) for r, split in enumerate(labelled)]).to(device)

    ensemble = Ensemble.of(lambda: models.named(model, source.shape, source.classes, width=width), seeds, device)
    training = Training(ensemble, train, seeds, minibatch=minibatch, optimizer=SGD(momentum))
    steps = max(1, round(epochs * examples / minibatch))
    points = follow(training, [schedules.cosine(rate, steps) for rate in lr], POINTS, {"train_error": train})
    results = []
    for r, each in enumerate(points):  # one by one, since the test inputs of all replicas together may not fit
        test = Examples.same(seen(r, source.take(source.test[seeds[r]])), 1).to(device)
        test_error = float(evaluate(ensemble.take([r]), test).error)
        results.append(_result(columns(each, minibatch / examples), test_error, epochs, source.sha256[seeds[r]]))
    return results


@experiment(
    batch_axes=("labels", "lr"),
    values=("epochs_to_fit", "log_epochs_to_fit", "train_error"),
    diverged={"train_error": 0.9},
    batch=20,
    time_limit=60,
)
def time_to_fit(
    seeds: list[int],
    device: str,
    *,
    labels: list[str],
    lr: list[float],
    examples: int,
    model: str = "mlp",
    dataset: str = "mnist1d",
    width: int = 256,
    epochs: int = 200,
    minibatch: int = 64,
    momentum: float = 0.9,
) -> list[dict[str, object]]:
    """Train at a constant rate until the data is fitted, and no longer; what a schedule expects plays no part.

    Args:
        seeds: trials of one seed share examples, initialisation and data order; a smaller subset is part of a larger.
        device: what to train on.
        labels: `real`, or `random` for each label drawn anew.
        lr: rate at every step.
        examples: size of the training subset.
        model: one of `models.MODELS`.
        dataset: which data set.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        epochs: the most that it trains.
        minibatch: examples a step.
        momentum: of SGD.

    Returns:
        Epochs until the training error, looked at after each, was down to 0.1 %, interpolated; `epochs` where it never
        was.  Their natural logarithm.  The training error at the end.

    Raises:
        ValueError: an unknown kind of labels, or of model.
    """
    one_of("labels", labels, LABELS[:2])
    source = data.load(dataset, seeds)
    real = {seed: source.take(source.subset(seed, examples)) for seed in seeds}
    splits = [_labels(real[seed], kind, seed, source.classes) for seed, kind in zip(seeds, labels, strict=True)]
    train = Examples.apart(splits).to(device)

    ensemble = Ensemble.of(lambda: models.named(model, source.shape, source.classes, width=width), seeds, device)
    training = Training(ensemble, train, seeds, minibatch=minibatch, optimizer=SGD(momentum))
    steps = max(1, round(examples / minibatch))
    passed: list[float] = []
    errors: list[list[float]] = [[] for _ in seeds]
    while len(passed) < epochs and any(not each or each[-1] > FITTED for each in errors):
        going = [not each or not each[-1] <= FITTED for each in errors]
        training.run([schedules.constant(rate, steps if goes else 0) for rate, goes in zip(lr, going, strict=True)])
        passed.append((len(passed) + 1) * steps * minibatch / examples)
        for each, error in zip(errors, evaluate(ensemble, train).error.tolist(), strict=True):
            each.append(error)
    fitted = [_first_at_most(passed, each, FITTED, never=epochs) for each in errors]
    return [
        {
            "epochs_to_fit": epoch,
            "log_epochs_to_fit": math.log(epoch),
            "train_error": each[-1],
            "data": source.sha256[seed],
        }
        for seed, epoch, each in zip(seeds, fitted, errors, strict=True)
    ]


@experiment(
    batch_axes=("labels", "explicit", "lr", "weight_decay", "dropout"),
    values=("epoch", "train_loss", "train_error", "validation_error", "test_error", "above_chance"),
    diverged={"train_loss": 2.302585, "train_error": 0.9, "validation_error": 0.9, "test_error": 0.9},
    batch=20,
    time_limit=60,
)
def explicit_regularisation(
    seeds: list[int],
    device: str,
    *,
    labels: list[str],
    explicit: list[str],
    lr: list[float],
    weight_decay: list[float],
    dropout: list[float],
    model: str = "mlp",
    dataset: str = "mnist1d",
    examples: int = 2000,
    width: int = 128,
    epochs: int = 60,
    minibatch: int = 64,
    momentum: float = 0.9,
) -> list[dict[str, object]]:
    """Train with and without explicit regularisation (section 3).

    Args:
        seeds: trials of one seed share examples, initialisation and data order.
        device: what to train on.
        labels: `real`, or `random` for each label drawn anew.
        explicit: which regularisers are in force, one of `EXPLICIT`.
        lr: rate at the first step, falling along a cosine.
        weight_decay: strength, where it is in force.
        dropout: fraction of the hidden units that is dropped, where it is in force; a linear classifier has none.
        model: one of `models.MODELS`.
        dataset: which data set.
        examples: size of the training subset.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        epochs: of training.
        minibatch: examples a step.
        momentum: of SGD.

    Returns:
        Curves by `epoch`: mean training loss since the last point, error on the training subset, without dropout.
        Numbers: error on the validation and the test split, and the accuracy on the latter above that of chance.

    Raises:
        ValueError: an unknown kind of labels, of regularisation, or of model; dropout in another network than an MLP.
    """
    one_of("labels", labels, LABELS[:2])
    one_of("explicit", explicit, EXPLICIT)
    source = data.load(dataset, seeds)
    train, validation, test = draw(source, seeds, [examples] * len(seeds), device)
    drawn = [
        _labels(source.take(source.subset(seed, examples)), kind, seed, source.classes).labels
        for seed, kind in zip(seeds, labels, strict=True)
    ]
    train = train._replace(labels=torch.stack(drawn).to(device))

    ensemble = Ensemble.of(lambda: models.named(model, source.shape, source.classes, width=width), seeds, device)
    training = Training(
        ensemble,
        train,
        seeds,
        minibatch=minibatch,
        optimizer=SGD(momentum, _in_force(weight_decay, explicit, "weight-decay")),
        dropout=_in_force(dropout, explicit, "dropout") if model != "linear" else 0.0,
    )
    steps = max(1, round(epochs * examples / minibatch))
    points = follow(training, [schedules.cosine(rate, steps) for rate in lr], POINTS, {"train_error": train})
    errors = [evaluate(ensemble, split).error.tolist() for split in (validation, test)]
    return [
        {
            **columns(each, minibatch / examples),
            "validation_error": validation_error,
            "test_error": test_error,
            "above_chance": 1 - 1 / source.classes - test_error,
            "data": source.sha256[seed],
        }
        for seed, each, validation_error, test_error in zip(seeds, points, *errors, strict=True)
    ]


def _in_force(strengths: Sequence[float], explicit: Sequence[str], regulariser: str) -> list[float]:
    """Per replica, the strength of a regulariser: 0 where it is not in force."""
    return [each if kind in (regulariser, "both") else 0.0 for each, kind in zip(strengths, explicit, strict=True)]


def _labels(train: Split, kind: str, seed: int, classes: int, share: float = 1.0) -> Split:
    """The training subset with a share of its labels drawn anew, where that is what is done to the data."""
    if kind != "random":
        return train
    return train._replace(labels=corruption.random_labels(train.labels, classes, share, stream(seed, "labels")))


def _inputs(kind: str, inputs: Tensor, seed: int, noise: Generator, channels: int) -> Tensor:
    """Inputs (n, features) as a trial sees them; of `noise`, what it has not drawn before."""
    if kind == "shuffled-pixels":  # the stream begins anew each time, so that both splits get the same shuffle
        return corruption.shuffled_pixels(inputs, stream(seed, "pixels"), channels)
    if kind == "random-pixels":
        return corruption.random_pixels(inputs, noise, channels)
    return corruption.gaussian(inputs, noise) if kind == "gaussian" else inputs


def _result(curves: dict[str, list[float]], test_error: float, epochs: float, sha256: str) -> dict[str, object]:
    reached = partial(_first_at_most, curves["epoch"], curves["train_error"], never=epochs)
    return {
        **curves,
        "test_error": test_error,
        "epochs_to_fit": reached(FITTED),
        "epochs_to_half": reached(0.5),
        "data": sha256,
    }


def _first_at_most(epochs: Sequence[float], errors: Sequence[float], level: float, never: float) -> float:
    """The epoch at which `errors` first came down to `level`, interpolated; `never` where it did not.

    Before the first point the error counts as that of chance, 0.9.
    """
    before = (0.0, 0.9)
    for epoch, error in zip(epochs, errors, strict=True):
        if error <= level:
            return before[0] + (epoch - before[0]) * (before[1] - level) / (before[1] - error)
        before = (epoch, error)
    return float(never)
