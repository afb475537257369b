"""A project's reviews and evidence as pages, for any generator: nothing here knows MkDocs.

A page is finished HTML, cut at its headings.  What is behind a page and too much for it (every trial, provenance, code)
is in sheets: HTML documents, from which folds in the page take a part when they are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from itertools import chain, groupby

from markupsafe import Markup
from msgspec import Struct

from verify.errors import UserError, UserErrors, utf8
from verify.model import CodeFence, Review, Scale
from verify.project.history import History
from verify.project.project import Project
from verify.running import notebooks
from verify.site import answer, changes, citations, lists, tables, words
from verify.site.body import Body, Fence, Part, Writer
from verify.site.citations import Site
from verify.site.headings import Heading
from verify.site.kept import Translations
from verify.site.laboratories import Laboratories, gather
from verify.site.links import Link, link_from
from verify.site.prose import Prose
from verify.site.targets import Jump, Targets, Wanted
from verify.site.templating import addresses, code_path, environment, rendered
from verify.site.viewing import view
from verify.site.views import ReviewView, VerificationView


class Page(Struct, frozen=True):
    """A page of the site."""

    title: str
    description: str
    parts: tuple[Part, ...]
    tags: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    """What the theme leaves out beside it."""
    headings: tuple[Heading, ...] = ()
    """Of its contents."""
    ids: frozenset[str] = frozenset()
    """All that links may name: those of headings, claims, verifications, and of the text."""
    jumps: tuple[Jump, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    mistakes: tuple[UserError, ...] = ()

    @property
    def html(self) -> str:
        """All of it."""
        return "\n".join(part if isinstance(part, str) else heading(part) for part in self.parts)


def heading(part: Heading) -> str:
    """A heading as it stands on the page, with a link to itself."""
    return Markup('<h{0} id="{1}">{2}<a class="headerlink" href="#{1}" title="Permanent link">¶</a></h{0}>').format(
        part.level, part.id, Markup(part.html)
    )


Rendered = dict[str, Page | str]
"""By the path relative to the docs folder: pages (`.md`), and sheets and the changelog as text."""


class Renderer:
    """Renders a project's pages and sheets; those of a review anew only when it or its evidence changed.

    Args:
        directory_urls: whether the generator serves `a/b.md` as `a/b/` (MkDocs' default) or as `a/b.html`.
        site: what a citation of a review says of where it stands.
        notebooks: whether the generator makes pages of notebooks.
        sheets: whether to render them; they hold nothing that could be wrong, and take as long as the pages.
        history: of verdicts; without it there is no page of their changes.
    """

    def __init__(
        self,
        directory_urls: bool = True,
        site: Site | None = None,
        notebooks: bool = True,
        sheets: bool = True,
        history: History | None = None,
    ) -> None:
        self._directory_urls = directory_urls
        self._site = site or Site()
        self._link = partial(link_from, directory_urls=directory_urls, notebooks=notebooks)
        self._sheets = sheets
        self._history = history
        self._feed = changes.PATH if site and site.url and history and not history.missing else ""
        self._kept: dict[str, _Kept] = {}
        self._equations: Translations | None = None

    def render(self, project: Project, slugs: Collection[str] | None = None) -> Rendered:
        """All pages and sheets; evidence and drawings are read, never changed.

        A review whose evidence cannot be read has a page that says so, and no other page speaks of it.

        Args:
            project: whose pages these are.
            slugs: of the reviews whose own pages are asked for, without those that speak of all; all if left out.
        """
        if self._equations is None:
            self._equations = Translations(project.root)
        kept: dict[str, _Kept] = {}
        unread: list[tuple[str, UserError]] = []
        for review in project.reviews:
            if slugs is not None and review.slug not in slugs:
                continue
            try:
                kept[review.slug] = self._of(project, review)
            except UserErrors as mistakes:
                unread += [_of_review(error, review) for error in mistakes.errors]
            except UserError as mistake:
                unread.append(_of_review(mistake, review))
        if slugs is not None:
            self._kept = {**self._kept, **kept}
            return dict(chain.from_iterable(each.pages.items() for each in kept.values())) | broken(unread)
        self._kept = kept
        self._equations.save()  # what no page asked for is left out, so only now
        views = [each.view for each in kept.values()]
        rendered: Rendered = {
            "index.md": _home(views, self._link("index.md"), changes.PAGE if self._history else ""),
            "claims.md": _claims(views, self._link("claims.md")),
        }
        if self._history is not None:
            rendered[changes.PAGE] = _changes(self._history, views, self._link(changes.PAGE), self._feed)
        changelog = project.root / "CHANGELOG.md"
        if changelog.is_file():
            rendered["changelog.md"] = utf8(changelog.read_bytes(), changelog.name).replace("\r\n", "\n")
        for each in kept.values():
            rendered |= each.pages
        modules = dict(_modules(views, self._link)) if self._sheets else {}
        return rendered | modules | broken(unread)

    @property
    def views(self) -> dict[str, ReviewView]:
        """Of each review that was rendered last and can be read."""
        return {slug: each.view for slug, each in self._kept.items()}

    def _of(self, project: Project, review: Review) -> _Kept:
        known = self._kept.get(review.slug)
        state = _state(project, review)
        # What was wrong with a page may lie outside of it: a file that is there by now.
        if known and known.state == state and not known.mistakes:
            return known
        page = view(project, review)
        cited = _citations(page, self._site, self._directory_urls)
        laboratories = gather(project, page)
        shown = _review(project, page, laboratories, self._link(page.page), cited, self._equations)
        own: Rendered = {page.page: shown}
        return _Kept(state, page, own | (dict(_sheets(project, page, self._link)) if self._sheets else {}))


class _Kept(Struct, frozen=True):
    """What became of one review."""

    state: object
    """Of what it was made."""
    view: ReviewView
    pages: Rendered

    @property
    def mistakes(self) -> bool:
        """Whether anything is wrong with what its page says."""
        return any(page.mistakes for page in self.pages.values() if isinstance(page, Page))


def render(
    project: Project,
    directory_urls: bool = True,
    site: Site | None = None,
    notebooks: bool = True,
    history: History | None = None,
) -> Rendered:
    """All generated pages and sheets, once: as of `Renderer`."""
    return Renderer(directory_urls, site, notebooks, history=history).render(project)


def _state(project: Project, review: Review) -> object:
    """What decides a review's pages: its text, its code, and when its evidence and its notebook were written."""
    folder = project.verdicts_path(review.slug).parent
    files = sorted([*folder.glob("*"), *folder.glob("labs/*/*")])
    for notebook in notebooks.find(project, [review.slug]):
        files += [notebook.source, notebook.result]
    written = [(path, path.stat().st_mtime_ns) for path in files if path.is_file()]
    code = [project.code(review, verification) for verification in review.verifications]
    return review.text, code, written


def _of_review(error: UserError, review: Review) -> tuple[str, UserError]:
    return review.path, error


def broken(errors: Iterable[tuple[str, UserError]]) -> dict[str, Page]:
    """A page in the place of each review that cannot be shown, listing its mistakes: for whoever is just writing it.

    Args:
        errors: with the path of the review each of them costs.
    """
    by_file: dict[str, list[UserError]] = {}
    for file, error in errors:
        if file.startswith("reviews/") and file.endswith(".md"):
            by_file.setdefault(file, []).append(error)
    found = {}
    for file, group in by_file.items():
        html = rendered("broken.html", file=file, errors=group)
        found[file] = Page(f"{file} cannot be read", "", (html,), ids=frozenset({"broken"}), mistakes=tuple(group))
    return found


def notebook(project: Project, slug: str, directory_urls: bool = True) -> str:
    """What stands above a review's notebook: where it belongs, and where it can be had."""
    page = view(project, project.review(slug))
    return rendered("notebook.html", view=page, link=link_from(f"notebooks/{slug}.ipynb", directory_urls))


def head(review: Review) -> str:
    """What belongs into the head of a review's page: the paper, for reference managers."""
    return rendered("head.html", tags=citations.tags(review.paper))


def stylesheet(page: str, style: str, directory_urls: bool = True) -> str:
    """What belongs into the head of a page for a style of its own."""
    return Markup('<link rel="stylesheet" href="{}">').format(link_from(page, directory_urls)(style))


def sections(project: Project) -> dict[str, list[str]]:
    """The pages of reviews under the name of their section, in the order of the list of papers."""
    grouped = groupby(project.reviews, key=lambda review: review.section)
    return {section: [f"reviews/{review.slug}.md" for review in reviews] for section, reviews in grouped}


def _home(views: list[ReviewView], link: Link, changes: str) -> Page:
    about = "Reviews of machine-learning papers whose claims are tested by experiments that anyone can rerun."
    sections = lists.papers(views)
    html = rendered("home.html", sections=sections, choices=lists.paper_filters(views), link=link, changes=changes)
    ids = {"papers", "papers-list", *(f"section-{words.anchor(section)}" for section, _ in sections)}
    ids |= {each.review.slug for each in views}
    return Page("Papers", about, (html,), hide=("navigation", "toc"), ids=frozenset(ids))


def _claims(views: list[ReviewView], link: Link) -> Page:
    about = "Every claim of every paper in one table, with its verdict, its estimate and the criterion it had to meet."
    rows = lists.claims(views)
    html = rendered("claims.html", rows=rows, choices=lists.claim_filters(rows), link=link)
    ids = frozenset({"claims", "claims-table"} if rows else {"claims"})
    return Page("Claims", about, (html,), hide=("navigation", "toc"), ids=ids)


def _changes(history: History, views: list[ReviewView], link: Link, feed: str) -> Page:
    about = "Published verdicts that became other ones: when, from what to what, and what changed along with them."
    rows = changes.rows(history, {each.review.slug: each for each in views})
    more = len(changes.flips(history)) - len(rows)
    html = rendered("changes.html", history=history, rows=rows, more=more, link=link, feed=feed)
    ids = frozenset({"changes", "changes-table"} if rows else {"changes"})
    return Page("Changes of verdicts", about, (html,), hide=("navigation", "toc"), ids=ids)


def _review(
    project: Project,
    page: ReviewView,
    laboratories: Laboratories | None,
    link: Link,
    cited: dict[str, str],
    equations: MutableMapping[str, str] | None,
) -> Page:
    review = page.review
    template = environment().get_template("review.html")
    values = template.new_context({"view": page, "addresses": list(addresses(review)), "cited": cited, "link": link})

    def block(name: str) -> str:
        return "".join(template.blocks[name](values))

    body = _body(project, page, laboratories.agreements if laboratories else {}, link, equations)
    others = [Heading(2, "laboratories", "Other laboratories", "Other laboratories")] if laboratories else []
    verdicts = Heading(2, "verdicts", "Does it hold?", "Does it hold?")
    untestable = [Heading(2, "not-testable", "Not testable here", "Not testable here")] if review.not_testable else []
    parts: list[Part] = [block("head"), verdicts, block("verdicts"), *body.parts]
    parts += [*others, *(rendered("laboratories.html", shown=laboratories, link=link) for _ in others)]
    parts += [*untestable, *(block("untestable") for _ in untestable), block("scripts")]
    return Page(
        title=review.paper.title,
        description=review.summary,
        parts=tuple(parts),
        tags=review.tags,
        headings=(verdicts, *body.headings, *others, *untestable),
        ids=body.ids,
        jumps=body.jumps,
        wanted=body.wanted,
        mistakes=body.mistakes,
    )


def _body(
    project: Project,
    page: ReviewView,
    agreements: Mapping[tuple[str, Scale], str],
    link: Link,
    equations: MutableMapping[str, str] | None,
) -> Body:
    """The prose, with its bindings replaced, and what stands in the place of each fence.

    `agreements` says per claim and scale what other laboratories reached.
    """
    review = page.review
    lines = review.text.split("\n")

    def fence(each: Fence) -> str:
        if isinstance(each, CodeFence):
            return _code(page, each, lines)
        shown = page.verifications[each.id]
        return rendered("verification.html", each=shown, slug=review.slug, agreements=agreements, link=link)

    targets = Targets(project, page.page, link)
    return Writer(review, targets, Prose(project, page).item, fence, _own_ids(page), equations).write()


def _own_ids(page: ReviewView) -> Iterator[str]:
    """The ids of a review's page that are not its text's."""
    yield from ("verdicts", "laboratories", "not-testable", "at-changes", "identities")
    yield from (answer.anchor(scale, status) for scale in page.scales for status in words.BADGES)
    for each in page.verifications.values():
        yield each.verification.id
        yield from _code_ids([each]) if each.in_review else ()
        for claim in each.verification.claims:
            yield from (f"claim-{claim.id}", f"says-{claim.id}")
        for figure in each.verification.figures:
            yield f"figure-{figure.id}"
            yield from (f"show-{figure.id}-{scale}" for scale in (*each.verification.rungs, "paper"))


def _code_ids(views: Sequence[VerificationView]) -> Iterator[str]:
    yield from sorted({f"code-{words.anchor(each.experiment.name)}" for each in views})


def _citations(page: ReviewView, site: Site, directory_urls: bool) -> dict[str, str]:
    address = link_from("index.md", directory_urls)(page.page)
    return {
        "The paper": citations.of_paper(page.review.paper),
        "This review": citations.of_review(page.review, site, address),
    }


def _code(page: ReviewView, fence: CodeFence, lines: list[str]) -> str:
    """A reviewer's experiment, shown where it stands; anchored under the names of the experiments it holds."""
    experiments = [view.experiment for view in page.verifications.values() if view.in_review]
    names = sorted({each.name for each in experiments if fence.line <= each.line <= fence.end_line})
    code = "\n".join(lines[fence.line : fence.end_line - 1])
    return rendered("code.html", names=names, code=code)


def _sheets(project: Project, page: ReviewView, link: Callable[[str], Link]) -> Iterator[tuple[str, str]]:
    """A document for each verification."""
    template = environment().get_template("evidence.html")
    for each in page.verifications.values():
        shown = _tables(project, page, each)
        yield each.sheet, template.render(view=page, each=each, tables=shown, link=link(each.sheet))


def _modules(views: list[ReviewView], link: Callable[[str], Link]) -> Iterator[tuple[str, str]]:
    """A document for each module of experiments."""
    uses: dict[str, list[tuple[ReviewView, VerificationView]]] = {}
    for page in views:
        for each in page.verifications.values():
            if not each.in_review:
                uses.setdefault(each.experiment.module, []).append((page, each))
    template = environment().get_template("module.html")
    for name, used in uses.items():
        path = code_path(name)
        yield path, template.render(module=name, uses=used, source=used[0][1].source, link=link(path))


def _tables(project: Project, page: ReviewView, each: VerificationView) -> dict[Scale, tables.Table]:
    found = {at.scale: project.evidence(page.review.slug, each.verification.id, at.scale) for at in each.standings}
    return {scale: tables.table(evidence) for scale, evidence in found.items() if evidence and evidence.records}
