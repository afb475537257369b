"""Modules of a project's own folders and data files beside reviews: what they decide, and what is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from verify.errors import UserError
from verify.model import Code
from verify.planning.modules import MOST
from verify.project import datafiles
from verify.project.datafiles import DataFiles
from verify.project.project import Project

FRONT = """\
---
title: Coins
authors: [Ann Author]
venue: ICLR 2017
section: Training
summary: Coins come up heads.
{}---

```python verify
{}
def coin(seed, device):
    return {{"heads": f()}}
```

```yaml verify
id: toss
experiment: coin
scales:
  tiny: {{seeds: 2}}
```
"""
IMPORT_LINE = 10
"""Of the first line of code, where the front matter has no more."""


def project(root: Path, code: str = "from helper import f", front: str = "", name: str = "coin", **files: str) -> Path:
    """A project with one review, and files by their paths (`__` for `/`, all of them modules)."""
    (root / "reviews").mkdir(exist_ok=True)
    (root / "mkdocs.yml").touch()
    (root / "reviews" / f"{name}.md").write_text(FRONT.format(front, code))
    for path, content in files.items():
        put(root, path.replace("__", "/") + ".py", content)
    return root


def put(root: Path, path: str, content: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content)


def code(root: Path, name: str = "coin") -> Code:
    loaded = Project.load(root)
    review = loaded.review(name)
    return loaded.code(review, review.verifications[0])


def mistake(root: Path) -> UserError:
    [error] = Project.inspect(root)[1]
    return error


HELPER = {"reviews__helper": "from tools.maths import half\nN = 1\ndef f():\n    return half(N)"}
MATHS = {"tools__maths": "def half(x):\n    return x / 2\ndef other():\n    return 0"}


@pytest.mark.parametrize(
    ("path", "old", "new", "counts"),
    [
        ("reviews/helper.py", "N = 1", "N = 2", True),
        ("reviews/helper.py", "N = 1", "N = 1  # one", False),
        ("tools/maths.py", "x / 2", "x / 3", True),
        ("tools/maths.py", "return 0", "return 1", False),
    ],
)
def test_edits_of_helper_modules_are_noticed(tmp_path: Path, path: str, old: str, new: str, counts: bool) -> None:
    before = code(project(tmp_path, **HELPER, **MATHS))
    assert set(before.definitions) == {"coin", "helper:f", "helper:N", "tools.maths:half"}
    assert code(tmp_path) == before  # from the cache
    (tmp_path / path).write_text((tmp_path / path).read_text().replace(old, new))
    assert (code(tmp_path).hash != before.hash) == counts


def test_a_helper_that_moves_with_its_review_keeps_the_hash(tmp_path: Path) -> None:
    before = code(project(tmp_path, **HELPER, **MATHS))
    (tmp_path / "reviews/helper.py").rename(tmp_path / "helper.py")
    assert code(tmp_path).hash == before.hash
    (tmp_path / "reviews/coin.md").rename(tmp_path / "reviews/other.md")
    assert code(tmp_path, "other").hash == before.hash


def test_a_module_that_appears_or_goes_is_noticed(tmp_path: Path) -> None:
    before = code(project(tmp_path, **HELPER))  # tools is not there yet: it would be an installed one
    assert code(tmp_path).libraries == ("tools",)
    put(tmp_path, "tools/maths.py", MATHS["tools__maths"])
    after = code(tmp_path)
    assert after.hash != before.hash
    assert after.libraries == ()
    (tmp_path / "tools/maths.py").unlink()
    assert code(tmp_path).hash != after.hash


def test_packages_and_relative_imports_are_followed(tmp_path: Path) -> None:
    project(
        tmp_path,
        "import kit.core as core\nf = core.f",
        kit____init__="from .core import f",
        kit__core="from . import parts\nfrom .parts import N\ndef f():\n    return N + parts.M",
        kit__parts="N = 1\nM = 2",
    )
    assert set(code(tmp_path).definitions) == {"coin", "f", "kit.core:f", "kit.parts:N", "kit.parts:M"}


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("random", "Python's own module 'random'"),
        ("numpy", "the installed module 'numpy'"),
        ("review", "the review's own code"),
    ],
)
@pytest.mark.parametrize("place", ["reviews__{}", "{}"])
def test_a_module_that_another_hides_is_a_mistake(tmp_path: Path, name: str, what: str, place: str) -> None:
    path = place.format(name)
    error = mistake(project(tmp_path, f"from {name} import f", **{path: "def f():\n    return 1"}))
    shown = path.replace("__", "/") + ".py"
    assert str(error) == (
        f"reviews/coin.md:{IMPORT_LINE}: `import {name}` gets {what}, not {shown}\n    rename {shown}"
    )


def test_a_module_that_is_hidden_and_never_imported_is_none_of_our_business(tmp_path: Path) -> None:
    project(tmp_path, "from helper import f", **HELPER, **MATHS, random="", reviews__numpy="")
    assert not Project.inspect(tmp_path)[1]


def test_two_modules_of_one_name_are_a_mistake_in_the_file_that_imports_it(tmp_path: Path) -> None:
    twice = {"tools__maths": "", "reviews__tools__maths": ""}
    error = mistake(project(tmp_path, **HELPER, **twice))
    assert (error.file, error.line) == ("reviews/helper.py", 1)
    assert error.message == "two modules are called 'tools.maths': reviews/tools/maths.py and tools/maths.py"
    assert error.hint == "rename one of them"


def test_a_helper_that_python_cannot_read_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    error = mistake(project(tmp_path, reviews__helper="def f():\n    return ("))
    assert (error.file, error.line) == ("reviews/helper.py", 2)
    assert error.message.startswith("Python cannot read this: '(' was never closed")
    put(tmp_path, "reviews/helper.py", "def f():\n    return 1")
    assert code(tmp_path)
    (tmp_path / "reviews/helper.py").write_bytes(b"N = '\xff'\n")
    assert mistake(tmp_path).file == "reviews/helper.py"


def test_a_helper_that_is_too_large_or_elsewhere_is_a_mistake(tmp_path: Path) -> None:
    root = tmp_path / "here"
    root.mkdir()
    project(root)
    put(root, "reviews/helper.py", "#" * (MOST + 1))
    assert mistake(root).message == "it is larger than 1 MB, which no module is"
    (root / "reviews/helper.py").unlink()
    put(tmp_path, "helper.py", "def f(): ...")
    (root / "reviews/helper.py").symlink_to(tmp_path / "helper.py")
    error = mistake(root)
    assert (error.file, error.message) == ("reviews/helper.py", "this module is a link that leads out of the project")


def test_a_helper_that_cannot_be_opened_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, reviews__helper="def f(): ...")

    really = Path.open

    def refuse(path: Path, *arguments: str, **options: str) -> object:
        if path.name == "helper.py":
            raise PermissionError(13, "Permission denied")
        return really(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    assert mistake(tmp_path).message == "it cannot be read: permission denied"


def test_a_compiled_module_is_a_mistake(tmp_path: Path) -> None:
    project(tmp_path)
    put(tmp_path, "reviews/helper.pyc", "")
    error = mistake(tmp_path)
    assert error.message == "`import helper` gets reviews/helper.pyc, which is compiled"
    assert error.hint == "put its source there: a compiled module cannot be followed"


def test_helpers_nested_too_deeply_are_a_mistake(tmp_path: Path) -> None:
    error = mistake(
        project(tmp_path, reviews__helper=f"def f():\n    return {'(' * 150}1{')' * 150}\nx = {'-' * 5000}1")
    )
    assert error.file in ("reviews/helper.py", "reviews/coin.md")
    assert "nested too deeply" in error.message or "Python cannot read this" in error.message


# Data

OWN = "def f():\n    return open('points.csv').read()"


def test_data_counts_by_content(tmp_path: Path) -> None:
    project(tmp_path, OWN, "data: [points.csv, more/x.bin]\n")
    put(tmp_path, "reviews/points.csv", "1,2")
    put(tmp_path, "reviews/more/x.bin", "")
    before = code(tmp_path)
    assert {"data:points.csv", "data:more/x.bin"} < set(before.definitions)
    assert Project.load(tmp_path).review("coin").data == ("points.csv", "more/x.bin")
    put(tmp_path, "reviews/points.csv", "1,3")  # of the same size, at once
    after = code(tmp_path)
    assert after.hash != before.hash
    put(tmp_path, "reviews/points.csv", "1,2")
    assert code(tmp_path) == before
    project(tmp_path, OWN)
    assert code(tmp_path).hash not in (before.hash, after.hash)


@pytest.mark.parametrize(
    ("declared", "message", "hint"),
    [
        ("points.cvs", "`data`: there is no file 'points.cvs' beside the review", "did you mean 'points.csv'?"),
        ("other.txt", "`data`: there is no file 'other.txt' beside the review", "paths are relative to the review's"),
        ("no/x.csv", "`data`: there is no file 'no/x.csv' beside the review", "there is no folder 'no' either"),
        ("folder", "`data`: 'folder' is no regular file", "list files, not folders"),
        ("pipe", "`data`: 'pipe' is no regular file", "list files, not folders"),
        ("outside", "`data`: 'outside' leads out of the project", "put the file itself there"),
        ("nowhere", "`data`: 'nowhere' is a link that leads nowhere", "put the file there"),
        ("large", "`data`: 'large' is larger than 1 GB", "let the experiment download it"),
        (
            "../mkdocs.yml",
            "`data` holds '../mkdocs.yml', which leads out of the review's folder",
            "put the file beside",
        ),
        ("/etc/passwd", "`data` holds '/etc/passwd', which is no path relative to the review", "write its name"),
        ("~/x", "`data` holds '~/x', which is no path relative to the review", "write its name"),
        ("C:/x", "`data` holds 'C:/x', which is no path relative to the review", "write its name"),
        ("./points.csv", "`data` holds './points.csv' in a roundabout spelling", "write points.csv"),
        ("a\\b", "`data` holds a path with a character that is not for paths", "forward slash"),
        ("''", "`data` must be a list of files, not the text ''", ""),
        ("{a: 1}", "`data` must be a list of files, not a mapping", ""),
    ],
)
def test_data_that_cannot_be_used_is_a_mistake_with_its_line(
    tmp_path: Path, declared: str, message: str, hint: str
) -> None:
    root = tmp_path / "here"
    root.mkdir()
    project(root, OWN, f"data:\n  - points.csv\n  - {declared}\n")
    put(root, "reviews/points.csv", "1")
    put(tmp_path, "x", "1")
    (root / "reviews/folder").mkdir()
    os.mkfifo(root / "reviews/pipe")
    (root / "reviews/outside").symlink_to(tmp_path / "x")
    (root / "reviews/nowhere").symlink_to(tmp_path / "none")
    with (root / "reviews/large").open("wb") as file:
        file.truncate(datafiles.MOST + 1)
    error = mistake(root)
    assert (error.file, error.line, error.message) == ("reviews/coin.md", 9, message)
    assert hint in error.hint


def test_data_that_goes_is_noticed(tmp_path: Path) -> None:
    project(tmp_path, OWN, "data: [points.csv]\n")
    put(tmp_path, "reviews/points.csv", "1")
    assert code(tmp_path)
    (tmp_path / "reviews/points.csv").unlink()
    assert mistake(tmp_path).line == 7


def test_data_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "reviews/x", "1")
    os.utime(tmp_path / "reviews/x", (1, 1))
    first = DataFiles(tmp_path, {})
    content = first.content("x")
    assert first.hashed == {}  # changed just now: it could change again in the same instant
    monkeypatch.setattr(datafiles, "_SETTLED", -(10**12))
    assert first.content("x") == content
    second = DataFiles(tmp_path, first.hashed)
    monkeypatch.setattr(datafiles, "_hash", None)
    assert second.content("x") == content
    assert second.hashed == first.hashed
    put(tmp_path, "reviews/x", "22")
    with pytest.raises(TypeError):  # it is to be hashed again
        second.content("x")


def test_data_that_cannot_be_opened_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "reviews/x", "1")

    def refuse(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("verify.project.datafiles.Path.open", refuse)
    with pytest.raises(UserError, match="'x' cannot be read: permission denied"):
        DataFiles(tmp_path, {}).content("x")
