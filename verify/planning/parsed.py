"""Python as a syntax tree, read without running it."""

from __future__ import annotations

import ast
import warnings


class Unreadable(Exception):
    """Python cannot read it; the text says why."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"Python cannot read this: {what}")
        self.line = line


def parse(code: str | bytes) -> ast.Module:
    """The tree; what Python only warns of is told where the code runs, in its log.

    Raises:
        Unreadable: it is not Python, or is nested too deeply.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:  # the last two: nested too deeply
        line = getattr(error, "lineno", None) or 1
        raise Unreadable(line, getattr(error, "msg", None) or str(error) or "it is nested too deeply") from None
