"""Schedules, corruption, masks, random streams and the machine: exact values and shares."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from verify.lab import corruption, machine, models, schedules
from verify.lab.data import Split
from verify.lab.ensemble import Ensemble
from verify.lab.examples import Examples
from verify.lab.pruning import magnitude_mask, random_mask
from verify.lab.randomness import stream


def exactly(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_schedules_have_exact_values() -> None:
    torch.testing.assert_close(schedules.constant(0.3, 3), exactly(0.3, 0.3, 0.3))
    torch.testing.assert_close(schedules.cosine(0.2, 4), exactly(0.2, 0.1 + 0.1 * 2**-0.5, 0.1, 0.1 - 0.1 * 2**-0.5))
    torch.testing.assert_close(schedules.step_decay(1.0, 6, at=[1 / 3, 5 / 6]), exactly(1, 1, 0.1, 0.1, 0.1, 0.01))


def test_warmups_have_exact_values() -> None:
    rates = schedules.constant(0.8, 6)
    torch.testing.assert_close(schedules.gradual_warmup(rates, 0.2, 3), exactly(0.2, 0.4, 0.6, 0.8, 0.8, 0.8))
    torch.testing.assert_close(schedules.constant_warmup(rates, 0.2, 3), exactly(0.2, 0.2, 0.2, 0.8, 0.8, 0.8))
    assert torch.equal(schedules.gradual_warmup(rates, 0.2, 0), rates)
    assert torch.equal(rates, schedules.constant(0.8, 6)), "the schedule that was given is left as it was"


@pytest.mark.parametrize("warmup", [schedules.gradual_warmup, schedules.constant_warmup])
@pytest.mark.parametrize("steps", [-1, 6])
def test_a_warmup_must_fit(warmup: object, steps: int) -> None:
    assert callable(warmup)
    with pytest.raises(ValueError, match=f"a warmup of {steps} steps does not fit into 6"):
        warmup(schedules.constant(0.8, 6), 0.2, steps)


def test_segments_cover_every_schedule_once() -> None:
    rates = [torch.arange(10.0), torch.arange(4.0), torch.arange(0.0)]
    found = list(schedules.segments(rates, 3))
    assert [len(each[0]) for each in found] == [3, 4, 3]
    for r, rate in enumerate(rates):
        assert torch.equal(torch.cat([each[r] for each in found]), rate)
    assert len(list(schedules.segments(rates, 50))) == 10
    assert list(schedules.segments([torch.arange(0.0)], 5)) == []


def test_streams_differ_by_seed_and_purpose_and_repeat() -> None:
    drawn = {(s, p): torch.rand(3, generator=stream(s, p)).tolist() for s in (0, 1) for p in ("order", "labels")}
    assert len({tuple(each) for each in drawn.values()}) == 4
    assert torch.rand(3, generator=stream(1, "labels")).tolist() == drawn[1, "labels"]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_labels_is_drawn_anew(share: float) -> None:
    labels = torch.arange(10).repeat(4000)
    drawn = corruption.random_labels(labels, 10, share, stream(0, "labels"))
    changed = (drawn != labels).double().mean()
    assert float(changed) == pytest.approx(0.9 * share, abs=0.01)  # 4 standard errors
    assert drawn.unique().tolist() == list(range(10))


def test_a_share_of_labels_is_checked() -> None:
    with pytest.raises(ValueError, match=r"a fraction of labels lies within 0 to 1, not 1\.5"):
        corruption.random_labels(torch.arange(3), 10, 1.5, stream(0, "labels"))


def test_shuffled_pixels_share_one_shuffle() -> None:
    inputs = torch.randn(50, 12)
    shuffled = corruption.shuffled_pixels(inputs, stream(0, "pixels"))
    order = [int((inputs == column[:, None]).all(0).nonzero()) for column in shuffled.T]
    assert sorted(order) == list(range(12))
    assert order != list(range(12))


def test_random_pixels_have_a_shuffle_each() -> None:
    inputs = torch.arange(12.0).expand(50, 12)
    shuffled = corruption.random_pixels(inputs, stream(0, "inputs"))
    assert torch.equal(shuffled.sort(1).values, inputs)
    assert len(shuffled.unique(dim=0)) == 50


@pytest.mark.parametrize("shuffle", [corruption.shuffled_pixels, corruption.random_pixels])
def test_a_pixel_keeps_its_colour(shuffle: Callable[..., torch.Tensor]) -> None:
    pixels = torch.arange(16.0).expand(50, 16)
    inputs = torch.cat([pixels, pixels + 100, pixels + 200], dim=1)
    red, green, blue = shuffle(inputs, stream(0, "pixels"), channels=3).view(50, 3, 16).unbind(1)
    assert not torch.equal(red, pixels)
    assert torch.equal(green, red + 100)
    assert torch.equal(blue, red + 200)


def test_gaussian_noise_has_the_inputs_moments() -> None:
    inputs = torch.randn(2000, 40, generator=stream(0, "test")) * 3 + 5
    noise = corruption.gaussian(inputs, stream(1, "inputs"))
    assert noise.shape == inputs.shape
    assert float(noise.mean()) == pytest.approx(5, abs=0.05)
    assert float(noise.std()) == pytest.approx(3, abs=0.05)
    correlation = torch.corrcoef(torch.stack([noise.flatten(), inputs.flatten()]))[0, 1]
    assert abs(float(correlation)) < 0.02


def test_inputs_that_replicas_share_are_kept_once() -> None:
    shared, own = torch.arange(6.0).view(3, 2), torch.arange(10.0).view(5, 2)
    splits = [
        Split(shared, torch.tensor([1, 2, 3])),
        Split(own, torch.arange(5)),
        Split(shared, torch.tensor([4, 5, 6])),
    ]
    examples = Examples.apart(splits)
    assert len(examples.inputs) == 8
    assert examples.sizes == (3, 5, 3)
    for split, rows, labels, size in zip(splits, examples.rows, examples.labels, examples.sizes, strict=True):
        assert torch.equal(examples.inputs[rows[:size]], split.inputs)
        assert torch.equal(labels[:size], split.labels)


def ensemble() -> Ensemble:
    return Ensemble.of(lambda: models.mlp(6, 4, width=10), [0, 1, 2])


def cut_shares(mask: torch.Tensor) -> dict[str, list[float]]:
    return {name: (1 - each.flatten(1).mean(1)).tolist() for name, each in ensemble().views(mask).items()}


@pytest.mark.parametrize("kind", ["magnitude", "random"])
def test_masks_cut_their_share_of_each_layer_but_the_first(kind: str) -> None:
    sparsity = [0.0, 0.3, 1.0]
    mask = magnitude_mask(ensemble(), sparsity) if kind == "magnitude" else random_mask(ensemble(), sparsity, [0, 1, 2])
    for name, shares in cut_shares(mask).items():
        cut = name.endswith("weight") and name != "0.weight"
        assert shares == pytest.approx(sparsity if cut else [0, 0, 0], abs=1e-6), name


def test_the_magnitude_mask_keeps_the_largest() -> None:
    networks = ensemble()
    mask = magnitude_mask(networks, [0.3, 0.3, 0.3])
    for weights, kept in zip(
        networks.views(networks.weights)["3.weight"], networks.views(mask)["3.weight"], strict=True
    ):
        assert weights[kept == 0].abs().max() < weights[kept == 1].abs().min()


def test_the_random_mask_follows_the_seed_alone() -> None:
    first, second, again = random_mask(ensemble(), [0.5, 0.5, 0.5], [4, 5, 4])
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_a_sparsity_is_checked() -> None:
    with pytest.raises(ValueError, match=r"a sparsity lies within 0 to 1: 0\.1, 1\.2, 0\.3"):
        magnitude_mask(ensemble(), [0.1, 1.2, 0.3])


def test_auto_is_a_device_of_this_machine() -> None:
    device = machine.resolve("auto")
    assert device == machine.available()[0]
    assert machine.available()[-1] == "cpu"
    assert torch.ones(2, device=device).sum().item() == 2
    assert machine.name(device)
    assert machine.name("cpu")


def test_a_device_that_is_not_here_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"device 'tpu' is not on this machine; it has .*cpu"):
        machine.resolve("tpu")


def test_a_precision_is_checked_and_asked_for() -> None:
    cpu = torch.device("cpu")
    with (
        pytest.raises(ValueError, match="precision must be one of float32, tf32, bf16; not fp8"),
        machine.arithmetic(cpu, "fp8"),
    ):
        pass
    kinds = {}
    for precision in machine.PRECISIONS:
        with machine.arithmetic(cpu, precision):
            kinds[precision] = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    assert kinds == {"float32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32, "afterwards all is as it was"


def test_a_step_on_the_cpu_is_called_as_it_is() -> None:
    def step() -> None: ...

    assert machine.repeated(step, torch.device("cpu")) is step


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_step_on_a_gpu_becomes_a_graph_and_makes_each_call_once() -> None:
    device = torch.device("cuda")
    total = torch.zeros(3, device=device)
    step = machine.repeated(lambda given: total.add_(given), device)
    for call in range(10):
        step(torch.full((3,), float(call), device=device))
    assert total.tolist() == [45.0] * 3
