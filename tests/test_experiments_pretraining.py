"""The pretraining experiment, against a plain loop of its own."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tests.trying import ARMS, SMALL, run
from verify.experiments.pretraining import last_layer_only, transferred
from verify.lab import data, models
from verify.lab.ensemble import Ensemble
from verify.lab.examples import relabelled
from verify.lab.randomness import stream

pytestmark = pytest.mark.usefixtures("small")

TRIAL: dict[str, Any] = {"start": "pretrained", "transfer": "fine-tuned"}


def sgd(network: nn.Module, trained: list[Tensor], split: data.Split, seed: int, phase: int, **how: Any) -> None:
    """Train a network in the plainest way, along half a cosine, in the data order of the seed."""
    optimizer = torch.optim.SGD(trained, momentum=0.9, lr=how["lr"], weight_decay=how["weight_decay"])
    shuffles = stream(seed, f"order {phase}")
    order: list[int] = []
    for step in range(how["steps"]):
        while len(order) < how["minibatch"]:
            order += torch.randperm(len(split.labels), generator=shuffles).tolist()
        rows, order = order[: how["minibatch"]], order[how["minibatch"] :]
        optimizer.param_groups[0]["lr"] = how["lr"] * (1 + math.cos(math.pi * step / how["steps"])) / 2
        optimizer.zero_grad()
        cross_entropy(network(split.inputs[rows]), split.labels[rows]).backward()
        optimizer.step()


def of_classes(split: data.Split, classes: list[int]) -> data.Split:
    """Examples of some classes only, which are numbered by their place in `classes`."""
    rows = [row for row, label in enumerate(split.labels.tolist()) if label in classes]
    return data.Split(split.inputs[rows], torch.tensor([classes.index(int(split.labels[row])) for row in rows]))


def by_hand(seed: int, *, transfer: str, steps: int, groups: int = 7) -> dict[str, float]:
    """What a trial with the settings of `SMALL` should return."""
    source = data.load("mnist1d", [seed])
    train, validation, test = (source.take(each[seed]) for each in (source.train, source.validation, source.test))
    drawn = torch.randperm(10, generator=stream(seed, "classes")).tolist()
    targets, others = drawn[:3], drawn[3:]

    torch.manual_seed(seed)
    network = models.mlp(40, groups, width=8)
    upstream = of_classes(train, others)
    upstream = data.Split(upstream.inputs[:60], upstream.labels[:60] % groups)
    sgd(network, list(network.parameters()), upstream, seed, 0, lr=0.1, minibatch=16, steps=steps, weight_decay=5e-4)
    checked = of_classes(validation, others)
    pretrain_error = (network(checked.inputs).argmax(1) != checked.labels % groups).double().mean()

    torch.manual_seed(int(torch.randint(2**62, (), generator=stream(seed, "last layer"))))
    network[-1] = models.mlp(40, 3, width=8)[-1]
    few = of_classes(train, targets)
    few = data.Split(few.inputs[:20], few.labels[:20])
    trained = list((network if transfer == "fine-tuned" else network[-1]).parameters())
    sgd(network, trained, few, seed, 1, lr=0.1, minibatch=8, steps=6, weight_decay=0.0)
    test = of_classes(test, targets)
    return {
        "test_error": float((network(test.inputs).argmax(1) != test.labels).double().mean()),
        "pretrain_validation_error": float(pretrain_error),
    }


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("arm", ARMS["pretraining"], ids=lambda arm: " ".join(arm.values()))
def test_a_trial_is_what_a_plain_loop_gives(arm: dict[str, str], seed: int) -> None:
    steps = SMALL["pretraining"]["pretrain_steps"] if arm["start"] == "pretrained" else 0
    (result,) = run("pretraining", [arm], [seed])
    for name, expected in by_hand(seed, transfer=arm["transfer"], steps=steps).items():
        assert result[name] == pytest.approx(expected, abs=1e-6), name


def test_merged_labels_are_two() -> None:
    (result,) = run("pretraining", [{**TRIAL, "labels": "merged"}])
    for name, expected in by_hand(0, transfer="fine-tuned", steps=12, groups=2).items():
        assert result[name] == pytest.approx(expected, abs=1e-6), name


def test_an_untrained_network_does_not_depend_on_pretraining() -> None:
    trial = {**TRIAL, "start": "untrained"}
    first, other = run("pretraining", [trial, {**trial, "examples": 30, "pretrain_lr": 0.3}])
    assert first == other
    first, other = run("pretraining", [TRIAL, {**TRIAL, "examples": 30, "pretrain_lr": 0.3}])
    assert first != other


@pytest.mark.parametrize("model", ["mlp", "conv", "resnet"])
def test_all_but_the_last_layer_are_taken_over_and_frozen(model: str) -> None:
    def build(classes: int) -> nn.Module:
        return models.named(model, (1, 40), classes, width=4)

    before = Ensemble.of(lambda: build(7), [0, 1])
    after = transferred(before, lambda: build(3), [0, 1], "cpu")
    mask = after.views(last_layer_only(after, [True, False]))
    old, new, first = (each.views(each.weights) for each in (before, after, Ensemble.of(lambda: build(3), [0, 1])))
    *body, weight, bias = new
    for name in body:
        assert torch.equal(new[name], old[name])
        assert not mask[name][0].any()
        assert mask[name][1].all()
    for name in (weight, bias):
        assert mask[name].all()
        assert not torch.equal(new[name], old[name][:, :3]), "not what pretraining began with"
        assert not torch.equal(new[name], first[name])
        assert not torch.equal(new[name][0], new[name][1])


def test_examples_are_chosen_and_renamed_by_class() -> None:
    named = torch.tensor([0, 1, 2, 2, 1, 0])
    rows, labels = relabelled(named, torch.tensor([5, 4, 3, 1]), torch.tensor([-1, 7, 0]))
    assert rows.tolist() == [4, 3, 1]
    assert labels.tolist() == [7, 0, 7]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": "random"}, "start must be one of pretrained, untrained; not random"),
        ({"transfer": "linear"}, "transfer must be one of fine-tuned, frozen; not linear"),
        ({"labels": "coarse"}, "labels must be one of fine, merged; not coarse"),
        ({"examples": 119}, r"mnist1d has 1 to \d\d training examples of these classes, not 119"),
        ({"shots": 0}, r"mnist1d has 1 to \d\d training examples of these classes, not 0"),
    ],
)
def test_wrong_arguments(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run("pretraining", [{**TRIAL, **wrong}])
