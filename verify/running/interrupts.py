"""Ctrl-C and requests to end: what they do, and what they have to wait for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import NoReturn

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def take_as_interrupts() -> None:
    """Let a request to end, or a terminal that is closed, raise KeyboardInterrupt as Ctrl-C does.

    What the caller ignores (`nohup`) stays ignored.
    """
    for each in ENDING[1:]:
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, _end)  # Ctrl-C itself may be ignored, as in a script's background


def _end(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def undisturbed() -> Iterator[None]:
    """Finish what is within before such a signal has its effect: no result is lost on its way to the disk."""
    if current_thread() is not main_thread():  # signals reach the main thread only
        yield
        return
    came: list[int] = []
    before = {}
    try:
        for each in ENDING:
            if signal.getsignal(each) != signal.SIG_IGN:
                before[each] = signal.signal(each, lambda number, _: came.append(number))
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        if came:
            signal.raise_signal(came[0])
