"""Where chance comes from: one stream of random numbers for each seed and purpose.

A trial's seed decides everything random in it, and arms that share a seed share whatever they both draw, because a
purpose has its own stream: drawing more labels does not change the order of the data.  Streams live on the CPU, so
that every device sees the same numbers.
"""

from __future__ import annotations

import hashlib

import torch


def stream(seed: int, purpose: str) -> torch.Generator:
    """A generator on the CPU for the trial with `seed`, independent of those for other purposes."""
    digest = hashlib.sha256(f"{purpose} {seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
