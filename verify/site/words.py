"""What readers are told in words: verdicts, numbers, durations, and what a test asks."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from verify import terms as spoken
from verify.judging import robust
from verify.judging.judge import wanted
from verify.judging.registered import Standing
from verify.judging.robust import Varied
from verify.model import Chosen, Claim, Criterion, Scalar, Status, Terms, Test, Verdict, Where
from verify.running.witness import Difference, cells
from verify.terms import PLAIN, POINTS, Quantity

if TYPE_CHECKING:
    from verify.judging.combined import Summary  # scipy


class Badge(Struct, frozen=True):
    """How a status is shown: never by its colour alone."""

    icon: str
    style: str
    """The suffix of its CSS class."""
    means: str


BADGES: dict[Status, Badge] = {
    "supported": Badge("✓", "supported", "the evidence meets the criterion"),
    "contradicted": Badge("✕", "contradicted", "the evidence lies on the other side of the criterion"),
    "inconclusive": Badge("?", "inconclusive", "the evidence does not decide"),
    "not run": Badge("–", "not-run", "there is no evidence yet"),
    "failed": Badge("!", "failed", "a trial crashed, hung or diverged where it may not"),
}


_NONE = Terms()
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_BOUNDS = re.compile(
    r"\b(?P<side>within|outside|at least|at most|above|below|includes) "
    rf"(?P<first>{_NUMBER})(?:(?P<joint> to | and )(?P<second>{_NUMBER}))?"
)
"""The bounds of a criterion in a verdict's reason."""


def number(value: float | None, digits: int = 3) -> str:
    """A number for reading: three significant digits, a true minus sign, no exponent from 0.0001 to a million."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    size = abs(value)
    if 1e-4 <= size < 1e6:
        decimals = max(0, digits - 1 - math.floor(math.log10(size)))
        text = f"{value:.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{value:.{digits}g}"
    return text.replace("-", "−")


def quantity(value: float | None, shown: Quantity, digits: int = 3) -> str:
    """A number for reading, in its unit."""
    if value is None:
        return number(value)
    return with_unit(number(shown.factor * value, digits), shown)


def with_unit(text: str, shown: Quantity) -> str:
    """A number that is written already, and its unit on the same line; `1 point`."""
    unit = shown.unit
    if unit.startswith(POINTS) and text.lstrip("−") == "1":
        unit = POINTS[:-1] + unit.removeprefix(POINTS)
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


def scalar(value: Scalar) -> str:
    """A parameter's or a reported value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value, 6) if isinstance(value, (int, float)) else value


def duration(seconds: float) -> str:
    """Seconds as a reader says them."""
    if seconds < 1:
        return f"{number(seconds, 2)} s"
    if seconds < 60:
        return f"{number(seconds, 2)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def count(value: int, noun: str, plural: str = "") -> str:
    """`1 trial`, `2 trials`, `1,000 trials`; `plural` where it does not end in a mere `s`."""
    return f"{value:,} {noun}" if value == 1 else f"{value:,} {plural or noun + 's'}"


def beside(shared: int, differences: Sequence[Difference]) -> str:
    """Whether trials that a laboratory ran with the project's own seeds gave the same values."""
    if not differences:
        return f"with the same seeds, {count(shared, 'trial')} gave the same values, to the last digit that is kept"
    here, there, what = cells(differences[0])
    trials = len({each.fingerprint for each in differences})
    apart = f"with the same seeds, {trials} of {count(shared, 'trial')} gave other values"
    return f"{apart}, first {what}: {here} there, {there} in this project"


def where(conditions: Mapping[str, Scalar], terms: Terms = _NONE) -> str:
    """Parameter values that select trials."""
    return ", ".join(_equation(name, value, terms) for name, value in conditions.items())


def _equation(name: str, value: Scalar, terms: Terms) -> str:
    return f"{spoken.parameter(terms, name)} = {spoken.named(terms, name, value) or scalar(value)}"


