"""A review and its evidence, gathered for a page: what the templates show, with nothing left to compute there."""

from __future__ import annotations

from msgspec import Struct

from verify.judging import registered
from verify.judging.robust import Varied
from verify.model import (
    Claim,
    Environment,
    Experiment,
    Figure,
    Review,
    Scale,
    Status,
    Verdict,
    Verification,
)


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
