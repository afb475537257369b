"""The contents of a page of ours, as MkDocs and its search want them."""

from __future__ import annotations

from collections.abc import Sequence

from mkdocs.structure.toc import AnchorLink, TableOfContents

from verify.site.headings import Heading


def of(headings: Sequence[Heading]) -> TableOfContents:
    """Headings by their levels: each lies below the last one before it that is of a higher level."""
    top: list[AnchorLink] = []
    path: list[AnchorLink] = []
    for each in headings:
        link = AnchorLink(each.text, each.id, each.level)
        while path and path[-1].level >= each.level:
            path.pop()
        (path[-1].children if path else top).append(link)
        path.append(link)
    return TableOfContents(top)
