"""Each experiment on very small settings: what it returns, and what it makes of wrong arguments."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from verify.catalogue import read_project
from verify.lab import data
from verify.lab.randomness import stream
from verify.lab.worker import MOST_POINTS
from verify.model import Experiment

EXPERIMENTS, MISTAKES = read_project()

SMALL: dict[str, dict[str, Any]] = {
    "dsd": {"examples": 96, "width": 8, "epochs": 2, "retrain_epochs": 1, "minibatch": 16, "lr": 0.05, "sparsity": 0.3},
    "random_labels": {"examples": 96, "width": 8, "epochs": 3, "minibatch": 16, "lr": 0.05},
    "large_batch": {"examples": 96, "width": 8, "epochs": 4, "warmup_epochs": 1, "minibatch": 8, "k": 2, "lr": 0.05},
    "data_scaling": {"width": 8, "steps": 12, "epochs": 2, "minibatch": 16, "lr": 0.05},
    "warmup_curve": {"k": 4, "lr": 0.1, "epochs": 9, "warmup_epochs": 2, "steps_per_epoch": 10},
}
ARMS: dict[str, list[dict[str, Any]]] = {
    "dsd": [{"arm": arm} for arm in ("dsd", "ddd", "random-mask", "baseline")],
    "random_labels": [
        {"labels": labels} for labels in ("real", "random", "shuffled-pixels", "random-pixels", "gaussian")
    ],
    "large_batch": [{"rule": rule} for rule in ("gradual-warmup", "constant-warmup", "no-warmup", "fixed-rate")],
    "data_scaling": [
        {"examples": examples, "budget": budget} for examples in (10, 96) for budget in ("fixed-steps", "fixed-epochs")
    ],
    "warmup_curve": [{"rule": rule} for rule in ("gradual-warmup", "constant-warmup", "no-warmup")],
}


@pytest.fixture(autouse=True, scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MNIST-1D with 200 examples; one thread, since others would only wait."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(data.MNIST1D, "num_samples", 200)
        patch.setattr(data, "MNIST1D_TRAIN", 120)
        patch.setattr(data, "MNIST1D_VALIDATION", 30)
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)


def run(name: str, trials: list[dict[str, Any]], seeds: list[int] | None = None) -> list[dict[str, Any]]:
    """One batch, called as a worker calls it; each trial is given what differs from `SMALL`."""
    experiment = EXPERIMENTS[name]
    function = getattr(importlib.import_module(experiment.module), name)
    seeds = seeds or [0] * len(trials)
    full = [{**SMALL[name], **trial} for trial in trials]
    if not experiment.batched:
        return [function(seed, "cpu", **each) for seed, each in zip(seeds, full, strict=True)]
    shared = {key: value for key, value in full[0].items() if key not in experiment.rides}
    riding = {key: [each[key] for each in full] for key in experiment.rides}
    returned: list[dict[str, Any]] = function(seeds, "cpu", **shared, **riding)
    return returned


def by_arm(name: str) -> dict[str, dict[str, Any]]:
    """Results of one seed by the arm's only parameter."""
    return {next(iter(arm.values())): result for arm, result in zip(ARMS[name], run(name, ARMS[name]), strict=True)}


def test_every_experiment_declares_itself_and_is_tried_here() -> None:
    assert MISTAKES == []
    assert SMALL.keys() == ARMS.keys() == EXPERIMENTS.keys()


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_it_returns_what_it_declares(experiment: Experiment) -> None:
    for result in run(experiment.name, ARMS[experiment.name]):
        digest = result.pop("data", None)
        assert result.keys() == set(experiment.values)
        assert set(experiment.diverged) <= result.keys()
        if experiment.batched:
            assert digest == data.load("mnist1d").sha256
        curves = {name: value for name, value in result.items() if isinstance(value, list)}
        assert len({len(curve) for curve in curves.values()}) <= 1, "curves of one trial go together"
        for name, value in result.items():
            numbers = value if isinstance(value, list) else [value]
            assert 1 <= len(numbers) <= MOST_POINTS, name
            assert all(isinstance(number, float) and math.isfinite(number) for number in numbers), name


