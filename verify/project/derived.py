"""What the records of reviews give: verdicts and drawings, derived again wherever this machine has not done so before.

What is published is never taken for derived because of a hash beside it: whoever changes a file can change that as
well.  It is compared with what its inputs gave on this machine, of which `known` keeps hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from types import TracebackType

import msgspec
from msgspec import Struct

from verify.drawing.failure import CannotDraw
from verify.errors import UserError
from verify.judging.choices import doubts, rests_on
from verify.model import Evidence, Figure, Review, Scale, Verdict, Verification
from verify.planning.fingerprint import digest
from verify.project import reviewfiles
from verify.project.known import DerivedCache, OfReview, Outcome
from verify.project.project import Project
from verify.project.store import Verdicts

_encoder = msgspec.json.Encoder(order="sorted")


class Drawing(Struct, frozen=True):
    """A file to draw, and the hash of all that decides what it looks like."""

    name: str
    verification: Verification
    figure: Figure
    scale: Scale | None
    """None: the paper's own numbers, which no scale of ours has."""
    key: str
    small: bool = False
    """The review's thumbnail, which is nothing to explore."""


class Drawn(Struct, frozen=True):
    """What becomes of a drawing."""

    drawing: Drawing
    same: bool = False
    """What is published is what the records give."""
    svg: bytes = b""
    specification: bytes = b""
    """Where it is not `same`: the files' contents; empty where there should be none."""
    reason: str = ""
    """Why it cannot be drawn."""
    passing: bool = False
    """Another time, or on another machine, it may be drawn."""


class Derived(Struct, frozen=True):
    """What the records of a review give, of the project itself or of another laboratory."""

    project: Project
    review: Review
    verdicts: tuple[Verdict, ...] = ()
    drawings: tuple[Drawn, ...] = ()
    robust: dict[str, tuple[Verdict, ...]] = {}
    """Per variant, the verdicts of its claims."""
    mistakes: tuple[UserError, ...] = ()
    """Why nothing could be derived; then the others are empty."""

    @property
    def undrawn(self) -> dict[str, str]:
        """Per drawing that cannot be made, why; not of what may be made another time."""
        return {each.drawing.name: each.reason for each in self.drawings if each.reason and not each.passing}


class _Plan(Struct):
    """What is to be done for a review."""

    project: Project
    review: Review
    inputs: str = ""
    judge: bool = False
    drawings: list[Drawing] = []
    drawn: dict[str, Drawn] = {}
    drawing: dict[str, Future[Drawn]] = {}
    mistakes: list[UserError] = []


