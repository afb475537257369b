"""Very small settings for the experiments of `verify.experiments.pretraining`."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, dict[str, Any]] = {
    "pretraining": {
        "examples": 60,
        "width": 8,
        "minibatch": 16,
        "pretrain_steps": 12,
        "shots": 20,
        "transfer_minibatch": 8,
        "transfer_steps": 6,
        "pretrain_lr": 0.1,
        "lr": 0.1,
    },
}
"""Per experiment, what every trial of a test is given."""
ARMS: dict[str, list[dict[str, Any]]] = {
    "pretraining": [
        {"start": start, "transfer": transfer}
        for start in ("pretrained", "untrained")
        for transfer in ("fine-tuned", "frozen")
    ],
}
"""Per experiment, what differs between the trials of a test."""
