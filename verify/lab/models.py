"""The networks that experiments train, as plain modules.

All but the transformer take inputs (n, features).  Convolutional nets are given the `shape` of an example, channels
first, and have as many dimensions as it has: (1, 40) makes a 1-D net, (3, 32, 32) a 2-D one.  The transformer takes
tokens (n, T).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from verify.lab.checks import one_of

Shape = Sequence[int]
"""Of one example: channels, then its length, or its height and width."""
MODELS = ("mlp", "linear", "conv", "resnet", "resnet9")


def named(
    model: str, shape: Shape, classes: int, *, width: int, ghost: int | None = None, zero_gamma: bool = False
) -> nn.Sequential:
    """The network that an experiment's parameter `model` names; each takes of the rest what it has.

    Raises:
        ValueError: there is no such model, or it has no batch normalisation that `ghost` or `zero_gamma` could change.
    """
    one_of("model", [model], MODELS)
    if model in ("resnet", "resnet9"):
        build = resnet if model == "resnet" else resnet9
        return build(shape, classes, width=width, ghost=ghost, zero_gamma=zero_gamma)
    if ghost is not None or zero_gamma:
        raise ValueError(f"model '{model}' has no batch normalisation: ghost and zero_gamma are for resnet and resnet9")
    if model == "conv":
        return conv(shape, classes, width=width)
    return linear(prod(shape), classes) if model == "linear" else mlp(prod(shape), classes, width=width)


def mlp(features: int, classes: int, *, width: int, hidden: int = 2) -> nn.Sequential:
    """A multilayer perceptron: `hidden` layers of `width` units with ReLU, then one output a class."""
    layers: list[nn.Module] = []
    for fan_in in (features, *[width] * (hidden - 1)):
        layers += [nn.Linear(fan_in, width), nn.ReLU(), nn.Dropout(0.0)]
    return nn.Sequential(*layers, nn.Linear(width, classes))


def linear(features: int, classes: int) -> nn.Sequential:
    """A linear classifier: an MLP without hidden layers, the control for what needs capacity."""
    return nn.Sequential(nn.Linear(features, classes))


def conv(shape: Shape, classes: int, *, width: int) -> nn.Sequential:
    """Three convolutions with ReLU, of `width`, 2 `width` and 2 `width` channels, then one output a class.

    Each of the last two halves the length of every dimension.
    """
    channels, *lengths = shape
    layers: list[nn.Module] = [nn.Unflatten(1, tuple(shape))]
    for fan_in, fan_out, stride in ((channels, width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 2)):
        layers += [_convolution(len(lengths), fan_in, fan_out, stride=stride), nn.ReLU(), nn.Dropout(0.0)]
    left = prod((length + 3) // 4 for length in lengths)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * width * left, classes))


def resnet(
    shape: Shape, classes: int, *, width: int, ghost: int | None = None, zero_gamma: bool = False
) -> nn.Sequential:
    """A residual net with batch normalisation: one block in each of three stages, of 1, 2 and 4 times `width` channels.

    He et al. 2016, arXiv 1512.03385, cut down to seven convolutions beside the shortcuts, and a linear layer.

    Args:
        shape: of one example.
        classes: outputs.
        width: channels of the first stage.
        ghost: examples that batch normalisation takes together; None for the whole minibatch.
        zero_gamma: whether γ of each block's last batch normalisation starts at 0, so that the block starts as its
            shortcut (Goyal et al. 2017, arXiv 1706.02677, section 5.1).
    """
    channels, *lengths = shape
    dims = len(lengths)
    return nn.Sequential(
        nn.Unflatten(1, tuple(shape)),
        *_normalised(dims, channels, width, ghost=ghost),
        nn.ReLU(),
        Residual(dims, width, width, ghost=ghost, zero_gamma=zero_gamma),
        Residual(dims, width, 2 * width, stride=2, ghost=ghost, zero_gamma=zero_gamma),
        Residual(dims, 2 * width, 4 * width, stride=2, ghost=ghost, zero_gamma=zero_gamma),
        GlobalMean(),
        nn.Linear(4 * width, classes),
    )


def resnet9(
    shape: Shape, classes: int, *, width: int = 64, ghost: int | None = None, zero_gamma: bool = False
) -> nn.Sequential:
    """The nine-layer residual net that is common on CIFAR-10.

    Eight convolutions of `width` to 8 `width` channels, two pairs of them residual, and a linear layer.  It halves by
    strides where the original pools maxima, since those have no gradient that repeats itself to the bit on a GPU.
    Arguments are those of `resnet`.
    """
    channels, *lengths = shape
    dims = len(lengths)
    layers: list[nn.Module] = [
        nn.Unflatten(1, tuple(shape)),
        *_normalised(dims, channels, width, ghost=ghost),
        nn.ReLU(),
    ]
    for stage, residual in ((1, True), (2, False), (4, True)):
        layers += [*_normalised(dims, stage * width, 2 * stage * width, stride=2, ghost=ghost), nn.ReLU()]
        if residual:
            layers.append(Residual(dims, 2 * stage * width, 2 * stage * width, ghost=ghost, zero_gamma=zero_gamma))
    return nn.Sequential(*layers, GlobalMean(), nn.Linear(8 * width, classes))


class Residual(nn.Module):
    """Two convolutions beside a shortcut; where the shape changes, the shortcut is a convolution of kernel 1."""

    def __init__(
        self, dims: int, fan_in: int, fan_out: int, *, stride: int = 1, ghost: int | None, zero_gamma: bool
    ) -> None:
        super().__init__()
        first = _normalised(dims, fan_in, fan_out, stride=stride, ghost=ghost)
        last = _normalised(dims, fan_out, fan_out, ghost=ghost)
        self.body = nn.Sequential(*first, nn.ReLU(), nn.Dropout(0.0), *last)
        same = fan_in == fan_out and stride == 1
        shortcut = [] if same else _normalised(dims, fan_in, fan_out, kernel=1, stride=stride, ghost=ghost)
        self.shortcut = nn.Sequential(*shortcut)
        if zero_gamma:
            nn.init.zeros_(last[-1].weight)  # type: ignore[arg-type]

    def forward(self, inputs: Tensor) -> Tensor:
        return F.relu(self.body(inputs) + self.shortcut(inputs))


class BatchNorm(nn.Module):
    """Batch normalisation; with `ghost`, over so many examples at a time, as each worker of a minibatch sees its own.

    Goyal et al. 2017, arXiv 1706.02677, section 3 (there 32); Hoffer et al. 2017, arXiv 1705.08741.  Running statistics
    move once a step, towards the mean of the groups'.  Without `ghost` it computes what `nn.BatchNorm2d` does.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, ghost: int | None = None) -> None:
        super().__init__()
        self.ghost = ghost
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (n, channels, …), normalised.

        Raises:
            ValueError: in training, a minibatch that cannot be cut into groups of `ghost`.
        """
        if not self.training:
            return F.batch_norm(inputs, self.running_mean, self.running_var, self.weight, self.bias)
        size = self.ghost or len(inputs)
        if len(inputs) % size:
            raise ValueError(f"a minibatch of {len(inputs)} cannot be cut into ghost batches of {size}")
        groups, shape = len(inputs) // size, inputs.shape[1:]
        # Groups become channels of their own, so that one call normalises them all.
        apart = inputs.view(groups, size, *shape).transpose(0, 1).flatten(1, 2)
        own = (self.running_mean, self.running_var, self.weight, self.bias)
        mean, var, weight, bias = (each.repeat(groups) for each in own)
        normalised = F.batch_norm(apart, mean, var, weight, bias, training=True)
        self.running_mean.copy_(mean.view(groups, -1).mean(0))
        self.running_var.copy_(var.view(groups, -1).mean(0))
        return normalised.view(size, groups, *shape).transpose(0, 1).flatten(0, 1)


class GlobalMean(nn.Module):
    """The mean over all places: from (n, channels, …) to (n, channels)."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(2).mean(2)


