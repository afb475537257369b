"""A verification at a scale as a job: what is known of it, what is due, what it publishes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from verify.errors import UserError, UserErrors
from verify.model import SCALES, Code, Environment, Evidence, Experiment, Failure, Record, Review, Scale, Verification
from verify.planning.plan import Batch, Planned, Waiting, batches, chosen_from, examine, expand, points
from verify.project import store
from verify.project.project import Project
from verify.running import witness

Key = tuple[str, str, Scale]
"""Review, verification and scale."""


class Job:
    """One verification at one scale: what is known of it, what it needs, whether that is done."""

    def __init__(self, project: Project, review: Review, verification: Verification, scale: Scale) -> None:
        self.project = project
        self.review = review
        self.verification = verification
        self.scale = scale
        self.rung = verification.rungs[scale]
        self.experiment: Experiment = project.experiment(review, verification)
        self.code: Code = project.code(review, verification)
        self.known = Evidence(review.slug, verification.id, scale)
        self.planned: list[Planned] | None = None
        """None while a parameter waits for another verification, and where no trial had to be looked at."""
        self.waits_for: str | None = None
        self.waits_why = ""
        self._elsewhere: dict[str, str] = {}
        """Per trial whose result does not count, why."""
        self.remaining = 0
        self.ran = False
        """Whether any of it was run just now."""
        path = project.journal_path(review.slug, verification.id, scale)
        self.journal = store.Journal(path, self.known, project.relative(path))

    @property
    def name(self) -> str:
        return f"{self.review.slug}:{self.verification.id}"

    @property
    def key(self) -> Key:
        return self.review.slug, self.verification.id, self.scale

    @property
    def due(self) -> list[Planned]:
        """What is to run."""
        return [each for each in self.planned or () if each.state != "fresh"]

    @property
    def size(self) -> int:
        """How many trials are declared, also while their parameters wait for a choice."""
        declared = self.project.declared(self.review, self.verification, self.scale)
        return sum(1 for _ in points(self.rung)) * self.rung.seeds if declared is None else len(declared)

    @property
    def fresh(self) -> int:
        if self.waits_for is not None:
            return 0
        return self.size if self.planned is None else len(self.planned) - len(self.due)

    def is_done(self, *, missing: bool) -> bool:
        """Whether fingerprints alone show every trial to be fresh: what a run with nothing to do has time for."""
        declared = self.project.declared(self.review, self.verification, self.scale)
        if declared is None:
            return False
        known = store.fingerprints(self.project.journal_path(*self.key))
        if missing:
            known |= store.fingerprints(self.project.evidence_path(*self.key))
        return known.issuperset(declared)

    def load(self, *, missing: bool) -> None:
        """Read what this machine has run and, if `missing`, what is committed."""
        own = self.project.journal(*self.key)
        committed = self.project.evidence(*self.key) if missing else None
        self.known = own if committed is None else merge(committed, own)

    def keep_only(self, device: str | None, torch: str | None) -> bool:
        """Forget results of another device or torch, since trials that are compared share both; whether any were."""
        kept = []
        for record in self.known.records:
            environment = self.known.environments[record.environment]
            if _suits(environment, device, torch):
                kept.append(record)
            else:
                recorded = environment.versions.get("torch")
                on = f"torch {recorded} on {environment.device}" if recorded else environment.device
                self._elsewhere[record.fingerprint] = f"recorded under {on}: trials that are compared share both"
        self.known = msgspec.structs.replace(self.known, records=tuple(kept))
        return bool(self._elsewhere)

    def lookup(self, jobs: dict[Key, Job], verification: str) -> Sequence[Record] | None:
        """Records of the verification that chooses a parameter; None until it is complete and fresh."""
        job = jobs[self.review.slug, verification, self.scale]
        if job.planned is None or job.due:
            return None
        records = {record.fingerprint: record for record in job.known.records}
        return [records[each.trial.fingerprint] for each in job.planned]

    def plan(self, jobs: dict[Key, Job]) -> None:
        """Find the trials and their states; `jobs` holds those that choose this one's parameters."""
        try:
            trials = expand(
                self.review.slug, self.verification, self.rung, self.code, lambda name: self.lookup(jobs, name)
            )
        except Waiting as waiting:
            self.planned, self.waits_for, self.waits_why = None, waiting.verification, waiting.reason
            return
        self.planned, self.waits_for = examine(trials, self.known, self.code.definitions), None
        self.planned = [self._with_reason(each) for each in self.planned]
        self.remaining = len(self.due)

    def _with_reason(self, planned: Planned) -> Planned:
        why = self._elsewhere.get(planned.trial.fingerprint)
        return planned if planned.state == "fresh" or why is None else Planned(planned.trial, "stale", why)

    def fresh_records(self) -> list[Record]:
        """Those known of trials that are declared now."""
        fresh = {each.trial.fingerprint for each in self.planned or () if each.state == "fresh"}
        return [record for record in self.known.records if record.fingerprint in fresh]

    def batches(self) -> list[Batch]:
        return batches((each.trial for each in self.due), self.experiment, self.rung)

    def record(self, records: Sequence[Record], failures: Sequence[Failure], environment: Environment) -> None:
        """Keep what a batch gave: on disk first, then here."""
        self.journal.append(environment, (self.code.hash, self.code.definitions), records, failures)
        addition = Evidence(
            *self.key,
            {environment.id: environment},
            {self.code.hash: self.code.definitions},
            tuple(records),
            tuple(failures),
        )
        self.known = merge(self.known, addition)
        self.ran = True
        self.remaining -= len(records) + len(failures)

    def settle(self) -> None:
        """Look at the states again, all trials having been tried."""
        self.planned = examine([each.trial for each in self.planned or ()], self.known, self.code.definitions)

    def in_order(self, failures: Iterable[Failure]) -> list[Failure]:
        """Failures in the order of the trials."""
        place = {each.trial.fingerprint: number for number, each in enumerate(self.planned or ())}
        return sorted(failures, key=lambda failure: place.get(failure.fingerprint, len(place)))

    def publish(self) -> str:
        """Write the evidence file if it would say something new; returns what was done, in a word or two."""
        if self.planned is None:
            return "waiting"
        path = self.project.evidence_path(*self.key)
        trials = [each.trial for each in self.planned]
        content = store.encode(self.known, trials)
        committed = self.project.evidence(*self.key)
        if committed is not None:
            if not self.ran and witness.compare(self.known, committed):
                return "not written: it would replace values that were not run now"
            declared = {trial.fingerprint for trial in trials}
            records = tuple(each for each in self.known.records if each.fingerprint in declared)
            failures = tuple(each for each in self.known.failures if each.fingerprint in declared)
            ours = msgspec.structs.replace(self.known, records=records, failures=failures)
            if store.same_results(committed, ours):
                return "reproduced exactly"
        store.write_atomically(path, content)
        self.project.forget(*self.key)
        return "evidence written"


