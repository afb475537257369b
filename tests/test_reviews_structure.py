"""How fences stand, the front matter, and the YAML of both: each mistake at its line, and nothing besides."""

from __future__ import annotations

import pytest

from tests.reviewing import FRONT, HEAD, SWEEP, Case, check_case, complaints, fence, front, head, line_of

STRAY = "a `verify` fence must stand at the start of a line, outside lists, quotes and HTML"

MOVE = "move it to column 0, or, to show it as an example, put it into a longer fence (````)"

ONE_COLUMN = "keys of one mapping, and items of one list, begin in one column"

STRUCTURE: list[Case] = [
    (
        FRONT + "```yaml verify\nid: x\n",
        "```yaml",
        "this fence is never closed",
        "close it with a line of as many ` (or ~) as it opens with",
    ),
    (
        FRONT + "[@falls] {{ toss.error }}\n\n````yaml verify\n" + HEAD + "```\n",
        "````",
        "this fence is never closed",
        "close it with a line of as many ` (or ~) as it opens with",
    ),
    (
        "Prose",
        "Prose",
        "no front matter",
        "a review begins with a line `---`, the paper's data as YAML, and a line `---`",
    ),
    ("---\ntitle: x\n", "---", "the front matter does not end", "close it with a line `---`"),
    (
        FRONT + "- ```yaml verify\n  x\n  ```\n",
        "- ```yam",
        "a `verify` fence must stand at the start of a line, outside lists, quotes and HTML",
        "move it to column 0, or, to show it as an example, put it into a longer fence (````)",
    ),
    (
        FRONT + "> ```yaml verify\n> x\n> ```\n",
        "> ```yam",
        "a `verify` fence must stand at the start of a line, outside lists, quotes and HTML",
        "move it to column 0, or, to show it as an example, put it into a longer fence (````)",
    ),
    (
        FRONT + " ```yaml verify\n" + HEAD + " ```\n",
        "```yaml ",
        "a `verify` fence must stand at the start of a line, outside lists, quotes and HTML",
        "move it to column 0, or, to show it as an example, put it into a longer fence (````)",
    ),
    (
        FRONT + "Text\n\n    ```yaml verify\n    ```\n",
        "```yaml ",
        "a `verify` fence must stand at the start of a line, outside lists, quotes and HTML",
        "move it to column 0, or, to show it as an example, put it into a longer fence (````)",
    ),
    (
        FRONT + "<div>\n```yaml verify\n```\n</div>\n",
        "```yaml ",
        "a `verify` fence must stand at the start of a line, outside lists, quotes and HTML",
        "move it to column 0, or, to show it as an example, put it into a longer fence (````)",
    ),
    (
        FRONT + "!!! note\n\n    ```python verify\n    ```\n",
        "```pytho",
        "a `verify` fence must stand at the start of a line, outside lists, quotes and HTML",
        "move it to column 0, or, to show it as an example, put it into a longer fence (````)",
    ),
    (FRONT + "```yml verify\n```\n", "```yml v", "a fence that opens with 'yml verify'", "did you mean 'yaml verify'?"),
    (FRONT + "```yaml verfy\n```\n", "```yaml ", "a fence that opens with 'yaml verfy'", "did you mean 'yaml verify'?"),
    (
        FRONT + "```yaml-verify\n```\n",
        "```yaml-",
        "a fence that opens with 'yaml-verify'",
        "did you mean 'yaml verify'?",
    ),
    (FRONT + "```verify\n```\n", "```verif", "a fence that opens with 'verify'", "did you mean 'yaml verify'?"),
    (FRONT + "```py Verify\n```\n", "```py Ve", "a fence that opens with 'py Verify'", "did you mean 'python verify'?"),
    (
        FRONT + "```yaml verify now\n```\n",
        "```yaml ",
        "a fence that opens with 'yaml verify now'",
        "did you mean 'yaml verify'?",
    ),
    (
        FRONT + "```\nText\n[@nobody]\n",
        "```",
        "this fence is never closed",
        "close it with a line of as many ` (or ~) as it opens with",
    ),
    (
        FRONT + "[@falls] {{ toss.error }}\n\n````yaml verify\n" + HEAD + "```\n",
        "````yaml",
        "this fence is never closed",
        "close it with a line of as many ` (or ~) as it opens with",
    ),
]