def _arm(conditions: Mapping[str, Scalar], terms: Terms) -> str:
    """The same of trials that are held against others: there a value that has a name speaks for itself."""
    found = (spoken.named(terms, name, value) or _equation(name, value, terms) for name, value in conditions.items())
    return ", ".join(found)


def criterion(bounds: Criterion, shown: Quantity = PLAIN) -> str:
    """What the statistic must meet."""
    if bounds.low is not None and bounds.high is not None:
        return f"within {number(shown.factor * bounds.low, 12)} to {quantity(bounds.high, shown, 12)}"
    if bounds.low is not None:
        return f"at least {quantity(bounds.low, shown, 12)}"
    return f"at most {quantity(bounds.high, shown, 12)}"


def asks(test: Test, terms: Terms = _NONE) -> str:
    """The test of a claim as one clause: statistic, trials, criterion."""
    metric = spoken.metric(terms, test.metric)
    subject = "every single trial" if test.criterion.every and test.statistic == "mean" else _statistic(test, terms)
    if test.criterion.every and test.statistic != "mean":
        subject = f"in every seed, the {subject}"
    elif test.criterion.every:
        subject = f"{metric} in {subject}"
    given = f", where {where(test.where, terms)}" if test.where else ""
    rate = test.criterion.rate
    often = "" if rate is None else f", in at least {number(100 * rate)} % of seeds"
    tails = ", by an interval for heavy tails" if test.heavy_tails else ""
    bounds = criterion(test.criterion, spoken.of_statistic(test, terms))
    return f"{subject}{given}: {bounds}{often}{tails}"


def _statistic(test: Test, terms: Terms) -> str:
    minus, over = _arms(test.arms, " minus ", terms), _arms(test.arms, " over ", terms)
    metric, along = spoken.metric(terms, test.metric), spoken.parameter(terms, test.along or "")
    per = f"per decade of {along}" if test.log else f"over {along}"
    statistics = {
        "mean": f"mean {metric}",
        "difference": f"difference of {metric}{minus}",
        "log_ratio": f"log ratio of {metric}{over}",
        "slope": f"slope of {metric} {per}{minus}",
        "interaction": f"interaction: {_effects(test, metric, per, terms)}{minus}",
        "holdout_error": f"error of the {test.form} form at the {_largest(test, along)}{_rivals(test.rivals)}",
        "rate": f"rate of trials {_event(test, terms)}{minus}",
        "sd": f"log ratio of the sd over seeds of {metric}{over}" if over else f"sd over seeds of {metric}",
    }
    return statistics[test.statistic]


def _event(test: Test, terms: Terms) -> str:
    if test.event is not None:
        return f"with {_beyond(test.metric, test.event, terms)}"
    return f"that failed ({failing(test.fails, terms)})" if test.fails else "that diverged"


def failing(fails: Mapping[str, Criterion], terms: Terms = _NONE) -> str:
    """When a trial counts as failed."""
    return " or ".join(["diverged", *(_beyond(metric, bounds, terms) for metric, bounds in fails.items())])


def _beyond(metric: str, bounds: Criterion, terms: Terms) -> str:
    return f"{spoken.metric(terms, metric)} {criterion(bounds, spoken.of_metric(terms, metric))}"


def _effects(test: Test, metric: str, per: str, terms: Terms) -> str:
    if test.spans:
        (low, high), (lowest, highest) = (tuple(map(number, span)) for span in test.spans)
        return f"slope of {metric} {per} from {low} to {high}, minus that from {lowest} to {highest}"
    if test.along:
        return f"difference of the slopes of {metric} {per}"
    between = " against ".join(_arm(each, terms) for each in test.between)
    return f"difference of the differences of {metric}, {between}"


def _arms(arms: tuple[Where, ...], joint: str, terms: Terms) -> str:
    return f" ({joint.join(_arm(arm, terms) for arm in arms)})" if arms else ""


def _largest(test: Test, along: str) -> str:
    return f"largest {along}" if test.held_out == 1 else f"{test.held_out} largest values of {along}"