class Derivation:
    """Verdicts and drawings of some reviews of a project, and verdicts of the laboratories that ran them too.

    From its beginning, drawings are made in the background.

    It is a context: leaving it ends what is still being drawn, and keeps what was derived for the next time.
    """

    def __init__(self, project: Project, reviews: Iterable[Review]) -> None:
        self._project = project
        self._known = DerivedCache(project.root)
        self._hashes: dict[Path, str] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._plans = [
            self._plan(each, review) for review in reviews for each in (project, *project.laboratories(review.slug))
        ]
        self._begin()

    def __enter__(self) -> Derivation:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        self._known.save(reviewfiles.slugs(self._project.root))

    def results(self) -> Iterator[Derived]:
        """What the records give, in the order of the reviews; of each, first the project's own."""
        for plan in self._plans:
            yield self._finish(plan)

    # What is to be done

    def _plan(self, project: Project, review: Review) -> _Plan:
        """Compare what is published with what is known to come out; only where that is not enough, read records."""
        plan = _Plan(project, review, inputs=self._inputs(project, review))
        known, published = self._known.of(project.place(review.slug)), project.stored(review.slug)
        plan.judge = (known.inputs, known.verdicts) != (plan.inputs, _hash_of(published))
        plan.drawings = [] if project.laboratory.name else list(self._drawings(review))
        for each in plan.drawings:
            outcome = known.drawings.get(each.name)
            if outcome is not None and outcome.key == each.key and self._holds(review, each, outcome):
                plan.drawn[each.name] = Drawn(each, same=True, reason=outcome.reason)
        anew = plan.judge or len(plan.drawn) < len(plan.drawings)
        plan.mistakes = project.evidence_mistakes(review.slug) if anew else list(project.link_mistakes(review.slug))
        return plan

    def _inputs(self, project: Project, review: Review) -> str:
        """A hash of all that decides a review's verdicts: claims, grids, seeds, evidence, and the code that judges."""
        parts = [self._known.program, str(project.laboratory.first_seed)]
        for verification, scale in project.rungs(review):
            parts.append(str(project.intervals(review, verification, scale)))
            claims = [msgspec.structs.replace(claim, line=0) for claim in verification.claims]
            parts.append(_encoder.encode([verification.id, verification.rungs[scale], claims]).decode())
            parts.append(self._hash(project.evidence_path(review.slug, verification.id, scale)))
        return digest("\n".join(parts))

    def _drawings(self, review: Review) -> Iterator[Drawing]:
        """A drawing for every figure with evidence, and a thumbnail of the first with claims beside it, not of bars."""
        labels = [(verification.rungs, verification.terms) for verification in review.verifications]
        common = self._known.program + review.slug + digest(_encoder.encode(labels).decode())
        found = []
        for verification, figure, scale in self._project.figures(review):
            content = self._hash(self._project.evidence_path(review.slug, verification.id, scale))
            if content:
                key = digest(common + _declared(figure) + content)
                found.append(Drawing(f"{figure.id}.{scale}", verification, figure, scale, key))
        yield from found
        for verification in review.verifications:
            for figure in verification.figures:
                if figure.paper is not None:
                    yield Drawing(f"{figure.id}.paper", verification, figure, None, digest(common + _declared(figure)))
        telling = sorted(found, key=lambda each: (not each.verification.claims, each.figure.mark == "bar"))
        for first in telling[:1]:
            yield msgspec.structs.replace(first, name="thumbnail", small=True)

    def _holds(self, review: Review, drawing: Drawing, outcome: Outcome) -> bool:
        """Whether the published files are those that came out here."""
        contents = [self._hash(path) for path in paths(self._project, review, drawing)]
        return contents == [outcome.svg, outcome.specification]

    def _hash(self, path: Path) -> str:
        """A file's hash; empty where there is none."""
        if path not in self._hashes:
            try:
                self._hashes[path] = sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            except OSError:  # what cannot be read is not what was written; of evidence, reading it says why
                self._hashes[path] = "unreadable"
        return self._hashes[path]

    # Doing it

    def _begin(self) -> None:
        """Have drawings made while others are, and while whoever asked does something else."""
        waiting = [(plan, each) for plan in self._plans for each in plan.drawings if not plan.mistakes]
        waiting = [(plan, each) for plan, each in waiting if each.name not in plan.drawn]
        if not waiting:
            return
        from verify.drawing import pool
        from verify.drawing.svg import VEGA_LITE

        size = pool.size(len(waiting))
        pool.start(size, VEGA_LITE)
        self._threads = ThreadPoolExecutor(size + 1)  # one more: while others wait for their process, it writes down
        for plan, each in waiting:
            evidence = None
            if each.scale is not None:
                evidence = self._project.evidence(plan.review.slug, each.verification.id, each.scale)
            plan.drawing[each.name] = self._threads.submit(_draw, plan.review, each, evidence)

    def _finish(self, plan: _Plan) -> Derived:
        if plan.mistakes:
            return Derived(plan.project, plan.review, mistakes=tuple(plan.mistakes))
        place = plan.project.place(plan.review.slug)
        known = self._known.of(place)
        judged = plan.project.stored(plan.review.slug)  # what was derived here before is published
        if plan.judge:
            judged = Verdicts(tuple(_judge(plan.project, plan.review)), robust=_vary(plan.project, plan.review))
        drawn = [plan.drawn.get(each.name) or plan.drawing[each.name].result() for each in plan.drawings]
        outcomes = {
            each.drawing.name: known.drawings[each.drawing.name] if each.same else _outcome(each)
            for each in drawn
            if not each.passing
        }
        self._known.keep(place, OfReview(plan.inputs, _hash_of(judged), outcomes))
        return Derived(plan.project, plan.review, judged.verdicts, tuple(drawn), judged.robust)


def paths(project: Project, review: Review, drawing: Drawing) -> tuple[Path, Path]:
    """Where the two files of a drawing belong; a thumbnail has the first alone."""
    return project.drawing_path(review.slug, drawing.name), project.specification_path(review.slug, drawing.name)


def _judge(project: Project, review: Review) -> Iterator[Verdict]:
    for verification, scale in project.rungs(review):
        if verification.varies:
            continue
        trials = project.to_last_look(review, verification, scale)
        doubtful = list(doubts(verification.rungs[scale], trials, project.lookup(review, scale)))
        outcome = project.stand(review, verification, scale)
        for claim, verdict in zip(verification.claims, outcome.verdicts, strict=True):
            yield msgspec.structs.replace(verdict, rests_on=rests_on(claim, doubtful))


def _vary(project: Project, review: Review) -> dict[str, tuple[Verdict, ...]]:
    """The verdicts of each variant."""
    found: dict[str, tuple[Verdict, ...]] = {}
    for verification, scale in project.rungs(review):
        if verification.varies:
            outcome = project.stand(review, verification, scale)
            found[verification.id] = found.get(verification.id, ()) + outcome.verdicts
    return found


def _draw(review: Review, drawing: Drawing, evidence: Evidence | None) -> Drawn:
    """The files of a drawing, in a thread of its own."""
    from verify.drawing import figures

    prefix = f"{review.slug}-{drawing.name.replace('.', '-')}"
    try:
        if drawing.scale is None:
            made = figures.make_reported(drawing.figure, drawing.verification.terms, prefix)
        else:
            assert evidence is not None, "only figures with evidence are drawn"
            labels = figures.labels(review)
            made = figures.make(drawing.figure, evidence, drawing.verification, labels, prefix, small=drawing.small)
    except CannotDraw as error:
        return Drawn(drawing, reason=error.reason, passing=error.passing)
    return Drawn(drawing, svg=made.svg, specification=made.specification)


def _outcome(drawn: Drawn) -> Outcome:
    svg, specification = (sha256(each).hexdigest() if each else "" for each in (drawn.svg, drawn.specification))
    return Outcome(drawn.drawing.key, svg, specification, drawn.reason)


def _declared(figure: Figure) -> str:
    """A figure as it is declared, wherever it stands."""
    return _encoder.encode(msgspec.structs.replace(figure, line=0)).decode()


def _hash_of(judged: Verdicts) -> str:
    return sha256(_encoder.encode([judged.verdicts, judged.robust])).hexdigest()