ABOUT: list[Case] = [
    (front("title: Coins\n", ""), "authors:", "the front matter needs the key 'title'", ""),
    (
        front("section:", "sektion: x\nsection:"),
        "sektion:",
        "the front matter has no key 'sektion'",
        "did you mean 'section'?",
    ),
    (front("title: Coins", "title:"), "title:", "`title` must be a text, not nothing", ""),
    (front("title: Coins", "title: [x]"), "title: [", "`title` must be a text, not a list", ""),
    (front("title: Coins", "title: {x: y}"), "title: {", "`title` must be a text, not a mapping", ""),
    (
        front("[Ann Author, Bo Writer]", "Ann"),
        "authors:",
        "`authors` must be a list of names, not the text 'Ann'",
        "write [Ann]",
    ),
    (front("[Ann Author, Bo Writer]", "[]"), "authors:", "`authors` must be a list of names, not a list of 0", ""),
    (front("[Ann Author, Bo Writer]", "[A, A]"), "authors:", "`authors` has A twice", ""),
    (
        front("ICLR 2017", "ICLR"),
        "title: C",
        "no year: the venue holds none",
        "add `year: 2017`, or write the venue as 'ICLR 2017'",
    ),
    (
        front("venue:", "year: soon\nvenue:"),
        "year: so",
        "`year` must be an integer from 1800 to 2199, not the text 'soon'",
        "",
    ),
    (front("venue:", "order: true\nvenue:"), "order: t", "`order` must be an integer of at least 0, not true", ""),
    (
        front("venue:", "arxiv: 1.5\nvenue:"),
        "arxiv: 1",
        "`arxiv` must be an arXiv number, not the number 1.5",
        "such as 1611.03530",
    ),
    (
        front("venue:", "reviewed: 2026-02-30\nvenue:"),
        "reviewed",
        "`reviewed` must be a date, not the text '2026-02-30'",
        "such as 2026-11-23",
    ),
    (
        front("venue:", "links: [x]\nvenue:"),
        "links: [",
        "`links` must be a mapping of names to addresses, not a list",
        "",
    ),
    (
        front("venue:", "links: {code: 'javascript:x'}\nvenue:"),
        "links: {",
        "`code` must be an address that starts with https:// or http://, not the text 'javascript:x'",
        "",
    ),
    (
        front("venue:", "not_testable: {}\nvenue:"),
        "not_test",
        "`not_testable` must be a list of claims that are not testable here, not a mapping",
        "start each item with `- `",
    ),
    (
        front("venue:", "not_testable: [{says: x}]\nvenue:"),
        "not_test",
        "an item of `not_testable` needs the key 'why'",
        "",
    ),
    (
        front("summary:", "tags: a b\nsummary:"),
        "tags:",
        "`tags` must be a list of words, not the text 'a b'",
        "write [a, b]",
    ),
    (
        front("summary:", "tags: '#a; b c'\nsummary:"),
        "tags:",
        "`tags` must be a list of words, not the text '#a; b c'",
        "write [a, b c]",
    ),
    ("---\n- x\n---\n", "- x", "the front matter must be a mapping of keys to values, not a list", ""),
]

