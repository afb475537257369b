"""The experiments on interpolation, against formulas written out by themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from tests.trying import run
from verify.experiments.interpolation import construct, network
from verify.lab import data

Array = NDArray[np.float64]
pytestmark = pytest.mark.usefixtures("small")


def test_the_construction_solves_the_triangular_system() -> None:
    generator = torch.Generator().manual_seed(0)
    projections = torch.randn(60, generator=generator, dtype=torch.float64)
    targets = torch.randint(10, (60,), generator=generator).double()
    biases, weights = construct(projections, targets)

    order = np.argsort(projections.numpy())
    z, b = projections.numpy()[order], biases.numpy()
    assert (b < z).all()
    assert (b[1:] > z[:-1]).all(), "biases and projections take turns"
    matrix = np.maximum(z[:, None] - b[None, :], 0)
    assert (np.triu(matrix, 1) == 0).all()
    expected = solve_triangular(matrix, targets.numpy()[order], lower=True)
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_a_network_of_torchs_own_layers_gives_the_labels() -> None:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    direction = torch.randn(5, generator=generator, dtype=torch.float64)
    targets = torch.randint(10, (30,), generator=generator).double()
    biases, weights = construct(inputs @ direction, targets)
    hidden, last = torch.nn.Linear(5, 30).double(), torch.nn.Linear(30, 1, bias=False).double()
    with torch.no_grad():
        hidden.weight.copy_(direction.expand(30, -1))
        hidden.bias.copy_(-biases)
        last.weight.copy_(weights[None])
        outputs = last(hidden(inputs).relu()).squeeze(1)
    torch.testing.assert_close(outputs, targets, rtol=0, atol=1e-8)
    torch.testing.assert_close(network(inputs, direction, biases, weights), targets, rtol=0, atol=1e-8)


def test_examples_on_one_point_are_an_error() -> None:
    with pytest.raises(ValueError, match="two examples fall on one point"):
        construct(torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64), torch.zeros(3, dtype=torch.float64))


def test_only_the_whole_network_represents_the_labels() -> None:
    whole, fewer = run("represent", [{}, {"construction": "one-unit-fewer"}])
    assert whole["largest_error"] < 1e-8 < 1 < fewer["largest_error"]
    features = data.load("mnist1d", [0]).features
    assert (whole["weights"], fewer["weights"]) == (2 * 50 + features, 2 * 49 + features)


def test_a_kernel_machine_is_the_formula_of_its_dual() -> None:
    source = data.load("mnist1d", [0])
    inputs, labels = (each.numpy().astype(float) for each in source.take(source.subset(0, 40)))
    targets = np.eye(10)[labels.astype(int)]

    def kernel(left: Array, right: Array) -> Array:
        distances: Array = ((left[:, None, :] - right[None, :, :]) ** 2).sum(2)
        return np.exp(distances / (-2 * 0.4**2 * source.features))

    for arm, ridge in (("ridge", 1.0), ("none", 0.0)):
        (found,) = run("kernel_machine", [{"regularised": arm}])
        coefficients = np.linalg.solve(kernel(inputs, inputs) + ridge * np.eye(40), targets)
        outputs = kernel(inputs, inputs) @ coefficients
        assert found["residual"] == pytest.approx(np.abs(outputs - targets).max(), abs=1e-9)
        for name, rows in (("validation", source.validation[0]), ("test", source.test[0])):
            split = source.take(rows)
            given = kernel(split.inputs.numpy().astype(float), inputs) @ coefficients
            error = (given.argmax(1) != split.labels.numpy()).mean()
            assert found[f"{name}_error"] == pytest.approx(error, abs=1e-9)
    assert found["residual"] < 1e-9, "without a ridge it interpolates"


def test_random_labels_reach_the_kernel_machine() -> None:
    real, random = run("kernel_machine", [{"regularised": "none"}, {"regularised": "none", "labels": "random"}])
    assert real["train_error"] == random["train_error"] == 0
    assert real["test_error"] != random["test_error"]


def test_sgd_moves_within_the_inputs_only() -> None:
    zero, random = run("least_squares", [{"steps": 5000}, {"steps": 5000, "start": "random"}])
    assert max(zero["residual"], random["residual"]) < 1e-6, "both fit"
    assert zero["distance"] < 1e-6 < 1 < random["distance"]
    assert random["from_prediction"] < 1e-6
    few, _ = run("least_squares", [{"steps": 2}, {"steps": 2}])
    assert few["distance"] > 1e-2, "it takes steps to get there"


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("represent", {"construction": "half"}, "construction must be one of whole, one-unit-fewer; not half"),
        ("kernel_machine", {"labels": "gaussian"}, "labels must be one of real, random; not gaussian"),
        ("kernel_machine", {"regularised": "no"}, "regularised must be one of ridge, none; not no"),
        ("least_squares", {"start": "one"}, "start must be one of zero, random; not one"),
    ],
)
def test_wrong_arguments(name: str, wrong: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(name, [wrong])
