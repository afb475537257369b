"""Evidence into verdicts and drawn figures: re-judges and redraws what changed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from verify.drawing.failure import CannotDraw
from verify.errors import UserError, UserErrors, nearest, reason
from verify.model import Evidence, Figure, Review, Scale, Verdict, Verification
from verify.planning.catalogue import PACKAGE
from verify.planning.fingerprint import digest
from verify.planning.plan import fingerprint
from verify.project import store
from verify.project.project import Project

_encoder = msgspec.json.Encoder(order="sorted")
_JUDGING = ("model.py", "judging/*.py")
_DRAWING = ("model.py", "judging/*.py", "drawing/*.py")


class Refreshed(Struct, frozen=True):
    """What a refresh did, and what it could not do."""

    judged: tuple[str, ...]
    """Reviews whose verdicts were reached anew."""
    drawn: tuple[str, ...]
    """Files that were written."""
    removed: tuple[str, ...]
    """Drawings of figures that are no longer declared, or cannot be drawn."""
    mistakes: tuple[UserError, ...] = ()
    """Figures that cannot be drawn, and what keeps a review from being refreshed: all others were."""


class _Changes(Struct):
    judged: list[str] = []
    drawn: list[str] = []
    removed: list[str] = []
    mistakes: list[UserError] = []


def refresh(project: Project) -> Refreshed:
    """Bring `verdicts.json` and the drawings of every review up to date; a mistake costs its figure or its review."""
    done = _Changes()
    for review in project.reviews:
        linked = list(project.link_mistakes(review.slug))
        if linked:
            done.mistakes += linked
            continue
        try:
            _refresh(project, review, done)
        except UserErrors as wrong:
            done.mistakes += wrong.errors
        except OSError as error:
            path = project.relative(project.verdicts_path(review.slug).parent)
            done.mistakes.append(UserError(f"what belongs here cannot be read or written: {reason(error)}", path))
    return Refreshed(tuple(done.judged), tuple(done.drawn), tuple(done.removed), tuple(done.mistakes))


def _refresh(project: Project, review: Review, done: _Changes) -> None:
    stored = project.stored(review.slug)
    inputs = _inputs(project, review)
    verdicts = stored.verdicts
    if stored.inputs != inputs or stored.seal != _seal(inputs, stored.verdicts):
        verdicts = tuple(_verdicts(project, review))
        done.judged += [review.slug] if verdicts else []
    figures, undrawn = _draw(project, review, stored, done)
    done.removed += _sweep(project, review)
    content = store.encode_verdicts(store.Verdicts(inputs, _seal(inputs, verdicts), verdicts, figures, undrawn))
    if verdicts or figures:
        store.write_atomically(project.verdicts_path(review.slug), content)


def is_current(project: Project, review: Review) -> bool:
    """Whether verdicts and drawings are those of the review and the evidence as they stand."""
    if not review.claims and not any(True for _ in project.figures(review)):
        return True
    stored = project.stored(review.slug)
    inputs = _inputs(project, review)
    if stored.inputs != inputs or stored.seal != _seal(inputs, stored.verdicts):
        return False
    drawings = list(_drawings(project, review))
    if set(stored.undrawn) - {each.name for each in drawings}:
        return False
    expected = {each.name: _state(project, review, each, stored.undrawn.get(each.name, "")) for each in drawings}
    return stored.figures == expected


def mistakes(project: Project) -> list[UserError]:
    """Evidence that belongs to nothing declared: left over from a verification that was renamed or removed."""
    errors = []
    folder = project.root / "docs" / "evidence"
    declared = {project.evidence_path(r.slug, v.id, scale) for r in project.reviews for v, scale in project.rungs(r)}
    for path in sorted(folder.glob("*/*.jsonl")):
        if path not in declared:
            hint = "remove it (git rm), or declare its verification and scale again"
            errors.append(
                UserError("this evidence belongs to no verification of a review", project.relative(path), 0, hint)
            )
    slugs = {review.slug for review in project.reviews}
    for path in sorted(folder.glob("*/*")):
        if path.suffix in (".json", ".svg") and path.parent.name not in slugs:
            hint = "remove it (git rm): the review is gone"
            errors.append(UserError("this was derived for a review that is not there", project.relative(path), 0, hint))
    return errors


def content_mistakes(project: Project, review: Review) -> Iterator[UserError]:
    """Evidence that does not fit together: records that are not what they say, names that no record has."""
    for verification, scale in project.rungs(review):
        evidence = project.evidence(review.slug, verification.id, scale)
        if evidence is None or not evidence.records:
            continue
        name = project.relative(project.evidence_path(review.slug, verification.id, scale))
        for record in evidence.records:
            if record.fingerprint != fingerprint(scale, record):
                hint = "records are written by `verify run` only: restore the file with git, or delete it and run again"
                yield UserError(f"record {record.fingerprint} was changed: it is not the trial it says", name, 0, hint)
        values = {each for record in evidence.records for each in record.values}
        parameters = {each for record in evidence.records for each in record.parameters}
        for line, what, known in _named(verification, values, parameters):
            if what not in known:
                message = f"no record of '{verification.id}' at {scale} has '{what}'"
                yield UserError(message, review.path, line, nearest(what, known))


def _named(verification: Verification, values: set[str], parameters: set[str]) -> Iterator[tuple[int, str, set[str]]]:
    """Every name that figures and claims ask records for: its line, the name, and what there is."""
    for figure in verification.figures:
        if figure.spec is None:
            yield figure.line, figure.x, values | parameters
            yield figure.line, figure.y, values
    for claim in verification.claims:
        yield claim.line, claim.test.metric, values


def _verdicts(project: Project, review: Review) -> Iterator[Verdict]:
    from verify.judging.judge import judge

    for verification, scale in project.rungs(review):
        evidence = project.evidence(review.slug, verification.id, scale)
        trials = project.trials(review, verification, scale)
        blank = Evidence(review.slug, verification.id, scale)
        for claim in verification.claims:
            yield judge(claim, evidence or blank, trials, len(review.claims))


class _Drawing(Struct, frozen=True):
    """A file to draw, and the hash of all that decides what it looks like."""

    name: str
    verification: Verification
    figure: Figure
    scale: Scale | None
    """None: the paper's own numbers, which no scale of ours has."""
    key: str
    small: bool = False


