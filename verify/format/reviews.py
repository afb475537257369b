"""Markdown to `Review`: every rule of the format, and all mistakes of a file at once.

The modules beside this one hold the rules part by part; `docs/guide/write-a-review.md` describes them for authors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import PurePosixPath
from unicodedata import normalize

from verify.errors import UserError
from verify.format import (
    bindings,
    charts,
    choices,
    claims,
    conflicts,
    fences,
    frontmatter,
    grids,
    references,
    robust,
    terms,
)
from verify.format.fields import IDENTIFIER
from verify.format.grids import Draft
from verify.format.needs import Refusal
from verify.format.problems import Problems
from verify.format.yaml12 import Items, Leaf, Node, Table, read
from verify.model import CodeFence, Experiment, Review, Terms, Verification
from verify.planning import catalogue

FenceExperiments = Callable[[str, str], tuple[dict[str, Experiment], list[UserError]]]

RESERVED_NAMES = ("index",)
"""Reviews cannot be called so: the site's own pages are."""


def parse(
    path: str,
    text: str,
    experiments: Mapping[str, Experiment],
    fence_experiments: FenceExperiments,
    refusal: Refusal = str,
) -> tuple[Review | None, list[UserError]]:
    """The review in `text`, or None and all its mistakes in the order of their lines.

    Args:
        path: the file, relative to the project's root, with forward slashes.
        text: the whole file; line endings of any kind.
        experiments: those of the project, by name.
        fence_experiments: reads the review's own, given its `python verify` fences as one module and `path`; called
            only where there are such fences.
        refusal: raises a UserError for a data file, by its path beside the review, that cannot be used; none by
            default.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    problems = Problems(path)
    slug = _slug(path, problems)
    if conflicts.report(text, problems):
        return None, problems.in_order()
    if "\0" in text:  # Markdown would put another character in its place, in code too
        problems.add(text.count("\n", 0, text.index("\0")) + 1, "a NUL character", "delete it: no text holds one")
    blanked, toml = frontmatter.without_toml(text, problems)
    document = fences.split(blanked, problems)
    front = None if toml or document.front is None else read(document.front, document.front_line, problems)
    about = None if front is None else frontmatter.read(front, problems, refusal)
    code, known = _experiments(document, experiments, fence_experiments, problems)
    yaml_fences = [fence for fence in document.fences if fence.language == "yaml"]
    drafts = list(_drafts(yaml_fences, known, problems))
    all_read = document.complete and len(drafts) == len(yaml_fences) and all(draft.id for draft in drafts)
    choices.check(drafts, all_read, problems)
    claims.check_headlines(drafts, problems)
    shared = terms.of_review(terms.entries(front), drafts, all_read, problems)
    verifications = tuple(
        _verification(draft, terms.of_verification(draft, drafts, shared, problems), problems) for draft in drafts
    )
    by_id = {draft.id: draft for draft in drafts}
    made = [robust.variants(*both, by_id, problems) for both in zip(drafts, verifications, strict=True)]
    owners = _owners(drafts, problems)
    items, unreadable = bindings.collect(document.tokens, document.body_line, path)
    problems.found += unreadable
    references.check(items, by_id, owners, all_read, problems)
    if problems.found or about is None:
        return None, problems.in_order()
    code_fences = tuple(CodeFence(f.line, f.end_line) for f in document.fences if f.language == "python")
    review = Review(
        slug=slug,
        path=path,
        verifications=verifications,
        variants=tuple(chain.from_iterable(made)),
        code_fences=code_fences,
        code=code,
        text=text,
        body_line=document.body_line,
        **about,
    )
    return review, []


def check(reviews: Sequence[Review]) -> list[UserError]:
    """Mistakes between reviews: two of one name or of one title, and sections that are meant to be one."""
    found: list[UserError] = []
    slugs: dict[str, Review] = {}
    titles: dict[str, Review] = {}
    for review in reviews:
        title = _folded(review.paper.title)
        line = frontmatter.line_of(review.text, "title")
        if first := slugs.get(review.slug):
            hint = f"so is {first.path}; rename one of the two"
            found.append(UserError(f"a review is called '{review.slug}' already", review.path, 1, hint))
        elif first := titles.get(title):
            other = f"{first.path}, line {frontmatter.line_of(first.text, 'title')}"
            found.append(UserError("another review has the same title", review.path, line, f"see {other}; one a paper"))
        slugs.setdefault(review.slug, review)
        titles.setdefault(title, review)
    return found + list(_sections(reviews))


def _sections(reviews: Sequence[Review]) -> Iterator[UserError]:
    """Sections whose names differ in case or spaces only: the list would have two headings for one."""
    spellings: dict[str, Counter[str]] = {}
    for review in reviews:
        spellings.setdefault(_folded(review.section), Counter())[review.section] += 1
    for review in reviews:
        usual, _ = spellings[_folded(review.section)].most_common(1)[0]
        if review.section != usual:
            other = next(each for each in reviews if each.section == usual)
            message = f"section '{review.section}' differs from '{usual}' in case or spaces only"
            hint = f"write `section: {usual}`, as {other.path} does"
            yield UserError(message, review.path, frontmatter.line_of(review.text, "section"), hint)


def _folded(text: str) -> str:
    return " ".join(normalize("NFC", text).casefold().split())


def _slug(path: str, problems: Problems) -> str:
    slug = PurePosixPath(path).stem
    if not IDENTIFIER.fullmatch(slug):
        hint = "lower-case letters, digits and hyphens, a letter first: such as large-batch.md"
        problems.add(1, f"'{slug}' cannot be a review's address", hint)
    elif slug in RESERVED_NAMES:
        problems.add(1, f"a review cannot be called '{slug}'", "the site has a page of that name")
    return slug


def _experiments(
    document: fences.Document,
    experiments: Mapping[str, Experiment],
    fence_experiments: FenceExperiments,
    problems: Problems,
) -> tuple[str, grids.Known]:
    """The review's own code, and all experiments it can use."""
    if not any(fence.language == "python" for fence in document.fences):
        return "", grids.Known(experiments, document.complete, partial(catalogue.unlike, code=""))
    code = document.code()
    own, errors = fence_experiments(code, problems.file)
    problems.found += errors
    for name, experiment in own.items():
        if name in experiments:
            problem = f"experiment {name} exists already, in {experiments[name].module}"
            problems.add(experiment.line, problem, "give this one another name")
    complete = document.complete and not errors
    return code, grids.Known({**experiments, **own}, complete, partial(catalogue.unlike, code=code))


