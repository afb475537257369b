"""How several replicas of a network go forward and back: through layers written out, or one at a time by autograd."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from verify.lab import attention, layers, memory, models, token_layers
from verify.lab.layers import Layer, Replicas, Tape
from verify.lab.models import BatchNorm, GlobalMean, Residual

CACHE = 2**23
"""Bytes of activations that go through layers together on a CPU: what its cache holds.

Of three convolutions, ten replicas at once are fastest at a minibatch of 32, three to five at 128, and one at 256.
"""
CONVOLVED = 2**24
"""Bytes of one replica's activations, windows among them, up to which convolutions are written out as products."""
COPIES = 8
"""Of its weights that a replica needs while it is trained: gradient, mask, an optimizer's state, and what is moved."""


class Unwritten(Exception):
    """There is no layer for a module."""


def written(network: nn.Module, replicas: Replicas) -> Layer:
    """The network's layers for replicas, trained where they have gradients.

    Raises:
        Unwritten: a module has no layer, or does more than its kind does.
    """

    def of(module: nn.Module, name: str, *, outermost: bool = False) -> Layer:
        kind = type(module)
        own = (f"{name}.{each}" for each, _ in module.named_parameters(recurse=False))
        if module._forward_hooks or module._forward_pre_hooks or not all(each in replicas.weights for each in own):
            raise Unwritten(kind.__name__)
        if kind is nn.Sequential:
            # Not `named_children`, which leaves out what stands there a second time.
            inner = [of(each, f"{name}.{place}".lstrip(".")) for place, each in module._modules.items() if each]
            return layers.Chain(inner, outermost=outermost)
        if isinstance(module, Residual) and kind is Residual:
            return layers.Sum(of(module.body, f"{name}.body"), of(module.shortcut, f"{name}.shortcut"))
        if kind is nn.Linear:
            return token_layers.Linear(name, replicas)
        if isinstance(module, nn.Conv1d | nn.Conv2d) and _is_plain(module):
            return layers.Convolution(module, name, replicas)
        if isinstance(module, BatchNorm) and kind is BatchNorm:
            return layers.Normalisation(module, name, replicas)
        if kind is nn.ReLU:
            return layers.ReLU()
        if kind is nn.Dropout:
            return layers.Dropout(replicas)
        if isinstance(module, nn.Unflatten) and kind is nn.Unflatten and module.dim == 1:
            return layers.Reshape(tuple(module.unflattened_size))
        if isinstance(module, nn.Flatten) and kind is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
            return layers.Reshape((-1,))
        if kind is GlobalMean:
            return layers.Mean()
        if kind is models.Embedding:
            return token_layers.Embedding(name, replicas)
        if isinstance(module, models.Attention) and kind is models.Attention:
            inward, outward = (of(getattr(module, each), f"{name}.{each}") for each in ("inward", "outward"))
            if isinstance(inward, token_layers.Linear) and isinstance(outward, token_layers.Linear):
                return attention.Attention(module, inward, outward)
        if isinstance(module, models.Added) and kind is models.Added:
            body = of(module.body, f"{name}.body")
            if isinstance(body, layers.Chain):
                return token_layers.Added(body)
        if isinstance(module, nn.LayerNorm) and _is_usual(module):
            return token_layers.LayerNorm(module, name, replicas)
        if isinstance(module, nn.GELU) and kind is nn.GELU:
            return token_layers.GELU(module)
        if kind is models.Last:
            return token_layers.Last()
        if kind is models.ClassesSecond:
            return token_layers.ClassesSecond()
        raise Unwritten(kind.__name__)

    return of(network, "", outermost=True)


