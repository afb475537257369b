"""A user's mistake: where it is, what is wrong, what would be right."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path


class UserError(Exception):
    """One mistake of a user's.

    `file` is relative to the project's root; `line` is 1-based; `hint` says what would be right.
    """

    def __init__(self, message: str, file: str = "", line: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.message}" + (f"\n    {self.hint}" if self.hint else "")


class UserErrors(Exception):
    """All mistakes found, in the order of their places, reported at once."""

    def __init__(self, errors: Iterable[UserError]) -> None:
        self.errors = sorted(errors, key=lambda error: (error.file, error.line, error.message))
        super().__init__("\n".join(map(str, self.errors)))


def reason(error: OSError) -> str:
    """What the system says of a file that cannot be read or written, as it stands within a sentence."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def visible(text: str) -> str:
    """What a terminal would obey instead of showing (escapes, marks of direction) as it is written in code."""
    if text.isprintable():
        return text
    import unicodedata  # hardly any text needs it

    obeyed = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join(
        each if each == "\n" or unicodedata.category(each) not in obeyed else each.encode("unicode_escape").decode()
        for each in text
    )


def utf8(content: bytes, name: str) -> str:
    """The text of a file called `name`; UserError where it is none."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = "save it as UTF-8: editors offer it beside the file's name"
        raise UserError(f"it is not UTF-8: {error.reason}", name, line, hint) from None


def of_system(error: OSError) -> UserError:
    """What the system refused: a folder that cannot be read, a full disk, a file where a folder should be."""
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if name and Path(name).is_relative_to(Path.cwd()):
        name = Path(name).relative_to(Path.cwd()).as_posix()
    return UserError(f"it cannot be read or written: {reason(error)}" if name else reason(error), name)


CONFLICT = "this is a conflict that git left"
CONFLICT_MARKS = (b"<<<<<<<", b"=======", b">>>>>>>")


def listed(names: Sequence[str]) -> str:
    """The first three names, and how many more there are; all four where there are four."""
    shown = names if len(names) <= 4 else names[:3]
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return ", ".join(shown) + more


_SHOWN = 12
"""Names that a hint lists: of more, nobody reads all."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the near miss among `known`, or lists what is known."""
    from difflib import get_close_matches  # only a mistake pays for the import

    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    shown = names[:_SHOWN] if len(names) > _SHOWN + 2 else names
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return f"known: {', '.join(shown)}{more}" if names else "none is known here"
