"""Files that an experiment opens: those of the project that its review does not declare are refused.

What such a file holds would decide results without being part of their fingerprint.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_COMPILED = (".pyc", ".so", ".pyd")
"""Modules without a source belong to an installed package; what the project's own import is in the fingerprint."""
_CACHES = ("XDG_CACHE_HOME", "VERIFY_CACHE", "VERIFY_DATA", "HF_HOME", "TORCH_HOME")
"""Variables that name folders of data that is checked by content, or made again."""


class UndeclaredFile(Exception):
    """An experiment opened a file of the project that its review does not declare."""


class Watch:
    """Sees every file that this process opens from Python; there is one a process, since it cannot be taken away."""

    def __init__(self) -> None:
        self._root: str | None = None
        """None while nothing is watched."""
        self._folder = ""
        self._allowed: tuple[str, ...] = ()
        self._data: frozenset[str] = frozenset()
        self._sources: set[str] = set()
        """Files of modules that were to be imported: whoever shows a traceback opens them again."""
        self._first: UndeclaredFile | None = None
        sys.addaudithook(self._see)

    @contextmanager
    def over(self, root: str, folder: str, data: tuple[str, ...]) -> Iterator[None]:
        """Refuse files below `root`, but for `data` (relative to `folder`), modules, caches and installed packages.

        Raises:
            UndeclaredFile: one was opened, also where the experiment itself got over the error.
        """
        self._folder = os.path.realpath(folder)
        self._data = frozenset(os.path.realpath(Path(folder, each)) for each in data)
        self._sources = set()
        inside = _with_separator(root)
        places = [_with_separator(each) for each in _places(root)]
        self._allowed = tuple(each for each in places if each.startswith(inside) and each != inside)
        self._first, self._root = None, inside
        try:
            yield
        finally:
            self._root = None
        if self._first is not None:
            raise self._first

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or self._root is None or not isinstance(arguments[0], (str, bytes)):
            return
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if not path.startswith(self._root) or (path + os.sep).startswith(self._allowed) or _is_bytecode(path):
            return  # a folder itself is opened for files without a name
        writes = _writes(arguments[1], arguments[2])
        if not writes and (path in self._data or self._is_module(path) or not Path(path).is_file()):
            return
        error = UndeclaredFile(self._message(path, writes=writes))
        self._first = self._first or error
        raise error

    def _is_module(self, path: str) -> bool:
        """Whether it is imported, now or before, as a review's code is; what else ends in .py is just a file."""
        importing = sys._getframe(2).f_code.co_filename.startswith("<frozen importlib")
        if importing and path.endswith(".py"):  # a loader reads data beside a module as well
            self._sources.add(path)
        if path.endswith(_COMPILED) or path in self._sources:
            return True
        return any(getattr(each, "__file__", None) == path for each in list(sys.modules.values()))

    def _message(self, path: str, *, writes: bool) -> str:
        shown = Path(path).relative_to(self._root or "").as_posix()
        if writes:
            return f"it writes {shown} into the project: write into the folder that it starts in"
        beside = os.path.relpath(path, self._folder)
        advice = f"`data: [{beside}]`"
        if beside.startswith(os.pardir + os.sep):
            advice = f"copy it beside the review, `data: [{os.path.basename(path)}]`"  # noqa: PTH119
        return f"it opens {shown}, which the review does not declare: {advice}"


def _places(root: str) -> Iterator[str]:
    """Folders that may lie below the project and are none of its data."""
    yield from (sys.prefix, sys.base_prefix, tempfile.gettempdir())
    yield from (str(Path(root, each)) for each in (".verify", ".cache"))
    yield from (os.environ[each] for each in _CACHES if os.environ.get(each))


def _with_separator(folder: str) -> str:
    return os.path.realpath(Path(folder).expanduser()) + os.sep


def _is_bytecode(path: str) -> bool:
    """What an import keeps of a module, where this package itself lies in the project."""
    return os.path.basename(os.path.dirname(path)) == "__pycache__"  # noqa: PTH119, PTH120 - many files are opened


def _writes(mode: object, flags: object) -> bool:
    by_mode = isinstance(mode, str) and any(each in mode for each in "wax+")
    return by_mode or (isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR)))
