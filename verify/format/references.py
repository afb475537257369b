"""Whether what the prose names is declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from verify.errors import nearest
from verify.format.grids import Draft
from verify.format.inline import Binding, Inline, Reference
from verify.format.problems import Problems
from verify.format.selection import mistake, selects, spelled


def check(
    items: Sequence[Inline],
    drafts: Mapping[str, Draft],
    owners: Mapping[str, Draft],
    complete: bool,
    problems: Problems,
) -> None:
    """Report every item that names something undeclared.

    `drafts` by id; `owners`: the draft that declares each claim's id, whether or not the claim could be read;
    `complete`: whether every fence could be read, so that an unknown name is a mistake.
    """
    for item in items:
        if isinstance(item, Binding):
            if item.verification in drafts:
                _check_binding(item, drafts[item.verification], problems)
            elif complete:
                problem = f"no verification is called '{item.verification}'"
                problems.add(item.line, problem, nearest(item.verification, drafts))
        elif item.claim in owners:
            _declares(owners[item.claim], item, problems)
        elif complete:
            hint = nearest(item.claim, owners)
            if isinstance(item, Reference):
                hint += rf" (write \[@{item.claim}] for the text itself)"
            problems.add(item.line, f"no claim is called '{item.claim}'", hint)


def _check_binding(item: Binding, draft: Draft, problems: Problems) -> None:
    if draft.metrics and item.metric not in draft.metrics:
        problem = f"verification '{draft.id}' measures no '{item.metric}'"
        problems.add(item.line, problem, nearest(item.metric, draft.metrics))
    if not _declares(draft, item, problems):
        return
    scale = item.scale or draft.scales[0]
    rungs = {name: rung for name, rung in draft.rungs.items() if name == scale}
    if not rungs:  # it holds a mistake that is reported already
        return
    mistakes = [wrong for key, value in item.where.items() if (wrong := mistake(rungs, key, value))]
    for wrong in mistakes:
        problems.add(item.line, *wrong)
    if not mistakes and not selects(rungs[scale], item.where):
        problem = f"no trial at scale {scale} has {spelled(item.where)}"
        problems.add(item.line, problem, "each value occurs, but not in one grid")


def _declares(draft: Draft, item: Inline, problems: Problems) -> bool:
    """Whether the draft declares the scale; False also where it declares none, which is reported already."""
    if item.scale is not None and draft.scales and item.scale not in draft.scales:
        problem = f"verification '{draft.id}' declares no scale {item.scale}"
        problems.add(item.line, problem, f"it declares {', '.join(draft.scales)}")
        return False
    return bool(draft.scales)
