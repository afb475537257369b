"""A project as it stands: where its parts are, its reviews and what is declared in them, the evidence beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from verify.errors import UserError, UserErrors, nearest
from verify.judging.looks import Outcome, at_look, intervals, stand
from verify.model import (
    SCALES,
    Code,
    Evidence,
    Experiment,
    Figure,
    Laboratory,
    Record,
    Review,
    Scale,
    Trial,
    Verdict,
    Verification,
)
from verify.planning.plan import Lookup, Waiting, expand
from verify.project import laboratories, loading, own, reviewfiles, store
from verify.project.lines import OlderFormat, Place
from verify.project.loading import Parsed
from verify.system import GitSilent, git

OWN = Laboratory("")
"""The project itself."""


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upwards that has `mkdocs.yml` and `reviews/`.

    Raises:
        UserErrors: there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / "mkdocs.yml").is_file() and (folder / "reviews").is_dir():
            return folder
    raise UserErrors(
        [
            UserError(
                "this folder is in no project", hint="go to one that holds mkdocs.yml and reviews/, or use --project"
            )
        ]
    )


class Project:
    """A project loaded once; nothing here runs or changes anything but the cache of parsed reviews.

    Evidence, verdicts and journals are those of one `laboratory`, as a rule the project itself: of another one they lie
    elsewhere, and its seeds are others.
    """

    def __init__(self, root: Path, parsed: Sequence[Parsed], laboratory: Laboratory = OWN) -> None:
        self.root = root
        self.laboratory = laboratory
        self.own = self
        """The same with the project's own evidence."""
        self.reviews = _in_order([each.review for each in parsed])
        self._parsed = {each.review.slug: each for each in parsed}
        self._evidence: dict[Path, Evidence | None] = {}
        self._older: dict[Path, UserError] = {}
        """Evidence that an earlier version of this program wrote, which counts as none: what is said of it."""
        self._trials: dict[Place, tuple[Trial, ...]] = {}
        self._stands: dict[Place, Outcome] = {}
        self._intervals: dict[tuple[str, Scale], int] = {}

    @classmethod
    def load(cls, root: Path) -> Project:
        """Read every review under `reviews/`.

        Raises:
            UserErrors: all mistakes of all reviews; or its `.verify/` is not this machine's own.
        """
        project, errors = cls.inspect(root)
        if errors:
            raise UserErrors(errors)
        return project

    @classmethod
    def inspect(cls, root: Path) -> tuple[Project, list[UserError]]:
        """The project of those reviews that can be read, and the mistakes in the others.

        Raises:
            UserErrors: its `.verify/` is not this machine's own.
        """
        own.expect(root)
        parsed, errors = loading.load(root)
        return cls(root, parsed), errors

    # Laboratories

    def of(self, laboratory: Laboratory) -> Project:
        """The same project with the evidence of another laboratory."""
        other = Project(self.root, tuple(self._parsed.values()), laboratory)
        other.own = self.own
        return other

    def laboratories(self, slug: str) -> tuple[Project, ...]:
        """The project as each laboratory has it that lies beside the evidence of a review; broken ones are left out."""
        return self._laboratories[0].get(slug, ())

    @property
    def laboratory_mistakes(self) -> list[UserError]:
        """What is wrong with what lies where laboratories belong."""
        return self._laboratories[1]

    @cached_property
    def _laboratories(self) -> tuple[dict[str, tuple[Project, ...]], list[UserError]]:
        found, mistakes = laboratories.read(self.root, sorted(reviewfiles.slugs(self.root)))
        projects = {each: self.of(each) for group in found.values() for each in group}
        return {slug: tuple(projects[each] for each in group) for slug, group in found.items()}, mistakes

    @property
    def known_laboratories(self) -> list[Laboratory]:
        """All of them, each once."""
        found = {each.laboratory.name: each.laboratory for group in self._laboratories[0].values() for each in group}
        return list(found.values())

    # Where things are

    def place(self, slug: str) -> str:
        """What is said of a review is said of it in this laboratory: its folder among evidence, journals and logs."""
        return f"{slug}/{laboratories.FOLDER}/{self.laboratory.name}" if self.laboratory.name else slug

    def evidence_path(self, slug: str, verification: str, scale: Scale) -> Path:
        return self.root / "docs" / "evidence" / self.place(slug) / f"{verification}.{scale}.jsonl"

    def journal_path(self, slug: str, verification: str, scale: Scale) -> Path:
        return self.root / ".verify" / "journal" / self.place(slug) / f"{verification}.{scale}.jsonl"

    def verdicts_path(self, slug: str) -> Path:
        return self.root / "docs" / "evidence" / self.place(slug) / "verdicts.json"

    def drawing_path(self, slug: str, name: str) -> Path:
        """Of a figure, `<figure>.<scale>`, or of the review's `thumbnail`."""
        return self.root / "docs" / "evidence" / slug / f"{name}.svg"

    def specification_path(self, slug: str, name: str) -> Path:
        """Of the same figure to explore: beside its drawing."""
        return self.drawing_path(slug, name).with_suffix(".vl.json")

    def svg_path(self, slug: str, figure: str, scale: Scale) -> Path:
        return self.drawing_path(slug, f"{figure}.{scale}")

    def relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    # What is declared

    def review(self, slug: str) -> Review:
        """Raises: UserErrors: there is no such review."""
        if slug not in self._parsed:
            raise UserErrors([UserError(f"there is no review '{slug}'", hint=nearest(slug, self._parsed))])
        return self._parsed[slug].review

    def experiment(self, review: Review, verification: Verification) -> Experiment:
        return self._parsed[review.slug].experiments[verification.experiment]

    def code(self, review: Review, verification: Verification) -> Code:
        """The code the verification's experiment reaches."""
        return self._parsed[review.slug].code[verification.experiment]

    def modules(self, review: Review) -> tuple[str, ...]:
        """The modules of the project's own folders that the review's code imports."""
        return tuple(name for name, found in self._parsed[review.slug].modules.items() if found)

    def trials(self, review: Review, verification: Verification, scale: Scale) -> tuple[Trial, ...]:
        """The trials that are due by the evidence: all that are declared, up to the look at which it stands."""
        rung, declared = verification.rungs[scale], self.to_last_look(review, verification, scale)
        return declared if len(rung.seeds) == 1 else at_look(declared, self.stand(review, verification, scale).seeds)

    def stand(self, review: Review, verification: Verification, scale: Scale) -> Outcome:
        """At which look the evidence stands, and its verdicts."""
        key = (review.slug, verification.id, scale)
        if key not in self._stands:
            evidence = self.evidence(*key) or Evidence(*key)
            trials = self.to_last_look(review, verification, scale)
            declared = self.intervals(review, verification, scale)
            self._stands[key] = stand(verification.claims, verification.rungs[scale], evidence, trials, declared)
        return self._stands[key]

    def intervals(self, review: Review, verification: Verification, scale: Scale) -> int:
        """How many intervals hold at once with those of a verification at a scale.

        They are those of the review at `scale` and at all scales that have evidence; a variant's stand alone.  The
        project's own evidence counts in another laboratory too: equal values give equal verdicts.
        """
        if verification.varies:
            return 1
        key = review.slug, scale
        if key not in self._intervals:
            published = {
                at
                for each, at in self.rungs(review)
                for of in (self, self.own)
                if not each.varies and of.evidence_path(review.slug, each.id, at).exists()
            }
            self._intervals[key] = intervals(review, published | {scale})
        return self._intervals[key]

    def to_last_look(self, review: Review, verification: Verification, scale: Scale) -> tuple[Trial, ...]:
        """The trials declared now; none while a parameter waits for a choice that has no evidence."""
        key = (review.slug, verification.id, scale)
        if key not in self._trials:
            self._trials[key] = self._expand(review, verification, scale)
        return self._trials[key]

    def _expand(self, review: Review, verification: Verification, scale: Scale) -> tuple[Trial, ...]:
        code = self.code(review, verification)
        try:
            rung, lookup = verification.rungs[scale], self.lookup(review, scale)
            return expand(review.slug, verification, rung, code, lookup, self.laboratory.first_seed)
        except Waiting:
            return ()

    def lookup(self, review: Review, scale: Scale) -> Lookup:
        """What verifications choose by: the evidence of others at the same scale."""

        def records(chooser: str) -> Sequence[Record] | None:
            evidence = self.evidence(review.slug, chooser, scale)
            return evidence.records if evidence else None

        return records

    def due(self, review: Review, verification: Verification, scale: Scale) -> int:
        """How many `trials` there are, without looking at any where nothing is chosen and there is one look."""
        one = len(verification.rungs[scale].seeds) == 1
        return len((self.fingerprints if one else self.trials)(review, verification, scale))

    def fingerprints(self, review: Review, verification: Verification, scale: Scale) -> tuple[str, ...]:
        """Those of all trials to the last look, without looking at any where nothing is chosen."""
        declared = self.declared(review, verification, scale)
        if declared is None:
            declared = tuple(trial.fingerprint for trial in self.to_last_look(review, verification, scale))
        return declared

    def declared(self, review: Review, verification: Verification, scale: Scale) -> tuple[str, ...] | None:
        """The fingerprints of the trials declared now, to the last look.

        None where they depend on a choice, or seeds are another laboratory's: then the trials must be looked at.
        """
        if self.laboratory.first_seed:
            return None
        return self._parsed[review.slug].fingerprints.get(f"{verification.id}.{scale}")

    def rungs(self, review: Review) -> Iterator[tuple[Verification, Scale]]:
        """Every verification, and every variant, at every scale it declares, in the order of file and ladder."""
        for verification in (*review.verifications, *review.variants):
            for scale in SCALES:
                if scale in verification.rungs:
                    yield verification, scale

    # What is stored

    def evidence(self, slug: str, verification: str, scale: Scale) -> Evidence | None:
        """The committed evidence; None where there is none, or in an older format.

        Raises:
            UserErrors: the file cannot be read, or is not what it should be.
        """
        path = self.evidence_path(slug, verification, scale)
        if path not in self._evidence:
            self._evidence[path] = self._read(path, (slug, verification, scale))
        return self._evidence[path]

    def evidence_mistakes(self, slug: str) -> list[UserError]:
        """Why the evidence of a review says nothing: it lies behind a link, cannot be read, or is of an older format.

        What is of an older format counts as none until it is run anew.
        """
        found = list(self.link_mistakes(slug))
        for verification, scale in self.rungs(self.review(slug)):
            try:
                self.evidence(slug, verification.id, scale)
            except UserErrors as wrong:
                found += wrong.errors
            if older := self._older.get(self.evidence_path(slug, verification.id, scale)):
                found.append(older)
        return found

    def forget(self, slug: str, verification: str, scale: Scale) -> None:
        """Read the evidence anew the next time: it was just written, and trials may have been chosen by it."""
        path = self.evidence_path(slug, verification, scale)
        self._trials.clear()
        self._stands.clear()
        self._intervals.clear()
        self._older.pop(path, None)
        self._evidence.pop(path, None)

    def journal(self, slug: str, verification: str, scale: Scale) -> Evidence:
        """What this machine has run; empty where it has run nothing, or an older version of this program did.

        Raises:
            UserErrors: the file cannot be read, or is not what it should be.
        """
        of = (slug, verification, scale)
        return self._read(self.journal_path(*of), of) or Evidence(*of)

    def _read(self, path: Path, of: Place) -> Evidence | None:
        try:
            return store.read(path, self.relative(path), of)
        except OlderFormat as error:
            self._older[path] = error
            return None
        except UserError as error:
            raise UserErrors([error]) from None

    def stale(self, review: Review, verification: Verification, scale: Scale) -> int:
        """How many records of the evidence are not of a trial as it is declared now."""
        evidence = self.evidence(review.slug, verification.id, scale)
        if evidence is None:
            return 0
        declared = set(self.fingerprints(review, verification, scale))
        return sum(record.fingerprint not in declared for record in evidence.records)

    def troubles(self, slug: str, scales: Iterable[Scale] = SCALES) -> list[UserError]:
        """Why evidence or journals of a review cannot be read, or nothing may be written beside them."""
        review = self.review(slug)
        found = list(self.link_mistakes(slug))
        for verification, scale in self.rungs(review):
            if scale in scales:
                for read in (self.evidence, self.journal):
                    try:
                        read(slug, verification.id, scale)
                    except UserErrors as wrong:
                        found += wrong.errors
        return found

    def link_mistakes(self, slug: str) -> Iterator[UserError]:
        """The mistake of an evidence folder that is a link, or lies behind one: nothing is written there."""
        folder = self.verdicts_path(slug).parent
        for part in (folder, *folder.parents):
            if part == self.root:
                return
            if part.is_symlink():
                hint = "put a folder in its place: evidence is written, and removed, in the project only"
                yield UserError("this folder is a link, through which nothing is written", self.relative(part), 0, hint)

    def stored(self, slug: str) -> store.Verdicts:
        return store.read_verdicts(self.verdicts_path(slug))

    def verdicts(self, slug: str) -> dict[Scale, dict[str, Verdict]]:
        """Per scale and claim the verdict of the last refresh."""
        found: dict[Scale, dict[str, Verdict]] = {}
        for verdict in self.stored(slug).verdicts:
            found.setdefault(verdict.scale, {})[verdict.claim] = verdict
        return found

    @cached_property
    def commit(self) -> str:
        """The commit the project is at, with `+` where reviews or code differ from it; empty outside git."""
        try:
            head = git(self.root, "rev-parse", "HEAD")
            # Evidence does not count: it is what the run is about to write.
            others = (":(exclude)docs/evidence", ":(exclude)docs/notebooks")
            changed = git(self.root, "status", "--porcelain", "--", ".", *others)
        except GitSilent:
            return ""
        return head.decode().strip()[:12] + ("+" if changed else "")

    def figures(self, review: Review) -> Iterator[tuple[Verification, Figure, Scale]]:
        """Every figure at every scale its verification declares."""
        for verification, scale in self.rungs(review):
            for figure in verification.figures:
                yield verification, figure, scale


def _in_order(reviews: Sequence[Review]) -> tuple[Review, ...]:
    """By section, the one with the smallest `order` first, and within it by `order`, then by title."""
    first: dict[str, int] = {}
    for review in reviews:
        first[review.section] = min(review.order, first.get(review.section, review.order))
    return tuple(sorted(reviews, key=lambda each: (first[each.section], each.section, each.order, each.paper.title)))
