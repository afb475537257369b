"""What `robust` of a verification declares: variants, each with one parameter multiplied by one factor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from verify.errors import nearest
from verify.format import fields
from verify.format.fields import listing
from verify.format.grids import Draft
from verify.format.problems import Problems
from verify.format.selection import chosen, equal, names, shown, values
from verify.format.yaml12 import Node, Table
from verify.judging.robust import multiplied
from verify.model import Choice, Claim, Rung, Scalar, Variation, Verification

MOST = 20
"""Variants of a verification: each is run like another verification."""
SMALLEST, LARGEST = 0.001, 1000
"""Factors that keep a point in the neighbourhood."""


def variants(
    draft: Draft, verification: Verification, drafts: Mapping[str, Draft], problems: Problems
) -> tuple[Verification, ...]:
    """The variants of a verification; none where a mistake was reported.

    Args:
        draft: the verification as it was read.
        verification: the same, with the claims whose verdicts are to survive.
        drafts: all of the review by their ids, for those that choose a parameter.
        problems: takes the mistakes.
    """
    if draft.robust is None:
        return ()
    table = draft.robust
    if not isinstance(table, Table) or not table.entries:
        fields.expected(table, "robust", "a mapping of parameters to factors", problems, "such as {lr: [0.5, 2]}")
        return ()
    if draft.claims is None:
        problems.add(table.line, "`robust` asks whether verdicts survive, and there is no claim", "leave it out")
        return ()
    before = len(problems.found)
    found = [each for name in table.entries for each in _of_parameter(name, table, draft, verification, problems)]
    if len(found) > MOST:
        problems.add(table.line, f"`robust` has {len(found)} factors, more than {MOST}", "each runs all trials again")
    for each in found if len(problems.found) == before else ():
        _check(each, table.entries[each.parameter].line, draft, drafts, verification.claims, problems)
    return tuple(_variant(verification, each) for each in found) if len(problems.found) == before else ()


def _of_parameter(
    name: str, table: Table, draft: Draft, verification: Verification, problems: Problems
) -> Iterator[Variation]:
    """A variation for each factor of a parameter."""
    entry = table.entries[name]
    known = set[str]().union(*map(names, draft.rungs.values()))
    if draft.rungs and name not in known:
        message = f"`robust` multiplies '{name}', which is not set in this verification"
        problems.add(entry.line, message, nearest(name, known))
        return
    for factor in listing(_factor, "factors")(entry.node, name, problems) or ():
        yield Variation(verification.id, name, factor)


def _factor(node: Node, name: str, problems: Problems) -> float | None:
    value = fields.number(node, name, problems)
    if value is None or (SMALLEST <= value <= LARGEST and value != 1):
        return value
    hint = f"from {SMALLEST:g} to {LARGEST:g}; 1 is the verification itself"
    problems.add(node.line, f"a factor of '{name}' cannot be {value:g}", hint)
    return None


def _variant(verification: Verification, varies: Variation) -> Verification:
    """The verification with one parameter multiplied, run up to the first look, without figures."""
    rungs = {scale: _multiplied(rung, varies) for scale, rung in verification.rungs.items()}
    name = f"{verification.id}.{varies.parameter}-x{varies.times:g}"
    return replace(verification, id=name, rungs=rungs, figures=(), varies=varies)


def _multiplied(rung: Rung, by: Variation) -> Rung:
    fixed = {name: _scaled(value, by) if name == by.parameter else value for name, value in rung.parameters.items()}
    grids = tuple(
        {
            name: tuple(multiplied(value, by.times) for value in options) if name == by.parameter else options
            for name, options in grid.items()
        }
        for grid in rung.grids
    )
    return replace(rung, grids=grids, parameters=fixed, seeds=rung.seeds[:1])


def _scaled(value: Scalar | Choice, by: Variation) -> Scalar | Choice:
    return replace(value, times=by.times) if isinstance(value, Choice) else multiplied(value, by.times)


def _check(
    by: Variation, line: int, draft: Draft, drafts: Mapping[str, Draft], claims: Iterable[Claim], problems: Problems
) -> None:
    """Report a variation that would not be one, or whose trials the claims would not find."""
    name = by.parameter
    for claim in claims:
        if name in _selecting(claim):
            message = f"`robust` multiplies '{name}', by which claim '{claim.id}' selects its trials"
            problems.add(line, message, "its test would find none: multiply a parameter that no claim refers to")
            return
    for scale, rung in draft.rungs.items():
        for other, choice in rung.parameters.items():
            if isinstance(choice, Choice) and name in choice.per:
                message = f"`robust` multiplies '{name}', per which '{other}' is chosen"
                hint = f"'{choice.verification}' has no trials there: multiply '{other}', or another parameter"
                problems.add(line, message, hint)
                return
        if wrong := _mistake(by, rung, drafts):
            problems.add(line, f"{wrong} at scale {scale}", "take another factor or parameter")
            return


def _mistake(by: Variation, rung: Rung, drafts: Mapping[str, Draft]) -> str:
    """Why the parameter's values cannot be multiplied; empty where they can."""
    given, offered = values(rung, by.parameter), _offered(rung, by.parameter, drafts)
    if not given and not chosen(rung, by.parameter):
        return f"`robust` multiplies '{by.parameter}', which is not set"
    for value in given + offered:
        if isinstance(value, (str, bool)):
            return f"`robust` multiplies '{by.parameter}', which is {shown(value)}, no number,"
    product = f"'{by.parameter}' × {by.times:g}"
    same = [value for value in given + offered if equal(multiplied(value, by.times), value)]
    if (given and len(same) == len(given)) or set(same) & set(offered):
        return f"{product} leaves {shown(same[0])} what it is"
    if len({multiplied(value, by.times) for value in given}) < len(given):
        return f"{product} makes two of its values one"
    return ""


def _offered(rung: Rung, name: str, drafts: Mapping[str, Draft]) -> tuple[Scalar, ...]:
    """Of a parameter that another verification chooses, the values that it chooses from."""
    choice = rung.parameters.get(name)
    source = drafts.get(choice.verification) if isinstance(choice, Choice) else None
    return values(source.rungs[rung.scale], name) if source and rung.scale in source.rungs else ()


def _selecting(claim: Claim) -> set[str]:
    """The parameters by which a claim finds its trials."""
    test = claim.test
    found = {name for where in (test.where, claim.control or {}, *test.arms, *test.between) for name in where}
    return found | ({test.along} if test.along else set())
