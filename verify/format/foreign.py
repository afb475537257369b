"""Front matter that other generators write: told in one message, with what becomes of each key.

Whoever brings notes from Jekyll, Hugo, Quarto or Obsidian has a dozen keys that mean nothing here; a mistake for each
would bury what is to be done.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

from verify.format.problems import Problems
from verify.format.yaml12 import Entry, Leaf, Node, Table

_FENCE = "+++"
_TOML_KEY = re.compile(r"\s*[\"']?([\w.-]+)[\"']?\s*=")

_SWITCH = "delete it; that is the same on every page here"
_ADDRESS = "delete it; the file's name is the address"
_PUBLISHED = "delete it; what lies in reviews/ is published"
_PICTURE = "delete it; the picture of a review is its first figure"

_DATES = "date lastmod last_modified_at last-modified modified updated created published_at pubdate publishdate"
_LINKS = "link url external_url paper pdf code repo github doi source website homepage project ref_link"
_SUMMARIES = "description excerpt subtitle abstract tldr lead desc synopsis"
_PICTURES = "img image images cover thumbnail banner featured_image og_image teaser hero"
_SWITCHES = (
    "layout comments toc math mathjax katex usemathjax use_math usekatex mermaid showtoc tocopen hidesummary type kind"
    " template header footer classes related share read_time pin featured icon hide status nav sidebar menu markup"
    " output format execute jupyter bibliography csl editor theme css js lang language locale robots id sidebar_label"
    " cssclass cssclasses showreadingtime showsharebuttons searchhidden disqus giscus sticky top mathjax3 highlight"
)
_BECOMES: dict[str, str] = {
    **dict.fromkeys(_DATES.split(), "becomes `reviewed`, the day of the review"),
    **dict.fromkeys(("category", "categories", "series", "collection"), "becomes `section`, one text"),
    **dict.fromkeys(("author", "by", "creator"), "becomes `authors`, a list of the paper's"),
    **dict.fromkeys(_SUMMARIES.split(), "becomes `summary`, one sentence"),
    **dict.fromkeys(("keywords", "tag", "topics", "labels"), "becomes `tags`, a list of words"),
    **dict.fromkeys(("journal", "conference", "booktitle", "publication"), "becomes `venue`, with its year"),
    **dict.fromkeys(("weight", "nav_order", "sidebar_position", "position"), "becomes `order`, an integer"),
    **dict.fromkeys(_LINKS.split(), "goes into `links`, a mapping of names to addresses"),
    **dict.fromkeys(("slug", "permalink", "aliases", "alias", "redirect_from", "redirect_to"), _ADDRESS),
    **dict.fromkeys(("draft", "published", "hidden", "unlisted", "publish"), _PUBLISHED),
    **dict.fromkeys(_PICTURES.split(), _PICTURE),
    **dict.fromkeys(_SWITCHES.split(), _SWITCH),
}
"""Per key of another generator's, in lower case, what becomes of it."""


class _Odd(NamedTuple):
    key: str
    line: int
    becomes: str


def is_foreign(node: Node, known: Collection[str]) -> bool:
    """Whether any key of the front matter is one that other generators write."""
    return isinstance(node, Table) and any(_is_foreign(key, known) for key in node.entries)


def report(table: Table, known: Collection[str], required: Sequence[str], problems: Problems) -> Table:
    """Report all foreign keys, texts that should be lists, and keys that are missing, as one mistake.

    Returns what is left: the keys of this format whose values are still to be read.
    """
    odd = [
        _Odd(key, entry.line, _advice(key, entry, known)) for key, entry in table.entries.items() if key not in known
    ]
    lists = [(key, table.entries[key]) for key in ("tags", "authors") if key in table.entries]
    texts = [
        _Odd(key, entry.line, f"write `{_split(key, entry.node)}`") for key, entry in lists if _is_text(entry.node)
    ]
    left = {
        key: entry for key, entry in table.entries.items() if key in known and key not in {each.key for each in texts}
    }
    _add("this front matter is another generator's", [*odd, *texts], _missing(odd, table.entries, required), problems)
    return Table(left, table.line)


def without_toml(text: str, known: Collection[str], required: Sequence[str], problems: Problems) -> tuple[str, bool]:
    """Report front matter in TOML (`+++`), and give the text with an empty one in its place, line for line."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        return text, False
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), 0)
    if not end:
        problems.add(1, "the front matter does not end", "it is YAML here, between two lines `---`")
        end = len(lines) - 1
    else:
        _report_toml(lines[1:end], known, required, problems)
    return "\n".join(["---", *[""] * (end - 1), "---", *lines[end + 1 :]]), True


def _report_toml(lines: list[str], known: Collection[str], required: Sequence[str], problems: Problems) -> None:
    try:
        values = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        values = {}
    places: dict[str, int] = {}
    for number, text in enumerate(lines, 2):
        if match := _TOML_KEY.match(text):
            places.setdefault(match[1], number)
    odd = []
    for key, line in places.items():
        if key in known:
            odd.append(_Odd(key, line, f"write `{key}: …`"))
        else:
            value = values.get(key)
            entry = Entry(Leaf(str(value), str(value), line), line)
            odd.append(_Odd(key, line, _advice(key, entry, known)))
    missing = _missing(odd, values or places, required)
    _add("front matter in TOML (`+++`); here it is YAML, between two lines `---`", odd, missing, problems)


def _add(what: str, odd: list[_Odd], missing: list[str], problems: Problems) -> None:
    odd.sort(key=lambda each: each.line)
    keys = ": " + ", ".join(f"`{each.key}`" for each in odd) if odd else ""
    without = f", and without {', '.join(f'`{key}`' for key in missing)}" if missing else ""
    hints = [f"line {each.line}, `{each.key}`: {each.becomes}" for each in odd]
    hints += [f"required besides: {', '.join(missing)}"] if missing else []
    problems.add(min((each.line for each in odd), default=1), f"{what}{keys}{without}", "\n    ".join(hints))


def _missing(odd: Sequence[_Odd], there: Collection[str], required: Sequence[str]) -> list[str]:
    """Required keys that are not there, and that no foreign key becomes."""
    becoming = " ".join(each.becomes for each in odd if each.key not in required)
    return [key for key in required if key not in there and f"`{key}`" not in becoming and f"`{key}:" not in becoming]


def _is_foreign(key: str, known: Collection[str]) -> bool:
    return key not in known and key.lower() in _BECOMES


def _advice(key: str, entry: Entry, known: Collection[str]) -> str:
    """What becomes of a key that is not of this format."""
    becomes = _BECOMES.get(key.lower())
    if becomes is None:
        near = get_close_matches(key.lower(), known, n=1)
        return f"did you mean `{near[0]}`?" if near else "delete it; it means nothing here"
    if key.lower() in _DATES.split() and isinstance(entry.node, Leaf) and _is_day(entry.node.text[:10]):
        return f"write `reviewed: {entry.node.text[:10]}`"
    return becomes


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_text(node: Node) -> bool:
    return isinstance(node, Leaf) and isinstance(node.value, str)


def words(text: str) -> str:
    """A text such as `a, b` or `a b` as the list that is meant."""
    separator = next((mark for mark in (";", ",") if mark in text), None)
    return f"[{', '.join(word.strip().lstrip('#') for word in text.split(separator) if word.strip())}]"


def _split(key: str, node: Node) -> str:
    text = node.text if isinstance(node, Leaf) else ""
    if key == "authors":  # names hold spaces
        parts = re.split(r"\s*[,;]\s*|\s+and\s+", text)
        return f"authors: [{', '.join(filter(None, parts))}]"
    return f"tags: {words(text)}"
