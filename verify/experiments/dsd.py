"""DSD: dense-sparse-dense training (Han et al. 2017, arXiv 1607.04381)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from verify.lab import data, models, schedules
from verify.lab.checks import one_of
from verify.lab.curves import Point, columns, follow
from verify.lab.declare import experiment
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples, draw
from verify.lab.optimizers import SGD, AdamW, Optimizer
from verify.lab.pruning import cut_magnitudes, magnitude_mask, random_mask
from verify.lab.training import Training

ARMS = ("dsd", "ddd", "random-mask", "baseline")
STAGES = ("dense", "pruned", "sparse", "re-dense")
OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = {"cosine": schedules.cosine, "constant": schedules.constant}
POINTS = 4
"""Points of a curve in each phase."""
EDGE, BINS = 4.0, 32
"""Of a histogram: from -EDGE to EDGE times the magnitude at which a layer is cut."""


@experiment(
    batch_axes=("arm", "lr", "sparsity"),
    values=(
        "epoch",
        "train_loss",
        "train_error",
        "test_error",
        "validation_error",
        "final_loss",
        "sparse_test_error",
        "sparse_loss",
        "cut",
    ),
    diverged={
        "train_loss": 2.302585,
        "train_error": 0.9,
        "test_error": 0.9,
        "validation_error": 0.9,
        "final_loss": 2.302585,
        "sparse_test_error": 0.9,
        "sparse_loss": 2.302585,
    },
    batch=30,
    time_limit=60,
)
def dsd(
    seeds: list[int],
    device: str,
    *,
    arm: list[str],
    lr: list[float],
    sparsity: list[float],
    cycles: int = 1,
    sparse_rate: float = 0.1,
    last_rate: float = 0.01,
    schedule: str = "cosine",
    model: str = "mlp",
    dataset: str = "mnist1d",
    examples: int = 4000,
    width: int = 128,
    epochs: float = 30,
    retrain_epochs: float = 15,
    minibatch: int = 64,
    optimizer: str = "sgd",
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    dropout: float = 0.0,
) -> list[dict[str, object]]:
    """Train a network through dense, sparse and dense phases, or through what a control does in their place.

    The first phase is dense.  Then `dsd` keeps the largest weights of each layer but the first, retrains under that
    mask, drops it and retrains again; the cut weights begin the last phase at zero.  `ddd` makes the same steps without
    a mask, `random-mask` with one of as many weights drawn at random, and `baseline` stops after the first phase.

    Args:
        seeds: arms of one seed share examples, initialisation, data order, and so the first phase's result.
        device: what to train on.
        arm: one of `ARMS`.
        lr: rate at which the first phase begins.
        sparsity: fraction of the weights of a layer that a mask cuts.
        cycles: how often a sparse and a dense phase follow the first phase; each sparse phase has a mask of its own.
        sparse_rate: rate at which a sparse phase begins, over that of the first phase: 0.1 in the paper's tables of
            ResNets.
        last_rate: rate at which a dense phase after a sparse one begins, over that of the first phase: 0.01 in the
            paper's tables of ResNets, 0.1 in its text.
        schedule: of the rate within each phase: one of `SCHEDULES`.
        model: one of `models.MODELS`.
        dataset: which data set.
        examples: size of the training subset.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        epochs: of the first phase.
        retrain_epochs: of each phase after it.
        minibatch: examples a step.
        optimizer: one of `OPTIMIZERS`: SGD with momentum, or AdamW with PyTorch's betas.
        momentum: of SGD.
        weight_decay: the same in all phases: for SGD an L2 penalty, for AdamW decoupled.
        dropout: fraction of the hidden units, or channels' outputs, that is dropped at each step of all phases.

    Returns:
        Curves by `epoch`: mean training loss since the last point, test error.  Numbers: error on the training subset
        and the validation split, and loss on the training subset, at the end; `sparse_test_error` and `sparse_loss`,
        test error and loss on the training subset after the first sparse phase, or what stands in its place; `cut`, the
        fraction of all parameters that the last mask cut.

    Raises:
        ValueError: an unknown arm, schedule, optimizer or model.
    """
    one_of("arm", arm, ARMS)
    one_of("optimizer", [optimizer], OPTIMIZERS)
    one_of("schedule", [schedule], tuple(SCHEDULES))
    source = data.load(dataset, seeds)
    train, validation, test = draw(source, seeds, [examples] * len(seeds), device)
    ensemble = Ensemble.of(lambda: models.named(model, source.shape, source.classes, width=width), seeds, device)
    rule = SGD(momentum, weight_decay) if optimizer == "sgd" else AdamW(weight_decay=weight_decay)
    recipe = _Recipe(train, seeds, lr, minibatch, rule, dropout, schedule, {"test_error": test})
    ensemble, points = recipe.first(ensemble, epochs)

    lengths = [0 if each == "baseline" else retrain_epochs for each in arm]
    mask, sparse = torch.ones_like(ensemble.weights), list[Tensor]()
    for phase in range(1, 2 * cycles, 2):
        mask = _mask(ensemble, arm, sparsity, seeds)
        more = recipe.run(ensemble, phase, sparse_rate, lengths, mask)
        sparse = sparse or [evaluate(ensemble, train).loss, evaluate(ensemble, test).error]
        again = recipe.run(ensemble, phase + 1, last_rate, lengths)
        points = [[*each, *here, *there] for each, here, there in zip(points, more, again, strict=True)]

    final, errors, cut = evaluate(ensemble, train), evaluate(ensemble, validation).error, 1 - mask.mean(1)
    return [
        {
            **columns(points[r], minibatch / examples),
            "train_error": float(final.error[r]),
            "validation_error": float(errors[r]),
            "final_loss": float(final.loss[r]),
            "sparse_loss": float(sparse[0][r]),
            "sparse_test_error": float(sparse[1][r]),
            "cut": float(cut[r]),
            "data": source.sha256[seed],
        }
        for r, seed in enumerate(seeds)
    ]


@experiment(
    batch_axes=("arm", "stage", "lr"),
    values=("weight", "density", "near_zero", "cut_over_kept"),
    batch=40,
    time_limit=60,
)
def dsd_weights(
    seeds: list[int],
    device: str,
    *,
    arm: list[str],
    stage: list[str],
    lr: list[float],
    sparsity: float = 0.3,
    sparse_rate: float = 0.1,
    last_rate: float = 0.01,
    model: str = "mlp",
    dataset: str = "mnist1d",
    examples: int = 4000,
    width: int = 128,
    epochs: float = 30,
    retrain_epochs: float = 15,
    minibatch: int = 64,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
) -> list[dict[str, object]]:
    """Train as `dsd` does up to a stage of the cycle, and describe the weights there.

    All weights of the layers that are pruned count, each in multiples of the magnitude at which its layer is cut.

    Args:
        seeds: as of `dsd`.
        device: what to train on.
        arm: one of `ARMS` but the baseline.  In `ddd`, which cuts nothing, as many weights drawn at random stand for
            the cut ones.
        stage: where to look, one of `STAGES`: after the first phase, right after the cut, after the sparse phase, or
            after the last.
        lr: as of `dsd`, and so are the others.
        sparsity: fraction of the weights of a layer that a mask cuts.
        sparse_rate: as of `dsd`.
        last_rate: as of `dsd`.
        model: one of `models.MODELS`.
        dataset: which data set.
        examples: size of the training subset.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        epochs: of the first phase.
        retrain_epochs: of the sparse phase, and again of the last.
        minibatch: examples a step.
        momentum: of SGD.
        weight_decay: the same in all phases.

    Returns:
        Curves: centres `weight` of the histogram's bins and the `density` there, of the weights that are not cut at
        this stage over all weights.  Numbers: `near_zero`, the share of the uncut weights below half the magnitude of
        the cut, over that share before it; `cut_over_kept`, mean magnitude of the weights that are cut over that of the
        kept, whatever the stage.

    Raises:
        ValueError: an unknown arm, stage or model, or a sparsity that cuts nothing.
    """
    one_of("arm", arm, ARMS[:3])
    one_of("stage", stage, STAGES)
    source = data.load(dataset, seeds)
    train = draw(source, seeds, [examples] * len(seeds), device).train
    ensemble = Ensemble.of(lambda: models.named(model, source.shape, source.classes, width=width), seeds, device)
    recipe = _Recipe(train, seeds, lr, minibatch, SGD(momentum, weight_decay), 0.0, "cosine", {})
    ensemble, _ = recipe.first(ensemble, epochs)

    shares = [sparsity] * len(seeds)
    magnitudes, before = cut_magnitudes(ensemble, shares), ensemble.weights.clone()
    pruned = magnitudes[0] > 0  # the layers that are pruned, the same in every replica
    if not pruned.any():
        raise ValueError(f"a sparsity of {sparsity} cuts nothing")
    masks = _mask(ensemble, arm, shares, seeds)
    # In `ddd` the weights that count as cut are those that `random-mask` would cut.
    set_apart = torch.where(_are(arm, "ddd", like=masks), random_mask(ensemble, shares, seeds), masks)
    lengths = [retrain_epochs if each in ("sparse", "re-dense") else 0 for each in stage]
    recipe.run(ensemble, 1, sparse_rate, lengths, torch.where(_are(stage, "dense", like=masks), 1, masks))
    lengths = [retrain_epochs if each == "re-dense" else 0 for each in stage]
    recipe.run(ensemble, 2, last_rate, lengths)

    present = torch.where(_are(stage, "pruned", "sparse", like=masks), masks, 1)
    scaled = [(each[:, pruned] / magnitudes[:, pruned]).cpu() for each in (ensemble.weights, before)]
    chosen = [each[:, pruned].bool().cpu() for each in (present, set_apart)]
    described = zip(*scaled, *chosen, strict=True)
    return [{**_describe(*each), "data": source.sha256[seed]} for seed, each in zip(seeds, described, strict=True)]


def _describe(weights: Tensor, before: Tensor, present: Tensor, kept: Tensor) -> dict[str, object]:
    """What `dsd_weights` returns of one replica: of scaled weights (W,), which are `present` and which are `kept`."""
    counts = torch.histc(weights[present], BINS, -EDGE, EDGE)
    bin_width = 2 * EDGE / BINS
    near, nearby = ((each.abs() < 0.5).double().mean() for each in (weights[present], before))
    return {
        "weight": [-EDGE + (place + 0.5) * bin_width for place in range(BINS)],
        "density": (counts / (len(weights) * bin_width)).tolist(),
        "near_zero": float(near / nearby),
        "cut_over_kept": float(weights[~kept].abs().mean() / weights[kept].abs().mean()),
    }


def _are(names: Sequence[str], *wanted: str, like: Tensor) -> Tensor:
    """Which of the names are `wanted`, as a column beside a tensor: (R, 1)."""
    return torch.tensor([name in wanted for name in names], device=like.device).unsqueeze(1)


class _Recipe(NamedTuple):
    """What all phases of a batch have in common; lists have one value a replica."""

    train: Examples
    seeds: list[int]
    lr: list[float]
    minibatch: int
    optimizer: Optimizer
    dropout: float
    schedule: str
    watched: Mapping[str, Examples]

    def first(self, ensemble: Ensemble, epochs: float) -> tuple[Ensemble, list[list[Point]]]:
        """The first phase, and its curves.  Replicas that share seed and rate share it: one trains for all of them."""
        pairs = list(zip(self.seeds, self.lr, strict=True))
        trained = [pairs.index(pair) for pair in pairs]
        points = self.run(ensemble, 0, 1, [epochs if place == r else 0 for r, place in enumerate(trained)])
        return ensemble.take(trained), [points[place] for place in trained]

    def run(
        self, ensemble: Ensemble, phase: int, factor: float, epochs: Sequence[float], mask: Tensor | None = None
    ) -> list[list[Point]]:
        """A phase at `factor` of each `lr`, for so many `epochs`, 0 for a replica that rests; its curves.

        A mask cuts when the phase begins.
        """
        if mask is not None:
            ensemble.weights *= mask
        rates = []
        for rate, length, size in zip(self.lr, epochs, self.train.sizes, strict=True):
            steps = max(1, round(length * size / self.minibatch)) if length else 0
            rates.append(SCHEDULES[self.schedule](factor * rate, steps))
        training = Training(
            ensemble,
            self.train,
            self.seeds,
            minibatch=self.minibatch,
            optimizer=self.optimizer,
            dropout=self.dropout,
            mask=mask,
            phase=phase,
        )
        return follow(training, rates, POINTS, self.watched)


def _mask(ensemble: Ensemble, arms: list[str], sparsity: list[float], seeds: list[int]) -> Tensor:
    """What each arm keeps in a sparse phase: (R, parameters of one network).  What is random is so by seed alone."""
    shares = [share if arm in ("dsd", "random-mask") else 0.0 for arm, share in zip(arms, sparsity, strict=True)]
    drawn = _are(arms, "random-mask", like=ensemble.weights)
    return torch.where(drawn, random_mask(ensemble, shares, seeds), magnitude_mask(ensemble, shares))
