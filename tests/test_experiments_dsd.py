"""The DSD experiment."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.trying import ARMS, SMALL, by_arm, run
from verify.lab import data, models
from verify.lab.ensemble import Ensemble, initialised
from verify.lab.pruning import cut_magnitudes, magnitude_mask
from verify.lab.randomness import stream

pytestmark = pytest.mark.usefixtures("small")


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


def test_dsd_at_a_sparsity_of_zero_is_ddd() -> None:
    nothing, something, dense = run(
        "dsd", [{"arm": "dsd", "sparsity": 0}, {"arm": "dsd", "sparsity": 0.5}, {"arm": "ddd", "sparsity": 0.5}]
    )
    assert nothing == dense
    assert dense["cut"] == 0
    assert something["train_loss"] != dense["train_loss"]


def test_what_is_noted_after_the_sparse_phase_is_what_the_curve_shows_there() -> None:
    arms = by_arm("dsd")
    for arm in ("dsd", "ddd", "random-mask"):
        curves = zip(arms[arm]["epoch"], arms[arm]["test_error"], strict=True)
        (there,) = (error for epoch, error in curves if epoch == pytest.approx(3))
        assert arms[arm]["sparse_test_error"] == pytest.approx(there)
    assert arms["baseline"]["sparse_test_error"] == pytest.approx(arms["baseline"]["test_error"][-1])
    assert arms["baseline"]["sparse_loss"] == arms["baseline"]["final_loss"]


def test_two_cycles_begin_as_one_and_go_on_for_two_phases_more() -> None:
    for trial in ARMS["dsd"][:2]:
        (once,), (twice,) = run("dsd", [trial]), run("dsd", [{**trial, "cycles": 2}])
        points = len(once["epoch"])
        assert twice["epoch"][:points] == once["epoch"]
        assert twice["epoch"][-1] == pytest.approx(6)
        assert twice["test_error"][:points] == once["test_error"]
        assert twice["sparse_loss"] == once["sparse_loss"]
        assert twice["final_loss"] != once["final_loss"]


@pytest.mark.parametrize(("schedule", "last_rate"), [("cosine", 0.01), ("constant", 0.1)])
@pytest.mark.parametrize("arm", ["dsd", "ddd"])
def test_it_is_algorithm_1_written_out(arm: str, schedule: str, last_rate: float) -> None:
    """The same numbers from a plain loop with `torch.optim.SGD`, which shares no code with the experiment."""
    given = SMALL["dsd"]
    source = data.load("mnist1d", [0])
    inputs, labels = source.take(source.subset(0, given["examples"]))
    network = initialised(lambda: models.mlp(40, 10, width=given["width"]), 0)
    kept: dict[str, torch.Tensor] = {}
    for phase, (epochs, factor) in enumerate([(2, 1), (1, 0.1), (1, last_rate)]):
        layers = {"3.weight", "6.weight"} if phase == 1 and arm == "dsd" else set()
        for name, weight in network.named_parameters():
            if name in layers:
                cut = weight.detach().abs().flatten().argsort()[: round(0.3 * weight.numel())]
                kept[name] = torch.ones(weight.numel()).index_fill(0, cut, 0).view_as(weight)
                weight.data *= kept[name]
        optimizer = torch.optim.SGD(network.parameters(), momentum=0.9, weight_decay=5e-4)
        order, steps = stream(0, f"order {phase}"), epochs * 6
        shuffles = torch.cat([torch.randperm(96, generator=order) for _ in range(epochs)])
        for step, chosen in enumerate(shuffles.split(16)):
            annealed = (1 + math.cos(math.pi * step / steps)) / 2 if schedule == "cosine" else 1
            optimizer.param_groups[0]["lr"] = 0.05 * factor * annealed
            optimizer.zero_grad()
            cross_entropy(network(inputs[chosen]), labels[chosen]).backward()
            for name, weight in network.named_parameters():
                if name in layers and weight.grad is not None:
                    weight.grad *= kept[name]
            optimizer.step()
            for name, weight in network.named_parameters():
                if name in layers:
                    weight.data *= kept[name]
        if phase == 1:
            sparse_loss = cross_entropy(network(inputs), labels).item()
    (result,) = run("dsd", [{"arm": arm, "schedule": schedule, "last_rate": last_rate}])
    assert result["sparse_loss"] == pytest.approx(sparse_loss, rel=1e-4)
    assert result["final_loss"] == pytest.approx(cross_entropy(network(inputs), labels).item(), rel=1e-4)
    test = source.take(source.test[0])
    wrong = (network(test.inputs).argmax(1) != test.labels).double().mean()
    assert result["test_error"][-1] == pytest.approx(float(wrong), abs=1e-6)


def test_an_unknown_schedule_or_a_mask_that_cuts_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="schedule must be one of cosine, constant; not step"):
        run("dsd", [{"arm": "dsd", "schedule": "step"}])
    with pytest.raises(ValueError, match="stage must be one of dense, pruned, sparse, re-dense; not late"):
        run("dsd_weights", [{"arm": "dsd", "stage": "late"}])
    with pytest.raises(ValueError, match="arm must be one of dsd, ddd, random-mask; not baseline"):
        run("dsd_weights", [{"arm": "baseline", "stage": "dense"}])
    with pytest.raises(ValueError, match="a sparsity of 0 cuts nothing"):
        run("dsd_weights", [{"arm": "dsd", "stage": "dense", "sparsity": 0}])


def test_each_layers_cut_is_the_largest_magnitude_below_what_is_kept() -> None:
    networks = Ensemble.of(lambda: models.mlp(6, 4, width=10), [0, 1])
    shares = [0.3, 0.5]
    magnitudes, kept = (networks.views(each(networks, shares)) for each in (cut_magnitudes, magnitude_mask))
    for name, weights in networks.views(networks.weights).items():
        for r, weight in enumerate(weights):
            cut = magnitudes[name][r]
            assert len(cut.unique()) == 1
            if name in ("3.weight", "6.weight"):
                assert torch.equal(weight.abs() > cut, kept[name][r] == 1)
                assert (weight.abs() == cut).sum() == 1
            else:
                assert not cut.any()


def described(arm: str) -> dict[str, dict[str, list[float]]]:
    """What `dsd_weights` says of one seed at each stage."""
    stages = ("dense", "pruned", "sparse", "re-dense")
    return dict(zip(stages, run("dsd_weights", [{"arm": arm, "stage": stage} for stage in stages]), strict=True))


def share(result: dict[str, list[float]], edge: float = math.inf) -> float:
    """Share of the weights in the histogram's bins within `edge` times the magnitude of the cut."""
    bins = zip(result["weight"], result["density"], strict=True)
    return sum(density for weight, density in bins if abs(weight) < edge) * (result["weight"][1] - result["weight"][0])


