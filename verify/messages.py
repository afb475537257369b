"""What a worker is told and what it answers: the only things that cross the border to a process that runs experiments.

Both directions are JSON, decoded into these types; nothing that comes back is ever unpickled.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from verify.model import Scalar

MOST_BYTES = 16_000_000
"""Of one reply."""
MOST_VALUES = 1_000
"""Names that one trial may return."""
LONGEST_NAME = 200
"""Characters of such a name."""
MOST_POINTS = 100
"""A curve has at most this many points: more cannot be seen, and would have to be committed."""


class Task(Struct, frozen=True):
    """One batch: what to call, and with what."""

    group: str
    """Batches of one group may share a worker, others never: a verification at a scale, and which time it runs."""
    function: str
    module: str
    """A dotted name; for an experiment in a review, the review's path."""
    code: str | None
    """The review's fences as one module; None for a module that can be imported."""
    batched: bool
    rides: tuple[str, ...]
    diverged: dict[str, float]
    parameters: tuple[dict[str, Scalar], ...]
    """One mapping a trial."""
    seeds: tuple[int, ...]
    device: str
    """As it was found: cpu, cuda or mps."""
    torch: bool
    """Whether the code that is reached imports torch."""
    root: str
    """The project's folder."""
    folder: str
    """The review's folder: where data lies, and modules beside it."""
    data: tuple[str, ...]
    """Declared files, relative to `folder`: all that an experiment may open below `root`."""
    packages: tuple[str, ...]
    """Installed packages whose versions belong into the record, beside those that always do."""
    time_limit: float
    """Seconds for the whole batch."""
    log: str
    """Where what it prints goes."""


class Facts(Struct, frozen=True):
    """What a worker runs on: the fields of `verify.model.Environment` that it can tell."""

    device: str
    machine: str
    cores: int
    system: str
    versions: dict[str, str]


class Result(Struct, frozen=True):
    """Of one trial."""

    values: dict[str, float | tuple[float, ...]]
    data: str = ""
    """SHA-256 of the data it saw, where the experiment reports it."""
    diverged: bool = False


class Loaded(Struct, frozen=True, tag="loaded", tag_field="kind"):
    """The experiment's module is imported: the time limit counts from here."""


class Returned(Struct, frozen=True, tag="returned", tag_field="kind"):
    """The batch's results, one a trial."""

    results: tuple[Result, ...]
    seconds: float
    environment: Facts


class Failed(Struct, frozen=True, tag="failed", tag_field="kind"):
    """The batch raised."""

    error: str
    """One line, with the place in the experiment's code."""
    when: Literal["loading", "running"]
    """An error in loading would be that of every batch of the verification."""
    file: str = ""
    """For an error in loading: the place, for a message."""
    line: int = 0


Reply = Loaded | Returned | Failed
