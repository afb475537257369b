"""What a worker is told and what it answers: the only things that cross the border to a process that runs experiments.

Both directions are JSON, decoded into these types; nothing that comes back is ever unpickled.
"""

from __future__ import annotations

import struct
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
REQUEST = struct.Struct("!cI")
"""To the process that starts workers: `S`tart or `K`ill, and the worker's number.

With the first go two descriptors: the channel of its messages, and where it prints.
"""
ANSWER = struct.Struct("!cIi")
"""From it: `S`tarted, with the process id; `E`nded, with the exit code or minus the signal; `F`ailed, with errno."""
CLOSED = 74
"""Exit code of a worker whose experiment has closed or replaced the descriptors that it answers through."""


class Task(Struct, frozen=True, tag="run", tag_field="kind"):
    """One batch: what to call, and with what."""

    group: str
    """Batches of one group may share a worker, others never: a verification at a scale, and which time it runs."""
    function: str
    module: str
    """A dotted name; for an experiment in a review, the review's path."""
    code: str | None
    """The review's fences as one module; None for a module that can be imported."""
    batched: bool
    batch_axes: tuple[str, ...]
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
    modules: tuple[str, ...]
    """Of the project's own folders, those that planning has followed: all that an experiment may import of them."""
    packages: tuple[str, ...]
    """Installed packages whose versions belong into the record, beside those that always do."""
    time_limit: float
    """Seconds for the whole batch."""
    log: str
    """Where what it prints goes."""


class Describe(Struct, frozen=True, tag="describe", tag_field="kind"):
    """Ask what batches would run on; the answer is `Described`, or `Failed` where there is no such device."""

    device: str
    """cpu, cuda, mps, or auto for the best there is."""
    torch: bool


Ask = Task | Describe


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


class Described(Struct, frozen=True, tag="described", tag_field="kind"):
    """The answer to `Describe`."""

    environment: Facts


class Returned(Struct, frozen=True, tag="returned", tag_field="kind"):
    """The batch's results, one a trial."""

    results: tuple[Result, ...]
    seconds: float
    environment: Facts
    spent: bool = False
    """Threads or children of the batch are left: the worker should serve no other."""


class Failed(Struct, frozen=True, tag="failed", tag_field="kind"):
    """The batch raised."""

    error: str
    """One line; of one in running, it begins with the place in the experiment's code."""
    when: Literal["loading", "running"]
    """An error in loading would be that of every batch of the verification."""
    file: str = ""
    """For an error in loading: the place, for a message."""
    line: int = 0
    spent: bool = False
    """As in `Returned`."""


Reply = Loaded | Described | Returned | Failed
