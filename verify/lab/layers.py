"""Layers of R networks of one architecture at once, with the backward pass written out.

Activations are (R, channels, …, n): the examples come last.  So one product a layer serves all replicas, a window of a
convolution is a long run of memory, and a vector instruction takes several examples.  All memory is laid out once, and
a step is a list of calls on it: of small networks autograd's bookkeeping takes longer than the arithmetic.  On a CPU,
what comes between the products is compiled (`verify.lab.kernels`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import product
from math import prod
from types import EllipsisType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from verify.lab import kernels
from verify.lab.models import BatchNorm

aten = torch.ops.aten
Tensors = dict[str, Tensor]
"""Parameters, gradients or buffers of several replicas, by their name in the module: (R, *the shape there)."""
Place = tuple[EllipsisType | slice, ...]
"""Where something lies in activations: along their last dimensions."""


class Tape:
    """Calls that are made again and again, on the same memory."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], object]] = []
        self._free: list[Tensor] = []

    def add(self, call: Callable[..., object], *given: Any, **named: Any) -> None:
        self._calls.append(partial(call, *given, **named))

    def __call__(self) -> None:
        for call in self._calls:
            call()

    def room(self, like: Tensor, shape: Sequence[int]) -> Tensor:
        """Memory for a tensor: some that an earlier call is done with, where it fits."""
        for place in reversed(range(len(self._free))):  # what was used last may still be in a cache
            if self._free[place].numel() == prod(shape):
                return self._free.pop(place).view(shape)
        return like.new_empty(shape)

    def release(self, tensor: Tensor) -> None:
        """No later call reads what is there."""
        if tensor.is_contiguous():
            self._free.append(tensor)


class Replicas(NamedTuple):
    """What layers share memory with."""

    weights: Tensors
    buffers: Tensors
    gradients: Tensors | None = None
    """Where those of the weights are written, contiguous each; None where nothing is trained."""
    kept: list[Tensor] | None = None
    """Where units are dropped, each dropout layer adds what it multiplies by: (R, units, …, n)."""


class Layer:
    """A layer: `forward` lays out its activations, `backward` the gradient of what comes in.

    Each adds to a tape what computes them, and returns where they will be.  A gradient that is handed in may be changed
    in place; parameters' gradients are written over, not added to.
    """

    first = False
    """Whether no parameter lies before it, so that nobody needs the gradient of what comes in."""
    forgets = False
    """Whether its activations are memory of its own, which it does not read again."""

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        raise NotImplementedError

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        raise NotImplementedError


class Linear(Layer):
    """A product: weights as matrices (R, outputs, inputs), and biases, where it has them; then ReLU, if joined."""

    rectifies = False

    def __init__(self, name: str, replicas: Replicas) -> None:
        self._weight = replicas.weights[f"{name}.weight"].flatten(2)
        self.bias = replicas.weights.get(f"{name}.bias")
        if replicas.gradients is not None:
            self._weight_gradient = replicas.gradients[f"{name}.weight"].flatten(2)
            self._bias_gradient = replicas.gradients.get(f"{name}.bias")

    def rectify(self) -> None:
        """Do ReLU as well, in place; it takes biases."""
        self.rectifies, self.forgets = True, False

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        """(R, inputs, m) to (R, outputs, m)."""
        self._inputs = inputs
        self._out = out = inputs.new_empty(*self._weight.shape[:2], inputs.shape[2])
        if self.bias is None:
            tape.add(torch.bmm, self._weight, inputs, out=out)
        elif out.is_cpu:
            tape.add(torch.bmm, self._weight, inputs, out=out)
            tape.add(kernels.add_bias_relu if self.rectifies else kernels.add_bias, out.numpy(), self.bias.numpy())
        else:
            tape.add(torch.baddbmm, self.bias.unsqueeze(2), self._weight, inputs, out=out)
            if self.rectifies:
                tape.add(out.clamp_min_, 0)
        return out

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        if self._bias_gradient is not None:
            self._before_product(gradient, self._bias_gradient, tape)
        out = gradient
        if not self.first:
            out = tape.room(gradient, self._inputs.shape)
            tape.add(torch.bmm, self._weight.transpose(1, 2), gradient, out=out)
        tape.add(torch.bmm, gradient, self._inputs.transpose(1, 2), out=self._weight_gradient)
        return out

    def _before_product(self, gradient: Tensor, sums: Tensor, tape: Tape) -> None:
        """The gradient of the product, in place, and that of the biases."""
        if gradient.is_cpu and self.rectifies:
            tape.add(kernels.relu_backward, gradient.numpy(), self._out.numpy(), sums.numpy())
            tape.release(self._out)
        elif gradient.is_cpu:
            tape.add(kernels.sum_rows, gradient.numpy(), sums.numpy())
        else:
            if self.rectifies:
                rectified(gradient, self._out, tape)
            tape.add(torch.sum, gradient, 2, out=sums)


