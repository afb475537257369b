"""Processes that draw one figure after another: starting the engine takes as long as a dozen drawings.

They are started when they are first needed, up to one a core, and end with this process.  What they cannot draw, or
do not survive, is drawn once more on its own (`apart`), which finds out why.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import threading
from contextlib import suppress
from typing import Any

from verify.drawing import apart
from verify.drawing.failure import CannotDraw
from verify.system import cores

MOST = 8
"""Processes at once; each takes a tenth of a gigabyte."""
_FEW = 8
"""So many drawings more are worth the start of another process."""
_FIRST = {"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}
"""What each process draws first, which loads the engine."""


class _Child:
    """One process; of one thread at a time."""

    def __init__(self, version: str) -> None:
        self._process = subprocess.Popen(
            apart.command({"core": 0}, version),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=apart.environment(),
        )
        self._ahead = 1
        self._send(_FIRST)

    def convert(self, specification: dict[str, Any]) -> str | None:
        """The SVG text, or None where it is refused.

        Raises:
            EOFError: the process has ended, or was ended for taking too long.
        """
        timer = threading.Timer(apart.WALL_SECONDS, self._process.kill)
        timer.start()
        try:
            for _ in range(self._ahead):
                self._receive()
            self._ahead = 0
            self._send(specification)
            kind, text = self._receive()
        except (OSError, ValueError) as error:
            raise EOFError from error
        finally:
            timer.cancel()
        return text if kind == "drawn" else None

    def _send(self, specification: dict[str, Any]) -> None:
        assert self._process.stdin is not None, "it was started with a pipe"
        self._process.stdin.write(json.dumps(specification).encode() + b"\n")
        self._process.stdin.flush()

    def _receive(self) -> tuple[str, str]:
        assert self._process.stdout is not None, "it was started with a pipe"
        kind, _, size = self._process.stdout.readline().decode().partition(" ")
        content = self._process.stdout.read(int(size))  # of nothing: a ValueError
        if len(content) < int(size):
            raise EOFError
        return kind, content.decode("utf-8", "replace")

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self._process.communicate()


class _Pool:
    """The processes there are; each is idle, or drawing for one thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._idle: list[_Child] = []
        self._alive = 0
        self._most = 1

    def start(self, count: int, version: str) -> None:
        with self._changed:
            self._most = max(self._most, count)
            while self._alive < count:
                self._idle.append(_Child(version))
                self._alive += 1

    def take(self, version: str) -> _Child:
        """One that is idle, or becomes so, or a new one where there is room for it."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._idle or self._alive < self._most)
                if not self._idle:
                    child = _Child(version)
                    self._alive += 1
                    return child
                child = self._idle.pop()
                if child.lives:
                    return child
                child.close()  # it ended with the thread that started it, say
                self._alive -= 1

    def give(self, child: _Child) -> None:
        with self._changed:
            self._idle.append(child)
            self._changed.notify()

    def end(self, child: _Child) -> None:
        child.close()
        with self._changed:
            self._alive -= 1
            self._changed.notify()

    def close(self) -> None:
        while self._idle:
            self.end(self._idle.pop())


_pool = _Pool()
atexit.register(_pool.close)


def size(drawings: int) -> int:
    """How many processes are worth their start for so many drawings."""
    return min(MOST, cores(), 1 + drawings // _FEW)


def start(count: int, version: str) -> None:
    """Have `count` processes getting ready; where none can be started, `convert` says so."""
    with suppress(OSError):
        _pool.start(count, version)


def convert(specification: dict[str, Any], version: str) -> str:
    """The SVG text that Vega makes of a specification of Vega-Lite `version`; from any thread.

    Raises:
        CannotDraw: it cannot, or not within bounds.
    """
    try:
        child = _pool.take(version)
    except OSError as error:
        raise CannotDraw(f"no process could be started to draw it: {error.strerror}", passing=True) from None
    try:
        text = child.convert(specification)
    except EOFError:
        _pool.end(child)
        text = None
    except BaseException:  # an interrupt: what it answers now would be taken for the next answer
        _pool.end(child)
        raise
    else:
        _pool.give(child)
    return apart.convert(specification, version) if text is None else text
