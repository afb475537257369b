"""Very small settings for the experiments of `verify.experiments.data_scaling`."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, dict[str, Any]] = {
    "data_scaling": {"width": 8, "steps": 12, "epochs": 2, "minibatch": 16, "lr": 0.05, "noise": 0.0},
}
"""Per experiment, what every trial of a test is given."""
ARMS: dict[str, list[dict[str, Any]]] = {
    "data_scaling": [
        {"examples": examples, "budget": budget} for examples in (10, 96) for budget in ("fixed-steps", "fixed-epochs")
    ]
    + [{"examples": 96, "budget": "fixed-steps", "noise": 0.4}],
}
"""Per experiment, what differs between the trials of a test."""
