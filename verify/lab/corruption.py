"""Ways to take the meaning out of labels or inputs (Zhang et al. 2017, arXiv 1611.03530, section 2)."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def random_labels(labels: Tensor, classes: int, fraction: float, generator: Generator) -> Tensor:
    """Labels (n,) of which each is, with probability `fraction`, drawn anew from all classes.

    A new label can equal the old one: with ten classes, a fraction p changes 0.9 p of them.

    Raises:
        ValueError: `fraction` is not within 0 to 1.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"a fraction of labels lies within 0 to 1, not {fraction}")
    corrupted = torch.rand(len(labels), generator=generator) < fraction
    drawn = torch.randint(classes, labels.shape, generator=generator)
    return torch.where(corrupted, drawn, labels)


def shuffled_pixels(inputs: Tensor, generator: Generator, channels: int = 1) -> Tensor:
    """Inputs (n, channels × pixels) with one shuffle of the pixels, the same for every example and channel."""
    apart = inputs.view(len(inputs), channels, -1)
    return apart[:, :, torch.randperm(apart.shape[2], generator=generator)].flatten(1)


def random_pixels(inputs: Tensor, generator: Generator, channels: int = 1) -> Tensor:
    """Inputs (n, channels × pixels) with the pixels of each example shuffled by themselves, all channels alike."""
    apart = inputs.view(len(inputs), channels, -1)
    order = torch.rand(len(apart), 1, apart.shape[2], generator=generator).argsort(2)
    return apart.gather(2, order.expand_as(apart)).flatten(1)


def gaussian(inputs: Tensor, generator: Generator) -> Tensor:
    """Gaussian noise in the shape (n, …) of the inputs, with their mean and standard deviation."""
    return torch.randn(inputs.shape, generator=generator) * inputs.std() + inputs.mean()