def _is_plain(module: nn.Conv1d | nn.Conv2d) -> bool:
    return (
        type(module) in (nn.Conv1d, nn.Conv2d)
        and module.groups == 1
        and set(module.dilation) == {1}
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def _is_usual(module: nn.LayerNorm) -> bool:
    """Along the last dimension, with scale and shift."""
    return type(module) is nn.LayerNorm and len(module.normalized_shape) == 1 and len(list(module.parameters())) == 2


class Written:
    """Replicas that go together through layers with their backward pass written out."""

    def __init__(self, template: nn.Module, inputs: Tensor, replicas: Replicas) -> None:
        chain = written(template, replicas)
        self.forward, self.backward = Tape(), Tape()
        self.outputs = chain.forward(inputs.movedim(1, -1), self.forward)
        self.gradient = torch.empty_like(self.outputs, memory_format=torch.contiguous_format)
        self.kept = replicas.kept or []
        if replicas.gradients is not None:
            chain.backward(self.gradient, self.backward)


class InTurn:
    """One replica of any network, through autograd."""

    outputs: Tensor
    gradient: Tensor

    def __init__(self, template: nn.Module, inputs: Tensor, replicas: Replicas) -> None:
        self._template, self._inputs = template, inputs[0]
        self._gradients = replicas.gradients
        trains = self._gradients is not None
        self._parameters = {name: each[0].detach().requires_grad_(trains) for name, each in replicas.weights.items()}
        self._buffers = {name: each[0] for name, each in replicas.buffers.items()}
        self._found: Tensor
        self._looked = False
        self._dropouts = [each for each in template.modules() if isinstance(each, nn.Dropout)]
        self.kept = []
        if self._dropouts and replicas.kept is not None:
            # Zeros, since nothing stands in `inputs` yet, and what happens to lie there may be no token.
            shapes = _dropped(template, torch.zeros_like(self._inputs[:1]))
            self.kept = [self._parameters_like(*shape, len(self._inputs)) for shape in shapes]

    def _parameters_like(self, *shape: int) -> Tensor:
        return next(iter(self._parameters.values())).new_empty(1, *shape)

    def forward(self) -> None:
        trains = self._gradients is not None
        self._template.train(trains)
        with torch.set_grad_enabled(trains), self._drops(), self._undrawn():
            self._found = functional_call(self._template, self._parameters | self._buffers, (self._inputs,))
        # Autocast may have had it in bfloat16.
        own = next(iter(self._parameters.values())).dtype
        self.outputs = self._found.detach().movedim(0, -1).unsqueeze(0).to(own)
        self.gradient = torch.empty_like(self.outputs, memory_format=torch.contiguous_format)

    def backward(self) -> None:
        own = self.gradient[0].movedim(-1, 0).to(self._found.dtype)
        found = torch.autograd.grad(self._found, list(self._parameters.values()), own)
        for name, each in zip(self._parameters, found, strict=True):
            (self._gradients or {})[name][0].copy_(each)

    @contextmanager
    def _undrawn(self) -> Iterator[None]:
        """The first time, nothing may draw random numbers: they would depend on who was trained before.

        Raises:
            ValueError: something did.
        """
        if self._looked:
            yield
            return
        self._looked = True
        on_gpu = self._inputs.device.type == "cuda"
        before = torch.get_rng_state(), torch.cuda.get_rng_state() if on_gpu else torch.empty(0)
        yield
        after = torch.get_rng_state(), torch.cuda.get_rng_state() if on_gpu else torch.empty(0)
        if not all(map(torch.equal, before, after)):
            raise ValueError(
                f"{type(self._template).__name__} draws random numbers when it is called, so that a trial would depend "
                "on its mates: drop by nn.Dropout, which the trainer draws for"
            )

    @contextmanager
    def _drops(self) -> Iterator[None]:
        """Each dropout multiplies by what is kept, and draws nothing itself."""
        for each in self._dropouts:
            each.eval()
        hooks = [
            module.register_forward_hook(lambda _, __, out, kept=kept: out * kept[0].movedim(-1, 0))
            for module, kept in zip(self._dropouts, self.kept, strict=bool(self.kept))
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def network(template: nn.Module, inputs: Tensor, replicas: Replicas, *, stacked: bool) -> Written | InTurn:
    """Replicas, as many as `together` allows.

    `forward` computes `outputs` (R, outputs, …, n) from `inputs` (R, n, …), which it may change; `backward` writes the
    parameters' gradients from `gradient`, that of the outputs, which it may change.  Where units are dropped, what
    leaves each dropout layer is multiplied by what stands in `kept`, (R, units, …, n) each.

    Args:
        template: a module of the architecture.
        inputs: where they will stand.
        replicas: what is trained or evaluated.
        stacked: whether they go together through layers, which there must be; else one replica, by autograd.
    """
    return (Written if stacked else InTurn)(template, inputs, replicas)


@lru_cache(maxsize=8)
def is_written(template: nn.Module) -> bool:
    """Whether there are layers for the architecture."""
    weights, buffers = (
        {name: each.detach().unsqueeze(0) for name, each in own}
        for own in (template.named_parameters(), template.named_buffers())
    )
    try:
        written(template, Replicas(weights, buffers))
    except Unwritten:
        return False
    return True


def together(template: nn.Module, example: Tensor, n: int) -> int:
    """How many replicas go through layers together, each with n examples such as `example` (1, …); 0: they take turns.

    On a CPU, those whose activations its cache holds; on another device, those whose training half its memory holds.
    They take turns where there are no layers, and where the windows of a convolution fill more than a cache: PyTorch's
    own convolutions cut them up.
    """
    convolved = any(isinstance(each, nn.Conv1d | nn.Conv2d) for each in template.modules())
    activations = seen(template, example.shape, example.dtype).size * n
    if not is_written(template) or (convolved and activations > CONVOLVED):
        return 0
    device = example.device.type
    if device == "cpu":
        return max(1, CACHE // activations)
    weights = sum(each.nbytes for each in template.parameters())
    return max(1, int(memory.share(device) / 2 / (2 * activations + COPIES * weights)))


class Seen(NamedTuple):
    """What becomes of one example in a network."""

    size: int
    """Bytes of its activations, and of what its windows become."""
    outputs: torch.Size
    """Shape of its outputs, without the example's dimension."""


@lru_cache(maxsize=8)
def seen(template: nn.Module, shape: torch.Size, dtype: torch.dtype) -> Seen:
    """What becomes of one example of a shape (1, …) and type, evaluated once."""
    example = torch.zeros(shape, dtype=dtype, device=next(template.parameters()).device)
    sizes = [example.numel() * example.element_size()]

    def count(module: nn.Module, given: tuple[Tensor, ...], found: Any) -> None:
        if not isinstance(found, Tensor):
            return
        sizes.append(found.numel() * found.element_size())
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            sizes.append(given[0].shape[1] * math.prod(module.kernel_size) * found[0, 0].numel() * found.element_size())
        if isinstance(module, models.Attention):
            scores = module.heads * given[0].shape[1] ** 2
            sizes.append((2 * scores + 4 * found.numel()) * found.element_size())

    watched = [each for each in template.modules() if not list(each.children()) or isinstance(each, models.Attention)]
    outputs = _watched(template, example, watched, count)
    return Seen(sum(sizes), outputs.shape[1:])


def _dropped(network: nn.Module, example: Tensor) -> list[tuple[int, ...]]:
    """Units of each dropout layer, as one example (1, …) has them."""
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def note(module: nn.Module, _: object, found: Tensor) -> None:
        shapes[module] = tuple(found.shape[1:])

    dropouts = [each for each in network.modules() if isinstance(each, nn.Dropout)]
    _watched(network, example, dropouts, note)
    return [shapes.get(each, (0,)) for each in dropouts]  # one that is never called drops nothing


def _watched(network: nn.Module, example: Tensor, modules: Sequence[nn.Module], hook: Any) -> Tensor:
    """Outputs of an example (1, …), with `hook` called for each of the modules.

    Raises:
        ValueError: they are not one tensor (1, outputs, …).
    """
    hooks = [each.register_forward_hook(hook) for each in modules]
    try:
        with torch.no_grad():
            found = network.eval()(example)
    finally:
        for each in hooks:
            each.remove()
    if not isinstance(found, Tensor) or found.dim() < 2 or len(found) != 1:
        what = f"one of shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise ValueError(
            f"a network gives one tensor (n, outputs, …); {type(network).__name__} gives {what} where n is 1"
        )
    return found
