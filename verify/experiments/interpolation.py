"""Interpolation without training tricks (Zhang et al. 2017, arXiv 1611.03530, sections 4 and 5, appendix C).

Two-layer networks that are constructed, kernel machines that are solved, and linear models whose solution is known.
All is computed in float64 on the CPU, whatever the device, since exactness is what is tested.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from verify.lab import corruption, data
from verify.lab.checks import one_of
from verify.lab.declare import experiment
from verify.lab.randomness import stream

CONSTRUCTIONS = ("whole", "one-unit-fewer")
STARTS = ("zero", "random")
BLOCK = 500
"""Examples taken through a constructed network, or compared with by a kernel, at once: a matrix of 500 × 10,000."""


@experiment(values=("largest_error", "weights"), time_limit=60)
def represent(
    seed: int, device: str, *, examples: int, construction: str = "whole", dataset: str = "mnist1d"
) -> dict[str, object]:
    """Construct, without training, a two-layer ReLU network that gives random labels to real inputs (theorem 1).

    Args:
        seed: decides examples, labels and the direction that they are projected on.
        device: is not used.
        examples: n, how many examples it must represent.
        construction: `whole`, or without the hidden unit in the middle: then one pair of weights is missing.
        dataset: where the inputs are from.

    Returns:
        Largest distance of an output from its label, a whole number from 0 to classes - 1, and how many weights the
        network has.

    Raises:
        ValueError: an unknown construction, or inputs of which two fall on one point.
    """
    del device
    one_of("construction", [construction], CONSTRUCTIONS)
    source = data.load(dataset, [seed])
    inputs, _ = _subset(source, seed, examples)
    targets = torch.randint(source.classes, (examples,), generator=stream(seed, "labels")).double()
    direction = torch.randn(source.features, generator=stream(seed, "direction"), dtype=torch.float64)
    biases, weights = construct(inputs @ direction, targets)
    if construction == "one-unit-fewer":
        kept = torch.arange(examples) != examples // 2
        biases, weights = biases[kept], weights[kept]
    outputs = torch.cat([network(block, direction, biases, weights) for block in torch.split(inputs, BLOCK)])
    return {
        "largest_error": float((outputs - targets).abs().max()),
        "weights": float(len(direction) + len(biases) + len(weights)),
        "data": source.sha256[seed],
    }


def network(inputs: Tensor, direction: Tensor, biases: Tensor, weights: Tensor) -> Tensor:
    """Outputs (n,) of a two-layer network whose hidden units share a direction: Σ_j w_j max(a·x - b_j, 0)."""
    return ((inputs @ direction)[:, None] - biases).clamp_(min=0) @ weights


def construct(projections: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Biases b and output weights w, both (n,), with Σ_j w_j max(z_i - b_j, 0) = y_i for all i.

    With projections z sorted and a bias in each gap, b_1 < z_1 < b_2 < z_2 < …, the matrix of max(z_i - b_j, 0) is
    lower triangular with a positive diagonal (lemma 1 in appendix C).  It need not be formed, which would take 800 MB
    for n = 10,000: the output is linear between biases, so its slope s_j beyond b_j follows from the slope before, and
    w_j = s_j - s_(j-1).  Biases stand at the beginning of their gaps, so that a steep slope is soon left behind.

    Raises:
        ValueError: two projections are equal.
    """
    z, order = projections.sort()
    y = targets[order]
    gaps = z.diff(prepend=z[:1] - 1)
    if not (gaps > 0).all():
        raise ValueError("two examples fall on one point, and cannot be told apart")
    biases = z - 0.99 * gaps
    slope, level, slopes = 0.0, 0.0, []
    for y_j, before, after in zip(y.tolist(), (biases - (z - gaps)).tolist(), (z - biases).tolist(), strict=True):
        slope = (y_j - level - slope * before) / after
        level = y_j
        slopes.append(slope)
    return biases, torch.tensor(slopes, dtype=torch.float64).diff(prepend=torch.zeros(1, dtype=torch.float64))


