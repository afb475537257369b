"""The processor's model, told without torch."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """The processor's model; where the system does not tell, its kind."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
