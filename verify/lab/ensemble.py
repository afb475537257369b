"""Many networks of one architecture at once; a network of the ensemble is called a replica."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from verify.lab import machine, memory
from verify.lab.checks import one_of
from verify.lab.examples import Examples
from verify.lab.layers import Replicas, Tensors
from verify.lab.losses import LOSSES, Loss
from verify.lab.networks import InTurn, Written, network, seen, together

EVALUATED = 2**7
"""Examples that are evaluated together, at least."""


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
            ValueError: there are no seeds.
            memory.TooLarge: so many do not fit.
        """
        if not isinstance(seeds, Sequence) or not seeds:
            raise ValueError(f"seeds are a list with one for each network, and at least one; not {seeds!r}")
        template = initialised(build, seeds[0]).to(dtype)
        count = sum(each.numel() for each in template.parameters())
        memory.check(len(seeds), count * dtype.itemsize, 0, device)
        weights = torch.empty(len(seeds), count, dtype=dtype)
        buffers = {name: each.expand(len(seeds), *each.shape).clone() for name, each in template.named_buffers()}
        for r, seed in enumerate(seeds):
            module = initialised(build, seed).to(dtype)
            weights[r] = nn.utils.parameters_to_vector(module.parameters()).detach()
            for name, each in module.named_buffers():
                buffers[name][r] = each
        placed = {name: each.to(device) for name, each in buffers.items()}
        return cls(template.to(device), weights.to(device), placed)

    def __len__(self) -> int:
        return len(self.weights)

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs (R, n, outputs, …), as in evaluation, for inputs (R, n, …): each replica sees its own."""
        found = []
        for group in self.groups(range(len(self)), inputs[0, :1], inputs.shape[1]):
            replicas = self.network(group, inputs[group].clone())
            replicas.forward()
            found.append(replicas.outputs)
        return torch.cat(found).movedim(-1, 1)

    def typed(self, inputs: Tensor) -> Tensor:
        """Inputs in the weights' precision; what is no floating-point number, a token's id, stays what it is."""
        return inputs.to(self.weights.dtype) if inputs.is_floating_point() else inputs

    def groups(self, replicas: Sequence[int], example: Tensor, n: int, *, stacked: bool = True) -> list[list[int]]:
        """The replicas that go through the network together, each with n examples such as `example` (1, …).

        Unless they may be `stacked`, they take turns.
        """
        most = together(self.template, self.typed(example), n) if stacked else 0
        count = -(-len(replicas) // max(1, most))
        cuts = [len(replicas) * place // count for place in range(count + 1)]
        return [list(replicas[begin:end]) for begin, end in pairwise(cuts)]

    def network(self, group: Sequence[int], inputs: Tensor) -> Written | InTurn:
        """The replicas of a group, to evaluate what stands in `inputs` (A, n, …)."""
        weights = {name: each.contiguous() for name, each in self.views(self.weights[list(group)]).items()}
        buffers = {name: each[list(group)] for name, each in self.buffers.items()}
        stacked = together(self.template, inputs[0, :1], inputs.shape[1]) > 0
        return network(self.template, inputs, Replicas(weights, buffers), stacked=stacked)

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


def initialised(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network as `build` initialises it under `seed`; the global random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


class Scores(NamedTuple):
    """Per replica, on the CPU."""

    loss: Tensor
    """Mean over examples, and their positions (R,)."""
    error: Tensor
    """Fraction of examples whose largest output is not their label's (R,); NaN where an output is not finite."""


def evaluate(ensemble: Ensemble, examples: Examples, loss: str = "cross_entropy") -> Scores:
    """Loss and error of each replica on its examples, as in evaluation: without dropout, by running statistics.

    Args:
        ensemble: R replicas.
        examples: those of each.
        loss: one of `losses.LOSSES`.

    Raises:
        ValueError: there is no such loss; examples of another number of replicas; labels that are none for it.
    """
    one_of("loss", [loss], tuple(LOSSES))
    if len(examples.rows) != len(ensemble):
        raise ValueError(f"examples for {len(examples.rows)} replicas, and there are {len(ensemble)}")
    inputs = ensemble.typed(examples.inputs)
    LOSSES[loss].check(examples.labels, seen(ensemble.template, inputs[:1].shape, inputs.dtype).outputs)
    found = torch.zeros(3, len(ensemble), dtype=torch.float64)
    with machine.arithmetic(inputs.device):
        for group in ensemble.groups(range(len(ensemble)), inputs[:1], EVALUATED):
            with torch.inference_mode():
                found[:, group] = _Evaluation(ensemble, group, inputs, LOSSES[loss]).of(examples)
    total, wrong, counted = found
    return Scores(total / counted, wrong / counted)


class _Evaluation:
    """A of the replicas, which go through the network together."""

    def __init__(self, ensemble: Ensemble, group: list[int], inputs: Tensor, loss: Loss) -> None:
        self._group, self._inputs, self._loss = group, inputs, loss
        self._minibatch = inputs.new_empty(len(group) * EVALUATED, *inputs.shape[1:])
        self._network = ensemble.network(group, self._minibatch.view(len(group), EVALUATED, *inputs.shape[1:]))
        precise = torch.float32 if inputs.device.type == "mps" else torch.float64
        self._sums = torch.zeros(3, len(group), dtype=precise, device=inputs.device)

    def of(self, examples: Examples) -> Tensor:
        """Sums of losses and of errors, and of how many (3, A)."""
        rows, labels = (_padded(each[self._group]) for each in (examples.rows, examples.labels))
        sizes = torch.tensor([examples.sizes[r] for r in self._group], device=rows.device).unsqueeze(1)
        real = torch.arange(rows.shape[1], device=rows.device) < sizes
        step = machine.repeated(self._step, rows.device)
        cuts = (torch.split(each, EVALUATED, dim=1) for each in (rows, labels, real))
        for minibatch in zip(*cuts, strict=True):
            step(*minibatch)
        return self._sums.cpu().double()

    def _step(self, rows: Tensor, labels: Tensor, real: Tensor) -> None:
        torch.index_select(self._inputs, 0, rows.flatten(), out=self._minibatch)
        self._network.forward()
        self._sums += torch.stack(self._loss.sums(self._network.outputs, labels, real))


def _padded(rows: Tensor) -> Tensor:
    """Rows (A, m, …) filled up with 0 to a multiple of what is evaluated together."""
    missing = -rows.shape[1] % EVALUATED
    return torch.cat([rows, rows.new_zeros(len(rows), missing, *rows.shape[2:])], 1)
