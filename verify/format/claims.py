"""The claims of a verification: tests, criteria, controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from verify.format import fields, ranges
from verify.format.fields import Converter, Field, listing, one_of, optional, required
from verify.format.grids import Draft
from verify.format.problems import Problems
from verify.format.selection import equal, spelled, values
from verify.format.subjects import check_together, metric, numbers, parameter, where
from verify.format.yaml12 import Items, Leaf, Node, Table
from verify.model import FORMS, STATISTICS, Claim, Criterion, Test, Where


class _Shape(NamedTuple):
    """The keys a statistic needs, and those it may have besides `where`."""

    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


_SHAPES = {
    "mean": _Shape(),
    "difference": _Shape(needs=("arms",)),
    "log_ratio": _Shape(needs=("arms",)),
    "slope": _Shape(needs=("along",), takes=("log", "arms")),
    "interaction": _Shape(takes=("arms", "along", "log", "between", "spans")),
    "holdout_error": _Shape(needs=("along", "form"), takes=("rivals", "held_out")),
    "sd": _Shape(takes=("arms",)),
    "rate": _Shape(takes=("arms", "event")),
}
_SHAPED = ("arms", "along", "log", "between", "spans", "form", "rivals", "held_out", "event")
_CRITERIA = ("at_most", "at_least", "within", "every")
MOST_HEADLINES = 4
_OVER_SEEDS = {"sd": "an sd", "rate": "a rate"}
_POINTS = {"log": 3, "power": 4, "saturating": 4, "logistic": 4}
"""Points that fitting a form takes: one for each of its constants, and one more."""


def read_all(draft: Draft, problems: Problems) -> tuple[Claim, ...]:
    """The claims that could be read."""
    if draft.claims is None:
        for scale, rung in draft.rungs.items():
            if len(rung.seeds) > 1:
                hint = f"write how many run: `seeds: {rung.seeds[0]}`"
                problems.add(draft.line, f"there is no claim that looks at scale {scale} could decide", hint)
                break
        return ()
    convert = fields.each(lambda node, _name, problems: _claim(node, draft, problems), "claims")
    return convert(draft.claims, "claims", problems) or ()


def _claim(node: Node, draft: Draft, problems: Problems) -> Claim | None:
    known = {
        "id": required(fields.identifier),
        "says": required(fields.text),
        "source": required(fields.text),
        "reported": optional(fields.mapping(fields.scalar, "names to numbers"), {}),
        "test": required(lambda node, _name, problems: _Test(node, draft, problems).read()),
        "control": optional(_control(draft)),
        "headline": optional(fields.boolean, False),
        "asks": optional(fields.text, ""),
    }
    found = fields.record(node, "a claim", known, problems)
    if found is None or not isinstance(node, Table):
        return None
    claim = Claim(**found, line=node.line)
    if draft.identity and not claim.test.exact:
        hint = "write its criterion as `every: {…}`, without `rate`, or leave `identity` out"
        problems.add(node.entries["test"].line, "a claim of an identity must hold in every trial", hint)
        return None
    line = node.entries["control"].line if "control" in node.entries else node.entries["test"].line
    return claim if _has_right_control(claim, draft, line, problems) else None


def check_headlines(drafts: Sequence[Draft], problems: Problems) -> None:
    """Report headline claims beyond those that a reader takes in at once."""
    claims = [item for draft in drafts if isinstance(draft.claims, Items) for item in draft.claims.nodes]
    headlines = [item.entries["headline"] for item in claims if isinstance(item, Table) and "headline" in item.entries]
    chosen = [entry for entry in headlines if isinstance(entry.node, Leaf) and entry.node.value is True]
    for number, entry in enumerate(chosen[MOST_HEADLINES:], MOST_HEADLINES + 1):
        message = f"this is headline claim {number}: a review has up to {MOST_HEADLINES}"
        others = ", ".join(str(each.line) for each in chosen[:MOST_HEADLINES])
        problems.add(entry.line, message, f"the others stand in lines {others}")


def _control(draft: Draft) -> Converter[Where]:
    def convert(node: Node, _name: str, problems: Problems) -> Where | None:
        found = fields.record(node, "a control", {"where": required(where(draft))}, problems)
        return None if found is None else found["where"]

    return convert


def _has_right_control(claim: Claim, draft: Draft, line: int, problems: Problems) -> bool:
    test = claim.test
    if claim.control is None:
        if test.arms or test.rivals or test.spans or test.statistic == "slope":
            # The other arm, the rival, the other span, or a slope of zero is the control.
            return True
        hint = "add `control: {where: …}`: trials that must not pass the same test"
        problems.add(line, "a test of a single arm needs a control", hint)
        return False
    if test.arms:
        problems.add(line, "a comparison's control is its other arm", "leave `control` out")
        return False
    if test.spans:
        problems.add(line, "the control of a comparison of spans is the other span", "leave `control` out")
        return False
    trials = test.where | claim.control
    if all(equal(trials[name], value) for name, value in test.where.items()):
        problems.add(line, "the control selects the very trials of the test", _other_trials(test, claim.control))
        return False
    return check_together(draft, trials, line, problems) and _check_along(test, trials, draft, line, problems)


def _other_trials(test: Test, control: Where) -> str:
    """What to do about a control whose trials are among the test's own."""
    if test.where:
        return f"change a parameter that the test selects: {', '.join(test.where)}"
    names = ", ".join(f"{name}: …" for name in control)
    return f"the test, without `where`, is of all trials: add `where: {{{names}}}` to it, with another value"


