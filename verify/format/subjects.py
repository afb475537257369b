"""Fields of figures and claims that name parameters, values and metrics of their verification."""

from __future__ import annotations

from verify.errors import nearest
from verify.format import fields
from verify.format.fields import Converter
from verify.format.grids import Draft
from verify.format.problems import Problems
from verify.format.selection import chosen, mistake, names, selects, spelled, values
from verify.format.yaml12 import Node, Table
from verify.model import Scalar, Where

_where: Converter[Where] = fields.mapping(fields.scalar, "parameters to values")


def metric(draft: Draft) -> Converter[str]:
    """A name of what the experiment returns."""

    def convert(node: Node, name: str, problems: Problems) -> str | None:
        value = fields.text(node, name, problems)
        if value is not None and draft.metrics and value not in draft.metrics:
            problem = f"experiment {draft.experiment_name} returns no '{value}'"
            problems.add(node.line, problem, nearest(value, draft.metrics))
            return None
        return value

    return convert


def parameter(draft: Draft) -> Converter[str]:
    """A parameter that is set at every scale."""

    def convert(node: Node, name: str, problems: Problems) -> str | None:
        value = fields.text(node, name, problems)
        known = set[str]().union(*map(names, draft.rungs.values()))
        if value is None or all(value in names(rung) for rung in draft.rungs.values()):
            return value
        problem = f"'{value}' is not a parameter of this verification"
        hint = nearest(value, known)
        if value in known:
            problem, hint = f"'{value}' is not set at every scale", "set it in the grid or the parameters of each"
        problems.add(node.line, problem, hint)
        return None

    return convert


def channel(draft: Draft) -> Converter[str]:
    """What an axis or a colour shows: a parameter, or something the experiment returns."""
    as_parameter, as_metric = parameter(draft), metric(draft)

    def convert(node: Node, name: str, problems: Problems) -> str | None:
        value = fields.text(node, name, problems)
        known = set[str]().union(*map(names, draft.rungs.values()))
        if value in known:
            return as_parameter(node, name, problems)
        if value is not None and draft.metrics and value not in draft.metrics and draft.rungs:
            problem = f"'{value}' is neither a parameter of this verification nor returned by its experiment"
            problems.add(node.line, problem, nearest(value, known.union(draft.metrics)))
            return None
        return as_metric(node, name, problems) if draft.rungs else value

    return convert


def where(draft: Draft) -> Converter[Where]:
    """Parameter values that select at least one trial at every scale."""

    def convert(node: Node, name: str, problems: Problems) -> Where | None:
        before = len(problems.found)
        found = _where(node, name, problems)
        if found is None or not isinstance(node, Table):
            return None
        if not found:
            problems.add(node.line, f"`{name}` selects nothing in particular", "name a parameter and its value")
        for key, value in found.items():
            if draft.rungs and (wrong := mistake(draft.rungs, key, value)):
                problems.add(node.entries[key].line, *wrong)
        if len(problems.found) == before:
            check_together(draft, found, node.line, problems)
        return found if len(problems.found) == before else None

    return convert


def check_together(draft: Draft, selection: Where, line: int, problems: Problems) -> bool:
    """Report a selection whose values all occur, but never in one trial."""
    for scale, rung in draft.rungs.items():
        if not selects(rung, selection):
            hint = "each value occurs, but not in one grid"
            problems.add(line, f"no trial at scale {scale} has {spelled(selection)}", hint)
            return False
    return True


def numbers(draft: Draft, name: str, selection: Where, wanted: str) -> str:
    """Why parameter `name` is no numeric axis among the selected trials at some scale; empty where it is one.

    `wanted` is what needs it: the start of the message.
    """
    for scale, rung in draft.rungs.items():
        if chosen(rung, name):
            return f"{wanted} a given parameter, and '{name}' is chosen by another verification"
        texts = [value for value in values(rung, name, selection) if not _is_number(value)]
        if texts:
            return f"{wanted} numbers, and '{name}' is {texts[0]!r} at scale {scale}"
    return ""


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
