"""Error against the amount of data (Sun et al. 2017, arXiv 1707.02968)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from verify.lab import data, models, schedules
from verify.lab.checks import one_of
from verify.lab.data import Dataset
from verify.lab.declare import experiment
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples, draw
from verify.lab.optimizers import SGD
from verify.lab.randomness import stream
from verify.lab.training import Training

BUDGETS = ("fixed-steps", "fixed-epochs")


@experiment(
    batch_axes=("examples", "budget", "noise", "lr"),
    values=("train_error", "test_error", "test_loss", "validation_error"),
    diverged={"train_error": 0.9, "test_error": 0.9, "test_loss": 2.302585, "validation_error": 0.9},
    batch=30,
    time_limit=60,
)
def data_scaling(
    seeds: list[int],
    device: str,
    *,
    examples: list[int],
    budget: list[str],
    lr: list[float],
    noise: list[float],
    width: int,
    model: str = "mlp",
    dataset: str = "mnist1d",
    minibatch: int = 64,
    steps: int = 2000,
    epochs: float = 12.8,
    weight_decay: float = 5e-4,
) -> list[dict[str, object]]:
    """Train a network on subsets of different size.

    Args:
        seeds: trials of one seed share initialisation, and the smaller subset is part of the larger.
        device: what to train on.
        examples: size of the training subset.
        budget: `fixed-steps`, the same number of steps for every size, or `fixed-epochs`, as in the paper: each
            example is seen equally often, so that steps shrink with the data.
        lr: rate at the first step, falling along a cosine.
        noise: share of the training labels that are wrong, each of the other classes alike; those of a smaller share
            are wrong under a larger one too. Validation and test labels stay right.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        model: one of `models.MODELS`.
        dataset: which data set.
        minibatch: examples a step.
        steps: of `fixed-steps`.
        epochs: of `fixed-epochs`.
        weight_decay: the same for all.

    Returns:
        Error and loss on the test split, errors on the validation split and on the training subset, by the labels
        that were trained on.

    Raises:
        ValueError: an unknown budget, or model, or a share of wrong labels not within 0 and 1.
    """
    one_of("budget", budget, BUDGETS)
    source = data.load(dataset, seeds)
    train, validation, test = draw(source, seeds, examples, device)
    train = _noisy(train, source, seeds, noise)
    lengths = [
        steps if each == "fixed-steps" else max(1, round(epochs * count / minibatch))
        for each, count in zip(budget, examples, strict=True)
    ]
    ensemble = Ensemble.of(lambda: models.named(model, source.shape, source.classes, width=width), seeds, device)
    training = Training(ensemble, train, seeds, minibatch=minibatch, optimizer=SGD(0.9, weight_decay))
    training.run([schedules.cosine(rate, length) for rate, length in zip(lr, lengths, strict=True)])

    tested = evaluate(ensemble, test)
    train_errors, validation_errors = (evaluate(ensemble, each).error for each in (train, validation))
    return [
        {
            "train_error": float(train_errors[r]),
            "test_error": float(tested.error[r]),
            "test_loss": float(tested.loss[r]),
            "validation_error": float(validation_errors[r]),
            "data": source.sha256[seed],
        }
        for r, seed in enumerate(seeds)
    ]


def _noisy(train: Examples, source: Dataset, seeds: Sequence[int], noise: Sequence[float]) -> Examples:
    """Training examples, of which each replica has its share mislabelled."""
    given = [
        wrong_labels(source.labels[source.train[seed]], source.classes, share, stream(seed, "wrong labels"))
        for seed, share in zip(seeds, noise, strict=True)
    ]
    # Drawn for all that the seed has, so that a smaller subset is part of a larger one, mistakes included.
    subsets = torch.stack([each[: train.rows.shape[1]] for each in given])
    return train._replace(labels=subsets.to(train.rows.device))


def wrong_labels(labels: Tensor, classes: int, share: float, generator: Generator) -> Tensor:
    """Labels (n,) of which each is, with probability `share`, one of the other classes, all of them equally likely.

    Unlike labels that are drawn anew from all classes, a share p changes a share p of them.

    Raises:
        ValueError: `share` is not within 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of wrong labels lies within 0 and 1, not {share}")
    wrong = torch.rand(len(labels), generator=generator) < share
    others = (labels + torch.randint(1, classes, labels.shape, generator=generator)) % classes
    return torch.where(wrong, others, labels)