@experiment(values=("train_error", "residual", "validation_error", "test_error"), time_limit=60)
def kernel_machine(
    seed: int,
    device: str,
    *,
    bandwidth: float,
    ridge: float,
    regularised: str = "ridge",
    labels: str = "real",
    dataset: str = "mnist1d",
    examples: int = 1000,
) -> dict[str, object]:
    """Ridge regression on one-hot labels with a Gaussian kernel; without a ridge it interpolates (section 5).

    Args:
        seed: decides the training subset.
        device: is not used.
        bandwidth: h in the kernel exp(-|x - x'|² / (2 h² d)), d being the number of features.
        ridge: added to the diagonal of the kernel matrix, where it is in force.
        regularised: `ridge`, or `none` for no ridge at all.
        labels: `real`, or `random` for each label drawn anew.
        dataset: which data set.
        examples: size of the training subset.

    Returns:
        Error on the training subset, largest distance there of an output from its one-hot label, error on the
        validation and on the test split.

    Raises:
        ValueError: an unknown kind of labels, or of regularisation.
    """
    del device
    one_of("labels", [labels], ("real", "random"))
    one_of("regularised", [regularised], ("ridge", "none"))
    source = data.load(dataset, [seed])
    inputs, own = _subset(source, seed, examples)
    if labels == "random":
        own = corruption.random_labels(own, source.classes, 1.0, stream(seed, "labels"))
    targets = F.one_hot(own, source.classes).double()
    matrix = _kernel(inputs, inputs, bandwidth)
    diagonal = (ridge if regularised == "ridge" else 0.0) * torch.eye(examples, dtype=torch.float64)
    coefficients = torch.linalg.solve(matrix + diagonal, targets)

    def error(rows: Tensor) -> float:
        blocks = torch.split(source.inputs[rows].double(), BLOCK)
        outputs = torch.cat([_kernel(block, inputs, bandwidth) @ coefficients for block in blocks])
        return float((outputs.argmax(1) != source.labels[rows]).double().mean())

    outputs = matrix @ coefficients
    return {
        "train_error": float((outputs.argmax(1) != own).double().mean()),
        "residual": float((outputs - targets).abs().max()),
        "validation_error": error(source.validation[seed]),
        "test_error": error(source.test[seed]),
        "data": source.sha256[seed],
    }


def _kernel(left: Tensor, right: Tensor, bandwidth: float) -> Tensor:
    """Gaussian kernel (n, m) of inputs (n, features) and (m, features)."""
    products = left @ right.T
    distances = products.mul_(-2).add_(left.square().sum(1)[:, None]).add_(right.square().sum(1)).clamp_(min=0)
    return distances.div_(-2 * bandwidth**2 * left.shape[1]).exp_()


@experiment(values=("distance", "from_prediction", "residual"), time_limit=60)
def least_squares(
    seed: int,
    device: str,
    *,
    start: str = "zero",
    examples: int = 10,
    steps: int = 20_000,
    dataset: str = "mnist1d",
) -> dict[str, object]:
    """SGD on a linear model with fewer examples than features, against the solution of smallest norm (section 5).

    Each step takes one example, drawn at random, at the rate one over the largest squared norm of an input.

    Args:
        seed: decides examples, the order of steps, and the start where it is random.
        device: is not used.
        start: `zero`, or `random` for standard normal weights.
        examples: fewer than the features, so that many weights fit exactly.
        steps: of SGD.
        dataset: which data set.

    Returns:
        Distance from the solution of smallest norm, which the pseudo-inverse gives; distance from that solution plus
        the part of the start that is orthogonal to all inputs, which no step can change; both over that solution's
        norm.  Largest distance of an output from its one-hot label.

    Raises:
        ValueError: an unknown start.
    """
    del device
    one_of("start", [start], STARTS)
    source = data.load(dataset, [seed])
    inputs, labels = _subset(source, seed, examples)
    targets = F.one_hot(labels, source.classes).double()
    begin = torch.randn(source.features, source.classes, generator=stream(seed, "start"), dtype=torch.float64)
    weights = begin if start == "random" else torch.zeros_like(begin)
    inverse = torch.linalg.pinv(inputs)
    smallest = inverse @ targets
    predicted = smallest + weights - inverse @ (inputs @ weights)

    weights, rate = weights.clone(), 1 / float(inputs.square().sum(1).max())
    for row in torch.randint(examples, (steps,), generator=stream(seed, "order 0")).tolist():
        example = inputs[row]
        weights.addr_(example, example @ weights - targets[row], alpha=-rate)
    norm = float(smallest.norm())
    return {
        "distance": float((weights - smallest).norm()) / norm,
        "from_prediction": float((weights - predicted).norm()) / norm,
        "residual": float((inputs @ weights - targets).abs().max()),
        "data": source.sha256[seed],
    }


def _subset(source: data.Dataset, seed: int, examples: int) -> tuple[Tensor, Tensor]:
    """Inputs, in float64, and labels of the training subset."""
    inputs, labels = source.take(source.subset(seed, examples))
    return inputs.double(), labels