class _Test:
    """Reads one claim's test."""

    def __init__(self, node: Node, draft: Draft, problems: Problems) -> None:
        self.node = node
        self.draft = draft
        self.problems = problems

    def read(self) -> Test | None:
        found = fields.record(self.node, "a test", self.fields(), self.problems)
        if found is None or not isinstance(self.node, Table):
            return None
        before = len(self.problems.found)
        criterion = self.criterion({name: found.pop(name) for name in _CRITERIA}, self.node)
        self.check_shape(found["statistic"], self.node)
        if criterion is None or len(self.problems.found) > before:
            return None
        test = Test(criterion=criterion, fails=self.draft.fails, **found)
        self.check_meaning(test, self.node)
        return test if len(self.problems.found) == before else None

    def fields(self) -> dict[str, Field]:
        pair = listing(where(self.draft), "selections", length=2)
        return {
            "metric": required(metric(self.draft)),
            "statistic": optional(one_of(STATISTICS), "mean"),
            "where": optional(where(self.draft), {}),
            "arms": optional(pair, ()),
            "along": optional(parameter(self.draft)),
            "log": optional(fields.boolean, False),
            "between": optional(pair, ()),
            "spans": optional(listing(ranges.span, "spans", length=2), ()),
            "form": optional(one_of(FORMS)),
            "rivals": optional(listing(one_of(FORMS), "forms"), ()),
            "held_out": optional(fields.integer(1), 1),
            **ranges.bounds(),
            "every": optional(_every),
            "heavy_tails": optional(fields.boolean, False),
            "event": optional(ranges.read),
        }

    def criterion(self, found: dict[str, Any], node: Table) -> Criterion | None:
        given = [name for name, value in found.items() if value is not None]
        if len(given) != 1:
            what = "has no criterion" if not given else f"has {len(given)} criteria: {', '.join(given)}"
            self.problems.add(node.line, f"a test {what}", f"exactly one of {', '.join(_CRITERIA)}")
            return None
        criterion: Criterion = found[given[0]]
        return criterion

    def check_shape(self, statistic: str, node: Table) -> None:
        """Report keys that the statistic lacks or has no use for."""
        shape = _SHAPES[statistic]
        for name in shape.needs:
            if name not in node.entries:
                self.problems.add(node.line, f"statistic {statistic} needs `{name}`")
        for name in _SHAPED:
            if name in node.entries and name not in shape.needs + shape.takes:
                usable = [other for other, shape in _SHAPES.items() if name in shape.needs + shape.takes]
                hint = f"`{name}` goes with {', '.join(usable)}"
                self.problems.add(node.entries[name].line, f"statistic {statistic} has no use for `{name}`", hint)
        if statistic == "interaction":
            if ("along" in node.entries) == ("between" in node.entries):
                self.problems.add(node.line, "statistic interaction needs exactly one of `along` and `between`")
            if ("arms" in node.entries) == ("spans" in node.entries):
                self.problems.add(node.line, "statistic interaction needs exactly one of `arms` and `spans`")
        if "spans" in node.entries and "along" not in node.entries:
            self.problems.add(node.entries["spans"].line, "`spans` without `along`", "they are spans of a parameter")
        if "log" in node.entries and "along" not in node.entries:
            self.problems.add(node.entries["log"].line, "`log` without `along`", "`log` is about the slope's parameter")

    def check_meaning(self, test: Test, node: Table) -> None:
        """Report selections that overlap or select no trial, and axes that no line or form can be fitted over."""
        if test.criterion.every and test.statistic in _OVER_SEEDS:
            statement = f"{_OVER_SEEDS[test.statistic]} is taken over all seeds"
            self.problems.add(node.entries["every"].line, statement, "so `every` has no meaning")
        if test.heavy_tails and (test.criterion.every or test.statistic == "rate"):
            self.problems.add(
                node.entries["heavy_tails"].line, "`heavy_tails` goes with an interval that takes numbers to be normal",
                "leave it out: what is counted has no tails",
            )  # fmt: skip
        if test.statistic == "rate" and test.event is None and not test.fails:
            hint = "add `event: {at_least: …}`, or say with `fails` when a trial of this verification has failed"
            self.problems.add(node.line, "a rate counts an event, and none is declared", hint)
        if test.form in test.rivals:
            self.problems.add(node.entries["rivals"].line, f"'{test.form}' is its own rival", "name the other forms")
        for one, other in (("arms", "where"), ("between", "where"), ("between", "arms")):
            self.check_overlap(one, other, test, node)
        for arm in _arms(test):
            line = node.entries["arms"].line if test.arms else node.line
            if not check_together(self.draft, arm, line, self.problems):
                break  # what is wrong with one arm is mostly wrong with the other
            if not _check_along(test, arm, self.draft, node.line, self.problems):
                break
        self.check_spans(test, node)

    def check_spans(self, test: Test, node: Table) -> None:
        """Report spans that no line can be fitted over."""
        for scale, rung in self.draft.rungs.items() if test.along else ():
            points = values(rung, test.along or "", test.where)
            for low, high in test.spans:
                if sum(not isinstance(point, str) and low <= point <= high for point in points) < 2:
                    problem = f"the span {low:g} to {high:g} needs two values of '{test.along}' at scale {scale}"
                    self.problems.add(node.entries["spans"].line, problem, "see the grid of each scale")
                    return

    def check_overlap(self, one: str, other: str, test: Test, node: Table) -> None:
        names = {name for selection in getattr(test, one) for name in selection}
        others = getattr(test, other)
        taken = {name for selection in ((others,) if isinstance(others, dict) else others) for name in selection}
        for name in sorted(names & taken):
            problem = f"'{name}' stands in `{one}` and in `{other}`"
            self.problems.add(node.entries[one].line, problem, "select each parameter in one place")


