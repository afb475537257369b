"""Very small settings for the experiments of `verify.experiments.large_batch` and `large_batch_curves`."""

from __future__ import annotations

from typing import Any

_TRAINING = {"examples": 96, "width": 8, "epochs": 4, "warmup_epochs": 1}
SMALL: dict[str, dict[str, Any]] = {
    "large_batch": {**_TRAINING, "minibatch": 8, "k": 2, "lr": 0.05, "tuned_lr": 0.03},
    "elbow": {**_TRAINING, "minibatch": 2, "lr": 0.05, "factor": 1.0},
    "curve_distance": {**_TRAINING, "minibatch": 8, "k": 2, "lr": 0.05, "factor": 1.0, "points": 4},
    "warmup_curve": {"k": 4, "lr": 0.1, "epochs": 9, "warmup_epochs": 2, "steps_per_epoch": 10},
}
"""Per experiment, what every trial of a test is given."""
ARMS: dict[str, list[dict[str, Any]]] = {
    "large_batch": [
        {"rule": rule}
        for rule in (
            "gradual-warmup",
            "constant-warmup",
            "no-warmup",
            "half-linear",
            "twice-linear",
            "square-root",
            "fixed-rate",
            "tuned",
        )
    ],
    "elbow": [{"factor": 1.0}, {"factor": 2.0}],
    "curve_distance": [{"k": 2}, {"k": 1, "factor": 2.0}],
    "warmup_curve": [{"rule": rule} for rule in ("gradual-warmup", "constant-warmup", "no-warmup")],
}
"""Per experiment, what differs between the trials of a test."""
