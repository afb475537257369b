"""Changes of verdicts for readers: why, in words; what the page of them lists; and a feed of them (Atom)."""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from itertools import groupby
from urllib.parse import urljoin

from msgspec import Struct

from verify.errors import listed, visible
from verify.judging.changes import Asked, Cause
from verify.model import Terms
from verify.project.history import History, Step
from verify.site import words
from verify.site.links import Link, link_from
from verify.site.views import ClaimView, ReviewView
from verify.terms import PLAIN, Quantity, of_estimate, of_statistic

_NONE = Terms()

PAGE = "changes.md"
PATH = "changes.xml"
"""Where the feed is served, relative to the site's root."""
MOST_ENTRIES = 50
MOST_ROWS = 500
_LONGEST = 160
"""Characters that are shown of one thing that changed."""
_ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not have."""


# In words


def cause(each: Cause, terms: Terms = _NONE) -> str:
    """One thing that is not what it was, as a clause; `terms`: the words of the review as it is now."""
    if isinstance(each.before, Asked) and isinstance(each.now, Asked):
        return _of_test(each.kind, each.before, each.now, terms)
    if each.kind == "code":
        return f"code: {_cut(listed([name.rpartition(':')[2] for name in each.names]))}"
    if each.kind == "unknown":
        return f"not all of it can be read: {_cut('; '.join(each.names))}"
    if each.kind == "judging":
        return "judged otherwise: test and results are the same"
    if each.kind == "rerun":
        return "run again: nothing that is declared changed"
    name = "confidence level" if each.kind == "level" else each.kind
    return f"{name}: {_cut(str(each.before))} → {_cut(str(each.now))}"


def _of_test(kind: str, before: Asked, now: Asked, terms: Terms) -> str:
    if kind == "control":
        was, becomes = (words.where(each.control, terms) if each.control else "none" for each in (before, now))
        return f"control: {_cut(was)} → {_cut(becomes)}"
    criteria = before.test.criterion, now.test.criterion
    if kind == "criterion" and criteria[0].every == criteria[1].every:
        was, becomes = (words.criterion(each.test.criterion, of_statistic(each.test, terms)) for each in (before, now))
        if was != becomes:
            return f"criterion: {was} → {becomes}"
    return f"test: {_cut(words.asks(before.test, terms))} → {_cut(words.asks(now.test, terms))}"


def _cut(text: str) -> str:
    text = visible(text).replace("\n", " ")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def seeds_added(step: Step) -> str:
    """How many seeds a verdict has more than the first one that was published; empty where none."""
    return f"{words.count(step.added, 'seed')} added since it was first published" if step.added > 0 else ""


# The page


class Row(Struct, frozen=True):
    """A change, and the claim as it stands now, where it still does."""

    step: Step
    view: ReviewView | None
    claimed: ClaimView | None
    why: tuple[str, ...]
    shown: Quantity
    """In which unit its numbers are: that of the claim as it stands now."""

    @property
    def name(self) -> str:
        """What the claim says, or only what it was called."""
        return self.claimed.claim.says if self.claimed else f"@{self.step.claim}"


def flips(history: History) -> list[Step]:
    """Verdicts that stood and became other ones, or were withdrawn; those of the latest commit first."""
    commits = [list(group) for _, group in groupby(history.steps, lambda step: step.commit)]
    return [step for steps in reversed(commits) for step in steps if step.changed]


def rows(history: History, views: Mapping[str, ReviewView]) -> list[Row]:
    """The latest of them, for the page."""
    return [_row(step, views) for step in flips(history)[:MOST_ROWS]]


def _row(step: Step, views: Mapping[str, ReviewView]) -> Row:
    view = views.get(step.review)
    claimed = next((each for each in view.claims if each.claim.id == step.claim), None) if view else None
    if claimed is None:
        return Row(step, view, None, tuple(why(step)), PLAIN)
    terms = claimed.verification.terms
    return Row(step, view, claimed, tuple(why(step, terms)), of_estimate(claimed.claim.test, terms))


def why(step: Step, terms: Terms = _NONE) -> Iterator[str]:
    """Why a verdict changed, in the words of the review, and how many seeds were added to it."""
    if step.now is None:
        yield "withdrawn: the claim is not tested at this scale any more"
    yield from (cause(each, terms) for each in step.causes)
    if added := seeds_added(step):
        yield added


# The feed


def feed(history: History, views: Mapping[str, ReviewView], title: str, site: str, directory_urls: bool = True) -> str:
    """The latest changes as Atom (RFC 4287).

    Args:
        history: of the project.
        views: of its reviews, by name.
        title: of the site.
        site: its address, with a slash at the end: readers of a feed need whole addresses.
        directory_urls: as of `pages.render`.
    """
    link = link_from("index.md", directory_urls)
    changes = urljoin(site, link(PAGE))
    steps = flips(history)[:MOST_ENTRIES]
    root = ET.Element("feed", xmlns=_ATOM)
    _add(root, "id", urljoin(site, PATH))
    _add(root, "title", f"Changes of verdicts: {title}")
    _add(root, "updated", max((step.on for step in steps), default=history.on))
    ET.SubElement(root, "link", rel="self", type="application/atom+xml", href=urljoin(site, PATH))
    ET.SubElement(root, "link", rel="alternate", type="text/html", href=changes)
    _add(ET.SubElement(root, "author"), "name", title)
    for step in steps:
        _entry(root, _row(step, views), site, link, changes)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _entry(root: ET.Element, row: Row, site: str, link: Link, changes: str) -> None:
    step = row.step
    entry = ET.SubElement(root, "entry")
    name = f"{step.commit}/{step.review}@{step.claim}/{step.scale}"
    _add(entry, "id", uuid.uuid5(uuid.NAMESPACE_URL, name).urn)  # the same wherever the site moves
    _add(entry, "title", f"{step.review}@{step.claim} at {step.scale}: {_words(step)}")
    _add(entry, "updated", step.on)
    address = urljoin(site, link(f"{row.view.page}#claim-{step.claim}")) if row.view and row.claimed else changes
    ET.SubElement(entry, "link", rel="alternate", type="text/html", href=address)
    ET.SubElement(entry, "category", term=step.review)
    _add(entry, "content", "\n".join(_said(row)), type="text")


def _words(step: Step) -> str:
    before, now = (each.status if each else "withdrawn" for each in (step.before, step.now))
    return f"{before} → {now}"


def _said(row: Row) -> Iterator[str]:
    if row.view:
        yield f"{row.view.review.paper.title}:"
    yield row.name
    step = row.step
    numbers = [words.measured(each, row.shown) for each in (step.before, step.now) if each]
    if any(numbers):
        yield f"estimate: {' → '.join(each or 'none' for each in numbers)}"
    yield from row.why
    yield f"commit {step.commit[:12]}"


def _add(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = _NOT_XML.sub("\ufffd", text)
