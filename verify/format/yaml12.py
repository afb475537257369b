"""YAML as reviews use it: the core schema of YAML 1.2, with the line of every node.

PyYAML reads the syntax and hands over events; which scalar is a number is decided here, by the rules of YAML 1.2.2
(section 10.3.2): `no` is a string and `1e-3` a number.  What makes a file hard to read back is refused: duplicate
keys, anchors, aliases, merge keys and tags.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from verify.format.problems import Problems
from verify.model import Scalar

DEPTH = 40
"""Deepest nesting: far more than a review or a chart needs, far less than Python's stack."""
_LARGEST = 2**63 - 1

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGERS = ((re.compile(r"[-+]?[0-9]+"), 10), (re.compile(r"0o[0-7]+"), 8), (re.compile(r"0x[0-9a-fA-F]+"), 16))
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_HINTS = (
    ("mapping values are not allowed", "quote a value that contains ': '"),
    ("a tab character that violates", "indent by spaces, not by tabs"),
    ("could not find expected ':'", "a line of a mapping is `key: value`"),
    ("cannot start any token", "quote a value that starts with one of % @ ` or a tab"),
    ("did not find expected <document start>", "one document only"),
    ("while parsing a flow", "are all brackets closed, and the items separated by commas?"),
    ("while scanning a quoted scalar", "is the quotation mark closed?"),
)
_ODD_COLUMN = ("did not find expected key", "expected '-' indicator", "expected <document start>")
_KEY_ALONE = re.compile(r" +(- +)?[\w.-]+")
_ONE_COLUMN = "keys of one mapping, and items of one list, begin in one column"


class Leaf(Struct, frozen=True):
    """A scalar: its value under the core schema, and as it is written."""

    value: Scalar | None
    text: str
    line: int


class Items(Struct, frozen=True):
    """A sequence."""

    nodes: tuple[Node, ...]
    line: int


class Entry(Struct, frozen=True):
    """One value of a mapping, with the line of its key."""

    node: Node
    line: int


class Table(Struct, frozen=True):
    """A mapping in the order written; keys are as written."""

    entries: dict[str, Entry]
    line: int


Node = Leaf | Items | Table


def resolve(text: str) -> Scalar | None:
    """The value of a plain (unquoted) scalar; ValueError where it is a number that has no finite 64-bit value."""
    if text in _WORDS:
        return _WORDS[text]
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(text):
            return _bounded(text, base)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number")
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError(f"{text} is too large a number")
        return value
    return text


def _bounded(text: str, base: int) -> int:
    if len(text.lstrip("+-0ox")) <= 64:  # longer ones are too large in any base, and slow to convert
        value = int(text, base)
        if abs(value) <= _LARGEST:
            return value
    raise ValueError(f"{text[:20]}{'…' if len(text) > 20 else ''} is too large a number")


def plain(node: Node) -> Any:
    """The node and all below it as dicts, lists and scalars."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.nodes]
    return {key: plain(entry.node) for key, entry in node.entries.items()}


def read(text: str, first_line: int, problems: Problems) -> Node | None:
    """The document in `text`, whose first line is `first_line` of the file; None where it cannot be read at all."""
    try:
        return _Composer(text, first_line, problems).document()
    except yaml.YAMLError as error:
        place, message, hint = _explain(error, text)
        problems.add(first_line + text.count("\n", 0, place), f"not YAML: {message}", hint)
    except _TooDeep as error:
        problems.add(error.line, f"nested more than {DEPTH} levels deep")
    return None


class _TooDeep(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _explain(error: yaml.YAMLError, text: str) -> tuple[int, str, str]:
    """Place (an index in the text), message and hint of a syntax error."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return 0, str(error).splitlines()[0], ""
    message = ", ".join(part for part in (error.context, error.problem) if part)
    began = error.context_mark if message.startswith("while scanning") else None  # not where the scanner gave up
    mark = began or error.problem_mark or error.context_mark
    place = mark.index if mark else 0
    hint = _about_indentation(message, text, place) or next((hint for words, hint in _HINTS if words in message), "")
    return place, message, hint