def _drafts(yaml_fences: Sequence[fences.Fence], known: grids.Known, problems: Problems) -> Iterator[Draft]:
    seen: dict[str, int] = {}
    for fence in yaml_fences:
        node = read(fence.content, fence.line + 1, problems)
        if node is None:
            continue
        draft = grids.read(node, fence.line, fence.end_line, known, problems)
        if draft is None:
            continue
        if draft.id in seen:
            problems.add(fence.line, f"verification '{draft.id}' exists already", f"in line {seen[draft.id]}")
        if draft.id:
            seen.setdefault(draft.id, fence.line)
        yield draft


def _verification(draft: Draft, words: Terms, problems: Problems) -> Verification:
    return Verification(
        id=draft.id,
        experiment=draft.experiment_name,
        rungs=draft.rungs,
        figures=charts.read_all(draft, problems),
        claims=claims.read_all(draft, problems),
        line=draft.line,
        end_line=draft.end_line,
        title=draft.title,
        terms=words,
        identity=draft.identity,
    )


def _owners(drafts: Sequence[Draft], problems: Problems) -> dict[str, Draft]:
    """Which draft declares each claim, broken ones included; reports ids of figures and claims that are taken."""
    owners: dict[str, Draft] = {}
    lines: dict[str, int] = {}
    for draft in drafts:
        for kind, node in (("figure", draft.figures), ("claim", draft.claims)):
            for leaf in _ids(node):
                if leaf.text in lines:
                    hint = f"in line {lines[leaf.text]}; figures and claims of a review share their names"
                    problems.add(leaf.line, f"{kind} '{leaf.text}' exists already", hint)
                lines.setdefault(leaf.text, leaf.line)
                if kind == "claim":
                    owners.setdefault(leaf.text, draft)
    return owners


def _ids(node: Node | None) -> Iterator[Leaf]:
    """The ids in a list of figures or claims."""
    for item in node.nodes if isinstance(node, Items) else ():
        if isinstance(item, Table) and "id" in item.entries:
            leaf = item.entries["id"].node
            if isinstance(leaf, Leaf):
                yield leaf
