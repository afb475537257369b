"""What `verify verdicts` says: of each claim the verdict that this machine reached, beside the published one."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from textwrap import wrap

from verify.model import SCALES, Scale, Verdict
from verify.running.reached import Reached
from verify.site.words import estimated, survival
from verify.terms import Quantity

_REACHED = ("agrees", "differs")
_WIDTH = 80
"""Columns of what is no terminal: a log, a pipe, a page that quotes it."""


def table(found: Sequence[Reached], width: int | None = None) -> Iterator[str]:
    """A line for each claim that was run here, and one for each review and scale of which nothing was.

    Args:
        found: claims in the order in which they are told.
        width: columns a line may have; None: those of the terminal, 80 elsewhere.
    """
    width = width or _columns()
    for slug, group in groupby(found, lambda each: each.review):
        of_review = list(group)
        for scale in _scales(of_review):
            yield from _section(slug, scale, [each for each in of_review if each.scale == scale], width)
        unrun = [each for each in of_review if _is_plain(each)]
        if unrun:
            yield f"{slug}: {_claims(unrun)} at {_and(_scales_of(unrun))} not run here"


def _is_plain(each: Reached) -> bool:
    return each.word == "not run here" and not each.why


def _scales_of(found: Iterable[Reached]) -> list[Scale]:
    present = {each.scale for each in found}
    return [scale for scale in SCALES if scale in present]


def _scales(found: Iterable[Reached]) -> list[Scale]:
    return _scales_of(each for each in found if not _is_plain(each))


def _claims(found: Sequence[Reached]) -> str:
    count = len({each.claim for each in found})
    return f"{count} claim{'s' * (count != 1)}"


def _section(slug: str, scale: Scale, found: Sequence[Reached], width: int) -> Iterator[str]:
    told = [each for each in found if not _is_plain(each)]
    rows = [(f"@{each.claim}", _word(each), *_numbers(each.here, each.shown)) for each in told]
    words, statuses, numbers = (max(len(row[column]) for row in rows) for column in (1, 2, 3))
    most = max(12, width - (2 + 2 + words + 2 + statuses + 2 + numbers))
    names = max((len(row[0]) for row in rows if len(row[0]) <= most), default=most)
    yield f"{slug} at {scale}"
    for each, (name, word, status, number) in zip(told, rows, strict=True):
        if len(name) > names:  # it stands on a line of its own, and the others stay narrow
            yield f"  {name}"
            name = ""
        yield f"  {name:{names}}  {word:{words}}  {status:{statuses}}  {number}".rstrip()
        if each.word == "differs" and each.published is not None:
            yield f"  {'':{names}}  {'':{words}}  published: {each.published.status}"
        if each.here is not None and (survives := survival(each.here, each.varied, each.shown)):
            yield from wrap(survives, width, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)
    for why, count in Counter(each.why for each in told if each.why).items():
        yield f"  {count} claim{'s' * (count != 1)}: {why}"


def _word(each: Reached) -> str:
    return each.word.upper() if each.word == "differs" else each.word


def _numbers(verdict: Verdict | None, shown: Quantity) -> tuple[str, str]:
    """Status, and estimate with interval."""
    return ("", "") if verdict is None else (verdict.status, estimated(verdict, shown))


def total(found: Sequence[Reached], instead: str = "") -> Iterator[str]:
    """What it comes to: only what was reached here is counted, at the scales that ran.

    Args:
        found: all claims.
        instead: why the verdicts of the evidence folder stand for those of the last commit; empty where they do not.
    """
    if instead:
        yield f"published: docs/evidence as it stands ({instead})"
    counts = Counter(each.word for each in found)
    reached = [each for each in found if each.word in _REACHED]
    if reached:
        whole = f"{counts['agrees']} of {len(reached)} verdicts reached here at {_and(_scales_of(reached))} agree"
        parts = [f"{whole} with the published ones"]
    elif counts["not published"]:
        parts = []
    else:
        parts = ["0 verdicts were reached here: run `verify run`"]
    parts += _rest(found, "not published", "reached here", ("is", "are"))
    parts += _rest(found, "stale here", "", ("is", "are"))
    if reached or counts["not published"]:
        parts += _rest(found, "not run here", "", ("was", "were"))
    yield "; ".join(parts)


def _rest(found: Iterable[Reached], word: str, which: str, verbs: tuple[str, str]) -> Iterator[str]:
    of_word = [each for each in found if each.word == word]
    for scale in _scales_of(of_word):
        count = sum(each.scale == scale for each in of_word)
        yield " ".join(filter(None, (str(count), which, f"at {scale}", verbs[count > 1], word)))


def _and(scales: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(scales[:-1]), *scales[-1:])))


def _columns() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