YAML: list[Case] = [
    (head("experiment:", "id: other\nexperiment:"), "id: othe", "duplicate key 'id'", "it stands in line 9 already"),
    (head("[old, new]", "&all [old, new]"), "arm: &al", "anchor &all", "anchors and aliases are not used here"),
    (
        head("id: toss", "id: !!str toss"),
        "id: !!st",
        "tag tag:yaml.org,2002:str",
        "tags are not used here: quotes make a text, digits a number",
    ),
    (head("seeds: 5", "seeds: 5, ? [a] : 5"), "tiny: {e", "a key that is a list or a mapping", "keys are names"),
    (
        head("arm: [old", "<<: {bias: [1]}\n  arm: [old"),
        "<<: {bia",
        "merge key <<",
        "merge keys are not used here: write the values out",
    ),
    (
        head("0.8", ".nan"),
        "bias: [0",
        ".nan is not a finite number",
        "write a finite number below 2^63, or quote it to make it a text",
    ),
    (
        head("0.8", "1e999"),
        "bias: [0",
        "1e999 is too large a number",
        "write a finite number below 2^63, or quote it to make it a text",
    ),
    (
        head("0.8", "9" * 5000),
        "bias: [0",
        "99999999999999999999… is too large a number",
        "write a finite number below 2^63, or quote it to make it a text",
    ),
    (
        head("experiment:", "---\nexperiment:"),
        "experime",
        "a second YAML document",
        "one document only: no `---` inside",
    ),
    (
        head("id: toss", "id: toss: x"),
        "id: toss",
        "not YAML: mapping values are not allowed in this context",
        "quote a value that contains ': '",
    ),
    (
        head("experiment:", "  experiment:"),
        "  experime",
        "not YAML: mapping values are not allowed in this context",
        f"it is indented deeper than the line above, and so read as a part of its text; {ONE_COLUMN}",
    ),
    (
        head("id: toss", "title: a\n  text of: words\nid: toss"),
        "  text of",
        "not YAML: mapping values are not allowed in this context",
        "quote a value that contains ': '",
    ),
    (
        head("  bias:", "    bias:"),
        "    bias",
        "not YAML: while parsing a block mapping, did not find expected key",
        f"it is indented deeper than the line above; {ONE_COLUMN}",
    ),
    (
        head("  bias:", " bias:"),
        " bias",
        "not YAML: while parsing a block mapping, did not find expected key",
        f"it is indented less than the line above; {ONE_COLUMN}",
    ),
    (
        FRONT + fence("claims:\n  - id: a\n    says: b\n   source: c\n"),
        "   source",
        "not YAML: while parsing a block collection, did not find expected '-' indicator",
        f"it is indented less than the line above; {ONE_COLUMN}",
    ),
    (
        FRONT + fence(" id: a\nexperiment: c\n"),
        "experiment",
        "not YAML: did not find expected <document start>",
        f"it is indented less than the line above; {ONE_COLUMN}",
    ),
    (
        head("experiment:", "\texperiment:"),
        "id: toss",
        "not YAML: while scanning a plain scalar, found a tab character that violates indentation",
        "indent by spaces, not by tabs",
    ),
    (FRONT + fence("x: " + "[" * 60 + "]" * 60 + "\n"), "x: [[[[[", "nested more than 40 levels deep", ""),
    (
        FRONT + fence("x: a\x01b\n"),
        "x: a\x01b",
        "not YAML: unacceptable character #x0001: control characters are not allowed",
        "",
    ),
]


@pytest.mark.parametrize("case", [*STRUCTURE, *ABOUT, *YAML])
def test_mistake(case: Case) -> None:
    check_case(case)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("reviews/Big Batch.md", "'Big Batch' cannot be a review's address"),
        ("reviews/index.md", "a review cannot be called 'index'"),
    ],
)
def test_name_of_the_file(path: str, message: str) -> None:
    assert [(line, said) for line, said, _hint in complaints(FRONT, path)] == [(1, message)]


def test_line_separators_are_no_line_ends() -> None:
    text = FRONT.replace("Coins come", "Coins\u2028  come").replace("venue:", "# \u2028\nvenus:")
    assert [(line, message) for line, message, _hint in complaints(text)] == [
        (2, "the front matter needs the key 'venue'"),
        (5, "the front matter has no key 'venus'"),
    ]


def test_a_missing_year_is_told_beside_other_mistakes() -> None:
    text = front("ICLR 2017", "ICLR").replace("venue:", "oder: 3\nvenue:")
    assert [message for _line, message, _hint in complaints(text)] == [
        "no year: the venue holds none",
        "the front matter has no key 'oder'",
    ]


def test_an_unclosed_verification_before_another() -> None:
    text = FRONT + "```yaml verify\n" + HEAD + "\nText.\n\n" + fence(SWEEP)
    assert [(line, message) for line, message, _hint in complaints(text)] == [
        (line_of(text, "Text."), "not YAML: while scanning a simple key, could not find expected ':'"),
        (line_of(text, "```yaml verify\nid: sweep"), "a `verify` fence inside the one that opens in line 8"),
    ]


