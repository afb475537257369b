"""Fashion-MNIST and CIFAR-10 as their authors publish them: found on this machine or downloaded, checked, read.

Nothing is unpickled, and nothing is unpacked to disk.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from verify.lab.folders import cache_folder, data_folder

FASHION_MNIST_URL = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
FASHION_MNIST = {
    "train-images-idx3-ubyte": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    ),
    "train-labels-idx1-ubyte": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "25c81989df183df01b3e8a0aad5dffbe",
    ),
    "t10k-images-idx3-ubyte": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "bef4ecab320f06d8554ea6380940ec79",
    ),
    "t10k-labels-idx1-ubyte": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
}
"""Per file, SHA-256 of its content, which decides, and MD5 of the compressed file at that address.

The content decides because Debian's package `dataset-fashion-mnist` holds the same content, compressed anew.
"""
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/"
CIFAR10 = "cifar-10-binary.tar.gz"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
CIFAR10_TRAIN = tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6))
CIFAR10_TEST = "cifar-10-batches-bin/test_batch.bin"
CIFAR10_SHAPE = (3, 32, 32)
PREFIXES = tuple(dict.fromkeys((sys.prefix, sys.base_prefix, "/usr/local", "/usr")))
"""Where a system keeps its packages' files."""

Pixels = NDArray[np.uint8]
"""Images (n, channels, height, width)."""
Labels = NDArray[np.int64]


class Images(NamedTuple):
    """A data set as published, the images for training before those for testing."""

    pixels: Pixels
    labels: Labels
    sha256: str
    """Of the content."""


class Unavailable(Exception):
    """A data set that is not here and cannot be downloaded, or a file that is not what was published."""


def fashion_mnist() -> Images:
    """Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747): 60,000 and 10,000 grey images of 28 × 28, ten classes.

    Raises:
        Unavailable: it cannot be had; the message says what would help.
    """
    contents = [_fashion_mnist_file(name) for name in FASHION_MNIST]
    arrays = [_idx(each) for each in contents]
    pixels, labels = np.concatenate(arrays[::2]), np.concatenate(arrays[1::2])
    return Images(pixels[:, None], labels.astype(np.int64), _digest(contents))


def cifar10() -> Images:
    """CIFAR-10 (Krizhevsky 2009): 50,000 and 10,000 colour images of 32 × 32, ten classes.

    Raises:
        Unavailable: it cannot be had; the message says what would help.
    """
    folder = data_folder()
    places = [folder / "cifar-10", folder] if folder else []
    archive = _first(places, [CIFAR10])
    if archive is None:
        provide = f"name a folder with {CIFAR10} in VERIFY_DATA"
        archive = _download("cifar-10", CIFAR10_URL + CIFAR10, CIFAR10_MD5, provide)
    else:
        with archive.open("rb") as opened:
            _check(archive, hashlib.file_digest(opened, "md5").hexdigest(), CIFAR10_MD5)
    with tarfile.open(archive) as opened_archive:
        contents = [_member(opened_archive, name) for name in (*CIFAR10_TRAIN, CIFAR10_TEST)]
    pixels, labels = zip(*map(_cifar_records, contents), strict=True)
    return Images(np.concatenate(pixels), np.concatenate(labels), _digest(contents))


def _fashion_mnist_file(name: str) -> bytes:
    """The checked content of a file from the user's folder, Debian's package, or the net, whichever has it first."""
    sha256, md5 = FASHION_MNIST[name]
    folder = data_folder()
    own = [folder / "fashion-mnist", folder] if folder else []
    places = [*own, *(Path(prefix) / "share" / "datasets" / "fashion-mnist" for prefix in PREFIXES)]
    file = _first(places, [f"{name}.gz", name])
    if file is None:
        provide = "install Debian's dataset-fashion-mnist, or name a folder with its four files in VERIFY_DATA"
        file = _download("fashion-mnist", f"{FASHION_MNIST_URL}{name}.gz", md5, provide)
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError) as error:
        raise Unavailable(f"{file} is damaged: {error}; replace it, or remove it to have it downloaded") from error
    _check(file, hashlib.sha256(content).hexdigest(), sha256)
    return content


def _first(folders: list[Path], names: list[str]) -> Path | None:
    return next((folder / name for folder in folders for name in names if (folder / name).is_file()), None)


def _check(file: Path, found: str, expected: str) -> None:
    if found != expected:
        raise Unavailable(
            f"{file} is not what was published (hash {found[:12]}…, not {expected[:12]}…); "
            "replace it, or remove it to have it downloaded"
        )


def _download(dataset: str, url: str, md5: str, provide: str) -> Path:
    """The file at `url`, from the cache folder where it was downloaded before; one process downloads, others wait."""
    import pooch  # type: ignore[import-untyped]  # needed once a machine

    folder = cache_folder() / dataset
    folder.mkdir(parents=True, exist_ok=True)
    name = url.rpartition("/")[2]
    with FileLock(folder / f"{name}.lock"):
        try:
            return Path(pooch.retrieve(url, f"md5:{md5}", fname=name, path=folder))
        except (OSError, ValueError) as error:
            own = data_folder()
            looked = f"no {name} in VERIFY_DATA={own}" if own else "VERIFY_DATA is not set"
            raise Unavailable(
                f"{dataset} is not here: {provide}; scale tiny does without. "
                f"Tried: {looked}; {type(error).__name__} at {url}"
            ) from error


def _idx(content: bytes) -> Pixels:
    """An array in the IDX format: two zero bytes, type 8 (unsigned byte), dimensions, their sizes, the values."""
    if content[:3] != b"\0\0\x08":
        raise Unavailable("an IDX file of unsigned bytes begins otherwise")
    dims = content[3]
    shape = np.frombuffer(content, ">i4", count=dims, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dims).reshape(shape)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    opened = archive.extractfile(name)
    assert opened is not None, "a member of an archive whose hash was checked"
    return opened.read()


def _cifar_records(content: bytes) -> tuple[Pixels, Labels]:
    """Records of a label and the pixels, each a byte."""
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + np.prod(CIFAR10_SHAPE))
    return records[:, 1:].reshape(-1, *CIFAR10_SHAPE), records[:, 0].astype(np.int64)


def _digest(contents: list[bytes]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in contents)).hexdigest()
