"""The front matter: the paper, and the review's place in the list."""

from __future__ import annotations

import re
from typing import Any

from verify.format import foreign, needs
from verify.format.fields import (
    anything,
    day,
    each,
    expected,
    integer,
    listing,
    loose,
    mapping,
    matching,
    optional,
    record,
    required,
    text,
    url,
)
from verify.format.problems import Problems
from verify.format.yaml12 import Leaf, Node, Table
from verify.model import Paper, Untestable

LAST = 1000
"""`order` of a review that states none: after those that do."""

_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_ARXIV = r"\d{4}\.\d{4,5}(v\d+)?|[a-z-]+(\.[A-Z]{2})?/\d{7}(v\d+)?"


def _untestable(node: Node, _name: str, problems: Problems) -> Untestable | None:
    fields = {"says": required(text), "why": required(text), "source": optional(text, "")}
    values = record(node, "an item of `not_testable`", fields, problems)
    return None if values is None else Untestable(**values)


def _tags(node: Node, name: str, problems: Problems) -> tuple[str, ...] | None:
    """A list of words; of a text, the hint says how its words become one."""
    if isinstance(node, Leaf) and isinstance(node.value, str) and node.text.strip():
        expected(node, name, "a list of words", problems, f"write {foreign.words(node.text)}")
        return None
    return listing(text, "words")(node, name, problems)


_FIELDS = {
    "title": required(text),
    "authors": required(listing(text, "names")),
    "venue": required(text),
    "year": optional(integer(1800, 2199)),
    "arxiv": optional(matching(_ARXIV, "an arXiv number", "such as 1611.03530")),
    "section": required(text),
    "order": optional(integer(0), LAST),
    "tags": optional(_tags, ()),
    "summary": required(text),
    "reviewed": optional(day),
    "links": optional(mapping(url, "names to addresses"), {}),
    "files": optional(listing(text, "files"), ()),
    "data": optional(needs.data, ()),
    "packages": optional(needs.packages, ()),
    "not_testable": optional(each(_untestable, "claims that are not testable here"), ()),
    "metrics": optional(anything),
    "names": optional(anything),
}
_REQUIRED = tuple(name for name, field in _FIELDS.items() if field.required)
_OF_PAPER = ("title", "authors", "venue", "arxiv", "links")
_OF_REVIEW = ("section", "order", "tags", "summary", "reviewed", "files", "data", "packages", "not_testable")


def read(node: Node, problems: Problems, refusal: needs.Refusal) -> dict[str, Any] | None:
    """The fields of `Review` that the front matter holds; None where anything in it is wrong."""
    before = len(problems.found)
    if isinstance(node, Table) and foreign.is_foreign(node, _FIELDS):
        values = _foreign(node, problems)
    else:
        values = loose(node, "the front matter", _FIELDS, problems)
    if values is None:
        return None
    if values["data"] and isinstance(node, Table):
        needs.check_files(node.entries["data"].node, refusal, problems)
    year, venue = values["year"], values["venue"]
    if venue and isinstance(node, Table) and "year" not in node.entries:
        year = _year_of(venue)
        if year is None:
            hint = "add `year: 2017`, or write the venue as 'ICLR 2017'"
            problems.add(node.line, "no year: the venue holds none", hint)
    if len(problems.found) > before:
        return None
    paper = Paper(year=year, **{name: values[name] for name in _OF_PAPER})
    return {"paper": paper} | {name: values[name] for name in _OF_REVIEW}


def _foreign(table: Table, problems: Problems) -> dict[str, Any] | None:
    """Report another generator's front matter as one mistake, and what is wrong in the keys it shares with ours."""
    left = foreign.report(table, _FIELDS, _REQUIRED, problems)
    shared = {name: optional(field.convert, field.default) for name, field in _FIELDS.items()}
    return loose(left, "the front matter", shared, problems)


def without_toml(text: str, problems: Problems) -> tuple[str, bool]:
    """The text with front matter in TOML blanked, line for line; and whether there was such, which is reported."""
    return foreign.without_toml(text, _FIELDS, _REQUIRED, problems)


def line_of(text: str, key: str) -> int:
    """The line (1-based) of a key of the front matter in a review's whole text; 1 where it cannot be told."""
    for number, line in enumerate(text.split("\n")[1:], 2):
        if line.rstrip() == "---":
            break
        if re.match(rf"[\"']?{key}[\"']?\s*:", line):
            return number
    return 1


def _year_of(venue: str) -> int | None:
    found = _YEAR.findall(venue)
    return int(found[-1]) if found else None