def _rivals(rivals: tuple[str, ...]) -> str:
    return f", minus that of the best of {', '.join(rivals)}" if rivals else ""


def control(claim: Claim, terms: Terms = _NONE) -> str:
    """What must not pass the same test; empty where the test compares arms itself."""
    return where(claim.control, terms) if claim.control else ""


def registration(standing: Standing, terms: Terms = _NONE) -> str:
    """When the test of a claim was registered, and what it was otherwise, in a sentence or two."""
    there, previous = standing.registration, standing.previous
    if there is None and previous is None:
        return "Test not registered: it was added after the run."
    if there is None:
        return f"Test changed since it was registered on {_otherwise(standing, terms)}."
    late = f"Test registered on {there.on}, when {count(there.seen, 'trial')} had been run before."
    said = late if there.seen else f"Test as registered on {there.on}, before the run."
    return f"{said} Registered otherwise on {_otherwise(standing, terms)}." if previous else said


def _otherwise(standing: Standing, terms: Terms) -> str:
    """The date of the previous registration, and what differed in it from the test as it is now."""
    previous = standing.previous
    if previous is None:
        return ""
    changed = {each.field: each.now for each in standing.changes}
    parts = []
    now = changed.get("criterion")
    of_test = set(changed) - {"control", "seeds"}
    if of_test == {"criterion"} and isinstance(now, Criterion) and now.every == previous.test.criterion.every:
        bounds = criterion(previous.test.criterion, spoken.of_statistic(previous.test, terms))
        parts.append(f"the criterion was {bounds}")
    elif of_test:
        parts.append(f"the test was {asks(previous.test, terms)}")
    if "control" in changed:
        parts.append(
            f"the control was {where(previous.control, terms)}" if previous.control else "there was no control"
        )
    if "seeds" in changed:
        parts.append(f"there {_were(previous.seeds)}")
    return f"{previous.on}: {' and '.join(parts)}"


def _were(seeds: int | tuple[int, ...]) -> str:
    if isinstance(seeds, int):
        return f"{'was' if seeds == 1 else 'were'} {count(seeds, 'seed')}"
    return f"were looks at {', '.join(map(str, seeds))} seeds"


def look(verdict: Verdict, looks: Sequence[int]) -> str:
    """At which of the declared looks a verdict was reached, and whether a run would go on; empty where there is one."""
    if len(looks) == 1 or verdict.status in ("not run", "failed"):
        return ""
    place = f"look {verdict.look} of {len(looks)} ({count(looks[verdict.look - 1], 'seed')})"
    if not verdict.undecided:
        return f"Decided at {place}."
    if verdict.look == len(looks):
        return f"Not decided at {place}, the last."
    return f"Not decided at {place}; a run goes on to {looks[verdict.look]}."


def failures(verdict: Verdict) -> str:
    """How many trials of each arm failed; empty where none did."""
    if not verdict.failed:
        return ""
    arms = " and ".join(map(str, verdict.failed))
    which = "" if len(verdict.failed) == 1 else ", by arm"
    return f"Failed trials{which}: {arms}."


def doubt(chosen: Chosen, terms: Terms = _NONE) -> str:
    """Why a value that another verification chose may well have come out otherwise."""
    for_what = f" for {where(chosen.where, terms)}" if chosen.where else ""
    parts = []
    if chosen.edge:
        parts.append(f"is the {chosen.edge} value that was tried")
    if chosen.rivals:
        rivals = [spoken.named(terms, chosen.parameter, rival) or scalar(rival) for rival in chosen.rivals]
        parts.append(f"is not told from {', '.join(rivals)} by the spread over seeds")
    value = where({chosen.parameter: chosen.value}, terms) + for_what
    return f"Rests on a choice: {value}, chosen by {chosen.verification}, {' and '.join(parts)}."


