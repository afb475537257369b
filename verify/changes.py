"""What `verify diff` and `verify history` say: claims that are not what they were, and since when and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from textwrap import wrap

from msgspec.structs import replace

from verify.errors import UserError, UserErrors, nearest
from verify.model import SCALES, Verdict
from verify.project.differences import KINDS, Compared, Difference
from verify.project.history import History, Step
from verify.project.named import slug
from verify.site import changes, words

Asked = tuple[str, str]
"""A review and a claim, which is empty where the whole review is meant."""
_WIDTH = 80
"""Columns of a line; what cannot be broken is longer."""
_COUNTED = {
    "verdict": ("{} verdict differs", "{} verdicts differ"),
    "gone": ("{} is gone", "{} are gone"),
    "new": ("{} is new", "{} are new"),
    "test": ("{} is tested otherwise", "{} are tested otherwise"),
    "numbers": ("the numbers of {} moved", "the numbers of {} moved"),
}
"""What differs, of one and of several."""


# Two versions


def compared(found: Compared) -> Iterator[str]:
    """The sum first, then what differs, by review; of each what weighs most first."""
    counts = Counter(each.kind for each in found.differences)
    parts = [_COUNTED[kind][counts[kind] > 1].format(counts[kind]) for kind in KINDS if counts[kind]]
    said = ", ".join(parts) or "nothing differs"
    yield from _wrapped(f"against {found.before}: {said}; {found.same} the same", "")
    for review, group in groupby(found.differences, lambda each: each.review):
        yield review
        for _, alike in groupby(sorted(group, key=_alike), _alike):
            yield from _difference(list(alike))


def _alike(each: Difference) -> tuple[int, int, list[str]]:
    """What a group of differences has in common, in the order in which they are told."""
    return KINDS.index(each.kind), SCALES.index(each.scale), list(map(changes.cause, each.causes))


def _difference(group: Sequence[Difference]) -> Iterator[str]:
    """Claims of one kind that have the same causes, which are told once."""
    for each in group:
        numbers = _numbers(each.before, each.now) if each.before and each.now else ""
        if each.kind == "numbers":
            yield from _wrapped(f"@{each.claim} {each.scale}: {numbers}", "  ")
        else:
            yield from _wrapped(f"@{each.claim} {each.scale}: {_what(each)}", "  ")
            yield from _wrapped(numbers, "    ")
    if len(group) > 1 and group[0].causes:
        yield f"  these {len(group)}:"
    for cause in group[0].causes:
        yield from _wrapped(changes.cause(cause), "    ")


def _what(each: Difference) -> str:
    if each.kind == "new":
        return f"new, {_with_status(each.now)}"
    if each.kind == "gone":
        return f"gone, was {_with_status(each.before)}"
    before, now = (verdict.status if verdict else "no verdict" for verdict in (each.before, each.now))
    return now if before == now else f"{before} → {now}"


def _with_status(verdict: Verdict | None) -> str:
    return " ".join(filter(None, (verdict.status, _measured(verdict)))) if verdict else "no verdict"


def _numbers(before: Verdict, now: Verdict) -> str:
    """Both estimates with their intervals, with as many digits as tell them apart; else those of the control."""
    for measured in (partial(_measured, digits=3), _control, partial(_measured, digits=6)):
        was, becomes = measured(before), measured(now)
        if was != becomes:
            return f"{was or 'no estimate'} → {becomes or 'no estimate'}"
    return ""


def _measured(verdict: Verdict, digits: int = 3) -> str:
    passed = "" if verdict.passed is None else f"{verdict.passed} of {verdict.trials} trials"
    if verdict.estimate is None:
        return passed
    said = f"{passed}, worst {verdict.estimate:.{digits}g}" if passed else f"{verdict.estimate:.{digits}g}"
    return said + _interval(verdict.low, verdict.high, digits)


def _control(verdict: Verdict) -> str:
    if verdict.control is None:
        return "no control"
    return f"control {verdict.control:.6g}" + _interval(verdict.control_low, verdict.control_high, 6)


def _interval(low: float | None, high: float | None, digits: int) -> str:
    return "" if low is None or high is None else f" [{low:.{digits}g}, {high:.{digits}g}]"


# Their history


def history(found: History, asked: Collection[Asked]) -> Iterator[str]:
    """Per claim and scale its steps in the order of time: of claims that are asked for all, of others the changes.

    Args:
        found: what the repository tells of what is asked for.
        asked: as of `wanted`.
    """
    of = {_place(step) for step in found.steps}
    flipped = {_place(step) for step in found.steps if step.changed}
    count = sum(step.changed for step in found.steps)
    since = f" since {found.steps[0].day}" if found.steps else ""
    yield f"{words.count(count, 'verdict')} changed{since}; {len(of) - len(flipped)} of {len(of)} never did"
    for place, group in groupby(sorted(found.steps, key=_place), _place):
        steps = list(group)
        whole = place[:2] in asked
        if whole or place in flipped:
            yield f"{place[0]}@{place[1]} {place[2]}"
            for step in steps:
                if whole or step.changed or step is steps[0]:
                    yield from _step(step)


def of(found: History, asked: Collection[Asked]) -> History:
    """The history of what is asked for; all of it where nothing is."""
    steps = (step for step in found.steps if not asked or {(step.review, ""), (step.review, step.claim)} & {*asked})
    return replace(found, steps=tuple(steps))


def _place(step: Step) -> tuple[str, str, str]:
    return step.review, step.claim, step.scale


def wanted(found: History, names: Sequence[str], reviews: Iterable[str]) -> set[Asked]:
    """What is asked for.

    Args:
        found: what the repository tells.
        names: `review` or `review@claim`.
        reviews: those there are now, whether or not anything is known of them.

    Raises:
        UserErrors: names that nothing has or had.
    """
    claims: dict[str, set[str]] = {review: set() for review in reviews}
    for step in found.steps:
        claims.setdefault(step.review, set()).add(step.claim)
    asked, errors = set[Asked](), []
    for name in names:
        review, _, claim = name.partition("@")
        review = slug(review)
        if review not in claims:
            errors.append(UserError(f"there is and was no review '{review}'", hint=nearest(review, claims)))
        elif claim and claim not in claims[review]:
            message = f"no verdict of a claim '{claim}' of '{review}' has been committed"
            errors.append(UserError(message, hint=nearest(claim, claims[review])))
        asked.add((review, claim))
    if errors:
        raise UserErrors(errors)
    return asked


def _step(step: Step) -> Iterator[str]:
    """A line for what became of the verdict, and below it numbers and causes."""
    head = f"  {step.day}  {step.commit[:7]}  "
    indent = " " * 4
    if step.before is None:
        if step.now is not None:
            seeds = f", {words.count(step.now.seeds, 'seed')}" if step.now.seeds else ""
            yield f"{head}published: {step.now.status}{seeds}"
            yield from _wrapped(_measured(step.now), indent)
        return
    if step.now is None:
        yield from _wrapped(f"{head}withdrawn, was {_with_status(step.before)}", "", indent)
        return
    same = step.before.status == step.now.status
    said = f"{step.now.status}, numbers moved" if same else f"{step.before.status} → {step.now.status}"
    yield from _wrapped(head + said, "", indent)
    yield from _wrapped(_numbers(step.before, step.now), indent)
    for why in changes.why(step):
        yield from _wrapped(why, indent)


def _wrapped(text: str, indent: str, further: str = "") -> list[str]:
    return wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=further or f"{indent}  ", break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
