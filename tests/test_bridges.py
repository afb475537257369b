"""The same site by other generators: ProperDocs, which takes our plugin, and Zensical, which takes the export.

Zensical ignores plugins that it does not know and says "no issues", so what came out is counted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests import miniature
from verify.project.project import Project
from verify.site.export import export

ZENSICAL = """\
site_name: Reviews
markdown_extensions: [admonition, attr_list, footnotes, md_in_html, tables, toc]
"""
Counts = dict[str, dict[str, int]]


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
def ours(root: Path) -> Counts:
    """What MkDocs makes of it."""
    return counts(run("mkdocs", root, "--strict"))


def run(generator: str, root: Path, *options: str) -> Path:
    command = [sys.executable, "-m", generator, "build", *options]
    built = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return root / "site"


def counts(site: Path) -> Counts:
    """Per page that both have, its headings, verdicts, figures and equations."""
    found = {}
    for page in sorted(site.rglob("index.html")):
        article = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("article")
        name = page.parent.relative_to(site).as_posix()
        if article is None or name.split("/")[0] not in ("reviews", "claims", "."):
            continue
        found[name] = {
            "headings": len(article.find_all(["h1", "h2", "h3", "h4", "h5", "h6"])),
            "verdicts": len(article.select(".verdict")),
            "figures": len(article.select("figure.verify-chart img")),
            "equations": len(article.find_all("math")),
            "code": len(article.find_all("pre")),
            "tables": len(article.find_all("table")),
        }
    return found


def test_there_is_something_to_count(ours: Counts) -> None:
    assert {"reviews/dsd", "claims", "."} <= set(ours)
    assert all(sum(each.values()) > 100 for name, each in ours.items() if name.startswith("reviews/"))


def test_properdocs_builds_the_same_site(root: Path, ours: Counts, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "own", ignore=shutil.ignore_patterns("site", ".cache"))
    assert counts(run("properdocs", tmp_path / "own", "-f", "mkdocs.yml", "--strict")) == ours


def test_zensical_builds_the_same_pages_from_the_export(root: Path, ours: Counts, tmp_path: Path) -> None:
    export(Project.load(root), tmp_path / "docs")
    (tmp_path / "mkdocs.yml").write_text(ZENSICAL, encoding="utf-8")
    assert counts(run("zensical", tmp_path)) == ours
