"""Memory for what goes with each parameter of several replicas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor


class Blocks:
    """Parameters of A replicas, or what goes with each, with one contiguous block for each of the network's.

    Rows (A, parameters of one network) are how an ensemble keeps them; as blocks, a product or an update takes those of
    all replicas at once.

    Args:
        shapes: by parameter, its shape in one network.
        replicas: A.
        like: of which type, and where.
    """

    def __init__(self, shapes: Mapping[str, torch.Size], replicas: int, like: Tensor) -> None:
        self._shapes, self._replicas = shapes, replicas
        ends = list(accumulate(replicas * shape.numel() for shape in shapes.values()))
        self._begins = dict(zip(shapes, [0, *ends], strict=False))
        self._flat = like.new_empty(ends[-1])
        self.views = {name: self.flat([name]).view(replicas, *shape) for name, shape in shapes.items()}
        """By the parameter's name: (A, *its shape)."""

    def flat(self, names: Sequence[str]) -> Tensor:
        """The blocks of parameters that follow one another: (their elements,)."""
        begin = self._begins[names[0]]
        return self._flat[begin : begin + self._replicas * sum(self._shapes[name].numel() for name in names)]

    def load(self, rows: Tensor) -> None:
        """From rows (A, parameters of one network)."""
        sizes = [each.numel() for each in self._shapes.values()]
        for view, piece in zip(self.views.values(), torch.split(rows, sizes, 1), strict=True):
            view.copy_(piece.view(view.shape))

    def rows(self) -> Tensor:
        return torch.cat([each.flatten(1) for each in self.views.values()], 1)
