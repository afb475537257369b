"""Processes as the kernel tells of them: the tree of a run, and what outlives it.

A lane of the campaign adopts every process whose parent ends (it is a child subreaper), whatever session, name or
environment that process has taken: what is below the lane after a run has ended was left behind by the run.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

PATIENCE = 2.0
"""Seconds after which nothing of a run may be left, where every core has one process to run; more where it has more."""
_SUBREAPER = 36
_END_WITH_PARENT = 1
_PROC = Path("/proc")


class Process(NamedTuple):
    pid: int
    parent: int
    state: str
    command: str


def adopt() -> None:
    """Become the parent of every process below this one whose own parent ends; and end with one's own."""
    system = ctypes.CDLL(None, use_errno=True)
    if system.prctl(_SUBREAPER, 1, 0, 0, 0) != 0 or system.prctl(_END_WITH_PARENT, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this system has no child subreaper")


def below(pid: int) -> list[Process]:
    """All processes below one, parents before their children."""
    children: dict[int, list[Process]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (process := _read(entry)):
            children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = [pid]
    while waiting:
        here = children.get(waiting.pop(0), [])
        found += here
        waiting += [process.pid for process in here]
    return found


def _read(entry: Path) -> Process | None:
    try:
        fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:  # it has ended in the meantime
        return None
    return Process(int(entry.name), int(fields[1]), fields[0], command)


def kill(pid: int) -> bool:
    """SIGKILL; False where there is no such process any more."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def workers(run: int) -> list[int]:
    """The worker processes of a run."""
    return [each.pid for each in below(run) if each.state != "Z" and each.parent in servers(run)]


def servers(run: int) -> list[int]:
    """The fork server of a run: none before it has started."""
    return [each.pid for each in below(run) if each.parent == run and "verify.lab.server" in each.command]


def left_behind() -> tuple[list[Process], float]:
    """What is still alive below this process when `PATIENCE` is over, and how long it took until nothing was.

    To be asked when every run has ended.  What is left is killed, so that the campaign can go on.
    """
    begun = time.monotonic()
    patience = PATIENCE * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    while alive := _alive():
        waited = time.monotonic() - begun
        if waited > patience:
            for process in alive:
                kill(process.pid)
            _alive()
            return alive, waited
        time.sleep(0.02)
    return [], time.monotonic() - begun


def _alive() -> list[Process]:
    found = below(os.getpid())
    for process in found:
        if process.state == "Z" and process.parent == os.getpid():
            os.waitpid(process.pid, os.WNOHANG)
    return [process for process in found if process.state != "Z"]