def _drawings(project: Project, review: Review) -> Iterator[_Drawing]:
    """A drawing for every figure that has evidence, and a thumbnail of the first with claims beside it, not of bars."""
    from importlib import metadata  # takes longer to import than a run with nothing to do should

    labels = [verification.rungs for verification in review.verifications]
    common = _program(*_DRAWING) + digest(_encoder.encode(labels).decode()) + metadata.version("vl-convert-python")
    found = []
    for verification, figure, scale in project.figures(review):
        content = _bytes(project.evidence_path(review.slug, verification.id, scale))
        if content:
            declared = _encoder.encode(msgspec.structs.replace(figure, line=0)).decode()
            key = digest(common + declared + content)
            found.append(_Drawing(f"{figure.id}.{scale}", verification, figure, scale, key))
    yield from found
    for verification in review.verifications:
        for figure in verification.figures:
            if figure.paper is not None:
                key = digest(common + _encoder.encode(msgspec.structs.replace(figure, line=0)).decode())
                yield _Drawing(f"{figure.id}.paper", verification, figure, None, key)
    telling = sorted(found, key=lambda each: (not each.verification.claims, each.figure.mark == "bar"))
    for first in telling[:1]:
        yield msgspec.structs.replace(first, name="thumbnail", small=True)


def _draw(
    project: Project, review: Review, stored: store.Verdicts, done: _Changes
) -> tuple[dict[str, str], dict[str, str]]:
    """Draw what is outdated; per drawing the state it is in and, of those that cannot be drawn, why."""
    states: dict[str, str] = {}
    undrawn: dict[str, str] = {}
    for drawing in _drawings(project, review):
        reason = stored.undrawn.get(drawing.name, "")
        if stored.figures.get(drawing.name) != _state(project, review, drawing, reason):
            try:
                done.drawn += _write(project, review, drawing)
                reason = ""
            except CannotDraw as error:
                reason = error.reason
                _remove(project, review, drawing, done)
                if error.passing:  # another time, or on another machine, it may be drawn: nothing is said for good
                    done.mistakes.append(_undrawn(review, drawing, reason))
                    continue
        if reason:
            undrawn[drawing.name] = reason
            if not drawing.small:  # a thumbnail fails with its figure
                done.mistakes.append(_undrawn(review, drawing, reason))
        states[drawing.name] = _state(project, review, drawing, reason)
    return states, undrawn


