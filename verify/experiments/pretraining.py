"""Pretraining on some classes, transfer to others (Sun et al. 2017, arXiv 1707.02968)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from verify.lab import data, models, schedules
from verify.lab.checks import one_of
from verify.lab.data import Dataset
from verify.lab.declare import experiment
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples, relabelled
from verify.lab.optimizers import SGD
from verify.lab.randomness import stream
from verify.lab.training import Training

STARTS = ("pretrained", "untrained")
TRANSFERS = ("fine-tuned", "frozen")
LABELS = ("fine", "merged")
TARGETS = 3
"""Classes that are left out of pretraining, and transferred to."""
GROUPS = 2
"""What merged labels leave of the other classes."""


@experiment(
    batch_axes=("examples", "start", "transfer", "pretrain_lr", "lr"),
    values=("test_error", "validation_error", "train_error", "pretrain_validation_error"),
    diverged={
        "test_error": 0.666667,
        "validation_error": 0.666667,
        "train_error": 0.666667,
        "pretrain_validation_error": 0.857143,
    },
    batch=40,
    time_limit=60,
)
def pretraining(
    seeds: list[int],
    device: str,
    *,
    examples: list[int],
    start: list[str],
    transfer: list[str],
    pretrain_lr: list[float],
    lr: list[float],
    labels: str = "fine",
    model: str = "mlp",
    dataset: str = "mnist1d",
    width: int = 128,
    minibatch: int = 64,
    pretrain_steps: int = 1000,
    shots: int = 30,
    transfer_minibatch: int = 16,
    transfer_steps: int = 200,
    weight_decay: float = 5e-4,
) -> list[dict[str, object]]:
    """Pretrain a network on all classes but three, then train it on a few labels of those three.

    The seed draws which three. The transferred network gets a fresh last layer with three outputs.

    Args:
        seeds: trials of one seed share classes, examples, initialisation and data order; a smaller pretraining set is
            part of a larger one, and the same pretraining is made once for all trials that share it.
        device: what to train on.
        examples: examples of the other classes to pretrain on.
        start: `pretrained`, or `untrained`, where the network is transferred as it was initialised.
        transfer: `fine-tuned`, which trains all layers, or `frozen`, which trains the last alone. Batch normalisation
            goes on to normalise by the minibatch, and to move its running statistics; its γ and β freeze.
        pretrain_lr: rate at the first step of pretraining, falling along a cosine.
        lr: the same for the transfer.
        labels: of pretraining: `fine`, one a class, or `merged`, each class in one of two groups drawn by the seed.
        model: one of `models.MODELS`.
        dataset: which data set.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        minibatch: examples a step of pretraining.
        pretrain_steps: the same however many examples there are.
        shots: labelled examples of the three classes, together.
        transfer_minibatch: examples a step of the transfer.
        transfer_steps: of the transfer.
        weight_decay: in pretraining; the transfer has none, since it would move frozen weights.

    Returns:
        After the transfer, errors on the three classes in the test and validation splits and on the labelled examples;
        after pretraining, the error on the other classes in the validation split, by the labels pretrained on.

    Raises:
        ValueError: an unknown start, transfer, kind of labels or model, or too few examples of the classes.
    """
    one_of("start", start, STARTS)
    one_of("transfer", transfer, TRANSFERS)
    one_of("labels", [labels], LABELS)
    source = data.load(dataset, seeds).to(device)
    tasks = {seed: _Task.drawn(source, seed, merge=labels == "merged") for seed in seeds}

    def build(classes: int) -> Callable[[], nn.Module]:
        return lambda: models.named(model, source.shape, classes, width=width)

    asked = [_Pretraining(*each) for each in zip(seeds, examples, start, pretrain_lr, strict=True)]
    distinct = list(dict.fromkeys(asked))
    own = [each.seed for each in distinct]
    before = [tasks[seed].pretraining for seed in own]
    pretrained = Ensemble.of(build(int(before[0].max()) + 1), own, device)
    train = _subset(source, own, before, [each.examples for each in distinct])
    training = Training(pretrained, train, own, minibatch=minibatch, optimizer=SGD(0.9, weight_decay))
    training.run([schedules.cosine(each.lr, pretrain_steps * (each.start == "pretrained")) for each in distinct])
    pretrain_errors = evaluate(pretrained, _whole(source, source.validation, own, before)).error

    rows = [distinct.index(each) for each in asked]
    after = [tasks[seed].target for seed in seeds]
    ensemble = transferred(pretrained.take(rows), build(TARGETS), seeds, device)
    few = _subset(source, seeds, after, [shots] * len(seeds))
    mask = last_layer_only(ensemble, [each == "frozen" for each in transfer])
    training = Training(ensemble, few, seeds, minibatch=transfer_minibatch, optimizer=SGD(0.9), mask=mask, phase=1)
    training.run([schedules.cosine(rate, transfer_steps) for rate in lr])

    test, validation = (_whole(source, split, seeds, after) for split in (source.test, source.validation))
    errors = {
        "test_error": evaluate(ensemble, test).error,
        "validation_error": evaluate(ensemble, validation).error,
        "train_error": evaluate(ensemble, few).error,
        "pretrain_validation_error": pretrain_errors[rows],
    }
    return [
        {**{name: float(each[r]) for name, each in errors.items()}, "data": source.sha256[seed]}
        for r, seed in enumerate(seeds)
    ]


class _Pretraining(NamedTuple):
    """All that decides a pretrained network within a batch."""

    seed: int
    examples: int
    start: str
    lr: float


class _Task(NamedTuple):
    """New labels of the classes, (classes,) each; -1 where a class is left out."""

    pretraining: Tensor
    target: Tensor

    @classmethod
    def drawn(cls, source: Dataset, seed: int, *, merge: bool) -> _Task:
        """The classes in an order drawn by the seed: the first are transferred to."""
        order = torch.randperm(source.classes, generator=stream(seed, "classes"))
        pretraining, target = torch.full((2, source.classes), -1)
        others = torch.arange(source.classes - TARGETS)
        pretraining[order[TARGETS:]] = others % GROUPS if merge else others
        target[order[:TARGETS]] = torch.arange(TARGETS)
        return cls(pretraining, target)


def _subset(source: Dataset, seeds: Sequence[int], names: Sequence[Tensor], sizes: Sequence[int]) -> Examples:
    """For each replica, the first of its seed's training examples of its named classes."""
    rows, labels = [], []
    for seed, named, size in zip(seeds, names, sizes, strict=True):
        found, new = relabelled(source.labels, source.train[seed], named)
        if not 1 <= size <= len(found):
            raise ValueError(f"{source.name} has 1 to {len(found)} training examples of these classes, not {size}")
        rows.append(found[:size])
        labels.append(new[:size])
    return Examples.of(source.inputs, rows, labels)