def _suits(environment: Environment, device: str | None, torch: str | None) -> bool:
    return (device is None or environment.device == device) and (
        torch is None or environment.versions.get("torch") == torch
    )


def merge(first: Evidence, second: Evidence) -> Evidence:
    """Both together; of a trial that is in both, the second's result."""
    records = {record.fingerprint: record for record in (*first.records, *second.records)}
    failures = {failure.fingerprint: failure for failure in (*first.failures, *second.failures)}
    return msgspec.structs.replace(
        second,
        environments={**first.environments, **second.environments},
        codes={**first.codes, **second.codes},
        records=tuple(records.values()),
        failures=tuple(failure for key, failure in failures.items() if key not in records),
    )


def select(project: Project, wanted: Iterable[tuple[str, str | None]], scale: Scale) -> list[Job]:
    """The jobs of the named reviews or verifications that exist at `scale`, with those their choices come from.

    Raises:
        UserErrors: a name is unknown, or nothing is declared at `scale`.
    """
    chosen: dict[tuple[str, str], Job] = {}

    def add(review: Review, verification: Verification) -> None:
        if scale not in verification.rungs or (review.slug, verification.id) in chosen:
            return
        by_name = {each.id: each for each in review.verifications}
        for chooser in chosen_from(verification.rungs[scale]):
            add(review, by_name[chooser])
        chosen[review.slug, verification.id] = Job(project, review, verification, scale)

    for slug, name in wanted:
        review = project.review(slug)
        for verification in review.verifications:
            if name is None or verification.id == name:
                add(review, verification)
    if not chosen and project.reviews:
        known = {each for review in project.reviews for _, each in project.rungs(review)}
        hint = f"declared are: {', '.join(each for each in SCALES if each in known)}" if known else ""
        raise UserErrors([UserError(f"nothing that was asked for is declared at scale {scale}", hint=hint)])
    return list(chosen.values())
