"""Where batches run: one protocol, and an executor for each kind of place."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from verify.messages import Facts, Result, Task


class Done(Struct, frozen=True):
    """How a batch ended: with results, or with an error."""

    results: tuple[Result, ...] = ()
    seconds: float = 0.0
    """The experiment's own time, loading left out."""
    environment: Facts | None = None
    """What it ran on; None where it ended with an error."""
    error: str = ""
    """One line: what the experiment raised, or what ended its process."""
    loading: bool = False
    """Whether the error is of the module: then it is that of every batch of the verification."""
    file: str = ""
    """For an error in loading: the place, for a message."""
    line: int = 0


class Executor(Protocol):
    """Takes batches and gives back how each ended; it shares nothing with what runs them but messages."""

    workers: int
    """Batches that run at once; known once a device was described."""

    def describe(self, device: str, *, torch: bool) -> Facts:
        """What batches will run on, with `auto` resolved: asked once, before anything is submitted.

        Raises:
            UserError: there is no such device.
        """

    def submit(self, task: Task) -> int:
        """Queue a batch, behind those that were submitted before; returns its number."""

    def cancel(self, number: int) -> bool:
        """Take a batch from the queue; False where it has begun."""

    def wait(self) -> list[tuple[int, Done]]:
        """The batches that have ended since; blocks until there is one at least."""

    def close(self) -> None:
        """End every process, whatever it is at, with all that it has started."""
