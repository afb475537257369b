"""The machine that trials run on: everything that depends on the kind of device is here."""

from __future__ import annotations

import torch

from verify.lab.processor import processor

DEVICES = ("cuda", "mps", "cpu")
"""From the fastest to the one that is always there."""


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
    """The model of the processor or GPU behind a resolved `device`, as the system names it."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return processor()
