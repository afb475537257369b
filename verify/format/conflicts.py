"""Conflicts that git left in a review: told by themselves, since all else that is wrong with the file follows."""

from __future__ import annotations

from verify.errors import CONFLICT
from verify.format.problems import Problems

_HINT = (
    "keep what is right of the two versions, and delete the lines <<<<<<<, ======= and >>>>>>>; "
    "to show one as an example, indent it"
)


def report(text: str, problems: Problems) -> bool:
    """Report each conflict at the line where it begins, or where what is left of it does; whether there is any.

    `=======` alone underlines a heading, and `>>>>>>>` alone is a quotation: these count behind each other only.
    """
    before = len(problems.found)
    begun = parted = 0
    for number, line in enumerate(text.split("\n"), 1):
        mark = line[:7] if line[7:8] in ("", " ") else ""
        if mark == "<<<<<<<":
            if begun:
                problems.add(begun, CONFLICT, _HINT)
            begun, parted = number, 0
        elif line == "=======":
            parted = parted or number
        elif mark == ">>>>>>>" and parted:
            message = f"{CONFLICT}: lines {begun or parted} to {number}"
            problems.add(begun or parted, message, _HINT)
            begun = parted = 0
        elif not line.strip() and not begun:
            parted = 0  # a heading ended
    if begun:
        problems.add(begun, CONFLICT, _HINT)
    return len(problems.found) > before
