"""Whether a verdict survives: the same claims with one parameter multiplied, and what becomes of each.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from verify.model import Review, Scalar, Scale, Variation, Verdict, Verification

DIGITS = 12
"""Of a product: 0.1 × 3 is 0.3."""


class Varied(Struct, frozen=True):
    """A claim's verdict with a parameter multiplied."""

    by: Variation
    verdict: Verdict


def multiplied(value: Scalar, times: float) -> Scalar:
    """A parameter's value times a factor: an integer stays one, rounded and at least 1 away from 0; 0 stays 0.

    Raises:
        TypeError: it is no number.
    """
    if isinstance(value, (str, bool)):
        raise TypeError(f"{value!r} cannot be multiplied")
    if isinstance(value, float):
        return float(f"{value * times:.{DIGITS}g}")
    size = max(1, round(abs(value) * times))
    return 0 if value == 0 else size if value > 0 else -size


def of_claim(
    review: Review, verification: Verification, claim: str, scale: Scale, found: Mapping[str, Iterable[Verdict]]
) -> tuple[Varied, ...]:
    """What became of a claim in each variant of its verification; `found` has the verdicts of variants by their ids."""
    return tuple(
        Varied(variant.varies, verdict)
        for variant in review.variants_of(verification)
        for verdict in found.get(variant.id, ())
        if variant.varies and (verdict.claim, verdict.scale) == (claim, scale)
    )


def ran(varied: Iterable[Varied]) -> list[Varied]:
    """Those of which all trials were tried."""
    return [each for each in varied if each.verdict.status != "not run"]


def changed(verdict: Verdict, varied: Sequence[Varied]) -> list[Varied]:
    """Those that ran, and in which the verdict is another one."""
    return [each for each in ran(varied) if each.verdict.status != verdict.status]
