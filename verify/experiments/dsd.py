"""DSD: dense-sparse-dense training (Han et al. 2017, arXiv 1607.04381)."""

from __future__ import annotations

import torch
from torch import Tensor

from verify.lab import data, models, schedules
from verify.lab.checks import one_of
from verify.lab.curves import Point, columns, follow
from verify.lab.declare import experiment
from verify.lab.ensemble import Ensemble, Training, evaluate
from verify.lab.examples import draw
from verify.lab.pruning import magnitude_mask, random_mask

ARMS = ("dsd", "ddd", "random-mask", "baseline")
RATES = (1.0, 0.1, 0.01)
"""Each phase's learning rate over that of the first: the paper's ResNet tables."""
SPARSE = 1
"""The phase under the mask."""
POINTS = 10
"""Points of a curve in each phase."""


@experiment(
    rides=("arm", "lr", "sparsity"),
    values=("epoch", "train_loss", "train_error", "test_error", "validation_error", "cut"),
    diverged={"train_loss": 2.302585, "train_error": 0.9, "test_error": 0.9, "validation_error": 0.9},
    batch=20,
    time_limit=60,
)
def dsd(
    seeds: list[int],
    device: str,
    *,
    arm: list[str],
    lr: list[float],
    sparsity: list[float],
    model: str = "mlp",
    dataset: str = "mnist1d",
    examples: int = 4000,
    width: int = 128,
    epochs: float = 30,
    retrain_epochs: float = 15,
    minibatch: int = 64,
    weight_decay: float = 5e-4,
) -> list[dict[str, object]]:
    """Train a network through three phases, or through what a control does in their place.

    The first phase is dense.  Then `dsd` keeps the largest weights of each layer but the first, retrains under that
    mask, drops it and retrains again; the cut weights begin the last phase at zero.  `ddd` makes the same steps without
    a mask, `random-mask` with one of as many weights drawn at random, and `baseline` stops after the first phase.

    Args:
        seeds: arms of one seed share examples, initialisation, data order, and so the first phase's result.
        device: what to train on.
        arm: one of `ARMS`.
        lr: rate at which the first phase begins; within a phase it falls along a cosine.
        sparsity: share of the weights of a layer that a mask cuts.
        model: one of `models.MODELS`.
        dataset: which data set.
        examples: size of the training subset.
        width: of an MLP's hidden layers, or channels of a convolutional net's first.
        epochs: of the first phase.
        retrain_epochs: of the second, and again of the third.
        minibatch: examples a step.
        weight_decay: the same in all phases.

    Returns:
        Curves by `epoch`: mean training loss since the last point, test error.  Numbers: error on the training subset
        and the validation split, and `cut`, the share of all parameters that were cut.

    Raises:
        ValueError: an unknown arm, or model.
    """
    one_of("arm", arm, ARMS)
    source = data.load(dataset)
    train, validation, test = draw(source, seeds, [examples] * len(seeds), device)
    ensemble = Ensemble.of(lambda: models.named(model, source.shape, source.classes, width=width), seeds, device)
    lengths = [max(1, round(each * examples / minibatch)) for each in (epochs, retrain_epochs, retrain_epochs)]

    points: list[list[Point]] = [[] for _ in seeds]
    cut = torch.zeros(len(seeds))
    for phase, (steps, factor) in enumerate(zip(lengths, RATES, strict=True)):
        mask = None
        if phase == SPARSE:
            mask = _mask(ensemble, arm, sparsity, seeds)
            ensemble.weights *= mask
            cut = 1 - mask.mean(1)
        training = Training(
            ensemble, train, seeds, minibatch=minibatch, weight_decay=weight_decay, mask=mask, phase=phase
        )
        goes = [phase == 0 or each != "baseline" for each in arm]
        rates = [schedules.cosine(factor * rate, steps if go else 0) for rate, go in zip(lr, goes, strict=True)]
        for history, more in zip(points, follow(training, rates, POINTS, {"test_error": test}), strict=True):
            history += more

    train_errors, validation_errors = (evaluate(ensemble, each).error for each in (train, validation))
    return [
        {
            **columns(points[r], minibatch / examples),
            "train_error": float(train_errors[r]),
            "validation_error": float(validation_errors[r]),
            "cut": float(cut[r]),
            "data": source.sha256,
        }
        for r in range(len(seeds))
    ]


def _mask(ensemble: Ensemble, arms: list[str], sparsity: list[float], seeds: list[int]) -> Tensor:
    """What each arm keeps in the second phase: (R, parameters of one network)."""
    shares = [share if arm in ("dsd", "random-mask") else 0.0 for arm, share in zip(arms, sparsity, strict=True)]
    drawn = torch.tensor([arm == "random-mask" for arm in arms], device=ensemble.weights.device).unsqueeze(1)
    return torch.where(drawn, random_mask(ensemble, shares, seeds), magnitude_mask(ensemble, shares))
