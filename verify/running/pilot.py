"""A pilot: the first seeds of a verification, run for their spread over seeds before all of it is."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from verify.model import Scale
from verify.project.project import Project
from verify.running.jobs import Job, select


class Pilot(Job):
    """A verification up to its first seeds.  Their results are ordinary ones, kept in the journal and not published.

    Tests are registered as before any run, with the looks that are declared: who changes one afterwards is told by the
    next registration, which counts these results as seen.
    """

    def __init__(self, job: Job, seeds: int) -> None:
        """`job` as it is declared, and the seeds to run of it."""
        rung = replace(job.rung, seeds=(min(seeds, job.rung.seeds[-1]),))
        shortened = replace(job.verification, rungs={**job.verification.rungs, job.scale: rung})
        super().__init__(job.project, job.review, shortened, job.scale, job.judged)
        self.looks = job.rung.seeds

    @property
    def unpublished(self) -> bool:
        return False

    def publish(self) -> str:
        return "kept for its spread"


def select_pilots(project: Project, wanted: Iterable[tuple[str, str | None]], scale: Scale, seeds: int) -> list[Job]:
    """The jobs of the named verifications as pilots, with those their choices come from as they are declared.

    Raises:
        UserErrors: as for a run.
    """
    asked = set(wanted)
    jobs = select(project, asked, scale, robust=False)
    return [Pilot(job, seeds) if (job.review.slug, job.verification.id) in asked else job for job in jobs]
