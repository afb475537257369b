"""Losses of several replicas, with their gradients written out, against `torch.nn.functional` on each replica."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.replicas import CLASSES, FEATURES, POOL, Build, both_ways, everything, plain, pool
from tests.replicas import kernels as kernels
from tests.replicas import one_thread as one_thread
from verify.lab import schedules
from verify.lab.data import Split
from verify.lab.ensemble import Ensemble, evaluate
from verify.lab.examples import Examples
from verify.lab.losses import IGNORED, CrossEntropy, Loss, SquaredError
from verify.lab.optimizers import SGD
from verify.lab.training import Training

STEPS, REPLICAS, N = 3, 4, 7
positions = pytest.mark.parametrize("positions", [(), (5,), (2, 3)], ids=str)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return 3 * torch.randn(shape, generator=drawn(seed), dtype=torch.float64)


def labels(*shape: int, ignored: float = 0.0) -> Tensor:
    found = torch.randint(CLASSES, shape, generator=drawn(1))
    return found.masked_fill(torch.rand(shape, generator=drawn(2)) < ignored, IGNORED)


def stepped(loss: Loss, outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Loss (S, R) of outputs (S, R, n, outputs, *positions), and its gradient by them."""
    last = outputs.movedim(2, -1).contiguous()
    targets = loss.targets(labels, last[0])
    losses, gradients = [], []
    for output, target in zip(last, targets, strict=True):
        before, gradient, total = output.clone(), torch.full_like(output, torch.nan), torch.ones_like(output)
        loss.step(output, target, gradient, total)
        assert torch.equal(output, before)
        losses.append((total - 1).flatten(1).sum(1))
        gradients.append(gradient.movedim(-1, 1))
    return torch.stack(losses), torch.stack(gradients)


def assert_steps(loss: Loss, outputs: Tensor, labels: Tensor) -> None:
    """Each step's loss of each replica, and its gradient, are those of PyTorch."""
    function = F.cross_entropy if isinstance(loss, CrossEntropy) else F.mse_loss
    found, gradients = stepped(loss, outputs, labels)
    for s in range(STEPS):
        for r in range(REPLICAS):
            given = outputs[s, r].clone().requires_grad_()
            expected = function(given, labels[s, r])
            (gradient,) = torch.autograd.grad(expected, given)
            torch.testing.assert_close(found[s, r], expected.detach(), rtol=0, atol=1e-12)
            torch.testing.assert_close(gradients[s, r], gradient, rtol=0, atol=1e-12)


@positions
@pytest.mark.parametrize("ignored", [0.0, 0.4])
@pytest.mark.usefixtures("kernels")
def test_cross_entropy_of_a_step(positions: Sequence[int], ignored: float) -> None:
    outputs = numbers(STEPS, REPLICAS, N, CLASSES, *positions)
    assert_steps(CrossEntropy(), outputs, labels(STEPS, REPLICAS, N, *positions, ignored=ignored))


@positions
@pytest.mark.usefixtures("kernels")
def test_a_replica_all_of_whose_labels_are_ignored_stays_as_it_is(positions: Sequence[int]) -> None:
    """PyTorch's mean over nothing is NaN, which would end the replica; here it is 0, and so is the gradient."""
    outputs, given = numbers(STEPS, REPLICAS, N, CLASSES, *positions), labels(STEPS, REPLICAS, N, *positions)
    expected, gradients = stepped(CrossEntropy(), outputs, given)
    found, moved = stepped(CrossEntropy(), outputs, given.index_fill(1, torch.tensor([2]), IGNORED))
    assert (found[:, 2] == 0).all()
    assert (moved[:, 2] == 0).all()
    others = [0, 1, 3]
    assert torch.equal(found[:, others], expected[:, others])
    assert torch.equal(moved[:, others], gradients[:, others])


@positions
@pytest.mark.parametrize("ignored", [0.0, 0.4])
def test_sums_of_cross_entropy(positions: Sequence[int], ignored: float) -> None:
    outputs, given = numbers(REPLICAS, N, CLASSES, *positions), labels(REPLICAS, N, *positions, ignored=ignored)
    sizes = [N, 3, 1, 0]
    real = torch.arange(N) < torch.tensor(sizes).unsqueeze(1)
    found = CrossEntropy().sums(outputs.movedim(1, -1), given, real)
    for r, size in enumerate(sizes):
        own, true = outputs[r, :size], given[r, :size]
        wrong = (own.argmax(1) != true) & (true != IGNORED)
        assert float(found.loss[r]) == pytest.approx(float(F.cross_entropy(own, true, reduction="sum")), abs=1e-12)
        assert found.wrong[r] == wrong.sum()
        assert found.counted[r] == (true != IGNORED).sum()


