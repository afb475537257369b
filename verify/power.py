"""What `verify power` says: of each claim, what its looks could decide and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from textwrap import wrap

from verify.judging.judge import POWER
from verify.judging.power import LookPower
from verify.model import Claim
from verify.running.foreseen import Foreseen
from verify.running.progress import duration
from verify.site.words import count, criterion, number

_WIDTH = 80
_HEADER = ("look", "seeds", "supports", "contradicts", "chance", "takes")


def told(found: Iterable[Foreseen], claims: dict[tuple[str, str], Claim]) -> Iterator[str]:
    """A few lines for each claim; `claims` by review and id."""
    found = list(found)
    for (slug, scale), group in groupby(found, lambda each: (each.review, each.scale)):
        yield f"{slug} at {scale}"
        for each in group:
            yield from _claim(each, claims[slug, each.claim])
    if any(each.power.looks for each in found):
        yield from _legend()


def _claim(each: Foreseen, claim: Claim) -> Iterator[str]:
    known = each.power
    wanted = claim.test.criterion
    asks = criterion(wanted)
    if wanted.rate is not None:
        asks = f"in at least {number(100 * wanted.rate)} % of seeds, {asks}"
    if known.estimate is None:
        basis = ""
    else:
        spread = "" if known.spread is None else f", spread {number(known.spread)}"
        basis = f"; now {number(known.estimate)}{spread} over {count(known.seeds, 'seed')} ({each.source})"
    yield from _wrapped(f"  @{each.claim}: {asks}{basis}", "    ")
    if known.untold:
        yield from _wrapped(f"    not told: {known.untold}", "      ")
        yield from _wrapped(f"    {_costs(each)}", "      ")
        return
    rows = [_HEADER] + [
        (str(place), *_row(look), _takes(seconds))
        for place, (look, seconds) in enumerate(zip(known.looks, each.seconds, strict=True), 1)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    for row in rows:
        yield "    " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    yield from _wrapped(f"    {_outlook(each)}", "      ")


def _row(look: LookPower) -> tuple[str, str, str, str]:
    chance = "–" if look.chance is None else _percent(look.chance)
    return str(look.seeds), _distance(look.supports), _distance(look.contradicts), chance


def _distance(value: float | None) -> str:
    return "none" if value is None else number(value)


def _percent(chance: float) -> str:
    if chance > 0.99:
        return "> 99 %"
    return "< 1 %" if chance < 0.01 else f"{100 * chance:.0f} %"


def _takes(seconds: float | None) -> str:
    return "unknown" if seconds is None else duration(seconds)


def _costs(each: Foreseen) -> str:
    """What the looks take, where there is no table."""
    first, *others = zip(each.looks, each.seconds, strict=True)
    parts = [f"{count(first[0], 'seed')}: {_takes(first[1])}"]
    parts += [f"on to {seeds}: {_takes(seconds)} more" for seeds, seconds in others]
    return ", ".join(parts)


def _outlook(each: Foreseen) -> str:
    """What becomes of it if the estimate is the truth."""
    known = each.power
    if known.toward is None:
        return "the estimate sits on the bound: no number of seeds need decide it"
    if known.decided is None:
        return f"{known.toward} at no look with a chance of {100 * POWER:.0f} %"
    look = known.looks[known.decided - 1]
    return f"{known.toward} by look {known.decided}, {count(look.seeds, 'seed')}"


def _legend() -> Iterator[str]:
    """What the columns mean."""
    chance = f"{100 * POWER:.0f} %"
    text = (
        "supports, contradicts: the smallest distance of the truth from the bound, in the metric's own numbers, that "
        f"the look decides with a chance of {chance}. chance: that it decides if the estimate is the truth. "
        "takes: the time for the look's own trials."
    )
    yield from _wrapped(text, "")


def _wrapped(text: str, indent: str) -> list[str]:
    return wrap(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
