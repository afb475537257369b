"""Parameters that another verification of the review chooses: what must hold between the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from verify.errors import nearest
from verify.format.grids import Draft
from verify.format.problems import Problems
from verify.format.selection import chosen, equal, names, shown, values
from verify.model import Choice, Rung


def check(drafts: Sequence[Draft], complete: bool, problems: Problems) -> None:
    """Report every choice that cannot be made; `complete`: whether every fence could be read."""
    known = {draft.id: draft for draft in drafts}
    for draft in drafts:
        for parameter, line in draft.choice_lines.items():
            for mistake in _mistakes(draft, parameter, known, complete):
                problems.add(line, *mistake)
    for draft in drafts:
        _check_cycle(draft, known, problems)


def _mistakes(draft: Draft, parameter: str, known: Mapping[str, Draft], complete: bool) -> list[tuple[str, str]]:
    """The mistakes of one choice at the first scale that has any."""
    found: list[tuple[str, str]] = []
    for rung in draft.rungs.values():
        choice = rung.parameters.get(parameter)
        if found or not isinstance(choice, Choice):
            continue
        source = known.get(choice.verification)
        if source is None and not complete:
            continue
        if source is None:
            found.append((f"no verification is called '{choice.verification}'", nearest(choice.verification, known)))
            continue
        if source.metrics and choice.metric not in source.metrics:
            problem = f"verification '{source.id}' measures no '{choice.metric}'"
            found.append((problem, nearest(choice.metric, source.metrics)))
        if source is not draft and rung.scale in source.rungs:
            found += _at_scale(choice, parameter, rung, source.rungs[rung.scale])
        elif rung.scale not in source.scales:
            problem = f"verification '{source.id}', which chooses '{parameter}', has no scale {rung.scale}"
            found.append((problem, "declare the scale there"))
    return found


def _at_scale(choice: Choice, parameter: str, rung: Rung, source: Rung) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    where = f"of verification '{choice.verification}' at scale {rung.scale}"
    if len(values(source, parameter)) < 2:
        varied = [name for name in names(source) if len(values(source, name)) > 1]
        found.append((f"the grid {where} does not vary '{parameter}'", nearest(parameter, varied)))
    for name in choice.per:
        if name == parameter:
            found.append((f"'{name}' cannot be chosen per '{name}'", "name other parameters"))
        elif name not in names(rung):
            found.append((f"`per` names '{name}', which is not a parameter here", nearest(name, names(rung))))
        elif name not in names(source):
            found.append((f"`per` names '{name}', which is not a parameter {where}", nearest(name, names(source))))
        elif chosen(rung, name) or chosen(source, name):
            found.append((f"`per` names '{name}', which is itself chosen", "name parameters with given values"))
        else:
            offered = values(source, name)
            lacking = [value for value in values(rung, name) if not any(equal(value, option) for option in offered)]
            if lacking:
                problem = f"`per: {name}`: {', '.join(map(shown, lacking))} does not occur in the grid {where}"
                found.append((problem, f"it has {', '.join(map(shown, offered))}"))
    return found


def _check_cycle(draft: Draft, known: Mapping[str, Draft], problems: Problems) -> None:
    """Report a verification that waits for itself."""
    reached: dict[str, None] = {}
    waiting = _sources(draft)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = None
            waiting += _sources(known[name]) if name in known else []
    if draft.id in reached:
        line = min(draft.choice_lines.values())
        problems.add(line, f"verification '{draft.id}' waits for its own choice", "no cycle: " + ", ".join(reached))


def _sources(draft: Draft) -> list[str]:
    choices = (value for rung in draft.rungs.values() for value in rung.parameters.values())
    return [choice.verification for choice in choices if isinstance(choice, Choice)]
