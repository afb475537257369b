"""The experiments on random labels."""

from __future__ import annotations

import math

import pytest
import torch

from tests.trying import ARMS, run
from verify.lab import data, models
from verify.lab.randomness import stream

pytestmark = pytest.mark.usefixtures("small")


def test_random_labels_corrupt_what_they_say() -> None:
    from verify.experiments.random_labels import LABELS, _inputs, _labels

    source = data.load("mnist1d", [0])
    real, test = source.take(source.subset(0, 96)), source.take(source.test[0])
    drawn = {kind: _labels(real, kind, 0, source.classes) for kind in LABELS}
    assert not torch.equal(drawn["random"].labels, real.labels)
    assert all(torch.equal(drawn[kind].labels, real.labels) for kind in LABELS if kind != "random")

    noises = {kind: stream(0, "inputs") for kind in LABELS}
    seen = {
        kind: [_inputs(kind, split.inputs, 0, noise, 1) for split in (real, test)] for kind, noise in noises.items()
    }
    plain = (real.inputs, test.inputs)
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


def test_a_share_of_the_labels_is_drawn_anew_and_a_larger_share_holds_a_smaller() -> None:
    from verify.experiments.random_labels import _labels

    source = data.load("mnist1d", [0])
    real = source.take(source.subset(0, 96))
    none, some, more = (_labels(real, "random", 0, source.classes, share).labels for share in (0.0, 0.4, 1.0))
    assert torch.equal(none, real.labels)
    changed = some != real.labels
    assert 0.15 < changed.double().mean() < 0.55, "nine tenths of 0.4"
    assert torch.equal(some[changed], more[changed])
    with pytest.raises(ValueError, match="a fraction of labels lies within 0 to 1"):
        run("random_labels", [{"labels": "random", "corrupted": 1.5}])


def test_without_corruption_random_labels_are_real_ones() -> None:
    real, uncorrupted, random = run(
        "random_labels",
        [{"labels": "real"}, {"labels": "random", "corrupted": 0.0}, {"labels": "random", "corrupted": 1.0}],
    )
    assert uncorrupted == real != random


@pytest.mark.parametrize("momentum", [0.9, 0.8])
def test_time_to_fit_is_that_of_a_plain_loop(momentum: float) -> None:
    from verify.experiments.random_labels import _first_at_most, _labels

    source = data.load("mnist1d", [0])
    shared = {"examples": 40, "width": 64, "epochs": 60, "momentum": momentum}
    arms = [{"labels": labels, **shared} for labels in ("real", "random")]
    for arm, found in zip(arms, run("time_to_fit", arms), strict=True):
        train = _labels(source.take(source.subset(0, 40)), str(arm["labels"]), 0, source.classes)
        torch.manual_seed(0)
        network = models.mlp(source.features, source.classes, width=64)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=momentum)
        generator, order, errors = stream(0, "order 0"), torch.empty(0, dtype=torch.int64), [1.0]
        while errors[-1] > 0.001 and len(errors) <= 60:
            for _ in range(2):  # of 40 examples, minibatches of 16
                if len(order) < 16:
                    order = torch.cat([order, torch.randperm(40, generator=generator)])
                rows, order = order[:16], order[16:]
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(network(train.inputs[rows]), train.labels[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            errors.append(float((network(train.inputs).argmax(1) != train.labels).double().mean()))
        passed = [epoch * 32 / 40 for epoch in range(1, len(errors))]
        assert found["epochs_to_fit"] == pytest.approx(_first_at_most(passed, errors[1:], 0.001, never=60), rel=1e-3)
        assert found["epochs_to_fit"] < 48, "it was fitted"
        assert found["log_epochs_to_fit"] == pytest.approx(math.log(found["epochs_to_fit"]))


def test_what_is_never_fitted_takes_all_epochs() -> None:
    (found,) = run("time_to_fit", [{"labels": "random", "lr": 0.0}])
    assert found["epochs_to_fit"] == 8
    assert found["train_error"] > 0.5


def test_a_regulariser_counts_only_where_it_is_in_force() -> None:
    none, decay, dropout, both = run("explicit_regularisation", ARMS["explicit_regularisation"])
    plain, weaker = run(
        "explicit_regularisation",
        [{"explicit": "both", "weight_decay": 0.0, "dropout": 0.0}, {"explicit": "both", "dropout": 0.0}],
    )
    assert none == plain
    assert decay == weaker
    assert len({each["train_loss"][-1] for each in (none, decay, dropout, both)}) == 4
    assert none["above_chance"] == pytest.approx(0.9 - none["test_error"])


def test_a_linear_classifier_has_no_hidden_units_to_drop() -> None:
    both, decay = (
        run("explicit_regularisation", [{"explicit": explicit, "model": "linear"}])[0]
        for explicit in ("both", "weight-decay")
    )
    assert both == decay


def test_regularised_networks_are_trained_on_the_random_labels() -> None:
    losses = []
    for momentum in (0.9, 0.0):
        arms = [{"explicit": "none", "labels": labels, "momentum": momentum} for labels in ("real", "random")]
        real, random = run("explicit_regularisation", arms)
        (elsewhere,) = run("random_labels", [{"labels": "random", "momentum": momentum}])
        assert random["train_loss"] == pytest.approx(elsewhere["train_loss"], rel=1e-4)
        assert random["train_loss"] != real["train_loss"]
        losses.append(random["train_loss"])
    assert losses[0] != losses[1], "momentum reaches the optimizer"


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("time_to_fit", {"labels": "gaussian"}, "labels must be one of real, random; not gaussian"),
        ("explicit_regularisation", {"explicit": "l1"}, "explicit must be one of none, weight-decay, dropout, both"),
        ("explicit_regularisation", {"explicit": "none", "labels": "no"}, "labels must be one of real, random; not no"),
        (
            "explicit_regularisation",
            {"explicit": "both", "dropout": 1.0},
            "dropout is a fraction of units within 0 to 1",
        ),
    ],
)
def test_wrong_arguments(name: str, wrong: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(name, [wrong])
