"""Fitting random labels and noise (Zhang et al. 2017, arXiv 1611.03530, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Generator, Tensor

from verify.lab import corruption, data, models, schedules
from verify.lab.checks import one_of
from verify.lab.curves import columns, follow
from verify.lab.data import Split
from verify.lab.declare import experiment
from verify.lab.ensemble import Ensemble, Training, evaluate
from verify.lab.examples import Examples
from verify.lab.randomness import stream

LABELS = ("real", "random", "shuffled-pixels", "random-pixels", "gaussian")
POINTS = 30
FITTED = 0.001
"""Training error at which the data counts as fitted."""


@experiment(
    rides=("labels", "lr"),
    values=("epoch", "train_loss", "train_error", "test_error", "epochs_to_fit", "epochs_to_half"),
    diverged={"train_loss": 2.302585, "train_error": 0.9, "test_error": 0.9},
    batch=13,
    time_limit=60,
)
def random_labels(
    seeds: list[int],
    device: str,
    *,
    labels: list[str],
    lr: list[float],
    model: str = "mlp",
    dataset: str = "mnist1d",
    examples: int = 2000,
    width: int = 256,
    epochs: int = 60,
    minibatch: int = 64,
) -> list[dict[str, object]]:
    """Train a network on data whose labels or inputs have lost their meaning, without regularisation.

    Args:
        seeds: trials of one seed share examples, initialisation and data order.
        device: what to train on.
        labels: what is done to the data, one of `LABELS`: nothing; each label drawn anew; one shuffle of the pixels
            for all examples; a shuffle for each example; Gaussian noise with the data's mean and deviation as inputs.
        lr: rate at the first step, falling along a cosine.
        model: one of `models.MODELS`; the linear classifier is the control that lacks the capacity.
        dataset: which data set.
        examples: size of the training subset.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        epochs: of training.
        minibatch: examples a step.

    Returns:
        Curves by `epoch`: mean training loss since the last point, error on the training subset.  Numbers: test error
        (inputs treated as in training, labels real), and the epochs until the training error was down to 0.1 % and to
        one half, interpolated between points; `epochs` where it never was.

    Raises:
        ValueError: an unknown kind of data, or of model.
    """
    one_of("labels", labels, LABELS)
    source = data.load(dataset)
    real = {seed: _subset(source, seed, examples) for seed in seeds}
    streams = [stream(seed, "inputs") for seed in seeds]

    def seen(r: int, split: Split) -> Split:
        """What replica r sees in place of `split`."""
        return split._replace(inputs=_inputs(labels[r], split.inputs, seeds[r], streams[r], source.shape[0]))

    labelled = [_labels(real[seed], kind, seed, source.classes) for seed, kind in zip(seeds, labels, strict=True)]
    train = Examples.apart([seen(r, split) for r, split in enumerate(labelled)]).to(device)

    ensemble = Ensemble.of(lambda: models.named(model, source.shape, source.classes, width=width), seeds, device)
    training = Training(ensemble, train, seeds, minibatch=minibatch)
    steps = max(1, round(epochs * examples / minibatch))
    points = follow(training, [schedules.cosine(rate, steps) for rate in lr], POINTS, {"train_error": train})
    results = []
    for r, each in enumerate(points):  # one by one, since the test inputs of all replicas together may not fit
        test = Examples.same(seen(r, source.test), 1).to(device)
        test_error = float(evaluate(ensemble.take([r]), test).error)
        results.append(_result(columns(each, minibatch / examples), test_error, epochs, source.sha256))
    return results


def _subset(source: data.Dataset, seed: int, examples: int) -> Split:
    rows = source.subset(seed, examples)
    return Split(source.train.inputs[rows], source.train.labels[rows])


def _labels(train: Split, kind: str, seed: int, classes: int) -> Split:
    """The training subset with its labels drawn anew, where that is what is done to the data."""
    if kind != "random":
        return train
    return train._replace(labels=corruption.random_labels(train.labels, classes, 1.0, stream(seed, "labels")))


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