def _whole(source: Dataset, split: Mapping[int, Tensor], seeds: Sequence[int], names: Sequence[Tensor]) -> Examples:
    """For each replica, all examples of its named classes in a split of its seed."""
    found = [relabelled(source.labels, split[seed], named) for seed, named in zip(seeds, names, strict=True)]
    return Examples.of(source.inputs, [rows for rows, _ in found], [labels for _, labels in found])


def transferred(pretrained: Ensemble, build: Callable[[], nn.Module], seeds: Sequence[int], device: str) -> Ensemble:
    """The networks with a fresh last layer: `build` makes one of its size, and a stream of the seed its weights."""
    # Not the seed itself: it would give the layer the values that the pretrained one started from.
    fresh = [int(torch.randint(2**62, (), generator=stream(seed, "last layer"))) for seed in seeds]
    ensemble = Ensemble.of(build, fresh, device)
    learnt = pretrained.views(pretrained.weights)
    for name, weights in _body(ensemble, ensemble.weights).items():
        weights.copy_(learnt[name])
    ensemble.buffers = pretrained.buffers
    return ensemble


def last_layer_only(ensemble: Ensemble, frozen: Sequence[bool]) -> Tensor:
    """A mask (R, parameters of one network) that leaves of each `frozen` replica the last layer to be trained."""
    mask = torch.ones_like(ensemble.weights)
    for kept in _body(ensemble, mask).values():
        kept[torch.tensor(frozen, device=kept.device)] = 0
    return mask


def _body(ensemble: Ensemble, rows: Tensor) -> dict[str, Tensor]:
    """Rows laid out as the ensemble's weights are, as parameters of all layers but the last; shares memory."""
    last = list(ensemble.template.named_children())[-1][0]
    return {name: each for name, each in ensemble.views(rows).items() if not name.startswith(f"{last}.")}
