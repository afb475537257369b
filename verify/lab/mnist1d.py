"""MNIST-1D (Greydanus and Kobak 2020, arXiv 2011.14439): examples as the authors' package makes them, in less time.

Under one seed both give the same examples.  What the package draws for one example after another is drawn in the same
order here; what it then computes is computed for all examples at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

VERSION = 1
"""Raise it whenever other examples are generated, so that none are taken from a cache."""
CLASSES, FEATURES = 10, 40
DECIMALS = 5
"""Of an input: few enough that all platforms agree, whose logarithms and sums may differ in a number's last bits."""
TEMPLATES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
"""The shape of each digit; it is padded, stretched, scaled, shifted, sheared, and lies in noise."""
PADDING = range(36, 61)
LENGTH = len(TEMPLATES[0]) + PADDING[-1]
SHIFTS = 48
SCALE, SHEAR = 0.4, 0.75
NOISE_BESIDE, NOISE_EVERYWHERE = 0.25, 0.02
SMOOTHING = 2
"""Standard deviation, in numbers, of the filter that correlates the noise beside a digit."""

Floats = NDArray[np.float64]


def generate(seed: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Examples in random order, as many of each class: inputs (count, 40) and labels (count,).

    The inputs have mean 0 and standard deviation 1 over all of them.

    Args:
        seed: of the generator, 0 to 2**32 - 1.
        count: a multiple of 10.
    """
    # NumPy keeps what this older generator draws under a seed as it is, in all versions.
    chance = np.random.RandomState(seed)
    labels = np.repeat(np.arange(CLASSES, dtype=np.int64), count // CLASSES)
    draws = [
        (*chance.random_sample(2), chance.randint(SHIFTS), chance.standard_normal(2 * LENGTH), chance.random_sample())
        for _ in labels
    ]
    padding, scale, shift, normal, shear = (np.array(each) for each in zip(*draws, strict=True))
    inputs = _digits()[labels, (padding * len(PADDING)).astype(int)]
    inputs *= 1 + SCALE * (scale[:, None] - 0.5)
    inputs = np.take_along_axis(inputs, (np.arange(LENGTH) - shift[:, None]) % LENGTH, axis=1)
    inputs = _in_noise(inputs, normal)
    inputs -= SHEAR * (shear[:, None] - 0.5) * np.linspace(-0.5, 0.5, LENGTH)
    order = chance.permutation(count)
    found = _resampled(inputs)[order]
    found = (found - found.mean()) / found.std()
    return found.round(DECIMALS).astype(np.float32), labels[order]


def _digits() -> Floats:
    """Each template with each padding, stretched to one length: (10, paddings, length)."""
    templates = np.array(TEMPLATES)
    templates -= templates.mean(1, keepdims=True)
    templates /= templates.std(1, keepdims=True)
    templates -= templates[:, :1]
    places = np.linspace(0, 1, LENGTH)

    def stretched(template: Floats, padding: int) -> Floats:
        padded = np.concatenate([template / 6 + 1e-8, np.zeros(padding)])  # what is 0 there is beside the digit
        found: Floats = np.interp(places, np.linspace(0, 1, len(padded)), padded)
        return found

    return np.array([[stretched(each, padding) for padding in PADDING] for each in templates])


def _in_noise(inputs: Floats, normal: Floats) -> Floats:
    """Inputs (n, length) with correlated noise beside the digit and some more everywhere, of draws (n, 2 length)."""
    from scipy.ndimage import gaussian_filter1d

    beside, everywhere = np.hsplit(normal, 2)
    correlated = gaussian_filter1d(NOISE_BESIDE * beside, SMOOTHING, axis=1)
    return np.where(inputs != 0, inputs, correlated) + NOISE_EVERYWHERE * everywhere


def _resampled(inputs: Floats) -> Floats:
    """Inputs (n, length), on straight lines between their numbers, at 40 places as far from each other: (n, 40)."""
    places = np.linspace(0, LENGTH - 1, FEATURES)
    before = np.minimum(places.astype(int), LENGTH - 2)
    left, right = inputs[:, before], inputs[:, before + 1]
    found: Floats = left + (places - before) * (right - left)
    return found
