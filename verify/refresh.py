"""Evidence into verdicts and drawn figures: re-judges and redraws what changed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from verify import store
from verify.errors import UserError, UserErrors
from verify.fingerprint import digest
from verify.model import Evidence, Figure, Review, Scale, Verdict, Verification
from verify.project import Project

_encoder = msgspec.json.Encoder(order="sorted")
_JUDGING = ("judge.py", "model.py", "inference/*.py")
_DRAWING = ("figures.py", "model.py", "inference/*.py", "charts/*.py")


class Refreshed(Struct, frozen=True):
    """What a refresh did."""

    judged: tuple[str, ...]
    """Reviews whose verdicts were reached anew."""
    drawn: tuple[str, ...]
    """Files that were written."""
    removed: tuple[str, ...]
    """Drawings of figures that are no longer declared."""


def refresh(project: Project) -> Refreshed:
    """Bring `verdicts.json` and the drawings of every review up to date."""
    judged: list[str] = []
    drawn: list[str] = []
    removed: list[str] = []
    for review in project.reviews:
        stored = project.stored(review.slug)
        inputs = _inputs(project, review)
        verdicts = stored.verdicts
        if stored.inputs != inputs:
            verdicts = tuple(_verdicts(project, review))
            judged.append(review.slug)
        figures = dict(_draw(project, review, stored.figures, drawn))
        removed += _sweep(project, review)
        content = store.encode_verdicts(store.Verdicts(inputs, verdicts, figures))
        if verdicts or figures:
            store.write_atomically(project.verdicts_path(review.slug), content)
    return Refreshed(tuple(judged), tuple(drawn), tuple(removed))


def is_current(project: Project, review: Review) -> bool:
    """Whether verdicts and drawings are those of the review and the evidence as they stand."""
    if not review.claims and not any(True for _ in project.figures(review)):
        return True
    stored = project.stored(review.slug)
    drawings = {drawing.name: drawing.key for drawing in _drawings(project, review)}
    return stored.inputs == _inputs(project, review) and stored.figures == drawings


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
    return errors


def _verdicts(project: Project, review: Review) -> Iterator[Verdict]:
    from verify.judge import judge

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
    scale: Scale
    key: str
    small: bool = False


def _drawings(project: Project, review: Review) -> Iterator[_Drawing]:
    """A drawing for every figure that has evidence, and a thumbnail of the first that has claims beside it."""
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
    first = next((each for each in found if each.verification.claims), found[0] if found else None)
    if first is not None:
        yield msgspec.structs.replace(first, name="thumbnail", small=True)


def _draw(project: Project, review: Review, stored: dict[str, str], drawn: list[str]) -> Iterator[tuple[str, str]]:
    for drawing in _drawings(project, review):
        path = project.drawing_path(review.slug, drawing.name)
        outdated = stored.get(drawing.name) != drawing.key or not path.is_file()
        if outdated and store.write_atomically(path, _svg(project, review, drawing).encode()):
            drawn.append(project.relative(path))
        yield drawing.name, drawing.key


def _svg(project: Project, review: Review, drawing: _Drawing) -> str:
    from verify import figures

    evidence = project.evidence(review.slug, drawing.verification.id, drawing.scale)
    assert evidence is not None, "only figures with evidence are drawn"
    try:
        specification = figures.specification(drawing.figure, evidence, drawing.verification, figures.labels(review))
        if drawing.small:
            specification = figures.thumbnail(specification)
        return figures.draw(specification, f"{review.slug}-{drawing.name.replace('.', '-')}")
    except UserError as error:
        raise UserErrors([UserError(error.message, review.path, drawing.figure.line, error.hint)]) from None


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
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@cache
def _program(*patterns: str) -> str:
    """A hash of modules of this program, so that a change of how it judges or draws is a reason to do so again."""
    paths = [path for pattern in patterns for path in sorted(Path(__file__).parent.glob(pattern))]
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _sweep(project: Project, review: Review) -> Iterator[str]:
    """Remove drawings of figures that are not declared, or have no evidence any more: they can be drawn again."""
    kept = {project.drawing_path(review.slug, drawing.name) for drawing in _drawings(project, review)}
    folder = project.verdicts_path(review.slug).parent
    for path in sorted(folder.glob("*.svg")):
        if path not in kept:
            path.unlink()
            yield project.relative(path)
