"""What pages refer to and a build makes: tables as CSV, and the engine of interactive figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

from verify.errors import UserErrors
from verify.model import Review
from verify.project import cached
from verify.project.project import Project
from verify.site import tables

_EXPORT = "window.vegaEmbed = vegaEmbed;"
"""What the engine gives to a page."""


@cache
def engine_path() -> str:
    """Where Vega, Vega-Lite and Vega-Embed are served, as one script: named by what it is made by and of."""
    from importlib import metadata

    from verify.drawing.svg import VEGA_LITE

    made_by = f"{metadata.version('vl-convert-python')} {VEGA_LITE} {_EXPORT}"
    return f"assets/vega.{sha256(made_by.encode()).hexdigest()[:8]}.js"


def engine(root: Path) -> bytes:
    """The script itself; putting it together takes seconds, so the project keeps it with what it caches."""
    name = Path(engine_path()).name
    kept = cached.read(root, name)
    if kept is None:
        import vl_convert  # loads a JavaScript engine

        from verify.drawing.svg import VEGA_LITE

        kept = vl_convert.javascript_bundle(_EXPORT, VEGA_LITE).encode()
        cached.write(root, name, kept)
    return kept


def explorable(drawing: str) -> str:
    """Where the specification lies that a browser makes the figure of a drawing from."""
    return drawing.removesuffix(".svg") + ".vl.json"


def beside(project: Project) -> dict[str, bytes]:
    """Files that pages refer to and that lie nowhere yet, by their path relative to the site's root.

    Nothing is made for a review whose evidence cannot be read: its page says why (as of `pages.broken`).
    """
    found: dict[str, bytes] = {}
    figures = ((review, *each) for review in project.reviews for each in project.figures(review))
    if any(project.svg_path(review.slug, figure.id, scale).is_file() for review, _, figure, scale in figures):
        found[engine_path()] = engine(project.root)
    for review in project.reviews:
        with suppress(UserErrors):
            found |= dict(_tables(project, review))
    return found


def _tables(project: Project, review: Review) -> Iterator[tuple[str, bytes]]:
    """The records of a review, as CSV."""
    for verification, scale in project.rungs(review):
        evidence = project.evidence(review.slug, verification.id, scale)
        if evidence and evidence.records:
            yield tables.csv_path(review.slug, verification.id, scale), tables.as_csv(evidence).encode()
