"""A definition's syntax tree: as text without what decides no result, the names it uses, what it imports.

Empty fields are left out of the text, so that Python 3.11, 3.12 and 3.13 agree.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from msgspec import Struct

from verify.planning.catalogue import is_declaration

Use = tuple[str, tuple[str, ...]]
"""A name that is read, with the attributes that follow it: `a.b.c` is ("a", ("b", "c"))."""

_UNSEEN = {"annotation", "returns", "type_comment", "type_params", "kind", "ctx"}
_NO_READERS = ("NamedTuple", "Module")
"""Base classes, torch's among them, that take of annotations no more than the names."""
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Import(Struct, frozen=True):
    """What one name of an import statement stands for."""

    bound: str
    """The name it binds; `*` for everything."""
    module: str
    name: str
    """What of the module; empty for the module itself."""
    line: int


def canonical(node: object) -> Iterator[str]:
    """The tree as text, without what does not decide the result.

    Of an import only the names count that it binds: where they lead is an edge of the graph, and no path.
    """
    if isinstance(node, ast.Constant):
        yield f"({type(node.value).__name__} {_written(node.value)})"
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield f"(Import {' '.join(_bound_by(node))})"
    elif isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for field, value in ast.iter_fields(node):
            if field in _UNSEEN or value is None or value == []:
                continue
            yield f" {field}="
            if field == "decorator_list":
                value = _decorators(value)
            elif isinstance(node, ast.JoinedStr):  # Python 3.12 has empty texts in some formats
                value = [each for each in value if not (isinstance(each, ast.Constant) and each.value == "")]
            yield from canonical(value)
        for annotation in _acting_annotations(node):
            yield " annotation="
            yield from canonical(annotation)
        yield ")"
    elif isinstance(node, list):
        for item in node:
            if not is_comment(item):
                yield from canonical(item)
                yield ","
    else:
        yield repr(node)


def _acting_annotations(node: ast.AST) -> list[ast.expr]:
    """Of a class body, those that a decorator or a base class may read, as dataclasses do to tell what a field is."""
    if not isinstance(node, ast.ClassDef):
        return []
    bases = [each for each in node.bases if ast.unparse(each).rpartition(".")[2] not in _NO_READERS]
    if not (node.decorator_list or bases or node.keywords):
        return []
    return [each.annotation for each in node.body if isinstance(each, ast.AnnAssign)]


def _written(value: object) -> str:
    """A literal as text; Python refuses to write some thousands of decimal digits, in hexadecimal it does not."""
    return hex(value) if isinstance(value, int) and abs(value) >= 10**20 else repr(value)


def _bound_by(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.asname or alias.name for alias in node.names]
    return [name.split(".")[0] for name in names]


def _decorators(decorators: list[ast.expr]) -> list[ast.expr]:
    """Of `@experiment(…)` only `diverged` counts: batching and time limits do not decide a result."""
    kept: list[ast.expr] = []
    for decorator in decorators:
        if not is_declaration(decorator):
            kept.append(decorator)
        elif isinstance(decorator, ast.Call):
            kept += [keyword.value for keyword in decorator.keywords if keyword.arg == "diverged"]
    return kept


def is_comment(node: object) -> bool:
    """A docstring, or a bare string that documents what stands before it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def uses(statement: ast.AST) -> Iterator[Use]:
    """Every name that is read, in the order of the tree; of `@experiment(…)`, the decorator and what `diverged` is."""
    stack: list[tuple[ast.AST, tuple[str, ...]]] = [(statement, ())]
    while stack:
        node, attributes = stack.pop()
        if isinstance(node, ast.Attribute):
            stack.append((node.value, (node.attr, *attributes)))
        elif isinstance(node, ast.Name):
            yield node.id, attributes
        else:
            stack += [(child, ()) for child in reversed(list(_children(node)))]


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for field, value in ast.iter_fields(node):
        if field in _UNSEEN:
            continue
        for child in value if isinstance(value, list) else [value]:
            if field == "decorator_list" and is_declaration(child):
                yield child.func if isinstance(child, ast.Call) else child
                yield from _decorators([child])
            elif isinstance(child, ast.AST):
                yield child
    yield from _acting_annotations(node)


def imports(nodes: Iterable[ast.AST], package: list[str]) -> Iterator[Import]:
    """What import statements among `nodes` bind; `package` is what relative ones are relative to, part by part."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                yield Import(alias.asname or first, alias.name if alias.asname else first, "", node.lineno)
                if not alias.asname and alias.name != first:  # the other modules are imported too, though not bound
                    yield Import("", alias.name, "", node.lineno)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *filter(None, (node.module,))])
            for alias in node.names:
                yield Import(alias.asname or alias.name, base, alias.name, node.lineno)


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that is run when the module is imported: class bodies too, functions' bodies not."""
    yield node
    if not isinstance(node, _OWN_SCOPE):
        for child in ast.iter_child_nodes(node):
            yield from at_import(child)


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Top-level statements that are run on import: of `if TYPE_CHECKING:` and the like only the `else`."""
    waiting = list(reversed(tree.body))
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, ast.If) and _is_false_on_import(statement.test):
            waiting += reversed(statement.orelse)
        elif not is_comment(statement):
            yield statement


def _is_false_on_import(test: ast.expr) -> bool:
    """`TYPE_CHECKING` and `__name__ == "__main__"`."""
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    return name == "TYPE_CHECKING" or (
        isinstance(test, ast.Compare) and ast.unparse(test) in ("__name__ == '__main__'", "'__main__' == __name__")
    )


def bound(statement: ast.stmt) -> Iterator[str]:
    """Names a top-level statement binds, also from within `if`, `try`, `for` and `with`; imports left out."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Definition):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, _COMPREHENSION):  # its variables are its own, those of `:=` are not
            yield from (each.target.id for each in ast.walk(node) if isinstance(each, ast.NamedExpr))
        elif not isinstance(node, ast.Lambda):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def inner(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements that stand directly in a compound one."""
    for holder in (statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        for field in ("body", "orelse", "finalbody"):
            yield from getattr(holder, field, ())
