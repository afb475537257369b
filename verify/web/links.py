"""Addresses within the site, relative to the page they stand on, so that it can be served from any folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from posixpath import dirname, relpath
from urllib.parse import quote

Link = Callable[[str], str]
"""From a path relative to the docs folder, with an anchor perhaps, to what goes into `href`."""

PAGES = (".md", ".ipynb")
"""What a generator makes pages of."""


def link_from(page: str, directory_urls: bool) -> Link:
    """Links on the page made from the Markdown file `page`.

    Args:
        page: path of the Markdown file, relative to the docs folder.
        directory_urls: whether `a/b.md` is served as `a/b/`, MkDocs' default, or as `a/b.html`.
    """
    return partial(_relative, _address(page, directory_urls), directory_urls)


def _relative(origin: str, directory_urls: bool, target: str) -> str:
    path, hash_sign, fragment = target.partition("#")
    address = _address(path, directory_urls)
    relative = relpath(address or ".", dirname(origin) or ".")
    if address.endswith("/") or not address:
        relative += "/"
    return quote(relative) + hash_sign + quote(fragment)


def _address(path: str, directory_urls: bool) -> str:
    """Where a file of the docs folder is served, relative to the site's root; a page ends in `/` or `.html`."""
    stem, dot, kind = path.rpartition(".")
    if dot + kind not in PAGES:
        return path
    if stem == "index" or stem.endswith("/index"):
        return stem.removesuffix("index") if directory_urls else f"{stem}.html"
    return f"{stem}/" if directory_urls else f"{stem}.html"
