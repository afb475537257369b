"""The command line with a fault built in: what `VERIFY_CAMPAIGN` describes, in the command's own process only.

`die`: killed at the nth operation on the disk; `fail`: from the nth on, operations that need space fail with the error
number `errno`, `times` times; `jumps`: pairs of seconds after the start and seconds by which the wall clock jumps then;
`count`: a file that is told how many operations there were.  Operations are those below the current folder that write.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_NEED_SPACE = ("open", "os.mkdir", "fsync", "os.rename")
_CHANGES = (*_NEED_SPACE, "os.remove", "os.truncate", "os.rmdir", "os.link", "os.symlink")


class Disk:
    """Counts this process's operations on the project's disk, and does its worst at one of them."""

    def __init__(self, fault: dict[str, Any]) -> None:
        self.fault = fault
        self.process = os.getpid()
        self.root = os.path.realpath(Path.cwd())
        self.seen = 0
        self.failed = 0

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _CHANGES or os.getpid() != self.process or not self._is_ours(event, arguments):
            return
        self.seen += 1
        if self.seen == self.fault.get("die"):
            os.kill(self.process, signal.SIGKILL)
        wanted = "fail" in self.fault and self.seen >= self.fault["fail"] and event in _NEED_SPACE
        if wanted and self.failed < self.fault.get("times", 1):
            self.failed += 1
            raise OSError(self.fault["errno"], os.strerror(self.fault["errno"]), str(arguments[0]))

    def _is_ours(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "fsync":
            return True
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITES):
            return False
        path = arguments[0]
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        return os.path.realpath(os.fsdecode(path)).startswith(self.root)

    def watch(self) -> None:
        sync = os.fsync

        def fsync(file: Any) -> None:
            sys.audit("fsync", file)
            sync(file)

        os.fsync = fsync
        sys.addaudithook(self.hook)
        if "count" in self.fault:
            atexit.register(lambda: Path(self.fault["count"]).write_text(str(self.seen)))


def jump(jumps: list[tuple[float, float]]) -> None:
    """Let the wall clock jump, for everything that asks Python for it; the steady clocks stay as they are."""
    begun = time.monotonic()
    tell, tell_ns = time.time, time.time_ns

    def offset() -> float:
        elapsed = time.monotonic() - begun
        return sum(seconds for after, seconds in jumps if after <= elapsed)

    time.time = lambda: tell() + offset()
    time.time_ns = lambda: tell_ns() + int(offset() * 1e9)


def main() -> None:
    fault = json.loads(os.environ.pop("VERIFY_CAMPAIGN", "{}"))
    if "jumps" in fault:
        jump(fault["jumps"])
    Disk(fault).watch()
    from verify.cli import main as command

    command()


if __name__ == "__main__":
    main()
