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
from functools import cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin
from mdit_py_plugins.texmath.index import make_inline_func

from tests.writing import Node, html, structure
from verify.site.safe_html import Cleaner

CACHE = Path(__file__).parent.parent / ".cache"
EXAMPLES = 652
"""Of version 0.31.2."""
_EXAMPLE = re.compile(r"^`{32} example\n(.*?)^\.\n(.*?)^`{32}$", re.MULTILINE | re.DOTALL)
_LEADS = re.compile(r"(?:https?|mailto):|#", re.IGNORECASE)


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


# Differences that the guide names.  Each changes what the specification expects, and the page has to be that.


class _Cleaned(RendererHTML):
    """Writes a page in which raw HTML is what the project's own cleaning makes of it."""

    def __init__(self, parser: MarkdownIt) -> None:
        """For one page."""
        super().__init__(parser)
        self._cleaner = Cleaner(lambda href: href if _LEADS.match(href) else None, lambda _: None)
        rules: dict[str, Any] = self.rules
        for kind in ("text", "code_inline", "image"):
            rules[kind] = partial(self._leaf, rules[kind])
        for kind in ("fence", "code_block"):
            rules[kind] = partial(self._block, rules[kind])

    def render(self, tokens: Sequence[Token], options: OptionsDict, env: EnvType) -> str:
        """As of the base, and what is open at the end of the page is closed."""
        return super().render(tokens, options, env) + self._cleaner.close_scope()

    def renderToken(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """As of the base, within the raw elements around it."""
        written, token = super().renderToken(tokens, idx, options, env), tokens[idx]
        if token.hidden:
            return written
        before = self._cleaner.close_scope() if token.nesting < 0 else self._cleaner.open_scope(token.tag)
        return before + written + (self._cleaner.close_scope() if token.nesting == 0 else "")

    def html_inline(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Cleaned."""
        return self._cleaner.fragment(tokens[idx].content, False)

    def html_block(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Cleaned."""
        return self._cleaner.fragment(tokens[idx].content, True)

    def _leaf(self, write: Callable[..., str], *given: object) -> str:
        return "" if self._cleaner.dropping else write(*given)

    def _block(self, write: Callable[..., str], *given: object) -> str:
        return self._cleaner.open_scope() + self._cleaner.close_scope() + write(*given)


def _display_maths(md: MarkdownIt) -> None:
    """Equations as LaTeX has them; a page's are compared by their place alone."""
    found = re.compile(r"\\\[(.+?)\\\]")
    rule = make_inline_func({"name": "maths", "rex": found, "tmpl": "", "tag": "\\["})
    md.inline.ruler.before("escape", "maths", rule)
    md.add_render_rule("maths", lambda *_: '<math display="block"></math>')


READINGS: dict[str, Callable[[MarkdownIt], object]] = {
    "raw HTML is cleaned": lambda md: setattr(md, "renderer", _Cleaned(md)),
    "bare addresses are links": lambda md: md.use(gfm_autolink_plugin),
    "equations": lambda md: md.use(_display_maths),
}
"""Differences of what Markdown is: markdown-it-py says what it is with them."""


def _lower_headings(expected: BeautifulSoup) -> None:
    """A page has one `h1`, the paper's title: where the body has one as well, its headings go down a level."""
    if expected.find("h1"):
        for each in expected.find_all(re.compile("^h[1-6]$")):
            each.name = f"h{min(6, int(each.name[1]) + 1)}"


def _leave_out_links(expected: BeautifulSoup) -> None:
    """Addresses that are no file of the project lead nowhere, and only `http`, `https` and `mailto` leave it."""
    for each in expected.find_all("a", href=True):
        if _LEADS.match(str(each["href"])) is None:
            each.unwrap()


def _leave_out_images(expected: BeautifulSoup) -> None:
    for each in expected.find_all("img", src=True):
        each.replace_with(f"image: {each.get('alt') or str(each['src']).rpartition('/')[2]}")


MENDS: dict[str, Callable[[BeautifulSoup], None]] = {
    "headings go down a level where the text has an h1": _lower_headings,
    "links that lead nowhere are text": _leave_out_links,
    "images that are no files of the project are text": _leave_out_images,
}
"""Differences of what a page has of it."""
KINDS = (*READINGS, *MENDS)


def difference(source: str, expected: str, page: str | None = None) -> tuple[str, ...] | None:
    """The kinds of difference between a page and the specification; empty where there is none, None if unexplained.

    Args:
        source: Markdown.
        expected: what the specification has of it.
        page: what the site has of it; None: let it write that.
    """
    written = structure(html(source) if page is None else page)
    return next((kinds for kinds, wanted in _expectations(source, expected).items() if wanted == written), None)


@cache
def _expectations(source: str, expected: str) -> dict[tuple[str, ...], tuple[Node, ...]]:
    """What a page may be, by the kinds of difference that make it so; fewer kinds first."""
    plain = structure(expected)
    changing = [kind for kind in KINDS if _with([kind], source, expected) not in (None, plain)]
    kinds = [each for count in range(len(changing) + 1) for each in combinations(changing, count)]
    wanted = {each: _with(each, source, expected) for each in kinds}
    return {each: structure for each, structure in wanted.items() if structure is not None}


def _with(kinds: Sequence[str], source: str, expected: str) -> tuple[Node, ...] | None:
    """What the specification's answer becomes; None where what these kinds begin with is another answer already."""
    readings = [READINGS[kind] for kind in kinds if kind in READINGS]
    if readings:
        md = MarkdownIt("commonmark")
        if structure(md.render(source)) != structure(expected):
            return None
        for read in readings:
            read(md)
        expected = md.render(source)
    mended = BeautifulSoup(expected, "html.parser")
    for kind in kinds:
        if kind in MENDS:
            MENDS[kind](mended)
    return structure(str(mended))


def wrong(page: str) -> Iterator[str]:
    """Pages that say something else than this one."""
    yield page + "<p>more</p>"
    yield "<p>anything at all</p>"
    soup = BeautifulSoup(page, "html.parser")
    for mark in soup.select("a.headerlink"):
        mark.decompose()
    for text in soup.find_all(string=re.compile(r"\S"), limit=1):
        text.replace_with("something else")
        yield str(soup)


def main() -> int:
    """Print how many examples there are of each kind, and those that nothing explains; 1 where there are any."""
    found = examples()
    kinds: Counter[str] = Counter()
    unexplained = indifferent = 0
    for number, (source, expected) in enumerate(found, 1):
        page = html(source)
        kind = difference(source, expected, page)
        if kind is None:
            unexplained += 1
            print(f"example {number}: {source!r}\n  page          {structure(page)}")
            print(f"  specification {structure(expected)}")
        else:
            kinds["; ".join(kind) or "as the specification has it"] += 1
        indifferent += any(difference(source, expected, each) is not None for each in wrong(page))
    for name, count in kinds.most_common():
        print(f"{count:4}  {name}")
    print(f"{unexplained:4}  unexplained")
    print(f"{indifferent:4}  that a wrong page would pass")
    if len(found) != EXAMPLES:
        print(f"{len(found)} examples were found, not {EXAMPLES}")
    return 1 if unexplained or indifferent or len(found) != EXAMPLES else 0


if __name__ == "__main__":
    sys.exit(main())
