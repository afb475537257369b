"""What a worker answers, read as from a stranger: the experiment lives in the same process and may have written it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from verify.errors import visible
from verify.messages import LONGEST_NAME, MOST_POINTS, MOST_VALUES, Failed, Reply, Result, Returned

_LONGEST = 1000
"""Characters of an error, and of a file's name."""
_DECODER: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


class Garbage(Exception):
    """An answer that no worker gives by itself."""


def read(line: bytes, trials: int) -> Reply:
    """The answer in `line`, of a batch of that many trials.

    Raises:
        Garbage: it is none, or holds what cannot be recorded.
    """
    try:
        reply = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Garbage(str(error)) from None
    if isinstance(reply, Failed):
        said, file = visible(reply.error[:_LONGEST]), visible(reply.file[:_LONGEST])
        return msgspec.structs.replace(reply, error=said, file=file)
    if isinstance(reply, Returned):
        if len(reply.results) != trials:
            raise Garbage(f"{len(reply.results)} results of {trials} trials")
        if not (math.isfinite(reply.seconds) and reply.seconds >= 0):
            raise Garbage(f"it took {reply.seconds} s")
        for each in reply.results:
            _check(each)
    return reply


def _check(result: Result) -> None:
    if len(result.values) > MOST_VALUES:
        raise Garbage(f"{len(result.values)} values in a trial")
    for text in (*result.values, result.data):
        if len(text) > LONGEST_NAME or not text.isprintable():
            raise Garbage(f"a text that cannot be recorded: {text!a:.40}")
    for value in result.values.values():
        points: Sequence[float] = value if isinstance(value, tuple) else (value,)
        if not 1 <= len(points) <= MOST_POINTS or not all(map(math.isfinite, points)):
            raise Garbage("a value that cannot be recorded")
