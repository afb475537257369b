"""The generator of MNIST-1D, held to its authors' package."""

from __future__ import annotations

import numpy as np
import pytest
from mnist1d.data import get_dataset_args, make_dataset  # type: ignore[import-untyped]

from verify.lab import mnist1d


@pytest.mark.parametrize("seed", [0, 42, 2**32 - 1])
def test_it_gives_what_the_package_gives(seed: int) -> None:
    arguments = get_dataset_args()
    arguments.num_samples, arguments.train_split, arguments.seed = 500, 1.0, seed
    state = np.random.get_state()
    expected = make_dataset(arguments)
    np.random.set_state(state)
    inputs, labels = mnist1d.generate(seed, 500)
    assert np.array_equal(labels, expected["y"])
    assert np.array_equal(inputs, expected["x"].round(mnist1d.DECIMALS).astype(np.float32))
    assert inputs.dtype == np.float32


def test_classes_are_as_large_and_in_no_order() -> None:
    inputs, labels = mnist1d.generate(1, 1000)
    assert np.bincount(labels).tolist() == [100] * 10
    assert np.bincount(labels[:200]).min() > 5
    assert len(np.unique(inputs, axis=0)) == 1000
    assert float(inputs.mean(dtype=float)) == pytest.approx(0, abs=1e-5)
    assert float(inputs.std(dtype=float)) == pytest.approx(1, abs=1e-5)
