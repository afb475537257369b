"""Modules of the project's folders: found after all others, and compiled from what stands in them now.

Only those that planning has followed are: what another holds would decide results without being part of their
fingerprint.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

_PACKAGE = str(Path(__file__).parent.parent)


class UnseenModule(ImportError):
    """An experiment imports a module of the project in a way that planning cannot follow."""


class _Anew(SourceFileLoader):
    """Neither reads nor writes bytecode, which is told from its source by size and second alone."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def look_below(folders: Sequence[str], followed: Collection[str]) -> None:
    """Have imports find what `folders` hold, where nothing that is installed has the name; `followed` are known."""
    sys.path_hooks.insert(0, _hook(folders, followed))
    for each in folders:
        sys.path_importer_cache.pop(each, None)
    sys.path += [each for each in dict.fromkeys(folders) if each not in sys.path]


def _hook(folders: Sequence[str], followed: Collection[str]) -> Callable[[str], Any]:
    below = tuple(os.path.realpath(each) + os.sep for each in folders)
    installed = tuple(os.path.realpath(each) + os.sep for each in (sys.prefix, sys.base_prefix, _PACKAGE))

    def find(path: str) -> FileFinder:
        real = os.path.realpath(path) + os.sep
        if not real.startswith(below) or real.startswith(installed) or not Path(path).is_dir():
            raise ImportError(path)  # as the protocol wants: the next hook is asked
        return FileFinder(path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (source, SOURCE_SUFFIXES))  # type: ignore[arg-type]

    def source(name: str, path: str) -> _Anew:
        if name not in followed:
            message = f"it imports {name} by other means than an import statement: write `import {name}`"
            raise UnseenModule(message, name=name, path=path)
        return _Anew(name, path)

    return find
