"""The options of `@experiment(…)`, read from its syntax: each of the type that its use takes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from typing import Any

from verify.errors import UserError, nearest

_MOST = 100_000
"""Trials in a batch: more than a scale of a verification may have."""
Wrong = tuple[str, str]
"""What an option must be, and a hint."""


def read(decorator: ast.expr, file: str) -> tuple[dict[str, Any], list[UserError]]:
    """The options that are right, and a mistake for each that is not; `decorator` is `experiment`'s."""
    if not isinstance(decorator, ast.Call):
        hint = "write @experiment(), with its options between the brackets"
        return {}, [UserError("@experiment without brackets", file, decorator.lineno, hint)]
    found: dict[str, Any] = {}
    errors: list[UserError] = []
    for keyword in decorator.keywords:
        line = keyword.value.lineno
        if keyword.arg is None:
            hint = "write each option out: they are read without running the code"
            errors.append(UserError("@experiment takes no **", file, line, hint))
        elif keyword.arg not in _OPTIONS:
            hint = nearest(keyword.arg, _OPTIONS)
            errors.append(UserError(f"unknown option '{keyword.arg}' of @experiment", file, line, hint))
        else:
            value, wrong = _value(keyword.arg, keyword.value)
            if wrong:
                errors.append(UserError(f"'{keyword.arg}' of @experiment must be {wrong[0]}", file, line, wrong[1]))
            else:
                found[keyword.arg] = value
    if decorator.args:
        errors.append(UserError("@experiment takes keywords only", file, decorator.lineno, nearest("", _OPTIONS)))
    return found, errors


def _value(name: str, node: ast.expr) -> tuple[Any, Wrong | None]:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None, ("a literal", "write it out: it is read without running the code")
    return _OPTIONS[name](value)


def _names(value: Any) -> tuple[Any, Wrong | None]:
    if isinstance(value, list | tuple) and all(map(_is_name, value)):
        twice = next((each for place, each in enumerate(value) if each in value[:place]), None)
        return tuple(value), None if twice is None else ("a list of different names", f"{twice!r} stands in it twice")
    hint = f'write ("{value}",), with a comma: brackets alone make no tuple' if isinstance(value, str) else ""
    return None, (f"a tuple or a list of names, not {_described(value)}", hint or 'such as ("error", "loss")')


def _diverged(value: Any) -> tuple[Any, Wrong | None]:
    if value is None:
        return {}, None
    if isinstance(value, dict) and all(map(_is_name, value)):
        odd = next((each for each in value.values() if not _is_number(each)), None)
        if odd is None:
            return {key: float(each) for key, each in value.items()}, None
        return None, (f"a mapping of names to numbers, not to {_described(odd)}", 'such as {"error": 0.9}')
    return None, (f"a mapping of names to numbers, not {_described(value)}", 'such as {"error": 0.9}')


def _batch(value: Any) -> tuple[Any, Wrong | None]:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST:
        return value, None
    return None, (
        f"a whole number from 1 to {_MOST:,}, not {_described(value)}",
        "how many trials are trained together",
    )


def _time_limit(value: Any) -> tuple[Any, Wrong | None]:
    if _is_number(value) and value > 0:
        return float(value), None
    return None, (f"a number of seconds above 0, not {_described(value)}", "")


_OPTIONS: dict[str, Callable[[Any], tuple[Any, Wrong | None]]] = {
    "batch_axes": _names,
    "values": _names,
    "diverged": _diverged,
    "batch": _batch,
    "time_limit": _time_limit,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_name(value: Any) -> bool:
    """Whether it can be stored and shown as the name of something."""
    return isinstance(value, str) and value.isprintable() and bool(value.strip())


def _described(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"the number {value if isinstance(value, float) else _shortened(value)}"
    kinds: dict[type, str] = {list: "a list", tuple: "a tuple", dict: "a mapping", set: "a set"}
    return kinds.get(type(value), repr(value))


def _shortened(value: int) -> str:
    """A whole number as a message has it: Python refuses to print some thousands of digits."""
    return str(value) if abs(value) < 10**20 else "of more than 20 digits"
