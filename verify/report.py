"""What the command line says of plans and runs, and of what is stored: lines of text."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from verify.errors import UserError, UserErrors
from verify.judging.registered import standing
from verify.model import Evidence, Review, Scale, Verification
from verify.planning.plan import Planned, examine
from verify.project.project import Project
from verify.running import witness
from verify.running.jobs import Job
from verify.running.progress import Listener, Plain, duration
from verify.running.runner import Run
from verify.running.witness import point
from verify.site import words

if TYPE_CHECKING:
    from verify.running.repeat import Different


# What would run


def due(run: Run, *, explain: bool, workers: int) -> Iterator[str]:
    """What a run would do, for how long, and if `explain` why."""
    if explain:
        yield from explained(run)
    else:
        for job in run.jobs.values():
            yield _job_line(job)
    waiting = sum(job.size for job in run.open if job.state == "waiting")
    total = waiting + sum(len(job.untried) for job in run.open)
    if not total:
        yield f"nothing to run: {_fresh(run)}"
        return
    seconds = run.seconds(workers)
    known = f"about {duration(seconds)} with {workers} workers" if seconds is not None else "never timed before"
    when = f", {waiting} of them once their parameters are chosen" if waiting else ""
    yield f"{total} trials to run{when}: {known}"


def explained(run: Run) -> Iterator[str]:
    """Per verification, each reason with the number of trials it holds for."""
    for job in run.jobs.values():
        yield _job_line(job)
        for why, count in Counter(each.why for each in job.untried.values()).items():
            yield f"    {count} × {why}"


def _job_line(job: Job) -> str:
    if job.waits_for:
        return f"{job.name} {job.scale}: {job.why_waiting}"
    return f"{job.name} {job.scale}: {len(job.untried)} to run, {job.fresh} fresh"


def lacking(unmet: Mapping[str, Sequence[tuple[str, str | None]]]) -> UserError:
    """One message of all that reviews need and that is not installed; each requirement with the version that is."""
    reviews: dict[tuple[str, str | None], list[str]] = {}
    for slug, wanted in unmet.items():
        for each in wanted:
            reviews.setdefault(each, []).append(slug)
    parts = [
        f"{requirement} for {', '.join(slugs)}" + (f" ({version} is installed)" if version else "")
        for (requirement, version), slugs in reviews.items()
    ]
    install = " ".join(shlex.quote(requirement) for requirement, _ in reviews)
    left_out = ", ".join(unmet)
    message = f"left out: {left_out}: packages are not installed: {'; '.join(parts)}"
    return UserError(message, hint=f"{sys.executable} -m pip install {install}")


def waiting(run: Run) -> list[Job]:
    """Verifications that could not run, since the one that chooses their parameters is not complete, or leaves none."""
    return [job for job in run.jobs.values() if job.waits_for]


def summary(run: Run) -> Iterator[str]:
    """The end of a run: `N of N fresh`, or what is not."""
    for job, failure in run.failures:
        yield f"failed: {job.name} {job.scale}, {point(failure)}: {failure.error}"
    yield from dict.fromkeys(str(each) for errors in run.stopped.values() for each in errors)  # variants share claims
    for job in waiting(run):
        yield _job_line(job)
    yield from _not_deterministic(run.different)
    yield _fresh(run)


def beside(run: Run) -> Iterator[str]:
    """Of each verification of a laboratory's, how what it ran with the project's own seeds stands to the evidence."""
    for job in run.jobs.values():
        try:
            shared, differences = witness.beside(job.project, job.key)
        except UserErrors as wrong:
            yield f"{job.name} {job.scale}: cannot be held against the project's own evidence: {wrong.errors[0]}"
            continue
        if shared:
            yield f"{job.name} {job.scale}: {words.beside(shared, differences)}"


def _not_deterministic(found: Iterable[Different]) -> Iterator[str]:
    """A line for each trial that gave other numbers, with the first of them."""
    for (name, where), values in groupby(found, lambda each: (each.job.name, point(each.trial))):
        first, *others = values
        more = f", and {len(others)} more" if others else ""
        what = f"{first.name} {first.first} and {first.second}" if first.name else f"{first.first}, then {first.second}"
        yield f"{name} is not deterministic: {where}: {what}{more}"


def _fresh(run: Run) -> str:
    jobs = run.jobs.values()
    return f"{sum(job.fresh for job in jobs)} of {sum(job.size for job in jobs)} trials fresh"


# While it runs


def listener() -> Listener:
    """Progress with the time left in a terminal, plain lines elsewhere."""
    if sys.stdout.isatty():
        from verify.running.terminal import Terminal  # rich is loaded where its drawing can be seen

        return Terminal()
    return Plain()


# What is stored


def status(project: Project, targets: Collection[tuple[str, str | None]]) -> Iterator[str]:
    """A line for each verification at each scale: here (the journal) and committed (the evidence)."""
    rows = [("verification", "scale", "committed", "this machine", "recorded on")]
    for slug, name in targets:
        review = project.review(slug)
        for verification, scale in project.rungs(review):
            if verification.varies and name != verification.id:
                continue  # told with the verification that it varies
            if name in (None, verification.id):
                rows.append(_status_row(f"{slug}:{verification.id}", project, review, [verification], scale))
            variants = review.variants_of(verification)
            if variants and name in (None, verification.id):
                rows.append(_status_row(f"  {words.count(len(variants), 'variant')}", project, review, variants, scale))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4]]).rstrip()
    yield from _registrations(project, targets)


def _registrations(project: Project, targets: Iterable[tuple[str, str | None]]) -> Iterator[str]:
    """Of what ran, each test that is not as it was registered before the run, and how many are."""
    found = before = 0
    for slug, name in targets:
        for verification, scale in project.rungs(project.review(slug)):
            committed = project.evidence(slug, verification.id, scale)
            journal = project.journal(slug, verification.id, scale)
            known = [each for each in (committed, journal) if each and (each.records or each.failures)]
            if not known or name not in (None, verification.id) or verification.varies:
                continue
            registered = sorted((one for each in known for one in each.registered), key=lambda each: each.on)
            for claim in verification.claims:
                tested = standing(claim, verification.rungs[scale].seeds, registered)
                found += 1
                before += tested.kind == "before"
                if tested.kind != "before":
                    yield f"{slug}@{claim.id} {scale}: {words.registration(tested, verification.terms)}"
    if found:
        yield f"{before} of {found} tests are as they were registered before the run"


def _status_row(
    name: str, project: Project, review: Review, verifications: Iterable[Verification], scale: Scale
) -> tuple[str, str, str, str, str]:
    """What is there of a verification at a scale, or of the variants of one together."""
    committed: list[Planned] = []
    here: list[Planned] = []
    environments = set()
    waits = False
    for verification in verifications:
        trials = project.trials(review, verification, scale)
        definitions = project.code(review, verification).definitions
        evidence = project.evidence(review.slug, verification.id, scale)
        journal = project.journal(review.slug, verification.id, scale)
        committed += examine(trials, evidence or Evidence(review.slug, verification.id, scale), definitions)
        here += examine(trials, journal, definitions)
        waits |= not trials
        environments |= {each.words for each in (evidence or journal).environments.values()}
    cells = ("waits for a choice", "waits for a choice") if waits else (_states(committed), _states(here))
    return name, scale, *cells, "; ".join(sorted(environments))


def _states(planned: list[Planned]) -> str:
    counts = Counter(each.state for each in planned)
    return ", ".join(f"{counts[state]} {state}" for state in ("fresh", "stale", "missing", "failed") if counts[state])
