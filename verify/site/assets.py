"""The site's style and scripts, under names that change with their content, so that no reader keeps an old one."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent / "assets"
STYLES = ("verify.css", "mathml.css")
"""Of every page."""


def path(name: str) -> str:
    """Where an asset is served, relative to the site's root."""
    return named(name, (FOLDER / name).read_bytes())


def named(name: str, content: bytes) -> str:
    """Where something with that content is served."""
    stem, _, kind = name.rpartition(".")
    return f"assets/{stem}.{sha256(content).hexdigest()[:8]}.{kind}"


def published() -> dict[str, bytes]:
    """Every asset by where it is served."""
    return {path(file.name): file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.is_file()}
