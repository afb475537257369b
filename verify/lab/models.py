"""The networks that experiments train, as plain modules."""

from __future__ import annotations

from torch import nn


def mlp(features: int, classes: int, *, width: int, hidden: int = 2) -> nn.Sequential:
    """A multilayer perceptron: `hidden` layers of `width` units with ReLU, then one output a class."""
    layers: list[nn.Module] = []
    for fan_in in (features, *[width] * (hidden - 1)):
        layers += [nn.Linear(fan_in, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, classes))


def linear(features: int, classes: int) -> nn.Sequential:
    """A linear classifier: an MLP without hidden layers, the control for what needs capacity."""
    return nn.Sequential(nn.Linear(features, classes))
