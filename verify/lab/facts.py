"""What this process runs on, as it goes into the record."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec

from verify.lab.processor import processor
from verify.messages import Facts


def describe(device: str, *, torch: bool) -> Facts:
    """What trials run on in here, with `auto` resolved.

    Raises:
        ValueError: the device is not here.
    """
    if torch:
        from verify.lab import machine

        return facts(machine.resolve(device), torch=True)
    if device not in ("auto", "cpu"):
        raise ValueError(f"device '{device}' is for experiments that use torch, and none does")
    return facts("cpu", torch=False)


def facts(device: str, *, torch: bool, packages: Iterable[str] = ()) -> Facts:
    """What goes into the record of trials on a resolved `device`; without `torch`, nothing that depends on it.

    `packages` are names of installed packages that a review declares; those that are not installed are left out.
    """
    return Facts(
        device=device,
        machine=_machine(device, torch),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        versions=_versions(torch, tuple(packages)),
    )


@lru_cache
def _machine(device: str, torch: bool) -> str:
    if not torch:
        return processor()
    from verify.lab import machine

    return machine.name(device)


@lru_cache
def _versions(torch: bool, packages: tuple[str, ...]) -> dict[str, str]:
    wanted = ("numpy", "scipy", *(("torch", "numba") if torch else ()))
    versions = {"python": platform.python_version()}
    versions |= {each: metadata.version(each).split("+")[0] for each in wanted if find_spec(each)}
    for each in packages:
        try:
            versions[each] = metadata.version(each).split("+")[0]
        except metadata.PackageNotFoundError:
            continue  # a run refuses reviews whose packages are missing before any worker is started
    return versions