def test_an_output_that_is_not_finite_has_no_error_where_it_counts() -> None:
    outputs, given = numbers(REPLICAS, CLASSES, N), labels(REPLICAS, N)
    outputs[0, 1, 0] = torch.inf
    outputs[1, 1, 0] = torch.nan
    outputs[2, :, N - 1] = torch.nan
    given[3, 4] = IGNORED
    outputs[3, 0, 4] = torch.nan
    found = CrossEntropy().sums(outputs, given, torch.arange(N).expand(REPLICAS, N) < N - 1)
    assert found.wrong.isnan().tolist() == [True, True, False, False]
    assert found.loss.isnan()[2:].tolist() == [False, False]
    assert found.counted.tolist() == [6, 6, 6, 5]


@positions
def test_squared_error_of_a_step(positions: Sequence[int]) -> None:
    shape = STEPS, REPLICAS, N, CLASSES, *positions
    assert_steps(SquaredError(), numbers(*shape), numbers(*shape, seed=1))


@positions
def test_sums_of_squared_error(positions: Sequence[int]) -> None:
    shape = REPLICAS, N, CLASSES, *positions
    outputs, given = numbers(*shape), numbers(*shape, seed=1)
    sizes = [N, 3, 1, 0]
    real = torch.arange(N) < torch.tensor(sizes).unsqueeze(1)
    found = SquaredError().sums(outputs.movedim(1, -1), given, real)
    for r, size in enumerate(sizes):
        expected = F.mse_loss(outputs[r, :size], given[r, :size], reduction="sum")
        assert float(found.loss[r]) == pytest.approx(float(expected), abs=1e-10)
        assert found.counted[r] == given[r, :size].numel()
    assert found.wrong.isnan().all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(REPLICAS, N), "labels are n numbers"),
        (torch.zeros(REPLICAS, N, 4), "labels are n × 4 numbers"),
        (torch.zeros(REPLICAS, N, 5, 4), "labels are n × 5 × 4 numbers"),
        (torch.zeros(REPLICAS, N, 1, 5), "labels are n × 1 × 5 numbers"),
        (torch.zeros(REPLICAS, N, 4, 5, dtype=torch.int64), "labels are n × 4 × 5 integers"),
    ],
)
def test_squared_error_of_another_shape(labels: Tensor, message: str) -> None:
    """What could be broadcast is as wrong as what could not."""
    with pytest.raises(ValueError, match=f"a floating-point number for each output, n × 4 × 5; {message}"):
        SquaredError().check(labels, torch.Size([4, 5]))


