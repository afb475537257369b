"""What an experiment's docstring says: of itself, and of each parameter (sections as in Google's style)."""

from __future__ import annotations

import ast
import re

from verify.planning.signature import Function

_ENTRY = re.compile(r"(\w+)(?: \(.*?\))?: *(.*)")
_SECTIONS = ("Args", "Returns", "Raises", "Yields", "Example", "Examples", "Note", "Notes")


def summary(function: Function) -> str:
    """The docstring before its sections, paragraph by paragraph, each on one line."""
    text: list[str] = []
    for line in _lines(function):
        if line.rstrip(":") in _SECTIONS:
            break
        text.append(line)
    paragraphs = "\n".join(text).split("\n\n")
    return "\n".join(" ".join(each.split()) for each in paragraphs if each.strip())


def parameters(function: Function) -> dict[str, str]:
    """What `Args` says of each parameter."""
    found: dict[str, str] = {}
    name = ""
    within = False
    for line in _lines(function):
        if line and not line.startswith(" "):
            within = line == "Args:"
        elif within and (entry := _ENTRY.fullmatch(line[4:])):
            name = entry[1]
            found[name] = entry[2]
        elif within and name and line.strip():
            found[name] += " " + line.strip()
    return found


def _lines(function: Function) -> list[str]:
    return (ast.get_docstring(function) or "").split("\n")
