"""Data sets of which each seed has its own training, validation and test examples.

So what varies over seeds includes the data: of MNIST-1D each seed has examples of its own, which are generated once a
machine and kept in a cache folder; of published images (`verify.lab.images`) each has its own split of them all.
What a seed gets follows from the seed alone, by `stream(seed, "data")`: trials of one seed see the same, whatever their
other parameters and mates.  What is read is checked by content each time.
"""

from __future__ import annotations

import hashlib
import os
import warnings
import zipfile
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor

from verify.lab import images, mnist1d
from verify.lab.folders import cache_folder
from verify.lab.randomness import stream

Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Inputs and labels, one example a row."""


class Sizes(NamedTuple):
    """How many examples a seed has in each split."""

    train: int
    validation: int
    test: int


SIZES = {
    "mnist1d": Sizes(10_000, 2_500, 5_000),
    "fashion-mnist": Sizes(50_000, 10_000, 10_000),
    "cifar-10": Sizes(45_000, 5_000, 10_000),
}
"""Of published images, all: as many for testing as their authors take, but for each seed others."""


class Split(NamedTuple):
    """Examples: `inputs` (n, features) float32 and `labels` (n,) int64."""

    inputs: Tensor
    labels: Tensor


class Dataset(NamedTuple):
    """A data set as the trials of some seeds see it.

    A seed's training, validation and test examples are rows of the inputs, (n,) int64, in random order; no example is
    in two of them.  The test examples decide nothing: whatever is tuned is tuned on those for validation.
    """

    name: str
    inputs: Tensor
    """Of all seeds (N, features) float32, which have mean 0 and standard deviation 1 in each channel."""
    labels: Tensor
    """Theirs (N,) int64, on the CPU as all rows are: examples are chosen there."""
    train: dict[int, Tensor]
    """By seed, and so are the others."""
    validation: dict[int, Tensor]
    test: dict[int, Tensor]
    classes: int
    shape: tuple[int, ...]
    """Of one input before it was made flat: channels, then its length, or its height and width."""
    sha256: dict[int, str]
    """Of the content of a seed's three splits: what `data` of a trial's record is to be."""

    @property
    def features(self) -> int:
        """Numbers in one input."""
        return prod(self.shape)

    def subset(self, seed: int, examples: int) -> Tensor:
        """Rows of the training examples that the trial with `seed` trains on: (examples,) int64.

        They are its first ones, so a smaller subset is part of every larger one.

        Raises:
            ValueError: it has fewer.
        """
        pool = len(self.train[seed])
        if not 1 <= examples <= pool:
            raise ValueError(f"{self.name} has 1 to {pool} training examples to choose, not {examples}")
        return self.train[seed][:examples]

    def take(self, rows: Tensor) -> Split:
        """The examples that stand in some rows (n,)."""
        return Split(self.inputs[rows], self.labels[rows])

    def to(self, device: str) -> Dataset:
        """The same with its inputs on a device."""
        return self._replace(inputs=self.inputs.to(device))


def load(name: str, seeds: Sequence[int]) -> Dataset:
    """The data set `name` as trials of `seeds` see it, on the CPU; any of them may be named more than once.

    Raises:
        ValueError: there is none of that name.
        images.Unavailable: it is not on this machine and cannot be downloaded; the message says what would help.
    """
    if name not in _LOADERS:
        raise ValueError(f"no data set '{name}'; there is {', '.join(sorted(_LOADERS))}")
    return _LOADERS[name](list(dict.fromkeys(seeds)))


def _mnist1d(seeds: Sequence[int]) -> Dataset:
    """MNIST-1D: 40 numbers an example, ten classes; generated for each seed, and standardised as its authors do."""
    sizes = SIZES["mnist1d"]
    count = sum(sizes)
    inputs = torch.empty(len(seeds) * count, mnist1d.FEATURES)
    labels = torch.empty(len(inputs), dtype=torch.int64)
    rows, digests = [], {}
    for place, seed in enumerate(seeds):
        here = slice(place * count, (place + 1) * count)
        own_inputs, own_labels, digests[seed] = _generated(_generator_seed(seed), count)
        inputs[here], labels[here] = torch.from_numpy(own_inputs), torch.from_numpy(own_labels)
        rows.append(torch.arange(here.start, here.stop))
    train, validation, test = _splits(seeds, rows, sizes)
    return Dataset("mnist1d", inputs, labels, train, validation, test, mnist1d.CLASSES, (1, mnist1d.FEATURES), digests)


def _fashion_mnist(seeds: Sequence[int]) -> Dataset:
    return _of_images("fashion-mnist", images.fashion_mnist(), seeds)


def _cifar10(seeds: Sequence[int]) -> Dataset:
    return _of_images("cifar-10", images.cifar10(), seeds)


_LOADERS: dict[str, Callable[[Sequence[int]], Dataset]] = {
    "mnist1d": _mnist1d, "fashion-mnist": _fashion_mnist, "cifar-10": _cifar10,
}  # fmt: skip


def _of_images(name: str, published: images.Images, seeds: Sequence[int]) -> Dataset:
    """Published images, of which each seed has a split of its own: of all, whatever their authors take them for."""
    pixels, labels, content = published
    channels, values = range(pixels.shape[1]), np.arange(256)
    parts = np.array_split(pixels, 100)  # to be counted, each pixel becomes eight bytes
    counts = np.sum([[np.bincount(part[:, c].ravel(), minlength=256) for c in channels] for part in parts], axis=0)
    # Over all images, so that all seeds share one tensor: with the mean and deviation of a seed's own training split,
    # each would need a copy.  Two numbers a channel, of millions of pixels, tell a network nothing of a test image.
    mean = counts @ values / counts.sum(1)
    deviation = np.sqrt(counts @ values**2 / counts.sum(1) - mean**2)
    scaled = ((values - mean[:, None]) / deviation[:, None]).astype(np.float32)  # per channel, what each byte becomes
    inputs = np.empty(pixels.shape, np.float32)
    for part, room in zip(parts, np.array_split(inputs, len(parts)), strict=True):
        for c in channels:
            room[:, c] = scaled[c][part[:, c]]

    rows = [torch.randperm(len(labels), generator=stream(seed, "data")) for seed in seeds]
    digests = {
        seed: hashlib.sha256(content.encode() + each.numpy().astype("<i8").tobytes()).hexdigest()
        for seed, each in zip(seeds, rows, strict=True)
    }
    train, validation, test = _splits(seeds, rows, SIZES[name])
    flat, classes, shape = torch.from_numpy(inputs).flatten(1), int(labels.max()) + 1, pixels.shape[1:]
    return Dataset(name, flat, torch.from_numpy(labels), train, validation, test, classes, shape, digests)


def _splits(seeds: Sequence[int], rows: Sequence[Tensor], sizes: Sizes) -> list[dict[int, Tensor]]:
    """Rows of each seed, which are in random order, cut into those of the three splits."""
    cut = [torch.split(each, list(sizes)) for each in rows]
    return [dict(zip(seeds, each, strict=True)) for each in zip(*cut, strict=True)]


def _generator_seed(seed: int) -> int:
    """What the generator begins with for trials of a seed, 0 to 2**32 - 1."""
    return int(torch.randint(2**32, (), generator=stream(seed, "data")))


def _generated(seed: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64], str]:
    """Inputs, labels and the SHA-256 of both; generated by the first process that asks, while the others wait."""
    file = cache_folder() / "mnist1d" / f"{mnist1d.VERSION}-{count}-{seed}.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if file.exists():
            try:
                return _read(file)
            except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                warnings.warn(f"{file} is damaged and is generated again: {error}", stacklevel=2)
        _write(file, *mnist1d.generate(seed, count))
        return _read(file)


def _read(file: Path) -> tuple[NDArray[np.float32], NDArray[np.int64], str]:
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
        inputs, labels, expected = stored["inputs"], stored["labels"], str(stored["sha256"])
    if content_hash(inputs, labels) != expected:
        raise ValueError("its content is not what was stored")
    return inputs, labels, expected


def _write(file: Path, inputs: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
    """All or nothing: under a temporary name first, then renamed."""
    unfinished = file.with_name(f"{file.stem}.{os.getpid()}.partial.npz")
    try:
        np.savez(unfinished, inputs=inputs, labels=labels, sha256=np.array(content_hash(inputs, labels)))
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def content_hash(inputs: NDArray[np.float32], labels: NDArray[np.int64]) -> str:
    """SHA-256 of shapes and values, the same on every platform."""
    found = hashlib.sha256()
    for array, kind in ((inputs, "<f4"), (labels, "<i8")):
        found.update(repr(array.shape).encode())
        found.update(np.ascontiguousarray(array, dtype=kind).tobytes())
    return found.hexdigest()
