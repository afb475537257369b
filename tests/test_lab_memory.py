"""What a batch needs is known before it is allocated, and a batch that needs too much is cut."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from tests.replicas import perceptron, pool
from verify.lab import memory, models
from verify.lab.ensemble import Ensemble
from verify.lab.examples import Examples
from verify.lab.optimizers import SGD, AdamW
from verify.lab.schedules import constant
from verify.lab.training import Training

MEASURED = """
import pathlib, re, resource, torch
from verify.lab import memory, models
from verify.lab.ensemble import Ensemble
from verify.lab.examples import Examples
from verify.lab.data import Split
from verify.lab.optimizers import AdamW
from verify.lab.schedules import constant
from verify.lab.training import Training
torch.set_num_threads(1)
def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # what `getrusage` says on Linux begins at what the parent had
        return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text()).group(1))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said = []
memory.check = lambda replicas, each, besides, device: said.append(replicas * each + besides)
split = Split(torch.randn(64, 432), torch.randint(10, (64,)))
def train(build, replicas):
    ensemble = Ensemble.of(build, range(replicas))
    Training(ensemble, Examples.same(split, replicas), range(replicas), minibatch=64, optimizer=AdamW()).run(
        [constant(0.01, 1)] * replicas)
small = {small}
train(small, 2)
before = peak()
train({build}, {replicas})
print((peak() - before) / said[-1])
"""
"""The peak that was measured over the one that was said, beside a small one of the same kind."""


@pytest.mark.parametrize(
    ("build", "small", "replicas"),
    [
        ("lambda: models.mlp(432, 10, width=1500)", "lambda: models.mlp(432, 10, width=8)", 12),
        ("lambda: models.resnet((3, 12, 12), 10, width=64)", "lambda: models.resnet((3, 12, 12), 10, width=2)", 24),
        ("lambda: models.resnet9((3, 12, 12), 10, width=32)", "lambda: models.resnet9((3, 12, 12), 10, width=2)", 12),
    ],
    ids=["mlp", "resnet", "resnet9"],
)
def test_the_peak_is_near_what_is_said(build: str, small: str, replicas: int) -> None:
    code = MEASURED.format(build=build, small=small, replicas=replicas)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert 0.5 < float(done.stdout) < 1.25, done.stdout


def test_what_does_not_fit_is_told_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "share", lambda _: 1e6)
    with pytest.raises(memory.TooLarge, match=r"needs 2\.0 GB of memory, and may use 0\.0") as caught:
        memory.check(100, 20_000_000, 0, "cpu")
    assert caught.value.parts == 100, "one at a time is the least"
    with pytest.raises(memory.TooLarge) as caught:
        memory.check(10, 300_000, 0, "cpu")
    assert caught.value.parts == 4, "three fit at once"
    memory.check(1, 20_000_000, 0, "cpu")  # nothing is left to cut
    with pytest.raises(memory.TooLarge):
        Ensemble.of(lambda: models.mlp(40, 10, width=200), range(40))


def test_an_optimizers_state_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble = Ensemble.of(perceptron, range(20))
    examples = Examples.same(pool(), 20)
    besides = Training(ensemble, examples, range(20), minibatch=8, optimizer=SGD())._peak()
    monkeypatch.setattr(memory, "share", lambda _: besides + 2.5 * ensemble.weights.nbytes)
    Training(ensemble, examples, range(20), minibatch=8, optimizer=SGD(0.9)).run([constant(0.1, 1)] * 20)
    with pytest.raises(memory.TooLarge):
        Training(ensemble, examples, range(20), minibatch=8, optimizer=AdamW())


def test_a_processor_has_its_cores_share_of_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "cores", lambda: 2 * torch.get_num_threads())
    half = memory.share("cpu")
    monkeypatch.setattr(memory, "cores", torch.get_num_threads)
    assert memory.share("cpu") == pytest.approx(2 * half)
    assert 1e8 < half < 1e14
