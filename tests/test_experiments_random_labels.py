"""The experiments on random labels."""

from __future__ import annotations

import pytest
import torch

from verify.lab import data
from verify.lab.randomness import stream

pytestmark = pytest.mark.usefixtures("small")


def test_random_labels_corrupt_what_they_say() -> None:
    from verify.experiments.random_labels import LABELS, _inputs, _labels, _subset

    source = data.load("mnist1d")
    real = _subset(source, 0, 96)
    assert torch.equal(real.inputs, source.train.inputs[source.subset(0, 96)])
    drawn = {kind: _labels(real, kind, 0, source.classes) for kind in LABELS}
    assert not torch.equal(drawn["random"].labels, real.labels)
    assert all(torch.equal(drawn[kind].labels, real.labels) for kind in LABELS if kind != "random")

    noises = {kind: stream(0, "inputs") for kind in LABELS}
    seen = {
        kind: [_inputs(kind, split.inputs, 0, noise, 1) for split in (real, source.test)]
        for kind, noise in noises.items()
    }
    plain = (real.inputs, source.test.inputs)
    for kind in ("real", "random"):
        assert all(after is before for after, before in zip(seen[kind], plain, strict=True)), "no copy is made"
    for kind in ("shuffled-pixels", "random-pixels"):
        for before, after in zip(plain, seen[kind], strict=True):
            assert torch.equal(after.sort(1).values, before.sort(1).values)
            assert not torch.equal(after, before)
    joint = [torch.cat(list(inputs)) for inputs in (plain, seen["shuffled-pixels"])]
    assert all((joint[0] == column[:, None]).all(0).any() for column in joint[1].T), "one shuffle for both splits"
    assert not torch.equal(seen["gaussian"][0][:40], seen["gaussian"][1][:40]), "the test split has noise of its own"


def test_epochs_until_an_error_are_interpolated() -> None:
    from verify.experiments.random_labels import _first_at_most

    epochs, errors = [1.0, 2.0, 4.0], [0.7, 0.5, 0.1]
    assert _first_at_most(epochs, errors, 0.5, never=9) == 2
    assert _first_at_most(epochs, errors, 0.3, never=9) == pytest.approx(3)
    assert _first_at_most(epochs, errors, 0.8, never=9) == pytest.approx(0.5)
    assert _first_at_most(epochs, errors, 0.05, never=9) == 9
