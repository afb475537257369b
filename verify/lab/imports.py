"""Modules of the project's folders: found after all others, and compiled from what stands in them now."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

_PACKAGE = str(Path(__file__).parent.parent)


class _Anew(SourceFileLoader):
    """Neither reads nor writes bytecode, which is told from its source by size and second alone."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def look_below(*folders: str) -> None:
    """Have imports find what `folders` hold, where nothing that is installed has the name."""
    sys.path_hooks.insert(0, _hook(folders))
    for each in folders:
        sys.path_importer_cache.pop(each, None)
    sys.path += [each for each in dict.fromkeys(folders) if each not in sys.path]


def _hook(folders: tuple[str, ...]) -> Callable[[str], Any]:
    below = tuple(os.path.realpath(each) + os.sep for each in folders)
    installed = tuple(os.path.realpath(each) + os.sep for each in (sys.prefix, sys.base_prefix, _PACKAGE))

    def find(path: str) -> FileFinder:
        real = os.path.realpath(path) + os.sep
        if not real.startswith(below) or real.startswith(installed):
            raise ImportError(path)  # as the protocol wants: the next hook is asked
        return FileFinder(path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Anew, SOURCE_SUFFIXES))

    return find
