"""What Linux offers so that no process outlives the run that it belongs to; elsewhere these do little or nothing."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None)


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends, also while it is in C code that holds the lock."""
    _control(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of what this process's descendants leave behind, so that nothing slips away."""
    _control(_PR_SET_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """Processes whose parent this one is."""
    if not sys.platform.startswith("linux"):
        return []
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    if listed.exists():
        return [int(each) for each in listed.read_text(encoding="ascii").split()]
    return [pid for pid, parent in _parents() if parent == os.getpid()]  # a kernel that was built without the list


def _parents() -> list[tuple[int, int]]:
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = each.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended since
            continue
        found.append((int(each.parent.name), int(fields[1])))
    return found


def has_children() -> bool:
    """Whether a child runs or was not waited for; where the system cannot tell otherwise, one that ended is lost."""
    try:
        if hasattr(os, "waitid"):
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        else:  # on macOS before Python 3.13
            os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def reap(before: Callable[[int], object]) -> tuple[int, int] | None:
    """Wait for a child that has ended: its process id and status; None where none has.

    `before` gets the id first, while it cannot mean another process yet, where the system can tell of an end by then.
    """
    try:
        if hasattr(os, "waitid"):
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return None
            before(found.si_pid)
            return os.waitpid(found.si_pid, 0)
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    if pid == 0:
        return None
    before(pid)
    return pid, status


def kill(pid: int) -> None:
    """Kill a process and, where it leads one, its group; one that has ended already is no error."""
    for end in (os.killpg, os.kill):
        try:
            end(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def flush_c_streams() -> None:
    """Write out what C code has printed and the C library still holds."""
    _LIBC.fflush(None)


def _control(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        _LIBC.prctl(option, value, 0, 0, 0)
