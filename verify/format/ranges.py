"""Ranges that numbers must lie in: `at_least`, `at_most` or `within`."""

from __future__ import annotations

from verify.format import fields
from verify.format.fields import Converter, Field, optional
from verify.format.problems import Problems
from verify.format.yaml12 import Items, Node
from verify.model import Criterion

BOUNDS = ("at_most", "at_least", "within")


def bounds() -> dict[str, Field]:
    """The keys of which a range has one."""
    return {"at_most": optional(_at_most), "at_least": optional(_at_least), "within": optional(_within)}


def read(node: Node, name: str, problems: Problems) -> Criterion | None:
    """A mapping with exactly one bound."""
    found = fields.record(node, f"`{name}`", bounds(), problems)
    return None if found is None else only(found, name, node.line, problems)


def only(found: dict[str, Criterion | None], name: str, line: int, problems: Problems) -> Criterion | None:
    """The one bound that was given."""
    given = [criterion for criterion in found.values() if criterion is not None]
    if len(given) == 1:
        return given[0]
    problems.add(line, f"`{name}` needs exactly one bound", f"one of {', '.join(BOUNDS)}")
    return None


read_each: Converter[dict[str, Criterion]] = fields.mapping(read, "metrics to ranges")
"""Metrics to ranges, each a mapping with exactly one bound."""


def span(node: Node, name: str, problems: Problems) -> tuple[float, float] | None:
    """A list of two numbers, the smaller first."""
    if not isinstance(node, Items) or len(node.nodes) != 2:
        fields.expected(node, name, "a list of two numbers", problems, "such as [-0.01, 0.01]")
        return None
    low, high = (fields.number(item, name, problems) for item in node.nodes)
    if low is None or high is None:
        return None
    if low >= high:
        problems.add(node.line, f"`{name}` is empty: {low:g} is not below {high:g}", "the lower bound comes first")
        return None
    return low, high


def _at_most(node: Node, name: str, problems: Problems) -> Criterion | None:
    value = fields.number(node, name, problems)
    return None if value is None else Criterion(high=value)


def _at_least(node: Node, name: str, problems: Problems) -> Criterion | None:
    value = fields.number(node, name, problems)
    return None if value is None else Criterion(low=value)


def _within(node: Node, name: str, problems: Problems) -> Criterion | None:
    found = span(node, name, problems)
    return None if found is None else Criterion(*found)