@pytest.mark.parametrize(
    ("labels", "outputs", "message"),
    [
        (torch.zeros(2, 3), (4,), "labels that are integers; for numbers there is loss='squared_error'"),
        (
            torch.zeros(2, 3, dtype=torch.int64),
            (4, 6),
            "one label an example, and outputs are for one label for each of 6",
        ),
        (
            torch.zeros(2, 3, 6, dtype=torch.int64),
            (4,),
            "for each of 6 positions, and outputs are for one label an example",
        ),
        (torch.tensor([[0, 4]]), (4,), "labels are 0 to 3, as there are 4 outputs, or -100; not 4"),
        (torch.tensor([[0, -1]]), (4,), "not -1"),
        (torch.tensor([[-100, -101]]), (4,), "not -101"),
    ],
)
def test_labels_that_cross_entropy_cannot_take(labels: Tensor, outputs: Sequence[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CrossEntropy().check(labels, torch.Size(outputs))
    CrossEntropy().check(torch.tensor([[-100, 3]]), torch.Size([4]))


# In training


def trained(build: Build, examples: Examples, dtype: torch.dtype, *, steps: int, loss: str) -> Ensemble:
    seeds = range(len(examples.sizes))
    ensemble = Ensemble.of(build, seeds, dtype=dtype)
    training = Training(ensemble, examples, seeds, minibatch=8, optimizer=SGD(0.9), loss=loss)
    training.run([schedules.cosine(0.05, steps)] * len(seeds))
    return ensemble


def regression(r: int) -> Split:
    """Numbers that are no linear function of the inputs, others for each replica."""
    return Split(pool().inputs, torch.sin(pool().inputs[:, :CLASSES] * (r + 1)))


@both_ways
def test_training_by_squared_error_is_a_plain_loop(build: Build) -> None:
    splits = [regression(0), Split(*(each[:30] for each in regression(1)))]
    for dtype, steps, tolerance in ((torch.float64, 60, 1e-9), (torch.float32, 20, 1e-5)):
        found = everything(trained(build, Examples.apart(splits), dtype, steps=steps, loss="squared_error"))
        for r, split in enumerate(splits):
            expected = plain(
                build,
                r,
                schedules.cosine(0.05, steps),
                (split.inputs, split.labels),
                lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9),
                dtype=dtype,
                minibatch=8,
                loss=F.mse_loss,
            )
            torch.testing.assert_close(found[r], expected, rtol=0, atol=tolerance)


@both_ways
def test_squared_error_of_an_evaluation(build: Build) -> None:
    splits = [regression(0), Split(*(each[:30] for each in regression(1)))]
    examples = Examples.apart(splits)
    ensemble = trained(build, examples, torch.float64, steps=5, loss="squared_error")
    scores = evaluate(ensemble, examples, loss="squared_error")
    assert scores.error.isnan().all()
    outputs = ensemble(pool().inputs.double().expand(2, -1, -1))
    for r, split in enumerate(splits):
        expected = F.mse_loss(outputs[r, : len(split.labels)], split.labels.double())
        assert float(scores.loss[r]) == pytest.approx(float(expected), abs=1e-12)


def test_run_returns_the_mean_squared_error() -> None:
    build: Build = lambda: nn.Linear(FEATURES, CLASSES)  # noqa: E731
    split = regression(0)
    ensemble = Ensemble.of(build, [0, 1], dtype=torch.float64)
    examples = Examples(*Examples.apart([split] * 2))
    before = evaluate(ensemble, examples, loss="squared_error").loss
    training = Training(ensemble, examples, [0, 1], minibatch=POOL, optimizer=SGD(0.9), loss="squared_error")
    found = training.run([schedules.constant(0.0, 3)] * 2)
    torch.testing.assert_close(found, before, rtol=0, atol=1e-12)


class Places(nn.Module):
    """One output a class at each of two positions, from (n, 2 CLASSES)."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.unflatten(1, (CLASSES, 2))


@both_ways
def test_training_with_positions_and_ignored_labels_is_a_plain_loop(build: Build) -> None:
    """Stacked by `nn.Unflatten`, and in turn."""

    def placed() -> nn.Module:
        network = build()
        assert isinstance(network, nn.Sequential)
        own = nn.Unflatten(1, (CLASSES, 2)) if isinstance(network[1], nn.ReLU) else Places()
        return nn.Sequential(*network[:-1], nn.Linear(12, 2 * CLASSES), own)

    given = labels(2, POOL, 2, ignored=0.3)
    examples = Examples.of(pool().inputs, [torch.arange(POOL)] * 2, list(given))
    ensemble = trained(placed, examples, torch.float64, steps=60, loss="cross_entropy")
    for r in range(2):
        expected = plain(
            placed,
            r,
            schedules.cosine(0.05, 60),
            (pool().inputs, given[r]),
            lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9),
            dtype=torch.float64,
            minibatch=8,
        )
        torch.testing.assert_close(everything(ensemble)[r], expected, rtol=0, atol=1e-9)
    scores = evaluate(ensemble, examples)
    outputs = ensemble(pool().inputs.double().expand(2, -1, -1))
    for r, true in enumerate(given):
        wrong = (outputs[r].argmax(1) != true)[true != IGNORED].double().mean()
        assert float(scores.loss[r]) == pytest.approx(float(F.cross_entropy(outputs[r], true)), abs=1e-12)
        assert float(scores.error[r]) == pytest.approx(float(wrong), abs=1e-12)


@both_ways
@pytest.mark.parametrize("label", [CLASSES, -1, -101])
def test_a_label_that_is_no_class(build: Build, label: int) -> None:
    wrong = pool().labels.clone()
    wrong[3] = label
    examples = Examples.same(Split(pool().inputs, wrong), 2)
    with pytest.raises(ValueError, match=f"labels are 0 to 3, as there are 4 outputs, or -100; not {label}"):
        Training(Ensemble.of(build, [0, 1]), examples, [0, 1], minibatch=POOL, optimizer=SGD(0.9))
    with pytest.raises(ValueError, match=f"not {label}"):
        evaluate(Ensemble.of(build, [0, 1]), examples)


def test_there_is_no_such_loss() -> None:
    with pytest.raises(ValueError, match="hinge"):
        evaluate(Ensemble.of(lambda: nn.Linear(FEATURES, CLASSES), [0]), Examples.same(pool(), 1), loss="hinge")


@both_ways
def test_numbers_as_labels_must_have_the_outputs_shape(build: Build) -> None:
    examples = Examples.apart([Split(pool().inputs, pool().inputs[:, :2])])
    ensemble = Ensemble.of(build, [0])
    with pytest.raises(ValueError, match="n × 4; labels are n × 2 numbers"):
        Training(ensemble, examples, [0], minibatch=8, optimizer=SGD(0.9), loss="squared_error")
    with pytest.raises(ValueError, match="n × 4; labels are n × 2 numbers"):
        evaluate(ensemble, examples, loss="squared_error")
