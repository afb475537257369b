"""Layers of networks that see sequences, such as a transformer, with the backward pass written out.

Activations are (R, positions, width, n) to others, as in `verify.lab.layers`, but lie in memory as (R, n, positions,
width): a product, a normalisation and attention take the numbers of a position together, and call them a row.  A layer
that is given activations that lie otherwise copies them, and gives back a gradient that lies as they did.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from verify.lab import layers
from verify.lab.layers import Layer, Replicas, Tape

aten = torch.ops.aten


def in_rows(inputs: Tensor, tape: Tape) -> Tensor:
    """(R, …, width, n) as (R, m, width): the same memory, or a copy."""
    apart = inputs.movedim(-1, 1)
    if not apart.is_contiguous():
        room = tape.room(inputs, apart.shape)
        tape.add(room.copy_, apart)
        apart = room
    return apart.flatten(1, -2)


def as_seen(rows: Tensor, shape: Sequence[int]) -> Tensor:
    """Rows (R, m, any width) as others see them, in a shape (R, …, another width, n)."""
    return rows.view(len(rows), shape[-1], *shape[1:-2], rows.shape[2]).movedim(1, -1)


def _back(rows: Tensor, inputs: Tensor, tape: Tape) -> Tensor:
    """A gradient in rows as that of inputs: it lies as they do."""
    gradient = as_seen(rows, inputs.shape)
    if inputs.movedim(-1, 1).is_contiguous():
        return gradient
    out = tape.room(inputs, inputs.shape)
    tape.add(out.copy_, gradient)
    return out


class Embedding(Layer):
    """It comes first, so that nobody needs the gradient of what comes in: tokens (R, T, n), integers."""

    def __init__(self, name: str, replicas: Replicas) -> None:
        names = f"{name}.tokens", f"{name}.positions"
        self._tokens, self._positions = (replicas.weights[each] for each in names)
        self._gradients = None if replicas.gradients is None else [replicas.gradients[each] for each in names]

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        """Raises ValueError: the sequences are longer than there are positions."""
        replicas, length, n = inputs.shape
        if length > self._positions.shape[1]:
            most = self._positions.shape[1]
            raise ValueError(f"a sequence of {length} tokens is longer than the {most} that the transformer takes")
        count, width = self._tokens.shape[1:]
        self._ids = torch.empty(replicas, n, length, dtype=torch.int64, device=inputs.device)
        tape.add(self._ids.copy_, inputs.movedim(-1, 1))
        self._begins = torch.arange(replicas, device=inputs.device).mul_(count).unsqueeze(1)
        out = self._tokens.new_empty(replicas, n * length, width)
        # It looks whether ids are within the vocabulary.
        tape.add(torch.gather, self._tokens, 1, self._ids.view(replicas, -1, 1).expand(-1, -1, width), out=out)
        apart = out.view(replicas, n, length, width)
        tape.add(apart.add_, self._positions[:, None, :length])
        return apart.movedim(1, -1)

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        tape.add(self._collect, in_rows(gradient, tape))
        return gradient

    def _collect(self, gradient: Tensor) -> None:
        if self._gradients is None:
            return
        tokens, positions = self._gradients
        replicas, n, length = self._ids.shape
        places = self._ids.flatten(1) + self._begins
        # `index_add_` repeats itself to the bit on a GPU only after it has read the indices back from there.
        found = aten.embedding_dense_backward(
            gradient.flatten(0, 1), places.flatten(), tokens[:, :, 0].numel(), -1, False
        )
        tokens.copy_(found.view(tokens.shape))
        positions[:, length:].zero_()
        torch.sum(gradient.view(replicas, n, length, -1), 1, out=positions[:, :length])


class Linear(layers.Linear):
    """Along the last dimension of the module's inputs, at every position if there are several."""

    forgets = True

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        self._given = inputs
        if inputs.dim() == 3:
            return super().forward(inputs, tape)
        self._inputs = rows = in_rows(inputs, tape)
        self._out = out = tape.room(rows, (*rows.shape[:2], self._weight.shape[1]))
        if self.bias is None:
            tape.add(torch.bmm, rows, self._weight.transpose(1, 2), out=out)
        else:
            tape.add(torch.baddbmm, self.bias.unsqueeze(1), rows, self._weight.transpose(1, 2), out=out)
        if self.rectifies:
            tape.add(out.clamp_min_, 0)
        return as_seen(out, inputs.shape)

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        if gradient.dim() == 3:
            return super().backward(gradient, tape)
        rows = in_rows(gradient, tape)
        if self.rectifies:
            layers.rectified(rows, self._out, tape)
        tape.add(torch.bmm, rows.transpose(1, 2), self._inputs, out=self._weight_gradient)
        if self._bias_gradient is not None:
            tape.add(torch.sum, rows, 1, out=self._bias_gradient)
        if self.first:
            return gradient
        out = tape.room(gradient, self._inputs.shape)
        tape.add(torch.bmm, rows, self._weight, out=out)
        tape.release(rows)
        return _back(out, self._given, tape)


