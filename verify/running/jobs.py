"""A verification at a scale as a job: what is known of it, what is due, what it publishes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from verify.errors import UserError, UserErrors, reason
from verify.judging.looks import at_look
from verify.judging.registered import due
from verify.model import (
    SCALES,
    Code,
    Environment,
    Evidence,
    Experiment,
    Failure,
    Record,
    Review,
    Scale,
    Trial,
    Verification,
)
from verify.planning.plan import Batch, Planned, Waiting, batches, chosen_from, examine, expand, points
from verify.project import store
from verify.project.project import Project
from verify.running import witness
from verify.running.judged import Judged
from verify.running.known import Known

Key = tuple[str, str, Scale]
"""Review, verification and scale."""

State = Literal["fresh", "waiting", "blocked", "planned"]
"""Every trial is fresh, as fingerprints alone show, so that none was looked at; its parameters wait for a choice; the
choice cannot be made; its trials are known, and which of them are still to be tried."""


class Halted(UserError):
    """The run cannot go on, through no fault of an experiment's; what was finished before is kept."""


class Job:
    """One verification at one scale: what is known of it, what it needs, whether that is done."""

    def __init__(
        self, project: Project, review: Review, verification: Verification, scale: Scale, judged: Judged
    ) -> None:
        """`judged` says at which look results stand, and is shared by the jobs of a run."""
        self.judged = judged
        self.project = project
        self.review = review
        self.verification = verification
        self.scale = scale
        self.rung = verification.rungs[scale]
        self.looks = self.rung.seeds
        """As they are registered."""
        self.experiment: Experiment = project.experiment(review, verification)
        self.code: Code = project.code(review, verification)
        self.known = Known(*self.key)
        self.state: State = "fresh"
        self.waits_for = ""
        """The verification that chooses a parameter, in states `waiting` and `blocked`."""
        self.why_waiting = ""
        self.trials: tuple[Trial, ...] = ()
        """As declared, up to the look that is due; none in state `fresh` where fingerprints were known without them."""
        self.seeds = self.rung.seeds[0]
        """As many as that look has."""
        self._to_last_look: tuple[Trial, ...] = ()
        self.untried: dict[str, Planned] = {}
        """By fingerprint, the trials that this run has yet to try."""
        self.failed: dict[str, Failure] = {}
        """Trials that this run tried in vain."""
        self.computed: set[str] = set()
        """Trials whose results are of this run."""
        self.again = False
        """Whether all is run again, whatever is known."""
        self._elsewhere: dict[str, str] = {}
        """Per trial whose result does not count, why."""
        path = project.journal_path(*self.key)
        self.journal = store.Journal(path, Evidence(*self.key), project.relative(path))

    @property
    def name(self) -> str:
        return f"{self.review.slug}:{self.verification.id}"

    @property
    def key(self) -> Key:
        return self.review.slug, self.verification.id, self.scale

    @property
    def needs_torch(self) -> bool:
        return "torch" in self.code.libraries

    @property
    def open(self) -> bool:
        """Whether there is something to run, now or when a choice is made."""
        return self.state == "waiting" or bool(self.untried)

    @property
    def complete(self) -> bool:
        """Whether every trial has a result."""
        return self.state == "fresh" or (self.state == "planned" and not (self.untried or self.failed))

    @property
    def size(self) -> int:
        """How many trials are declared, also while their parameters wait for a choice."""
        if self.trials:
            return len(self.trials)
        declared = self.project.declared(self.review, self.verification, self.scale)
        return sum(1 for _ in points(self.rung)) * self.seeds if declared is None else len(declared)

    @property
    def fresh(self) -> int:
        return 0 if self.waits_for else self.size - len(self.untried) - len(self.failed)

    # What is known and what is due

    def take_as_fresh(self, jobs: dict[Key, Job], *, missing: bool) -> bool:
        """Whether fingerprints alone show every trial to be fresh: what a run with nothing to do has time for.

        No result is read then, and so it cannot be said whether a look before the last was all that was needed.
        `jobs` holds those that choose this one's parameters.
        """
        trials: tuple[Trial, ...] = ()
        known = store.fingerprints(self.project.journal_path(*self.key))
        if missing:
            known |= store.fingerprints(self.project.evidence_path(*self.key))
        declared = self.project.declared(self.review, self.verification, self.scale)
        if declared is None:
            if len(self.rung.seeds) > 1 and len(known) < sum(1 for _ in points(self.rung)) * self.rung.seeds[-1]:
                return False  # the last look has not run, told without looking at any trial
            try:
                trials = self._expand(jobs)
            except Waiting:
                return False
            declared = tuple(each.fingerprint for each in trials)
        if not known.issuperset(declared):
            return False
        self.seeds = self.rung.seeds[-1]
        self._begin("fresh", trials)
        return True

    def _begin(self, state: State, trials: tuple[Trial, ...] = ()) -> None:
        self.state, self.waits_for, self.why_waiting = state, "", ""
        self.trials, self.untried, self.failed = trials, {}, {}

    def _expand(self, jobs: dict[Key, Job]) -> tuple[Trial, ...]:
        """The trials, with parameters chosen by what is known here; raises Waiting."""
        first = self.project.laboratory.first_seed
        return expand(
            self.review.slug, self.verification, self.rung, self.code, lambda name: self._of_chooser(jobs, name), first
        )

    def _of_chooser(self, jobs: dict[Key, Job], verification: str) -> list[Record] | None:
        return jobs[self.review.slug, verification, self.scale].results()

    def load(self, *, missing: bool) -> None:
        """Read what this machine has run and, if `missing`, what is committed."""
        self.known = Known(*self.key)
        self._elsewhere = {}
        if missing and (committed := self.project.evidence(*self.key)):
            self.known.add(committed)
        self.known.add(self.project.journal(*self.key))

    def keep_only(self, device: str | None, torch: str | None) -> bool:
        """Forget results of another device or torch, since trials that are compared share both; whether any were."""

        def wrong(record: Record) -> str | None:
            environment = self.known.environments[record.environment]
            recorded = environment.versions.get("torch")
            if device in (None, environment.device) and torch in (None, recorded):
                return None
            on = f"torch {recorded} on {environment.device}" if recorded else environment.device
            return f"recorded under {on}: trials that are compared share both"

        forgotten = self.known.forget(wrong) if self.needs_torch else {}
        self._elsewhere |= forgotten
        return bool(forgotten)

    def start_over(self) -> None:
        """Forget all results: each trial is run again, and what comes of it now counts."""
        self.again = True
        self._elsewhere |= self.known.forget(lambda _: "run again")

    def plan(self, jobs: dict[Key, Job]) -> None:
        """Find the trials and their states; `jobs` holds those that choose this one's parameters."""
        self._begin("planned")
        try:
            self._to_last_look = self._expand(jobs)
        except Waiting as waiting:
            self.state = "waiting" if self._of_chooser(jobs, waiting.verification) is None else "blocked"
            self.waits_for, self.why_waiting = waiting.verification, waiting.reason
            return
        self._take_look()
        states = examine(self.trials, self.known.evidence(), self.code.definitions)
        self.untried = {each.trial.fingerprint: self._with_reason(each) for each in states if each.state != "fresh"}

    def _take_look(self) -> None:
        """Find which look is due: the first at which every claim is decided, else the first that is not complete."""
        self.seeds = self.rung.seeds[0]
        if len(self.rung.seeds) > 1:
            known = self.known.evidence(self._to_last_look)
            intervals = self.project.intervals(self.review, self.verification, self.scale)
            claims, trials = self.verification.claims, self._to_last_look
            self.seeds = self.judged.stand(claims, self.rung, known, trials, intervals).seeds
        self.trials = at_look(self._to_last_look, self.seeds)

    def go_on(self) -> bool:
        """Once all is tried: go on to the next look where a claim is not decided; whether there is something to run."""
        before = self.seeds
        self._take_look()
        if self.seeds > before:
            results = self.known.records
            due = (trial for trial in self.trials if trial.fingerprint not in results | self.failed)
            why = f"not decided with {before} seeds"
            self.untried = {trial.fingerprint: Planned(trial, "missing", why) for trial in due}
        return bool(self.untried)

    def _with_reason(self, planned: Planned) -> Planned:
        why = self._elsewhere.get(planned.trial.fingerprint)
        return planned if why is None else Planned(planned.trial, "stale", why)

    def results(self) -> list[Record] | None:
        """The records of all trials, in their order; None until there is one of each."""
        return self.fresh_records() if self.state == "planned" and self.complete else None

    def fresh_records(self) -> list[Record]:
        """Those known of trials that are declared now."""
        records = self.known.records
        return [records[each.fingerprint] for each in self.trials if each.fingerprint in records]

    def batches(self) -> list[Batch]:
        """What is yet to be tried, as the experiment takes it."""
        return batches((each.trial for each in self.untried.values()), self.experiment, self.rung)

    # What a run adds

    def require_writable(self) -> None:
        """See that results can be kept, before anything is computed.

        Raises:
            UserError: a file or folder is in the way, or may not be written.
        """
        journal, evidence = self.journal.path, self.project.evidence_path(*self.key)
        for path in (journal, evidence):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if path == journal:
                    path.open("ab").close()  # an empty journal is no journal
                elif not os.access(path.parent, os.W_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path.parent))
            except OSError as error:
                raise unwritable(self.project.root, Path(error.filename or path), error) from None

    def register(self, on: str) -> None:
        """Note what each claim's test is, before trials run whose results it will be held against; `on` is the date."""
        paths = self.journal.path, self.project.evidence_path(*self.key)
        seen = len(set().union(*(store.fingerprints(each, of_any_version=True) for each in paths)))
        self._recall()
        new = due(self.verification.claims, self.looks, self.known.registered, on, seen)
        if new:
            with _written(self.project, self.journal.path):
                self.journal.append(registered=new)
            self.known.register(new)

    def _recall(self) -> None:
        """Know what was registered in the evidence: it counts, whoever ran it."""
        if committed := self.project.evidence(*self.key):
            own, self.known.registered = self.known.registered, committed.registered  # of one day, the evidence's first
            self.known.register(own)

    def keep(self, environment: Environment, records: Sequence[Record]) -> None:
        """Keep results: on disk first, then here."""
        with _written(self.project, self.journal.path):
            self.journal.append(environment, (self.code.hash, self.code.definitions), records)
        codes = {self.code.hash: self.code.definitions}
        self.known.add(Evidence(*self.key, {environment.id: environment}, codes, tuple(records)))
        for record in records:
            self.computed.add(record.fingerprint)
            self.untried.pop(record.fingerprint, None)

    def fail(self, failures: Sequence[Failure]) -> None:
        """Note trials that failed: on disk first, then here."""
        with _written(self.project, self.journal.path):
            self.journal.append(failures=failures)
        self.known.add(Evidence(*self.key, failures=tuple(failures)))
        for failure in failures:
            self.failed[failure.fingerprint] = failure
            self.untried.pop(failure.fingerprint, None)

    # What it publishes

    @property
    def unpublished(self) -> bool:
        """Whether all is fresh here, but the evidence is of other trials: a run was cut short before it was written."""
        declared = self.project.declared(self.review, self.verification, self.scale)
        wanted = {each.fingerprint for each in self.trials} or set(declared or ())
        return self.complete and store.fingerprints(self.project.evidence_path(*self.key)) != wanted

    def publish(self) -> str:
        """Write the evidence file if it would say something new; returns what was done, in a word or two."""
        self._recall()
        ours = self.known.evidence(self.trials)
        committed = self.project.evidence(*self.key)
        outcome = "evidence written"
        known = {record.fingerprint for record in committed.records} if committed else set()
        if self.again and known & self.failed.keys():
            return "not written: a trial failed of which the evidence has a result"
        if committed is not None and not self.computed and witness.compare(ours, committed):
            return "not written: it would replace values that were not run now"
        if committed is not None and store.same_results(committed, ours):
            if ours.registered == committed.registered:
                return "reproduced exactly"
            # The first recording stays.
            outcome, ours = "reproduced exactly", msgspec.structs.replace(committed, registered=ours.registered)
        path = self.project.evidence_path(*self.key)
        with _written(self.project, path):
            store.write_atomically(path, store.encode(ours, self.trials))
        self.project.forget(*self.key)
        return outcome


