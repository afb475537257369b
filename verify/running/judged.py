"""Verdicts that this machine has reached before, so that it need not reach them again.

Kept in `.verify/cache`, which is this machine's own, by a hash of all that decides the verdicts of a verification at a
scale: tests, looks, trials, their records, and this program.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from verify.judging.looks import Outcome, stand
from verify.model import Claim, Evidence, Rung, Trial
from verify.project import cached, program

_NAME = "reached.json"

_MOST = 5_000
"""Outcomes that are kept; beyond, those that were not asked for are forgotten."""
_encoder = msgspec.json.Encoder(order="sorted")


class _File(Struct):
    program: str = ""
    outcomes: dict[str, Outcome] = {}


class Judged:
    """Judges what was not judged before; `save` keeps what came out."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._before: _File | None = None
        self._now: dict[str, Outcome] = {}

    def stand(
        self, claims: Sequence[Claim], rung: Rung, evidence: Evidence, trials: Sequence[Trial], declared: int
    ) -> Outcome:
        """What `looks.stand` says."""
        if self._before is None:  # nothing is read where nothing was run
            self._before = self._read()
        asked = [[claim.id, claim.test, claim.control] for claim in claims]
        fingerprints = [trial.fingerprint for trial in trials]
        name = sha256(_encoder.encode([declared, rung.seeds, evidence, fingerprints, asked])).hexdigest()[:32]
        found = self._before.outcomes.get(name) or stand(claims, rung, evidence, trials, declared)
        self._now[name] = found
        return found

    def _read(self) -> _File:
        sources = program.sources()
        with suppress(msgspec.DecodeError):  # none, or one of another version: it is judged again
            read = msgspec.json.decode(cached.read(self._root, _NAME) or b"", type=_File)
            if read.program == sources:
                return read
        return _File(sources)

    def save(self) -> None:
        """Write the file, where there is room and a right to; it only makes the next time faster."""
        if self._before is None or self._now.keys() <= self._before.outcomes.keys():
            return
        kept = {**self._before.outcomes, **self._now}
        content = _File(self._before.program, kept if len(kept) <= _MOST else self._now)
        cached.write(self._root, _NAME, msgspec.json.encode(content))
