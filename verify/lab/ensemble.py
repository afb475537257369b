"""Trains many networks of one architecture at once; each as a plain PyTorch loop with its seed would train it.

A network of the ensemble is called a replica.  The rule it follows is this loop, and tests hold it to that::

    torch.manual_seed(seed)
    network = build().train()
    optimizer = torch.optim.SGD(network.parameters(), momentum=…, weight_decay=…, nesterov=…)
    for step, rows in enumerate(one shuffle of the examples after another, cut into minibatches):
        optimizer.param_groups[0]["lr"] = rates[step]
        optimizer.zero_grad()
        cross_entropy(network(inputs[rows]), labels[rows]).backward()
        # under a mask: each gradient is multiplied by it
        optimizer.step()

Under dropout the network multiplies what leaves its hidden ReLUs by numbers that are drawn anew at each step.

Seeds, examples, labels, rates, number of steps, momentum, weight decay, dropout and masks may differ between replicas;
the architecture and the minibatch size may not, since they decide the shape of the tensors.

Multilayer perceptrons are trained as one stack: a matrix multiplication serves all replicas.  Of every other network a
step takes forward and back one replica after another, and only the update is common to all, which needs the activations
of one replica at a time.  What was measured instead, for three convolutions, ten replicas and minibatches of 32 to 512
on one thread of a CPU: a stack under `vmap` becomes grouped convolutions and took 0.6 to 3.6 times as long in one
dimension, 1 to 5 times in two; unfolding into matrix multiplications 0.3 to 1.8 and 2 to 11 times; channels_last 1.1 to
2.1 times in two.  The rule looks at the architecture alone, so that a run gives the same bytes twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from verify.lab import machine
from verify.lab.examples import Examples
from verify.lab.randomness import stream

CHUNK = 64
"""Steps whose data order is drawn, and moved to the device, together."""
EVALUATED, EVALUATED_IN_TURN = 2**12, 2**7
"""Examples evaluated together: over all replicas of a stack, or by one of the replicas that take turns.

