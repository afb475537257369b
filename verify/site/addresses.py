"""Addresses that a page may lead to or show: no scripts, and no images from another host."""

from __future__ import annotations

from html import escape
from posixpath import basename
from urllib.parse import urlsplit

_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])
_UNSEEN = dict.fromkeys([*range(32), 127])


def address(written: str) -> str:
    """An address as a browser reads it, which knows no control characters in one."""
    return written.translate(_UNSEEN).strip()


def refused_link(written: str) -> str:
    """Why a link may not lead to this address; empty where it may."""
    read = address(written)
    if read[:2].replace("\\", "/") == "//":
        return "it does not say by which protocol: write `https://…`"
    scheme = _scheme(read)
    if scheme and scheme not in ("http", "https", "mailto"):
        return f"`{scheme}:` is no address of a page: `https:`, `http:`, `mailto:` and files of the project are"
    return ""


def is_remote(written: str) -> bool:
    """Whether a browser would ask another host for it."""
    read = address(written)
    return read[:2].replace("\\", "/") == "//" or _scheme(read) not in ("", "data")


def refused_source(written: str) -> str:
    """Why an image may not come from this address; empty where it may: it is that of a file of the project."""
    if not address(written):
        return "it names no file"
    if _scheme(address(written)) == "data":
        return "it stands in the page itself (`data:`)"
    if len(_scheme(address(written))) == 1:
        return "its address is that of a file of one machine"
    return "it lies on another host" if is_remote(written) else ""


def _scheme(read: str) -> str:
    name, colon, _ = read.partition(":")
    known = (
        name[:1].isascii()
        and name[:1].isalpha()
        and all(each.isascii() and (each.isalnum() or each in "+-.") for each in name)
    )
    return name.lower() if colon and known else ""


def remote_image(alt: str, src: str, linked: bool = False) -> str:
    """What stands in the place of an image that would be fetched from elsewhere: a link to it.

    Args:
        alt: its alternative text.
        src: where it lies.
        linked: whether it stands in a link already.
    """
    text = image_text(alt, src)
    if linked or refused_link(src) or not is_remote(src):
        return text
    return f'<a href="{escape(address(src))}">{text}</a>'


def anchor(written: str) -> str:
    """An id that an author may give; empty for one that the theme's scripts look for, and for none."""
    return "" if written.startswith("__") else "".join(readable(written).split())


def _file_name(src: str) -> str:
    try:
        parts = urlsplit(address(src))
    except ValueError:
        return "without a description"
    if parts.scheme == "data":
        return "without a description"
    return basename(parts.path) or parts.netloc or "without a description"


def image_text(alt: str, src: str) -> str:
    """What is written where an image cannot be shown."""
    return f"image: {escape(readable(alt).strip() or _file_name(src))}"


def readable(text: str) -> str:
    """A text without characters that HTML does not have."""
    return text.translate(_CONTROLS)
