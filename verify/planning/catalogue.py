"""What experiments there are, read from their source without importing it.

Planning must know an experiment's parameters and what varies within a batch, but must not pay for torch nor run
a reviewer's code; so the declaration (`verify.lab.declare.experiment`) takes literal arguments only.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import msgspec

from verify.errors import UserError, nearest
from verify.model import Experiment
from verify.planning import documented, options, returned, signature
from verify.planning.parsed import Unreadable, parse

PACKAGE = Path(__file__).parent.parent


def read_project() -> tuple[dict[str, Experiment], list[UserError]]:
    """The experiments of `verify/experiments`, by name, and the mistakes in their declarations."""
    found: dict[str, Experiment] = {}
    errors: list[UserError] = []
    for path in _modules():
        module = f"verify.experiments.{path.stem}"
        file = _place(path)
        experiments, mistakes = _read(path.read_text(encoding="utf-8"), module, file, needs_decorator=True)
        errors += mistakes
        for name, experiment in experiments.items():
            if name in found:
                hint = f"rename one: it stands in {found[name].module} already"
                errors.append(UserError(f"two experiments are called '{name}'", file, experiment.line, hint))
            found[name] = experiment
    return found, errors


def _modules() -> list[Path]:
    return sorted((PACKAGE / "experiments").glob("*.py"))


def _place(module: Path) -> str:
    return f"verify/experiments/{module.name}"


def unlike(name: str, code: str) -> tuple[str, str] | None:
    """Why something called `name`, in a review's `code` or in the project's modules, is no experiment; and a hint."""
    found = signature.unlike(name, code)
    if found is not None:
        line, why, hint = found
        return f"'{name}' in line {line} is no experiment: {why}", hint
    for path in _modules():
        text = path.read_text(encoding="utf-8")
        found = signature.unlike(name, text) if name in text else None
        if found is not None:
            line, why, hint = found
            return f"'{name}' in {_place(path)}, line {line}, is no experiment: {why}", hint
    return None


def read_source(code: str, path: str) -> tuple[dict[str, Experiment], list[UserError]]:
    """The experiments in a review's `python verify` fences; `code` has every line where the review has it.

    Here the decorator may be left out: every top-level function with `seed` and `device` is an experiment.
    """
    return _read(code, path, path, needs_decorator=False)


def _read(code: str, module: str, file: str, *, needs_decorator: bool) -> tuple[dict[str, Experiment], list[UserError]]:
    try:
        tree = parse(code)
    except Unreadable as error:
        return {}, [UserError(str(error), file, error.line)]
    found: dict[str, Experiment] = {}
    errors: list[UserError] = []
    for function in tree.body:
        if not isinstance(function, signature.Function):
            continue
        decorator = next(filter(is_declaration, function.decorator_list), None)
        first = signature.positional(function)
        if decorator is None and (needs_decorator or first not in (["seed", "device"], ["seeds", "device"])):
            continue
        experiment, mistakes = _experiment(function, decorator, module, file)
        errors += mistakes
        if function.name in found:
            hint = f"rename one: the first stands in line {found[function.name].line}"
            errors.append(UserError(f"two experiments are called '{function.name}'", file, function.lineno, hint))
        found[function.name] = experiment
    for node in tree.body:
        for name in signature.assigned(node):
            if name in found:  # it is not the function that runs: what that returns is not known
                found[name] = msgspec.structs.replace(found[name], values=())
    return found, errors


def is_declaration(node: ast.expr) -> bool:
    """Whether a decorator is `@experiment(…)` or `@declare.experiment(…)`."""
    target = node.func if isinstance(node, ast.Call) else node
    name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
    return name == "experiment"


def _experiment(
    function: signature.Function, decorator: ast.expr | None, module: str, file: str
) -> tuple[Experiment, list[UserError]]:
    given, errors = options.read(decorator, file) if decorator is not None else ({}, [])
    batch_axes: tuple[str, ...] = given.get("batch_axes", ())
    batch: int = given.get("batch", 1)
    batched = bool(batch_axes) or batch > 1
    if errors:  # else an option that could not be read would be reported as a wrong signature too
        batched = batched or "seeds" in signature.positional(function)
    wrong = signature.faults(function, batched=batched)
    if wrong:
        message = f"experiment '{function.name}' {signature.joined(wrong)}"
        hint = f"write `{signature.wanted(function, batched=batched)}`"
        errors.append(UserError(message, file, function.lineno, hint))
    arguments = function.args
    names = tuple(argument.arg for argument in arguments.kwonlyargs)
    for axis in () if wrong else batch_axes:
        if axis not in names:
            message = f"'{axis}' in batch_axes is no parameter of '{function.name}'"
            errors.append(UserError(message, file, function.lineno, nearest(axis, names)))
    values, mistakes = _values(function, given, file)
    experiment = Experiment(
        name=function.name,
        module=module,
        line=function.lineno,
        parameters=names,
        required=tuple(n for n, default in zip(names, arguments.kw_defaults, strict=True) if default is None),
        batched=batched,
        batch_axes=batch_axes,
        values=values,
        diverged=given.get("diverged", {}),
        batch=batch,
        time_limit=given.get("time_limit", 600.0),
        summary=documented.summary(function),
        documented={name: text for name, text in documented.parameters(function).items() if name in names},
        defaults={
            name: ast.unparse(default)
            for name, default in zip(names, arguments.kw_defaults, strict=True)
            if default is not None
        },
    )
    return experiment, errors + mistakes


def _values(function: signature.Function, given: dict[str, Any], file: str) -> tuple[tuple[str, ...], list[UserError]]:
    """What the experiment returns, as declared, else as its literals say; and declared names that it never returns."""
    declared: tuple[str, ...] = given.get("values", ())
    wraps = [each for each in function.decorator_list if not is_declaration(each)]
    known = None if wraps or isinstance(function, ast.AsyncFunctionDef) else returned.names(function)
    place = file, function.lineno
    errors = [
        UserError(
            f"'{function.name}' never returns '{name}', which it declares in values", *place, nearest(name, known)
        )
        for name in declared
        if known is not None and name not in known
    ]
    values = declared or known or ()
    errors += [
        UserError(f"'{name}' in diverged is nothing that '{function.name}' returns", *place, nearest(name, values))
        for name in given.get("diverged", ())
        if values and name not in values
    ]
    return values, errors
