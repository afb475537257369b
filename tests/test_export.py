"""The pages as plain Markdown, taken by generators that know nothing of this project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests import miniature
from tests.test_site import NOTEBOOK, Elements
from verify.errors import UserErrors
from verify.project.project import Project
from verify.site.export import MARK, export

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
    assert len(styles) == 1
    assert (folder / styles[0]).is_file()
    assert (folder / "evidence" / "coin" / "tosses.tiny.csv").is_file()


def test_exporting_again_removes_only_what_an_export_wrote(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    first = export(project, folder)
    (folder / "own.md").write_text("mine", encoding="utf-8")
    (project.root / "reviews" / "coin.png").unlink()
    (project.root / "docs" / "method.md").write_text("# Changed\n", encoding="utf-8")
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
    edited = miniature.COIN.replace("at_most: 0.2", "at_most: 0.3")
    (project.root / "reviews" / "coin.md").write_text(edited, encoding="utf-8")
    with pytest.raises(UserErrors, match=r"reviews/coin\.md: verdicts or figures are older than the review"):
        export(Project.load(project.root), tmp_path / "exported")
    assert not (tmp_path / "exported").exists()
