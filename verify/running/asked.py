"""What a review asks of a verification's records: found missing in its first trials, before the rest is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from verify.errors import UserError, nearest
from verify.model import Choice, Experiment, Record, Review, Scalar, Scale, Verification, Where


class Asked(Struct, frozen=True):
    """A name that something in the review asks for."""

    name: str
    by: str
    """Who asks, in the words of a message."""
    line: int
    selections: tuple[Where, ...]
    """The trials it is asked of: those that agree with any of these."""
    parameters: bool = False
    """Whether a parameter will do as well."""


class Asks:
    """What is asked of one verification at one scale, as far as no record has shown it."""

    def __init__(self, review: Review, verification: Verification, scale: Scale, experiment: Experiment) -> None:
        self._review = review
        self._experiment = experiment
        claims = list(_of_claims(verification))
        choices = list(_of_choices(review, verification, scale))
        others = [*_of_figures(verification), *_of_prose(review, verification, scale)]
        # What an experiment says it returns may be missing in some arms; a figure then shows the others.
        self._open = [*claims, *choices, *(each for each in others if each.name not in experiment.values)]

    def see(self, records: Iterable[Record]) -> list[UserError]:
        """The mistakes that these records show: each thing is looked for in the first trial that it is asked of."""
        found: list[UserError] = []
        for record in records:
            if not self._open:
                break
            if record.diverged:  # what is not finite may have been left out
                continue
            seen = [each for each in self._open if any(_agrees(record, where) for where in each.selections)]
            self._open = [each for each in self._open if each not in seen]
            found += [self._mistake(each, record) for each in seen if not _has(record, each)]
        return found

    def _mistake(self, asked: Asked, record: Record) -> UserError:
        known = {*record.values, *(record.parameters if asked.parameters else ())}
        message = f"experiment {self._experiment.name} returned no '{asked.name}', which {asked.by} asks for"
        return UserError(message, self._review.path, asked.line, nearest(asked.name, known))


def _has(record: Record, asked: Asked) -> bool:
    return asked.name in record.values or (asked.parameters and asked.name in record.parameters)


def _agrees(record: Record, where: Mapping[str, Scalar]) -> bool:
    return all(name in record.parameters and record.parameters[name] == value for name, value in where.items())


def _of_claims(verification: Verification) -> Iterator[Asked]:
    for claim in verification.claims:
        test = claim.test
        arms = [test.where | arm | between for arm in test.arms or ({},) for between in test.between or ({},)]
        if claim.control is not None:
            arms.append(test.where | claim.control)
        yield Asked(test.metric, f"claim '{claim.id}'", claim.line, tuple(arms))


def _of_figures(verification: Verification) -> Iterator[Asked]:
    for figure in verification.figures:
        if figure.spec is None:
            by = f"figure '{figure.id}'"
            yield Asked(figure.y, by, figure.line, (figure.where,))
            for name in (figure.x, figure.color, figure.facet):
                if name is not None:
                    yield Asked(name, by, figure.line, (figure.where,), parameters=True)


def _of_choices(review: Review, verification: Verification, scale: Scale) -> Iterator[Asked]:
    """What other verifications choose their parameters by."""
    for other in review.verifications:
        rung = other.rungs.get(scale)
        for name, value in rung.parameters.items() if rung else ():
            if isinstance(value, Choice) and value.verification == verification.id:
                yield Asked(value.metric, f"the choice of '{name}' for '{other.id}'", other.line, ({},))


def _of_prose(review: Review, verification: Verification, scale: Scale) -> Iterator[Asked]:
    from verify.format import bindings  # parses prose

    for item in bindings.find(review)[0]:
        if isinstance(item, bindings.Binding) and (item.verification, item.scale) == (verification.id, scale):
            yield Asked(item.metric, "a number in the text", item.line, (item.where,))
