"""Experiments called as a worker calls them, on the very small settings of `tests.settings`."""

from __future__ import annotations

import importlib
import pkgutil
from itertools import chain
from typing import Any

from tests import settings
from verify.planning.catalogue import read_project

EXPERIMENTS, MISTAKES = read_project()
_MODULES = [importlib.import_module(f"tests.settings.{each.name}") for each in pkgutil.iter_modules(settings.__path__)]
SMALL: dict[str, dict[str, Any]] = dict(chain.from_iterable(module.SMALL.items() for module in _MODULES))
ARMS: dict[str, list[dict[str, Any]]] = dict(chain.from_iterable(module.ARMS.items() for module in _MODULES))


def run(name: str, trials: list[dict[str, Any]], seeds: list[int] | None = None) -> list[dict[str, Any]]:
    """One batch; each trial is given what differs from `SMALL`."""
    experiment = EXPERIMENTS[name]
    function = getattr(importlib.import_module(experiment.module), name)
    seeds = seeds or [0] * len(trials)
    full = [{**SMALL[name], **trial} for trial in trials]
    if not experiment.batched:
        return [function(seed, "cpu", **each) for seed, each in zip(seeds, full, strict=True)]
    shared = {key: value for key, value in full[0].items() if key not in experiment.batch_axes}
    varied = {key: [each[key] for each in full] for key in experiment.batch_axes}
    returned: list[dict[str, Any]] = function(seeds, "cpu", **shared, **varied)
    return returned


def by_arm(name: str) -> dict[str, dict[str, Any]]:
    """Results of one seed by the arm's only parameter."""
    return {next(iter(arm.values())): result for arm, result in zip(ARMS[name], run(name, ARMS[name]), strict=True)}
