"""The data set: its splits, its cache with two processes at once, and damage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from platformdirs import user_cache_path

from verify.lab import data, folders


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MNIST-1D with 200 examples, in a cache of its own."""
    monkeypatch.setenv("VERIFY_CACHE", str(tmp_path))
    monkeypatch.setitem(data.MNIST1D, "num_samples", 200)
    monkeypatch.setattr(data, "MNIST1D_TRAIN", 120)
    monkeypatch.setattr(data, "MNIST1D_VALIDATION", 30)
    return tmp_path


@pytest.mark.usefixtures("small")
def test_splits_are_apart_and_standardised_together() -> None:
    dataset = data.load("mnist1d")
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split.labels) for split in splits] == [120, 30, 50]
    assert (dataset.features, dataset.shape) == (40, (1, 40))
    everything = torch.cat([split.inputs for split in splits])
    assert everything.dtype == torch.float32
    assert len(everything.unique(dim=0)) == 200
    assert float(everything.mean()) == pytest.approx(0, abs=1e-5)
    assert float(everything.std()) == pytest.approx(1, abs=1e-3)
    assert torch.cat([split.labels for split in splits]).bincount().tolist() == [20] * 10


def test_what_was_generated_is_read_the_next_time(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = data.load("mnist1d")
    (file,) = small.glob("*.npz")
    written = file.stat().st_mtime_ns
    second = data.load("mnist1d")
    assert file.stat().st_mtime_ns == written
    assert second.sha256 == first.sha256 == data.content_hash(*everything(second))
    assert torch.equal(second.test.inputs, first.test.inputs)

    monkeypatch.setitem(data.MNIST1D, "seed", 43)
    assert data.load("mnist1d").sha256 != first.sha256, "other arguments are other data, not what is in the cache"


def everything(dataset: data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    splits = (dataset.train, dataset.validation, dataset.test)
    return torch.cat([s.inputs for s in splits]).numpy(), torch.cat([s.labels for s in splits]).numpy()


@pytest.mark.parametrize("damage", ["content", "cut off", "no archive"])
def test_a_damaged_file_is_told_and_made_again(small: Path, damage: str) -> None:
    whole = data.load("mnist1d").sha256
    (file,) = small.glob("*.npz")
    if damage == "content":
        np.savez(file, inputs=np.zeros((200, 40), np.float32), labels=np.zeros(200, np.int64), sha256=np.array(whole))
    else:
        file.write_bytes(file.read_bytes()[:1000] if damage == "cut off" else b"")
    with pytest.warns(UserWarning, match="is damaged and is generated again"):
        assert data.load("mnist1d").sha256 == whole
    assert data.load("mnist1d").sha256 == whole


@pytest.mark.usefixtures("small")
def test_the_global_random_state_is_left_alone() -> None:
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    data.load("mnist1d")
    assert np.random.rand() == expected


PROCESS = """
from verify.lab import data
data.MNIST1D["num_samples"], data.MNIST1D_TRAIN, data.MNIST1D_VALIDATION = 1000, 800, 100
generate = data._generate_mnist1d
def counted(arguments):
    print("generated")
    return generate(arguments)
data._generate_mnist1d = counted
print(data.load("mnist1d").sha256)
"""


def start(cache: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "VERIFY_CACHE": str(cache)}
    return subprocess.Popen([sys.executable, "-c", PROCESS], env=environment, stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_generate_once_and_get_the_same(tmp_path: Path) -> None:
    both = [start(tmp_path), start(tmp_path)]
    lines = sorted(line for each in both for line in each.communicate(timeout=60)[0].split())
    assert [each.returncode for each in both] == [0, 0]
    assert lines.count("generated") == 1
    assert len(lines) == 3
    assert lines[0] == lines[1]
    assert len(list(tmp_path.glob("*.npz"))) == 1

    alone = start(tmp_path / "another")
    assert alone.communicate(timeout=60)[0].split() == ["generated", lines[0]], (
        "generated anew, it has the same content"
    )


@pytest.mark.usefixtures("small")
def test_subsets_are_nested_and_follow_the_seed() -> None:
    dataset = data.load("mnist1d")
    large = dataset.subset(3, 100)
    assert torch.equal(dataset.subset(3, 10), large[:10])
    assert len(large.unique()) == 100
    assert not torch.equal(dataset.subset(4, 100), large)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("examples", [0, 121])
def test_a_subset_must_be_there(examples: int) -> None:
    with pytest.raises(ValueError, match=f"mnist1d has 1 to 120 training examples to choose, not {examples}"):
        data.load("mnist1d").subset(0, examples)


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(ValueError, match="no data set 'mnist'; there is cifar-10, fashion-mnist, mnist1d"):
        data.load("mnist")


def test_the_cache_is_where_the_platform_keeps_such_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VERIFY_CACHE", raising=False)
    assert folders.cache_folder() == user_cache_path("verify-reviews")
    monkeypatch.setenv("VERIFY_CACHE", str(tmp_path))
    assert folders.cache_folder() == tmp_path
