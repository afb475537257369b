"""What experiments there are, read from their source without importing it.

Planning must know an experiment's parameters and what rides along in a batch, but must not pay for torch nor run
a reviewer's code; so the declaration (`verify.lab.declare.experiment`) takes literal arguments only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from verify.errors import UserError, nearest
from verify.model import Experiment

PACKAGE = Path(__file__).parent.parent
_OPTIONS = ("rides", "values", "diverged", "batch", "time_limit")


def read_project() -> tuple[dict[str, Experiment], list[UserError]]:
    """The experiments of `verify/experiments`, by name, and the mistakes in their declarations."""
    found: dict[str, Experiment] = {}
    errors: list[UserError] = []
    for path in sorted((PACKAGE / "experiments").glob("*.py")):
        module = f"verify.experiments.{path.stem}"
        file = f"verify/experiments/{path.name}"
        experiments, mistakes = _read(path.read_text(encoding="utf-8"), module, file, needs_decorator=True)
        errors += mistakes
        for name, experiment in experiments.items():
            if name in found:
                hint = f"rename one: it stands in {found[name].module} already"
                errors.append(UserError(f"two experiments are called '{name}'", file, experiment.line, hint))
            found[name] = experiment
    return found, errors


def read_source(code: str, path: str) -> tuple[dict[str, Experiment], list[UserError]]:
    """The experiments in a review's `python verify` fences; `code` has every line where the review has it.

    Here the decorator may be left out: every top-level function with `seed` and `device` is an experiment.
    """
    return _read(code, path, path, needs_decorator=False)


def _read(code: str, module: str, file: str, *, needs_decorator: bool) -> tuple[dict[str, Experiment], list[UserError]]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:  # the last two: nested too deeply
        line = getattr(error, "lineno", None) or 1
        what = getattr(error, "msg", None) or str(error) or "it is nested too deeply"
        return {}, [UserError(f"Python cannot read this: {what}", file, line)]
    found: dict[str, Experiment] = {}
    errors: list[UserError] = []
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        decorator = next(filter(is_declaration, function.decorator_list), None)
        first = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        if decorator is None and (needs_decorator or first not in (["seed", "device"], ["seeds", "device"])):
            continue
        experiment, mistakes = _experiment(function, decorator, module, file)
        errors += mistakes
        if function.name in found:
            hint = f"rename one: the first stands in line {found[function.name].line}"
            errors.append(UserError(f"two experiments are called '{function.name}'", file, function.lineno, hint))
        found[function.name] = experiment
    return found, errors


def is_declaration(node: ast.expr) -> bool:
    """Whether a decorator is `@experiment(…)` or `@declare.experiment(…)`."""
    target = node.func if isinstance(node, ast.Call) else node
    name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
    return name == "experiment"


def _experiment(
    function: ast.FunctionDef, decorator: ast.expr | None, module: str, file: str
) -> tuple[Experiment, list[UserError]]:
    errors: list[UserError] = []
    options = dict(_options(decorator, file, errors)) if isinstance(decorator, ast.Call) else {}
    rides = tuple(options.get("rides", ()))
    batched = bool(rides) or options.get("batch", 1) > 1
    arguments = function.args
    first = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    wanted = ["seeds" if batched else "seed", "device"]
    if first != wanted:
        errors.append(
            UserError(
                f"experiment '{function.name}' must begin with ({', '.join(wanted)})",
                file,
                function.lineno,
                "its parameters follow as keywords: def f(seed, device, *, width: int); "
                "the batched form, declared by rides or batch, takes `seeds`",
            )
        )
    if arguments.vararg or arguments.kwarg:
        hint = "name each parameter: they are checked against the review"
        errors.append(UserError(f"experiment '{function.name}' takes *args or **kwargs", file, function.lineno, hint))
    names = tuple(argument.arg for argument in arguments.kwonlyargs)
    required = tuple(n for n, default in zip(names, arguments.kw_defaults, strict=True) if default is None)
    for ride in rides:
        if ride not in names:
            message = f"'{ride}' in rides is no parameter of '{function.name}'"
            errors.append(UserError(message, file, function.lineno, nearest(ride, names)))
    experiment = Experiment(
        name=function.name,
        module=module,
        line=function.lineno,
        parameters=names,
        required=required,
        batched=batched,
        rides=rides,
        values=tuple(options.get("values", ())),
        diverged=dict(options.get("diverged") or {}),
        batch=options.get("batch", 1),
        time_limit=float(options.get("time_limit", 600.0)),
    )
    return experiment, errors


def _options(decorator: ast.Call, file: str, errors: list[UserError]) -> Iterator[tuple[str, Any]]:
    for keyword in decorator.keywords:
        line = keyword.value.lineno
        if keyword.arg not in _OPTIONS:
            hint = nearest(keyword.arg or "**", _OPTIONS)
            errors.append(UserError(f"unknown option '{keyword.arg}' of @experiment", file, line, hint))
            continue
        try:
            yield keyword.arg, ast.literal_eval(keyword.value)
        except ValueError:
            hint = "write it out: it is read without running the code"
            errors.append(UserError(f"'{keyword.arg}' of @experiment must be a literal", file, line, hint))
    if decorator.args:
        errors.append(UserError("@experiment takes keywords only", file, decorator.lineno, nearest("", _OPTIONS)))