class Convolution(Layer):
    """In any number of dimensions: windows become columns of a matrix, which is multiplied once."""

    def __init__(self, module: nn.Conv1d | nn.Conv2d, name: str, replicas: Replicas) -> None:
        self.product = Linear(name, replicas)
        self._kernel, self._stride = module.kernel_size, module.stride
        self._padding = [int(each) for each in module.padding]

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        replicas, channels, *lengths, n = self._shape = inputs.shape
        self._sizes = [
            (length + 2 * pad - kernel) // stride + 1
            for length, pad, kernel, stride in zip(lengths, self._padding, self._kernel, self._stride, strict=True)
        ]
        self._taps = list(self._all_taps(lengths))
        columns = inputs.new_zeros(replicas, channels, prod(self._kernel), *self._sizes, n)
        for tap, within, seen in self._taps:
            tape.add(columns[:, :, tap][within].copy_, inputs[seen])
        out = self.product.forward(columns.view(replicas, -1, prod(self._sizes) * n), tape)
        return out.view(replicas, -1, *self._sizes, n)

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        self.product.first = self.first
        found = self.product.backward(gradient.flatten(2), tape)
        if self.first:
            return gradient
        replicas, channels, *_, n = self._shape
        columns = found.view(replicas, channels, -1, *self._sizes, n)
        back = tape.room(gradient, self._shape)
        tape.add(back.zero_)
        for tap, within, seen in self._taps:
            tape.add(back[seen].add_, columns[:, :, tap][within])
        tape.release(columns)
        return back

    def _all_taps(self, lengths: Sequence[int]) -> Iterator[tuple[int, Place, Place]]:
        """Per weight of the kernel, the outputs whose window has it within the inputs, and the inputs it sees there.

        What lies in the padding is not written, and stays 0.
        """
        along = [list(self._along(length, dim)) for dim, length in enumerate(lengths)]
        for tap, dims in enumerate(product(*along)):
            yield tap, _place(within for within, _ in dims), _place(seen for _, seen in dims)

    def _along(self, length: int, dim: int) -> Iterator[tuple[slice, slice]]:
        pad, stride, size = self._padding[dim], self._stride[dim], self._sizes[dim]
        for tap in range(self._kernel[dim]):
            begin = max(0, -((tap - pad) // stride))
            end = max(begin, min(size, (length - 1 - tap + pad) // stride + 1))
            seen = begin * stride + tap - pad
            yield slice(begin, end), slice(seen, max(seen, seen + (end - begin - 1) * stride + 1), stride)


def _place(slices: Iterable[slice]) -> Place:
    return (..., *slices, slice(None))


class ReLU(Layer):
    """In place."""

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        self._out = inputs
        tape.add(inputs.clamp_min_, 0)
        return inputs

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        return rectified(gradient, self._out, tape)


def rectified(gradient: Tensor, out: Tensor, tape: Tape) -> Tensor:
    """The gradient of what went into a ReLU, in place, by what came out, which nobody reads afterwards."""
    tape.add(aten.threshold_backward.grad_input, gradient, out, 0, grad_input=gradient)
    tape.release(out)
    return gradient


class Dropout(Layer):
    """In place: multiplies by what is drawn for it at each step."""

    def __init__(self, replicas: Replicas) -> None:
        self._all_kept = replicas.kept

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        if self._all_kept is not None:
            self._kept = torch.empty_like(inputs)
            self._all_kept.append(self._kept)
            tape.add(inputs.mul_, self._kept)
        return inputs

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        if self._all_kept is not None:
            tape.add(gradient.mul_, self._kept)
        return gradient


class Reshape(Layer):
    """Each example in another shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        del tape
        self._before = inputs.shape
        if self._shape == (-1,):
            return inputs.flatten(1, -2)
        return inputs.view(len(inputs), *self._shape, inputs.shape[-1])

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        del tape
        return gradient.view(self._before)


class Mean(Layer):
    """Over all places: (R, channels, …, n) to (R, channels, n)."""

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        self._before = inputs.shape
        out = inputs.new_empty(*inputs.shape[:2], inputs.shape[-1])
        tape.add(torch.mean, inputs.flatten(2, -2), 2, out=out)
        return out

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        out = gradient.new_empty(self._before)
        flat = out.flatten(2, -2)
        tape.add(flat.copy_, gradient.unsqueeze(2))
        tape.add(flat.div_, flat.shape[2])
        return out


class Normalisation(Layer):
    """Batch normalisation; each channel of each replica, and each ghost batch, is a channel to PyTorch's kernel."""

    eps, momentum = 1e-5, 0.1

    def __init__(self, module: BatchNorm, name: str, replicas: Replicas) -> None:
        self._ghost = module.ghost
        parameters = f"{name}.weight", f"{name}.bias"
        self._scale, self._shift = (replicas.weights[each] for each in parameters)
        self._means, self._vars = replicas.buffers[f"{name}.running_mean"], replicas.buffers[f"{name}.running_var"]
        self._gradients = None if replicas.gradients is None else [replicas.gradients[each] for each in parameters]

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        """Raises ValueError: in training, a minibatch that cannot be cut into ghost batches."""
        n = inputs.shape[-1]
        self._size = self._ghost or n
        if self._gradients is not None and n % self._size:
            raise ValueError(f"a minibatch of {n} cannot be cut into ghost batches of {self._size}")
        out = torch.empty_like(inputs, memory_format=torch.contiguous_format)
        tape.add(self._scaled if self._gradients is None else self._normalise, inputs, out)
        return out

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        out = tape.room(gradient, gradient.shape)
        tape.add(self._denormalise, gradient, out)
        return out

    def _scaled(self, inputs: Tensor, out: Tensor) -> None:
        scale = self._scale * (self._vars + self.eps).rsqrt()
        shift = self._shift - self._means * scale
        wide = (*scale.shape, *[1] * (inputs.dim() - 2))
        torch.addcmul(shift.view(wide), inputs, scale.view(wide), out=out)

    def _normalise(self, inputs: Tensor, out: Tensor) -> None:
        self._apart = self._cut(inputs)
        groups = self._apart.shape[2]
        own = (self._scale, self._shift, self._means, self._vars)
        weight, bias, means, variances = (each.unsqueeze(2).repeat(1, 1, groups).flatten() for each in own)
        normalised, *saved = aten.native_batch_norm(
            self._flat(self._apart), weight, bias, means, variances, True, self.momentum, self.eps
        )
        self._own = weight, means, variances, *saved
        for buffer, moved in zip((self._means, self._vars), (means, variances), strict=True):
            buffer.copy_(moved.view(*buffer.shape, groups).mean(2))
        self._join(normalised, out)

    def _denormalise(self, gradient: Tensor, out: Tensor) -> None:
        back, *found = aten.native_batch_norm_backward(
            self._flat(self._cut(gradient)), self._flat(self._apart), *self._own, True, self.eps, [True, True, True]
        )
        for parameter, each in zip(self._gradients or (), found, strict=True):
            torch.sum(each.view(*parameter.shape, -1), 2, out=parameter)
        self._join(back, out)

    def _cut(self, inputs: Tensor) -> Tensor:
        """(R, channels, groups, places, examples of a group)."""
        apart = inputs.reshape(*inputs.shape[:2], -1, inputs.shape[-1] // self._size, self._size)
        return apart.transpose(2, 3).contiguous()

    def _join(self, found: Tensor, out: Tensor) -> None:
        apart = out.view(*out.shape[:2], -1, out.shape[-1] // self._size, self._size).transpose(2, 3)
        apart.copy_(found.view(apart.shape))

    @staticmethod
    def _flat(apart: Tensor) -> Tensor:
        """As one example of many channels."""
        return apart.view(1, -1, prod(apart.shape[3:]))


class Chain(Layer):
    """One layer after another."""

    def __init__(self, layers: Sequence[Layer], *, outermost: bool = False) -> None:
        self.layers = self._needed = layers = _joined(layers)
        if outermost:
            place = next(
                (i for i, each in enumerate(layers) if not isinstance(each, ReLU | Dropout | Reshape | Mean)), 0
            )
            layers[place].first = True
            self._needed = layers[place:]

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        for layer in self.layers:
            inputs = layer.forward(inputs, tape)
        return inputs

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        for layer in reversed(self._needed):
            gradient = layer.backward(gradient, tape)
        return gradient


def _joined(layers: Sequence[Layer]) -> list[Layer]:
    """Without each ReLU that the product before it does as well."""
    joined: list[Layer] = []
    for layer in layers:
        before = joined[-1] if joined else None
        product = before.product if isinstance(before, Convolution) else before
        if isinstance(layer, ReLU) and isinstance(product, Linear) and product.bias is not None:
            product.rectify()
        else:
            joined.append(layer)
    return joined


class Sum(Layer):
    """Two ways from the same activations, added, then ReLU; the second may be empty."""

    def __init__(self, body: Layer, shortcut: Layer) -> None:
        self._body, self._shortcut = body, shortcut

    def forward(self, inputs: Tensor, tape: Tape) -> Tensor:
        aside = self._shortcut.forward(inputs, tape)
        self._out = self._body.forward(inputs, tape)
        tape.add(self._out.add_, aside)
        tape.add(self._out.clamp_min_, 0)
        return self._out

    def backward(self, gradient: Tensor, tape: Tape) -> Tensor:
        gradient = rectified(gradient, self._out, tape)
        aside = self._shortcut.backward(gradient, tape)
        out = self._body.backward(gradient, tape)
        tape.add(out.add_, aside)
        return out
