"""What comes between the products of a network's layers on a CPU, compiled by Numba.

Each kernel does at once what takes PyTorch several calls.  Of networks as small as these a call costs as much as what
it does, and whatever passes over memory once more drives the weights out of the cache.  NaN and infinity come through
as in PyTorch.  Arrays are (R, rows, m), float32 or float64.

Compiling takes seconds, once a machine: Numba keeps the result in `__pycache__`, as Python does, or where
`NUMBA_CACHE_DIR` says.  For contiguous float32 that is done on import, for whatever else at the first call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec

import numpy as np
from numba import njit

Array = np.ndarray[Any, Any]
Given = ParamSpec("Given")
IGNORED = -100
"""The label of what counts for nothing, as in `torch.nn.functional.cross_entropy`."""


def _compiled(signature: str, *presuming: str) -> Callable[[Callable[Given, None]], Callable[Given, None]]:
    """A decorator; `presuming` are LLVM's names of what need not hold to the bit."""

    def compiled(kernel: Callable[Given, None]) -> Callable[Given, None]:
        made = njit(cache=True, error_model="numpy", fastmath=set(presuming))(kernel)
        made.compile(signature)
        return made

    return compiled


@_compiled("(float32[:,:,::1], float32[:,::1])")
def add_bias(out: Array, bias: Array) -> None:
    """Add a bias (R, rows) to each row."""
    replicas, rows, m = out.shape
    for r in range(replicas):
        for i in range(rows):
            added = bias[r, i]
            for j in range(m):
                out[r, i, j] += added


@_compiled("(float32[:,:,::1], float32[:,::1])")
def add_bias_relu(out: Array, bias: Array) -> None:
    """Likewise, then ReLU."""
    replicas, rows, m = out.shape
    zero = out.dtype.type(0)
    for r in range(replicas):
        for i in range(rows):
            added = bias[r, i]
            for j in range(m):
                value = out[r, i, j] + added
                out[r, i, j] = zero if value < zero else value


@_compiled("(float32[:,:,::1], float32[:,::1])", "reassoc", "nsz")
def sum_rows(gradient: Array, sums: Array) -> None:
    """Write the gradient of biases (R, rows)."""
    replicas, rows, m = gradient.shape
    for r in range(replicas):
        for i in range(rows):
            total = gradient.dtype.type(0)
            for j in range(m):
                total += gradient[r, i, j]
            sums[r, i] = total


@_compiled("(float32[:,:,::1], float32[:,:,::1], float32[:,::1])", "reassoc", "nsz")
def relu_backward(gradient: Array, out: Array, sums: Array) -> None:
    """Turn the gradient of what leaves `add_bias_relu` into that of what enters it, and write that of the biases."""
    replicas, rows, m = gradient.shape
    zero = gradient.dtype.type(0)
    for r in range(replicas):
        for i in range(rows):
            total = zero
            for j in range(m):
                value = zero if out[r, i, j] <= zero else gradient[r, i, j]
                gradient[r, i, j] = value
                total += value
            sums[r, i] = total


@_compiled("(float32[:,:,::1], float32[:,:,::1])")
def subtract_largest(outputs: Array, below: Array) -> None:
    """Write how far each output lies below the largest of its column."""
    replicas, rows, m = outputs.shape
    largest = np.empty(m, outputs.dtype)
    for r in range(replicas):
        largest[:] = outputs[r, 0]
        for i in range(1, rows):
            for j in range(m):
                value = outputs[r, i, j]
                largest[j] = value if value > largest[j] else largest[j]
        for i in range(rows):
            for j in range(m):
                below[r, i, j] = outputs[r, i, j] - largest[j]


@_compiled("(float32[:,:,::1], int64[:,::1], float32[:,:,::1], float32[:,:,::1])")
def cross_entropy(below: Array, labels: Array, gradient: Array, losses: Array) -> None:
    """Write the gradient of the mean loss over labels (R, m) by outputs, where the exponentials of `below` stand.

    To the first row of `losses` each label's part of the loss is added, in its column.
    """
    replicas, rows, m = below.shape
    sums = np.empty(m, below.dtype)
    for r in range(replicas):
        sums[:] = gradient[r, 0]
        for i in range(1, rows):
            for j in range(m):
                sums[j] += gradient[r, i, j]
        counted = 0
        for j in range(m):
            counted += labels[r, j] != IGNORED
        share = below.dtype.type(1 / max(counted, 1))
        for j in range(m):
            if labels[r, j] == IGNORED:
                sums[j] = 0
            else:
                losses[r, 0, j] += share * (np.log(sums[j]) - below[r, labels[r, j], j])
                sums[j] = share / sums[j]
        for i in range(rows):
            for j in range(m):
                gradient[r, i, j] *= sums[j]
        for j in range(m):
            if labels[r, j] != IGNORED:
                gradient[r, labels[r, j], j] -= share
