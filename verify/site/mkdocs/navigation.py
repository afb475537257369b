"""The navigation beside a page: of a section of many papers those near it, so that no page grows with their number."""

from __future__ import annotations

from collections.abc import Sequence

from mkdocs.structure import StructureItem
from mkdocs.structure.nav import Link, Navigation, Section

MOST = 30
"""A section with more entries is shown in part."""
NEAR = 10
"""Entries shown before and after the page's own."""


def near(nav: Navigation) -> Navigation:
    """`nav` as the page that is active in it shows it."""
    home = nav.homepage.url if nav.homepage else "."
    short = Navigation(_near(nav.items, home), [])  # given the pages, it would look through them for the home page
    short.homepage, short.pages = nav.homepage, nav.pages
    return short


def _near(items: Sequence[StructureItem], home: str) -> list[StructureItem]:
    found: list[StructureItem] = []
    for item in items:
        if not isinstance(item, Section):
            found.append(item)
            continue
        section = Section(item.title, _near(_shown(item), home))
        if len(item.children) > MOST:
            section.children.append(Link(f"All {len(item.children)} in the list", home))
        section.active = item.active
        found.append(section)
    return found


def _shown(section: Section) -> list[StructureItem]:
    """Its entries; of many those near the one that is active, or else the first."""
    entries = section.children
    if len(entries) <= MOST:
        return entries
    active = (place for place, each in enumerate(entries) if getattr(each, "active", False))
    own = next(active, 0) if section.active else 0
    return entries[max(0, own - NEAR) : own + NEAR + 1]
