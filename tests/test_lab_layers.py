"""Layers of several replicas, with their backward pass written out, against autograd on each replica's module."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.replicas import kernels as kernels
from verify.lab import models
from verify.lab.layers import Replicas, Tape
from verify.lab.networks import Unwritten, written

REPLICAS, EXAMPLES, VOCABULARY = 3, 8, 5

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Sequential(nn.Linear(5, 4)), (5,)),
    "without biases": (lambda: nn.Sequential(nn.Linear(5, 6, bias=False), nn.ReLU(), nn.Linear(6, 4)), (5,)),
    "three layers": (lambda: models.mlp(5, 4, width=7), (5,)),
    "one in another": (lambda: nn.Sequential(nn.Sequential(nn.Linear(5, 6), nn.ReLU()), nn.Linear(6, 4)), (5,)),
    "resnet 1-D": (lambda: models.resnet((2, 9), 4, width=3), (18,)),
    "resnet 2-D": (lambda: models.resnet((1, 4, 5), 4, width=2, ghost=4), (20,)),
    "resnet9": (lambda: models.resnet9((2, 4, 4), 4, width=2), (32,)),
    "normalised first": (lambda: nn.Sequential(models.BatchNorm(5), nn.ReLU(), nn.Linear(5, 4)), (5,)),
    **{
        f"1-D, kernel {kernel}, stride {stride}, padding {padding}": (
            lambda kernel=kernel, stride=stride, padding=padding: nn.Sequential(  # type: ignore[misc]
                nn.Conv1d(2, 3, kernel, stride, padding), nn.ReLU(), nn.Conv1d(3, 4, 3, 1, 1), models.GlobalMean()
            ),
            (2, 11),
        )
        for kernel, stride, padding in (
            (1, 1, 0),
            (1, 2, 0),
            (3, 1, 1),
            (3, 2, 1),
            (3, 3, 2),
            (5, 2, 2),
            (5, 1, 0),
            (2, 2, 1),
        )
    },
    "2-D, oblong": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, (3, 2), (2, 1), (1, 0)),
            nn.ReLU(),
            nn.Conv2d(3, 3, 3, 2, 1, bias=False),
            nn.Flatten(),
            nn.Linear(18, 4),
        ),
        (2, 5, 7),
    ),
    "causal": (lambda: transformer(), (6,)),
    "not causal": (lambda: transformer(causal=False), (6,)),
    "last position": (lambda: transformer(causal=False, each=False), (6,)),
    "short sequences": (lambda: transformer(), (2,)),
    "sequences of one": (lambda: transformer(), (1,)),
    "long sequences": (lambda: transformer(), (17,)),
    "one head": (lambda: transformer(heads=1), (6,)),
    "four heads": (lambda: transformer(heads=4), (17,)),
    "linear along sequences": (
        lambda: nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 3, bias=False), nn.Flatten(), nn.Linear(12, 4)),
        (4, 5),
    ),
    "attention first": (lambda: nn.Sequential(models.Attention(4, 2, causal=True), nn.Flatten(), nn.GELU()), (3, 4)),
    "each example normalised": (
        lambda: nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.GELU("tanh"), nn.ReLU(), nn.Linear(6, 4)),
        (5,),
    ),
    "normalised along positions": (
        lambda: nn.Sequential(
            nn.Conv1d(2, 3, 3, 1, 1), nn.LayerNorm(11), nn.GELU(), nn.Conv1d(3, 4, 3), models.GlobalMean()
        ),
        (2, 11),
    ),
    "added to activations without positions": (
        lambda: nn.Sequential(
            nn.Linear(5, 6), nn.ReLU(), models.Added(nn.Linear(6, 6), nn.ReLU()), nn.ReLU(), nn.Linear(6, 4), nn.ReLU()
        ),
        (5,),
    ),
    "added to what a body changes in place": (
        lambda: nn.Sequential(
            nn.Linear(5, 6),
            models.Added(nn.ReLU(), nn.Linear(6, 6), nn.ReLU()),
            models.Added(),
            models.Added(models.Added(nn.Linear(6, 6), nn.GELU()), nn.LayerNorm(6)),
            models.ClassesSecond(),
            nn.Flatten(),
            nn.Linear(18, 4),
        ),
        (3, 5),
    ),
}


def transformer(heads: int = 2, *, causal: bool = True, each: bool = True) -> nn.Module:
    return models.transformer(VOCABULARY, 17, 4, width=8, heads=heads, causal=causal, each=each)


def draw(module: nn.Module, *shape: int) -> Tensor:
    """Inputs of a network: tokens, where it embeds them."""
    if isinstance(next(module.children()), models.Embedding):
        return torch.randint(VOCABULARY, shape)
    return torch.randn(shape, dtype=torch.float64)


def stacked(modules: list[nn.Module], which: str) -> dict[str, Tensor]:
    own = [dict(getattr(module, f"named_{which}")()) for module in modules]
    return {name: torch.stack([each[name].detach().clone() for each in own]) for name in own[0]}


def of(module: nn.Module) -> Replicas:
    return Replicas(stacked([module], "parameters"), stacked([module], "buffers"))


@pytest.mark.parametrize(("build", "shape"), NETWORKS.values(), ids=NETWORKS)
@pytest.mark.usefixtures("kernels")
def test_outputs_gradients_and_running_statistics_are_those_of_the_module(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    modules = [build().double().train() for _ in range(REPLICAS)]
    weights, buffers = stacked(modules, "parameters"), stacked(modules, "buffers")
    gradients = {name: torch.full_like(each, torch.nan) for name, each in weights.items()}
    inputs = draw(modules[0], REPLICAS, EXAMPLES, *shape)
    forward, backward = Tape(), Tape()
    layers = written(modules[0], Replicas(weights, buffers, gradients))
    outputs = layers.forward(inputs.movedim(1, -1), forward)
    above = torch.empty_like(outputs)
    layers.backward(above, backward)
    for _ in range(2):  # the second time in memory that was used before
        given = draw(modules[0], *inputs.shape)
        inputs.copy_(given)
        forward()
        expected = [module(each) for module, each in zip(modules, given, strict=True)]
        torch.testing.assert_close(outputs.movedim(-1, 1), torch.stack(expected), rtol=0, atol=1e-11)
        drawn = torch.randn_like(outputs)
        above.copy_(drawn)
        backward()
        for r, (module, output) in enumerate(zip(modules, expected, strict=True)):
            found = torch.autograd.grad(output, list(module.parameters()), drawn[r].movedim(-1, 0))
            for (name, _), each in zip(module.named_parameters(), found, strict=True):
                torch.testing.assert_close(gradients[name][r], each, rtol=0, atol=1e-10)
            for name, each in module.named_buffers():
                torch.testing.assert_close(buffers[name][r], each, rtol=0, atol=1e-12)
    given = draw(modules[0], REPLICAS, 3, *shape)
    evaluation = Tape()
    outputs = written(modules[0], Replicas(weights, buffers)).forward(given.clone().movedim(1, -1), evaluation)
    evaluation()
    expected = [module.eval()(each) for module, each in zip(modules, given, strict=True)]
    torch.testing.assert_close(outputs.movedim(-1, 1), torch.stack(expected), rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    "module",
    [
        nn.Tanh(),
        nn.Conv1d(2, 2, 3, groups=2),
        nn.Conv1d(2, 2, 3, dilation=2),
        nn.Conv1d(2, 2, 3, padding="same"),
        nn.Conv1d(2, 2, 3, padding=1, padding_mode="circular"),
        nn.Flatten(2),
        nn.BatchNorm1d(2),
        nn.LayerNorm((2, 2)),
        nn.LayerNorm(2, bias=False),
        nn.Embedding(2, 2),
    ],
    ids=repr,
)
def test_what_has_no_layer_is_said_to_have_none(module: nn.Module) -> None:
    with pytest.raises(Unwritten, match=type(module).__name__):
        written(nn.Sequential(module), of(nn.Sequential(module)))


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.ReLU()),
        nn.Linear(2, 2),
        nn.Conv1d(2, 2, 3),
        nn.Conv2d(2, 2, 3),
        nn.ReLU(),
        nn.GELU(),
        nn.Dropout(),
        nn.Flatten(),
        nn.Unflatten(1, (1, 2)),
        nn.LayerNorm(2),
        models.BatchNorm(2),
        models.GlobalMean(),
        models.Residual(1, 2, 2, ghost=None, zero_gamma=False),
        models.Embedding(2, 2, 2),
        models.Attention(2, 1, causal=True),
        models.Added(),
        models.Last(),
        models.ClassesSecond(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_a_subclass_of_what_has_a_layer_has_none(module: nn.Module) -> None:
    written(network := nn.Sequential(module), of(network))
    module.__class__ = type("Other", (type(module),), {})
    with pytest.raises(Unwritten, match="Other"):
        written(network, of(network))


def test_a_minibatch_that_cannot_be_cut_into_ghost_batches() -> None:
    module = models.BatchNorm(5, ghost=3)
    replicas = of(nn.Sequential(module))
    layers = written(nn.Sequential(module), replicas._replace(gradients=replicas.weights))
    with pytest.raises(ValueError, match="a minibatch of 8 cannot be cut into ghost batches of 3"):
        layers.forward(torch.randn(1, 5, 8), Tape())


def test_a_module_that_stands_twice() -> None:
    """A ReLU may; weights that two layers share have no layer."""
    torch.manual_seed(0)
    again = nn.ReLU()
    network = nn.Sequential(nn.Linear(5, 6), again, nn.Linear(6, 6), again, nn.Linear(6, 4)).double()
    given, tape = torch.randn(1, 5, 8, dtype=torch.float64), Tape()
    outputs = written(network, of(network)).forward(given, tape)
    tape()
    torch.testing.assert_close(outputs[0].T, network(given[0].T), rtol=0, atol=1e-12)
    shared = nn.Linear(5, 5)
    with pytest.raises(Unwritten, match="Linear"):
        written(network := nn.Sequential(shared, nn.ReLU(), shared), of(network))


def test_a_module_with_a_hook_has_no_layer() -> None:
    network = nn.Sequential(nn.Linear(5, 6), nn.ReLU())
    network[1].register_forward_hook(lambda *_: None)
    with pytest.raises(Unwritten, match="ReLU"):
        written(network, of(network))


def test_a_longer_sequence_than_there_are_positions() -> None:
    layers = written(network := transformer(), of(network))
    with pytest.raises(ValueError, match="a sequence of 18 tokens is longer than the 17"):
        layers.forward(torch.zeros(1, 18, 2, dtype=torch.int64), Tape())
