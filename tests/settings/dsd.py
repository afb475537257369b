"""Very small settings for the experiments of `verify.experiments.dsd`."""

from __future__ import annotations

from typing import Any

_SMALL = {"examples": 96, "width": 8, "epochs": 2, "retrain_epochs": 1, "minibatch": 16, "lr": 0.05, "sparsity": 0.3}
SMALL: dict[str, dict[str, Any]] = {"dsd": _SMALL, "dsd_weights": _SMALL}
"""Per experiment, what every trial of a test is given."""
ARMS: dict[str, list[dict[str, Any]]] = {
    "dsd": [{"arm": arm} for arm in ("dsd", "ddd", "random-mask", "baseline")],
    "dsd_weights": [
        *({"stage": stage, "arm": "dsd"} for stage in ("dense", "pruned", "sparse", "re-dense")),
        *({"stage": stage, "arm": arm} for arm in ("ddd", "random-mask") for stage in ("sparse", "re-dense")),
    ],
}
"""Per experiment, what differs between the trials of a test."""