JEKYLL = """\
---
layout: post
title: Attention
date: 2020-01-02 10:00:00 +0100
categories: [nlp]
tags: attention, transformers
comments: true
author: Me
excerpt: All you need.
mood: fine
vanue: NeurIPS 2017
order: first
---

Text.
"""
HUGO = """\
+++
title = "Attention"
date = 2020-01-02
tags = ["a"]
[params]
  showToc = true
+++

Text.
"""


def test_front_matter_of_another_generator_is_one_mistake() -> None:
    keys = ("layout", "date", "categories", "tags", "comments", "author", "excerpt", "mood", "vanue")
    listed = ", ".join(f"`{key}`" for key in keys)
    hint = """line 2, `layout`: delete it; that is the same on every page here
    line 4, `date`: write `reviewed: 2020-01-02`
    line 5, `categories`: becomes `section`, one text
    line 6, `tags`: write `tags: [attention, transformers]`
    line 7, `comments`: delete it; that is the same on every page here
    line 8, `author`: becomes `authors`, a list of the paper's
    line 9, `excerpt`: becomes `summary`, one sentence
    line 10, `mood`: delete it; it means nothing here
    line 11, `vanue`: did you mean `venue`?"""
    assert complaints(JEKYLL) == [
        (2, f"this front matter is another generator's: {listed}", hint),
        (12, "`order` must be an integer of at least 0, not the text 'first'", ""),
    ]


def test_what_is_missing_besides_is_listed_once() -> None:
    text = "---\nlayout: post\nauthors: Ann Author and Bo Writer\n---\n"
    hint = """line 2, `layout`: delete it; that is the same on every page here
    line 3, `authors`: write `authors: [Ann Author, Bo Writer]`
    required besides: title, venue, section, summary"""
    without = "and without `title`, `venue`, `section`, `summary`"
    assert complaints(text) == [(2, f"this front matter is another generator's: `layout`, `authors`, {without}", hint)]


def test_front_matter_in_toml_is_one_mistake() -> None:
    hint = """line 2, `title`: write `title: …`
    line 3, `date`: write `reviewed: 2020-01-02`
    line 4, `tags`: write `tags: …`
    line 6, `showToc`: delete it; that is the same on every page here
    required besides: authors, venue, section, summary"""
    message = (
        "front matter in TOML (`+++`); here it is YAML, between two lines `---`: `title`, `date`, `tags`, `showToc`, "
        "and without `authors`, `venue`, `section`, `summary`"
    )
    assert complaints(HUGO) == [(2, message, hint)]
    without = ", and without `title`, `authors`, `venue`, `section`, `summary`"
    required = "required besides: title, authors, venue, section, summary"
    assert complaints("+++\n+++\n") == [
        (1, f"front matter in TOML (`+++`); here it is YAML, between two lines `---`{without}", required)
    ]
    assert complaints("+++\ntitle = 3\n") == [
        (1, "the front matter does not end", "it is YAML here, between two lines `---`")
    ]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        *((f"{key}: x", "delete it; ") for key in (
            "layout", "comments", "toc", "math", "mathjax", "katex", "showtoc", "ShowToc", "draft", "published", "slug",
            "permalink", "aliases", "img", "cover", "image", "redirect_from", "output", "format", "jupyter", "cssclass",
        )),
        ("category: x", "becomes `section`"),
        ("lastmod: 2020-03-04", "write `reviewed: 2020-03-04`"),
        ("date: yesterday", "becomes `reviewed`"),
        ("date: 2020-02-30", "becomes `reviewed`"),
        ("description: x", "becomes `summary`"),
        ("weight: 3", "becomes `order`"),
        ("keywords: [x]", "becomes `tags`"),
        ("journal: x", "becomes `venue`"),
        ("paper: x", "goes into `links`"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_key_of_another_generator(line: str, advice: str) -> None:
    key = line.partition(":")[0]
    ((where, message, hint),) = complaints(front("summary:", f"{line}\nsummary:"))
    assert (where, message) == (6, f"this front matter is another generator's: `{key}`")
    assert hint.startswith(f"line 6, `{key}`: {advice}")
