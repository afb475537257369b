"""Very small settings for the experiments of `verify.experiments.large_batch`."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, dict[str, Any]] = {
    "large_batch": {"examples": 96, "width": 8, "epochs": 4, "warmup_epochs": 1, "minibatch": 8, "k": 2, "lr": 0.05},
    "warmup_curve": {"k": 4, "lr": 0.1, "epochs": 9, "warmup_epochs": 2, "steps_per_epoch": 10},
}
"""Per experiment, what every trial of a test is given."""
ARMS: dict[str, list[dict[str, Any]]] = {
    "large_batch": [{"rule": rule} for rule in ("gradual-warmup", "constant-warmup", "no-warmup", "fixed-rate")],
    "warmup_curve": [{"rule": rule} for rule in ("gradual-warmup", "constant-warmup", "no-warmup")],
}
"""Per experiment, what differs between the trials of a test."""
