"""What decides a result, as a hash.

An experiment's code counts at the granularity of top-level definitions: those its own definition reaches by name,
through the project's modules.  They are hashed from their syntax trees, without positions, comments, docstrings and
annotations, so that a cosmetic edit reruns nothing.  Empty fields are left out, so that Python 3.11, 3.12 and 3.13
agree.  Nothing is imported.

What it cannot see: names made at run time (`getattr(module, name)`), and installed libraries, whose versions are in
the record instead.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from verify.model import Code
from verify.planning.catalogue import PACKAGE, is_declaration

Definitions = dict[str, str]
"""As `Code.definitions`."""

_UNSEEN = {"annotation", "returns", "type_comment", "type_params", "kind", "ctx"}
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def digest(text: str) -> str:
    """Sixteen hexadecimal digits: 64 bits, ample for the trials of one project."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_hash(definitions: Definitions) -> str:
    """One hash of all definitions an experiment reaches."""
    return digest("\n".join(f"{name} {value}" for name, value in sorted(definitions.items())))


class Sources:
    """The project's modules as syntax trees, read when first needed.

    `find` gives a module's source by its dotted name, or None where the project has no such module.
    """

    def __init__(self, find: Callable[[str], str | None] | None = None) -> None:
        self._find = find or find_project_module
        self._modules: dict[str, _Module | None] = {}
        self._visited: dict[tuple[str, str], tuple[str, list[tuple[str, str]]]] = {}

    def add(self, name: str, code: str) -> None:
        """Make known the code of a review's fences under the review's path, in the place of what it was before."""
        self._modules[name] = _Module(name, code)
        self._visited = {place: visit for place, visit in self._visited.items() if place[0] != name}

    def module(self, name: str) -> _Module | None:
        if name not in self._modules:
            code = self._find(name)
            self._modules[name] = None if code is None else _Module(name, code)
        return self._modules[name]

    def reach(self, module: str, name: str) -> Code:
        """Every definition that `name` of `module` reaches, itself included.

        Raises:
            KeyError: the module has no such definition.
        """
        source = self.module(module)
        if source is None or name not in source.definitions:
            raise KeyError(f"{module}:{name}")
        found: Definitions = {}
        waiting = [(module, name)]
        while waiting:
            place = waiting.pop()
            key = ":".join(place)
            if key in found:
                continue
            if place not in self._visited:
                self._visited[place] = self._visit(*place)
            found[key], uses = self._visited[place]
            waiting += uses
        return Code(code_hash(found), found, ())

    def _visit(self, module: str, name: str) -> tuple[str, list[tuple[str, str]]]:
        """The hash of one definition and the definitions it names; `*` stands for what a module does on import."""
        source = self.module(module)
        if source is None:  # an installed library: its identity counts, its code does not
            return digest(f"{module}.{name}"), []
        statements = source.effects if name == "*" else source.definitions.get(name)
        if statements is None:
            imported = source.imports.get(name)
            if imported is None:
                return digest("builtin"), []
            return digest(".".join(filter(None, imported))), []
        uses = [(module, "*")] if source.effects and name != "*" else []
        for statement in statements:
            uses += self._uses(source, statement)
        return digest("\n".join("".join(_canonical(statement)) for statement in statements)), uses

    def _uses(self, source: _Module, statement: ast.stmt) -> Iterator[tuple[str, str]]:
        local = dict(_imports(ast.walk(statement), source.name)) if not _is_import(statement) else {}
        for root, attributes in _names(statement):
            if root in local:
                yield from self._imported(local[root], attributes)
            elif root in source.definitions:
                yield source.name, root
            elif root in source.imports:
                yield source.name, root
                yield from self._imported(source.imports[root], attributes)

    def _imported(self, target: tuple[str, str], attributes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Where an imported name leads: into the project's modules, as far as attributes say."""
        module, name = target
        path = [*filter(None, (name,)), *attributes]
        while path and self.module(f"{module}.{path[0]}") is not None:
            module = f"{module}.{path.pop(0)}"
        source = self.module(module)
        if source is None:
            return  # an installed library: the import itself, which is hashed, says all there is
        if path and path[0] in source.definitions:
            yield module, path[0]
        elif path and path[0] in source.imports:  # imported there only to be imported from there
            yield module, path[0]
            yield from self._imported(source.imports[path[0]], tuple(path[1:]))
        else:  # the module itself is handed on, or imported with a star: all of it may be used
            yield from ((module, each) for each in source.definitions)


class _Module:
    """A module's top-level definitions by name, its imports, and the statements that merely act."""

    def __init__(self, name: str, code: str) -> None:
        self.name = name
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.effects: list[ast.stmt] = []
        tree = ast.parse(code)
        self.imports = dict(_imports(chain.from_iterable(map(_outside_scopes, tree.body)), name))
        for statement in tree.body:
            if _is_import(statement) or _is_comment(statement) or _for_types_only(statement):
                continue
            bound = list(_bound(statement))
            for each in bound:
                self.definitions.setdefault(each, []).append(statement)
            if not bound:
                self.effects.append(statement)


def find_project_module(name: str) -> str | None:
    """The source of a module of this package; None for any other."""
    first, *rest = name.split(".")
    if first != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*rest)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file != PACKAGE.with_suffix(".py") and file.is_file():
            return file.read_text(encoding="utf-8")
    return None


