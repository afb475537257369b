"""What a review declares."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from verify.model.words import Scalar, Scale, Where


class Choice(Struct, frozen=True):
    """A parameter's value that another verification of the review chooses at the same scale.

    The value chosen is the one with the best mean of `metric` over seeds among the trials of `verification`
    that agree with the choosing trial on every parameter in `per`.
    """

    verification: str
    metric: str
    goal: Literal["minimise", "maximise"]
    per: tuple[str, ...] = ()
    times: float = 1
    """What the chosen value is multiplied by, in a variant."""


class Rung(Struct, frozen=True):
    """What one scale of a verification runs: every point of every grid in `grids`, with as many seeds as a look has."""

    scale: Scale
    grids: tuple[dict[str, tuple[Scalar, ...]], ...]
    parameters: dict[str, Scalar | Choice]
    seeds: tuple[int, ...]
    """The looks, ascending: numbers of seeds at which the run may stop.  Of one look, it is the number that runs."""
    time_limit: float | None = None
    """Seconds one trial may take; None: what the experiment declares."""


class Reported(Struct, frozen=True):
    """Numbers of the paper's that are drawn in a panel of their own beside a figure."""

    source: str
    """Where they stand in the paper, and what of."""
    series: dict[str, tuple[tuple[Scalar, float], ...]]
    """Per curve, its points (x, y)."""
    x_title: str | None = None
    """None, here and below: the figure's own."""
    y_title: str | None = None
    x_scale: Literal["linear", "log"] | None = None
    y_format: str | None = None


class Figure(Struct, frozen=True):
    """A chart of a verification's records, in the short form or (`spec`) as full Vega-Lite over data `records`."""

    id: str
    caption: str
    line: int
    mark: Literal["line", "point", "bar"] = "line"
    x: str = ""
    y: str = ""
    color: str | None = None
    facet: str | None = None
    where: Where = {}
    x_scale: Literal["linear", "log"] = "linear"
    y_scale: Literal["linear", "log"] = "linear"
    x_title: str | None = None
    y_title: str | None = None
    y_format: str | None = None
    """A d3 number format for the y axis, such as `.0%`."""
    fits: tuple[str, ...] = ()
    """Forms of `FORMS` to fit to the means over seeds and draw through them."""
    spec: dict[str, Any] | None = None
    paper: Reported | None = None


class Criterion(Struct, frozen=True, omit_defaults=True):
    """What the statistic must meet: at least `low`, at most `high`, or both (within)."""

    low: float | None = None
    high: float | None = None
    every: bool = False
    """Each single trial must meet it, instead of the interval of the mean over seeds."""
    rate: float | None = None
    """With `every`: at least this rate of seeds must have trials that all meet it; None: it is an exact statement."""


class Test(Struct, frozen=True, omit_defaults=True):
    """A statistic, one number per seed (`sd` alone: one number over seeds), and its criterion."""

    metric: str
    criterion: Criterion
    statistic: str = "mean"
    where: Where = {}
    arms: tuple[Where, ...] = ()
    """Two arms: first minus second, or first over second."""
    along: str | None = None
    """The parameter a slope is taken over, or a form is fitted over."""
    log: bool = False
    """Slope over log10 of `along`: the change per decade."""
    between: tuple[Where, ...] = ()
    """For `interaction` as a difference of differences: arms' difference at the first minus at the second."""
    spans: tuple[tuple[float, float], ...] = ()
    """For `interaction` in place of arms: the slope over the first span of `along` minus that over the second."""
    form: str | None = None
    rivals: tuple[str, ...] = ()
    """For `holdout_error`: the best of these at the held-out points is subtracted from `form`'s error."""
    held_out: int = 1
    """For `holdout_error`: how many of the largest values of `along` are held out."""
    heavy_tails: bool = False
    """The interval is one that holds for numbers far from normal, at the price of being wider for normal ones."""
    fails: dict[str, Criterion] = {}
    """Per metric the range in which a trial counts as failed, as the verification declares it."""
    event: Criterion | None = None
    """For `rate`: the range of the metric that is counted; None: failures are."""

    @property
    def exact(self) -> bool:
        """Whether it is a statement about each trial, which no interval decides."""
        return self.criterion.every and self.criterion.rate is None

    @property
    def has_t_interval(self) -> bool:
        """Whether its interval is Student's, of a mean of one number per seed."""
        return self.statistic not in ("sd", "rate") and not self.heavy_tails and not self.criterion.every


