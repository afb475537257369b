"""A worker as the process that waits for it sees it: a channel, a log, and a limit."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from time import monotonic

import msgspec
from msgspec import Struct

from verify.messages import MOST_BYTES, Ask, Task
from verify.running.executors import Done
from verify.running.executors.logs import Log

_CHUNK = 65_536
_ROUNDS = 16
"""Chunks that are taken of what it prints before others have their turn; a pipe holds no more than one by itself."""


class Submitted(Struct):
    """What is handed to a worker, and how often it was."""

    number: int
    group: str
    ask: Ask
    tries: int = 0
    servers: int = 0
    """How many servers ended while it ran."""

    @property
    def trials(self) -> int:
        return len(self.ask.seeds) if isinstance(self.ask, Task) else 0


class Limit:
    """Seconds of a worker's own time, and the error where it takes longer.

    On Linux, what its main thread waited for a core is not counted.
    """

    def __init__(self, seconds: float, pid: int | None, error: str) -> None:
        self.error = error
        self._seconds = seconds
        self._begun = monotonic()
        self._waited = waited(pid)
        self.ends = self._begun + seconds

    def has_passed(self, pid: int | None) -> bool:
        """Whether it has; asked when it seems so, it looks at what was waited for since it began."""
        now = monotonic()
        if now < self.ends:
            return False
        self.ends = max(self.ends, self._begun + self._seconds + waited(pid) - self._waited)
        return now >= self.ends


class Worker:
    """One process; it has a job, or is idle."""

    def __init__(self, number: int, group: str) -> None:
        self.number = number
        self.group = group
        self.begun = monotonic()
        self.pid: int | None = None
        self.job: Submitted | None = None
        self.loaded = False
        self.limit: Limit | None = None
        self.verdict: Done | None = None
        """How its job ends, where that was decided before it has ended itself."""
        self.killed: float | None = None
        """When it was told to end."""
        self.channel, self.theirs = socket.socketpair()
        self.output, self.prints = os.pipe()
        self.channel.setblocking(False)
        os.set_blocking(self.output, False)
        self._log: Log | None = None
        self._to_send = bytearray()
        self._heard = bytearray()

    @property
    def idle(self) -> bool:
        return self.job is None and self.killed is None

    def hand(self, job: Submitted, loading: float) -> None:
        """Send the job; `loading` is the most seconds until it says that it has loaded the module."""
        self.job, self.loaded, self.verdict = job, False, None
        self.limit = Limit(loading, self.pid, f"loading its module took longer than its limit of {loading:g} s")
        self._log = Log(Path(job.ask.log)) if isinstance(job.ask, Task) else None
        self._to_send += msgspec.json.encode(job.ask) + b"\n"
        self.send()

    @property
    def sends(self) -> bool:
        """Whether something is still to be sent."""
        return bool(self._to_send)

    def send(self) -> None:
        while self._to_send:
            try:
                sent = self.channel.send(self._to_send)
            except BlockingIOError:
                return
            except OSError:  # it has ended, which its end will tell
                self._to_send.clear()
                return
            del self._to_send[:sent]

    def hear(self) -> tuple[list[bytes], bool]:
        """Whole lines that have come, and whether more can.

        Raises:
            OverflowError: a line is longer than any answer may be.
        """
        open_still, seen = True, len(self._heard)
        while True:
            try:
                data = self.channel.recv(_CHUNK)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                open_still = False
                break
            self._heard += data
            if len(self._heard) > MOST_BYTES:
                raise OverflowError
        if self._heard.find(b"\n", seen) < 0:
            return [], open_still
        *lines, rest = bytes(self._heard).split(b"\n")
        self._heard = bytearray(rest)
        return lines, open_still

    def log(self) -> bool:
        """Take what it has printed into the log; whether more can come."""
        for _ in range(_ROUNDS):
            try:
                data = os.read(self.output, _CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            if self._log is not None:
                self._log.write(data)
        return True

    def finish(self) -> Submitted:
        """Its job has ended: the log is complete."""
        if self.job is None:
            raise ValueError("an idle worker finishes nothing")
        job = self.job
        self.log()
        if self._log is not None:
            self._log.close()
        self.job, self.limit, self._log = None, None, None
        return job

    def close_theirs(self) -> None:
        self.theirs.close()
        os.close(self.prints)

    def close(self) -> None:
        self.channel.close()
        os.close(self.output)


def waited(pid: int | None) -> float:
    """Seconds that a process's main thread was ready to run and had no core; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
