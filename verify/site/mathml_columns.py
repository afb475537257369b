"""Columns of LaTeX's tables: what of them MathML can show."""

from __future__ import annotations

import re


def columns(spec: list[str]) -> str:
    """Columns that MathML can have: alignment and rules."""
    made: list[str] = []
    rest = [part for part in spec if not part.isspace()][::-1]

    def group() -> list[str]:
        if not rest or rest[-1] != "{":
            return [rest.pop()] if rest else []
        rest.pop()
        found, depth = [], 0
        while rest and (depth or rest[-1] != "}"):
            depth += {"{": 1, "}": -1}.get(rest[-1], 0)
            found.append(rest.pop())
        rest[-1:] = []
        return found

    while rest and len(made) < 100:
        part = rest.pop()
        if part.lower() in ("l", "c", "r"):
            made.append(part.lower())
        elif part in ("|", ":"):
            made.append(part)
        elif part in ("p", "m", "b", "X"):
            if part != "X":
                group()
            made.append("l")
        elif part in ("@", "!", ">", "<"):
            group()
        elif part == "*":
            count = "".join(group())
            made += list(columns(group())) * min(int(count) if re.fullmatch("[0-9]{1,2}", count) else 1, 30)
    return "".join(made) or "c"
