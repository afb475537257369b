"""What holds for each experiment, on very small settings: what it returns, and what it makes of wrong arguments."""

from __future__ import annotations

import ast
import math
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trying import ARMS, EXPERIMENTS, MISTAKES, SMALL, run
from verify.lab import data, models, schedules
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples
from verify.lab.optimizers import AdamW
from verify.lab.randomness import stream
from verify.lab.training import Training
from verify.messages import MOST_POINTS
from verify.model import Experiment

pytestmark = pytest.mark.usefixtures("small")


def test_every_experiment_declares_itself_and_is_tried_here() -> None:
    assert MISTAKES == []
    assert SMALL.keys() == ARMS.keys() == EXPERIMENTS.keys()


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_it_returns_what_it_declares(experiment: Experiment) -> None:
    expected = data.load("mnist1d", [0]).sha256[0]
    for result in run(experiment.name, ARMS[experiment.name]):
        digest = result.pop("data", None)
        assert result.keys() == set(experiment.values)
        assert set(experiment.diverged) <= result.keys()
        if experiment.batched:
            assert digest == expected
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
    digests = data.load("mnist1d", [0, 1]).sha256
    assert [first["data"], second["data"]] == [digests[0], digests[1]]


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


@pytest.mark.parametrize("model", ["conv", "resnet"])
@pytest.mark.parametrize("name", [name for name, each in EXPERIMENTS.items() if each.batched])
def test_every_experiment_trains_other_networks(name: str, model: str) -> None:
    trial = {**ARMS[name][0], "model": model, "width": 4}
    if name == "elbow":
        trial["lr"] = 0.003  # where it is a jump in the error, one example that rounding changes moves it
    result, again = run(name, [trial, trial], [0, 1])[0], run(name, [trial], [0])[0]
    for key, value in again.items():
        assert result[key] == (value if key == "data" else pytest.approx(value, rel=1e-4, abs=1e-6)), key
    assert result["data"] == data.load("mnist1d", [0]).sha256[0]
    assert again != run(name, [{**trial, "model": "mlp"}], [0])[0]


def test_the_guides_examples_run() -> None:
    guide = Path(__file__).parent.parent / "docs" / "guide" / "write-an-experiment.md"
    fences = re.findall(r"^```python\n(.*?)^```$", guide.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    plain, batched, own = (fence for fence in fences if re.search("def coin|def learn|meshgrid", fence))
    names: dict[str, Any] = {}
    exec(plain + batched, names)
    assert names["coin"](0, "cpu", bias=0.5)["heads"] == pytest.approx(0.5, abs=0.1)
    results = names["learn"]([0, 1], "cpu", lr=[0.1, 0.1], examples=[20, 120], steps=60)
    assert all(0 < each["test_error"] < 1 for each in results)
    names |= {"torch": torch, "stream": stream, "partial": partial, "models": models, "Examples": Examples}
    names |= {"seeds": [0, 1], "device": "cpu"}
    exec(own, names)
    ensemble = Ensemble.of(names["build"], [0, 1])
    training = Training(ensemble, names["train"], [0, 1], minibatch=16, optimizer=AdamW())
    training.run([schedules.constant(1e-3, 3)] * 2)
    assert evaluate(ensemble, names["test"]).error.isfinite().all()


def test_the_guide_names_every_public_name_of_the_lab() -> None:
    guide = (Path(__file__).parent.parent / "docs" / "guide" / "write-an-experiment.md").read_text(encoding="utf-8")
    modules = ("corruption", "curves", "ensemble", "examples", "models", "optimizers", "pruning", "schedules")
    missing: list[str] = []
    for module in modules:
        tree = ast.parse(Path(data.__file__).with_name(f"{module}.py").read_text(encoding="utf-8"))
        names = [each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.ClassDef)]
        missing += [f"{module}.{each}" for each in names if not each.startswith("_") and each not in guide]
    assert not missing
