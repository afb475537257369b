"""Very small settings for the experiments of `verify.experiments.random_labels`."""

from __future__ import annotations

from typing import Any

_TRAINING: dict[str, Any] = {"examples": 96, "width": 8, "epochs": 3, "minibatch": 16, "lr": 0.05}
SMALL: dict[str, dict[str, Any]] = {
    "random_labels": {**_TRAINING, "corrupted": 1.0},
    "time_to_fit": {**_TRAINING, "examples": 96, "epochs": 8},
    "explicit_regularisation": {**_TRAINING, "weight_decay": 1e-2, "dropout": 0.3, "labels": "real"},
}
"""Per experiment, what every trial of a test is given."""
ARMS: dict[str, list[dict[str, Any]]] = {
    "random_labels": [
        {"labels": labels} for labels in ("real", "random", "shuffled-pixels", "random-pixels", "gaussian")
    ],
    "time_to_fit": [{"labels": labels} for labels in ("real", "random")],
    "explicit_regularisation": [{"explicit": explicit} for explicit in ("none", "weight-decay", "dropout", "both")],
}
"""Per experiment, what differs between the trials of a test."""
