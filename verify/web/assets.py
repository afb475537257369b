"""The site's style and scripts, under names that change with their content, so that no reader keeps an old one."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent / "assets"


def path(name: str) -> str:
    """Where an asset is served, relative to the site's root."""
    file = FOLDER / name
    return f"assets/{file.stem}.{sha256(file.read_bytes()).hexdigest()[:8]}{file.suffix}"


def published() -> dict[str, bytes]:
    """Every asset by where it is served."""
    return {path(file.name): file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.is_file()}
