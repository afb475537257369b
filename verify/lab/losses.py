"""Losses of several replicas at once, with their gradients written out.

Outputs are (R, outputs, *positions, n), the examples last, as `verify.lab.layers` has them; most networks have no
positions.  Each loss is what the function of its name in `torch.nn.functional` gives for one replica.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from verify.lab import kernels
from verify.lab.kernels import IGNORED as IGNORED

aten = torch.ops.aten


class Sums(NamedTuple):
    """Over a minibatch that is evaluated, per replica (R,)."""

    loss: Tensor
    wrong: Tensor
    """Of those counted, how many have another largest output than their label's; NaN where an output is not finite."""
    counted: Tensor
    """Of how many examples, or positions, the loss is the sum."""


class CrossEntropy:
    """Mean over the labels (n, *positions) of a minibatch, without those that are `IGNORED`; 0 where all are."""

    def check(self, labels: Tensor, outputs: torch.Size) -> None:
        """That labels (R, n, *positions) are some for outputs of a shape (classes, *positions).

        Raises:
            ValueError: they are not.
        """
        classes, *positions = outputs
        if labels.is_floating_point():
            raise ValueError("cross-entropy takes labels that are integers; for numbers there is loss='squared_error'")
        if list(labels.shape[2:]) != positions:
            has, wants = (
                f"one label for each of {' × '.join(map(str, each))} positions" if each else "one label an example"
                for each in (labels.shape[2:], positions)
            )
            raise ValueError(f"there is {has}, and outputs are for {wants}")
        least, most = map(int, labels.aminmax())
        if least < 0 or most >= classes:
            wrong = labels[((labels < 0) | (labels >= classes)) & (labels != IGNORED)][:1].tolist()
            if not wrong:
                return
            raise ValueError(
                f"labels are 0 to {classes - 1}, as there are {classes} outputs, or {IGNORED}; not {wrong[0]}"
            )

    def targets(self, labels: Tensor, like: Tensor) -> Tensor:
        """What `step` compares outputs with at each of S steps.

        On a CPU labels (S, R, *positions, n); elsewhere the gradient of the loss by the logarithms of the softmax,
        (S, R, classes, *positions, n).

        Args:
            labels: (S, R, n, *positions).
            like: outputs (R, classes, *positions, n).
        """
        labels = labels.movedim(2, -1).contiguous()
        if like.is_cpu:
            return labels
        counted = labels != IGNORED
        counts = counted.flatten(2).sum(2).clamp_(min=1).view(*labels.shape[:2], *[1] * (labels.dim() - 2))
        weights = counted / -counts.to(like.dtype)
        targets = like.new_zeros(len(labels), *like.shape)
        return targets.scatter_(2, torch.where(counted, labels, 0).unsqueeze(2), weights.unsqueeze(2))

    def step(self, outputs: Tensor, targets: Tensor, gradient: Tensor, total: Tensor) -> None:
        """Write the gradient of each replica's loss by its outputs, and add the loss to `total`, cut up anyhow."""
        if outputs.is_cpu:
            below = torch.empty_like(gradient)
            outs, lower, gradients, totals = (each.flatten(2).numpy() for each in (outputs, below, gradient, total))
            kernels.subtract_largest(outs, lower)
            torch.exp(below, out=gradient)
            kernels.cross_entropy(lower, targets.flatten(1).numpy(), gradients, totals)
            return
        logarithms = outputs.log_softmax(1)
        total.addcmul_(logarithms, targets)
        aten._log_softmax_backward_data.out(targets, logarithms, 1, logarithms.dtype, out=gradient)

    def sums(self, outputs: Tensor, labels: Tensor, real: Tensor) -> Sums:
        """Of an evaluated minibatch with labels (R, n, *positions), without examples that are not `real` (R, n)."""
        labels = labels.movedim(1, -1)
        counted = (labels != IGNORED) & real.view(len(real), *[1] * (labels.dim() - 2), -1)
        true = torch.where(counted, labels, 0)
        losses = -outputs.log_softmax(1).gather(1, true.unsqueeze(1)).squeeze(1)
        wrong = (outputs.argmax(1) != true).float().masked_fill(~outputs.isfinite().all(1), torch.nan)
        loss, error = (torch.where(counted, each, 0).flatten(1).sum(1) for each in (losses, wrong))
        return Sums(loss, error, counted.flatten(1).sum(1))


class SquaredError:
    """Mean over all outputs of a minibatch; labels are numbers of their shape, (n, outputs, *positions)."""

    def check(self, labels: Tensor, outputs: torch.Size) -> None:
        """Likewise, labels (R, n, outputs, *positions)."""
        if labels.shape[2:] != outputs or not labels.is_floating_point():
            wanted = " × ".join(map(str, ("n", *outputs)))
            given = " × ".join(map(str, ("n", *labels.shape[2:])))
            kind = "numbers" if labels.is_floating_point() else "integers"
            raise ValueError(
                f"squared error takes a floating-point number for each output, {wanted}; labels are {given} {kind}"
            )

    def targets(self, labels: Tensor, like: Tensor) -> Tensor:
        """Likewise: the labels (S, R, outputs, *positions, n)."""
        return labels.movedim(2, -1).to(like.dtype).contiguous()

    def step(self, outputs: Tensor, targets: Tensor, gradient: Tensor, total: Tensor) -> None:
        count = outputs[0].numel()
        torch.sub(outputs, targets, out=gradient)
        total.addcmul_(gradient, gradient, value=1 / count)
        gradient.mul_(2 / count)

    def sums(self, outputs: Tensor, labels: Tensor, real: Tensor) -> Sums:
        """Likewise; there is no error, so it is NaN."""
        squares = F.mse_loss(outputs, self.targets(labels[None], outputs)[0], reduction="none").flatten(1, -2)
        counted = real.sum(1) * squares.shape[1]
        return Sums(torch.where(real, squares.sum(1), 0).sum(1), torch.full_like(squares[:, 0, 0], torch.nan), counted)


Loss = CrossEntropy | SquaredError
LOSSES: dict[str, Loss] = {"cross_entropy": CrossEntropy(), "squared_error": SquaredError()}
