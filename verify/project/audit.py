"""What is published beside what the records give: every difference is a mistake, with its file.

A value in a record can only be known to be right by running its trial again.  All that follows from records is derived
again and compared: verdicts with their numbers, drawings, specifications, thumbnails, the reasons why there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec

from verify.errors import CONFLICT, CONFLICT_MARKS, UserError, UserErrors, nearest, reason
from verify.model import Evidence, Review, Verdict, Verification
from verify.project import laboratories, reviewfiles, store
from verify.project.derived import Derivation, Derived, Drawn, paths
from verify.project.project import Project

MOST = 20
"""Differences that are told of one review; of the others, how many."""
_REFRESH = "bring it up to date: `verify refresh`"
_REMOVE = "remove it: what lies here is published"
_COPY = "put the file itself in its place"


def mistakes(project: Project, *, records: bool = True) -> list[UserError]:
    """All that is wrong with what is published of evidence.

    Args:
        project: whose evidence it is.
        records: whether to look into records of which nothing has changed, too; that takes a while where they are many.
    """
    with Derivation(project, project.reviews) as derivation:
        found = strays(project)
        for review in project.reviews if records else ():
            for each in (project, *project.laboratories(review.slug)):
                found += contents(each, review)
        return found + list(differences(derivation.results()))


def differences(given: Iterable[Derived]) -> Iterator[UserError]:
    """Where what is published differs from what the records give; why nothing is known of that; what is not drawn."""
    for derived in given:
        project = derived.project
        yield from derived.mistakes
        if derived.mistakes:
            continue
        slug = derived.review.slug
        found = _differences(derived)
        yield from islice(found, MOST)
        if more := sum(1 for _ in found):
            name = project.relative(project.verdicts_path(slug).parent)
            yield UserError(f"{more} more files or verdicts differ from what the records give", name, 0, _REFRESH)
        yield from (undrawn(derived.review, each) for each in derived.drawings if each.reason and _is_told(each))


def _is_told(drawn: Drawn) -> bool:
    """Whether it is said why it cannot be drawn: a thumbnail fails with its figure, unless it was just not compared."""
    return drawn.passing or not drawn.drawing.small


def undrawn(review: Review, drawn: Drawn) -> UserError:
    """The mistake of a figure that cannot be drawn."""
    drawing = drawn.drawing
    message, _, hint = drawn.reason.partition("\n")
    scale = f" at scale {drawing.scale}" if drawing.scale else ", the paper's numbers,"
    message = f"figure '{drawing.figure.id}'{scale} cannot be drawn: {message}"
    return UserError(message, review.path, drawing.figure.line, hint)


def _differences(derived: Derived) -> Iterator[UserError]:
    project = derived.project
    # Of a review that was just written nothing needs to be there.
    begun = any(
        project.evidence_path(derived.review.slug, each.id, scale).is_file()
        for each, scale in project.rungs(derived.review)
    )
    yield from _verdicts(project, derived, begun)
    expected = {project.verdicts_path(derived.review.slug), *_of_laboratories(project, derived.review.slug)}
    for drawn in derived.drawings:
        if not drawn.passing:
            yield from _files(project, derived.review, drawn, begun)
        expected |= set(paths(project, derived.review, drawn.drawing))
    expected |= {project.evidence_path(derived.review.slug, each.id, at) for each, at in project.rungs(derived.review)}
    folder = project.verdicts_path(derived.review.slug).parent
    yield from (_stray(project, path) for path in _below(folder) if path not in expected)
    for path in sorted(expected):
        if path.is_symlink():
            yield UserError("this is a link: what lies elsewhere is not looked after", project.relative(path), 0, _COPY)


def _of_laboratories(project: Project, slug: str) -> Iterator[Path]:
    """What else belongs into the folder: those of laboratories, looked at by themselves, or what one is."""
    folder = project.verdicts_path(slug).parent
    if project.laboratory.name:
        yield folder / laboratories.FILE
    elif (folder / laboratories.FOLDER).is_dir():
        yield folder / laboratories.FOLDER


# Verdicts


def _verdicts(project: Project, derived: Derived, begun: bool) -> Iterator[UserError]:
    path = project.verdicts_path(derived.review.slug)
    name = project.relative(path)
    if not path.is_file():
        if begun and (derived.verdicts or derived.drawings):
            yield UserError("the verdicts of this review are missing", name, 0, _REFRESH)
        return
    if unreadable := _unreadable(path, name):
        yield unreadable
        return
    stored = project.stored(derived.review.slug)
    wrong = [*_compared(stored.verdicts, derived.verdicts), *_reasons(stored.undrawn, derived.undrawn)]
    for variant, verdicts in derived.robust.items():
        wrong += _compared(stored.robust.get(variant, ()), verdicts, f" in {variant}")
    others = [name for name in stored.robust if name not in derived.robust]
    wrong += [f"verdicts in {name} are there, and no such variant is declared" for name in others]
    same = (stored.verdicts, stored.robust) == (derived.verdicts, derived.robust)
    if not wrong and not (same and _is_canonical(path, stored)):
        wrong = ["it holds something else than verdicts, or not as they are written"]
    yield from (UserError(each, name, 0, _REFRESH) for each in wrong)


def _unreadable(path: Path, name: str) -> UserError | None:
    """Why a file holds no verdicts at all; a refresh replaces it whatever it holds."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return UserError(f"the verdicts of this review cannot be read: {reason(error)}", name, 0, _REFRESH)
    if wrong := store.wrong_with_verdicts(content):
        for line, text in enumerate(content.split(b"\n"), 1):
            if text.startswith(CONFLICT_MARKS):
                return UserError(CONFLICT, name, line, _REFRESH)
        return UserError(f"it holds no verdicts: {wrong}", name, 0, _REFRESH)
    return None