def survival(verdict: Verdict, varied: Sequence[Varied], shown: Quantity = PLAIN, terms: Terms = _NONE) -> str:
    """In how many variants a verdict stays, and what it is in each of the others; empty where none ran."""
    tried = robust.ran(varied)
    if not tried or verdict.status == "not run":
        return ""
    others = robust.changed(verdict, varied)
    stays = f"Stays in {len(tried) - len(others)} of {count(len(tried), 'variant')}"
    waiting = f" that ran, of {len(varied)}" if len(tried) < len(varied) else ""
    return "; ".join([stays + waiting, *(_otherwise_at(each, shown, terms) for each in others)]) + "."


def _otherwise_at(each: Varied, shown: Quantity, terms: Terms) -> str:
    found = ", ".join(filter(None, (each.verdict.status, measured(each.verdict, shown))))
    return f"at {spoken.parameter(terms, each.by.parameter)} × {number(each.by.times)}: {found}"


def measured(verdict: Verdict, shown: Quantity = PLAIN) -> str:
    """The estimate with its interval, or what takes its place."""
    if verdict.passed is not None:
        worst = f", worst {quantity(verdict.estimate, shown)}" if verdict.estimate is not None else ""
        return f"{verdict.passed} of {verdict.trials} trials{worst}"
    return estimated(verdict, shown)


def estimated(verdict: Verdict, shown: Quantity) -> str:
    """The estimate with its interval; of `every`, the worst trial."""
    return _with_interval(verdict.estimate, verdict.low, verdict.high, shown)


def together(summary: Summary, shown: Quantity = PLAIN) -> str:
    """What laboratories come to together."""
    measured = _with_interval(summary.estimate, summary.low, summary.high, shown)
    spread = spoken.of_spread(shown)
    return f"{measured}, of {summary.laboratories}; sd between them {quantity(summary.between, spread)}"


def control_measured(verdict: Verdict, shown: Quantity = PLAIN) -> str:
    """The control's estimate with its interval; empty where there is none."""
    return _with_interval(verdict.control, verdict.control_low, verdict.control_high, shown)


def _with_interval(estimate: float | None, low: float | None, high: float | None, shown: Quantity) -> str:
    if estimate is None:
        return ""
    if low is None or high is None:
        return quantity(estimate, shown)
    first, *bounds = alike(*(shown.factor * value for value in (estimate, low, high)))
    return f"{with_unit(first, shown)} [{', '.join(bounds)}]"


def reason(verdict: Verdict, test: Test, terms: Terms = _NONE) -> str:
    """Why a verdict is what it is: as it was judged, its bounds in the unit of the statistic.

    Stored verdicts hold plain numbers, whatever a review calls them.
    """
    bounds, shown = wanted(test), spoken.of_estimate(test, terms)

    def told(match: re.Match[str]) -> str:
        found = [float(each) for each in match.group("first", "second") if each]
        if not set(found) <= {bounds.low, bounds.high}:
            return match[0]
        *others, last = found
        first = "".join(f"{number(shown.factor * each, 12)}{match['joint']}" for each in others)
        return f"{match['side']} {first}{quantity(last, shown, 12)}"

    return verdict.reason if verdict.estimate is None else _BOUNDS.sub(told, verdict.reason)


def alike(*values: float) -> list[str]:
    """Numbers to be compared: with the same decimals, three significant digits of the largest."""
    largest = max(map(abs, values))
    if not 1e-4 <= largest < 1e6:
        return [number(value) for value in values]
    decimals = max(0, 2 - math.floor(math.log10(largest)))
    # A number that would be rounded to 0 keeps its own digits: which side of 0 it lies on may decide.
    shown = [f"{value:.{decimals}f}" if value == 0 or round(value, decimals) else number(value) for value in values]
    return [text.replace("-", "−") for text in shown]


def sentence(text: str) -> str:
    """A clause with a capital and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


def web_address(address: str) -> str | None:
    """The address if a browser may follow it from our pages; None for `javascript:` and the like."""
    return address if urlsplit(address).scheme in ("http", "https") else None


def anchor(text: str) -> str:
    """Text as an id: lower case, hyphens."""
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-")
