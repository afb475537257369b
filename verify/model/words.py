"""The smallest words: values, selections, scales, statuses, and what tests are named by."""

from __future__ import annotations

from typing import Literal

Scalar = str | bool | int | float
"""A parameter's value."""
Value = float | tuple[float, ...]
"""What an experiment returns under one name: a number, or a curve (at most 100 points).

Where one number is wanted of a curve it is the last point: the final epoch, never the best one.
"""
Where = dict[str, Scalar]
"""Parameter values that select trials: all must be equal."""

Scale = Literal["tiny", "small", "full"]
SCALES: tuple[Scale, ...] = ("tiny", "small", "full")

Status = Literal["supported", "contradicted", "inconclusive", "not run", "failed"]
STATUSES: tuple[Status, ...] = ("supported", "contradicted", "inconclusive", "not run", "failed")

STATISTICS = ("mean", "difference", "log_ratio", "slope", "interaction", "holdout_error", "sd", "rate")
FORMS = ("log", "power", "saturating", "logistic")
"""Curves that can be fitted over a parameter: a + b·log x, c + k·x^-p with c ≥ 0, c + k·exp(-x/s), and c + k/(1 + x/s)
with c ≥ 0, which is level at both ends.
"""
