"""What a command is asked for: reviews, and verifications or claims of theirs, by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from verify.errors import UserError, UserErrors, nearest
from verify.project.project import Project


def slug(name: str) -> str:
    """The review that a target or a path names."""
    return re.split("[:@]", name.removeprefix("./").removeprefix("reviews/"), maxsplit=1)[0].removesuffix(".md")


def targets(project: Project, names: Sequence[str]) -> list[tuple[str, str | None]]:
    """`review`, `review:verification` or `review@claim` as a pair; where nothing is named, every review.

    Of a claim it is the verification that tests it.

    Raises:
        UserErrors: every name that is unknown.
    """
    found: list[tuple[str, str | None]] = []
    errors = []
    known = {review.slug: review for review in project.reviews}
    for name in names or known:
        review, (mark, part) = slug(name), _part(name)
        if review not in known:
            errors.append(UserError(f"there is no review '{review}'", hint=nearest(review, known)))
            continue
        variants = known[review].variants if "." in part else ()  # unasked, no hint names them
        parts = {each.id: each.id for each in (*known[review].verifications, *variants)}
        if mark == "@":
            parts = {claim.id: each.id for each in known[review].verifications for claim in each.claims}
        if part and part not in parts:
            kind = "claim" if mark == "@" else "verification"
            errors.append(UserError(f"review '{review}' has no {kind} '{part}'", hint=nearest(part, parts)))
        else:
            found.append((review, parts[part] if part else None))
    if errors:
        raise UserErrors(errors)
    return found


def among(names: Sequence[str], known: Collection[str]) -> list[str]:
    """The reviews that are named, of those that are known by name alone.

    Raises:
        UserErrors: every name that is unknown.
    """
    wanted = [slug(name) for name in names]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UserErrors(UserError(f"there is no review '{name}'", hint=nearest(name, known)) for name in unknown)
    return wanted


def _part(name: str) -> tuple[str, str]:
    """The mark, `:` or `@`, and what stands behind it; both empty where a whole review is named."""
    found = re.search("[:@](?=.)", name)
    return (found[0], name[found.end() :]) if found else ("", "")


def claims(project: Project, names: Iterable[str]) -> set[tuple[str, str]]:
    """The claims that targets name, each with its review; those of every review where nothing is named."""
    wanted = {(slug(name), *_part(name)) for name in names}
    return {
        (review.slug, claim.id)
        for review in project.reviews
        for verification in review.verifications
        for claim in verification.claims
        if not wanted
        or wanted & {(review.slug, "", ""), (review.slug, ":", verification.id), (review.slug, "@", claim.id)}
    }
