"""Data sets in three splits, checked by content each time they are read.

MNIST-1D is generated once and kept in a cache folder; images are published files (`verify.lab.images`).
"""

from __future__ import annotations

import hashlib
import os
import warnings
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor

from verify.lab import images
from verify.lab.folders import cache_folder
from verify.lab.randomness import stream

Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Inputs and labels of all examples, one a row."""

GENERATOR_VERSION = 1
"""Raise it whenever the arguments below, or what is done with them, give other data."""

MNIST1D = {
    "num_samples": 17_500,
    "train_split": 1.0,  # the splits are made here, so that they share one standardisation
    "template_len": 12,
    "padding": [36, 60],
    "scale_coeff": 0.4,
    "max_translation": 48,
    "corr_noise_scale": 0.25,
    "iid_noise_scale": 2e-2,
    "shear_scale": 0.75,
    "shuffle_seq": False,
    "final_seq_length": 40,
    "seed": 42,
}
"""The published defaults of MNIST-1D (Greydanus and Kobak 2020, arXiv 2011.14439), with more examples."""
MNIST1D_TRAIN, MNIST1D_VALIDATION = 10_000, 2_500
"""The rest, 5,000, is the test split."""
FASHION_MNIST_VALIDATION, CIFAR10_VALIDATION = 10_000, 5_000
"""The last of the published training examples, which are in no order; the published test split is ours too."""


class Split(NamedTuple):
    """Examples: `inputs` (n, features) float32 and `labels` (n,) int64."""

    inputs: Tensor
    labels: Tensor


class Dataset(NamedTuple):
    """A data set in its three splits.

    The test split decides nothing: whatever is tuned is tuned on `validation`.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    shape: tuple[int, ...]
    """Of one input before it was made flat: channels, then its length, or its height and width."""
    sha256: str
    """Of the content of all three splits."""

    @property
    def features(self) -> int:
        """Numbers in one input."""
        return prod(self.shape)

    def subset(self, seed: int, examples: int) -> Tensor:
        """Rows of the training split that the trial with `seed` trains on: (examples,) int64.

        They are the first `examples` of one shuffle per seed, so a smaller subset is part of every larger one.

        Raises:
            ValueError: the split has fewer.
        """
        pool = len(self.train.labels)
        if not 1 <= examples <= pool:
            raise ValueError(f"{self.name} has 1 to {pool} training examples to choose, not {examples}")
        return torch.randperm(pool, generator=stream(seed, "subset"))[:examples]


def load(name: str) -> Dataset:
    """The data set `name`, on the CPU.

    Raises:
        ValueError: there is none of that name.
        images.Unavailable: it is not on this machine and cannot be downloaded; the message says what would help.
    """
    if name not in _LOADERS:
        raise ValueError(f"no data set '{name}'; there is {', '.join(sorted(_LOADERS))}")
    return _LOADERS[name]()


def mnist1d() -> Dataset:
    """MNIST-1D: 40 numbers an example, ten classes; 10,000 training, 2,500 validation, 5,000 test examples."""
    inputs, labels, digest = _cached("mnist1d", MNIST1D, _generate_mnist1d)
    last = MNIST1D_TRAIN + MNIST1D_VALIDATION
    parts = (slice(MNIST1D_TRAIN), slice(MNIST1D_TRAIN, last), slice(last, None))
    train, validation, test = (Split(torch.from_numpy(inputs[part]), torch.from_numpy(labels[part])) for part in parts)
    return Dataset("mnist1d", train, validation, test, classes=10, shape=(1, inputs.shape[1]), sha256=digest)


def fashion_mnist() -> Dataset:
    """Fashion-MNIST: 50,000 training, 10,000 validation, 10,000 test examples."""
    return _of_images("fashion-mnist", images.fashion_mnist(), FASHION_MNIST_VALIDATION)


def cifar10() -> Dataset:
    """CIFAR-10: 45,000 training, 5,000 validation, 10,000 test examples."""
    return _of_images("cifar-10", images.cifar10(), CIFAR10_VALIDATION)


_LOADERS: dict[str, Callable[[], Dataset]] = {"mnist1d": mnist1d, "fashion-mnist": fashion_mnist, "cifar-10": cifar10}


def _of_images(name: str, published: images.Images, validation: int) -> Dataset:
    """Published images, each channel with mean 0 and standard deviation 1 over the training split."""
    pixels, labels = published.train
    last = len(labels) - validation
    values = np.arange(256)
    counts = np.stack([np.bincount(pixels[:last, c].ravel(), minlength=256) for c in range(pixels.shape[1])])
    mean = counts @ values / counts.sum(1)
    deviation = np.sqrt(counts @ values**2 / counts.sum(1) - mean**2)
    scaled = ((values - mean[:, None]) / deviation[:, None]).astype(np.float32)  # per channel, what each byte becomes

    def split(part: images.Pixels, its_labels: images.Labels) -> Split:
        inputs = np.stack([scaled[c][part[:, c]] for c in range(part.shape[1])], axis=1)
        return Split(torch.from_numpy(inputs).flatten(1), torch.from_numpy(its_labels))

    return Dataset(
        name,
        split(pixels[:last], labels[:last]),
        split(pixels[last:], labels[last:]),
        split(*published.test),
        classes=int(labels.max()) + 1,
        shape=pixels.shape[1:],
        sha256=published.sha256,
    )


def _generate_mnist1d(arguments: dict[str, Any]) -> Arrays:
    """Examples in random order, standardised over all of them."""
    # Importing it loads matplotlib: only whoever generates pays.
    from mnist1d.data import make_dataset  # type: ignore[import-untyped]
    from mnist1d.utils import ObjectView  # type: ignore[import-untyped]

    state = np.random.get_state()  # the generator seeds NumPy's global state, which is not ours to change
    try:
        made = make_dataset(ObjectView(dict(arguments)))
    finally:
        np.random.set_state(state)
    return made["x"].astype(np.float32), made["y"].astype(np.int64)


def _cached(
    name: str, arguments: dict[str, Any], generate: Callable[[dict[str, Any]], Arrays]
) -> tuple[NDArray[np.float32], NDArray[np.int64], str]:
    """Inputs, labels and the SHA-256 of both; generated by the first process that asks, while the others wait."""
    key = hashlib.sha256(repr((GENERATOR_VERSION, sorted(arguments.items()))).encode()).hexdigest()[:16]
    file = cache_folder() / f"{name}-{key}.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if file.exists():
            try:
                return _read(file)
            except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                warnings.warn(f"{file} is damaged and is generated again: {error}", stacklevel=2)
        inputs, labels = generate(arguments)
        _write(file, inputs, labels)
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