class Metric(Struct, frozen=True):
    """A metric for readers."""

    label: str = ""
    unit: str = ""
    """`%`: the number is a fraction, and is shown times 100; any other text stands behind the number."""


class Named(Struct, frozen=True):
    """A parameter for readers."""

    label: str = ""
    values: dict[str, str] = {}
    """Names of its values, by how YAML writes them."""


class Terms(Struct, frozen=True):
    """Words for readers, as a verification or the front matter declares them; `verify.terms` reads them."""

    metrics: dict[str, Metric] = {}
    names: dict[str, Named] = {}
    """Per parameter."""


class Claim(Struct, frozen=True):
    id: str
    says: str
    source: str
    test: Test
    line: int
    reported: dict[str, Scalar] = {}
    control: Where | None = None
    """For a single-arm test: trials that must not pass the same test (its `where` updated by this one)."""
    headline: bool = False
    """One of the few that carry the review's answer."""
    asks: str = ""
    """Our question in a reader's words; empty: the test itself is shown."""


class Variation(Struct, frozen=True):
    """What a variant has otherwise than the verification `of`: `parameter` is `times` what it is there, everywhere."""

    of: str
    parameter: str
    times: float


class Verification(Struct, frozen=True):
    """One `verify` fence; `line` and `end_line` are its first and last line in the review (1-based, with fence)."""

    id: str
    experiment: str
    rungs: dict[Scale, Rung]
    figures: tuple[Figure, ...]
    claims: tuple[Claim, ...]
    line: int
    end_line: int
    title: str | None = None
    varies: Variation | None = None
    """Of a variant: another verification of the same claims, by which it is told whether their verdicts survive."""
    terms: Terms = Terms()
    identity: bool = False
    """Its claims are exact and the same at every scale: it runs once, at the one scale that it declares."""


class Untestable(Struct, frozen=True):
    """A claim of the paper's that cannot be tested small, with the reason."""

    says: str
    why: str
    source: str = ""


class Paper(Struct, frozen=True):
    title: str
    authors: tuple[str, ...]
    venue: str
    year: int
    arxiv: str | None = None
    links: dict[str, str] = {}


class CodeFence(Struct, frozen=True):
    """A `python verify` fence: its first and last line in the review (1-based, with the fence lines)."""

    line: int
    end_line: int


class Review(Struct, frozen=True):
    slug: str
    """The file's name without `.md`: its address and the name of its evidence folder."""
    path: str
    """Relative to the project's root, with forward slashes."""
    paper: Paper
    section: str
    order: int
    tags: tuple[str, ...]
    summary: str
    reviewed: str | None
    not_testable: tuple[Untestable, ...]
    verifications: tuple[Verification, ...]
    code_fences: tuple[CodeFence, ...]
    code: str
    """All `python verify` fences as one module: every line stands where it stands in the review, others are blank."""
    text: str
    """The whole file."""
    body_line: int
    """The line (1-based) where the prose begins, after the front matter."""
    files: tuple[str, ...] = ()
    """What is published besides, relative to the review's file: data to download, say."""
    data: tuple[str, ...] = ()
    """Files that its experiments read, relative to the review's folder, as declared."""
    packages: tuple[str, ...] = ()
    """What has to be installed besides, as declared: PEP 508 requirements."""
    variants: tuple[Verification, ...] = ()
    """What `robust` of a verification declares: they repeat it, and their claims are none of the review's own."""

    def variants_of(self, verification: Verification) -> tuple[Verification, ...]:
        return tuple(each for each in self.variants if each.varies and each.varies.of == verification.id)

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(claim for verification in self.verifications for claim in verification.claims)


class Laboratory(Struct, frozen=True):
    """Who ran a review's trials once more, with seeds of its own."""

    name: str
    """An id; empty: the project itself, whose seeds begin at 0."""
    first_seed: int = 0
    about: str = ""
    """One line, if its owner wrote one."""