def transformer(
    vocabulary: int,
    length: int,
    classes: int,
    *,
    width: int,
    heads: int = 4,
    blocks: int = 2,
    causal: bool = True,
    each: bool = True,
) -> nn.Sequential:
    """A transformer, whose blocks normalise what goes into attention and into the perceptron, not what they return.

    Vaswani et al. 2017, arXiv 1706.03762; the normalisation is that of Radford et al. 2019, "Language models are
    unsupervised multitask learners" (GPT-2), section 2.3.  It takes tokens (n, T) int64 within 0 to `vocabulary` - 1,
    and gives one output a class for each position, (n, classes, T), as `torch.nn.functional.cross_entropy` takes them
    beside labels (n, T).

    Args:
        vocabulary: how many tokens there are.
        length: the longest sequence that it takes.
        classes: outputs.
        width: numbers that stand for a position between blocks; a block's perceptron has a hidden layer of 4 `width`.
        heads: of each attention, which share the width.
        blocks: of attention and a perceptron.
        causal: whether a position sees only itself and those before it; else it sees all.
        each: whether each position has outputs; else only the last has, and they are (n, classes).

    Raises:
        ValueError: `width` cannot be shared out among the heads; when called, a sequence that is longer than `length`.
    """
    layers: list[nn.Module] = [Embedding(vocabulary, length, width), nn.Dropout(0.0)]
    for _ in range(blocks):
        perceptron = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        layers += [
            Added(nn.LayerNorm(width), Attention(width, heads, causal=causal), nn.Dropout(0.0)),
            Added(nn.LayerNorm(width), *perceptron, nn.Dropout(0.0)),
        ]
    ends = [ClassesSecond()] if each else []
    starts = [] if each else [Last()]
    return nn.Sequential(*layers, *starts, nn.LayerNorm(width), nn.Linear(width, classes), *ends)


