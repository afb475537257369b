"""One run a project: a second one waits for the first and then finds its results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from verify.errors import UserErrors
from verify.running.jobs import unwritable


@contextmanager
def only_run(root: Path, waits: Callable[[], None]) -> Iterator[None]:
    """Hold the project's lock; `waits` is called where another run holds it.

    Raises:
        UserErrors: something is in the lock's place, or may not be written.
    """
    from filelock import FileLock, Timeout  # a run with nothing to do needs none

    path = root / ".verify" / "lock"
    lock = FileLock(path)
    try:
        path.parent.mkdir(exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waits()
            lock.acquire()
    except OSError as error:
        raise UserErrors([unwritable(root, path, error)]) from None
    try:
        yield
    finally:
        lock.release()
