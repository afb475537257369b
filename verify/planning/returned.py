"""The names that an experiment returns, read from the literals in its source.

Only what can be read completely counts: where a single `return` gives something else than a dict with written keys,
nothing is said, since a name that is missing here is reported as a mistake.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

NOT_A_METRIC = "data"
"""The key that holds the hash of the data (`verify.lab.declare`)."""
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class _Unreadable(Exception):
    """Something else than dicts with written keys."""


def names(function: ast.FunctionDef) -> tuple[str, ...] | None:
    """All names that any of its returns may give, in the order written; None where they cannot all be read."""
    try:
        found = dict.fromkeys(_Reader(function).read())
    except (_Unreadable, RecursionError):
        return None
    found.pop(NOT_A_METRIC, None)
    return tuple(found) or None


class _Reader:
    def __init__(self, function: ast.FunctionDef) -> None:
        self.function = function
        self.nodes = list(_inside(function))
        self.parents = {id(child): node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
        self.reading: set[str] = set()

    def read(self) -> Iterator[str]:
        returns = [node for node in self.nodes if isinstance(node, ast.Return)]
        if not returns or any(isinstance(node, ast.Yield | ast.YieldFrom) for node in self.nodes):
            raise _Unreadable
        for node in returns:
            yield from self.value(node.value)

    def value(self, node: ast.expr | None) -> Iterator[str]:
        """The keys of a dict, or of all dicts of a list (the batched form)."""
        if isinstance(node, ast.Dict):
            for key, item in zip(node.keys, node.values, strict=True):
                yield from self.value(item) if key is None else (_text(key),)
        elif isinstance(node, ast.Call):
            yield from self.keywords(node)
        elif isinstance(node, ast.IfExp):
            yield from self.value(node.body)
            yield from self.value(node.orelse)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            yield from self.value(node.left)
            yield from self.value(node.right)
        elif isinstance(node, ast.List):
            for item in node.elts:
                yield from self.value(item)
        elif isinstance(node, ast.ListComp):
            yield from self.value(node.elt)
        elif isinstance(node, ast.Name):
            yield from self.variable(node.id)
        else:
            raise _Unreadable

    def keywords(self, node: ast.Call) -> Iterator[str]:
        """Of `dict(a=1, b=2)`."""
        if not isinstance(node.func, ast.Name) or node.func.id != "dict" or node.args:
            raise _Unreadable
        for keyword in node.keywords:
            if keyword.arg is None:
                raise _Unreadable
            yield keyword.arg

    def variable(self, name: str) -> Iterator[str]:
        """Every key that the local variable is given; unreadable where it is used in a way that could give others."""
        if name in self.reading:
            return
        self.reading.add(name)
        arguments = self.function.args
        given = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        if any(each is not None and each.arg == name for each in given):
            raise _Unreadable
        if any(isinstance(node, ast.Global | ast.Nonlocal) and name in node.names for node in self.nodes):
            raise _Unreadable
        uses = [node for node in ast.walk(self.function) if isinstance(node, ast.Name) and node.id == name]
        if len(uses) != sum(isinstance(node, ast.Name) and node.id == name for node in self.nodes):
            raise _Unreadable  # an inner function uses it
        for use in uses:
            yield from self.use(use)
        if not any(isinstance(use.ctx, ast.Store) for use in uses):
            raise _Unreadable

    def use(self, use: ast.Name) -> Iterator[str]:
        """The keys that one appearance of a variable gives it."""
        parent = self.parents[id(use)]
        if isinstance(parent, ast.Assign) and use in parent.targets and len(parent.targets) == 1:
            yield from self.value(parent.value)
        elif isinstance(parent, ast.AnnAssign) and use is parent.target:
            yield from self.value(parent.value) if parent.value is not None else ()
        elif isinstance(parent, ast.AugAssign) and use is parent.target and isinstance(parent.op, ast.BitOr):
            yield from self.value(parent.value)
        elif isinstance(parent, ast.Subscript) and use is parent.value:
            if isinstance(parent.ctx, ast.Store):
                yield _text(parent.slice)
            elif isinstance(parent.ctx, ast.Load):
                self.item(parent)
            else:
                raise _Unreadable
        elif isinstance(parent, ast.Attribute):
            yield from self.method(parent)
        elif not isinstance(parent, ast.Return) and not _is_spread(use, parent):
            raise _Unreadable

    def item(self, node: ast.Subscript) -> None:
        """Reading `result["x"]` gives it nothing; an item of a list may be a dict that is then changed."""
        parent = self.parents[id(node)]
        if not isinstance(node.slice, ast.Constant) or not isinstance(node.slice.value, str):
            raise _Unreadable
        if isinstance(parent, ast.Subscript) and parent.value is node and not isinstance(parent.ctx, ast.Load):
            raise _Unreadable

    def method(self, attribute: ast.Attribute) -> Iterator[str]:
        """`results.append({…})` and `result.update({…}, x=1)`."""
        call = self.parents[id(attribute)]
        if not isinstance(call, ast.Call) or call.func is not attribute:
            raise _Unreadable
        if attribute.attr == "append" and len(call.args) == 1 and not call.keywords:
            yield from self.value(call.args[0])
        elif attribute.attr == "update" and len(call.args) <= 1:
            yield from self.value(call.args[0]) if call.args else ()
            for keyword in call.keywords:
                if keyword.arg is None:
                    raise _Unreadable
                yield keyword.arg
        else:
            raise _Unreadable


def _is_spread(use: ast.Name, parent: ast.AST) -> bool:
    """Whether it stands as `{**use}`, which only reads it."""
    if not isinstance(parent, ast.Dict):
        return False
    return any(key is None and value is use for key, value in zip(parent.keys, parent.values, strict=True))


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isprintable():
        return node.value
    raise _Unreadable


def _inside(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Every node of the function's body that is not in a function or class of its own."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _OWN_SCOPE):
            waiting += reversed(list(ast.iter_child_nodes(node)))
