"""A review and its evidence, gathered for a page: what the templates show, with nothing left to compute there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from verify.drawing.svg import look
from verify.errors import UserError
from verify.judging import registered, robust
from verify.judging.robust import Varied
from verify.model import (
    SCALES,
    STATUSES,
    Choice,
    Claim,
    Environment,
    Evidence,
    Experiment,
    Figure,
    Review,
    Scale,
    Status,
    Verdict,
    Verification,
)
from verify.planning.modules import find_in_package
from verify.project.project import Project
from verify.project.store import Verdicts
from verify.running import notebooks
from verify.site import tables, words


class Standing(Struct, frozen=True):
    """How the stored evidence of one verification at one scale stands to what is declared now."""

    scale: Scale
    declared: int
    """Trials declared, up to the look that is due; 0 while a parameter waits for another verification's choice."""
    fresh: int
    stale: int
    """Records of trials that are not declared (any more): other code, other parameters."""
    failed: int
    error: str
    """Of the first failure."""
    seconds: float
    seeds: int
    data: tuple[str, ...]
    """Hashes of the data the trials saw, where they report them."""
    environments: tuple[Environment, ...]
    command: str
    """What reproduces it."""
    evidence: str
    """The published file, relative to the site's root."""
    csv: str
    """The same records for other programs, likewise."""

    @property
    def records(self) -> int:
        return self.fresh + self.stale

    @property
    def ran(self) -> bool:
        return self.records + self.failed > 0

    @property
    def complete(self) -> bool:
        """Everything declared has run, as it is declared."""
        return self.ran and not self.stale and not self.failed and self.fresh == self.declared

    @property
    def word(self) -> str:
        if not self.ran:
            return "not run"
        if self.failed:
            return "failed"
        if self.stale:
            return "stale"
        return "fresh" if self.complete else "incomplete"

    @property
    def detail(self) -> str:
        """The word in numbers."""
        if not self.declared:
            return "waits for another verification's choice"
        if not self.ran:
            return f"none of {self.declared} trials has run"
        if self.failed:
            return f"{self.failed} of {self.declared} trials failed: {self.error}"
        if self.stale:
            return f"{self.stale} of {self.records} results are of older code or parameters"
        if self.complete:
            return f"all {self.declared} trials have run as they are declared"
        return f"{self.fresh} of {self.declared} trials have run"


class Result(Struct, frozen=True):
    """A claim at one scale."""

    scale: Scale
    verdict: Verdict
    standing: Standing
    registered: registered.Standing
    """How its test stands to what was registered when trials ran."""
    varied: tuple[Varied, ...] = ()
    """What becomes of it in the variants of its verification."""
    doubtful: int = 0
    """How many of these rest on evidence that is stale, incomplete or failed in part."""


class ClaimView(Struct, frozen=True):
    claim: Claim
    verification: Verification
    results: dict[Scale, Result]

    @property
    def movable(self) -> bool:
        """Whether there is a published interval that a reader's own threshold can be compared with."""
        judged = any(each.verdict.low is not None and each.verdict.high is not None for each in self.results.values())
        return judged and not self.claim.test.criterion.every


class Drawing(Struct, frozen=True):
    """A drawing as a page shows it."""

    path: str
    """Relative to the site's root."""
    width: int
    height: int
    """In CSS pixels, at its full size."""
    says: str
    """What it shows, for who cannot see it; empty where it does not say."""


class FigureView(Struct, frozen=True):
    figure: Figure
    panels: tuple[tuple[Standing, Drawing], ...]
    """The drawing of each scale that has one."""
    paper: Drawing | None = None
    """Of the paper's own numbers."""
    undrawn: tuple[tuple[str, str], ...] = ()
    """Each drawing that could not be made, as `at tiny`, and why."""


class Setting(Struct, frozen=True):
    """A parameter of an experiment, and what it is in a verification."""

    name: str
    means: str
    """As the experiment's docstring says it."""
    values: dict[Scale, str]


class VariantView(Struct, frozen=True):
    """A verification with a parameter multiplied: nothing is shown of it but whether verdicts survive."""

    verification: Verification
    standings: tuple[Standing, ...]


class VerificationView(Struct, frozen=True):
    verification: Verification
    experiment: Experiment
    in_review: bool
    """Whether the experiment stands in the review itself."""
    source: str
    """The source of the project module that holds the experiment; empty where `in_review`."""
    declaration: str
    sheet: str
    """The document with its data, provenance and declaration, relative to the site's root."""
    figures: tuple[FigureView, ...]
    claims: tuple[ClaimView, ...]
    standings: tuple[Standing, ...]
    settings: tuple[Setting, ...] = ()
    """Every parameter, given or not."""
    variants: tuple[VariantView, ...] = ()


class Tally(Struct, frozen=True):
    """How many claims of a review have which verdict at one scale."""

    scale: Scale | None
    """None: of its identities, which are the same at every scale."""
    counts: dict[Status, int]