class Embedding(nn.Module):
    """Each token's vector, plus the vector of its position: from (n, T) to (n, T, width).

    Both are learned, and start as normal numbers with standard deviation 0.02, as in GPT-2.
    """

    def __init__(self, vocabulary: int, length: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.empty(vocabulary, width))
        self.positions = nn.Parameter(torch.empty(length, width))
        for vectors in (self.tokens, self.positions):
            nn.init.normal_(vectors, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Raises ValueError: the sequences are longer than there are positions."""
        given, length = tokens.shape[1], len(self.positions)
        if given > length:
            raise ValueError(f"a sequence of {given} tokens is longer than the {length} that the transformer takes")
        return F.embedding(tokens, self.tokens) + self.positions[:given]


class Attention(nn.Module):
    """Self-attention with several heads, from (n, T, width) to the same shape.

    Vaswani et al. 2017, section 3.2.  It is written out as products and a softmax, which repeat themselves to the bit.

    Raises:
        ValueError: `width` cannot be shared out among the heads.
    """

    def __init__(self, width: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} cannot be shared out among {heads} heads")
        self.heads, self.causal = heads, causal
        self.inward = nn.Linear(width, 3 * width)
        self.outward = nn.Linear(width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        apart = self.inward(inputs).unflatten(2, (3, self.heads, -1))
        queries, keys, values = apart.permute(2, 0, 3, 1, 4).unbind()  # (n, heads, T, width / heads) each
        scores = queries @ keys.transpose(2, 3) * queries.shape[3] ** -0.5
        if self.causal:
            later = torch.ones(scores.shape[2:], dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        seen = scores.softmax(3) @ values
        found: Tensor = self.outward(seen.transpose(1, 2).flatten(2))
        return found


class Added(nn.Module):
    """What layers make of their inputs, one after another, is added to those inputs."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.body(inputs)
        return inputs + found


class Last(nn.Module):
    """The last position alone: from (n, T, width) to (n, width)."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs[:, -1]


class ClassesSecond(nn.Module):
    """Positions last: from (n, T, classes) to (n, classes, T)."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.transpose(1, 2)


def normalisations(network: nn.Module) -> list[str]:
    """Names of γ and β of all batch normalisations, which Goyal et al. leave out of weight decay (section 5.1)."""
    return [
        f"{place}.{name}"
        for place, module in network.named_modules()
        if isinstance(module, BatchNorm)
        for name, _ in module.named_parameters(recurse=False)
    ]


def _convolution(
    dims: int, fan_in: int, fan_out: int, *, kernel: int = 3, stride: int = 1, bias: bool = True
) -> nn.Module:
    kinds = {1: nn.Conv1d, 2: nn.Conv2d}
    return kinds[dims](fan_in, fan_out, kernel, stride=stride, padding=kernel // 2, bias=bias)


def _normalised(
    dims: int, fan_in: int, fan_out: int, *, kernel: int = 3, stride: int = 1, ghost: int | None
) -> list[nn.Module]:
    """A convolution without bias, which the batch normalisation after it would undo."""
    convolution = _convolution(dims, fan_in, fan_out, kernel=kernel, stride=stride, bias=False)
    return [convolution, BatchNorm(fan_out, ghost)]