def _arms(test: Test) -> list[Where]:
    """Every selection of trials that the test compares."""
    arms = [test.where | arm for arm in test.arms] or [test.where]
    return [arm | between for arm in arms for between in test.between or ({},)]


def _check_along(test: Test, selection: Where, draft: Draft, line: int, problems: Problems) -> bool:
    """Report an axis that is not numeric, does not vary, or has too few points among the selected trials."""
    if test.along is None:
        return True
    needs = f"an {test.statistic} needs" if test.statistic == "interaction" else f"a {test.statistic} needs"
    problem = numbers(draft, test.along, selection, needs)
    forms = (test.form, *test.rivals) if test.form else ()
    least = max((_POINTS[form] + test.held_out for form in forms), default=2)
    among = f" where {spelled(selection)}" if selection else ""
    for scale, rung in draft.rungs.items():
        points = values(rung, test.along, selection)
        if not problem and len(points) < least:
            problem = f"{needs} {least} values of '{test.along}', not {len(points)}, at scale {scale}{among}"
        if not problem and (test.log or forms) and any(not isinstance(point, str) and point <= 0 for point in points):
            problem = f"a logarithm or a form needs values of '{test.along}' above 0 at scale {scale}{among}"
    if problem:
        problems.add(line, problem, "see the grid of each scale")
    return not problem


def _every(node: Node, _name: str, problems: Problems) -> Criterion | None:
    known = {**ranges.bounds(), "rate": optional(_rate)}
    found = fields.record(node, "`every`", known, problems)
    if found is None:
        return None
    rate = found.pop("rate")
    bound = ranges.only(found, "every", node.line, problems)
    return None if bound is None else Criterion(bound.low, bound.high, every=True, rate=rate)


def _rate(node: Node, name: str, problems: Problems) -> float | None:
    value = fields.number(node, name, problems)
    if value is not None and not 0 < value < 1:
        hint = "leave it out of an exact statement"
        problems.add(node.line, f"`{name}` must lie between 0 and 1, not {value:g}", hint)
        return None
    return value