class Cost(Struct, frozen=True):
    """What the evidence of a review took at one scale."""

    scale: Scale
    trials: int
    seconds: float
    devices: tuple[str, ...]


class NotebookView(Struct, frozen=True):
    """The notebook of a review."""

    word: str
    """fresh, stale or not run."""
    page: str
    """Its page, relative to the docs folder: only where it is fresh."""
    source: str
    """Its source, likewise."""


class ReviewView(Struct, frozen=True):
    review: Review
    page: str
    scales: tuple[Scale, ...]
    verifications: dict[str, VerificationView]
    tallies: tuple[Tally, ...]
    costs: tuple[Cost, ...]
    thumbnail: Drawing | None
    """A small drawing of its first claims' evidence."""
    notebook: NotebookView | None

    @property
    def claims(self) -> tuple[ClaimView, ...]:
        return tuple(claim for view in self.verifications.values() for claim in view.claims)

    @property
    def of_scales(self) -> tuple[ClaimView, ...]:
        """Those that are judged at each scale, headline claims first."""
        claims = [each for each in self.claims if not each.verification.identity]
        return tuple(sorted(claims, key=lambda each: not each.claim.headline))

    @property
    def identities(self) -> tuple[ClaimView, ...]:
        """The others."""
        return tuple(each for each in self.claims if each.verification.identity)

    @property
    def drawn(self) -> bool:
        """Whether any figure has a drawing."""
        return any(shown.panels or shown.paper for view in self.verifications.values() for shown in view.figures)


def view(project: Project, review: Review) -> ReviewView:
    """Everything a review's page and its entry in the list of papers show."""
    verdicts, stored = project.verdicts(review.slug), project.stored(review.slug)
    views = {each.id: _verification(project, review, each, verdicts, stored) for each in review.verifications}
    laddered = [each for each in review.verifications if not each.identity] or review.verifications
    scales = tuple(scale for scale in SCALES if any(scale in each.rungs for each in laddered))
    return ReviewView(
        review=review,
        page=f"reviews/{review.slug}.md",
        scales=scales,
        verifications=views,
        tallies=tuple(_tallies(views, scales)),
        costs=tuple(_costs(views, scales)),
        thumbnail=_drawing(project, review, "thumbnail"),
        notebook=_notebook(project, review),
    )


def _notebook(project: Project, review: Review) -> NotebookView | None:
    for each in notebooks.find(project, [review.slug]):
        word = "fresh" if each.fresh else "stale" if each.result.is_file() else "not run"
        return NotebookView(word, f"notebooks/{review.slug}.ipynb", f"reviews/notebooks/{review.slug}.py")
    return None


def _source(module: str) -> str:
    found = find_in_package(module)
    return "" if found is None else str(found.code)


def _verification(
    project: Project,
    review: Review,
    verification: Verification,
    verdicts: dict[Scale, dict[str, Verdict]],
    stored: Verdicts,
) -> VerificationView:
    standings = _standings(project, review, verification)
    variants = tuple(VariantView(each, _standings(project, review, each)) for each in review.variants_of(verification))
    experiment = project.experiment(review, verification)
    in_review = experiment.module == review.path
    lines = review.text.split("\n")[verification.line : verification.end_line - 1]
    return VerificationView(
        verification=verification,
        experiment=experiment,
        in_review=in_review,
        source="" if in_review else _source(experiment.module),
        declaration="\n".join(lines),
        sheet=f"evidence/{review.slug}/{verification.id}.html",
        figures=tuple(_figure(project, review, figure, standings, stored.undrawn) for figure in verification.figures),
        claims=tuple(
            _claim(project, review, verification, claim, standings, verdicts, variants, stored)
            for claim in verification.claims
        ),
        standings=standings,
        variants=variants,
        settings=tuple(_settings(project, review, verification, experiment)),
    )


def _settings(
    project: Project, review: Review, verification: Verification, experiment: Experiment
) -> Iterator[Setting]:
    """What each parameter was set to, from the trials, and else from the code's defaults."""
    rungs = [(scale, verification.rungs[scale]) for scale in SCALES if scale in verification.rungs]
    trials = {scale: project.to_last_look(review, verification, scale) for scale, _ in rungs}
    for name in experiment.parameters:
        values = {}
        for scale, rung in rungs:
            choice = rung.parameters.get(name)
            given = dict.fromkeys(trial.parameters[name] for trial in trials[scale] if name in trial.parameters)
            shown = ", ".join(map(words.scalar, given)) or experiment.defaults.get(name, "not set").strip("'\"")
            chosen = f", chosen by {choice.verification}" if isinstance(choice, Choice) else ""
            values[scale] = shown + chosen
        yield Setting(name, experiment.documented.get(name, ""), values)
    yield Setting(
        "seeds", "How many; of several numbers, the looks.",
        {scale: ", ".join(map(str, rung.seeds)) for scale, rung in rungs},
    )  # fmt: skip


def _standings(project: Project, review: Review, verification: Verification) -> tuple[Standing, ...]:
    return tuple(standing(project, review, verification, scale) for scale in SCALES if scale in verification.rungs)


