"""What is published beside the pages: what was meant, and nothing else that lies there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from verify.site import published

SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'


class At(NamedTuple):
    path: str
    line: int = 7


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "reviews" / "notebooks").mkdir(parents=True)
    (root / "docs").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    return root


def write(root: Path, *paths: str, text: str = "x") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def said(root: Path, path: str) -> str:
    """The one mistake of a review that refers to `path`; empty where it is published."""
    found, mistakes = published.find(root, {"reviews/coin.md": [At(path)]})
    assert found == ({} if mistakes else {path: root / path})
    return str(mistakes[0]) if mistakes else ""


def test_only_what_is_referred_to_or_listed_is_published(root: Path) -> None:
    paths = ["reviews/a.png", "reviews/data/b.csv", "reviews/c.json", "reviews/notebooks/coin.py", "reviews/d.txt"]
    write(root, *paths, "reviews/notebooks/other.py", "reviews/x.md~", "reviews/.env", "reviews/#x.md#")
    wanted = {
        "reviews/coin.md": [At("reviews/a.png"), At("reviews/a.png", 9)],
        "reviews/dice.md": [At("reviews/a.png")],
    }
    listed = {"reviews/coin.md": ["data/b.csv", "./c.json"]}
    found, mistakes = published.find(root, wanted, ["coin", "dice"], listed)
    assert found == {path: root / path for path in paths[:4]}
    assert not mistakes


@pytest.mark.parametrize("name", ["a.PNG", "b.tar.gz", "é ü.csv", "plot.svg"])
def test_pictures_data_and_archives_are_published(root: Path, name: str) -> None:
    write(root, f"reviews/{name}", text=SVG.format(""))
    assert said(root, f"reviews/{name}") == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".env", "it is hidden"),
        (".git/config.txt", "it is hidden"),
        (".ipynb_checkpoints/a.ipynb", "it is hidden"),
        ("__pycache__/a.txt", "an editor or a program left it"),
        ("x.csv~", "an editor or a program left it"),
        ("#x.csv#", "an editor or a program left it"),
        (".#x.csv", "it is hidden"),
        ("x.csv.swp", "an editor or a program left it"),
        ("x.BAK", "an editor or a program left it"),
        ("x.orig", "an editor or a program left it"),
        ("x.tmp", "an editor or a program left it"),
        ("x.html", "its kind, html, is not among those that are"),
        ("x.js", "its kind, js, is not among those that are"),
        ("x.xml", "its kind, xml, is not among those that are"),
        ("x.svgz", "its kind, svgz, is not among those that are"),
        ("x", "its kind, without an ending, is not among those that are"),
        ("../coin.png", "it is no path within the project"),
    ],
)
def test_what_is_hidden_left_over_or_active_is_refused(root: Path, name: str, reason: str) -> None:
    write(root, f"reviews/{name}")
    expected = f"reviews/coin.md:7: reviews/{name} is not published: {reason}\n"
    assert said(root, f"reviews/{name}").startswith(expected)


def test_a_drawing_that_runs_something_is_refused(root: Path) -> None:
    write(root, "reviews/a.svg", text=SVG.format("<script/>"))
    write(root, "reviews/b.png", text=SVG.format("<script/>"))
    (root / "reviews" / "c.svg").symlink_to("b.png")
    assert "reviews/a.svg is not published: it holds <script> (line 1)\n    save it as" in said(root, "reviews/a.svg")
    assert "it holds <script>" in said(root, "reviews/c.svg")


def test_links_are_followed_within_the_project_alone(root: Path, tmp_path: Path) -> None:
    write(root, "reviews/a.csv", "docs/b.csv", ".env", "reviews/page.html")
    for name, target in {
        "in.csv": "a.csv",
        "docs.csv": "../docs/b.csv",
        "out.csv": str(tmp_path / "secret.txt"),
        "env.txt": "/proc/self/environ",
        "hidden.txt": "../.env",
        "page.txt": "page.html",
        "loop.csv": "loop.csv",
        "gone.csv": "nowhere",
        "folder": str(tmp_path),
    }.items():
        (root / "reviews" / name).symlink_to(target)
    assert said(root, "reviews/in.csv") == said(root, "reviews/docs.csv") == ""
    for path in ("out.csv", "env.txt", "folder/secret.txt"):
        assert f"reviews/{path} is not published: it is, or lies behind, a link that leads out of the project" in said(
            root, f"reviews/{path}"
        )
    assert "reviews/hidden.txt is not published: it is a link to .env" in said(root, "reviews/hidden.txt")
    assert "its kind, txt, is not among" in said(root, "reviews/page.txt")
    assert "reviews/loop.csv cannot be read: " in said(root, "reviews/loop.csv")
    assert "there is no file reviews/gone.csv" in said(root, "reviews/gone.csv")


def test_what_is_no_file_is_refused_and_not_waited_for(root: Path) -> None:
    (root / "reviews" / "folder.csv").mkdir()
    os.mkfifo(root / "reviews" / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(root)  # a socket's path is short
        listening.bind("reviews/socket.csv")
    assert "reviews/folder.csv is not published: it is a folder\n    name the files" in said(root, "reviews/folder.csv")
    for name in ("pipe", "socket"):
        assert "it is no file, but a pipe, a socket or a device" in said(root, f"reviews/{name}.csv")


@pytest.fixture(autouse=True)
def _where_we_are() -> Iterator[None]:
    here = Path.cwd()
    yield
    os.chdir(here)


def test_what_cannot_be_read_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "reviews/a.csv")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # root may read everything
    assert "reviews/a.csv cannot be read: permission denied" in said(root, "reviews/a.csv")


def test_what_is_missing_is_told_with_the_near_miss(root: Path) -> None:
    write(root, "reviews/plot.png", "reviews/.plots.png")
    assert said(root, "reviews/plots.png") == (
        "reviews/coin.md:7: there is no file reviews/plots.png\n    did you mean 'plot.png'?"
    )
    for path in ("reviews/other/x.png", "reviews/" + "x" * 300):
        assert "no file" in said(root, path) or "cannot be read: file name too long" in said(root, path)


@pytest.mark.parametrize(
    ("name", "shown"), [("a\nb.png", "a\\nb.png"), ("a\0.png", "a\\x00.png"), ("é\u202e.png", "é\\u202e.png"),
    (os.fsdecode(b"\xff.png"), "\\udcff.png")],
)  # fmt: skip
def test_a_name_that_cannot_be_shown_is_refused(root: Path, name: str, shown: str) -> None:
    if "\0" not in name:
        write(root, f"reviews/{name}")
    assert said(root, f"reviews/{name}") == (
        f"reviews/coin.md:7: reviews/{shown} is not published: characters that cannot be seen stand in its name\n"
        "    give it another name"
    )


def test_what_lies_elsewhere_and_what_front_matter_lists_wrongly_are_told(root: Path) -> None:
    write(root, "mkdocs.yml", "data/x.csv")
    found, mistakes = published.find(root, {}, [], {"reviews/coin.md": ["../mkdocs.yml", "/etc/passwd", "x.csv"]})
    assert not found
    assert [str(each).split("\n")[0] for each in mistakes] == [
        "reviews/coin.md: mkdocs.yml is not published: it does not lie beside the reviews",
        "reviews/coin.md: /etc/passwd is not published: it does not lie beside the reviews",
        "reviews/coin.md: there is no file reviews/x.csv",
    ]


def test_every_reference_to_a_missing_file_is_told(root: Path) -> None:
    _, mistakes = published.find(root, {"reviews/coin.md": [At("reviews/a.png", 3), At("reviews/a.png", 9)]})
    assert [(each.file, each.line) for each in mistakes] == [("reviews/coin.md", 3), ("reviews/coin.md", 9)]


def test_a_notebooks_source_that_leads_out_of_the_project_is_told(root: Path, tmp_path: Path) -> None:
    (root / "reviews" / "notebooks" / "coin.py").symlink_to(tmp_path / "secret.txt")
    found, mistakes = published.find(root, {}, ["coin"])
    assert not found
    assert "reviews/notebooks/coin.py: reviews/notebooks/coin.py is not published: " in str(mistakes[0])


def test_documents_are_all_but_hidden_ones_leftovers_and_links_out(root: Path, tmp_path: Path) -> None:
    kept = ["docs/a.md", "docs/b/c.html", "docs/evidence/x/y.jsonl"]
    write(
        root, *kept, "docs/.env", "docs/.git/x", "docs/a.md~", "docs/b/.ipynb_checkpoints/x.ipynb", "docs/__pycache__/x"
    )
    (root / "docs" / "in.md").symlink_to("a.md")
    (root / "docs" / "out.md").symlink_to(tmp_path / "secret.txt")
    (root / "docs" / "away").symlink_to(tmp_path)
    (root / "docs" / "round").symlink_to(".")
    os.mkfifo(root / "docs" / "pipe")
    (root / "docs" / os.fsdecode(b"\xff.md")).write_text("x")
    (root / "docs" / "aside").symlink_to("b")
    published_ones = {path.removeprefix("docs/"): root / path for path in [*kept, "docs/in.md"]}
    assert published.documents(root) == published_ones
    for path in [*(each for each in root.glob("docs/**/*") if each.is_file()), root / "docs" / "aside" / "c.html"]:
        name = path.relative_to(root).as_posix()
        assert (published.document_refusal(root, name) is None) == (path in published_ones.values()), name
