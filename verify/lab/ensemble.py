"""Trains many networks of one architecture at once; each as a plain PyTorch loop with its seed would train it.

A network of the ensemble is called a replica.  The rule it follows is this loop, and tests hold it to that::

    torch.manual_seed(seed)
    network = build()
    optimizer = torch.optim.SGD(network.parameters(), momentum=…, weight_decay=…, nesterov=…)
    for step, rows in enumerate(one shuffle of the examples after another, cut into minibatches):
        optimizer.param_groups[0]["lr"] = rates[step]
        optimizer.zero_grad()
        cross_entropy(network(inputs[rows]), labels[rows]).backward()
        # under a mask: each gradient is multiplied by it
        optimizer.step()

Seeds, examples, labels, rates, number of steps, momentum, weight decay and masks may differ between replicas; the
architecture and the minibatch size may not, since they decide the shape of the tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from verify.lab.examples import Examples
from verify.lab.randomness import stream

CHUNK = 64
"""Steps whose data order is drawn, and moved to the device, together."""
EVALUATED = 2**12
"""Examples evaluated together, over all replicas: bounds the memory."""

Parameters = dict[str, Tensor]
"""Of all replicas: per parameter of the module, (replicas, *its shape)."""


class Ensemble:
    """R networks of one architecture: their parameters are the rows of `weights`, (R, parameters of one network)."""

    def __init__(self, template: nn.Module, weights: Tensor) -> None:
        self.template = template
        self.weights = weights
        self._forward = _stacked(template)

    @classmethod
    def of(
        cls,
        build: Callable[[], nn.Module],
        seeds: Sequence[int],
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> Ensemble:
        """One replica a seed, initialised as `build` does after `torch.manual_seed(seed)`.

        Raises:
            ValueError: the network has buffers, as batch normalisation does; they are not stacked.
        """
        modules = [initialised(build, seed) for seed in seeds]
        if buffers := [name for name, _ in modules[0].named_buffers()]:
            raise ValueError(f"a network with buffers cannot be trained in an ensemble: {', '.join(buffers)}")
        rows = [nn.utils.parameters_to_vector(module.parameters()).detach() for module in modules]
        return cls(modules[0].to(device, dtype), torch.stack(rows).to(device, dtype))

    def __len__(self) -> int:
        return len(self.weights)

    def __call__(self, inputs: Tensor, parameters: Parameters | None = None) -> Tensor:
        """Outputs (R, n, classes) for inputs (R, n, …): each replica sees its own."""
        return self._forward(self.views(self.weights) if parameters is None else parameters, inputs)

    def views(self, rows: Tensor) -> Parameters:
        """Rows laid out as `weights` are, (R, parameters of one network), as the module's parameters; shares memory."""
        shapes = {name: parameter.shape for name, parameter in self.template.named_parameters()}
        pieces = torch.split(rows, [shape.numel() for shape in shapes.values()], dim=1)
        return {name: piece.view(-1, *shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}

    def take(self, replicas: Sequence[int]) -> Ensemble:
        """A new ensemble of copies of some replicas, any of them as often as it is named."""
        return Ensemble(self.template, self.weights[list(replicas)].clone())


def initialised(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network as `build` initialises it under `seed`; the global random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def _stacked(template: nn.Module) -> Callable[[Parameters, Tensor], Tensor]:
    """`template` as a function of all replicas' parameters and inputs (R, n, …)."""
    layers = list(template) if isinstance(template, nn.Sequential) else []
    if layers and type(layers[0]) is nn.Linear and all(type(layer) in (nn.Linear, nn.ReLU) for layer in layers):
        return lambda parameters, inputs: _perceptron(layers, list(parameters.values()), inputs)

    def one(parameters: Parameters, inputs: Tensor) -> Tensor:
        outputs: Tensor = functional_call(template, parameters, (inputs,))
        return outputs

    return vmap(one)


def _perceptron(layers: Sequence[nn.Module], parameters: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Linear layers and ReLU written out, which takes half the time it does under vmap (CPU, width 64 to 256).

    Activations are kept as (R, units, n): so the gradient of a weight comes out in the weight's own layout.
    """
    remaining = iter(parameters)
    hidden = inputs.transpose(1, 2)
    for layer in layers:
        if not isinstance(layer, nn.Linear):
            hidden = hidden.relu_()
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
        nesterov: whether momentum is Nesterov's.
        mask: (R, parameters of one network) of 0 and 1; weights at 0 stay as they are.
        phase: number of this training among those a replica goes through: each has a data order of its own.
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
        nesterov: bool = False,
        mask: Tensor | None = None,
        phase: int = 0,
    ) -> None:
        self.ensemble = ensemble
        self._examples = examples._replace(inputs=examples.inputs.to(ensemble.weights.dtype))
        self._orders = [_Order(seed, size, phase) for seed, size in zip(seeds, examples.sizes, strict=True)]
        self._minibatch = minibatch
        self._nesterov = nesterov
        self._momentum = self._column(momentum)
        self._weight_decay = self._column(weight_decay)
        self._mask = mask
        self._velocity = torch.zeros_like(ensemble.weights)

    def _column(self, values: float | Sequence[float] | Tensor) -> Tensor:
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

        state = _State(
            theirs(self.ensemble.weights),
            theirs(self._velocity),
            theirs(self._momentum),
            theirs(self._weight_decay),
            None if self._mask is None else theirs(self._mask),
        )
        parameters = {name: view.requires_grad_() for name, view in self.ensemble.views(state.weights).items()}
        losses = torch.zeros(len(going), dtype=state.weights.dtype, device=going.device)
        for rate, rows, labels in self._steps(going, rates.to(state.weights)):
            outputs = self.ensemble(_rows(self._examples.inputs, rows), parameters)
            loss = _losses(outputs, labels).mean(1)
            gradients = torch.autograd.grad(loss.sum(), list(parameters.values()))
            state.update(torch.cat([each.flatten(1) for each in gradients], dim=1), rate, nesterov=self._nesterov)
            losses += loss.detach()
        if not everyone:
            self.ensemble.weights[going] = state.weights
            self._velocity[going] = state.velocity
        return losses.cpu().double()

    def _steps(self, going: Tensor, rates: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Per step: the rate (A, 1), rows of the inputs and labels (A, minibatch)."""
        for chunk in torch.split(rates, CHUNK, dim=1):
            steps = chunk.shape[1]
            places = torch.stack([self._orders[r].take(steps * self._minibatch) for r in going.tolist()])
            places = places.to(going.device)
            chosen = (self._examples.rows[going].gather(1, places), self._examples.labels[going].gather(1, places))
            minibatches = (each.view(len(going), steps, -1).unbind(1) for each in chosen)
            yield from zip(chunk.unsqueeze(2).unbind(1), *minibatches, strict=True)


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


class _State(NamedTuple):
    """SGD's state for the replicas that are trained together, A of them."""

    weights: Tensor
    """(A, parameters of one network), as are velocity and mask."""
    velocity: Tensor
    momentum: Tensor
    """(A, 1), as is weight decay."""
    weight_decay: Tensor
    mask: Tensor | None

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
    """Cross-entropy (R, n) of outputs (R, n, classes) and labels (R, n)."""
    return F.cross_entropy(outputs.transpose(1, 2), labels, reduction="none")


class Scores(NamedTuple):
    """Per replica, on the CPU."""

    loss: Tensor
    """Mean cross-entropy (R,)."""
    error: Tensor
    """Share of examples whose largest output is not their label's (R,); NaN where an output is not finite."""


@torch.no_grad()
def evaluate(ensemble: Ensemble, examples: Examples) -> Scores:
    """Loss and error of each replica on its examples."""
    inputs = examples.inputs.to(ensemble.weights.dtype)
    sizes = torch.tensor(examples.sizes, device=examples.rows.device)
    loss, wrong = torch.zeros(2, len(ensemble), dtype=torch.float64)
    step = max(1, EVALUATED // len(ensemble))
    for begin in range(0, examples.rows.shape[1], step):
        rows, labels = (each[:, begin : begin + step] for each in (examples.rows, examples.labels))
        outputs = ensemble(_rows(inputs, rows))
        counted = torch.arange(begin, begin + rows.shape[1], device=sizes.device) < sizes[:, None]
        wrongly = (outputs.argmax(2) != labels).float().masked_fill(~outputs.isfinite().all(2), torch.nan)
        loss += torch.where(counted, _losses(outputs, labels), 0).sum(1).cpu()
        wrong += torch.where(counted, wrongly, 0).sum(1).cpu()
    counts = torch.tensor(examples.sizes)
    return Scores(loss / counts, wrong / counts)
