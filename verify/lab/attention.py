"""Attention of several replicas, with its backward pass written out."""

from __future__ import annotations

import torch
from torch import Tensor

from verify.lab import models
from verify.lab.layers import Layer, Tape
from verify.lab.token_layers import Linear, as_seen, in_rows

aten = torch.ops.aten
SHORT = 16
"""Numbers that a vector instruction takes."""


class Attention(Layer):
    """Between two products: `inward` gives queries, keys and values, and `outward` takes what is seen."""

    forgets = True

    def __init__(self, module: models.Attention, inward: Linear, outward: Linear) -> None:
        self._heads, self._causal = module.heads, module.causal
        self._inward, self._outward = inward, outward

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        rows = in_rows(self._inward.forward(inputs, tape), tape)
        replicas, length, width, n = inputs.shape
        self._apart = replicas, n, length, 3, self._heads, width // self._heads
        self._scale = self._apart[-1] ** -0.5
        own = rows.new_empty(3, replicas, n, self._heads, length, self._apart[-1])
        tape.add(own.copy_, self._by_heads(rows))
        tape.release(rows)
        self._queries, self._keys, self._values = own.flatten(1, 3)
        self._attend(seen := tape.room(rows, self._values.shape), tape)
        found = rows.new_empty(replicas, n * length, width)
        tape.add(self._by_heads(found)[0].copy_, seen.view(own.shape[1:]))
        tape.release(seen)
        return self._outward.forward(as_seen(found, inputs.shape), tape)

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        above = self._outward.backward(gradient, tape)
        rows = in_rows(above, tape)
        seen = tape.room(rows, self._values.shape)
        tape.add(seen.view(self._by_heads(rows)[0].shape).copy_, self._by_heads(rows)[0])
        tape.release(rows)
        own = tape.room(rows, (3, *self._values.shape))
        self._unattend(seen, own, tape)
        tape.release(seen)
        found = tape.room(rows, (*rows.shape[:2], 3 * rows.shape[2]))
        tape.add(self._by_heads(found).copy_, own.view(self._by_heads(found).shape))
        tape.release(own)
        return self._inward.backward(as_seen(found, above.shape), tape)

    def _by_heads(self, rows: Tensor) -> Tensor:
        """Rows (R, n T, several widths) as (several, R, n, heads, T, width of a head)."""
        replicas, n, length, _, heads, size = self._apart
        return rows.view(replicas, n, length, -1, heads, size).permute(3, 0, 1, 4, 2, 5)

    def _attend(self, seen: Tensor, tape: Tape) -> None:
        """For each head of each example, what its positions see of the values."""
        length = self._values.shape[1]
        self._shares = seen.new_empty(len(seen), length, length)
        unseen = torch.zeros_like(self._shares[0])
        if self._causal:
            unseen.masked_fill_(torch.ones_like(unseen, dtype=torch.bool).triu(1), -torch.inf)
        scores, keys = tape.room(seen, self._shares.shape), self._keys.transpose(1, 2)
        tape.add(torch.baddbmm, unseen, self._queries, keys, beta=int(self._causal), alpha=self._scale, out=scores)
        tape.add(_softmax, scores, self._shares)
        tape.release(scores)
        tape.add(torch.bmm, self._shares, self._values, out=seen)

    def _unattend(self, seen: Tensor, own: Tensor, tape: Tape) -> None:
        """From the gradient of what is seen, that of queries, keys and values."""
        queries, keys, values = own
        shares = tape.room(seen, self._shares.shape)
        tape.add(torch.bmm, self._shares.transpose(1, 2), seen, out=values)
        tape.add(torch.bmm, seen, self._values.transpose(1, 2), out=shares)
        tape.add(_softmax_backward, shares, self._shares)
        for out, of, others in ((queries, shares, self._keys), (keys, shares.transpose(1, 2), self._queries)):
            tape.add(torch.baddbmm, out, of, others, beta=0, alpha=self._scale, out=out)
        tape.release(shares)


def _softmax(inputs: Tensor, out: Tensor) -> None:
    """Along the last dimension; where it is too short for vector instructions, PyTorch's kernel takes far longer."""
    if inputs.shape[-1] >= SHORT:
        aten._softmax.out(inputs, inputs.dim() - 1, False, out=out)
        return
    torch.exp(torch.sub(inputs, inputs.amax(-1, keepdim=True), out=out), out=out)
    out.div_(out.sum(-1, keepdim=True))


def _softmax_backward(gradient: Tensor, out: Tensor) -> None:
    """In place, from the gradient of what came out."""
    if out.shape[-1] >= SHORT:
        aten._softmax_backward_data.out(gradient, out, out.dim() - 1, out.dtype, grad_input=gradient)
        return
    gradient.mul_(out)
    gradient.addcmul_(out, gradient.sum(-1, keepdim=True), value=-1)
