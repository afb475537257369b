"""Trains the replicas of an ensemble; each as a plain PyTorch loop with its seed would train it.

The rule it follows is this loop, and tests hold it to that::

    torch.manual_seed(seed)
    network = build().train()
    optimizer = torch.optim.SGD(network.parameters(), momentum=…, weight_decay=…, nesterov=…)
    for step, rows in enumerate(one shuffle of the examples after another, cut into minibatches):
        optimizer.param_groups[0]["lr"] = rates[step]
        optimizer.zero_grad()
        cross_entropy(network(inputs[rows]), labels[rows]).backward()
        # under a mask: each gradient is multiplied by it
        # with clip_norm: torch.nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
        optimizer.step()

Under dropout each `nn.Dropout` multiplies what it is given by numbers that are drawn anew at each step.

Seeds, examples, labels, rates, number of steps, the optimizer's hyperparameters, clipping, dropout and masks may differ
between replicas; the architecture and the minibatch size may not, since they decide the shape of the tensors.

A step takes the replicas through `verify.lab.layers` together, or as many at once as their activations fit into a
processor's cache.  A network with a module that has no layer there goes through autograd, one replica after another.
The rule looks at the architecture and the minibatch alone, so that a run gives the same bytes twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import inf

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from verify.lab import machine, memory
from verify.lab.blocks import Blocks
from verify.lab.checks import numbers, one_of
from verify.lab.ensemble import Ensemble
from verify.lab.examples import Examples
from verify.lab.layers import Replicas
from verify.lab.losses import LOSSES
from verify.lab.minibatches import Dropped, Minibatches, moved
from verify.lab.networks import COPIES, network, seen, together
from verify.lab.optimizers import Each, Optimizer, Piece, per_replica

CHUNK, CHUNK_BYTES = 64, 2**20
"""Steps whose minibatches are drawn, and moved to the device, together: so many, or so many bytes of targets."""


class Training:
    """Minibatch training of all replicas of an ensemble, which it changes in place.

    The optimizer's state and the data order carry on from one `run` to the next; a new `Training` starts both anew.

    Args:
        ensemble: R networks.
        examples: per replica, what it trains on.
        seeds: per replica, what decides its data order and what it drops.
        minibatch: examples a step.
        optimizer: of `verify.lab.optimizers`.
        loss: one of `losses.LOSSES`: cross-entropy of labels, or squared error of numbers.
        clip_norm: the longest that a gradient may be, over all parameters of a replica; one for all, or one a replica.
        dropout: fraction of units that every `nn.Dropout` of a replica drops at each step, each example others; what is
            kept grows by 1 / (1 - dropout).  One for all, or one a replica; None for what each module says itself.
        mask: (R, parameters of one network) of 0 and 1, which gradients are multiplied by.
        phase: number of this training among those a replica goes through: each has a data order of its own.
        precision: of the forward and backward passes, one of `machine.PRECISIONS`; weights are always kept as they are.

    Raises:
        ValueError: what is given is not for R replicas, or out of its limits; labels that the loss does not take, or
            not for this network's outputs; there is no such loss or precision; dropout in a network that has no
            `nn.Dropout`; names to exempt that are no parameters; parameters that need no gradient, which a mask is for.
        TypeError: what is no optimizer of ours.
        memory.TooLarge: so many replicas do not fit.
    """

    def __init__(
        self, ensemble: Ensemble, examples: Examples, seeds: Sequence[int], *, minibatch: int, optimizer: Optimizer,
        loss: str = "cross_entropy", clip_norm: Each | None = None, dropout: Each | None = None,
        mask: Tensor | None = None, phase: int = 0, precision: str = "float32",
    ) -> None:  # fmt: skip
        one_of("loss", [loss], tuple(LOSSES))
        one_of("precision", [precision], machine.PRECISIONS)
        _check(ensemble.template, optimizer)
        count, weights = len(ensemble), ensemble.weights
        for what, given in (("seeds", len(seeds)), ("examples", len(examples.rows))):
            if given != count:
                raise ValueError(f"{what} for {given} replicas, and there are {count}")
        if mask is not None and mask.shape != weights.shape:
            raise ValueError(f"a mask has the weights' shape, {tuple(weights.shape)}, and not {tuple(mask.shape)}")
        if not isinstance(minibatch, int) or minibatch < 1:
            raise ValueError(f"a minibatch has at least one example: {minibatch!r}")
        if clip_norm is not None:
            numbers("clip_norm", clip_norm, 0, inf, from_above=True)
        self.ensemble = ensemble
        self._inputs = ensemble.typed(examples.inputs)
        self._minibatches = Minibatches(examples, seeds, minibatch, phase)
        self._size = minibatch
        self._optimizer = optimizer
        self._values = optimizer.values(count)
        self._loss = LOSSES[loss]
        self._loss.check(examples.labels, seen(ensemble.template, self._inputs[:1].shape, self._inputs.dtype).outputs)
        self._longest = None if clip_norm is None else per_replica("clip_norm", clip_norm, count).to(weights.dtype)
        self._dropped = _dropped(ensemble, seeds, dropout, phase)
        self._mask = mask
        self._precision = precision
        self._state = {slot: torch.zeros_like(weights) for slot in optimizer.slots}
        self._taken = torch.zeros(count, 1, dtype=torch.int64)
        self._stacked = precision != "bf16" and together(ensemble.template, self._inputs[:1], minibatch) > 0
        memory.check(count, self._kept(), self._peak(), weights.device.type)

    def _kept(self) -> int:
        """Bytes of a replica's weights and optimizer's state."""
        return self.ensemble.weights[0].nbytes * (1 + len(self._state))

    def _peak(self) -> int:
        """Bytes for what is there once: the inputs, and the replicas that go through the network together."""
        group, *_ = self._groups(range(len(self.ensemble)))
        activations = seen(self.ensemble.template, self._inputs[:1].shape, self._inputs.dtype).size * self._size
        return self._inputs.nbytes + len(group) * (COPIES * self.ensemble.weights[0].nbytes + 2 * activations)

    def _groups(self, replicas: Sequence[int]) -> list[list[int]]:
        return self.ensemble.groups(replicas, self._inputs[:1], self._size, stacked=self._stacked)

    def run(self, rates: Sequence[Tensor]) -> Tensor:
        """Advance each replica by one step for every rate in its schedule, `rates[r]`: (steps,).

        A replica that has made its steps leaves, and the others go on without it; an empty schedule rests.

        Returns:
            Mean loss over the minibatches each replica saw, (R,) on the CPU; NaN where it rested.

        Raises:
            ValueError: not one schedule a replica.
        """
        if len(rates) != len(self.ensemble) or not all(isinstance(each, Tensor) and each.dim() == 1 for each in rates):
            raise ValueError(
                f"a schedule (steps,) for each of {len(self.ensemble)} replicas, as verify.lab.schedules has them"
            )
        lengths = torch.tensor([len(each) for each in rates])
        losses = torch.zeros(len(rates), dtype=torch.float64)
        begin = 0
        with machine.arithmetic(self._inputs.device, self._precision):
            for end in sorted(set(lengths.tolist()) - {0}):
                active = torch.nonzero(lengths >= end).flatten().tolist()
                for group in self._groups(active):
                    part = torch.stack([rates[r][begin:end].double() for r in group])
                    # What is known never to be differentiated is called faster.
                    with torch.inference_mode() if self._stacked else torch.no_grad():
                        losses[group] += _Group(self, group, part).run()
                begin = end
        return losses / lengths


class _Group:
    """A of the replicas, which go through the network together, for as many steps as `rates` (A, steps) has."""

    def __init__(self, training: Training, group: Sequence[int], rates: Tensor) -> None:
        ensemble, inputs = training.ensemble, training._inputs
        self._training, self._group, self._steps = training, group, rates.shape[1]
        self._here = torch.tensor(group, device=inputs.device)
        self._shapes = {name: each.shape for name, each in ensemble.template.named_parameters()}
        self._weights = self._blocks(ensemble.weights)
        self._state = {slot: self._blocks(rows) for slot, rows in training._state.items()}
        self._mask = None if training._mask is None else self._blocks(training._mask)
        self._longest = None if training._longest is None else training._longest[group].to(self._here.device)
        self._buffers = {name: each[self._here] for name, each in ensemble.buffers.items()}
        self._gradients = Blocks(self._shapes, len(group), ensemble.weights)
        self._plan(rates)

        outputs = seen(ensemble.template, inputs[:1].shape, inputs.dtype).outputs
        self._losses = ensemble.weights.new_zeros(len(group), *outputs, training._size)
        self._minibatch = inputs.new_empty(len(group) * training._size, *inputs.shape[1:])
        drops = any(any(training._dropped[r].rates) for r in group)
        replicas = Replicas(self._weights.views, self._buffers, self._gradients.views, [] if drops else None)
        room = self._minibatch.view(len(group), training._size, *inputs.shape[1:])
        self._network = network(ensemble.template, room, replicas, stacked=training._stacked)

    def _blocks(self, rows: Tensor) -> Blocks:
        blocks = Blocks(self._shapes, len(self._group), rows)
        blocks.load(rows[self._here])
        return blocks

    def _plan(self, rates: Tensor) -> None:
        """What each parameter is updated with, at each step and at all."""
        training, group, weights = self._training, self._group, self._training.ensemble.weights
        values = {name: each[group] for name, each in training._values.items()}
        factors = training._optimizer.factors(rates, training._taken[group], values)
        self._alike = all(bool((each == each[:1]).all()) for each in (*factors, *values.values()))
        rows = slice(0, 1 if self._alike else None)
        self._factors = torch.stack([each[rows] for each in factors], -1).to(weights.dtype)  # (A or 1, steps, factors)
        self._values = {name: each[rows].to(weights.dtype).to(weights.device) for name, each in values.items()}
        self._pieces = self._cut()

    def _cut(self) -> list[Piece]:
        """All parameters, by themselves; where replicas are alike, in as few pieces as there can be."""
        exempt, names = set(self._training._optimizer.exempt), list(self._shapes)
        runs = (
            [list(run) for _, run in groupby(names, exempt.__contains__)] if self._alike else [[each] for each in names]
        )
        pieces = []
        for run in runs:

            def of(blocks: Blocks, run: list[str] = run) -> Tensor:
                return blocks.flat(run).view(1 if self._alike else len(self._group), -1)

            values = dict(self._values)
            if run[0] in exempt:
                values["weight_decay"] = torch.zeros_like(values["weight_decay"])
            alike = None
            if self._alike and self._here.device.type == "cpu":
                alike = {name: float(each) for name, each in values.items()}
            state = {slot: of(blocks) for slot, blocks in self._state.items()}
            mask = None if self._mask is None else of(self._mask)
            pieces.append(Piece(of(self._weights), of(self._gradients), state, values, mask, alike))
        return pieces

    def run(self) -> Tensor:
        """Sums of the replicas' losses over the steps (A,)."""
        step = machine.repeated(self._step, self._here.device)
        for chosen in self._chosen():
            step(*chosen)
        training = self._training
        training.ensemble.weights[self._here] = self._weights.rows()
        for slot, blocks in self._state.items():
            training._state[slot][self._here] = blocks.rows()
        for name, each in self._buffers.items():
            training.ensemble.buffers[name][self._here] = each
        training._taken[self._group] += self._steps
        return self._losses.flatten(1).sum(1).cpu().double()

    def _chosen(self) -> Iterator[tuple[Tensor, ...]]:
        """Per step: rows of the inputs (A n,), targets as the loss has them, the optimizer's factors (factors, A, 1).

        Where replicas are alike, there is one row of factors.  Then what each dropout layer multiplies by.
        """
        training, device = self._training, self._here.device
        size = self._losses.numel() * self._losses.element_size()
        chunk = max(1, min(CHUNK, CHUNK_BYTES // size))
        for factors in torch.split(self._factors, chunk, dim=1):
            rows, labels = training._minibatches.take(self._group, factors.shape[1])
            targets = training._loss.targets(labels, self._losses)
            factors = moved(factors.permute(1, 2, 0).unsqueeze(3).contiguous(), device)
            for step in zip(rows, targets, factors, strict=True):
                yield (*step, *self._dropped())

    def _dropped(self) -> list[Tensor]:
        layers = [each[0] for each in self._network.kept]
        if not layers:
            return []
        drawn = zip(*(self._training._dropped[r].take(layers) for r in self._group), strict=True)
        return [moved(torch.stack(each), self._here.device) for each in drawn]

    def _step(self, rows: Tensor, targets: Tensor, factors: Tensor, *dropped: Tensor) -> None:
        """One step of all replicas, with what `_chosen` yields."""
        replicas, training = self._network, self._training
        torch.index_select(training._inputs, 0, rows, out=self._minibatch)
        for kept, drawn in zip(replicas.kept, dropped, strict=True):
            kept.copy_(drawn)
        replicas.forward()
        training._loss.step(replicas.outputs, targets, replicas.gradient, self._losses)
        replicas.backward()
        self._clip()
        for piece in self._pieces:
            training._optimizer.update_(piece, *factors.unbind())

    def _clip(self) -> None:
        """Mask the gradients, and shorten those that are too long, as `torch.nn.utils.clip_grad_norm_` does."""
        for piece in self._pieces:
            if piece.mask is not None:
                piece.gradient.mul_(piece.mask)
        if self._longest is None:
            return
        gradients = self._gradients.views.values()
        norms = [torch.linalg.vector_norm(each.flatten(1), dim=1) for each in gradients]
        norm = torch.linalg.vector_norm(torch.stack(norms), dim=0)
        scale = (self._longest / (norm + 1e-6)).clamp_(max=1)
        for gradient in gradients:
            gradient.mul_(scale.view(-1, *[1] * (gradient.dim() - 1)))


def _check(template: nn.Module, optimizer: Optimizer) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"an optimizer is one of verify.lab.optimizers, as in optimizer=SGD(momentum=0.9); not {optimizer!r}"
        )
    parameters = dict(template.named_parameters())
    for name in optimizer.exempt:
        if name not in parameters:
            raise ValueError(f"exempt names '{name}', which is no parameter; there are {', '.join(parameters)}")
    frozen = [name for name, each in parameters.items() if not each.requires_grad]
    if frozen:
        raise ValueError(
            f"'{frozen[0]}' needs no gradient, but all parameters are trained: mask it with 0, and exempt it from decay"
        )
    for name, each in template.named_modules():
        if isinstance(each, _DropoutNd) and type(each) is not nn.Dropout:
            raise ValueError(f"'{name}' is a {type(each).__name__}, which draws numbers of its own: use nn.Dropout")


def _dropped(ensemble: Ensemble, seeds: Sequence[int], dropout: Each | None, phase: int) -> list[Dropped]:
    """What each replica drops, per `nn.Dropout` of the network."""
    modules = [each for _, each in ensemble.template.named_modules(remove_duplicate=False)]
    own = [each.p for each in modules if isinstance(each, nn.Dropout)]
    rates = [own] * len(ensemble)
    if dropout is not None:
        rates = [[rate] * len(own) for rate in per_replica("dropout", dropout, len(ensemble)).tolist()]
        if torch.as_tensor(dropout).any() and not own:
            raise ValueError("dropout is for networks with an nn.Dropout, which this one has not")
    if any(map(any, rates)) and len(set(modules)) < len(modules):
        raise ValueError("a module stands in several places of the network, which dropout cannot tell apart")
    return [Dropped(seed, each, phase) for seed, each in zip(seeds, rates, strict=True)]
