"""Masks that cut weights to zero, for every replica of an ensemble (Han et al. 2017, arXiv 1607.04381)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from verify.lab.ensemble import Ensemble
from verify.lab.randomness import stream


def magnitude_mask(ensemble: Ensemble, sparsity: Sequence[float]) -> Tensor:
    """A mask that keeps the largest |w| of each layer: (R, parameters of one network), 0 where a weight is cut.

    `sparsity` is the fraction of weights cut, one a replica.  The first layer and all biases are left alone.

    Raises:
        ValueError: a sparsity is not within 0 to 1.
    """
    return _mask(ensemble, ensemble.weights.abs(), sparsity)


def random_mask(ensemble: Ensemble, sparsity: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """A mask that cuts as many weights of each layer as `magnitude_mask` does, but any of them, by seed."""
    parameters = ensemble.weights.shape[1]
    drawn = [torch.rand(parameters, generator=stream(seed, "mask")) for seed in seeds]
    return _mask(ensemble, torch.stack(drawn).to(ensemble.weights.device), sparsity)


def cut_magnitudes(ensemble: Ensemble, sparsity: Sequence[float]) -> Tensor:
    """Where `magnitude_mask` cuts each layer: (R, parameters of one network), the largest |w| cut in a weight's layer.

    It is 0 for what is never cut: the first layer and all biases, and everything where the fraction is 0.
    """
    cut = ensemble.weights.abs() * (1 - magnitude_mask(ensemble, sparsity))
    for layer in ensemble.views(cut).values():
        largest = layer.flatten(1).amax(1)
        layer.copy_(largest.view(-1, *[1] * (layer.ndim - 1)).expand_as(layer))
    return cut


def _mask(ensemble: Ensemble, scores: Tensor, sparsity: Sequence[float]) -> Tensor:
    """Cut the fraction `sparsity` with the lowest scores of each layer; of equal scores, the earlier ones."""
    if not all(0 <= fraction <= 1 for fraction in sparsity):
        raise ValueError(f"a sparsity lies within 0 to 1: {', '.join(map(str, sparsity))}")
    mask = torch.ones_like(ensemble.weights)
    layers = [name for name, parameter in ensemble.template.named_parameters() if parameter.ndim > 1]
    kept, scored = ensemble.views(mask), ensemble.views(scores)
    for name in layers[1:]:
        ranks = scored[name].flatten(1).argsort(dim=1, stable=True).argsort(dim=1)
        cut = torch.tensor([round(fraction * ranks.shape[1]) for fraction in sparsity], device=mask.device)
        kept[name].copy_((ranks >= cut[:, None]).view_as(kept[name]))
    return mask
