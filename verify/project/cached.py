"""Files of `.verify/cache`: what can be made again, so that whatever is wrong with one is as good as none.

A file begins with the hash of what follows.  One that a full disk cut off, or that was edited, is not believed, even
where it reads as one that was written here.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from verify.project import store

FOLDER = Path(".verify") / "cache"


def read(root: Path, name: str) -> bytes | None:
    """The content of a project's file; None where there is none, or not what was written."""
    path = root / FOLDER / name
    try:
        file = path.read_bytes() if path.is_file() else b""
    except OSError:
        return None
    seal, _, content = file.partition(b"\n")
    return content if seal == _seal(content) else None


def write(root: Path, name: str, content: bytes) -> None:
    """Keep it, where there is room and a right to; it only makes the next time faster."""
    with suppress(OSError):
        store.write_atomically(root / FOLDER / name, _seal(content) + b"\n" + content)


def _seal(content: bytes) -> bytes:
    return sha256(content).hexdigest().encode()