@pytest.mark.parametrize("name", [name for name, each in EXPERIMENTS.items() if each.batched])
def test_a_trial_is_the_same_with_mates_alone_and_again(name: str) -> None:
    trials, seeds = ARMS[name] * 2, [0] * len(ARMS[name]) + [1] * len(ARMS[name])
    together = run(name, trials, seeds)
    assert run(name, trials, seeds) == together
    for trial, seed, expected in zip(trials, seeds, together, strict=True):
        (alone,) = run(name, [trial], [seed])
        for key, value in expected.items():
            assert alone[key] == (value if key == "data" else pytest.approx(value, rel=1e-4, abs=1e-6)), key


@pytest.mark.parametrize("name", [name for name, each in EXPERIMENTS.items() if each.batched])
def test_seeds_differ(name: str) -> None:
    first, second = run(name, ARMS[name][:1] * 2, [0, 1])
    assert first != second


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("dsd", {"arm": "dsdd"}, "arm must be one of dsd, ddd, random-mask, baseline; not dsdd"),
        ("dsd", {"arm": "dsd", "sparsity": 1.5}, r"a sparsity lies within 0 to 1: 1\.5"),
        ("random_labels", {"labels": "shuffled"}, "labels must be one of real, random, .*; not shuffled"),
        (
            "random_labels",
            {"labels": "real", "model": "cnn"},
            "model must be one of mlp, linear, conv, resnet, resnet9; not cnn",
        ),
        (
            "large_batch",
            {"rule": "no-warmup", "ghost": 4},
            "model 'mlp' has no batch normalisation: ghost and zero_gamma",
        ),
        (
            "large_batch",
            {"rule": "no-warmup", "model": "resnet", "ghost": 5},
            "a minibatch of 16 cannot be cut into ghost batches of 5",
        ),
        ("large_batch", {"rule": "warmup"}, "rule must be one of gradual-warmup, .*; not warmup"),
        ("large_batch", {"rule": "gradual-warmup", "warmup_epochs": 4}, "a warmup of 24 steps does not fit into 24"),
        ("warmup_curve", {"rule": "slow"}, "rule must be one of .*; not slow"),
        (
            "data_scaling",
            {"examples": 20, "budget": "time"},
            "budget must be one of fixed-steps, fixed-epochs; not time",
        ),
        ("data_scaling", {"examples": 121, "budget": "fixed-steps"}, "1 to 120 training examples to choose, not 121"),
        ("dsd", {"arm": "dsd", "dataset": "mnist"}, "no data set 'mnist'; there is cifar-10, fashion-mnist, mnist1d"),
    ],
)
def test_wrong_arguments(name: str, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(name, [wrong])


def test_dsd_arms_share_the_first_phase_and_then_part() -> None:
    arms = by_arm("dsd")
    first_phase = len(arms["baseline"]["epoch"])
    for arm in ("dsd", "ddd", "random-mask"):
        assert arms[arm]["epoch"][-1] == pytest.approx(4), "2 epochs and twice 1"
        assert arms[arm]["test_error"][:first_phase] == arms["baseline"]["test_error"]
    assert arms["baseline"]["epoch"][-1] == pytest.approx(2)
    last = {arms[arm]["train_loss"][-1] for arm in arms}
    assert len(last) == 4


def test_dsd_cuts_the_same_share_by_size_and_at_random() -> None:
    arms = by_arm("dsd")
    parameters = 40 * 8 + 8 + 8 * 8 + 8 + 8 * 10 + 10
    cut = round(0.3 * 64) + round(0.3 * 80)
    for arm, expected in (("dsd", cut), ("random-mask", cut), ("ddd", 0), ("baseline", 0)):
        assert arms[arm]["cut"] == pytest.approx(expected / parameters, abs=1e-6)


@pytest.mark.parametrize("model", ["conv", "resnet"])
@pytest.mark.parametrize("name", [name for name, each in EXPERIMENTS.items() if each.batched])
def test_every_experiment_trains_other_networks(name: str, model: str) -> None:
    trial = {**ARMS[name][0], "model": model, "width": 4}
    result, again = run(name, [trial, trial], [0, 1])[0], run(name, [trial], [0])[0]
    for key, value in again.items():
        assert result[key] == (value if key == "data" else pytest.approx(value, rel=1e-4, abs=1e-6)), key
    assert result["data"] == data.load("mnist1d").sha256
    assert again != run(name, [{**trial, "model": "mlp"}], [0])[0]


def test_ghost_batches_and_zero_gamma_make_a_difference() -> None:
    changes: list[dict[str, Any]] = [{}, {"ghost": 4}, {"zero_gamma": True}]
    trials = [{"rule": "no-warmup", "model": "resnet", "width": 4, **change} for change in changes]
    losses = {run("large_batch", [trial])[0]["train_loss"][-1] for trial in trials}
    assert len(losses) == 3


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


def test_the_warmup_schedule_at_its_ends() -> None:
    arms = by_arm("warmup_curve")
    gradual, constant, none = arms["gradual-warmup"], arms["constant-warmup"], arms["no-warmup"]
    assert [each["first_over_base"] for each in (gradual, constant, none)] == [1, 1, 4]
    assert all(each["last_over_scaled"] == 1 for each in arms.values())
    assert gradual["largest_rise"] == pytest.approx(3 / 20 / 4), "20 equal steps from 1 to 4"
    assert constant["largest_rise"] == pytest.approx(3 / 4)
    assert gradual["rate_over_base"][10] == pytest.approx(2.5), "half way"


def test_rates_follow_the_rule_and_drop() -> None:
    from verify.experiments.large_batch import rates

    fixed, scaled = (rates(rule, 0.1, 8, 90, 5) for rule in ("fixed-rate", "gradual-warmup"))
    assert [float(fixed[step]) for step in (0, 29, 30, 60, 80)] == pytest.approx([0.1, 0.1, 0.01, 0.001, 0.0001])
    assert [float(scaled[step]) for step in (0, 5, 30, 89)] == pytest.approx([0.1, 0.8, 0.08, 0.0008])


def test_minibatches_of_any_size_see_as_many_examples() -> None:
    small, large = (run("large_batch", [{"rule": "no-warmup", "k": k}])[0] for k in (1, 12))
    assert small["epoch"][-1] == large["epoch"][-1] == 4


def test_at_the_base_minibatch_all_rules_are_one() -> None:
    results = run("large_batch", [{**arm, "k": 1} for arm in ARMS["large_batch"]])
    for result in results[1:]:
        assert result["train_loss"] == pytest.approx(results[0]["train_loss"], rel=1e-5)


def test_the_guides_examples_run() -> None:
    guide = Path(__file__).parent.parent / "docs" / "guide" / "write-an-experiment.md"
    plain, batched = (
        fence
        for fence in re.findall(r"^```python\n(.*?)^```$", guide.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        if "def coin" in fence or "def learn" in fence
    )
    names: dict[str, Any] = {}
    exec(plain + batched, names)
    assert names["coin"](0, "cpu", bias=0.5)["heads"] == pytest.approx(0.5, abs=0.1)
    results = names["learn"]([0, 1], "cpu", lr=[0.1, 0.1], examples=[20, 120], steps=60)
    assert all(0 < each["test_error"] < 1 for each in results)


def test_a_rate_that_is_too_high_gives_no_number_for_the_worker_to_replace() -> None:
    wild, tame = run("large_batch", [{"rule": "fixed-rate", "lr": 1e12}, {"rule": "fixed-rate"}])
    assert math.isnan(wild["test_error"][-1])
    assert math.isnan(wild["validation_error"])
    assert 0 <= tame["validation_error"] <= 1


@pytest.mark.parametrize(
    ("warmup", "steps", "epochs"), [(0, 50, 3), (1, 50, 20), (1, 53, 20), (5, 157, 90), (9, 100, 10)]
)
def test_a_warmup_of_any_length_gives_a_curve_that_can_be_recorded(warmup: int, steps: int, epochs: int) -> None:
    from verify.experiments.large_batch import warmup_curve

    values = warmup_curve(
        0, "cpu", rule="gradual-warmup", k=4, lr=0.1, epochs=epochs, warmup_epochs=warmup, steps_per_epoch=steps
    )
    curve = values["rate_over_base"]
    assert isinstance(curve, list)
    assert 1 <= len(curve) <= MOST_POINTS
