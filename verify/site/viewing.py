"""A review's view, gathered from what is declared, stored and drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from verify.drawing.svg import look
from verify.errors import UserError
from verify.judging import registered, robust
from verify.model import (
    SCALES,
    STATUSES,
    Choice,
    Claim,
    Evidence,
    Experiment,
    Figure,
    Review,
    Scale,
    Verdict,
    Verification,
)
from verify.planning.modules import find_in_package
from verify.project.project import Project
from verify.project.store import Verdicts
from verify.running import notebooks
from verify.site import tables, words
from verify.site.views import (
    ClaimView,
    Cost,
    Drawing,
    FigureView,
    NotebookView,
    Result,
    ReviewView,
    Setting,
    Standing,
    Tally,
    VariantView,
    VerificationView,
)


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
