"""A project's reviews and evidence as Markdown pages, for any generator: nothing here knows MkDocs.

Blocks of HTML stand in the Markdown where a review has its fences; drawings are images in it, which `vectors` puts in
line afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from verify.errors import UserError
from verify.model import CodeFence, Review, Verification
from verify.project import Project
from verify.web import answer, assets, citations, files, lists, tables, vectors, words
from verify.web.citations import Site
from verify.web.intervals import interval
from verify.web.links import Link, link_from
from verify.web.listings import listing, one_block
from verify.web.prose import Prose
from verify.web.views import ReviewView, view

FOLDER = Path(__file__).parent


def render(
    project: Project,
    directory_urls: bool = True,
    asides: dict[str, str] | None = None,
    site: Site | None = None,
    notebooks: bool = True,
) -> dict[str, str]:
    """The generated pages: paths relative to the docs folder, and the Markdown that belongs there.

    Args:
        project: what to render; its evidence and drawings are read, never changed.
        directory_urls: whether the generator serves `a/b.md` as `a/b/` (MkDocs' default) or as `a/b.html`.
        asides: if given, folded code and provenance go here under the name of a placeholder in the page, for
            `vectors.fill`: Markdown and the search would spend half of a build on reading what is neither's.
        site: what a citation of a review says of where it stands.
        notebooks: whether the generator makes pages of notebooks.
    """
    link = partial(link_from, directory_urls=directory_urls, notebooks=notebooks)
    views = [view(project, review) for review in project.reviews]
    pages = {
        "index.md": _home(views, link("index.md")),
        "claims.md": _claims(views, link("claims.md")),
    }
    for each in views:
        cited = _citations(each, site or Site(), directory_urls)
        pages[each.page] = _review(project, each, link(each.page), asides, cited)
    changelog = project.root / "CHANGELOG.md"
    if changelog.is_file():
        pages["changelog.md"] = changelog.read_text(encoding="utf-8")
    return pages


def broken(errors: Sequence[UserError]) -> dict[str, str]:
    """A page in the place of each review that cannot be read, listing its mistakes: for whoever is just writing it."""
    by_file = groupby(sorted(errors, key=lambda error: error.file), key=lambda error: error.file)
    return {file: _block("broken.html", file=file, errors=list(group)) for file, group in by_file if file}


def notebook(project: Project, slug: str, directory_urls: bool = True) -> str:
    """What stands above a review's notebook: where it belongs, and where it can be had."""
    page = view(project, project.review(slug))
    return _block("notebook.html", view=page, link=link_from(f"notebooks/{slug}.ipynb", directory_urls))


def head(review: Review) -> str:
    """What belongs into the head of a review's page: the paper, for reference managers."""
    return _block("head.html", tags=citations.tags(review.paper))


def sections(project: Project) -> dict[str, list[str]]:
    """The pages of reviews under the name of their section, in the order of the list of papers."""
    grouped = groupby(project.reviews, key=lambda review: review.section)
    return {section: [f"reviews/{review.slug}.md" for review in reviews] for section, reviews in grouped}


def _home(views: list[ReviewView], link: Link) -> str:
    choices = lists.paper_filters(views)
    return _environment().get_template("home.md").render(sections=lists.papers(views), choices=choices, link=link)


def _claims(views: list[ReviewView], link: Link) -> str:
    rows = lists.claims(views)
    choices = lists.claim_filters(rows)
    return _environment().get_template("claims.md").render(rows=rows, choices=choices, link=link)


def _review(
    project: Project, page: ReviewView, link: Link, asides: dict[str, str] | None, cited: dict[str, str]
) -> str:
    paper = page.review.paper
    front = {
        "title": _quoted(paper.title),
        "description": _quoted(page.review.summary),
        "tags": Markup("[{}]").format(Markup(", ").join(map(_quoted, page.review.tags))),
    }
    body = "\n\n".join(_parts(project, page, link, asides))
    addresses = list(_addresses(page.review))
    template = _environment().get_template("review.md")
    return template.render(view=page, front=front, addresses=addresses, cited=cited, body=Markup(body), link=link)


def _citations(page: ReviewView, site: Site, directory_urls: bool) -> dict[str, str]:
    address = link_from("index.md", directory_urls)(page.page)
    return {
        "The paper": citations.of_paper(page.review.paper),
        "This review": citations.of_review(page.review, site, address),
    }


def _quoted(text: str) -> Markup:
    """A value of a page's front matter: HTML, because themes print it as it is, in quotes that YAML understands."""
    return Markup(json.dumps(str(escape(text)), ensure_ascii=False))


def _addresses(review: Review) -> Iterator[tuple[str, str]]:
    if review.paper.arxiv:
        yield f"arXiv {review.paper.arxiv}", f"https://arxiv.org/abs/{review.paper.arxiv}"
    yield from review.paper.links.items()


def _parts(project: Project, page: ReviewView, link: Link, asides: dict[str, str] | None) -> Iterator[str]:
    """The body of a review in order: prose with its bindings replaced, and what stands in the place of each fence."""
    review = page.review
    prose = Prose(project, page)
    lines = review.text.splitlines()
    fences: list[Verification | CodeFence] = sorted(
        [*review.verifications, *review.code_fences], key=lambda fence: fence.line
    )
    position = review.body_line
    shown: set[str] = set()
    for fence in fences:
        yield prose.render(lines[position - 1 : fence.line - 1], position)
        if isinstance(fence, CodeFence):
            yield _code(page, fence, lines)
        else:
            yield _verification(project, page, fence, link, shown, asides)
        position = fence.end_line + 1
    yield prose.render(lines[position - 1 :], position)


def _code(page: ReviewView, fence: CodeFence, lines: list[str]) -> str:
    """A reviewer's experiment, shown where it stands; anchored under the names of the experiments it holds."""
    experiments = [view.experiment for view in page.verifications.values() if view.in_review]
    names = sorted({each.name for each in experiments if fence.line <= each.line <= fence.end_line})
    code = "\n".join(lines[fence.line : fence.end_line - 1])
    return _block("code.html", names=names, code=code)


def _verification(
    project: Project,
    page: ReviewView,
    verification: Verification,
    link: Link,
    shown: set[str],
    asides: dict[str, str] | None,
) -> str:
    each = page.verifications[verification.id]
    slug = page.review.slug
    first_use = each.experiment.module not in shown
    shown.add(each.experiment.module)
    data = {
        at.scale: (tables.table(evidence), tables.csv_path(slug, verification.id, at.scale))
        for at in each.standings
        if (evidence := project.evidence(slug, verification.id, at.scale)) and evidence.records
    }
    folds = _block("folds.html", each=each, slug=slug, link=link, first_use=first_use, data=data)
    if asides is not None:
        name = f"{slug}/{verification.id}"
        asides[name] = folds
        folds = vectors.placeholder(name)
    return _block("verification.html", each=each, slug=slug, link=link, folds=Markup(folds))


def _block(template: str, **values: object) -> str:
    return one_block(_environment().get_template(template).render(**values))


@cache
def _environment() -> Environment:
    """Jinja2 with everything escaped unless it was made here, and nothing undefined taken for empty."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"asset": assets.path, "engine": files.engine_path, "looks": words.LOOKS}
    environment.filters |= {
        "addresses": _addresses,
        "anchor": words.anchor,
        "answer": answer.answer,
        "asks": words.asks,
        "change_at": answer.change,
        "control": words.control,
        "control_measured": words.control_measured,
        "count_of": words.count,
        "criterion": words.criterion,
        "duration": words.duration,
        "explorable": files.explorable,
        "interval": interval,
        "listing": listing,
        "measured": words.measured,
        "number": words.number,
        "one_block": lambda html: Markup(one_block(html)),
        "rung_anchor": answer.anchor,
        "scalar": words.scalar,
        "scale_before": answer.scale_before,
        "sentence": words.sentence,
        "web_address": words.web_address,
    }
    return environment
