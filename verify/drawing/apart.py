"""Drawing in a process of its own: what a reviewer wrote may take some time and memory, and fails alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

from verify.drawing import child
from verify.drawing.failure import CannotDraw

CPU_SECONDS = 20
"""Of the processor's time: another machine, or a busy one, decides alike."""
WALL_SECONDS = 180
MEMORY = 2 * 2**30
"""Bytes of data; an ordinary drawing takes a tenth."""
MOST_DRAWN = 8 * 2**20
"""Characters that are handed over; more is too large by far."""

_KEPT = ("PATH", "HOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "FONTCONFIG_PATH", "FONTCONFIG_FILE")
_MEMORY_HINT = "draw fewer marks, or aggregate them"


def convert(specification: dict[str, Any], version: str) -> str:
    """The SVG text that Vega makes of a specification of Vega-Lite `version`.

    Raises:
        CannotDraw: it cannot, or not within bounds.
    """
    limits = {"cpu": CPU_SECONDS, "memory": MEMORY, "core": 0, "most": MOST_DRAWN}
    try:
        done = subprocess.run(
            command(limits, version),
            input=json.dumps(specification).encode(),
            capture_output=True,
            env=environment(),
            timeout=WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotDraw(f"drawing it has taken more than {WALL_SECONDS} seconds", passing=True) from None
    except OSError as error:
        raise CannotDraw(f"no process could be started to draw it: {error.strerror}", passing=True) from None
    if done.returncode == 0:
        said, _, text = done.stdout.decode("utf-8", "replace").partition("\n")
        kind = said.partition(" ")[0]
        if kind == "drawn":
            return text
        if kind == "large":
            raise CannotDraw(f"its drawing would have {int(text):,} characters", _MEMORY_HINT)
        raise CannotDraw(f"Vega-Lite does not accept it: {plain(text)}")
    raise _ended(done.returncode, done.stderr.decode("utf-8", "replace"))


def command(limits: dict[str, int], version: str) -> list[str]:
    """What starts a process that draws, within `limits`."""
    # -P: no module is taken from the folder that this runs in, nor from beside the script.
    return [sys.executable, "-P", child.__file__, json.dumps({**limits, "parent": os.getpid()}), version]


def environment() -> dict[str, str]:
    """What such a process is told of its surroundings; Vega takes dates to be local: everywhere the same."""
    return {**{name: os.environ[name] for name in _KEPT if name in os.environ}, "TZ": "UTC"}


def plain(error: str) -> str:
    """The whole reason that Vega gives, without the places in its own code."""
    lines = [line.strip() for line in error.splitlines()]
    told = [line for line in lines if line and not line.startswith("at ") and not line.endswith("conversion failed:")]
    return " ".join(told) or "it does not say why"


def _ended(code: int, said: str) -> CannotDraw:
    """Why the child ended as it did."""
    if code == -getattr(signal, "SIGXCPU", 0):
        return CannotDraw(f"drawing it takes more than {CPU_SECONDS} seconds", _MEMORY_HINT)
    # V8 says in several ways that it was given no memory; Python in one.
    if any(words in said for words in ("out of memory", "MemoryError", "!= nullptr", "ENOMEM", "memory allocation")):
        return CannotDraw(f"drawing it takes more than {MEMORY // 2**30} GiB of memory", _MEMORY_HINT)
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
    passing = code == -getattr(signal, "SIGKILL", 0)  # by whoever: the system, for want of memory
    return CannotDraw(f"the process that draws ended with {how}: {last}", passing=passing)
