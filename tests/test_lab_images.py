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
FASHION, CIFAR = data.Sizes(50, 10, 20), data.Sizes(90, 10, 20)
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
        monkeypatch.setitem(data.SIZES, "fashion-mnist", FASHION)
        monkeypatch.setitem(data.SIZES, "cifar-10", CIFAR)
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


def assert_standardised(dataset: data.Dataset, sizes: data.Sizes) -> None:
    """Over all images, which each seed has in one of its splits."""
    assert dataset.classes == 10
    assert dataset.inputs.dtype == torch.float32
    assert dataset.inputs.shape == (sum(sizes), dataset.features)
    for seed, train in dataset.train.items():
        rows = [train, dataset.validation[seed], dataset.test[seed]]
        assert [len(each) for each in rows] == list(sizes)
        assert torch.equal(torch.cat(rows).sort().values, torch.arange(sum(sizes)))
    channels = dataset.inputs.view(-1, dataset.shape[0], dataset.features // dataset.shape[0]).double()
    torch.testing.assert_close(channels.mean((0, 2)), torch.zeros(dataset.shape[0]).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        channels.std((0, 2), correction=0), torch.ones(dataset.shape[0]).double(), rtol=0, atol=1e-6
    )


def test_fashion_mnist_is_read_whole(fashion: Path) -> None:
    dataset = data.load("fashion-mnist", [0])
    assert dataset.shape == (1, 28, 28)
    assert_standardised(dataset, FASHION)
    names = ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz")
    contents = b"".join(gzip.decompress((fashion / name).read_bytes())[16:] for name in names)
    pixels = torch.tensor(list(contents)).view(80, 784).double()
    everything = dataset.inputs.double() * pixels.std(correction=0) + pixels.mean()
    torch.testing.assert_close(everything, pixels, rtol=0, atol=1e-4)
    labels = gzip.decompress((fashion / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    assert dataset.labels[60:].tolist() == list(labels)


@pytest.mark.usefixtures("cifar")
def test_cifar10_is_read_whole() -> None:
    dataset = data.load("cifar-10", [0])
    assert dataset.shape == (3, 32, 32)
    assert_standardised(dataset, CIFAR)
    pixels, labels, _ = images.cifar10()
    assert labels.tolist() == list(range(10)) * 12
    assert [int(pixels[i, c, y, x]) for i, c, y, x in ((0, 0, 0, 5), (99, 0, 0, 0), (0, 1, 0, 0), (0, 2, 1, 3))] == [
        5, 99, 1024 % 256, (2048 + 35) % 256,
    ]  # fmt: skip
    assert int(pixels[100, 0, 0, 0]) == 100, "the test images come last"


@pytest.mark.usefixtures("fashion")
def test_each_seed_splits_the_same_images_in_its_own_way() -> None:
    dataset, alone = data.load("fashion-mnist", [4, 9, 4]), data.load("fashion-mnist", [9])
    assert_standardised(dataset, FASHION)
    assert list(dataset.sha256) == [4, 9]
    assert dataset.sha256[4] != dataset.sha256[9] == alone.sha256[9]
    assert torch.equal(dataset.inputs, alone.inputs), "and they are in memory once"
    for own, its in zip((dataset.train, dataset.validation, dataset.test), alone[3:6], strict=True):
        assert set(own[4].tolist()) != set(own[9].tolist())
        assert torch.equal(own[9], its[9])


def test_a_download_is_kept(fashion: Path, cifar: Path) -> None:
    first = [data.load(name, [0]).sha256[0] for name in ("fashion-mnist", "cifar-10")]
    assert len(set(first)) == 2
    assert fashion == cifar
    for file in list(fashion.iterdir()):
        file.unlink()
    assert [data.load(name, [0]).sha256[0] for name in ("fashion-mnist", "cifar-10")] == first


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
    assert_standardised(data.load("fashion-mnist", [0]), FASHION)


def test_debians_package_comes_before_the_net_however_it_is_compressed(fashion: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prefix" / "share" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for file in list(fashion.iterdir()):
        (folder / file.name).write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), compresslevel=1))
        file.unlink()
    assert_standardised(data.load("fashion-mnist", [0]), FASHION)


def test_debians_real_package_is_what_was_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is installed; elsewhere this says only which files it would have to hold."""
    monkeypatch.delenv("VERIFY_DATA", raising=False)
    if DEBIAN.is_dir():
        dataset = data.load("fashion-mnist", [0])
        assert_standardised(dataset, data.Sizes(50_000, 10_000, 10_000))
        assert dataset.labels.bincount().tolist() == [7000] * 10
        away = dataset.labels[dataset.test[0]].bincount() - 1000
        assert float(away.abs().max()) < 4 * (10_000 * 0.1 * 0.9) ** 0.5, "as many of each class, but for chance"
        assert dataset.sha256 == {0: "ec58f3e9f55fed185f4150ef12742f69f39fa54eb26e7567a11c22ef9082c00a"}
    assert [len(sha256) for sha256, _ in images.FASHION_MNIST.values()] == [64] * 4


def test_the_users_archive_is_checked(cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / images.CIFAR10
    (cifar / images.CIFAR10).rename(mine)
    monkeypatch.setenv("VERIFY_DATA", str(tmp_path))
    assert_standardised(data.load("cifar-10", [0]), CIFAR)
    mine.write_bytes(mine.read_bytes() + b"\0")
    with pytest.raises(images.Unavailable, match=r"cifar-10-binary\.tar\.gz is not what was published .*; replace it"):
        data.load("cifar-10", [0])


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
        data.load("fashion-mnist", [0])


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
        data.load(name, [0])
    assert len(str(caught.value)) < 300, "a failed trial shows so much of it"


@pytest.mark.usefixtures("offline")
def test_a_folder_without_the_data_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFY_DATA", str(tmp_path))
    with pytest.raises(images.Unavailable, match=f"no cifar-10-binary.tar.gz in VERIFY_DATA={tmp_path}"):
        data.load("cifar-10", [0])


def test_a_download_that_is_not_what_was_published_is_refused(cifar: Path) -> None:
    archive = cifar / images.CIFAR10
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(images.Unavailable, match="ValueError at"):
        data.load("cifar-10", [0])


def test_a_published_file_in_another_format_is_an_error(fashion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, name = b"\0\0\x0d\x01\0\0\0\0", "train-images-idx3-ubyte"
    packed = gzip.compress(content)
    (fashion / f"{name}.gz").write_bytes(packed)
    hashes = (hashlib.sha256(content).hexdigest(), hashlib.md5(packed).hexdigest())
    monkeypatch.setitem(images.FASHION_MNIST, name, hashes)
    with pytest.raises(images.Unavailable, match="an IDX file of unsigned bytes begins otherwise"):
        data.load("fashion-mnist", [0])
