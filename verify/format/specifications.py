"""A figure's full Vega-Lite `spec`: what it may not hold, found before anything is drawn.

A figure is made of the records and of what stands in the review.  It fetches nothing and leads nowhere, so that whoever
merges a review, and whoever reads its page, need not ask where an address goes.  What is found here is told with its
line; the drawing itself is looked at too, since a specification can put a text together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from verify.errors import nearest
from verify.format import fields
from verify.format.problems import Problems
from verify.format.yaml12 import Items, Leaf, Node, Table, plain

MOST_IN_SEQUENCE = 10_000
"""Rows: more marks are not to be told apart, and some of these are more than a machine has memory for."""
RECORDS = "records"
SCHEMA = "https://vega.github.io/schema/vega-lite/"

_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]*://|(?<![\w:/])//[\w\[]|(?:java|vb)script\s*:|data:\w+/|file:/|url\(|@import", re.IGNORECASE
)
_DATA = ("datasets", "values")
"""Under these stand rows: their keys are columns."""
_LEADS = "a figure fetches nothing and leads nowhere"

Mistake = tuple[int, str, str]


def read(node: Node, name: str, problems: Problems) -> dict[str, Any] | None:
    """The specification; None where it is none, or holds what a figure may not."""
    if not isinstance(node, Table):
        fields.expected(node, name, "a Vega-Lite specification", problems)
        return None
    mistakes = [*_in_mapping(node, _datasets(node))]
    for line, message, hint in mistakes:
        problems.add(line, message, hint)
    found: dict[str, Any] = plain(node)
    return None if mistakes else found


def _datasets(spec: Table) -> set[str]:
    entry = spec.entries.get("datasets")
    return {RECORDS, *(entry.node.entries if entry and isinstance(entry.node, Table) else ())}


def _in(node: Node, known: set[str], *, rows: bool = False) -> Iterator[Mistake]:
    """The mistakes in a node; `rows`: among data, where keys mean nothing to Vega."""
    if isinstance(node, Leaf):
        yield from _text(node)
    elif isinstance(node, Items):
        for item in node.nodes:
            yield from _in(item, known, rows=rows)
    elif rows:
        for entry in node.entries.values():
            yield from _in(entry.node, known, rows=True)
    else:
        yield from _in_mapping(node, known)


def _in_mapping(table: Table, known: set[str]) -> Iterator[Mistake]:
    yield from _bar(table)
    for key, entry in table.entries.items():
        node = entry.node
        if key in ("href", "url"):
            what = "a link" if key == "href" else "an address"
            hint = f"its data are there by the name `{RECORDS}`" if key == "url" else _LEADS
            yield entry.line, f"`{key}`: a figure has no room for {what}", hint
        elif key == "$schema":
            if not (isinstance(node, Leaf) and node.text.startswith(SCHEMA)):
                yield entry.line, "`$schema` is not that of Vega-Lite", f"leave it out, or write {SCHEMA}v6.json"
        elif key in ("mark", "type") and isinstance(node, Leaf) and node.text == "image":
            yield entry.line, "a figure has no room for images", _LEADS
        elif key == "bind" and isinstance(node, Table) and "element" in node.entries:
            yield entry.line, "`bind` to an `element`: a figure changes nothing of the page around it", "leave it out"
        else:
            if key == "data" and isinstance(node, Table):
                yield from _data(node, known)
            yield from _in(node, known, rows=key in _DATA)


def _text(leaf: Leaf) -> Iterator[Mistake]:
    if isinstance(leaf.value, str) and (found := _ADDRESS.search(leaf.text)):
        yield leaf.line, f"'{leaf.text[found.start() :][:60]}' is an address", _LEADS


def _data(data: Table, known: set[str]) -> Iterator[Mistake]:
    """Data that are nowhere, or too many."""
    entry = data.entries.get("name")
    if entry and not {"values", "sequence", "url"} & set(data.entries):
        name = entry.node.text if isinstance(entry.node, Leaf) else ""
        if name not in known:
            yield entry.line, f"there are no data called '{name}'", nearest(name, known)
    sequence = data.entries.get("sequence")
    if sequence and isinstance(sequence.node, Table):
        given = {key: each.node.value for key, each in sequence.node.entries.items() if isinstance(each.node, Leaf)}
        start, stop, step = (given.get(key, default) for key, default in (("start", 0), ("stop", 0), ("step", 1)))
        if not all(isinstance(each, int | float) for each in (start, stop, step)) or not step:
            yield sequence.line, "`sequence` has `start`, `stop` and `step`, which are numbers", ""
        elif abs((stop - start) / step) > MOST_IN_SEQUENCE:  # type: ignore[operator]
            yield sequence.line, f"`sequence` has more than {MOST_IN_SEQUENCE:,} rows", "take a larger `step`"


def _bar(unit: Table) -> Iterator[Mistake]:
    """A bar along a logarithmic axis: it begins at 0, which has no place there."""
    mark, encoding = (unit.entries[key].node if key in unit.entries else None for key in ("mark", "encoding"))
    if isinstance(mark, Table) and "type" in mark.entries:
        mark = mark.entries["type"].node
    if not (isinstance(mark, Leaf) and mark.text == "bar" and isinstance(encoding, Table)):
        return
    for channel in ("x", "y"):
        entry = encoding.entries.get(channel)
        axis = plain(entry.node) if entry else None
        scale = axis.get("scale") if isinstance(axis, dict) else None
        log = isinstance(scale, dict) and scale.get("type") == "log"
        if entry and log and f"{channel}2" not in encoding.entries:
            hint = f"write `mark: point`, or give the bar an end by `{channel}2`"
            yield entry.line, "a bar has no foot on a logarithmic axis", hint
