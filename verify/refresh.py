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
    figures = {_figure_key(figure, scale): key for _, figure, scale, key in _wanted(project, review)}
    return stored.inputs == _inputs(project, review) and stored.figures == figures


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


def _draw(project: Project, review: Review, stored: dict[str, str], drawn: list[str]) -> Iterator[tuple[str, str]]:
    for verification, figure, scale, key in _wanted(project, review):
        path = project.svg_path(review.slug, figure.id, scale)
        outdated = stored.get(_figure_key(figure, scale)) != key or not path.is_file()
        if outdated and store.write_atomically(path, _svg(project, review, verification, figure, scale).encode()):
            drawn.append(project.relative(path))
        yield _figure_key(figure, scale), key


def _svg(project: Project, review: Review, verification: Verification, figure: Figure, scale: Scale) -> str:
    from verify import figures

    evidence = project.evidence(review.slug, verification.id, scale)
    assert evidence is not None, "only figures with evidence are drawn"
    try:
        specification = figures.specification(figure, evidence, verification, figures.labels(review))
        return figures.draw(specification, f"{review.slug}-{figure.id}-{scale}")
    except UserError as error:
        raise UserErrors([UserError(error.message, review.path, figure.line, error.hint)]) from None


def _wanted(project: Project, review: Review) -> Iterator[tuple[Verification, Figure, Scale, str]]:
    """The figures that have evidence, each with the hash of all that decides its drawing."""
    from importlib import metadata  # takes longer to import than a run with nothing to do should

    labels = [verification.rungs for verification in review.verifications]
    common = _program(*_DRAWING) + digest(_encoder.encode(labels).decode()) + metadata.version("vl-convert-python")
    for verification, figure, scale in project.figures(review):
        content = _bytes(project.evidence_path(review.slug, verification.id, scale))
        if content:
            declared = _encoder.encode(msgspec.structs.replace(figure, line=0)).decode()
            yield verification, figure, scale, digest(common + declared + content)


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
    kept = {project.svg_path(review.slug, figure.id, scale) for _, figure, scale, _ in _wanted(project, review)}
    folder = project.verdicts_path(review.slug).parent
    for path in sorted(folder.glob("*.svg")):
        if path not in kept:
            path.unlink()
            yield project.relative(path)


def _figure_key(figure: Figure, scale: Scale) -> str:
    return f"{figure.id}.{scale}"
