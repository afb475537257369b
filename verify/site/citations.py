"""How to cite a paper and its review: BibTeX, and the meta tags that reference managers read.

The tags are those of Highwire Press, which Zotero, Mendeley and Google Scholar know.  They name the paper, not the
review: it is what a reader of the page wants in a bibliography.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from msgspec import Struct

from verify.model import Paper, Review

_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{char: f"\\{char}" for char in "&%$#_{}"},
    }
)
_JOURNAL = re.compile(r"\b(journal|transactions|letters|magazine|jmlr|tmlr|nature|science|annals)\b", re.IGNORECASE)
_ARXIV = re.compile(r"arxiv", re.IGNORECASE)


class Site(Struct, frozen=True):
    """What a citation of a review says of the site."""

    name: str = "Verified Paper Reviews"
    url: str = ""
    """Where it is published, ending in `/`; empty where that is not known."""


def of_paper(paper: Paper) -> str:
    """The BibTeX entry of the paper."""
    kind, place = _kind(paper.venue)
    fields = {
        "title": f"{{{_tex(paper.title)}}}",
        "author": " and ".join(map(_tex, paper.authors)),
        **({place: _tex(_without_year(paper.venue, paper.year))} if place else {}),
        "year": str(paper.year),
        **({"eprint": _tex(paper.arxiv), "archivePrefix": "arXiv"} if paper.arxiv else {}),
    }
    return _entry(kind, _key(paper), fields)


def of_review(review: Review, site: Site, address: str) -> str:
    """The BibTeX entry of the review; `address` is that of its page, relative to the site's root."""
    fields = {
        "title": f"{{{_tex('A review by experiment of: ' + review.paper.title)}}}",
        "author": f"{{{_tex(site.name)}}}",
        **({"year": review.reviewed[:4]} if review.reviewed else {}),
        **({"url": site.url + address} if site.url else {}),
        **({"note": _tex(f"Reviewed {review.reviewed}")} if review.reviewed else {}),
    }
    return _entry("misc", f"review-{review.slug}", fields)


def tags(paper: Paper) -> Iterator[tuple[str, str]]:
    """Name and content of the meta tags of the paper."""
    kind, _ = _kind(paper.venue)
    yield "citation_title", paper.title
    for author in paper.authors:
        yield "citation_author", author
    yield "citation_publication_date", str(paper.year)
    if kind != "misc":
        name = "citation_journal_title" if kind == "article" else "citation_conference_title"
        yield name, _without_year(paper.venue, paper.year)
    if paper.arxiv:
        yield "citation_arxiv_id", paper.arxiv
        yield "citation_pdf_url", f"https://arxiv.org/pdf/{paper.arxiv}"


def _kind(venue: str) -> tuple[str, str]:
    """The kind of BibTeX entry, and the field that names the venue there."""
    if _ARXIV.match(venue):
        return "misc", ""
    return ("article", "journal") if _JOURNAL.search(venue) else ("inproceedings", "booktitle")


def _without_year(venue: str, year: int) -> str:
    """`ICLR 2017 (oral)` → `ICLR`: the year has its own field, and remarks are none of a bibliography's."""
    return " ".join(re.sub(r"\(.*?\)", "", venue).replace(str(year), "").split()) or venue


def _key(paper: Paper) -> str:
    """`lovelace1843notes`: last name of the first author, year, first long word of the title."""
    words = [word for word in re.findall(r"[a-z0-9]+", _ascii(paper.title)) if len(word) > 3]
    names = re.findall(r"[a-z]+", _ascii(paper.authors[0]) if paper.authors else "")
    return f"{names[-1] if names else 'paper'}{paper.year}{words[0] if words else ''}"


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def _tex(text: str) -> str:
    return text.translate(_SPECIAL)


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    width = max(map(len, fields))
    lines = [f"  {name:<{width}} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
