"""The reviews as a feed (RSS 2.0), for whoever wants to hear of new ones."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urljoin

from verify.project.project import Project
from verify.site.links import link_from
from verify.site.viewing import view
from verify.site.views import ReviewView, Tally

PATH = "feed.xml"
"""Where it is served, relative to the site's root."""
_ATOM = "http://www.w3.org/2005/Atom"


def feed(project: Project, title: str, description: str, site: str, directory_urls: bool = True) -> str:
    """The feed, the latest review first.

    Args:
        project: whose reviews these are.
        title: of the site.
        description: of the site, in a sentence.
        site: its address, with a slash at the end: readers of a feed need whole addresses.
        directory_urls: as of `pages.render`.
    """
    ET.register_namespace("atom", _ATOM)
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    for name, text in {"title": title, "link": site, "description": description, "language": "en"}.items():
        ET.SubElement(channel, name).text = text
    own = {"href": urljoin(site, PATH), "rel": "self", "type": "application/rss+xml"}
    ET.SubElement(channel, f"{{{_ATOM}}}link", own)
    link = link_from("index.md", directory_urls)
    for review in sorted(project.reviews, key=lambda review: review.reviewed or "", reverse=True):
        shown = view(project, review)
        _item(channel, shown, urljoin(site, link(shown.page)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _item(channel: ET.Element, shown: ReviewView, address: str) -> None:
    review = shown.review
    item = ET.SubElement(channel, "item")
    ET.SubElement(item, "title").text = review.paper.title
    ET.SubElement(item, "link").text = address
    ET.SubElement(item, "guid").text = address
    ET.SubElement(item, "description").text = " ".join([review.summary, *map(_counted, shown.tallies)])
    for tag in review.tags:
        ET.SubElement(item, "category").text = tag
    if review.reviewed:
        day = datetime.fromisoformat(review.reviewed).replace(tzinfo=UTC)
        ET.SubElement(item, "pubDate").text = format_datetime(day, usegmt=True)


def _counted(tally: Tally) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in tally.counts.items())
    return f"Claims at {tally.scale}: {counts}." if tally.scale else f"At every scale: {counts}."
