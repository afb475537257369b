"""Addresses within the site, relative to the page they stand on, so that it can be served from any folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from posixpath import dirname, relpath
from urllib.parse import quote

Link = Callable[[str], str]
"""From a path relative to the docs folder, with an anchor perhaps, to what goes into `href`."""


def link_from(page: str, directory_urls: bool, notebooks: bool = True) -> Link:
    """Links on the page made from the Markdown file `page`.

    Args:
        page: path of the Markdown file, relative to the docs folder.
        directory_urls: whether `a/b.md` is served as `a/b/`, MkDocs' default, or as `a/b.html`.
        notebooks: whether pages are made of notebooks as of Markdown.
    """
    address = partial(_address, directory_urls=directory_urls, kinds=(".md", ".ipynb") if notebooks else (".md",))
    return partial(_relative, address(page), address)


def _relative(origin: str, address_of: Callable[[str], str], target: str) -> str:
    path, hash_sign, fragment = target.partition("#")
    address = address_of(path)
    relative = relpath(address or ".", dirname(origin) or ".")
    if address.endswith("/") or not address:
        relative += "/"
    return quote(relative) + hash_sign + quote(fragment)


def _address(path: str, directory_urls: bool, kinds: tuple[str, ...]) -> str:
    """Where a file of the docs folder is served, relative to the site's root; a page ends in `/` or `.html`."""
    stem, dot, kind = path.rpartition(".")
    if dot + kind not in kinds:
        return path
    if stem == "index" or stem.endswith("/index"):
        return stem.removesuffix("index") if directory_urls else f"{stem}.html"
    return f"{stem}/" if directory_urls else f"{stem}.html"
