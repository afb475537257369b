"""What the signature of an experiment must be, and what one that is not yet an experiment lacks."""

from __future__ import annotations

import ast

from verify.planning.parsed import Unreadable, parse

Function = ast.FunctionDef | ast.AsyncFunctionDef


def positional(function: Function) -> list[str]:
    """The names of the parameters before the `*`."""
    return [each.arg for each in (*function.args.posonlyargs, *function.args.args)]


def faults(function: Function, *, batched: bool) -> list[str]:
    """What keeps the function from being called as an experiment, each as the end of a sentence about it."""
    arguments = function.args
    first, other = ("seeds", "seed") if batched else ("seed", "seeds")
    before = positional(function)
    keywords = [each.arg for each in arguments.kwonlyargs]
    found = ["is declared by `async def`"] if isinstance(function, ast.AsyncFunctionDef) else []
    for name in (first, "device"):
        if name in keywords:
            found.append(f"has `{name}` after the `*`")
        elif name not in before and other in before and name == first:
            found.append(
                f"takes `{other}`, though `batch_axes` or `batch` make it the batched form"
                if batched
                else f"takes `{other}` without a batch that @experiment(batch_axes=…) or @experiment(batch=…) declares"
            )
        elif name not in before:
            found.append(f"has no parameter `{name}`")
    leading = [name for name in before if name in (first, other, "device")]
    if "device" in leading[:1] and len(leading) > 1:
        found.append(f"has `device` before `{leading[1]}`")
    rest = [name for name in before if name not in (first, other, "device")]
    if rest:
        found.append(f"has {joined([f'`{name}`' for name in rest])} before the `*` that parameters follow")
    if arguments.vararg or arguments.kwarg:
        found.append("takes *args or **kwargs, so that parameters cannot be checked against the review")
    return found


def wanted(function: Function, *, batched: bool) -> str:
    """The first line that the function should have."""
    arguments = function.args
    every = positional(function)
    optional = set(every[len(every) - len(arguments.defaults) :])
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    optional |= {each.arg for each, default in keywords if default is not None}
    every += [each.arg for each in arguments.kwonlyargs]
    own = [f"{name}=…" if name in optional else name for name in every if name not in ("seed", "seeds", "device")]
    parts = ["seeds" if batched else "seed", "device", *(["*"] if own else []), *own]
    return f"def {function.name}({', '.join(parts)})"


def unlike(name: str, code: str) -> tuple[int, str, str] | None:
    """Where `code` has something called `name` that is no experiment: its line, why it is none, and a hint."""
    try:
        tree = parse(code)
    except Unreadable:
        return None  # reported where the code is read
    for node in tree.body:
        if isinstance(node, Function) and node.name == name:
            wrong = faults(node, batched=False)
            line = wanted(node, batched=False)
            if not wrong:
                return node.lineno, "it is not declared by @experiment(…)", f"write `@experiment(…)` above `{line}`"
            return node.lineno, f"it {joined(wrong)}", f"write `{line}`"
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node.lineno, "it is a class", f"an experiment is a function: `def {name}(seed, device, *, …)`"
        if name in assigned(node):
            return node.lineno, "it is a variable", f"an experiment is written out: `def {name}(seed, device, *, …)`"
    for inner in ast.walk(tree):
        if isinstance(inner, ast.FunctionDef) and inner.name == name:
            return inner.lineno, "it stands inside another block", "an experiment stands at the start of a line"
    return None


def assigned(node: ast.stmt) -> list[str]:
    """The names that a statement assigns to."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [each.id for each in targets if isinstance(each, ast.Name)]


def joined(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
