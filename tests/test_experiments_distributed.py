"""Workers that share a minibatch, against one process that has all of it."""

from __future__ import annotations

import multiprocessing

import pytest
import torch

from tests.trying import run
from verify.experiments import distributed

SAME = ("as-one", "momentum-corrected", "loss-scaled-without-decay")
MISTAKES = ("own-normalisation", "own-shuffles", "momentum-uncorrected", "loss-scaled")


@pytest.mark.parametrize("workers", [2, 3])
def test_the_right_variants_are_the_same_and_the_mistakes_are_not(workers: int) -> None:
    trials = [{"variant": variant, "workers": workers} for variant in (*SAME, *MISTAKES)]
    results = run("distributed", trials)
    distances = {trial["variant"]: result["distance"] for trial, result in zip(trials, results, strict=True)}
    assert distances.keys() == set(distributed.VARIANTS)
    assert all(distances[variant] < 1e-13 for variant in SAME)
    assert all(distances[variant] > 1e-4 for variant in MISTAKES)
    assert all(result["moved"] > 1e-2 for result in results)


def test_it_repeats_itself_and_seeds_differ() -> None:
    first, again, other = run("distributed", [{"variant": "own-shuffles"}] * 3, [0, 0, 1])
    assert first == again != other


def test_a_worker_that_fails_is_reported_and_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    task = distributed.Task(0, "as-one", 2, minibatch=4, steps=0)  # no rates: the schedule cannot be made
    with pytest.raises(RuntimeError, match=r"workers ended with .*\n(.*\n)*Traceback"):
        distributed._together(task)
    assert multiprocessing.active_children() == []
    monkeypatch.setattr(distributed, "LIMIT", 0)
    with pytest.raises(RuntimeError, match="not within 0 s"):
        distributed._together(task._replace(steps=6))
    assert multiprocessing.active_children() == []


def test_the_workers_see_each_example_of_a_shuffle_once() -> None:
    task = distributed.Task(0, "as-one", 2, minibatch=4, steps=6)
    count = len(task.examples[1])
    parts = [list(distributed._rows(task, count, rank)) for rank in range(2)]
    seen = torch.cat([rows for step in zip(*parts, strict=True) for rows in step])
    for shuffle in seen.split(count):
        assert shuffle.sort().values.tolist() == list(range(count))


def test_unknown_variants_are_refused() -> None:
    with pytest.raises(ValueError, match=r"variant must be one of as-one, .*; not alone"):
        run("distributed", [{"variant": "alone"}])
