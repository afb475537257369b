"""Measures what this project promises about speed: `python -m benchmarks`, or `make bench`."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import beside_jax, flops, idle, replicas, site, stores, trials
from benchmarks.measuring import Measurement

MEASUREMENTS: dict[str, Callable[[bool], Measurement]] = {
    "trials": trials.measure,
    "flops": flops.measure,
    "jax": beside_jax.measure,
    "replicas": replicas.measure,
    "idle": idle.measure,
    "stores": stores.measure,
    "site": site.measure,
}
"""By name; each takes whether to be quick, and then measures small amounts."""
