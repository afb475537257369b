"""The verdicts that this machine reached itself: judged from its journal, not read from a file of verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from verify.judging import robust
from verify.judging.looks import at_look
from verify.judging.robust import Varied
from verify.model import Evidence, Record, Review, Scale, Trial, Verdict, Verification
from verify.planning.plan import Planned, Waiting, examine, expand
from verify.project import store
from verify.project.project import Project
from verify.running.judged import Judged
from verify.terms import PLAIN, Quantity, of_estimate

Word = Literal["agrees", "differs", "not published", "not run here", "stale here"]
Published = dict[tuple[str, Scale, str], Verdict]
"""Per review, scale and claim."""


class Reached(Struct, frozen=True):
    """A claim at a scale: what this machine can say of its published verdict."""

    review: str
    claim: str
    scale: Scale
    word: Word
    """The first three: every trial that is declared now was run here under the code as it is now."""
    here: Verdict | None = None
    """None where nothing was reached."""
    published: Verdict | None = None
    why: str = ""
    """Of what is stale, or was run in part: why it does not count."""
    varied: tuple[Varied, ...] = ()
    """What became of it here in the variants of its verification, where these were run."""
    shown: Quantity = PLAIN
    """In which unit its estimate is."""


class _State(Struct, frozen=True):
    """A verification at a scale as this machine has run it."""

    journal: Evidence
    planned: tuple[Planned, ...] = ()
    word: Literal["reached", "not run here", "stale here"] = "not run here"
    why: str = ""
    verdicts: tuple[Verdict, ...] = ()
    """Of its claims, where it is `reached`."""


def reached(project: Project, review: Review, published: Published, judged: Judged) -> Iterator[Reached]:
    """Each claim at each scale of its verification, in the order of the file and of the ladder.

    Raises:
        UserErrors: a journal cannot be read.
    """
    states = _States(project, review, judged)
    for verification, scale in project.rungs(review):
        if verification.varies:
            continue
        state = states.of(verification, scale)
        before = {claim.id: published.get((review.slug, scale, claim.id)) for claim in verification.claims}
        shown = {claim.id: of_estimate(claim.test, verification.terms) for claim in verification.claims}
        before = {name: verdict for name, verdict in before.items() if verdict and verdict.status != "not run"}
        if state.word != "reached":
            for claim in verification.claims:
                yield Reached(review.slug, claim.id, scale, state.word, None, before.get(claim.id), state.why)
            continue
        unrun = tuple(Verdict(claim.id, scale, "not run", "") for claim in verification.claims)
        variants = {each.id: states.of(each, scale) for each in review.variants_of(verification)}
        varied = {name: of.verdicts if of.word == "reached" else unrun for name, of in variants.items()}
        for here in state.verdicts:
            then = before.get(here.claim)
            survives = robust.of_claim(review, verification, here.claim, scale, varied)
            unit = shown[here.claim]
            yield Reached(review.slug, here.claim, scale, _held(here, then), here, then, varied=survives, shown=unit)


def _held(here: Verdict, before: Verdict | None) -> Word:
    if before is None:
        return "not published"
    return "agrees" if here.status == before.status else "differs"


class _States:
    """Those of a review, each looked at once; parameters are chosen by what was run here, never by the evidence."""

    def __init__(self, project: Project, review: Review, judged: Judged) -> None:
        self._project = project
        self._review = review
        self._judged = judged
        self._by_id = {each.id: each for each in review.verifications}
        self._found: dict[tuple[str, Scale], _State] = {}

    def of(self, verification: Verification, scale: Scale) -> _State:
        key = verification.id, scale
        if key not in self._found:
            self._found[key] = self._look(verification, scale)
        return self._found[key]

    def _look(self, verification: Verification, scale: Scale) -> _State:
        journal = self._project.journal(self._review.slug, verification.id, scale)
        if not journal.records and not journal.failures:
            return _State(journal)
        code = self._project.code(self._review, verification)
        rung = verification.rungs[scale]
        try:
            first = self._project.laboratory.first_seed
            trials = expand(self._review.slug, verification, rung, code, lambda name: self._records(name, scale), first)
        except Waiting as waiting:
            return _State(journal, (), "stale here", waiting.reason)
        own = _only(journal, trials)
        outcome = self._judged.stand(
            verification.claims, rung, own, trials, self._project.intervals(self._review, verification, scale)
        )
        planned = tuple(examine(at_look(trials, outcome.seeds), journal, code.definitions))
        word = self._word(journal, planned)
        return _State(own, planned, word, "" if word == "reached" else _why(planned), outcome.verdicts)

    def _records(self, name: str, scale: Scale) -> Sequence[Record] | None:
        """Records of the verification that chooses a parameter; None until all its trials were run here."""
        state = self.of(self._by_id[name], scale)
        records = {record.fingerprint: record for record in state.journal.records}
        if state.word != "reached" or any(each.state != "fresh" for each in state.planned):
            return None
        return [records[each.trial.fingerprint] for each in state.planned]

    def _word(self, journal: Evidence, planned: Sequence[Planned]) -> Literal["reached", "not run here", "stale here"]:
        """What is not complete is stale where it once was, under what was declared then; else a run was cut short."""
        states = {each.state for each in planned}
        if not states & {"stale", "missing"}:
            return "reached"
        ran = {record.fingerprint for record in journal.records} | {each.fingerprint for each in journal.failures}
        evidence = store.fingerprints(self._project.evidence_path(journal.review, journal.verification, journal.scale))
        was_complete = bool(evidence) and evidence <= ran
        return "stale here" if "stale" in states or "fresh" not in states or was_complete else "not run here"


def _only(journal: Evidence, trials: Sequence[Trial]) -> Evidence:
    """What a journal holds of `trials`: judging counts a record of older code for a trial of equal parameters."""
    declared = {trial.fingerprint for trial in trials}
    records = tuple(each for each in journal.records if each.fingerprint in declared)
    failures = tuple(each for each in journal.failures if each.fingerprint in declared)
    return replace(journal, records=records, failures=failures)


def _why(planned: Sequence[Planned]) -> str:
    """The commonest reason, and how many trials were run."""
    left = [each for each in planned if each.state in ("stale", "missing")]
    reason, _ = Counter(each.why for each in left).most_common(1)[0]
    return f"{len(planned) - len(left)} of {len(planned)} trials; {reason}"
