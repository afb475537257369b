"""A hash of the code that decides what is derived from records: found by its imports, so that none is forgotten."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from verify.planning.catalogue import PACKAGE

LIBRARIES = ("msgspec", "numpy", "scipy", "vl-convert-python")
"""Whose versions count as well."""


def text() -> str:
    """A hash of this whole program's source."""
    return sha256(b"".join(path.read_bytes() for path in _all())).hexdigest()


def sources() -> str:
    """A hash of that and of the libraries that compute and draw: while it stays, so does `decides`."""
    return _hash(_all())


def _all() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def decides(module: str) -> str:
    """A hash of the code that a module of this package reaches by any import, and of those libraries."""
    return _hash(reached(module))


def reached(module: str) -> list[Path]:
    """The files of the modules that `module` imports, also within functions, and that those import; and its own."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in found or path is None:
            continue
        found[name] = path
        waiting += _imported(ast.parse(path.read_text(encoding="utf-8")))
    return [found[name] for name in sorted(found)]


def _imported(tree: ast.Module) -> Iterator[str]:
    """What may be modules among the names of a module's imports; this package has no relative ones."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(name: str) -> Path | None:
    """Where a module of this package stands; None for any other name."""
    first, *rest = name.split(".")
    if first != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*rest)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _hash(paths: list[Path]) -> str:
    from importlib import metadata  # takes longer to import than a run with nothing to do should

    versions = [sys.version, *(f"{name} {metadata.version(name)}" for name in LIBRARIES)]
    digest = sha256("\n".join(versions).encode())
    for path in paths:
        digest.update(f"\n{path.relative_to(PACKAGE)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
