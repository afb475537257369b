"""Very small settings for the experiment of `verify.experiments.distributed`."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, dict[str, Any]] = {"distributed": {"workers": 2, "minibatch": 4, "steps": 6}}
"""Per experiment, what every trial of a test is given."""
ARMS: dict[str, list[dict[str, Any]]] = {
    "distributed": [{"variant": variant} for variant in ("as-one", "own-normalisation", "momentum-corrected")]
}
"""Per experiment, what differs between the trials of a test."""
