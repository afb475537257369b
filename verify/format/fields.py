"""Typed fields of the format: converters from YAML nodes that report what is wrong and go on.

A converter takes a node, the name the node goes by in messages, and the collector of mistakes; it returns the value,
or None once it has reported why there is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any, TypeVar

from msgspec import Struct

from verify.errors import nearest
from verify.format.problems import Problems
from verify.format.yaml12 import Items, Leaf, Node, Table
from verify.model import Scalar

T = TypeVar("T")
Converter = Callable[[Node, str, Problems], T | None]

IDENTIFIER = re.compile(r"[a-z][a-z0-9-]*")
_URL = re.compile(r"https?://[^\s/?#<>\"]+[^\s<>\"]*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Field(Struct, frozen=True):
    """How one key of a mapping is read."""

    convert: Converter[Any]
    required: bool = False
    default: Any = None


def required(convert: Converter[Any]) -> Field:
    """A key that must be there."""
    return Field(convert, required=True)


def optional(convert: Converter[Any], default: Any = None) -> Field:
    """A key that may be left out; `default` stands for it then."""
    return Field(convert, default=default)


def describe(node: Node) -> str:
    """The node in the words of a message."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Table):
        return "a mapping"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return node.text
    return f"the text '{node.text}'" if isinstance(node.value, str) else f"the number {node.text}"


def expected(node: Node, name: str, wanted: str, problems: Problems, hint: str = "") -> None:
    """Report that the node is not what is wanted."""
    problems.add(node.line, f"`{name}` must be {wanted}, not {describe(node)}", hint)


def text(node: Node, name: str, problems: Problems) -> str | None:
    """A text as it is written; a number or a word like `true` is taken literally."""
    if isinstance(node, Leaf) and node.value is not None and node.text.strip():
        return node.text
    expected(node, name, "a text", problems)
    return None


def identifier(node: Node, name: str, problems: Problems) -> str | None:
    """A name that can stand in addresses and file names."""
    if isinstance(node, Leaf) and IDENTIFIER.fullmatch(node.text):
        return node.text
    hint = "lower-case letters, digits and hyphens, a letter first"
    expected(node, name, "a short name", problems, hint)
    return None


def number(node: Node, name: str, problems: Problems) -> float | None:
    """An integer or a float; true and false are not numbers."""
    if isinstance(node, Leaf) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    expected(node, name, "a number", problems)
    return None


def positive(node: Node, name: str, problems: Problems) -> float | None:
    """A number above 0."""
    value = number(node, name, problems)
    if value is not None and value <= 0:
        expected(node, name, "above 0", problems)
        return None
    return value


def integer(minimum: int, maximum: int | None = None) -> Converter[int]:
    """An integer within bounds, both included."""
    wanted = f"an integer of at least {minimum}" if maximum is None else f"an integer from {minimum} to {maximum}"

    def convert(node: Node, name: str, problems: Problems) -> int | None:
        value = node.value if isinstance(node, Leaf) else None
        most = math.inf if maximum is None else maximum
        if isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= most:
            return value
        expected(node, name, wanted, problems)
        return None

    return convert


def boolean(node: Node, name: str, problems: Problems) -> bool | None:
    """`true` or `false`."""
    if isinstance(node, Leaf) and isinstance(node.value, bool):
        return node.value
    expected(node, name, "true or false", problems)
    return None


def scalar(node: Node, name: str, problems: Problems) -> Scalar | None:
    """A text, a number, true or false."""
    if isinstance(node, Leaf) and node.value is not None:
        return node.value
    expected(node, name, "a text, a number, true or false", problems)
    return None


def url(node: Node, name: str, problems: Problems) -> str | None:
    """An address on the web."""
    if isinstance(node, Leaf) and _URL.fullmatch(node.text):
        return node.text
    expected(node, name, "an address that starts with https:// or http://", problems)
    return None


def day(node: Node, name: str, problems: Problems) -> str | None:
    """A date of the calendar, YYYY-MM-DD."""
    if isinstance(node, Leaf) and _DATE.fullmatch(node.text):
        try:
            return date.fromisoformat(node.text).isoformat()
        except ValueError:  # such as 2026-02-30
            pass
    expected(node, name, "a date", problems, "such as 2026-11-23")
    return None


