"""What is wrong with the text of a page: each with its line, what is wrong, and what to do."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests import miniature
from tests.conftest import COMMAND
from tests.writing import html, mistakes
from verify.model import Review
from verify.project.project import Project
from verify.project.store import write_atomically
from verify.site import checks, viewing, words
from verify.site.links import link_from
from verify.site.pages import Page, render
from verify.site.targets import Targets
from verify.site.views import ReviewView

BELOW = "addresses are relative to the review's file"
CLOSE = "close it, or write it in `code` if it is meant as it stands"
BLANK = "leave a blank line between the tag and the text: what follows it is Markdown again"
RELATIVE = "write it relative to the review's file, with `/` between folders"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("docs/guide/run.md", "docs/method.md", "docs/index/index.md", "reviews/data/curve.png", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n", encoding="utf-8")
    return tmp_path


def test_addresses_that_lead_somewhere_are_no_mistakes(root: Path) -> None:
    text = """\
[a](coins.md) [b](../docs/guide/run.md) [c](../guide/run.md) [d](../docs/method.md) [e](../CHANGELOG.md)
[f](data/curve.png) ![g](data/curve.png) ![h](data/curve.png "With a title") [i](https://example.org/x)
[j](mailto:a@example.org) [k](#l) [l](coins.md#l) [m](../claims.md) [n](../index.md) <https://example.org>
<a href="coins.md">o</a> <img src="data/curve.png"> [p][q] www.example.org a@example.org [r](data/curve%2Epng)

## l

[q]: ../docs/method.md
"""
    assert mistakes(text, root) == []


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        ("coin.md", "'coin.md' leads to no page and no file", BELOW),
        ("../docs/guide/rnu.md", "'../docs/guide/rnu.md' leads to no page and no file", "did you mean 'run.md'?"),
        ("../docs/method", "'../docs/method' leads to no page and no file", "did you mean 'method.md'?"),
        (
            "../docs/guide",
            "'../docs/guide' leads to no page and no file",
            "name the file: `index.md` for a folder's page",
        ),
        ("data/curv.png", "'data/curv.png' leads to no page and no file", "did you mean 'curve.png'?"),
        ("nowhere.csv", "'nowhere.csv' leads to no page and no file", BELOW),
        (
            "../README.md",
            "'../README.md' leads to no page and no file",
            "only what lies in docs/ or beside the review is published",
        ),
        ("/reviews/coins/", "'/reviews/coins/' is no address within the project", RELATIVE),
        ("../../secret.txt", "'../../secret.txt' leads out of the project", "refer to a file of the project"),
    ],
)
def test_an_address_that_leads_nowhere(root: Path, address: str, message: str, hint: str) -> None:
    for written in (
        f"[a]({address})",
        f"![a]({address})",
        f"*a [b][c]*\n\n[c]: {address}",
        f'<a href="{address}">a</a>',
    ):
        found = mistakes(f"One line.\n\n- {written}", root)
        assert [(line, each) for line, each, _ in found] == [(3, message)], written
        assert found[0][2].startswith(hint)
    assert "href" not in html(f"[a]({address})")


@pytest.mark.parametrize(
    "address", [f"{'a' * 300}.md", f"{'a' * 300}/b.md", f"../docs/{'a' * 300}", "a%00.md", "x/%00"]
)
def test_an_address_that_no_disk_can_have_leads_nowhere(root: Path, address: str) -> None:
    (root / "reviews" / f"{'a' * 200}.md").write_text("x")
    for written in (f"[a]({address})", f"![a]({address})"):
        assert [each[:2] for each in mistakes(written, root)] == [(1, f"'{address}' leads to no page and no file")]


def test_a_folder_that_cannot_be_listed_gives_no_hint(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)  # root may read everything
    assert mistakes("[a](data/curv.png)", root) == [(1, "'data/curv.png' leads to no page and no file", BELOW)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".secret.csv", "it is hidden"),
        ("y.csv~", "an editor or a program left it"),
        ("out.csv", "it is, or lies behind, a link that leads out of the project"),
        ("hidden.csv", "it is a link to docs/.secret.csv"),
        ("aside/run.md", "docs/aside is a link to a folder"),
    ],
)
def test_a_file_in_docs_that_is_not_published_is_told(root: Path, name: str, reason: str) -> None:
    for written in (".secret.csv", "y.csv~"):
        (root / "docs" / written).write_text("x")
    (root / "docs" / "out.csv").symlink_to("/proc/self/status")
    (root / "docs" / "hidden.csv").symlink_to(".secret.csv")
    (root / "docs" / "aside").symlink_to("guide")
    for text in (f"[a](../docs/{name})", f"![a](../docs/{name})", f"[a](../{name})"):
        assert [each[:2] for each in mistakes(text, root)] == [(1, f"docs/{name} is not published: {reason}")]


def test_a_changelog_that_is_not_there_is_told(root: Path) -> None:
    (root / "CHANGELOG.md").unlink()
    assert len(mistakes("[a](../CHANGELOG.md) [b](../docs/changelog.md)", root)) == 2


def test_a_link_costs_the_same_however_many_reviews_there_are(tmp_path: Path) -> None:
    class Counting(Project):
        counted = 0

        @property
        def reviews(self) -> tuple[Review, ...]:
            type(self).counted += 1
            return self._reviews

        @reviews.setter
        def reviews(self, value: tuple[Review, ...]) -> None:
            self._reviews = value

    project = Counting(tmp_path, [])
    for slug in ("a", "b"):
        path = f"reviews/{slug}.md"
        targets = Targets(project, path, link_from(path, True))
        for line in range(1, 50):
            targets.link("c.md", line)
    assert Counting.counted == 1


def test_a_path_as_windows_has_it(root: Path) -> None:
    (line, message, hint), *others = mistakes("One line,\nand ![a](data\\curve.png).", root)
    assert not others
    assert (line, hint) == (2, RELATIVE)
    assert message.endswith("is no address within the project")


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        (
            "[a](javascript:alert(1))",
            1,
            "the address of a link is left out",
            "`javascript:` is no address of a page: `https:`, `http:`, `mailto:` and files of the project are",
        ),
        (
            "a\n[b](//example.org/x)",
            2,
            "the address of a link is left out",
            "it does not say by which protocol: write `https://…`",
        ),
        (
            "a\n\n![b](https://example.org/b.png)",
            3,
            "an image is not shown: it lies on another host",
            "put it beside the review, and name it from there",
        ),
        (
            "![b](data:image/png;base64,iVBORw0KGgo=)",
            1,
            "an image is not shown: it stands in the page itself (`data:`)",
            "put it beside the review, and name it from there",
        ),
        ("![b]()", 1, "an image is not shown: it names no file", "put it beside the review, and name it from there"),
        (
            "a[^b]\n\n[^b]: c\n\n[^d]: e",
            5,
            "no text refers to the footnote [^d], so it is not shown",
            "refer to it, or delete it",
        ),
        (
            "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 | 5 |",
            4,
            "this row has more cells than the table's head: the last ones are not shown",
            "a pipe that belongs to a cell is written \\|",
        ),
        ("a\n\n$$\nb\n\nc", 3, "'$$' begins an equation that does not end in its paragraph", CLOSE),
        ("a\nb $$c", 2, "'$$' begins an equation that does not end in its paragraph", CLOSE),
        (
            "> \\begin{align}\n> a\n\n\\end{align}",
            1,
            "'\\begin{' begins an equation that does not end in its paragraph",
            CLOSE,
        ),
        ("<div>\n**a** and\n</div>", 2, "'**a' stands in raw HTML, where no Markdown is read", BLANK),
        (
            "<div>\n\n<p>\na [b](https://example.org)</p></div>",
            4,
            "'](https://example.org)' stands in raw HTML, where no Markdown is read",
            BLANK,
        ),
        ("<div>\n$$x$$\n</div>", 2, "'$$' stands in raw HTML, where no Markdown is read", BLANK),
        (
            "```\n[^a]: b\n```\n\n[^a]: c",
            5,
            "no text refers to the footnote [^a], so it is not shown",
            "refer to it, or delete it",
        ),
        (
            "a\n![b](my picture.png)",
            2,
            "'my picture.png' is no address, since spaces stand in it",
            "write [text](<my picture.png>), or %20 for a space",
        ),
        ("## a {#b}\n\n## c {#b}", 3, "the id 'b' is taken on this page", "give the heading another"),
        ("## a {#coins}", 1, "the id 'coins' is taken on this page", "give the heading another"),
        ("a\n\n<script>b</script>", 3, "<script> is left out with all that is in it", "a review holds"),
        ("- a\n  <b onclick='c'>d</b>", 2, "`onclick` of <b> is left out", ""),
    ],
)
def test_what_cannot_be_shown_as_it_is_meant(root: Path, text: str, line: int, message: str, hint: str) -> None:
    found = mistakes(text, root)
    assert [each[:2] for each in found] == [(line, message)]
    assert found[0][2].startswith(hint)


@pytest.mark.parametrize(
    ("text", "line", "begins"),
    [
        ("a\nb $\\nonsense{x}$ c", 2, "an equation cannot be read"),
        ("- a\n\n  $$\n  x\n  + \\nonsense{y}\n  $$", 5, "an equation cannot be read"),
        ("\\begin{align}\na &= b \\\\\nc &= \\nonsense{d}\n\\end{align}", 3, "an equation cannot be read"),
        ("```math\na\n\\nonsense\n```", 3, "an equation cannot be read"),
        ("| a |\n|---|\n| 1 |\n| $\\nonsense$ |", 4, "an equation cannot be read"),
    ],
)
def test_an_equation_that_cannot_be_read_has_its_line_and_place(text: str, line: int, begins: str) -> None:
    found = mistakes(text)
    assert [each[0] for each in found] == [line]
    assert found[0][1].startswith(f"{begins} at '\\nonsense")
    assert found[0][2] == "equations are LaTeX; the guide says what of it is known"


def test_what_is_meant_as_it_stands_is_no_mistake(root: Path) -> None:
    text = """\
It costs $5, `$$`, \\$$ and \\$\\$ and `\\begin{x}` and \\\\begin{x}.

```
$$
<script> [a](b.md)
```

    ![a](b.png)

| a | b |
|---|---|
| 1 \\| 2 | `3` |

## a

## a

<details>
<summary>b</summary>

**c** [^d]

</details>

[^d]: e
"""
    assert mistakes(text, root) == []


# Between pages

ANCHORS = """\
[a](#what-was-tosed) [b](#claim-biased) [c](dice.md#claim-fare) [d](dice.md#claim-fair) [e](../docs/method.md#method)
[f](../docs/method.md#methods) [g](#verdicts) [h](#tosses) [i](dice.md#dice) [j](#code-coin) [k](#)

What came up
"""


def test_anchors_are_looked_up_in_every_page(tmp_path: Path) -> None:
    review = miniature.COIN.replace("## What came up", f"{ANCHORS}---------------")
    project = miniature.make(tmp_path, {"coin": review, "dice": miniature.DICE}, ran={})
    first = review[: review.index("[a](#")].count("\n") + 1
    assert [str(each) for each in checks.mistakes(project)] == [
        f"reviews/coin.md:{first}: '#what-was-tosed' is no anchor of this page\n    did you mean 'what-was-tossed'?",
        f"reviews/coin.md:{first}: '#claim-fare' is no anchor of reviews/dice.md\n    did you mean 'claim-fair'?",
        f"reviews/coin.md:{first + 1}: '#methods' is no anchor of method.md\n    did you mean 'method'?",
    ]


def anchors(root: Path, text: str, **others: str) -> list[str]:
    """What is wrong with a review that says `text`, in one line each."""
    project = miniature.make(root, {"dice": miniature.DICE.replace("Sixes:", f"{text}\n\nSixes:"), **others}, ran={})
    return [each.message for each in checks.mistakes(project)]


def test_anchors_of_generated_pages_are_known(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    section = words.anchor("Chance & <b>order</b>")
    text = f"""\
[a](../index.md#papers) [b](../index.md#papers-list) [c](../index.md#section-{section}) [d](../index.md#dice)
[e](../claims.md#claims) [f](../claims.md#claims-table) [g](../index.md#zz) [h](../claims.md#zz)
[i](../CHANGELOG.md#changelog) [j](../CHANGELOG.md#zz)
"""
    project = miniature.make(tmp_path / "first", {"dice": miniature.DICE}, ran={})
    for path, page in render(project).items():
        if path in ("index.md", "claims.md"):
            assert isinstance(page, Page)
            soup = BeautifulSoup(page.html, "html.parser")
            assert page.ids == {str(each["id"]) for each in soup.find_all(id=True)}
    expected = [f"'#zz' is no anchor of {page}" for page in ("index.md", "claims.md", "changelog.md")]
    assert anchors(tmp_path / "second", text) == expected


def test_a_document_without_headings_has_no_anchor_and_what_is_not_known_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "docs" / "notebooks").mkdir(parents=True)
    (tmp_path / "docs" / "plain.md").write_text("Text.\n")
    (tmp_path / "docs" / "latin.md").write_bytes("# Über\n".encode("latin-1"))
    (tmp_path / "docs" / "notebooks" / "x.ipynb").write_text("{}")
    text = "[a](../docs/plain.md#a) [b](../docs/latin.md#b) [c](../docs/notebooks/x.ipynb#c) [d](../docs/plain.md#)"
    assert anchors(tmp_path, text) == ["'#a' is no anchor of plain.md"]


def test_anchors_of_a_review_that_cannot_be_read_are_not_known(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN, "dice": miniature.DICE}, ran={})
    write_atomically(project.evidence_path("coin", "tosses", "tiny"), b"{}\n")
    (tmp_path / "reviews" / "dice.md").write_text(miniature.DICE.replace("Sixes:", "[a](coin.md#claim-biased) Sixes:"))
    for slugs in (None, ["dice"]):
        assert [each for each in checks.mistakes(Project.load(tmp_path), slugs) if "anchor" in each.message] == []


def test_anchors_of_a_document_are_those_of_the_projects_markdown_and_of_the_file_as_it_is_now(tmp_path: Path) -> None:
    document = tmp_path / "docs" / "page.md"
    document.parent.mkdir()
    document.write_text(
        '---\ntitle: x\n# No: heading\n---\n\n# One {#first}\n\n!!! note\n    ## Two\n\n<a name="old"></a>\n'
    )
    text = "[a](../page.md#first) [b](../page.md#two) [c](../page.md#no-heading) [d](../page.md#old)"
    c = "'#no-heading' is no anchor of page.md"
    assert anchors(tmp_path, text) == [c]
    settings = tmp_path / "mkdocs.yml"

    def with_extensions(written: str) -> list[str]:
        settings.write_text(f"site_name: !ENV [NAME, x]\nplugins: [verify]\n{written}")
        return [each.message.partition(" ")[0] for each in checks.mistakes(Project.load(tmp_path))]

    assert with_extensions("") == ["'#first'", "'#two'", "'#no-heading'"]
    assert with_extensions("markdown_extensions: [attr_list, no.such.extension]\n") == ["'#two'", "'#no-heading'"]
    assert with_extensions("markdown_extensions:\n  attr_list: {}\n  admonition:\n") == ["'#no-heading'"]
    slugify = "markdown_extensions:\n  - toc: {slugify: !!python/name:pymdownx.slugs.uslugify }\n"
    assert with_extensions(slugify) == []
    assert with_extensions("INHERIT: other.yml\n") == []
    assert with_extensions("markdown_extensions: [attr_list, admonition, toc: {separator: _}]\n") == ["'#no-heading'"]
    document.write_text("# No heading\n")
    assert with_extensions("markdown_extensions: [toc: {separator: _}]\n")[0] == "'#first'"
    assert with_extensions("markdown_extensions: [toc]\n") == ["'#first'", "'#two'", "'#old'"]


def test_checking_one_review_renders_it_and_what_its_anchors_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = miniature.DICE.replace("title: Dice", "title: Other").replace("Sixes:", "[a](#zz) Sixes:")
    review = miniature.DICE.replace("Sixes:", "[a](named.md#rolls) [b](named.md#zz) [c](third.md) Sixes:")
    third = miniature.DICE.replace("title: Dice", "title: Third")
    project = miniature.make(tmp_path, {"dice": review, "named": named, "third": third}, ran={})
    viewed = []

    def view(project: Project, review: Review) -> ReviewView:
        viewed.append(review.slug)
        return viewing.view(project, review)

    monkeypatch.setattr("verify.site.pages.view", view)
    assert [str(each).split("\n")[0][-35:] for each in checks.mistakes(project, ["dice"])] == [
        "'#zz' is no anchor of reviews/named.md"[-35:]
    ]
    assert viewed == ["dice", "named"]
    viewed.clear()
    assert checks.mistakes(project, ["third"]) == []
    assert viewed == ["third"]
    for text, wrong in (
        ("[a](../index.md#named) [b](../index.md#zz)", "index.md"),
        ("[a](../CHANGELOG.md#zz)", "changelog.md"),
    ):
        (tmp_path / "reviews" / "third.md").write_text(third.replace("Sixes:", f"{text} Sixes:"))
        [mistake] = checks.mistakes(Project.load(tmp_path), ["third"])
        assert mistake.message == f"'#zz' is no anchor of {wrong}"


def test_check_tells_file_and_line_and_ends_with_two(tmp_path: Path) -> None:
    wrong = "[a](nowhere.md), $\\nonsense$,\n![b](gone.png) [c](#nowhere) Sixes:"
    review = miniature.DICE.replace("Sixes:", wrong)
    miniature.make(tmp_path, {"dice": review}, ran={})
    line = review[: review.index("[a](")].count("\n") + 1
    done = subprocess.run([*COMMAND, "check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    assert f"reviews/dice.md:{line}: 'nowhere.md' leads to no page and no file" in said
    assert f"reviews/dice.md:{line}: an equation cannot be read at '\\nonsense" in said
    assert f"reviews/dice.md:{line + 1}: 'gone.png' leads to no page and no file" in said
    assert f"reviews/dice.md:{line + 1}: '#nowhere' is no anchor of this page" in said
    assert "Traceback" not in said


def test_check_is_silent_about_pages_without_mistakes(tmp_path: Path) -> None:
    project = miniature.make(tmp_path)
    assert checks.mistakes(Project.load(project.root)) == []


def test_a_link_without_an_address(root: Path) -> None:
    [(line, message, hint)] = mistakes("[a]() and [b](#)\n", root)
    assert (line, message) == (1, "this link names no address")
    assert "write it in the brackets" in hint


def test_a_label_and_a_heading_never_share_an_id(root: Path) -> None:
    text = "## eq a\n\n$$\nx \\label{a}\n$$\n\nSee [it](#eq-a) and $\\eqref{a}$.\n"
    page = html(text)
    assert page.count('id="eq-a"') == 1
    assert '<h2 id="eq-a-1">' in page
    assert mistakes(text, root) == []


def test_a_note_has_the_title_that_it_is_given_or_none() -> None:
    assert "admonition-title" not in html('!!! note ""\n    Text.\n')
    assert '<p class="admonition-title">Note</p>' in html("!!! note\n    Text.\n")
    assert "<summary>Note</summary>" in html('??? note ""\n    Text.\n')


def test_blank_lines_at_the_beginning_of_code_stay() -> None:
    assert '<code tabindex="0">\n<span></span>\n<span class="n">x' in html("```python\n\n\nx = 1\n```\n")


def test_a_path_of_one_machine_is_no_address_of_another_host(root: Path) -> None:
    [(_, message, _)] = mistakes("![a](C:/Users/me/pic.png)", root)
    assert message == "an image is not shown: its address is that of a file of one machine"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("`a\nb` [m](dead.md)", 2),
        ("$a\n+b$ [m](dead.md)", 2),
        ('[l](http://a.org "t\nt") [m](dead.md)', 2),
        ("![a\nb](x.png) [m](dead.md)", 2),
        ('<b title="x\ny">q</b> [m](dead.md)', 2),
        ("{{ throws.error\n| mean }} [m](dead.md)", 2),
        ("a\nb *c\nd* [m](dead.md)", 3),
        ("a[^1]\n\n[^1]: b\n    c [m](dead.md)", 4),
        ('<div>\na\n<a href="dead.md">b</a></div>', 3),
        ("> a\n> `b\n> c` [m](dead.md)", 3),
    ],
)
def test_a_mistake_has_its_line_behind_what_wraps(root: Path, text: str, line: int) -> None:
    assert (line, "'dead.md' leads to no page and no file") in [
        (at, message) for at, message, _ in mistakes(text, root)
    ]


def test_the_line_of_a_footnote_is_that_of_its_text(root: Path) -> None:
    [(line, message, _)] = mistakes("a `[^b]:` z\n\n[^b]: c\n", root)
    assert (line, message) == (3, "no text refers to the footnote [^b], so it is not shown")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r"so $\frac{1}{$ it is", r"'$\frac' begins an equation that does not end as one"),
        ("if $x_1 and $y_2", "'$x_1' begins an equation that does not end as one"),
        (r"a \(x_1 broken", r"'\(' begins an equation that does not end in its paragraph"),
        (r"\begin{tikzpicture} x \end{tikzpicture}", "'tikzpicture' is no environment of equations"),
        ("a[^gone] b", "there is no footnote [^gone]"),
        ("a b " * 6000, "a paragraph has at most 20,000 characters; this one is shown as it was typed"),
    ],
)
def test_what_is_shown_as_it_was_typed_is_told(root: Path, text: str, message: str) -> None:
    assert [(line, told) for line, told, _ in mistakes(text, root)] == [(1, message)]


@pytest.mark.parametrize(
    "text", ["Set $HOME and x", "US$ 5_000", "`$x_1`", r"\$x_1", r"a\[^gone] b", "costs $5 and a_b", r"\(a) and b"]
)
def test_what_only_looks_like_it_is_no_mistake(root: Path, text: str) -> None:
    assert mistakes(text, root) == []


@pytest.mark.parametrize("unit", ["![a](", "[", "*a ", "<b ", "[^a]", "`a", "> ", "- ", "$a ", "{{ ", "[@a "])
def test_no_text_takes_the_square_of_its_length(unit: str) -> None:
    begun = time.process_time()
    html(unit * (300_000 // len(unit)))
    assert time.process_time() - begun < 5


def test_a_fold_without_an_end_is_told_where_it_begins(root: Path) -> None:
    text = "a\n\n<details>\n<summary>s</summary>\n\n<details>b</details>\n\nc\n"
    assert [(line, message.partition(":")[0]) for line, message, _ in mistakes(text, root)] == [
        (3, "<details> has no end")
    ]
    assert mistakes(text + "\n</details>\n", root) == []


def test_a_file_that_is_refused_is_neither_shown_nor_linked(root: Path) -> None:
    (root / "reviews" / "data" / "bad.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', encoding="utf-8"
    )
    told = mistakes("![a picture](data/bad.svg) and [it](data/bad.svg)", root)
    assert len(told) == 2
    assert all("bad.svg is not published" in message for _, message, _ in told)
