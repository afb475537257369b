"""Temml, a translator of LaTeX to MathML written in JavaScript, run by QuickJS inside this process.

It reads no file and opens no connection: QuickJS has neither.  Each thread has an engine of its own, made when it is
first needed; one that ran out of time or memory is thrown away.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

VERSION = "0.13.5"
SECONDS = 3
"""Processor time for a batch; an equation takes a thousandth of a second."""
MEMORY = 256 * 2**20
STACK = 768 * 1024
BATCH = 50

_SCRIPT = Path(__file__).parent / "vendor" / f"temml-{VERSION}" / "temml.min.js"
_CALL = """
(function (given) {
  return JSON.stringify(JSON.parse(given).map(function (one) {
    try {
      var options = {displayMode: one[1], throwOnError: true, trust: true, strict: false, maxExpand: 1000};
      return [temml.renderToString(one[0], options), "", 0];
    } catch (error) {
      if (error instanceof temml.ParseError) {
        return ["", String(error.message), error.position === undefined ? -1 : error.position];
      }
      return ["", error instanceof InternalError ? "It is nested too deeply" : "It cannot be read", -1];
    }
  }));
})
"""
_engines = threading.local()
_SAID = [
    (re.compile(r"(?:Unsupported function name|Undefined control sequence): (\\[^\s]+)"), "there is no command {0}"),
    (re.compile(r"No such environment: ([^\s]+)"), "there is no environment {0}"),
    (re.compile(r"Double (superscript|subscript)"), "two {0}s on one symbol: put braces around the first"),
    (re.compile(r"Expected 'EOF', got '(.+?)'"), "{0} has no place here"),
    (re.compile(r"Unexpected end of input|Expected '\}', got 'EOF'"), "the equation ends too early"),
    (re.compile(r"Expected group as argument to '(.+?)'"), "{0} lacks an argument"),
    (re.compile(r"Expected '\\right', got"), "\\left has no \\right"),
    (re.compile(r"Can't use function '(.+?)' in (math|text) mode"), "{0} cannot be used in {1}"),
    (re.compile(r"Unexpected character: '(.+?)'"), "the character {0} cannot be read"),
]


class Answer(Struct, frozen=True):
    """MathML, or why there is none and where in the source that stands (-1: unknown)."""

    mathml: str = ""
    reason: str = ""
    at: int = -1


def translate(sources: Sequence[tuple[str, bool]]) -> list[Answer]:
    """MathML of LaTeX, each with whether it stands alone, as the engine writes it: to be checked before it is shown."""
    answers: list[Answer] = []
    for start in range(0, len(sources), BATCH):
        batch = sources[start : start + BATCH]
        found = _asked(batch)
        if found is None:  # one of them costs too much: which?
            found = [
                (_asked([one]) or [Answer(reason="it takes too much time or memory to be read")])[0] for one in batch
            ]
        answers += found
    return answers


def _asked(batch: Sequence[tuple[str, bool]]) -> list[Answer] | None:
    import quickjs  # type: ignore[import-untyped]

    try:
        said = json.loads(_engine()(json.dumps(batch)))
    except (quickjs.JSException, TypeError, MemoryError):
        _engines.__dict__.clear()
        return None
    return [Answer(mathml, _plain(message), at) for mathml, message, at in said]


def _engine() -> Any:
    if not hasattr(_engines, "call"):
        import quickjs

        context = quickjs.Context()
        context.set_memory_limit(MEMORY)
        context.set_max_stack_size(STACK)
        context.set_time_limit(SECONDS)
        context.eval(_SCRIPT.read_text(encoding="utf-8") + ";0")
        _engines.context, _engines.call = context, context.eval(_CALL)
    return _engines.call


def _plain(message: str) -> str:
    """What the engine says, in the words of this project."""
    message = message.replace("\u0332", "").strip()
    for said, ours in _SAID:
        if found := said.search(message):
            return ours.format(*found.groups())
    first = re.split(r" at (?:position \d|end of input)", message)[0]
    return (first[:1].lower() + first[1:] if not first[:2].isupper() else first).removesuffix(".").strip()
