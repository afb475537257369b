"""What decides a result, as a hash.

An experiment's code counts at the granularity of top-level definitions: those its own definition reaches by name,
through this package's modules and those of the project's own folders, and what importing these does besides.  They
are a graph: its nodes are definitions, hashed from their syntax trees without positions, comments, docstrings and
annotations (but for those of fields, where a decorator or a base class may read them), its edges say which name of
one leads to which other.  The hash is of the graph as it is walked from the experiment, and holds no name of a module
or a review: code that moves keeps it.  Nothing is imported.

What it cannot see: names made at run time (`getattr(module, name)`), and installed libraries, whose versions are in
the record instead.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from verify.errors import UserError
from verify.model import Code
from verify.planning import syntax
from verify.planning.catalogue import PACKAGE, is_declaration
from verify.planning.modules import Ambiguous, Module, Source, find_in_package, module_of
from verify.planning.modules import digest as digest
from verify.planning.syntax import Import

Definitions = dict[str, str]
"""As `Code.definitions`."""
Node = tuple[str, str]
"""A module and a name in it; `*` for what is run when it is imported, "" for all of it, handed on as a whole."""
Edge = tuple[str, Node | str]
"""A name as it is used, and where it leads: to a node, or to something of a library by its dotted name."""

_DECLARE: Node = ("verify.lab.declare", "experiment")
"""It marks an experiment and does nothing: what it declares is read from the source."""
_ON_IMPORT = "module-level statements"


class Sources:
    """Modules as syntax trees, read when first needed.

    `find` gives a module's source by its dotted name, or None where it is none of the project's.
    """

    def __init__(self, find: Callable[[str], Source | None] = find_in_package) -> None:
        self._find = find
        self._modules: dict[str, Module | None] = {}
        self._edges: dict[Node, tuple[str, list[Edge], set[str]]] = {}
        self._closures: dict[str, tuple[list[str], set[str]]] = {}
        self._effects: dict[str, list[ast.stmt]] = {}

    @property
    def asked(self) -> Iterable[str]:
        """The names of all modules that were looked for."""
        return self._modules

    def add(self, path: str, code: str) -> None:
        """Make known the code of a review's fences, under the review's path."""
        self._modules[path] = module_of(path, Source(code, path))

    def reach(self, module: str, name: str, data: Mapping[str, str] | None = None) -> Code:
        """All that `name` of `module` reaches, itself included.

        Args:
            module: its dotted name; a review's path for the review's own code.
            name: of the definition.
            data: content hashes of the files that the experiment may open, by the names it opens them by.

        Raises:
            KeyError: the module has no such definition.
            UserError: a module that it imports cannot be read, or is not the only one of its name.
            RecursionError: the code is nested too deeply.
        """
        source = self._module(module)
        if source is None or name not in source.definitions:
            raise KeyError(f"{module}:{name}")
        numbers: dict[Node, int] = {(module, name): 0}
        waiting = [(module, name)]
        encoded: list[object] = []
        definitions: Definitions = {}
        closure, found = self._closure(module)
        libraries = set(found)
        for node in waiting:  # grows while it is gone through
            tree, edges, imported = self._visit(node)
            if node == waiting[0]:
                edges = [*edges, *self._acting(closure)]
            libraries |= imported
            for _, target in edges:
                if not isinstance(target, str) and target not in numbers:
                    numbers[target] = len(numbers)
                    waiting.append(target)
            encoded.append([tree, [(label, t if isinstance(t, str) else numbers[t]) for label, t in edges]])
            if node[1]:
                leads = [(label, t if isinstance(t, str) else _shown(*t)) for label, t in edges if label != "*"]
                definitions[_shown(*node)] = digest(json.dumps([tree, leads]))
        declared = sorted((data or {}).items())
        definitions |= {f"data:{file}": content for file, content in declared}
        return Code(digest(json.dumps([encoded, declared])), definitions, tuple(sorted(libraries)))

    def _module(self, name: str, by: Module | None = None, line: int = 0) -> Module | None:
        """The module of that name, as the one that imports it sees it."""
        if by is not None and by.in_package and name.split(".")[0] != PACKAGE.name:
            return None
        if name not in self._modules:
            try:
                source = self._find(name)
            except Ambiguous as wrong:
                raise UserError(wrong.message, by.file if by else name, line, wrong.hint) from None
            self._modules[name] = None if source is None else module_of(name, source)
        return self._modules[name]

    # Edges

    def _visit(self, node: Node) -> tuple[str, list[Edge], set[str]]:
        """A node's hash, its edges, and the libraries that imports within it import."""
        if node not in self._edges:
            module, name = node
            source = self._module(module)
            if source is None:  # only modules that are there have nodes
                raise KeyError(module)
            if name:
                statements = self._effects_of(module) if name == "*" else source.definitions[name]
                self._edges[node] = self._read(source, name, statements)
            else:
                self._edges[node] = "", _unique(self._everything(source)), set()
        return self._edges[node]

    def _everything(self, source: Module) -> Iterator[Edge]:
        """What may be taken from a module that is handed on: all that it defines, or imports to be imported."""
        for name in sorted({*source.definitions, *source.imports} - {""}):
            for target in self._targets(source, (name, ())) if name != "*" else ():
                if isinstance(target, str) or target[1]:  # a module that it imports is not handed on with it
                    yield name, target
        for star in source.imports.get("*", ()):
            if self._module(star.module, source, star.line) is not None:
                yield "*", (star.module, "")

    def _read(self, source: Module, name: str, statements: list[ast.stmt]) -> tuple[str, list[Edge], set[str]]:
        used = source.uses(name, statements)
        edges: list[Edge] = []
        libraries: set[str] = set()
        for use in used.names:
            edges += [(".".join((use[0], *use[1])), target) for target in self._targets(source, use, used.imports)]
        for each in used.imports:
            modules, found = self._closure_of(source, each)
            edges += self._acting(modules)
            libraries |= found
        return used.tree, _unique(edges), libraries

    def _targets(self, source: Module, use: syntax.Use, local: Sequence[Import] = ()) -> Iterator[Node | str]:
        """Where a name leads, which may be more than one place; nowhere for a builtin and a variable of a function."""
        root, attributes = use
        found = False
        for each in (*(each for each in local if each.bound == root), *source.imports.get(root, ())):
            found = True
            yield from self._follow(source, each, attributes, set())
        if root in source.definitions:
            found = True
            yield source.name, root
        if not found:
            for each in (*(each for each in local if each.bound == "*"), *source.imports.get("*", ())):
                yield from self._through_star(source, each, (root, *attributes), set())

    def _follow(
        self, source: Module, imported: Import, attributes: tuple[str, ...], seen: set[Node]
    ) -> Iterator[Node | str]:
        path = (imported.name, *attributes) if imported.name else attributes
        yield from self._lead(source, imported.module, path, imported.line, seen)

    def _lead(self, by: Module, module: str, path: tuple[str, ...], line: int, seen: set[Node]) -> Iterator[Node | str]:
        """Where `path` of a module leads, through what is imported there only to be imported from there."""
        source = self._module(module, by, line)
        if source is None:
            yield ".".join((module, *path))
            return
        if not path:
            yield module, ""
            return
        first, rest = path[0], path[1:]
        if (module, first) in seen:  # imported in a circle
            return
        seen.add((module, first))
        found: list[Node | str] = []
        if first in source.definitions:
            found.append((module, first))
        for each in source.imports.get(first, ()):
            found += self._follow(source, each, rest, seen)
        if self._module(f"{module}.{first}", by, line) is not None:
            found += self._lead(by, f"{module}.{first}", rest, line, seen)
        for each in () if found else source.imports.get("*", ()):
            found += self._through_star(source, each, path, seen)
        yield from found or [(module, "")]  # made at run time: all of it may be used

    def _through_star(
        self, source: Module, star: Import, path: tuple[str, ...], seen: set[Node]
    ) -> Iterator[Node | str]:
        """Where a name leads that may come from `from module import *`."""
        target = self._module(star.module, source, star.line)
        if target is None:
            yield f"{star.module}.*"
        elif path[0] in target.definitions or path[0] in target.imports or "*" in target.imports:
            yield from self._lead(source, star.module, path, star.line, seen)

    # What importing does

    def _acting(self, modules: Iterable[str]) -> list[Edge]:
        return [("*", (module, "*")) for module in modules if self._effects_of(module)]

    def _closure(self, name: str) -> tuple[list[str], set[str]]:
        """The project's modules that importing one imports, in the order in which they run, and the libraries."""
        if name not in self._closures:
            order: dict[str, None] = {}
            libraries: set[str] = set()
            self._import(name, order, libraries, set())
            self._closures[name] = list(order), libraries
        return self._closures[name]

    def _closure_of(self, source: Module, imported: Import) -> tuple[list[str], set[str]]:
        """The same of one import."""
        order: dict[str, None] = {}
        libraries: set[str] = set()
        for name in _parents(imported):
            if self._module(name, source, imported.line) is not None:
                modules, found = self._closure(name)
                order.update(dict.fromkeys(modules))
                libraries |= found
            elif _is_library(name):
                libraries.add(name)
        return list(order), libraries

    def _import(self, name: str, order: dict[str, None], libraries: set[str], begun: set[str]) -> None:
        source = self._module(name)
        if source is None or name in begun:
            return
        begun.add(name)
        for each in source.imported:
            for part in _parents(each):
                if self._module(part, source, each.line) is not None:
                    self._import(part, order, libraries, begun)
                elif _is_library(part):
                    libraries.add(part)
        order[name] = None

    def _effects_of(self, name: str) -> list[ast.stmt]:
        """The statements of a module that act when it is imported, rather than define something."""
        if name not in self._effects:
            source = self._module(name)
            self._effects[name] = [] if source is None else [s for s in source.statements if self._acts(source, s)]
        return self._effects[name]

    def _acts(self, source: Module, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass) or syntax.is_comment(statement):
            return False
        if isinstance(statement, syntax.Definition):
            return self._registers(source, statement)
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            return any(map(_is_changed, targets))
        if isinstance(statement, ast.If | ast.Try | ast.TryStar | ast.For | ast.While):
            return any(self._acts(source, each) for each in syntax.inner(statement))
        return True

    def _registers(self, source: Module, definition: syntax.Definition) -> bool:
        """Whether defining it runs code of the project's: a decorator, or what a base class does with its children."""
        for decorator in definition.decorator_list:
            if not is_declaration(decorator) and self._leads_into_project(source, decorator):
                return True
        return isinstance(definition, ast.ClassDef) and self._has_watched_bases(source, definition, set())

    def _leads_into_project(self, source: Module, expression: ast.expr) -> bool:
        return any(not isinstance(t, str) for use in syntax.uses(expression) for t in self._targets(source, use))

    def _has_watched_bases(self, source: Module, definition: ast.ClassDef, seen: set[Node]) -> bool:
        if any(self._leads_into_project(source, each.value) for each in definition.keywords):
            return True  # a metaclass
        targets = {t for base in definition.bases for use in syntax.uses(base) for t in self._targets(source, use)}
        for target in targets:
            if isinstance(target, str) or target in seen:
                continue
            seen.add(target)
            home = self._module(target[0])
            for statement in home.definitions.get(target[1], ()) if home else ():
                if isinstance(statement, ast.ClassDef) and (
                    "__init_subclass__" in {each.name for each in statement.body if isinstance(each, ast.FunctionDef)}
                    or (home and self._has_watched_bases(home, statement, seen))
                ):
                    return True
        return False


def _is_library(name: str) -> bool:
    """Whether a module that is not the project's is the top of an installed one."""
    return name.isidentifier() and name not in sys.stdlib_module_names


def _unique(edges: Iterable[Edge]) -> list[Edge]:
    return [edge for edge in dict.fromkeys(edges) if edge[1] != _DECLARE]


def _is_changed(target: ast.expr) -> bool:
    """Whether assigning to it changes something that is there, or serves only what the value does."""
    if isinstance(target, ast.Tuple | ast.List):
        return any(map(_is_changed, target.elts))
    if isinstance(target, ast.Starred):
        return _is_changed(target.value)
    return not isinstance(target, ast.Name) or target.id == "_"


def _parents(imported: Import) -> Iterator[str]:
    """What an import imports: the packages on the way, the module, and what it takes from it, if that is a module."""
    path = imported.module.split(".")
    for length in range(1, len(path) + 1):
        yield ".".join(path[:length])
    if imported.name not in ("", "*"):
        yield f"{imported.module}.{imported.name}"


def _shown(module: str, name: str) -> str:
    """A node as a reader knows it."""
    name = _ON_IMPORT if name == "*" else name
    return name if module.endswith(".md") else f"{module}:{name}"