class LayerNorm(Layer):
    """Along the last dimension of the module's inputs, with scale and shift."""

    def __init__(self, module: nn.LayerNorm, name: str, replicas: Replicas) -> None:
        self._eps = module.eps
        names = f"{name}.weight", f"{name}.bias"
        self._scale, self._shift = (replicas.weights[each].unsqueeze(1) for each in names)
        self._gradients = None if replicas.gradients is None else [replicas.gradients[each] for each in names]

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        self._inputs, self._rows = inputs, in_rows(inputs, tape)
        self._mean, self._inverse = (self._rows.new_empty(*self._rows.shape[:2], 1) for _ in range(2))
        out = torch.empty_like(self._rows)
        tape.add(self._normalise, out)
        return as_seen(out, inputs.shape)

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        rows = in_rows(gradient, tape)
        room = tape.room(gradient, rows.shape)
        tape.add(self._denormalise, rows, room)
        tape.release(room)
        return _back(rows, self._inputs, tape)

    def _normalise(self, out: Tensor) -> None:
        # PyTorch's kernel does the same, but takes longer for rows as short as these.
        torch.mean(self._rows, 2, keepdim=True, out=self._mean)
        torch.sub(self._rows, self._mean, out=out)
        torch.linalg.vector_norm(out, dim=2, keepdim=True, out=self._inverse)
        self._inverse.square_().div_(out.shape[2]).add_(self._eps).rsqrt_()
        torch.addcmul(self._shift, out.mul_(self._inverse), self._scale, out=out)

    def _denormalise(self, gradient: Tensor, room: Tensor) -> None:
        """In place."""
        if self._gradients is None:
            return
        scale, shift = self._gradients
        torch.sum(gradient, 1, out=shift)
        torch.sub(self._rows, self._mean, out=room).mul_(self._inverse)
        torch.sum(room.mul_(gradient), 1, out=scale)
        gradient.mul_(self._scale)
        width = self._rows.shape[2:]
        found, *_ = aten.native_layer_norm_backward(
            gradient, self._rows, width, self._mean, self._inverse, None, None, [True, False, False]
        )
        gradient.copy_(found)


class GELU(Layer):
    def __init__(self, module: nn.GELU) -> None:
        self._approximate = module.approximate

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        self._inputs = inputs
        out = torch.empty_like(inputs)
        tape.add(aten.gelu.out, inputs, approximate=self._approximate, out=out)
        return out

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        tape.add(
            aten.gelu_backward.grad_input, gradient, self._inputs, approximate=self._approximate, grad_input=gradient
        )
        return gradient


class Added(Layer):
    """What a body makes of activations is added to them."""

    def __init__(self, body: layers.Chain) -> None:
        self._body = body

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        given = inputs
        if not (self._body.layers and isinstance(self._body.layers[0], LayerNorm | Linear)):  # it may work in place
            given = torch.empty_like(inputs)
            tape.add(given.copy_, inputs)
        found = self._body.forward(given, tape)
        out = torch.empty_like(inputs)
        tape.add(torch.add, found, inputs, out=out)
        last = next((each for each in reversed(self._body.layers) if not isinstance(each, layers.Dropout)), None)
        if last is not None and last.forgets:
            tape.release(found.movedim(-1, 1))
        return out

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        given = tape.room(gradient, gradient.movedim(-1, 1).shape).movedim(1, -1)
        tape.add(given.copy_, gradient)
        found = self._body.backward(given, tape)
        tape.add(gradient.add_, found)
        tape.release(found.movedim(-1, 1))
        return gradient


class Last(Layer):
    """The last position alone."""

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        self._inputs = inputs
        out = torch.empty_like(inputs[:, -1].movedim(-1, 1), memory_format=torch.contiguous_format).movedim(1, -1)
        tape.add(out.copy_, inputs[:, -1])
        return out

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        out = torch.empty_like(self._inputs)
        tape.add(out.zero_)
        tape.add(out[:, -1].copy_, gradient)
        return out


class ClassesSecond(Layer):
    """Positions after the outputs."""

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        self._inputs = inputs
        turned = inputs.transpose(1, 2)
        out = torch.empty_like(turned, memory_format=torch.contiguous_format)
        tape.add(out.copy_, turned)
        return out

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        out = torch.empty_like(self._inputs)
        tape.add(out.copy_, gradient.transpose(1, 2))
        return out
