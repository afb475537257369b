"""Fitting random labels and noise (Zhang et al. 2017, arXiv 1611.03530, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import nn

from verify.lab import corruption, data, models, schedules
from verify.lab.checks import one_of
from verify.lab.curves import columns, follow
from verify.lab.data import Split
from verify.lab.declare import experiment
from verify.lab.ensemble import Ensemble, Training, evaluate
from verify.lab.examples import Examples
from verify.lab.randomness import stream

LABELS = ("real", "random", "shuffled-pixels", "random-pixels", "gaussian")
MODELS = ("mlp", "linear")
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
        model: one of `MODELS`; the linear classifier is the control that lacks the capacity.
        dataset: which data set.
        examples: size of the training subset.
        width: of both hidden layers.
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
    one_of("model", [model], MODELS)
    source = data.load(dataset)

    def build() -> nn.Module:
        if model == "linear":
            return models.linear(source.features, source.classes)
        return models.mlp(source.features, source.classes, width=width)

    seen = [_corrupted(source, kind, seed, examples) for kind, seed in zip(labels, seeds, strict=True)]
    train, test = (Examples.apart(splits).to(device) for splits in zip(*seen, strict=True))

    ensemble = Ensemble.of(build, seeds, device)
    training = Training(ensemble, train, seeds, minibatch=minibatch)
    steps = max(1, round(epochs * examples / minibatch))
    points = follow(training, [schedules.cosine(rate, steps) for rate in lr], POINTS, {"train_error": train})
    test_error = evaluate(ensemble, test).error
    return [
        _result(columns(each, minibatch / examples), float(error), epochs, source.sha256)
        for each, error in zip(points, test_error, strict=True)
    ]


def _corrupted(source: data.Dataset, kind: str, seed: int, examples: int) -> tuple[Split, Split]:
    """A trial's training subset and test split."""
    rows = source.subset(seed, examples)
    train, test = Split(source.train.inputs[rows], source.train.labels[rows]), source.test
    if kind == "random":
        drawn = corruption.random_labels(train.labels, source.classes, 1.0, stream(seed, "labels"))
        return train._replace(labels=drawn), test
    if kind == "shuffled-pixels":  # the stream begins anew for the test split, which so gets the same shuffle
        shuffled = [corruption.shuffled_pixels(each.inputs, stream(seed, "pixels")) for each in (train, test)]
        return train._replace(inputs=shuffled[0]), test._replace(inputs=shuffled[1])
    if kind == "real":
        return train, test
    corrupt = corruption.random_pixels if kind == "random-pixels" else corruption.gaussian
    drawn_for = stream(seed, "inputs")
    noisy = [corrupt(each.inputs, drawn_for) for each in (train, test)]
    return train._replace(inputs=noisy[0]), test._replace(inputs=noisy[1])


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
