"""Evidence into verdicts and drawn figures: writes what the records give, where that is not there already."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from verify.errors import UserError, reason
from verify.project import audit, store
from verify.project.derived import Derivation, Derived, Drawn, paths
from verify.project.project import Project


class Refreshed(Struct, frozen=True):
    """What a refresh did, and what it could not do."""

    judged: tuple[str, ...]
    """Reviews, those of laboratories with these, whose `verdicts.json` is another now."""
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
    done.mistakes += project.laboratory_mistakes
    with Derivation(project, project.reviews) as derivation:
        for derived in derivation.results():
            done.mistakes += derived.mistakes
            if derived.mistakes:
                continue
            try:
                _write(derived, done)
            except OSError as error:
                path = project.relative(derived.project.verdicts_path(derived.review.slug).parent)
                done.mistakes.append(UserError(f"what belongs here cannot be read or written: {reason(error)}", path))
    return Refreshed(tuple(done.judged), tuple(done.drawn), tuple(done.removed), tuple(done.mistakes))


def _write(derived: Derived, done: _Changes) -> None:
    """Write what is not there, and remove what the records do not give."""
    project, review = derived.project, derived.review
    kept: set[Path] = set()
    for drawn in derived.drawings:
        files = _files(derived, drawn)
        written = [path for path, content in files.items() if content and store.write_atomically(path, content)]
        done.drawn += map(project.relative, written[:1])  # of a drawing and its specification, the former is told
        kept |= set(files)
        if drawn.reason and not drawn.drawing.small:  # a thumbnail fails with its figure
            done.mistakes.append(audit.undrawn(review, drawn))
    # Drawings of what is not declared, has no evidence any more, or cannot be drawn now: they show other evidence.
    folder = project.verdicts_path(review.slug).parent
    for path in sorted([*folder.glob("*.svg"), *folder.glob("*.vl.json")]):
        if path not in kept and not path.name.startswith(".") and (path.is_symlink() or path.is_file()):
            path.unlink()
            done.removed.append(project.relative(path))
    content = store.encode_verdicts(store.Verdicts(derived.verdicts, derived.undrawn, derived.robust))
    path = project.verdicts_path(review.slug)
    if (derived.verdicts or derived.drawings or path.is_file()) and store.write_atomically(path, content):
        name = project.laboratory.name
        done.judged.append(f"{review.slug} in laboratory {name}" if name else review.slug)


def _files(derived: Derived, drawn: Drawn) -> dict[Path, bytes | None]:
    """The files that belong to a drawing, with their contents; None where they are right as they are."""
    if drawn.reason:
        return {}
    both = paths(derived.project, derived.review, drawn.drawing)
    given = [(both[0], drawn.svg), (both[1], drawn.specification)][: 1 if drawn.drawing.small else 2]
    return {path: None if drawn.same else content for path, content in given}
