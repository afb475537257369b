"""The tests that a review declares, whatever else is wrong with it: for texts of before, whose code is not at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping

from verify.errors import UserError
from verify.format import claims, fences, frontmatter, grids
from verify.format.problems import Problems
from verify.format.yaml12 import read
from verify.judging.changes import Asked
from verify.model import Rung, Scalar, Scale

_ANY = grids.Known({}, complete=False, unlike=lambda _: None)
"""No experiment is known, so none is missed."""


def declared(path: str, text: str) -> tuple[dict[tuple[str, Scale], Asked], list[UserError]]:
    """Per claim and scale its test, and the mistakes that keep some of them from being read.

    Args:
        path: what mistakes call the file.
        text: the whole file; line endings of any kind.
    """
    problems = Problems(path)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    blanked, _ = frontmatter.without_toml(text, problems)
    found: dict[tuple[str, Scale], Asked] = {}
    for fence in fences.split(blanked, problems).fences:
        node = read(fence.content, fence.line + 1, problems) if fence.language == "yaml" else None
        draft = None if node is None else grids.read(node, fence.line, fence.end_line, _ANY, problems)
        if draft is None:
            continue
        for claim in claims.read_all(draft, problems):
            for scale, rung in draft.rungs.items():
                asked = Asked(draft.id, claim.test, rung.seeds, claim.control, _parameters(rung))
                found.setdefault((claim.id, scale), asked)
    return found, problems.in_order()


def _parameters(rung: Rung) -> dict[str, str]:
    """Each parameter with all values it has at the scale."""
    values: dict[str, list[Scalar]] = {}
    for grid in rung.grids:
        for name, given in grid.items():
            values.setdefault(name, []).extend(given)
    chosen = {name: value for name, value in rung.parameters.items() if not isinstance(value, Scalar)}
    fixed = {name: [value] for name, value in rung.parameters.items() if isinstance(value, Scalar)}
    words = {name: f"chosen by {choice.verification}" for name, choice in chosen.items()}
    return words | spelled({**fixed, **values})


def spelled(values: Mapping[str, list[Scalar]]) -> dict[str, str]:
    """Parameters' values in words, in a fixed order."""
    return {
        name: ", ".join(each if isinstance(each, str) else json.dumps(each) for each in _in_order(given))
        for name, given in values.items()
    }


def _in_order(values: list[Scalar]) -> list[Scalar]:
    """Numbers first, each value once."""
    once = dict.fromkeys(values)
    return [*sorted(each for each in once if not isinstance(each, str)), *sorted(e for e in once if isinstance(e, str))]
