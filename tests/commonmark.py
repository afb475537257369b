"""The examples of the CommonMark specification as bodies of reviews: `python -m tests.commonmark`.

Each must say what the specification says, or differ from it in ways that the guide names.  The specification is
fetched from npm, and kept in `.cache`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

from tests.writing import html, structure
from verify.format.markdown import parse, walk

CACHE = Path(__file__).parent.parent / ".cache"
EXAMPLES = 652
"""Of version 0.31.2."""
_EXAMPLE = re.compile(r"^`{32} example\n(.*?)^\.\n(.*?)^`{32}$", re.MULTILINE | re.DOTALL)
_LEADS = re.compile(r"(?:https?|mailto):|#|$", re.IGNORECASE)


def examples() -> list[tuple[str, str]]:
    """Markdown and HTML of each."""
    CACHE.mkdir(exist_ok=True)
    packed = next(CACHE.glob("commonmark-spec-*.tgz"), None)
    if packed is None:
        command = ["npm", "pack", "--silent", "commonmark-spec@0.31.2", "--pack-destination", str(CACHE)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        packed = next(CACHE.glob("commonmark-spec-*.tgz"))
    with tarfile.open(packed) as package:
        file = package.extractfile("package/spec.txt")
        assert file is not None
        text = file.read().decode()
    return _EXAMPLE.findall(text.partition("<!-- END TESTS -->")[0].replace("→", "\t"))


# Differences that can be taken into account: each takes what a specification expects, and changes it

Mend = Callable[[str, BeautifulSoup], None]


def _lower_headings(_: str, expected: BeautifulSoup) -> None:
    """A page has one `h1`, the paper's title: where the body has one as well, its headings go down a level."""
    if expected.find("h1"):
        for each in expected.find_all(re.compile("^h[1-6]$")):
            each.name = f"h{min(6, int(each.name[1]) + 1)}"


def _leave_out_links(_: str, expected: BeautifulSoup) -> None:
    """Addresses that are no file of the project lead nowhere, and only `http`, `https` and `mailto` leave it."""
    for each in expected.find_all("a", href=True):
        if _LEADS.match(str(each["href"])) is None:
            each.unwrap()
        elif each["href"] == "":
            each["href"] = "#"


def _leave_out_images(_: str, expected: BeautifulSoup) -> None:
    for each in expected.find_all("img", src=True):
        each.replace_with(f"image: {each.get('alt') or str(each['src']).rpartition('/')[2]}")


def _link_addresses(source: str, expected: BeautifulSoup) -> None:
    """Bare addresses are links, as on GitHub."""
    plain = MarkdownIt("commonmark", {"html": True})
    if structure(plain.render(source)) != structure(str(expected)):
        return  # it has another difference, which this one must not hide
    linked = BeautifulSoup(plain.use(gfm_autolink_plugin).render(source), "html.parser")
    expected.clear()
    expected.extend(list(linked.children))


MENDS: dict[str, Mend] = {
    "headings go down a level where the text has an h1": _lower_headings,
    "links that lead nowhere are text": _leave_out_links,
    "images that are no files of the project are text": _leave_out_images,
    "bare addresses are links": _link_addresses,
}


# Differences in which the specification's answer says nothing

KINDS: dict[str, Callable[[str], bool]] = {
    "raw HTML is cleaned": lambda source: _has(source, "html_block", "html_inline"),
    "equations": lambda source: any(each.type.startswith("maths") for each, _ in walk(parse(source))),
    "bindings and references": lambda source: any(each.type == "evidence" for each, _ in walk(parse(source))),
    "strikethrough": lambda source: any(each.type == "s_open" for each, _ in walk(parse(source))),
    "attributes": lambda source: re.search(r"\{[:#]|\{\w+=", source) is not None,
}


def _has(source: str, *types: str) -> bool:
    tokens = walk(MarkdownIt("commonmark", {"html": True}).parse(source))
    return any(each.type in types for each, _ in tokens)


def difference(source: str, expected: str) -> tuple[str, ...] | None:
    """The kinds of difference between a page and the specification; empty where there is none, None if unexplained."""
    written = structure(html(source))
    if written == structure(expected):
        return ()
    for wanted in _subsets(list(MENDS)):
        mended = BeautifulSoup(expected, "html.parser")
        for kind in sorted(wanted, key=lambda each: MENDS[each] is not _link_addresses):  # it begins anew
            MENDS[kind](source, mended)
        if written == structure(str(mended)):
            return wanted
    return next(((kind,) for kind, holds in KINDS.items() if holds(source)), None)


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """All of them but the empty one, small ones first."""
    sets = [tuple(name for bit, name in enumerate(names) if number >> bit & 1) for number in range(1, 2 ** len(names))]
    yield from sorted(sets, key=len)


def main() -> int:
    """Print how many examples there are of each kind, and those that nothing explains; 1 where there are any."""
    found = examples()
    kinds: Counter[str] = Counter()
    unexplained = 0
    for number, (source, expected) in enumerate(found, 1):
        kind = difference(source, expected)
        if kind is None:
            unexplained += 1
            print(f"example {number}: {source!r}\n  page          {structure(html(source))}")
            print(f"  specification {structure(expected)}")
        else:
            kinds["; ".join(kind) or "as the specification has it"] += 1
    for name, count in kinds.most_common():
        print(f"{count:4}  {name}")
    print(f"{unexplained:4}  unexplained")
    if len(found) != EXAMPLES:
        print(f"{len(found)} examples were found, not {EXAMPLES}")
    return 1 if unexplained or len(found) != EXAMPLES else 0


if __name__ == "__main__":
    sys.exit(main())
