"""What a command is asked for: reviews, and verifications of theirs, by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from verify.errors import UserError, UserErrors, nearest
from verify.project.project import Project


def slug(name: str) -> str:
    """The review that a target or a path names."""
    return name.removeprefix("./").removeprefix("reviews/").partition(":")[0].removesuffix(".md")


def targets(project: Project, names: Sequence[str]) -> list[tuple[str, str | None]]:
    """`review` or `review:verification` as a pair; where nothing is named, every review.

    Raises:
        UserErrors: every name that is unknown.
    """
    found: list[tuple[str, str | None]] = []
    errors = []
    known = {review.slug: [each.id for each in review.verifications] for review in project.reviews}
    for name in names or known:
        review, verification = slug(name), name.partition(":")[2]
        if review not in known:
            errors.append(UserError(f"there is no review '{review}'", hint=nearest(review, known)))
        elif verification and verification not in known[review]:
            hint = nearest(verification, known[review])
            errors.append(UserError(f"review '{review}' has no verification '{verification}'", hint=hint))
        else:
            found.append((review, verification or None))
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