def standing(project: Project, review: Review, verification: Verification, scale: Scale) -> Standing:
    """How the evidence stands, of the project itself or of another laboratory."""
    evidence = project.evidence(review.slug, verification.id, scale) or Evidence(review.slug, verification.id, scale)
    stale = project.stale(review, verification, scale)
    used = {record.environment for record in evidence.records}
    return Standing(
        scale=scale,
        declared=project.due(review, verification, scale),
        fresh=len(evidence.records) - stale,
        stale=stale,
        failed=len(evidence.failures),
        error=evidence.failures[0].error if evidence.failures else "",
        seconds=sum(record.seconds for record in evidence.records),
        seeds=len({record.seed for record in evidence.records}),
        data=tuple(sorted({record.data for record in evidence.records if record.data})),
        environments=tuple(each for each in evidence.environments.values() if each.id in used),
        command=f"verify run {review.slug}:{verification.id} --scale {scale}",
        evidence=f"evidence/{project.place(review.slug)}/{verification.id}.{scale}.jsonl",
        csv=tables.csv_path(review.slug, verification.id, scale),
    )


def _figure(
    project: Project, review: Review, figure: Figure, standings: tuple[Standing, ...], undrawn: dict[str, str]
) -> FigureView:
    drawn = [(each, _drawing(project, review, f"{figure.id}.{each.scale}")) for each in standings]
    panels = tuple((each, drawing) for each, drawing in drawn if drawing)
    places = {f"{figure.id}.{each.scale}": f"at {each.scale}" for each in standings}
    places[f"{figure.id}.paper"] = "of the paper's own numbers"
    missing = tuple((place, undrawn[name]) for name, place in places.items() if name in undrawn)
    paper = _drawing(project, review, f"{figure.id}.paper") if figure.paper else None
    return FigureView(figure, panels, paper, missing)


def _drawing(project: Project, review: Review, name: str) -> Drawing | None:
    path = project.drawing_path(review.slug, name)
    if not path.is_file():
        return None
    shown = look(path.read_bytes().decode("utf-8", "replace"))
    if shown is None:
        hint = "drawings are made by `verify refresh`: delete the file and run it"
        raise UserError("this is no drawing of a figure", project.relative(path), hint=hint)
    return Drawing(f"evidence/{review.slug}/{path.name}", *shown)


def _claim(
    project: Project,
    review: Review,
    verification: Verification,
    claim: Claim,
    standings: tuple[Standing, ...],
    verdicts: dict[Scale, dict[str, Verdict]],
    variants: tuple[VariantView, ...],
    stored: Verdicts,
) -> ClaimView:
    results = {}
    for standing in standings:
        verdict = verdicts.get(standing.scale, {}).get(claim.id)
        if verdict is None:
            verdict = Verdict(claim.id, standing.scale, "not run", "no verdict is stored yet")
        evidence = project.evidence(review.slug, verification.id, standing.scale)
        looks = verification.rungs[standing.scale].seeds
        tested = registered.standing(claim, looks, evidence.registered if evidence else ())
        varied = robust.of_claim(review, verification, claim.id, standing.scale, stored.robust)
        at_scale = [at for each in variants for at in each.standings if at.scale == standing.scale and at.ran]
        doubtful = sum(not at.complete for at in at_scale)
        results[standing.scale] = Result(standing.scale, verdict, standing, tested, varied, doubtful)
    return ClaimView(claim, verification, results)


def _tallies(views: dict[str, VerificationView], scales: tuple[Scale, ...]) -> Iterator[Tally]:
    """Verdicts counted, at every scale where anything has run, at the first one where nothing has; of identities."""
    found = [claim for each in views.values() for claim in each.claims]
    claims = [claim for claim in found if not claim.verification.identity]
    identities = [result for claim in found if claim.verification.identity for result in claim.results.values()]
    ran = [scale for scale in scales if any(s.ran for v in views.values() for s in v.standings if s.scale == scale)]
    for scale in ran or scales[:1]:
        yield from _tally(scale, [claim.results[scale] for claim in claims if scale in claim.results])
    yield from _tally(None, identities)


def _tally(scale: Scale | None, results: Sequence[Result]) -> Iterator[Tally]:
    """One, where there is anything to count."""
    found = Counter(result.verdict.status for result in results)
    if found:
        yield Tally(scale, {status: found[status] for status in STATUSES if found[status]})


def _costs(views: dict[str, VerificationView], scales: tuple[Scale, ...]) -> Iterator[Cost]:
    for scale in scales:
        every = [at for view in views.values() for at in view.standings]
        every += [at for view in views.values() for each in view.variants for at in each.standings]
        standings = [each for each in every if each.scale == scale and each.records]
        if standings:
            devices = {f"{e.device}, {e.machine}" for each in standings for e in each.environments}
            trials = sum(each.records for each in standings)
            yield Cost(scale, trials, sum(each.seconds for each in standings), tuple(sorted(devices)))
