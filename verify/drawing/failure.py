"""Why a figure cannot be drawn: what costs that figure, and nothing else."""

from __future__ import annotations

from verify.errors import UserError

MOST_SAID = 1000
"""Letters of a reason: it stands in a page."""


class CannotDraw(UserError):
    """A figure cannot be drawn.

    `passing` marks what comes from the machine and not from the figure, such as the time it took: it is tried again
    the next time, and nothing is kept of it.
    """

    def __init__(self, reason: str, hint: str = "", *, passing: bool = False) -> None:
        one_line = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
        super().__init__(one_line if len(one_line) <= MOST_SAID else f"{one_line[:MOST_SAID]}…", hint=hint)
        self.passing = passing

    @property
    def reason(self) -> str:
        """In one line; in a second what to do about it, where that is known."""
        return f"{self.message}\n{self.hint}" if self.hint else self.message