The activations of convolutions should fit into a processor's cache: 4,096 examples at once took three times as long.
"""

Tensors = dict[str, Tensor]
"""Parameters or buffers of several replicas, by their name in the module: (replicas, *the shape there)."""


class Ensemble:
    """R networks of one architecture.

    Args:
        template: a module of the architecture; its own values are not used.
        weights: the replicas' parameters, one replica a row: (R, parameters of one network).
        buffers: the replicas' buffers, the running statistics of batch normalisation, say.  A module must change its
            buffers in place.
    """

    def __init__(self, template: nn.Module, weights: Tensor, buffers: Tensors) -> None:
        self.template = template
        self.weights = weights
        self.buffers = buffers
        self.stacked = _is_perceptron(template)
        """Whether a step takes all replicas together, or one after another."""

    @classmethod
    def of(
        cls,
        build: Callable[[], nn.Module],
        seeds: Sequence[int],
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> Ensemble:
        """One replica a seed, initialised as `build` does after `torch.manual_seed(seed)`."""
        modules = [initialised(build, seed).to(dtype) for seed in seeds]
        rows = [nn.utils.parameters_to_vector(module.parameters()).detach() for module in modules]
        buffers = [dict(module.named_buffers()) for module in modules]
        return cls(
            modules[0].to(device),
            torch.stack(rows).to(device),
            {name: torch.stack([each[name] for each in buffers]).to(device) for name in buffers[0]},
        )

    def __len__(self) -> int:
        return len(self.weights)

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs (R, n, classes), as in evaluation, for inputs (R, n, …): each replica sees its own."""
        self.template.eval()
        return torch.cat([self.outputs(part, inputs[part.replicas]) for part in self.parts(self.weights, self.buffers)])

    def parts(self, weights: Tensor, buffers: Tensors) -> list[Part]:
        """What goes through the network together, of replicas laid out as the ensemble's own; shares their memory."""
        together = len(weights) if self.stacked else 1
        ranges = [slice(begin, begin + together) for begin in range(0, len(weights), together)]
        return [Part(r, self.views(weights[r]), {name: each[r] for name, each in buffers.items()}) for r in ranges]

    def outputs(self, part: Part, inputs: Tensor, dropout: Tensor | None = None) -> Tensor:
        """Outputs (replicas, n, classes) of a part for its inputs (replicas, n, …), in the template's mode.

        With `dropout` (replicas, hidden units, n), a multilayer perceptron's activations are multiplied by it.
        """
        if self.stacked:
            return _perceptron(self.template, list(part.parameters.values()), inputs, dropout)
        alone = {name: each[0] for name, each in (part.parameters | part.buffers).items()}
        outputs: Tensor = functional_call(self.template, alone, (inputs[0],))
        return outputs.unsqueeze(0)

    def views(self, rows: Tensor) -> Tensors:
        """Rows laid out as `weights` are, (R, parameters of one network), as the module's parameters; shares memory."""
        shapes = {name: parameter.shape for name, parameter in self.template.named_parameters()}
        pieces = torch.split(rows, [shape.numel() for shape in shapes.values()], dim=1)
        return {name: piece.view(-1, *shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}

    def take(self, replicas: Sequence[int]) -> Ensemble:
        """A new ensemble of copies of some replicas, any of them as often as it is named."""
        chosen = list(replicas)
        buffers = {name: each[chosen] for name, each in self.buffers.items()}
        return Ensemble(self.template, self.weights[chosen], buffers)


class Part(NamedTuple):
    """Replicas that go through the network together: all of a multilayer perceptron's, one of any other's."""

    replicas: slice
    parameters: Tensors
    buffers: Tensors


def initialised(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network as `build` initialises it under `seed`; the global random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def _is_perceptron(network: nn.Module) -> bool:
    layers = list(network) if isinstance(network, nn.Sequential) else []
    return bool(layers) and type(layers[0]) is nn.Linear and all(type(each) in (nn.Linear, nn.ReLU) for each in layers)


def _perceptron(
    network: nn.Module, parameters: Sequence[Tensor], inputs: Tensor, dropout: Tensor | None = None
) -> Tensor:
    """Linear layers and ReLU written out, which takes half the time it does under vmap (CPU, width 64 to 256).

    Activations are kept as (R, units, n): so the gradient of a weight comes out in the weight's own layout.
    """
    remaining = iter(parameters)
    hidden = inputs.transpose(1, 2)
    for layer in network.children():
        if not isinstance(layer, nn.Linear):
            hidden = hidden.relu_()
            if dropout is not None:
                here, dropout = dropout.tensor_split([hidden.shape[1]], dim=1)
                hidden = hidden * here
            continue
        weight = next(remaining)
        hidden = weight @ hidden if layer.bias is None else torch.baddbmm(next(remaining).unsqueeze(2), weight, hidden)
    return hidden.transpose(1, 2)


class Training:
    """Minibatch SGD on all replicas of an ensemble, which it changes in place.

    Velocity and data order carry on from one `run` to the next; a new `Training` starts both anew.

    Args:
        ensemble: the networks.
        examples: per replica, what it trains on.
        seeds: per replica, what decides its data order.
        minibatch: examples a step.
        momentum: as in `torch.optim.SGD`, without dampening; one for all, or one a replica.
        weight_decay: likewise.
        exempt: names of parameters without weight decay.
        dropout: share of the hidden units that a multilayer perceptron drops at each step, each example others; what is
            kept grows by 1 / (1 - share).  One for all, or one a replica.
        nesterov: whether momentum is Nesterov's.
        mask: (R, parameters of one network) of 0 and 1; weights at 0 stay as they are.
        phase: number of this training among those a replica goes through: each has a data order of its own.
        precision: of the forward and backward passes, one of `machine.PRECISIONS`; weights are always kept as they are.

    Raises:
        ValueError: dropout in a network that is no multilayer perceptron, or a share of dropout not within 0 and 1.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        examples: Examples,
        seeds: Sequence[int],
        *,
        minibatch: int,
        momentum: float | Sequence[float] = 0.9,
        weight_decay: float | Sequence[float] = 0.0,
        exempt: Sequence[str] = (),
        dropout: float | Sequence[float] = 0.0,
        nesterov: bool = False,
        mask: Tensor | None = None,
        phase: int = 0,
        precision: str = "float32",
    ) -> None:
        self.ensemble = ensemble
        self._examples = examples._replace(inputs=examples.inputs.to(ensemble.weights.dtype))
        self._orders = [_Order(seed, size, phase) for seed, size in zip(seeds, examples.sizes, strict=True)]
        self._minibatch = minibatch
        self._nesterov = nesterov
        self._precision = precision
        self._momentum = self._column(momentum)
        self._weight_decay = self._column(weight_decay)
        if exempt:
            self._weight_decay = self._weight_decay.repeat(1, ensemble.weights.shape[1])
            decays = ensemble.views(self._weight_decay)
            for name in exempt:
                decays[name].zero_()
        shares = [dropout] * len(ensemble) if isinstance(dropout, int | float) else dropout
        self._dropouts = [_Dropout(seed, share, phase) for seed, share in zip(seeds, shares, strict=True)]
        self._drops = any(shares)
        if self._drops and not ensemble.stacked:
            raise ValueError("dropout is for multilayer perceptrons; other networks are trained without it")
        self._mask = mask
        self._velocity = torch.zeros_like(ensemble.weights)

    def _column(self, values: float | Sequence[float]) -> Tensor:
        """One value a replica, to multiply rows of weights by: (R, 1)."""
        weights = self.ensemble.weights
        column = torch.as_tensor(values, dtype=weights.dtype, device=weights.device)
        return column.expand(len(weights)).unsqueeze(1)

    def run(self, rates: Sequence[Tensor]) -> Tensor:
        """Advance each replica by one step for every rate in its schedule, `rates[r]`: (steps,).

        A replica that has made its steps leaves, and the others go on without it; an empty schedule rests.

        Returns:
            Mean loss over the minibatches each replica saw, (R,) on the CPU; NaN where it rested.
        """
        lengths = torch.tensor([len(each) for each in rates])
        losses = torch.zeros(len(rates), dtype=torch.float64)
        begin = 0
        with machine.arithmetic(self._velocity.device, self._precision):
            for end in sorted(set(lengths.tolist()) - {0}):
                going = torch.nonzero(lengths >= end).squeeze(1)
                losses[going] += self._run_together(going, torch.stack([rates[r][begin:end] for r in going]))
                begin = end
        return losses / lengths

    def _run_together(self, going: Tensor, rates: Tensor) -> Tensor:
        """Advance the replicas `going` (A,) by the same number of steps, rates (A, steps); sums of their losses."""
        everyone = len(going) == len(self.ensemble)
        going = going.to(self._velocity.device)

        def theirs(rows: Tensor) -> Tensor:
            return rows if everyone else rows[going]

        buffers = {name: theirs(each) for name, each in self.ensemble.buffers.items()}
        state = _State(
            theirs(self.ensemble.weights),
            theirs(self._velocity),
            theirs(self._momentum),
            theirs(self._weight_decay),
            None if self._mask is None else theirs(self._mask),
            torch.zeros(len(going), dtype=self._velocity.dtype, device=going.device),
        )
        parts = self.ensemble.parts(state.weights, buffers)
        self.ensemble.template.train()
        step = machine.repeated(lambda *chosen: self._step(state, parts, *chosen), going.device)
        for chosen in self._chosen(going, rates.to(state.weights.dtype)):
            step(*chosen)
        if not everyone:
            self.ensemble.weights[going] = state.weights
            self._velocity[going] = state.velocity
            for name, each in buffers.items():
                self.ensemble.buffers[name][going] = each
        return state.losses.cpu().double()

    def _step(
        self,
        state: _State,
        parts: Sequence[Part],
        rate: Tensor,
        rows: Tensor,
        labels: Tensor,
        dropout: Tensor | None = None,
    ) -> None:
        """One step of all replicas, with what `_chosen` yields."""
        gradient, losses = torch.empty_like(state.weights), []
        for part in parts:
            parameters = [each.requires_grad_() for each in part.parameters.values()]
            outputs = self.ensemble.outputs(part, _rows(self._examples.inputs, rows[part.replicas]), dropout)
            loss = _losses(outputs, labels[part.replicas]).mean(1)
            found = torch.autograd.grad(loss.sum(), parameters)
            torch.cat([each.flatten(1) for each in found], dim=1, out=gradient[part.replicas])
            losses.append(loss.detach())
        state.losses.add_(torch.cat(losses))
        state.update(gradient, rate, nesterov=self._nesterov)

    def _chosen(self, going: Tensor, rates: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """Per step: the rate (A, 1), rows of the inputs and labels (A, minibatch); where there is dropout, that too."""
        for chunk in torch.split(rates, CHUNK, dim=1):
            steps = chunk.shape[1]
            places = torch.stack([self._orders[r].take(steps * self._minibatch) for r in going.tolist()])
            places = places.to(going.device)
            chosen = (self._examples.rows[going].gather(1, places), self._examples.labels[going].gather(1, places))
            minibatches = (each.view(len(going), steps, -1).unbind(1) for each in chosen)
            for step in zip(chunk.to(going.device).unsqueeze(2).unbind(1), *minibatches, strict=True):
                yield (*step, self._dropped(going)) if self._drops else step

    def _dropped(self, going: Tensor) -> Tensor:
        """What a step multiplies the activations of the replicas `going` (A,) by: (A, hidden units, minibatch)."""
        *hidden, _ = (each.out_features for each in self.ensemble.template.children() if isinstance(each, nn.Linear))
        shape, dtype = (sum(hidden), self._minibatch), self._velocity.dtype
        return torch.stack([self._dropouts[r].take(shape, dtype) for r in going.tolist()]).to(going.device)


class _Order:
    """The order in which a replica sees its examples: one shuffle of all of them after another, without end."""

    def __init__(self, seed: int, size: int, phase: int) -> None:
        self._size = size
        self._generator = stream(seed, f"order {phase}")
        self._waiting = torch.empty(0, dtype=torch.int64)

    def take(self, count: int) -> Tensor:
        """The next `count` places within 0 to size - 1."""
        shuffles = [self._waiting]
        for _ in range(math.ceil((count - len(self._waiting)) / self._size)):
            shuffles.append(torch.randperm(self._size, generator=self._generator))
        taken, self._waiting = torch.cat(shuffles).tensor_split([count])
        return taken


class _Dropout:
    """Which hidden units a replica keeps, one draw a step; its share 0 keeps them all."""

    def __init__(self, seed: int, share: float, phase: int) -> None:
        if not 0 <= share < 1:
            raise ValueError(f"a share of dropout lies within 0 to 1, and is not 1: {share}")
        self._share = share
        self._generator = stream(seed, f"dropout {phase}")

    def take(self, shape: tuple[int, int], dtype: torch.dtype) -> Tensor:
        """What the next step's activations are multiplied by: (units of all hidden layers, minibatch)."""
        if not self._share:
            return torch.ones(shape, dtype=dtype)
        kept = torch.rand(shape, generator=self._generator) >= self._share
        return kept.to(dtype).div_(1 - self._share)


class _State(NamedTuple):
    """SGD's state for the replicas that are trained together, A of them."""

    weights: Tensor
    """(A, parameters of one network), as are velocity and mask."""
    velocity: Tensor
    momentum: Tensor
    """(A, 1), as is weight decay, unless some parameters are exempt: then (A, parameters of one network)."""
    weight_decay: Tensor
    mask: Tensor | None
    losses: Tensor
    """(A,): summed over the steps."""

    @torch.no_grad()
    def update(self, gradient: Tensor, rate: Tensor, *, nesterov: bool) -> None:
        """What `torch.optim.SGD` does in a step; `gradient` is used up."""
        if self.mask is not None:
            gradient *= self.mask
        gradient.addcmul_(self.weights, self.weight_decay)
        self.velocity.mul_(self.momentum).add_(gradient)
        if nesterov:
            gradient.addcmul_(self.velocity, self.momentum)
        self.weights.addcmul_(gradient if nesterov else self.velocity, rate, value=-1)


def _rows(inputs: Tensor, rows: Tensor) -> Tensor:
    """`inputs[rows]`, several times faster for small inputs on a CPU."""
    return inputs.index_select(0, rows.flatten()).view(*rows.shape, *inputs.shape[1:])


def _losses(outputs: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (R, n) of outputs (R, n, classes) and labels (R, n).

    Written out, because PyTorch's own of three dimensions cannot repeat itself to the bit on a GPU; made flat, as it
    could, it takes two to four times as long on a CPU.
    """
    logarithms = outputs.transpose(1, 2).log_softmax(1)
    return -logarithms.gather(1, labels.unsqueeze(1)).squeeze(1)


class Scores(NamedTuple):
    """Per replica, on the CPU."""

    loss: Tensor
    """Mean cross-entropy (R,)."""
    error: Tensor
    """Share of examples whose largest output is not their label's (R,); NaN where an output is not finite."""


@torch.no_grad()
def evaluate(ensemble: Ensemble, examples: Examples) -> Scores:
    """Loss and error of each replica on its examples; batch normalisation uses its running statistics."""
    inputs = examples.inputs.to(ensemble.weights.dtype)
    sizes = torch.tensor(examples.sizes, device=examples.rows.device)
    loss, wrong = torch.zeros(2, len(ensemble), dtype=torch.float64)
    step = max(1, EVALUATED // len(ensemble)) if ensemble.stacked else EVALUATED_IN_TURN
    ensemble.template.eval()
    with machine.arithmetic(ensemble.weights.device):
        for part in ensemble.parts(ensemble.weights, ensemble.buffers):
            here = part.replicas
            for begin in range(0, examples.rows.shape[1], step):
                rows, labels = (each[here, begin : begin + step] for each in (examples.rows, examples.labels))
                outputs = ensemble.outputs(part, _rows(inputs, rows))
                counted = torch.arange(begin, begin + rows.shape[1], device=sizes.device) < sizes[here, None]
                wrongly = (outputs.argmax(2) != labels).float().masked_fill(~outputs.isfinite().all(2), torch.nan)
                loss[here] += torch.where(counted, _losses(outputs, labels), 0).sum(1).cpu()
                wrong[here] += torch.where(counted, wrongly, 0).sum(1).cpu()
    counts = torch.tensor(examples.sizes)
    return Scores(loss / counts, wrong / counts)