def test_the_histogram_loses_what_is_cut_and_gets_it_back() -> None:
    stages = described("dsd")
    cut = (round(0.3 * 64) + round(0.3 * 80)) / (64 + 80)
    assert share(stages["dense"], 1) == pytest.approx(cut, abs=2.5 / 144), "the two that are 1 may lie either side"
    assert share(stages["pruned"], 1) == pytest.approx(0, abs=2.5 / 144)
    whole = {stage: share(result) for stage, result in stages.items()}
    beyond = 1 - whole["dense"]  # what lies outside of the histogram
    assert beyond == pytest.approx(0, abs=0.1)
    assert whole["pruned"] == pytest.approx(whole["dense"] - cut, abs=1e-6)
    assert whole["re-dense"] == pytest.approx(whole["sparse"] + cut, abs=3 / 144)


def test_the_gap_is_there_under_the_magnitude_mask_alone() -> None:
    stages = described("dsd")
    assert stages["dense"]["near_zero"] == pytest.approx(1)
    assert stages["pruned"]["near_zero"] == 0
    assert stages["sparse"]["near_zero"] < 0.5
    assert stages["re-dense"]["near_zero"] > 1, "what comes back is near zero"
    for arm in ("ddd", "random-mask"):
        assert described(arm)["sparse"]["near_zero"] > 0.5


def test_what_is_cut_is_small_before_gone_meanwhile_and_small_after() -> None:
    ratio = {arm: {stage: each["cut_over_kept"] for stage, each in described(arm).items()} for arm in ("dsd", "ddd")}
    assert 0 < ratio["dsd"]["dense"] < 0.5
    assert ratio["dsd"]["pruned"] == ratio["dsd"]["sparse"] == 0
    assert 0 < ratio["dsd"]["re-dense"] < 0.5
    assert all(value > 0.5 for value in ratio["ddd"].values())
