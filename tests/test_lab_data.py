"""The data sets: what each seed has of its own, the cache with two processes at once, and damage."""

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
from verify.lab.data import Dataset, Sizes

SMALL = Sizes(120, 30, 50)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MNIST-1D with 200 examples a seed, in a cache of its own."""
    monkeypatch.setenv("VERIFY_CACHE", str(tmp_path))
    monkeypatch.setitem(data.SIZES, "mnist1d", SMALL)
    return tmp_path


def splits(dataset: Dataset, seed: int) -> list[data.Split]:
    return [dataset.take(each[seed]) for each in (dataset.train, dataset.validation, dataset.test)]


def everything(dataset: Dataset, seed: int) -> data.Split:
    inputs, labels = zip(*splits(dataset, seed), strict=True)
    return data.Split(torch.cat(inputs), torch.cat(labels))


@pytest.mark.usefixtures("small")
def test_splits_are_apart_and_standardised_together() -> None:
    dataset = data.load("mnist1d", [3])
    assert [len(split.labels) for split in splits(dataset, 3)] == list(SMALL)
    assert (dataset.features, dataset.shape, dataset.classes) == (40, (1, 40), 10)
    inputs, labels = everything(dataset, 3)
    assert inputs.dtype == torch.float32
    assert len(inputs.unique(dim=0)) == 200
    assert float(inputs.mean()) == pytest.approx(0, abs=1e-5)
    assert float(inputs.std()) == pytest.approx(1, abs=1e-3)
    assert labels.bincount().tolist() == [20] * 10


@pytest.mark.usefixtures("small")
def test_each_seed_has_examples_of_its_own() -> None:
    dataset = data.load("mnist1d", [0, 1])
    assert dataset.sha256[0] != dataset.sha256[1]
    inputs = torch.cat([everything(dataset, seed).inputs for seed in (0, 1)])
    assert len(inputs.unique(dim=0)) == 400, "nothing of one seed is in any split of the other"
    for first, second in zip(splits(dataset, 0), splits(dataset, 1), strict=True):
        assert first.inputs.shape == second.inputs.shape


@pytest.mark.usefixtures("small")
def test_a_seed_sees_the_same_alone_among_others_and_twice() -> None:
    among, alone = data.load("mnist1d", [7, 2, 7, 5, 2]), data.load("mnist1d", [2])
    assert list(among.sha256) == [7, 2, 5], "a seed that is named twice is there once"
    assert len(among.inputs) == 600
    assert among.sha256[2] == alone.sha256[2] == data.content_hash(*map(torch.Tensor.numpy, everything(among, 2)))
    for first, second in zip(splits(among, 2), splits(alone, 2), strict=True):
        assert torch.equal(first.inputs, second.inputs)
        assert torch.equal(first.labels, second.labels)


def test_the_data_of_a_seed_is_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this fails without `SIZES` being changed, old evidence is of other data: raise `mnist1d.VERSION`."""
    monkeypatch.setenv("VERIFY_CACHE", str(tmp_path))
    dataset = data.load("mnist1d", [0])
    assert [len(split.labels) for split in splits(dataset, 0)] == [10_000, 2_500, 5_000]
    assert dataset.sha256 == {0: "a4c33e17c4852c6bfbaf319adff4ae1aa1f81e82fca5ac47b3a8fb584b1520e1"}
    for size, split in zip(data.SIZES["mnist1d"], splits(dataset, 0), strict=True):
        away = split.labels.bincount() - size / 10
        assert float(away.abs().max()) < 4 * (size * 0.1 * 0.9) ** 0.5, "as many of each class, but for chance"


def test_what_was_generated_is_read_the_next_time(small: Path) -> None:
    first = data.load("mnist1d", [0, 1])
    files = sorted(small.rglob("*.npz"))
    assert len(files) == 2
    written = [file.stat().st_mtime_ns for file in files]
    second = data.load("mnist1d", [1, 0])
    assert [file.stat().st_mtime_ns for file in files] == written
    assert second.sha256 == first.sha256


def test_another_version_or_number_is_not_taken_from_the_cache(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = data.load("mnist1d", [0]).sha256
    monkeypatch.setattr(data.mnist1d, "VERSION", -1)
    assert data.load("mnist1d", [0]).sha256 == first, "generated once more, by the same code"
    monkeypatch.setitem(data.SIZES, "mnist1d", Sizes(120, 30, 60))
    assert data.load("mnist1d", [0]).sha256 != first
    assert len(list(small.rglob("*.npz"))) == 3


@pytest.mark.parametrize("damage", ["content", "cut off", "no archive"])
def test_a_damaged_file_is_told_and_made_again(small: Path, damage: str) -> None:
    whole = data.load("mnist1d", [0]).sha256
    (file,) = small.rglob("*.npz")
    if damage == "content":
        found = np.array(whole[0])
        np.savez(file, inputs=np.zeros((200, 40), np.float32), labels=np.zeros(200, np.int64), sha256=found)
    else:
        file.write_bytes(file.read_bytes()[:1000] if damage == "cut off" else b"")
    with pytest.warns(UserWarning, match="is damaged and is generated again"):
        assert data.load("mnist1d", [0]).sha256 == whole
    assert data.load("mnist1d", [0]).sha256 == whole


@pytest.mark.usefixtures("small")
def test_the_global_random_state_is_left_alone() -> None:
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    data.load("mnist1d", [0])
    assert np.random.rand() == expected


PROCESS = """
from verify.lab import data, mnist1d
data.SIZES["mnist1d"] = data.Sizes(800, 100, 100)
generate = mnist1d.generate
def counted(seed, count):
    print("generated")
    return generate(seed, count)
mnist1d.generate = counted
print(data.load("mnist1d", [0]).sha256[0])
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
    assert len(list(tmp_path.rglob("*.npz"))) == 1

    alone = start(tmp_path / "another")
    assert alone.communicate(timeout=60)[0].split() == ["generated", lines[0]], (
        "generated anew, it has the same content"
    )


@pytest.mark.usefixtures("small")
def test_subsets_are_nested_and_follow_the_seed() -> None:
    dataset = data.load("mnist1d", [3, 4])
    large = dataset.subset(3, 100)
    assert torch.equal(dataset.subset(3, 10), large[:10])
    assert len(large.unique()) == 100
    assert not set(large.tolist()) & set(dataset.subset(4, 100).tolist())


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("examples", [0, 121])
def test_a_subset_must_be_there(examples: int) -> None:
    with pytest.raises(ValueError, match=f"mnist1d has 1 to 120 training examples to choose, not {examples}"):
        data.load("mnist1d", [0]).subset(0, examples)


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(ValueError, match="no data set 'mnist'; there is cifar-10, fashion-mnist, mnist1d"):
        data.load("mnist", [0])


def test_the_cache_is_where_the_platform_keeps_such_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VERIFY_CACHE", raising=False)
    assert folders.cache_folder() == user_cache_path("verify-reviews")
    monkeypatch.setenv("VERIFY_CACHE", str(tmp_path))
    assert folders.cache_folder() == tmp_path