@contextmanager
def _written(project: Project, path: Path) -> Iterator[None]:
    """Raises: Halted: what is within could not write."""
    try:
        yield
    except UserError as error:
        raise Halted(error.message, error.file, hint=error.hint) from None
    except OSError as error:
        hint = "what was finished before is kept: free space, or mend what is in the way, and run again"
        raise Halted(f"it cannot be written: {reason(error)}", project.relative(path), hint=hint) from None


def unwritable(root: Path, path: Path, error: OSError) -> UserError:
    """The mistake of something that is in the way of results."""
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return UserError(f"it cannot be written: {reason(error)}", name, 0, "`verify run` writes there: make room for it")


def select(
    project: Project, wanted: Iterable[tuple[str, str | None]], scale: Scale, *, robust: bool = True
) -> list[Job]:
    """The jobs of the named reviews or verifications that exist at `scale`, with those their choices come from.

    A verification brings its variants along where `robust`; a variant that is named itself is run in any case.

    Raises:
        UserErrors: a name is unknown, or nothing is declared at `scale`.
    """
    chosen: dict[tuple[str, str], Job] = {}
    judged = Judged(project.root)

    def add(review: Review, verification: Verification) -> None:
        if scale not in verification.rungs or (review.slug, verification.id) in chosen:
            return
        by_name = {each.id: each for each in review.verifications}
        for chooser in chosen_from(verification.rungs[scale]):
            add(review, by_name[chooser])
        chosen[review.slug, verification.id] = Job(project, review, verification, scale, judged)

    for slug, name in wanted:
        review = project.review(slug)
        for verification in review.verifications:
            if name is None or verification.id == name:
                add(review, verification)
        for variant in review.variants:
            asked = variant.varies and name in (None, variant.varies.of)
            if variant.id == name or (robust and asked):
                add(review, variant)
    if not chosen and project.reviews:
        known = {each for review in project.reviews for _, each in project.rungs(review)}
        hint = f"declared are: {', '.join(each for each in SCALES if each in known)}" if known else ""
        raise UserErrors([UserError(f"nothing that was asked for is declared at scale {scale}", hint=hint)])
    return list(chosen.values())
