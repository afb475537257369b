"""Whatever happened to the bytes of a file of results, reading it gives results or says what is wrong with it."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_store import CODE, COMMITTED, ENVIRONMENT, KEPT, OF, REGISTERED, failure, record, trial
from verify.errors import UserError
from verify.model import Evidence
from verify.project import lines, store

WHOLE = store.encode(
    Evidence(
        *OF,
        {ENVIRONMENT.id: ENVIRONMENT},
        dict([CODE]),
        (record(0), record(1), record(2)),
        (failure(3),),
        (REGISTERED,),
    ),
    [trial(seed) for seed in range(4)],
)
ODD = (
    b"",
    b"\n",
    b"\xff",
    b'"',
    b"{",
    b"[" * 2000,
    b"null",
    b"-1",
    b"1e400",
    b"\\ud800",
    b"true",
    b"<<<<<<< ",
    b"\x00",
)
"""What is put in a place of a file: half a line, what JSON does not hold, a value of another type."""
VALUES = (b"tiny", b"v", b"c1", b"2", b"0.1", b"cpu", b"2026-11-27", b"error", b'"seed"', b"5", b"1.5", b"null")


def mutated(draw: random.Random) -> bytes:
    """The file after one to four accidents."""
    content = WHOLE
    for _ in range(draw.randint(1, 4)):
        at, end = sorted((draw.randint(0, len(content)), draw.randint(0, len(content))))
        kept = content.splitlines(keepends=True)
        kind = draw.randrange(6)
        if kind == 0:
            content = content[:at] + draw.choice(ODD) + content[at:]
        elif kind == 1:
            content = content[:at] + bytes([draw.randrange(256)]) + content[at + 1 :]
        elif kind == 2:
            content = content[:at] + content[min(end, at + draw.randint(1, 200)) :]
        elif kind == 3 and kept:
            kept.insert(draw.randrange(len(kept)), draw.choice(kept))
            content = b"".join(kept)
        elif kind == 4:
            draw.shuffle(kept)
            content = b"".join(kept)
        else:
            content = content.replace(draw.choice(VALUES), draw.choice((*VALUES, *ODD)), draw.randint(1, 3))
    return content


def outcome(content: bytes, name: str) -> Evidence | UserError:
    """What becomes of the whole lines of a file; any other exception is the test's failure."""
    try:
        return lines.decode(content[: content.rfind(b"\n") + 1], name, OF)
    except UserError as error:
        return error


@given(st.randoms(use_true_random=False), st.sampled_from([COMMITTED, KEPT]))
@settings(deadline=None, max_examples=500)
def test_reading_gives_results_or_a_mistake(draw: random.Random, name: str) -> None:
    content = mutated(draw)
    found = outcome(content, name)
    if isinstance(found, UserError):
        assert found.file == name
        assert 1 <= found.line <= content.count(b"\n") + 1
        assert found.hint
    else:
        assert {each.fingerprint for each in found.records} <= {record(seed).fingerprint for seed in range(3)}
        assert store.encode(found, [trial(seed) for seed in range(4)])


@given(st.binary(max_size=300), st.sampled_from([b"", WHOLE.splitlines(keepends=True)[0]]))
@settings(deadline=None, max_examples=500)
def test_any_bytes_are_read_or_refused(content: bytes, before: bytes) -> None:
    found = outcome(before + content + b"\n", COMMITTED)
    assert isinstance(found, Evidence) or found.line >= 1
