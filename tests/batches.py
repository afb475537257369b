"""Batches for tests of what runs them."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from verify.messages import Task
from verify.running.executors import Done
from verify.running.executors.local import LocalExecutor

PATH = "reviews/coin.md"
PID = "import os\ndef f(seed, device): return {'pid': os.getpid()}"


def task(root: Path, code: str | None, **changes: Any) -> Task:
    """The function `f` of fences that hold `code`, in a project at `root`."""
    parameters = changes.get("parameters", ({},))
    fields: dict[str, Any] = {
        "group": "coin:flips tiny", "function": "f", "module": PATH, "code": code and textwrap.dedent(code),
        "batched": False, "batch_axes": (), "diverged": {}, "parameters": parameters, "device": "cpu", "torch": False,
        "seeds": tuple(range(len(parameters))), "root": str(root), "folder": str(root / "reviews"), "data": (),
        "modules": (), "packages": (), "time_limit": 30.0, "log": str(root / ".verify" / "logs" / "f.log"), **changes,
    }  # fmt: skip
    return Task(**fields)


def one(executor: LocalExecutor, task: Task) -> Done:
    """How a batch ends."""
    number = executor.submit(task)
    ((ended, done),) = executor.wait()
    assert ended == number
    return done


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended but was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids: Iterable[int], why: str) -> None:
    """All have ended within two seconds, and more where the machine is loaded."""
    until = time.monotonic() + 5
    while left := [each for each in pids if alive(each)]:
        assert time.monotonic() < until, (why, left)
        time.sleep(0.02)


def pid(done: Done) -> int:
    assert not done.error, done.error
    return int(done.results[0].values["pid"])  # type: ignore[arg-type]


def log(root: Path) -> Path:
    return root / ".verify" / "logs" / "f.log"
