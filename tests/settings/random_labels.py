"""Very small settings for the experiments of `verify.experiments.random_labels`."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, dict[str, Any]] = {
    "random_labels": {"examples": 96, "width": 8, "epochs": 3, "minibatch": 16, "lr": 0.05},
}
"""Per experiment, what every trial of a test is given."""
ARMS: dict[str, list[dict[str, Any]]] = {
    "random_labels": [
        {"labels": labels} for labels in ("real", "random", "shuffled-pixels", "random-pixels", "gaussian")
    ],
}
"""Per experiment, what differs between the trials of a test."""
