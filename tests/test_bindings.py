"""What prose says of the evidence, found in Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reviewing import CLAIM, FRONT, HEAD, fence, good, prose
from verify.format.bindings import Binding, Finding, Inline, Reference, find, scale_of, scan


def one(text: str) -> Inline:
    """The only item of a text, at line 1."""
    items, errors = scan(text, 1)
    assert errors == []
    [item] = items
    return item


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("{{ toss.error }}", Binding("toss", "error", 1)),
        ("{{toss.error}}", Binding("toss", "error", 1)),
        ("{{ toss.error[arm=old] }}", Binding("toss", "error", 1, {"arm": "old"})),
        ("{{ toss.error[arm = old,fair=no] }}", Binding("toss", "error", 1, {"arm": "old", "fair": "no"})),
        ("{{ toss.error[bias=1e-1] }}", Binding("toss", "error", 1, {"bias": 0.1})),
        ("{{ toss.error[fair=true] }}", Binding("toss", "error", 1, {"fair": True})),
        ("{{ toss.error[arm=\"a, b]\", fair='1'] }}", Binding("toss", "error", 1, {"arm": "a, b]", "fair": "1"})),
        ("{{ toss.error @small }}", Binding("toss", "error", 1, scale="small")),
        ("{{ toss.error[b=1] @small | sd | .1% }}", Binding("toss", "error", 1, {"b": 1}, "small", "sd", ".1%")),
        ("{{ toss.error | .3g }}", Binding("toss", "error", 1, format=".3g")),
        ("{{ toss.error | n | d }}", Binding("toss", "error", 1, statistic="n", format="d")),
        ("{{ toss.error\n  | max }}", Binding("toss", "error", 1, statistic="max")),
        ("{{ verdict.falls.estimate }}", Finding("falls", "estimate", 1)),
        ("{{ verdict.falls.low @tiny | +.2f }}", Finding("falls", "low", 1, "tiny", "+.2f")),
        ("{{ verdict.falls.status }}", Finding("falls", "status", 1)),
        ("{{ verdict.falls.seeds | d }}", Finding("falls", "seeds", 1, format="d")),
        ("[@falls]", Reference("falls", 1)),
        ("[@falls @small]", Reference("falls", 1, None, "small")),
        ("[@falls supported]", Reference("falls", 1, "supported")),
        ("[@falls not run @small]", Reference("falls", 1, "not run", "small")),
    ],
)  # fmt: skip
def test_forms(text: str, item: Inline) -> None:
    assert one(text) == item


UNTOUCHED = [
    "`{{ x }}`",
    "``a ` {{ x }} [@x]``",
    "`across\nlines {{ x }}`",
    "```\n{{ x }}\n```",
    "- item\n\n  ~~~\n  {{ x }}\n  ~~~",
    "    {{ x }}",
    "$a_{{x}}$ and $$\n{{ x }}\n$$",
    r"\(a_{{x}}\) \[{{ x }}\]",
    "<!-- {{ x }} -->",
    "text <!-- {{ x }} --> text",
    "<!--\n{{ x }}\n\n{{ y }}\n-->",
    "<pre>\n{{ x }}\n</pre>",
    r"\{{ x }}",
    r"\[@x]",
    "[@somebody](https://example.org)",
    "[@somebody][link]\n\n[link]: https://example.org",
    "!!! note\n\n    ```\n    {{ x }}\n    ```",
    "```\n!!! note\n\n    ```yaml\n{{ x }}\n```",
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_code_maths_comments_and_escapes_stay(text: str) -> None:
    assert scan(text, 1) == ([], [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("costs $5 and {{ a.b }} and $6", 1),
        ("one ` tick\n\n{{ a.b }} another `", 3),
        ("- a `\n- {{ a.b }} `", 2),
        (r"\\{{ a.b }}", 1),
        ("# Heading {{ a.b }}", 1),
        ("> quoted\n> {{ a.b }}", 2),
        ("| a | b |\n|---|---|\n| {{ a.b }} | c |", 3),
        ("<div>\n\n{{ a.b }}\n\n</div>", 3),
        ("!!! note\n\n    {{ a.b }}\n", 3),
        ('!!! note "{{ a.b }}"\n', 1),
        ('???+ note\n\n    !!! tip\n\n        {{ a.b }}\n\nEnd\n\n    code {{ "x" }}\n', 5),
        ("- item\n\n    {{ a.b }}", 3),
        ("a[^1]\n\n[^1]: {{ a.b }}", 3),
        ("```\n{{ x }}\n```\n{{ a.b }}", 4),
    ],
)
def test_prose_is_found_at_its_line(text: str, line: int) -> None:
    assert scan(text, 1) == ([Binding("a", "b", line)], [])
    assert scan(text, 100)[0] == [Binding("a", "b", line + 99)]


@pytest.mark.parametrize(("text", "line"), [("<div>\n{{ a.b }}\n</div>", 2), ("a\n\n<p>[@a]</p>", 3)])
def test_evidence_in_raw_html_is_a_mistake(text: str, line: int) -> None:
    items, [error] = scan(text, 1, "reviews/x.md")
    assert (items, error.line) == ([], line)
    assert "stands in raw HTML" in error.message
    assert "blank line" in error.hint


def test_errors_name_file_and_line() -> None:
    items, [error] = scan("\n{{ a.b }}\n{{ broken }}", 5, "reviews/x.md")
    assert items == [Binding("a", "b", 6)]
    assert (error.file, error.line, error.message) == ("reviews/x.md", 7, "'{{ broken }}' is not a binding")


def test_find_fills_in_the_scale() -> None:
    review = good(prose("{{ toss.error }} {{ toss.error @small }} {{ verdict.falls.low }} [@falls]"))
    assert find(review) == (
        [
            Binding("toss", "error", 8, scale="tiny"),
            Binding("toss", "error", 8, scale="small"),
            Finding("falls", "low", 8, scale="tiny"),
            Reference("falls", 8, scale="tiny"),
        ],
        [],
    )


def test_first_scale_is_the_lowest_declared() -> None:
    head = HEAD.replace("tiny:", "full:")
    review = good(FRONT + "[@falls]\n\n" + fence(head + CLAIM))
    assert scale_of(Reference("falls", 1), review) == "small"
    with pytest.raises(KeyError):
        scale_of(Reference("nobody", 1), review)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}[]@|.=ab `$\\\n<!->~('\"1e", max_size=120))
def test_scanning_never_raises(text: str) -> None:
    scan(text, 1)
