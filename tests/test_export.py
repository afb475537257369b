"""The pages as plain Markdown, taken by generators that know nothing of this project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests import miniature
from tests.test_site import NOTEBOOK, Elements
from verify.errors import UserError, UserErrors
from verify.project import cached
from verify.project.project import Project
from verify.project.refresh import refresh
from verify.site import files
from verify.site.export import export
from verify.site.folder import MARK

PLAIN = """\
site_name: Exported
docs_dir: exported
theme: {name: THEME}
plugins: []
use_directory_urls: URLS
markdown_extensions: [admonition, attr_list, def_list, footnotes, md_in_html, tables]
validation:
  links: {not_found: warn, anchors: warn, absolute_links: warn, unrecognized_links: warn}
"""
COMMAND = [sys.executable, "-c", "from verify.cli import main; main()"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """With a notebook that is older than nothing: its result carries the hash of its source."""
    root = tmp_path / "project"
    root.mkdir()
    miniature.make(root)
    source, result = root / "reviews" / "notebooks" / "coin.py", root / "docs" / "notebooks" / "coin.ipynb"
    for folder in (source.parent, result.parent):
        folder.mkdir()
    source.write_text("# %% [markdown]\n# # A notebook\n", encoding="utf-8")
    from verify.running import notebooks

    key = notebooks.find(Project.load(root))[0].key
    metadata = {**NOTEBOOK["metadata"], "verify": {"source": key}}  # type: ignore[dict-item]
    result.write_text(json.dumps({**NOTEBOOK, "metadata": metadata}), encoding="utf-8")
    cached.write(root, Path(files.engine_path()).name, b"// putting it together takes seconds")
    return Project.load(root)


@pytest.mark.parametrize(
    ("generator", "theme", "directory_urls"),
    [("mkdocs", "mkdocs", True), ("mkdocs", "material", False), ("properdocs", "material", True)],
)
def test_another_generator_builds_every_page_with_every_drawing(
    project: Project, tmp_path: Path, generator: str, theme: str, directory_urls: bool
) -> None:
    export(project, tmp_path / "exported", directory_urls)
    configuration = PLAIN.replace("THEME", theme).replace("URLS", str(directory_urls).lower())
    (tmp_path / f"{generator}.yml").write_text(configuration, encoding="utf-8")
    command = [sys.executable, "-m", generator, "build", "--strict"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    site = tmp_path / "site"

    def served(name: str) -> Path:
        return site / (f"{name}/index.html" if directory_urls else f"{name}.html")

    for name in ("reviews/coin", "reviews/dice", "claims", "changelog", "method", "guide/run"):
        assert served(name).is_file()
    coin = served("reviews/coin").read_text(encoding="utf-8")
    drawings = {a["src"].rpartition("/")[2] for tag, a in Elements(coin).found if tag == "img"}
    assert {"heads.tiny.svg", "heads.small.svg", "heads.paper.svg"} <= drawings
    assert "The fair coin stays below one half." in coin
    assert "random.Random(seed)" in re.sub(r"<[^>]*>", "", coin)
    assert "coin.ipynb" in coin
    _check_links(site)


def _check_links(site: Path) -> None:
    """Every address in the site leads somewhere."""
    known = {page: Elements(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    checked = 0
    for page, elements in known.items():
        if page.name == "404.html":
            continue
        base = f"http://site/{page.relative_to(site).as_posix()}"
        for _, attributes in elements.found:
            target = urlsplit(urljoin(base, attributes.get("href") or attributes.get("src") or ""))
            if target.netloc != "site":
                continue
            path = site / unquote(target.path).lstrip("/")
            path = path / "index.html" if path.is_dir() else path
            assert path.is_file(), f"{page}: {target.geturl()}"
            if target.fragment and path in known and "reviews" in path.parts:
                assert unquote(target.fragment) in known[path].ids | {"__skip"}, f"{page}: {target.geturl()}"
            checked += 1
    assert checked > 60


def test_evidence_and_what_lies_beside_the_reviews_come_along(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    export(project, folder)
    for name in ("evidence/coin/tosses.tiny.jsonl", "evidence/coin/verdicts.json", "notebooks/coin.ipynb"):
        assert (folder / name).read_bytes() == (project.root / "docs" / name).read_bytes()
    for name in ("reviews/coin.png", "reviews/notebooks/coin.py"):
        assert (folder / name).read_bytes() == (project.root / name).read_bytes()
    styles = re.findall(r'<link rel="stylesheet" href="\.\./\.\./(.*?)">', (folder / "reviews/coin.md").read_text())
    assert [Path(each).name.partition(".")[0] for each in styles] == ["verify", "mathml"]
    assert all((folder / each).is_file() for each in styles)
    assert (folder / "evidence" / "coin" / "tosses.tiny.csv").is_file()


def test_exporting_again_removes_only_what_an_export_wrote(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    first = export(project, folder)
    (folder / "own.md").write_text("mine", encoding="utf-8")
    review = project.root / "reviews" / "coin.md"
    review.write_text(review.read_text(encoding="utf-8").replace("![A coin](coin.png)", ""), encoding="utf-8")
    (project.root / "docs" / "method.md").write_text("# Changed\n", encoding="utf-8")
    refresh(Project.load(project.root))
    assert export(Project.load(project.root), folder) == first - 1
    assert not (folder / "reviews" / "coin.png").exists()
    assert (folder / "own.md").read_text(encoding="utf-8") == "mine"
    assert (folder / "method.md").read_text(encoding="utf-8") == "# Changed\n"


def test_a_folder_with_other_things_is_refused(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "thesis.md").write_text("dear", encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "export", str(folder)], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"{folder} holds files that no export wrote" in done.stderr
    assert "name a folder that is new or empty" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["thesis.md"]


def test_the_command_says_what_it_wrote(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    done = subprocess.run(
        [*COMMAND, "export", "--flat", str(folder)], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    written = (folder / MARK).read_text(encoding="utf-8").splitlines()
    assert done.stdout == f"{len(written)} files are in {folder}\n"
    assert 'href="reviews/coin.html"' in (folder / "index.md").read_text(encoding="utf-8")


def test_out_of_date_verdicts_are_not_exported(project: Project, tmp_path: Path) -> None:
    edited = miniature.COIN.replace("at_most: 0.2", "at_most: 0.01")
    (project.root / "reviews" / "coin.md").write_text(edited, encoding="utf-8")
    with pytest.raises(UserErrors, match=r"docs/evidence/coin/verdicts\.json: the verdict of"):
        export(Project.load(project.root), tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def failed(project: Project, folder: Path) -> str:
    """All that an export says is wrong."""
    with pytest.raises(UserErrors) as raised:
        export(Project.load(project.root), folder)
    return str(raised.value)


def test_what_is_hidden_left_over_or_elsewhere_is_not_exported(project: Project, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("secret", encoding="utf-8")
    for name in (".env", "method.md~", "#method.md#", ".ipynb_checkpoints/a.ipynb"):
        (project.root / "docs" / name).parent.mkdir(exist_ok=True)
        (project.root / "docs" / name).write_text("secret", encoding="utf-8")
        (project.root / "reviews" / Path(name).name).write_text("secret", encoding="utf-8")
    (project.root / "docs" / "link.md").symlink_to(secret)
    (project.root / "docs" / "folder").symlink_to(tmp_path)
    (project.root / "reviews" / "coin.csv").symlink_to(secret)
    export(project, tmp_path / "exported")
    exported = [path for path in (tmp_path / "exported").rglob("*") if path.is_file()]
    assert not [path for path in exported if path.read_bytes() == b"secret"]


def test_nothing_is_deleted_outside_of_the_folder(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    export(project, folder)
    victims = [tmp_path / "victim", tmp_path / "outside" / "victim", project.root / "docs" / "method.md"]
    (tmp_path / "outside").mkdir()
    victims[0].write_text("dear", encoding="utf-8")
    victims[1].write_text("dear", encoding="utf-8")
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "kept").mkdir()
    (folder / "kept" / "x").write_text("dear", encoding="utf-8")
    (folder / "old.md").symlink_to(victims[0])
    names = ["../victim", str(victims[0]), "out/victim", "a/../../victim", "kept", "./x", "a//b", "nul\0", "", "old.md"]
    mark = (folder / MARK).read_text(encoding="utf-8")
    (folder / MARK).write_text(mark + "\n".join([*names, str(victims[2]), "gone/x"]) + "\n", encoding="utf-8")
    export(project, folder)
    assert all(path.is_file() for path in victims)
    assert (folder / "kept" / "x").is_file()
    assert not (folder / "old.md").is_symlink(), "the link was the export's own, what it leads to is not"
    assert (folder / MARK).read_text(encoding="utf-8") == mark


def test_nothing_is_written_through_a_link(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    export(project, folder)
    victim, outside = tmp_path / "victim", tmp_path / "outside"
    victim.write_text("dear", encoding="utf-8")
    outside.mkdir()
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "index.md").symlink_to(victim)
    (folder / "reviews").symlink_to(outside)
    (folder / MARK).write_text("index.md\n", encoding="utf-8")
    export(project, folder)
    assert victim.read_text(encoding="utf-8") == "dear"
    assert not list(outside.iterdir())
    assert not (folder / "index.md").is_symlink()
    assert (folder / "reviews" / "coin.md").is_file()
    assert not (folder / "reviews").is_symlink()


@pytest.mark.parametrize("name", ["docs/exported", "reviews/exported", "docs", ".git/x", ".verify/x", ".", ".."])
def test_a_folder_of_the_project_that_would_contain_itself_is_refused(project: Project, name: str) -> None:
    folder = project.root / name
    before = sorted(project.root.rglob("*"))
    said = failed(project, folder)
    assert "the next export would contain it" in said or "an export would lie among its files" in said
    assert sorted(project.root.rglob("*")) == before


def test_a_link_to_a_folder_of_the_project_is_refused_too(project: Project, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project.root / "docs")
    assert "lies in docs/" in failed(project, tmp_path / "link" / "exported")


def test_what_lies_in_the_way_is_told_at_once_and_stays(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    export(project, folder)
    (folder / "method.md").unlink()
    (folder / "method.md").mkdir()
    mark = (folder / MARK).read_text(encoding="utf-8")
    (folder / MARK).write_text(mark.replace("index.md\n", "", 1), encoding="utf-8")
    said = failed(project, folder)
    assert f"{folder / 'method.md'} is in the way: no export wrote it" in said
    assert f"{folder / 'index.md'} is in the way: no export wrote it" in said
    assert "move it away" in said


@pytest.mark.parametrize("kind", ["folder", "pipe", "bytes", "link"])
def test_a_list_that_no_export_wrote_is_told(project: Project, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "exported"
    folder.mkdir()
    if kind == "folder":
        (folder / MARK).mkdir()
    elif kind == "pipe":
        os.mkfifo(folder / MARK)
    elif kind == "link":
        (folder / MARK).symlink_to("/proc/self/environ")
    else:
        (folder / MARK).write_bytes(b"\xff")
    assert f"{folder / MARK} is no list that an export wrote" in failed(project, folder)


def test_a_folder_that_cannot_be_written_or_read_is_one_line(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "cannot be read: not a directory" in failed(project, tmp_path / "file")
    monkeypatch.setattr("verify.project.store.write_atomically", full)
    with pytest.raises(UserError, match="cannot be written to: no space left on device"):
        export(project, tmp_path / "exported")


def test_all_mistakes_are_told_at_once(project: Project, tmp_path: Path) -> None:
    coin = (project.root / "reviews" / "coin.md").read_text(encoding="utf-8")
    (project.root / "reviews" / "coin.md").write_text(coin.replace("at_most: 0.2", "at_most: 0.01"), encoding="utf-8")
    (project.root / "reviews" / "coin.png").unlink()
    (project.root / "reviews" / "broken.md").write_text("no front matter", encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    done = subprocess.run(
        [*COMMAND, "export", str(tmp_path / "full")], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    for part in ("holds files that no export wrote", "; the records give ", "coin.png", "reviews/broken.md:"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["x"]
