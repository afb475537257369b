"""Mistakes of one file, collected so that all of them are reported at once."""

from __future__ import annotations

from verify.errors import UserError


class Problems:
    """The mistakes found in `file` so far, in the order they were found."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[UserError] = []

    def add(self, line: int, message: str, hint: str = "") -> None:
        """Note a mistake at `line` (1-based, in the file); `hint` says what would be right."""
        self.found.append(UserError(message, self.file, line, hint))

    def in_order(self) -> list[UserError]:
        """All mistakes by line; those of one line in the order they were found, and what two parts of it share once."""
        once = {(error.line, error.message): error for error in reversed(self.found)}
        kept = [error for error in self.found if once[error.line, error.message] is error]
        return sorted(kept, key=lambda error: error.line)