def one_of(known: Collection[str]) -> Converter[str]:
    """One of the known words."""

    def convert(node: Node, name: str, problems: Problems) -> str | None:
        if isinstance(node, Leaf) and node.text in known:
            return node.text
        near = nearest(node.text, known) if isinstance(node, Leaf) else ""
        expected(node, name, f"one of {', '.join(known)}", problems, near if near.startswith("did") else "")
        return None

    return convert


def matching(pattern: str, wanted: str, hint: str = "") -> Converter[str]:
    """A text of one form, taken as it is written (so that 1706.10 stays 1706.10)."""
    compiled = re.compile(pattern)

    def convert(node: Node, name: str, problems: Problems) -> str | None:
        if isinstance(node, Leaf) and compiled.fullmatch(node.text):
            return node.text
        expected(node, name, wanted, problems, hint)
        return None

    return convert


def listing(convert: Converter[T], of: str, length: int | None = None) -> Converter[tuple[T, ...]]:
    """A list without repetition, of exactly `length` items or of at least one."""
    wanted = f"a list of {of}" if length is None else f"a list of {length} {of}"

    def convert_all(node: Node, name: str, problems: Problems) -> tuple[T, ...] | None:
        if not isinstance(node, Items):
            hint = f"write [{node.text}]" if isinstance(node, Leaf) and node.text and length is None else ""
            expected(node, name, wanted, problems, hint)
            return None
        if not node.nodes or length not in (None, len(node.nodes)):
            problems.add(node.line, f"`{name}` must be {wanted}, not a list of {len(node.nodes)}")
            return None
        values: dict[Any, T] = {}
        for item in node.nodes:
            value = convert(item, name, problems)
            key = frozenset(value.items()) if isinstance(value, dict) else value
            if value is not None and key in values:
                problems.add(item.line, f"`{name}` has {item.text if isinstance(item, Leaf) else 'the same'} twice")
            elif value is not None:
                values[key] = value
        return tuple(values.values()) if len(values) == len(node.nodes) else None

    return convert_all


def each(convert: Converter[T], of: str) -> Converter[tuple[T, ...]]:
    """A list of mappings; a bad one is reported and left out, so that the others are still used."""

    def convert_all(node: Node, name: str, problems: Problems) -> tuple[T, ...] | None:
        if not isinstance(node, Items):
            expected(node, name, f"a list of {of}", problems, "start each item with `- `")
            return None
        values = (convert(item, name, problems) for item in node.nodes)
        return tuple(value for value in values if value is not None)

    return convert_all


def mapping(convert: Converter[T], of: str) -> Converter[dict[str, T]]:
    """A mapping from any names."""

    def convert_all(node: Node, name: str, problems: Problems) -> dict[str, T] | None:
        if not isinstance(node, Table):
            expected(node, name, f"a mapping of {of}", problems)
            return None
        values = {key: convert(entry.node, key, problems) for key, entry in node.entries.items()}
        complete = {key: value for key, value in values.items() if value is not None}
        return complete if len(complete) == len(values) else None

    return convert_all


def anything(node: Node, _name: str, _problems: Problems) -> Node:
    """The node itself, for a later step."""
    return node


def loose(node: Node, what: str, fields: Mapping[str, Field], problems: Problems) -> dict[str, Any] | None:
    """A mapping with known keys: every value that could be read, None for the others; None where it is no mapping."""
    table = Table({}, node.line) if isinstance(node, Leaf) and node.value is None else node
    if not isinstance(table, Table):
        problems.add(node.line, f"{what} must be a mapping of keys to values, not {describe(node)}")
        return None
    for key, entry in table.entries.items():
        if key not in fields:
            problems.add(entry.line, f"{what} has no key '{key}'", nearest(key, fields))
    return {name: _value(table, name, field, what, problems) for name, field in fields.items()}


def record(node: Node, what: str, fields: Mapping[str, Field], problems: Problems) -> dict[str, Any] | None:
    """A mapping with known keys: all values, defaults included; None where anything in it is missing or wrong."""
    before = len(problems.found)
    values = loose(node, what, fields, problems)
    return values if len(problems.found) == before else None


def _value(table: Table, name: str, field: Field, what: str, problems: Problems) -> Any:
    if name in table.entries:
        return field.convert(table.entries[name].node, name, problems)
    if field.required:
        problems.add(table.line, f"{what} needs the key '{name}'")
    return field.default
