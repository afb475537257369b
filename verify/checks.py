"""What `verify check` finds beyond mistakes in the reviews' own files: between reviews, and against the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from verify.errors import UserError, UserErrors, nearest
from verify.format import bindings, reviews
from verify.model import Evidence, Review, Scale, Verification
from verify.planning.plan import Planned, examine
from verify.project import audit, named, reviewfiles
from verify.project.derived import Derivation, Derived
from verify.project.lines import RESTORE
from verify.project.project import Project
from verify.running import notebooks, witness
from verify.site import checks as page_checks


def mistakes(project: Project, slugs: Collection[str] | None = None) -> list[UserError]:
    """All mistakes that readable reviews do not hold in themselves; of those in `slugs`, where that is given."""
    chosen = [review for review in project.reviews if slugs is None or review.slug in slugs]
    with Derivation(project, chosen) as derivation:  # draws while pages are looked at
        errors = [each for each in _between(project, chosen) if slugs is None or _is_of(each.file, slugs)]
        errors += [each for each in page_checks.mistakes(project, slugs) if slugs is None or _is_of(each.file, slugs)]
        for review in chosen:
            for find in _OF_A_REVIEW:
                errors += _found(find(project, review))
            for laboratory in project.laboratories(review.slug):
                for find in _OF_A_LABORATORY:
                    errors += _found(find(laboratory, review))
        given = list(derivation.results())
    errors += audit.differences(given)
    for derived in given:
        if derived.project is project:
            errors += _found(_in_prose(project, derived))
    return list({str(each): each for each in errors}.values())  # what cannot be read is told by all that ask for it


def _found(mistakes: Iterable[UserError]) -> list[UserError]:
    """All of them; evidence that cannot be read costs what asks for it."""
    found: list[UserError] = []
    try:
        found.extend(mistakes)
    except UserErrors as wrong:
        found += wrong.errors
    return found


def check(root: Path, names: Sequence[str]) -> tuple[int, list[UserError]]:
    """How many reviews were looked at, and every mistake in them; of all where `names` is empty.

    Raises:
        UserErrors: names of no review.
    """
    project, errors = Project.inspect(root)
    if not names:
        return len(project.reviews), errors + mistakes(project)
    slugs = _slugs(root, project, names, errors)
    of_code = [each for each in errors if each.file.endswith(".py")]
    return len(slugs), [*of_code, *(each for each in errors if _is_of(each.file, slugs)), *mistakes(project, slugs)]


def _slugs(root: Path, project: Project, names: Iterable[str], errors: Iterable[UserError]) -> set[str]:
    """What `coin`, `coin.md` and `reviews/coin.md` name, also where the file cannot be read."""
    known = {review.slug for review in project.reviews} | reviewfiles.slugs(root)
    known |= {Path(each.file).stem for each in errors if _in_reviews(each.file)}
    slugs = {name: named.slug(name) for name in names}
    unknown = [slug for slug in slugs.values() if slug not in known]
    if unknown:
        raise UserErrors(UserError(f"there is no review '{slug}'", hint=nearest(slug, known)) for slug in unknown)
    return set(slugs.values())


def _in_reviews(file: str) -> bool:
    return Path(file).parent.as_posix() == "reviews"


def _is_of(file: str, slugs: Collection[str]) -> bool:
    """Whether a file is one of the reviews, or stands beside it: evidence, verdicts, a notebook."""
    path = Path(file)
    if path.is_relative_to("docs/evidence"):
        return len(path.parts) > 2 and path.parts[2] in slugs
    if path.is_relative_to("reviews/notebooks") or path.is_relative_to("docs/notebooks"):
        return path.stem in slugs
    return _in_reviews(file) and path.stem in slugs


def _between(project: Project, chosen: Sequence[Review]) -> Iterator[UserError]:
    """Mistakes that are of no single review: what two share, and what belongs to none."""
    slugs = {review.slug for review in chosen}
    others = [review for review in project.reviews if review.slug not in slugs]
    yield from reviews.check([*others, *chosen])  # the later of two is told, so those that are asked for come last
    broken = reviewfiles.slugs(project.root) - {each.slug for each in project.reviews}
    for error in (*audit.strays(project), *notebooks.mistakes(project)):
        if not _is_of(error.file, broken):  # what belongs to a review that cannot be read is not known
            yield error


def _unreadable(project: Project, review: Review) -> list[UserError]:
    return project.evidence_mistakes(review.slug)


def _stale(project: Project, review: Review) -> Iterator[UserError]:
    """Evidence of trials that are declared otherwise now, or not at all; trials that were not run are no mistake."""
    for verification, scale in project.rungs(review):
        stale = project.stale(review, verification, scale)
        evidence = project.evidence(review.slug, verification.id, scale)
        if stale and evidence is not None:
            message = f"{stale} of {len(evidence.records)} records of '{verification.id}' at {scale} are stale: "
            message += _why_stale(project, review, verification, scale, evidence)
            hint = f"run `verify run --missing {review.slug}:{verification.id} --scale {scale}`, then `verify refresh`"
            yield UserError(message, review.path, verification.line, hint)


def _failures(project: Project, review: Review) -> Iterator[UserError]:
    """Failures that are of no trial as it is declared now: they are shown, and nothing says what of."""
    for verification, scale in project.rungs(review):
        evidence = project.evidence(review.slug, verification.id, scale)
        if evidence is None or not evidence.failures:
            continue
        trials = {
            each.fingerprint: (each.parameters, each.seed) for each in project.trials(review, verification, scale)
        }
        of_none = sum(trials.get(each.fingerprint) != (each.parameters, each.seed) for each in evidence.failures)
        if of_none:
            name = project.relative(project.evidence_path(review.slug, verification.id, scale))
            message = f"{of_none} of {len(evidence.failures)} failures are of no trial that is declared"
            yield UserError(message, name, 0, RESTORE)


def _why_stale(project: Project, review: Review, verification: Verification, scale: Scale, evidence: Evidence) -> str:
    trials = project.trials(review, verification, scale)
    if not trials:
        return "their parameters wait for a choice"
    planned = examine(trials, evidence, project.code(review, verification).definitions)
    reasons = Counter(each.why for each in planned if _explains(each))
    if not reasons:
        return "no trial of theirs is declared any more"
    why, _ = reasons.most_common(1)[0]
    return why + (f" (and {len(reasons) - 1} more such changes)" if len(reasons) > 1 else "")


def _explains(planned: Planned) -> bool:
    return planned.state == "stale" or (planned.state == "missing" and planned.why.startswith("parameter"))


def _in_prose(project: Project, derived: Derived) -> Iterator[UserError]:
    """Sentences that rely on a verdict which the records do not give, and numbers that no record has."""
    review = derived.review
    found = {(each.scale, each.claim): each.status for each in derived.verdicts}
    for reference in bindings.find(review)[0]:
        if isinstance(reference, bindings.Binding):
            yield from _unbound(project, review, reference)
        if not isinstance(reference, bindings.Reference) or reference.stated is None or derived.mistakes:
            continue
        stated = reference.stated
        scale = bindings.scale_of(reference, review)
        actual = found.get((scale, reference.claim), "not run")
        if actual != stated:
            hint = f"rewrite the sentence, or state [@{reference.claim} {actual}]"
            if actual == "not run":
                hint = f"run it first: `verify run --missing {review.slug} --scale {scale}`, then `verify refresh`"
            message = f"the sentence relies on '{reference.claim}' being {stated}; at {scale} it is {actual}"
            yield UserError(message, review.path, reference.line, hint)


def _journals(project: Project, review: Review) -> Iterator[UserError]:
    """What is wrong with the journals: a run with nothing to do does not read them."""
    for verification, scale in project.rungs(review):
        try:
            project.journal(review.slug, verification.id, scale)
        except UserErrors as wrong:
            yield from wrong.errors


def _unbound(project: Project, review: Review, binding: bindings.Binding) -> Iterator[UserError]:
    evidence = project.evidence(review.slug, binding.verification, bindings.scale_of(binding, review))
    records = evidence.records if evidence else ()
    known = {name for record in records for name in record.values}
    if records and binding.metric not in known:
        message = f"no record of '{binding.verification}' has '{binding.metric}'"
        yield UserError(message, review.path, binding.line, nearest(binding.metric, known))


_OF_A_REVIEW: tuple[Callable[[Project, Review], Iterable[UserError]], ...] = (
    _unreadable,
    _stale,
    _failures,
    audit.contents,
    _journals,
    witness.mistakes,
)
"""What is looked for in each review, and in the page that it becomes; each stands alone, so that one hides no other."""
_OF_A_LABORATORY = (_unreadable, audit.contents, _journals, witness.mistakes)
"""What is looked for in a laboratory's evidence.  Stale is no mistake: who changes a review cannot run it anew."""