def _compared(published: Iterable[Verdict], given: Iterable[Verdict], at: str = "") -> Iterator[str]:
    """In words, how published verdicts differ from those that the records give; `at` names the variant, if any."""
    found = {(each.claim, each.scale): each for each in published}
    for verdict in given:
        of = f"verdict of '{verdict.claim}' at {verdict.scale}{at}"
        before = found.pop((verdict.claim, verdict.scale), None)
        if before is None:
            yield f"the {of} is missing; the records give {verdict.status}"
        elif before != verdict:
            yield f"the {of} {_difference(before, verdict)}"
    for claim, scale in found:
        yield f"a verdict of '{claim}' at {scale}{at} is there, and no such claim is declared"


def _difference(published: Verdict, given: Verdict) -> str:
    if published.status != given.status:
        return f"is {published.status}; the records give {given.status}"
    before, now = msgspec.structs.asdict(published), msgspec.structs.asdict(given)
    name = next(name for name in now if before[name] != now[name])
    return f"has {name.replace('_', ' ')} {_shown(before[name])}; the records give {_shown(now[name])}"


def _shown(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else "none" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _reasons(published: dict[str, str], given: dict[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*published, *given]):
        if name not in given:
            yield f"it says why '{name}' cannot be drawn, which is not so"
        elif published.get(name) != given[name]:
            yield f"it does not say why '{name}' cannot be drawn"


def _is_canonical(path: Path, stored: store.Verdicts) -> bool:
    try:
        return path.read_bytes() == store.encode_verdicts(stored)
    except OSError:
        return False


# Drawings


def _files(project: Project, review: Review, drawn: Drawn, begun: bool) -> Iterator[UserError]:
    """What is wrong with the files of a drawing."""
    if drawn.same:
        return
    kinds = ("drawing", "specification")
    given = (drawn.svg, drawn.specification)
    for kind, path, content in zip(kinds, paths(project, review, drawn.drawing), given, strict=True):
        name = project.relative(path)
        if not path.is_file():
            if content and begun:
                yield UserError(f"this {kind} is missing", name, 0, _REFRESH)
        elif not content:
            yield UserError(f"the records give no such {kind}", name, 0, _REFRESH)
        elif path.read_bytes() != content:
            yield UserError(f"this {kind} is not what the records give", name, 0, _REFRESH)


# Files that nothing declared gives


def strays(project: Project) -> list[UserError]:
    """What lies among the evidence and is of no review, or where laboratories belong and is none."""
    folder = project.root / "docs" / "evidence"
    slugs = reviewfiles.slugs(project.root)
    found = list(project.laboratory_mistakes)
    for path in _below(folder):
        if not path.is_dir() or path.is_symlink():
            found += [] if path.name in slugs else [_stray(project, path)]
        elif path.name not in slugs:
            found += [_stray(project, each) for each in _below(path)]
    return found


def _stray(project: Project, path: Path) -> UserError:
    name = project.relative(path)
    slug = path.relative_to(project.root / "docs" / "evidence").parts[0]
    known = any(review.slug == slug for review in project.reviews)
    if path.suffix == ".jsonl":
        hint = "remove it (git rm), or declare its verification and scale again"
        return UserError("this evidence belongs to no verification of a review", name, 0, hint)
    if not known:
        return UserError("this was derived for a review that is not there", name, 0, "remove it (git rm)")
    hint = "`verify refresh` removes it" if name.endswith((".svg", ".vl.json")) else _REMOVE
    return UserError("nothing that is declared gives this file", name, 0, hint)


def _below(folder: Path) -> list[Path]:
    """What lies in a folder, without what is hidden: that is not published."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


# Records


def contents(project: Project, review: Review) -> Iterator[UserError]:
    """Names that figures and claims ask records for, and no record has."""
    for verification, scale in project.rungs(review):
        try:
            evidence = project.evidence(review.slug, verification.id, scale)
        except UserErrors as wrong:
            yield from wrong.errors
            continue
        if evidence is not None:
            yield from _yet_to_come(project, evidence)
        if evidence is None or not evidence.records or project.laboratory.name:  # of code that was, it may lack names
            continue
        values = {each for record in evidence.records for each in record.values}
        parameters = {each for record in evidence.records for each in record.parameters}
        for line, what, known in _named(verification, values, parameters):
            if what not in known:
                message = f"no record of '{verification.id}' at {scale} has '{what}'"
                yield UserError(message, review.path, line, nearest(what, known))


def _yet_to_come(project: Project, evidence: Evidence) -> Iterator[UserError]:
    """Tests that are registered on a day after this one, wherever on earth it is."""
    last = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    name = project.relative(project.evidence_path(evidence.review, evidence.verification, evidence.scale))
    for each in evidence.registered:
        if each.on > last:
            message = f"the test of '{each.claim}' is registered on {each.on}, which is yet to come"
            yield UserError(message, name, 0, "was a clock wrong? restore the file with git, or delete it and rerun")


def _named(verification: Verification, values: set[str], parameters: set[str]) -> Iterator[tuple[int, str, set[str]]]:
    """Every name that figures and claims ask records for: its line, the name, and what there is."""
    for figure in verification.figures:
        if figure.spec is None:
            yield figure.line, figure.x, values | parameters
            yield figure.line, figure.y, values
    for claim in verification.claims:
        yield claim.line, claim.test.metric, values