def undrawn(project: Project, review: Review) -> Iterator[UserError]:
    """Figures that could not be drawn the last time, with the reason."""
    reasons = project.stored(review.slug).undrawn
    for drawing in _drawings(project, review):
        if drawing.name in reasons and not drawing.small:
            yield _undrawn(review, drawing, reasons[drawing.name])


def _undrawn(review: Review, drawing: _Drawing, reason: str) -> UserError:
    message, _, hint = reason.partition("\n")
    scale = f" at scale {drawing.scale}" if drawing.scale else ", the paper's numbers,"
    return UserError(
        f"figure '{drawing.figure.id}'{scale} cannot be drawn: {message}", review.path, drawing.figure.line, hint
    )


def _write(project: Project, review: Review, drawing: _Drawing) -> Iterator[str]:
    """Write a drawing and what it was drawn from; yields the drawing's path where it has changed."""
    from verify.drawing import figures

    prefix = f"{review.slug}-{drawing.name.replace('.', '-')}"
    if drawing.scale is None:
        made = figures.make_reported(drawing.figure, prefix)
    else:
        evidence = project.evidence(review.slug, drawing.verification.id, drawing.scale)
        assert evidence is not None, "only figures with evidence are drawn"
        labels = figures.labels(review)
        made = figures.make(drawing.figure, evidence, drawing.verification, labels, prefix, small=drawing.small)
    path = project.drawing_path(review.slug, drawing.name)
    if store.write_atomically(path, made.svg):
        yield project.relative(path)
    if made.specification:
        store.write_atomically(project.specification_path(review.slug, drawing.name), made.specification)


def _paths(project: Project, review: Review, drawing: _Drawing) -> tuple[Path, Path]:
    return project.drawing_path(review.slug, drawing.name), project.specification_path(review.slug, drawing.name)


def _remove(project: Project, review: Review, drawing: _Drawing, done: _Changes) -> None:
    """Remove an earlier drawing of what cannot be drawn now: it would show other evidence."""
    for path in _paths(project, review, drawing):
        if path.is_symlink() or path.is_file():
            path.unlink()
            done.removed.append(project.relative(path))


def _state(project: Project, review: Review, drawing: _Drawing, reason: str) -> str:
    """What `verdicts.json` says of a drawing that is up to date, untouched and there, or that cannot be drawn.

    Empty, which it never says, where a file should be there and is not, or should not and is.
    """
    contents = [_bytes(path)[:16] for path in _paths(project, review, drawing)]
    wanted = [not reason, not reason and not drawing.small]
    if [bool(content) for content in contents] != wanted:
        return ""
    return " ".join([drawing.key, *([digest(reason)[:16]] if reason else filter(None, contents))])


def _seal(inputs: str, verdicts: Sequence[Verdict]) -> str:
    return digest(inputs + _encoder.encode(verdicts).decode())


def _inputs(project: Project, review: Review) -> str:
    """A hash of all that decides a review's verdicts: claims, grids, evidence, and the code that judges."""
    parts = [_program(*_JUDGING)]
    for verification, scale in project.rungs(review):
        claims = [msgspec.structs.replace(claim, line=0) for claim in verification.claims]
        parts.append(_encoder.encode([verification.id, verification.rungs[scale], claims]).decode())
        parts.append(_bytes(project.evidence_path(review.slug, verification.id, scale)))
    return digest("\n".join(parts))


def _bytes(path: Path) -> str:
    """A file's hash; empty where there is none."""
    try:
        return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    except OSError:  # what cannot be read is not what was written; of evidence, reading it says why
        return "unreadable"


@cache
def _program(*patterns: str) -> str:
    """A hash of modules of this program, so that a change of how it judges or draws is a reason to do so again."""
    paths = [path for pattern in patterns for path in sorted(PACKAGE.glob(pattern))]
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _sweep(project: Project, review: Review) -> Iterator[str]:
    """Remove drawings of figures that are not declared, or have no evidence any more: they can be drawn again."""
    kept = {path for drawing in _drawings(project, review) for path in _paths(project, review, drawing)}
    folder = project.verdicts_path(review.slug).parent
    for path in sorted([*folder.glob("*.svg"), *folder.glob("*.vl.json")]):
        if path not in kept and not path.name.startswith(".") and (path.is_symlink() or path.is_file()):
            path.unlink()
            yield project.relative(path)
