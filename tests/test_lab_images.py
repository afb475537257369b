"""Published images: readers on small files in the real formats, every place they come from, and what can be wrong."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from verify.lab import data, images

COUNTS = (60, 20)
"""Training and test images."""
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is served where the data sets' authors serve them; nothing else is on this machine."""
    folder = tmp_path / "web"
    folder.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for name in ("FASHION_MNIST_URL", "CIFAR10_URL"):
            monkeypatch.setattr(images, name, f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("VERIFY_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("VERIFY_DATA", raising=False)
        monkeypatch.setattr(images, "PREFIXES", (str(tmp_path / "prefix"),))
        monkeypatch.setattr(data, "FASHION_MNIST_VALIDATION", 10)
        monkeypatch.setattr(data, "CIFAR10_VALIDATION", 10)
        yield folder
        server.shutdown()


@pytest.fixture
def offline(web: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers."""
    assert web.is_dir()
    for name in ("FASHION_MNIST_URL", "CIFAR10_URL"):
        monkeypatch.setattr(images, name, "http://127.0.0.1:9/")


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def fashion(web: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small files in the format of Fashion-MNIST, whose hashes count as published."""
    generator = np.random.default_rng(0)
    hashes = {}
    for name in images.FASHION_MNIST:
        shape = (COUNTS[name.startswith("t10k")], *((28, 28) if "images" in name else ()))
        values = generator.integers(256 if "images" in name else 10, size=shape, dtype=np.uint8)
        content = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + values.tobytes()
        packed = gzip.compress(content)
        (web / f"{name}.gz").write_bytes(packed)
        hashes[name] = (hashlib.sha256(content).hexdigest(), hashlib.md5(packed).hexdigest())
    monkeypatch.setattr(images, "FASHION_MNIST", hashes)
    return web


@pytest.fixture
def cifar(web: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small archive in the format of CIFAR-10's binary version, whose pixels are known."""
    archive = web / images.CIFAR10
    with tarfile.open(archive, "w:gz") as opened:
        for f, name in enumerate((*images.CIFAR10_TRAIN, images.CIFAR10_TEST)):
            pixels = np.add.outer(np.arange(20) + 20 * f, np.arange(3072)) % 256
            content = np.column_stack([np.arange(20) % 10, pixels]).astype(np.uint8).tobytes()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    monkeypatch.setattr(images, "CIFAR10_MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    return web


def assert_standardised(dataset: data.Dataset, sizes: tuple[int, int, int]) -> None:
    assert tuple(len(split.labels) for split in dataset[1:4]) == sizes
    assert dataset.classes == 10
    for split in (dataset.train, dataset.validation, dataset.test):
        assert split.inputs.dtype == torch.float32
        assert split.inputs.shape == (len(split.labels), dataset.features)
    channels = dataset.train.inputs.view(-1, dataset.shape[0], dataset.features // dataset.shape[0]).double()
    torch.testing.assert_close(channels.mean((0, 2)), torch.zeros(dataset.shape[0]).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        channels.std((0, 2), correction=0), torch.ones(dataset.shape[0]).double(), rtol=0, atol=1e-6
    )


def test_fashion_mnist_is_read_in_three_splits(fashion: Path) -> None:
    dataset = data.load("fashion-mnist")
    assert dataset.shape == (1, 28, 28)
    assert_standardised(dataset, (50, 10, 20))
    content = gzip.decompress((fashion / "train-images-idx3-ubyte.gz").read_bytes())
    pixels = torch.tensor(list(content[16:])).view(60, 784).double()
    mean, deviation = pixels[:50].mean(), pixels[:50].std(correction=0)
    everything = torch.cat([dataset.train.inputs, dataset.validation.inputs]).double()
    torch.testing.assert_close(everything * deviation + mean, pixels, rtol=0, atol=1e-4)
    labels = gzip.decompress((fashion / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    assert dataset.test.labels.tolist() == list(labels)


@pytest.mark.usefixtures("cifar")
def test_cifar10_is_read_in_three_splits() -> None:
    dataset = data.load("cifar-10")
    assert dataset.shape == (3, 32, 32)
    assert_standardised(dataset, (90, 10, 20))
    (pixels, labels), (test, _), _ = images.cifar10()
    assert labels.tolist() == list(range(10)) * 10
    assert [int(pixels[i, c, y, x]) for i, c, y, x in ((0, 0, 0, 5), (99, 0, 0, 0), (0, 1, 0, 0), (0, 2, 1, 3))] == [
        5, 99, 1024 % 256, (2048 + 35) % 256,
    ]  # fmt: skip
    assert int(test[0, 0, 0, 0]) == 100


def test_a_download_is_kept(fashion: Path, cifar: Path) -> None:
    first = [data.load(name).sha256 for name in ("fashion-mnist", "cifar-10")]
    assert len(set(first)) == 2
    assert fashion == cifar
    for file in list(fashion.iterdir()):
        file.unlink()
    assert [data.load(name).sha256 for name in ("fashion-mnist", "cifar-10")] == first


@pytest.mark.parametrize("place", ["", "fashion-mnist"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_users_folder_comes_first(
    fashion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, packed: bool
) -> None:
    folder = tmp_path / "mine" / place
    folder.mkdir(parents=True)
    for file in list(fashion.iterdir()):
        content = file.read_bytes()
        (folder / (file.name if packed else file.stem)).write_bytes(content if packed else gzip.decompress(content))
        file.unlink()
    monkeypatch.setenv("VERIFY_DATA", str(tmp_path / "mine"))
    assert_standardised(data.load("fashion-mnist"), (50, 10, 20))


def test_debians_package_comes_before_the_net_however_it_is_compressed(fashion: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prefix" / "share" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for file in list(fashion.iterdir()):
        (folder / file.name).write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), compresslevel=1))
        file.unlink()
    assert_standardised(data.load("fashion-mnist"), (50, 10, 20))


def test_debians_real_package_is_what_was_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is installed; elsewhere this says only which files it would have to hold."""
    monkeypatch.delenv("VERIFY_DATA", raising=False)
    if DEBIAN.is_dir():
        dataset = data.load("fashion-mnist")
        assert_standardised(dataset, (50_000, 10_000, 10_000))
        assert dataset.test.labels.bincount().tolist() == [1000] * 10
    assert [len(sha256) for sha256, _ in images.FASHION_MNIST.values()] == [64] * 4


def test_the_users_archive_is_checked(cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / images.CIFAR10
    (cifar / images.CIFAR10).rename(mine)
    monkeypatch.setenv("VERIFY_DATA", str(tmp_path))
    assert_standardised(data.load("cifar-10"), (90, 10, 20))
    mine.write_bytes(mine.read_bytes() + b"\0")
    with pytest.raises(images.Unavailable, match=r"cifar-10-binary\.tar\.gz is not what was published .*; replace it"):
        data.load("cifar-10")


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (gzip.compress(b"something else"), r"is not what was published \(hash [0-9a-f]{12}…, not .*; replace it"),
        (b"no gzip", r"is damaged: Not a gzipped file .*; replace it, or remove it to have it downloaded"),
        (gzip.compress(b"cut off")[:-9], "is damaged: .*; replace it"),
    ],
    ids=["other content", "no archive", "cut off"],
)
def test_a_file_of_the_users_that_is_wrong_is_told_and_not_passed_over(
    fashion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bytes, message: str
) -> None:
    assert fashion.is_dir()
    file = tmp_path / "t10k-labels-idx1-ubyte.gz"
    file.write_bytes(damaged)
    monkeypatch.setenv("VERIFY_DATA", str(tmp_path))
    with pytest.raises(images.Unavailable, match=message):
        data.load("fashion-mnist")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "fashion-mnist",
            "fashion-mnist is not here: install Debian's dataset-fashion-mnist, or name a folder with its four files "
            r"in VERIFY_DATA; scale tiny does without\. Tried: VERIFY_DATA is not set; ConnectionError at http://.*\.gz",
        ),
        (
            "cifar-10",
            r"cifar-10 is not here: name a folder with cifar-10-binary\.tar\.gz in VERIFY_DATA; scale tiny does "
            r"without\. Tried: VERIFY_DATA is not set; ConnectionError at http://.*cifar-10-binary\.tar\.gz",
        ),
    ],
    ids=["fashion-mnist", "cifar-10"],
)
def test_data_that_cannot_be_had_says_what_would_help(name: str, message: str) -> None:
    with pytest.raises(images.Unavailable, match=message) as caught:
        data.load(name)
    assert len(str(caught.value)) < 300, "a failed trial shows so much of it"


@pytest.mark.usefixtures("offline")
def test_a_folder_without_the_data_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFY_DATA", str(tmp_path))
    with pytest.raises(images.Unavailable, match=f"no cifar-10-binary.tar.gz in VERIFY_DATA={tmp_path}"):
        data.load("cifar-10")


def test_a_download_that_is_not_what_was_published_is_refused(cifar: Path) -> None:
    archive = cifar / images.CIFAR10
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(images.Unavailable, match="ValueError at"):
        data.load("cifar-10")


def test_a_published_file_in_another_format_is_an_error(fashion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, name = b"\0\0\x0d\x01\0\0\0\0", "train-images-idx3-ubyte"
    packed = gzip.compress(content)
    (fashion / f"{name}.gz").write_bytes(packed)
    hashes = (hashlib.sha256(content).hexdigest(), hashlib.md5(packed).hexdigest())
    monkeypatch.setitem(images.FASHION_MNIST, name, hashes)
    with pytest.raises(images.Unavailable, match="an IDX file of unsigned bytes begins otherwise"):
        data.load("fashion-mnist")
