"""The same site by other generators: ProperDocs, which takes our plugin, and Zensical, which takes the export.

Zensical ignores plugins that it does not know and says "no issues", so what came out is compared.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup
from msgspec import Struct
from msgspec.structs import replace

from tests import miniature
from verify.project.project import Project
from verify.site.export import export

ZENSICAL = """\
site_name: Reviews
markdown_extensions: [admonition, attr_list, footnotes, md_in_html, tables, toc]
"""
ROOT = "https://site.example/"
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]


class Said(Struct):
    headings: list[str]
    """With their levels."""
    links: set[str]
    images: list[str]
    verdicts: list[str]
    counts: dict[str, int]


Pages = dict[str, Said]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository's own site: its reviews, evidence and guides."""
    root = tmp_path_factory.mktemp("own")
    for name in ("docs", "reviews"):
        shutil.copytree(miniature.ROOT / name, root / name)
    for name in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(miniature.ROOT / name, root / name)
    return root


@pytest.fixture(scope="module")
def ours(root: Path) -> Pages:
    """What MkDocs makes of it."""
    return said(run("mkdocs", root, "--strict"))


def run(generator: str, root: Path, *options: str) -> Path:
    command = [sys.executable, "-m", generator, "build", *options]
    built = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return root / "site"


def said(site: Path) -> Pages:
    """Per page that both have, what is to be the same whoever builds the site."""
    found = {}
    for page in sorted(site.rglob("index.html")):
        article = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("article")
        name = page.parent.relative_to(site).as_posix()
        if article is None or name.split("/")[0] not in ("reviews", "claims", "."):
            continue
        for each in article.select(".headerlink, .md-content__button"):
            each.decompose()
        found[name] = Said(
            headings=[f"{each.name} {' '.join(each.get_text().split())}" for each in article.find_all(HEADINGS)],
            links={resolved(name, str(each["href"])) for each in article.find_all("a", href=True)},
            images=sorted(resolved(name, str(each["src"])) for each in article.find_all("img", src=True)),
            verdicts=[each.get_text(" ", strip=True) for each in article.select(".verdict")],
            counts={
                "figures": len(article.select("figure.verify-chart img")),
                "equations": len(article.find_all("math")),
                "code": len(article.find_all("pre")),
                "tables": len(article.find_all("table")),
            },
        )
    return found


def resolved(page: str, address: str) -> str:
    """An address as it reads from the site's root, whichever way it is written."""
    return urljoin(f"{ROOT}{'' if page == '.' else f'{page}/'}", address).removesuffix("index.html")


def test_there_is_something_to_compare(ours: Pages) -> None:
    assert {"reviews/dsd", "claims", "."} <= set(ours)
    for name, each in ours.items():
        assert each.headings
        assert each.links
        if name.startswith("reviews/"):
            assert each.images
            assert each.verdicts
            assert sum(each.counts.values()) > 20


def test_no_link_runs_a_script(ours: Pages) -> None:
    found = {urlsplit(link).scheme for each in ours.values() for link in each.links}
    assert found <= {"http", "https", "mailto"}


def test_no_image_comes_from_another_host(ours: Pages) -> None:
    assert [image for each in ours.values() for image in each.images if not image.startswith(ROOT)] == []


def test_properdocs_builds_the_same_site(root: Path, ours: Pages, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "own", ignore=shutil.ignore_patterns("site", ".cache"))
    assert said(run("properdocs", tmp_path / "own", "-f", "mkdocs.yml", "--strict")) == ours


def test_zensical_builds_the_same_pages_from_the_export(root: Path, ours: Pages, tmp_path: Path) -> None:
    export(Project.load(root), tmp_path / "docs")
    (tmp_path / "mkdocs.yml").write_text(ZENSICAL, encoding="utf-8")
    site = run("zensical", tmp_path)
    theirs = said(site)
    assert theirs == {name: replace(each, links=set(map(notebook, each.links))) for name, each in ours.items()}
    leads = {link for each in theirs.values() for link in (*each.links, *each.images) if link.startswith(ROOT)}
    paths = {unquote(urlsplit(link).path).lstrip("/") for link in leads}
    assert [path for path in paths if not (site / path).exists()] == []


def notebook(link: str) -> str:
    """A notebook is a page of MkDocs's, by a plugin, and a file of the export's."""
    return re.sub(r"(/notebooks/[^/]+)/$", r"\1.ipynb", link)
