"""The loops a user would write for the four papers: one network after another, torch with all cores.

They make the same steps on the same data as the experiments do, and evaluate as often; only the order of the data
differs, since `DataLoader` draws it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from verify.experiments.large_batch import rates as warmed_up
from verify.lab import corruption, data, models, schedules
from verify.lab.data import Dataset, Split
from verify.lab.randomness import stream

Feed = Callable[[Split, int], Iterator[tuple[Tensor, Tensor]]]
"""From examples and a minibatch size to minibatches without end."""


def loaded(examples: Split, minibatch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Minibatches as PyTorch's tutorials have them."""
    loader = DataLoader(TensorDataset(*examples), batch_size=minibatch, shuffle=True, drop_last=True)
    while True:
        yield from loader


def indexed(examples: Split, minibatch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Minibatches as whoever has profiled `DataLoader` on small data takes them."""
    while True:
        order = torch.randperm(len(examples.labels))
        for begin in range(0, len(order) - minibatch + 1, minibatch):
            rows = order[begin : begin + minibatch]
            yield examples.inputs[rows], examples.labels[rows]


def train(
    network: nn.Module,
    minibatches: Iterator[tuple[Tensor, Tensor]],
    rates: Tensor,
    *,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    masks: Sequence[Tensor] = (),
    points: int = 0,
    watched: Split | None = None,
) -> list[tuple[float, float]]:
    """SGD with momentum; at `points` points the mean loss since the last and the error on `watched`."""
    optimizer = torch.optim.SGD(
        network.parameters(), lr=0.1, momentum=0.9, weight_decay=weight_decay, nesterov=nesterov
    )
    looks = {round(len(rates) * point / points) for point in range(1, points + 1)} if points else set()
    curve = []
    losses: list[float] = []
    for step, rate in enumerate(rates.tolist(), 1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        inputs, labels = next(minibatches)
        loss = F.cross_entropy(network(inputs), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for parameter, mask in zip(network.parameters(), masks, strict=False):
            assert parameter.grad is not None
            parameter.grad.mul_(mask)
        optimizer.step()
        losses.append(loss.item())
        if step in looks and watched is not None:
            curve.append((sum(losses) / len(losses), error(network, watched)))
            losses = []
    return curve


@torch.no_grad()
def error(network: nn.Module, examples: Split) -> float:
    """Share of examples that are classified wrongly."""
    return float((network(examples.inputs).argmax(1) != examples.labels).float().mean())


def dsd(seed: int, feed: Feed, parameters: dict[str, Any]) -> None:
    """Dense, sparse and dense again, or one of the controls."""
    (source, examples, validation, test), arm = _loaded(seed, parameters), parameters["arm"]
    minibatch = parameters.get("minibatch", 64)
    network = _mlp(source, seed, parameters["width"])
    epochs = (parameters["epochs"], parameters["retrain_epochs"], parameters["retrain_epochs"])
    for phase, (count, factor) in enumerate(zip(epochs, (1.0, 0.1, 0.01), strict=True)):
        if phase and arm == "baseline":
            break
        masks = _masks(network, arm, parameters["sparsity"]) if phase == 1 else []
        with torch.no_grad():
            for parameter, mask in zip(network.parameters(), masks, strict=False):
                parameter.mul_(mask)
        rates = schedules.cosine(factor * parameters["lr"], round(count * len(examples.labels) / minibatch))
        batches = feed(examples, minibatch)
        train(network, batches, rates, weight_decay=5e-4, masks=masks, points=10, watched=test)
    error(network, examples)
    error(network, validation)


def _masks(network: nn.Module, arm: str, sparsity: float) -> list[Tensor]:
    """One a parameter: of each layer's weights but the first's, the smallest are cut, or any of them."""
    if arm == "ddd":
        return []
    masks = [torch.ones_like(parameter) for parameter in network.parameters()]
    weights = [index for index, parameter in enumerate(network.parameters()) if parameter.ndim > 1]
    for index, parameter in enumerate(network.parameters()):
        if index in weights[1:]:
            scores = torch.rand_like(parameter) if arm == "random-mask" else parameter.detach().abs()
            masks[index] = (scores > scores.quantile(sparsity)).float()
    return masks


def random_labels(seed: int, feed: Feed, parameters: dict[str, Any]) -> None:
    """A network on data that may have lost its meaning."""
    source, examples, _, test = _loaded(seed, parameters)
    kind, minibatch = parameters["labels"], parameters.get("minibatch", 64)
    examples = _corrupted(examples, kind, seed)
    test = test if kind == "random" else _corrupted(test, kind, seed)
    torch.manual_seed(seed)
    linear = parameters["model"] == "linear"
    network = models.linear(source.features, source.classes) if linear else _mlp(source, seed, parameters["width"])
    rates = schedules.cosine(parameters["lr"], round(parameters["epochs"] * len(examples.labels) / minibatch))
    train(network, feed(examples, minibatch), rates, points=30, watched=examples)
    error(network, test)


def _corrupted(examples: Split, kind: str, seed: int) -> Split:
    chance = stream(seed, kind)
    if kind == "random":
        return examples._replace(labels=corruption.random_labels(examples.labels, 10, 1.0, chance))
    ways = {
        "shuffled-pixels": corruption.shuffled_pixels,
        "random-pixels": corruption.random_pixels,
        "gaussian": corruption.gaussian,
    }
    return examples._replace(inputs=ways[kind](examples.inputs, chance)) if kind in ways else examples


def large_batch(seed: int, feed: Feed, parameters: dict[str, Any]) -> None:
    """A large minibatch, its rate scaled, after a warmup."""
    (source, examples, validation, test), k = _loaded(seed, parameters), parameters["k"]
    minibatch = k * parameters["minibatch"]
    per_epoch = len(examples.labels) / minibatch
    steps, warmup = round(parameters["epochs"] * per_epoch), round(parameters["warmup_epochs"] * per_epoch)
    tuned = parameters.get("tuned_lr", math.nan)
    rates = warmed_up(parameters["rule"], parameters["lr"], k, steps, warmup, tuned)
    network = _mlp(source, seed, parameters["width"])
    batches = feed(examples, minibatch)
    train(network, batches, rates, weight_decay=1e-4, nesterov=True, points=parameters["points"], watched=test)
    error(network, validation)


def data_scaling(seed: int, feed: Feed, parameters: dict[str, Any]) -> None:
    """A subset of the data, at fixed steps or fixed epochs."""
    (source, examples, validation, test), minibatch = _loaded(seed, parameters), parameters["minibatch"]
    by_epochs = max(1, round(parameters["epochs"] * len(examples.labels) / minibatch))
    steps = parameters["steps"] if parameters["budget"] == "fixed-steps" else by_epochs
    network = _mlp(source, seed, parameters["width"])
    rates = schedules.cosine(parameters["lr"], steps)
    train(network, feed(examples, minibatch), rates, weight_decay=5e-4)
    for split in (test, examples, validation):
        error(network, split)


LOOPS = {"dsd": dsd, "random_labels": random_labels, "large_batch": large_batch, "data_scaling": data_scaling}


def _mlp(source: Dataset, seed: int, width: int) -> nn.Module:
    torch.manual_seed(seed)
    return models.mlp(source.features, source.classes, width=width)


def _loaded(seed: int, parameters: dict[str, Any]) -> tuple[Dataset, Split, Split, Split]:
    """The seed's data: the training subset, and the whole of the other two splits."""
    source = data.load(parameters["dataset"], [seed])
    rows = (source.subset(seed, parameters["examples"]), source.validation[seed], source.test[seed])
    train, validation, test = map(source.take, rows)
    return source, train, validation, test
