"""Where a module's source is: in this package, beside the reviews, in the project's root; and what stands in it.

A project's modules are found as a run finds them: Python's own and installed modules first, then those beside the
reviews, then those of the root.  A name that means two things is a mistake, since what is hashed must be what runs.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import sys
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path

from msgspec import Struct

from verify.errors import UserError, reason
from verify.planning import syntax
from verify.planning.catalogue import PACKAGE
from verify.planning.parsed import Unreadable, parse
from verify.planning.syntax import Import

MOST = 1_000_000
"""Bytes of a module: a review's size, and what is larger was written by no one."""
FENCES = "review"
"""The name under which a run knows a review's own code."""
_COMPILED = (*importlib.machinery.EXTENSION_SUFFIXES, ".pyc")


class Source(Struct, frozen=True):
    """A module as it was found."""

    code: str | bytes
    file: str
    """For messages: relative to the project's root, or to where this package lies."""
    is_package: bool = False
    in_package: bool = False
    """Whether it is one of this package, `verify`, which does not see a project's modules."""


class Ambiguous(Exception):
    """A module's name does not say what runs; why, and a hint."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Uses(Struct, frozen=True):
    """What statements consist of."""

    tree: str
    """The hash of their syntax trees."""
    names: tuple[syntax.Use, ...]
    imports: tuple[Import, ...]
    """Those within them."""


class Module:
    """A module's top-level statements, by the names they bind, and its imports.

    Raises:
        UserError: Python cannot read it.
    """

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self.file = source.file
        self.in_package = source.in_package
        self.statements = list(syntax.statements(_parsed(source)))
        parts = [] if name.endswith(".md") else name.split(".")  # a review's code is in no package
        self._parents = parts if source.is_package else parts[:-1]
        self.definitions: dict[str, list[ast.stmt]] = {}
        self._uses: dict[str, Uses] = {}
        for statement in self.statements:
            for each in dict.fromkeys(syntax.bound(statement)):
                self.definitions.setdefault(each, []).append(statement)

    @cached_property
    def imported(self) -> tuple[Import, ...]:
        """All that importing it imports, in order."""
        nodes = chain.from_iterable(map(syntax.at_import, self.statements))
        return tuple(syntax.imports(nodes, self._parents))

    @cached_property
    def imports(self) -> dict[str, list[Import]]:
        """By the name that is bound; a name may be bound by several, in `try` and `except` say."""
        found: dict[str, list[Import]] = {}
        for each in self.imported:
            found.setdefault(each.bound, []).append(each)
        return found

    def uses(self, name: str, statements: list[ast.stmt]) -> Uses:
        """What `statements`, known as `name`, consist of; found once."""
        if name not in self._uses:
            tree = "\n".join("".join(syntax.canonical(statement)) for statement in statements)
            names = tuple(dict.fromkeys(chain.from_iterable(map(syntax.uses, statements))))
            nodes = chain.from_iterable(map(ast.walk, statements))
            self._uses[name] = Uses(digest(tree), names, tuple(syntax.imports(nodes, self._parents)))
        return self._uses[name]


@lru_cache(maxsize=512)
def module_of(name: str, source: Source) -> Module:
    """The module that `source` is, read once a process."""
    return Module(name, source)


def digest(text: str) -> str:
    """Sixteen hexadecimal digits: 64 bits, ample for the trials of one project."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _parsed(source: Source) -> ast.Module:
    try:
        return parse(source.code)
    except Unreadable as error:
        raise UserError(str(error), source.file, error.line) from None


def find_in_package(name: str) -> Source | None:
    """The source of a module of this package; None for any other."""
    first, *rest = name.split(".")
    if first != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*rest)
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file != PACKAGE.with_suffix(".py") and file.is_file():
            place = file.relative_to(PACKAGE.parent).as_posix()
            return Source(file.read_text(encoding="utf-8"), place, file.name == "__init__.py", in_package=True)
    return None


class Folders:
    """The modules of this package and of a project's own folders; each is looked for once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, list[Path]] = {"": [root / "reviews", root]}
        """Per package, by its name, where its modules are: only what is no module has several."""
        self._found: dict[str, Source | None] = {}

    def find(self, name: str) -> Source | None:
        """The source of a module; None for an installed one, and one of Python's own.

        Raises:
            Ambiguous: more than one module has that name.
            UserError: it cannot be read.
        """
        if name not in self._found:
            own = name.split(".")[0] == PACKAGE.name
            self._found[name] = find_in_package(name) if own else self._look(name)
        return self._found[name]

    def state(self, name: str) -> str:
        """What `find` depends on, in short, to be held against what it was before."""
        try:
            source = self.find(name)
        except (Ambiguous, UserError):
            return "wrong"
        if source is None:
            return ""
        content = source.code if isinstance(source.code, bytes) else source.code.encode()
        return hashlib.sha256(content + source.file.encode()).hexdigest()

    def _look(self, name: str) -> Source | None:
        package, _, last = name.rpartition(".")
        if not last.isidentifier() or (package and self.find(package) is None):
            return None
        folders = self._folders.get(package, [])
        files = [file for folder in folders if (file := self._file(folder, last)) is not None]
        if len(files) > 1:
            shown = " and ".join(map(self._shown, files))
            raise Ambiguous(f"two modules are called '{name}': {shown}", "rename one of them")
        if not files:
            places = [folder / last for folder in folders if (folder / last).is_dir()]
            if not places or (not package and self._elsewhere(name)):
                return None
            self._folders[name] = places
            return Source("", self._shown(places[0]), is_package=True)
        place = self._shown(files[0])
        hidden = None if package else self._elsewhere(name)
        if hidden:
            raise Ambiguous(f"`import {name}` gets {hidden}, not {place}", f"rename {place}")
        is_package = files[0].name == "__init__.py"
        if is_package:
            self._folders[name] = [files[0].parent]
        return Source(self._read(files[0], place), place, is_package)

    def _file(self, folder: Path, name: str) -> Path | None:
        """What Python would import from a folder, in its order."""
        file = folder / name / "__init__.py"
        if file.is_file():
            return file
        file = folder / f"{name}.py"
        for ending in _COMPILED:
            compiled = folder / f"{name}{ending}"
            if compiled.is_file() and not (ending == ".pyc" and file.is_file()):
                hint = "put its source there: a compiled module cannot be followed"
                raise Ambiguous(f"`import {name}` gets {self._shown(compiled)}, which is compiled", hint)
        return file if file.is_file() else None

    def _elsewhere(self, name: str) -> str:
        """What else has the name of a module in the project's folders, and would be imported before it; or nothing."""
        if name in sys.stdlib_module_names or name in sys.builtin_module_names:
            return f"Python's own module '{name}'"
        if name == FENCES:
            return "the review's own code"
        own = {self._root.resolve(), (self._root / "reviews").resolve()}
        path = [each for each in sys.path if each and Path(each).resolve() not in own]
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        return "" if spec is None or spec.loader is None else f"the installed module '{name}'"

    def _read(self, file: Path, place: str) -> bytes:
        try:
            if not file.resolve(strict=True).is_relative_to(self._root.resolve()):
                hint = "put the file itself in its place: what is hashed stands in the project"
                raise UserError("this module is a link that leads out of the project", place, 0, hint)
            with file.open("rb") as opened:
                content = opened.read(MOST + 1)
        except OSError as error:
            raise UserError(f"it cannot be read: {reason(error)}", place) from None
        if len(content) > MOST:
            raise UserError(f"it is larger than {MOST // 1_000_000} MB, which no module is", place)
        return content

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()
