"""The machine that trials run on: everything that depends on the kind of device is here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

from verify.lab.checks import one_of
from verify.lab.processor import processor

DEVICES = ("cuda", "mps", "cpu")
"""From the fastest to the one that is always there."""
PRECISIONS = ("float32", "tf32", "bf16")
"""How products are computed: as the weights are; on a GPU with 10 bits of mantissa; in bfloat16 (autocast)."""
WARMUP = 3
"""Calls before a graph is captured, in which libraries choose kernels and allocate what they keep."""


def resolve(device: str) -> str:
    """The device to train on: the best there is for `auto`, otherwise `device` itself.

    Raises:
        ValueError: `device` is no device, or is not on this machine; the message says what is.
    """
    here = available()
    if device == "auto":
        return here[0]
    if device not in here:
        raise ValueError(f"device '{device}' is not on this machine; it has {', '.join(here)}")
    return device


def available() -> tuple[str, ...]:
    """The devices of this machine, the fastest first."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return tuple(device for device in DEVICES if present[device])


def name(device: str) -> str:
    """The model of the processor or GPU behind a resolved `device`, as the system names it.

    Of a processor also the vector instructions that PyTorch uses, since they decide how sums are rounded.
    """
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{processor()} ({torch.backends.cpu.get_cpu_capability()})" if device == "cpu" else processor()


@contextmanager
def arithmetic(device: torch.device, precision: str = "float32") -> Iterator[None]:
    """Compute in `precision`, with the same result each time; settings are afterwards as they were.

    On a GPU only kernels that repeat themselves to the bit are used, and TF32, which PyTorch allows in convolutions by
    default, only where it is asked for.  A GPU whose memory ran out gives back what it only kept in reserve.

    Raises:
        ValueError: there is no such precision.
        torch.OutOfMemoryError: as it came; the batch can be tried again in halves.
    """
    one_of("precision", [precision], PRECISIONS)
    with torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if precision == "bf16" else nullcontext():
        if device.type != "cuda":
            yield
            return
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS refuses to be deterministic
        before = torch.are_deterministic_algorithms_enabled()
        tf32 = torch.backends.cuda.matmul.allow_tf32
        torch.use_deterministic_algorithms(True)
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        try:
            with torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=precision == "tf32"
            ):
                yield
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            raise
        finally:
            torch.use_deterministic_algorithms(before)
            torch.backends.cuda.matmul.allow_tf32 = tf32


def repeated(step: Callable[..., None], device: torch.device) -> Callable[..., None]:
    """`step`, to be called again and again with tensors of the same shapes; on a GPU soon replayed as a CUDA graph.

    A step changes tensors in place, returns nothing, and reads nothing back from the device.
    """
    return _Graphed(step) if device.type == "cuda" else step


class _Graphed:
    """Small kernels take less time than Python takes to launch them; a graph launches all of a step's at once."""

    def __init__(self, step: Callable[..., None]) -> None:
        self._step = step
        self._warmups = WARMUP
        self._held: tuple[Tensor, ...] = ()
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *given: Tensor) -> None:
        if self._warmups:  # a step like any other, but off the main stream, as capturing demands
            self._warmups -= 1
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self._step(*given)
            torch.cuda.current_stream().wait_stream(side)
            return
        if self._graph is None:
            self._held = tuple(each.clone() for each in given)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._step(*self._held)
        for held, each in zip(self._held, given, strict=True):
            held.copy_(each)
        self._graph.replay()