def _about_indentation(message: str, text: str, place: int) -> str:
    """A hint where a line stands in another column than the keys or items it belongs with; empty where it does not."""
    begin = text.rfind("\n", 0, place) + 1
    before = text[begin:place]
    above = next((line for line in reversed(text[:begin].split("\n")) if line.strip()), "")
    deeper = _indentation(text[begin:]) > _indentation(above)
    if "mapping values are not allowed" in message and deeper and _KEY_ALONE.fullmatch(before):
        return f"it is indented deeper than the line above, and so read as a part of its text; {_ONE_COLUMN}"
    if (
        above
        and any(words in message for words in _ODD_COLUMN)
        and not before.strip()
        and text[place : place + 3] != "---"
    ):
        return f"it is indented {'deeper' if deeper else 'less'} than the line above; {_ONE_COLUMN}"
    return ""


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


class _Composer:
    """Builds nodes from PyYAML's events (composing in C would recurse without limit, and hides anchors)."""

    def __init__(self, text: str, first_line: int, problems: Problems) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        self.ends = [match.start() for match in re.finditer("\n", text)]
        """Where the lines end: PyYAML takes U+0085, U+2028 and U+2029 for line ends as well, as YAML 1.1 did."""
        self.first_line = first_line
        self.problems = problems

    def document(self) -> Node | None:
        found: list[Node] = []
        for event in self.events:
            if isinstance(event, yaml.NodeEvent):
                if found:
                    self.problems.add(self.line(event), "a second YAML document", "one document only: no `---` inside")
                    return None
                found.append(self.node(event, 0))
        return found[0] if found else Leaf(None, "", self.first_line)

    def line(self, event: yaml.Event) -> int:
        return self.first_line + bisect_left(self.ends, event.start_mark.index if event.start_mark else 0)

    def node(self, event: yaml.Event, depth: int) -> Node:
        line = self.line(event)
        if depth > DEPTH:
            raise _TooDeep(line)
        if isinstance(event, yaml.AliasEvent):
            self.problems.add(line, f"alias *{event.anchor}", "anchors and aliases are not used here: repeat the value")
            return Leaf(None, "", line)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if event.anchor:
            self.problems.add(line, f"anchor &{event.anchor}", "anchors and aliases are not used here")
        if event.tag:
            self.problems.add(line, f"tag {event.tag}", "tags are not used here: quotes make a text, digits a number")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, line)
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(tuple(self.node(item, depth + 1) for item in self.until(yaml.SequenceEndEvent)), line)
        return self.table(line, depth)

    def scalar(self, event: yaml.ScalarEvent, line: int) -> Leaf:
        if not event.implicit[0]:  # quoted or a block
            return Leaf(event.value, event.value, line)
        try:
            return Leaf(resolve(event.value), event.value, line)
        except ValueError as error:
            self.problems.add(line, str(error), "write a finite number below 2^63, or quote it to make it a text")
            return Leaf(1, event.value, line)  # stands in, so that the field does not complain as well

    def table(self, line: int, depth: int) -> Table:
        entries: dict[str, Entry] = {}
        for event in self.until(yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            node = self.node(next(self.events), depth + 1)
            if not isinstance(key, Leaf):
                self.problems.add(key.line, "a key that is a list or a mapping", "keys are names")
            elif key.text == "<<":
                self.problems.add(key.line, "merge key <<", "merge keys are not used here: write the values out")
            elif key.text in entries:
                first = entries[key.text].line
                self.problems.add(key.line, f"duplicate key '{key.text}'", f"it stands in line {first} already")
            else:
                entries[key.text] = Entry(node, key.line)
        return Table(entries, line)

    def until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self.events:
            if isinstance(event, end):
                return
            yield event
