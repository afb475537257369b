"""Very small settings for the experiments of `verify.experiments.interpolation`."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, dict[str, Any]] = {
    "represent": {"examples": 50},
    "kernel_machine": {"examples": 40, "bandwidth": 0.4, "ridge": 1.0},
    "least_squares": {"examples": 3, "steps": 50},
}
"""Per experiment, what every trial of a test is given."""
ARMS: dict[str, list[dict[str, Any]]] = {
    "represent": [{"construction": construction} for construction in ("whole", "one-unit-fewer")],
    "kernel_machine": [{"regularised": regularised} for regularised in ("none", "ridge")],
    "least_squares": [{"start": start} for start in ("zero", "random")],
}
"""Per experiment, what differs between the trials of a test."""