def source_files() -> list[Path]:
    """Every Python file of this package, in a fixed order."""
    return sorted(PACKAGE.rglob("*.py"))


def _canonical(node: object) -> Iterator[str]:
    """The tree as text, without what does not decide the result."""
    if isinstance(node, ast.Constant):
        yield f"({type(node.value).__name__} {node.value!r})"
    elif isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for field, value in ast.iter_fields(node):
            if field in _UNSEEN or value is None or value == []:
                continue
            yield f" {field}="
            yield from _canonical(_decorators(value) if field == "decorator_list" else value)
        yield ")"
    elif isinstance(node, list):
        for item in node:
            if not _is_comment(item):
                yield from _canonical(item)
                yield ","
    else:
        yield repr(node)


def _decorators(decorators: list[ast.expr]) -> list[ast.expr]:
    """Of `@experiment(…)` only `diverged` counts: batching and time limits do not decide a result."""
    kept: list[ast.expr] = []
    for decorator in decorators:
        if not is_declaration(decorator):
            kept.append(decorator)
        elif isinstance(decorator, ast.Call):
            kept += [keyword.value for keyword in decorator.keywords if keyword.arg == "diverged"]
    return kept


def _is_comment(node: object) -> bool:
    """A docstring, or a bare string that documents what stands before it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Import, ast.ImportFrom))


def _for_types_only(statement: ast.stmt) -> bool:
    """`if TYPE_CHECKING:`, which never runs."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING")


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Names a top-level statement binds, also from within `if`, `try`, `for` and `with`."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
        return
    for node in _outside_scopes(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _outside_scopes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        for child in ast.iter_child_nodes(node):
            yield from _outside_scopes(child)


def _names(statement: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every name that is read, with the attributes that follow it: `a.b.c` gives ("a", ("b", "c"))."""
    stack: list[tuple[ast.AST, tuple[str, ...]]] = [(statement, ())]
    while stack:
        node, attributes = stack.pop()
        if isinstance(node, ast.Attribute):
            stack.append((node.value, (node.attr, *attributes)))
        elif isinstance(node, ast.Name):
            yield node.id, attributes
        else:
            for field, value in ast.iter_fields(node):
                if field not in _UNSEEN:
                    value = _decorators(value) if field == "decorator_list" else value
                    children = value if isinstance(value, list) else [value]
                    stack += [(child, ()) for child in children if isinstance(child, ast.AST)]


def _imports(nodes: Iterable[ast.AST], module: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Per name an import binds, the module and the name in it ("" for the module itself)."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                yield name, (alias.name if alias.asname else name, "")
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: -node.level]
                base = ".".join([*parents, *filter(None, (base,))])
            for alias in node.names:
                yield alias.asname or alias.name, (base, "" if alias.name == "*" else alias.name)
