"""What runs: experiments and trials; and what comes of it: records, evidence, verdicts."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from verify.model.declared import Test
from verify.model.words import Scalar, Scale, Status, Value, Where


class Experiment(Struct, frozen=True):
    """What the source says of an experiment, read without importing it."""

    name: str
    module: str
    """Dotted name of the project module; for an experiment in a review, the review's path."""
    line: int
    parameters: tuple[str, ...]
    """Keyword parameters it takes, `seed(s)` and `device` left out."""
    required: tuple[str, ...]
    """Those without a default."""
    batched: bool
    batch_axes: tuple[str, ...] = ()
    """Parameters that arrive as a list with one value per trial; all others split batches."""
    values: tuple[str, ...] = ()
    """Names of what it returns; empty where it does not declare them."""
    diverged: dict[str, float] = {}
    """The value a metric takes in a trial that diverged."""
    batch: int = 1
    """The most trials trained together."""
    time_limit: float = 600.0
    """Seconds one trial may take."""
    summary: str = ""
    """What its docstring says of it, a paragraph a line."""
    documented: dict[str, str] = {}
    """What its docstring says of its parameters."""
    defaults: dict[str, str] = {}
    """Of parameters that need not be given, the value as the code writes it."""


class Code(Struct, frozen=True):
    """The code (and declared data) that an experiment reaches, read without importing it."""

    hash: str
    """The id; decides the fingerprint."""
    definitions: dict[str, str]
    """Per definition, as a reader knows it, the hash of its syntax tree: only names what changed.

    `module:name`; of a review's fences just `name`; of declared data `data:points.csv`, with the content's hash.
    """
    libraries: tuple[str, ...]
    """Top-level names of installed modules that it imports, told from code: `torch`, say."""


class Trial(Struct, frozen=True):
    review: str
    verification: str
    scale: Scale
    experiment: str
    parameters: dict[str, Scalar]
    """Everything the experiment is called with, the grid's point included; sorted by name."""
    seed: int
    fingerprint: str
    code: str
    """Hash of the code the experiment reaches: the part of the fingerprint that is not the point itself."""


class Environment(Struct, frozen=True):
    """What trials ran on; its id is a hash of the other fields."""

    id: str
    device: str
    """cpu, cuda or mps."""
    machine: str
    """Processor or GPU model, as the system names it."""
    cores: int
    system: str
    versions: dict[str, str]
    commit: str = ""
    """Of the project when the trials ran; ends in `+` where the tree had uncommitted changes."""

    @property
    def words(self) -> str:
        """What a reader wants of it: `torch 2.13.0, cpu, AMD EPYC`."""
        torch = self.versions.get("torch")
        return ", ".join(filter(None, (f"torch {torch}" if torch else "", self.device, self.machine)))


class Record(Struct, frozen=True, gc=False):
    """The stored result of one trial.

    It holds plain data only, so the garbage collector, which would look at 100,000 of them again and again, need not.
    """

    fingerprint: str
    parameters: dict[str, Scalar]
    seed: int
    values: dict[str, Value]
    seconds: float
    environment: str
    code: str
    data: str = ""
    """SHA-256 of the data the trial saw, where the experiment reports it."""
    diverged: bool = False

    def number(self, name: str) -> float | None:
        """The metric `name`: the number itself, or a curve's last point; None where there is none."""
        value = self.values.get(name)
        if isinstance(value, tuple):
            return value[-1] if value else None
        return value


class Failure(Struct, frozen=True):
    """A trial that crashed, hung or ran out of memory: never a result, only a note that it was tried."""

    fingerprint: str
    parameters: dict[str, Scalar]
    seed: int
    error: str
    """One line: the exception, or what ended the process."""


class Registration(Struct, frozen=True, omit_defaults=True):
    """What a claim's test was when trials of its verification were about to run."""

    claim: str
    on: str
    """The date, by UTC: `2026-11-27`."""
    test: Test
    seeds: int | tuple[int, ...]
    """As declared at the scale: the looks, or the number where there is one look only."""
    control: Where | None = None
    seen: int = 0
    """Trials of the verification at the scale whose results were known by then, under whatever code."""


class Evidence(Struct, frozen=True):
    """All that is stored of one verification at one scale."""

    review: str
    verification: str
    scale: Scale
    environments: dict[str, Environment] = {}
    codes: dict[str, dict[str, str]] = {}
    """Per code hash, the hash of each definition it was made of: so that a change can be named."""
    records: tuple[Record, ...] = ()
    failures: tuple[Failure, ...] = ()
    registered: tuple[Registration, ...] = ()
    """In the order of time."""


class Chosen(Struct, frozen=True, omit_defaults=True):
    """A value that another verification chose, and why it is in doubt."""

    parameter: str
    value: Scalar
    verification: str
    """The one that chose it."""
    where: Where = {}
    """Of the trials it was chosen for."""
    edge: Literal["smallest", "largest"] | None = None
    """Of the values that were tried, where a better one may lie beyond."""
    rivals: tuple[Scalar, ...] = ()
    """Values whose mean is worse by less than the spread over seeds can tell apart (95 %)."""


class Verdict(Struct, frozen=True):
    """What the evidence says of a claim at one scale."""

    claim: str
    scale: Scale
    status: Status
    reason: str
    """One clause a reader understands without the code."""
    estimate: float | None = None
    """Mean of the statistic over seeds; for `every`, the worst trial."""
    low: float | None = None
    high: float | None = None
    level: float | None = None
    """Confidence level of [low, high]: 1 - 0.05 / number of intervals that the review may publish."""
    look: int = 1
    """Which of the declared looks it is of, from 1."""
    seeds: int = 0
    trials: int = 0
    passed: int | None = None
    """For `every`: how many of `trials` met the criterion."""
    pass_rate_bound: float | None = None
    """For `every`, all passed: the pass rate that n of n allows at 95 %, 0.05^(1/n)."""
    seeds_needed: int | None = None
    """Where the interval straddles the criterion: seeds that settle it in nine of ten cases, if the truth is the
    estimate.
    """
    undecided: bool = False
    """Whether more seeds may decide it: its interval, or its control's, straddles, or there are too few."""
    toward: Status | None = None
    """Where the interval straddles the criterion: the verdict that the estimate points to."""
    failed: tuple[int, ...] = ()
    """Per arm, how many trials diverged or went beyond the declared bound; empty where none did."""
    left_out: int = 0
    """Seeds in which such a trial keeps the statistic from being compared; `seeds` are the others."""
    control: float | None = None
    """The control's estimate of the same statistic."""
    control_low: float | None = None
    control_high: float | None = None
    per_seed: tuple[float, ...] = ()
    rests_on: tuple[Chosen, ...] = ()
    """Choices of parameters behind it that could well have come out otherwise."""
