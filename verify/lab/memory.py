"""How much memory a batch may take: what would need more is cut before it is allocated."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from verify.system import cores

FRACTION = 0.8
"""Of the memory there is: the rest is for what nobody estimates."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux says what a container may use."""


class TooLarge(Exception):
    """A batch needs more memory than there is for it; `parts` says into how many it must be cut."""

    def __init__(self, needed: float, share: float, parts: int) -> None:
        super().__init__(f"needs {needed / 1e9:.1f} GB of memory, and may use {share / 1e9:.1f}")
        self.parts = parts


def share(device: str) -> float:
    """Bytes that this process may use on a device: on a CPU, as much of the machine's as it has of its cores.

    What others use does not count, since the same batch is to be cut the same way each time.
    """
    import torch

    if device == "cuda":
        return FRACTION * torch.cuda.get_device_properties().total_memory
    if device == "mps":
        return FRACTION * torch.mps.recommended_max_memory()
    return FRACTION * _machine() * min(1.0, torch.get_num_threads() / cores())


def check(replicas: int, each: int, besides: int, device: str) -> None:
    """That replicas of so many bytes fit, with what is there once `besides`.

    Raises:
        TooLarge: they do not, and fewer might.
    """
    needed, most = replicas * each + besides, share(device)
    if needed > most and replicas > 1:
        fit = max(1, int((most - besides) // each))
        raise TooLarge(needed, most, max(2, -(-replicas // fit)))


def _machine() -> float:
    """Bytes of memory of this machine, or of the container it is."""
    found = [float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))]
    for each in _LIMITS:
        with suppress(OSError, ValueError):  # not Linux, or without a limit, which reads `max`
            found.append(float(Path(each).read_text()))
    return min(found)
