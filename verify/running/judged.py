"""Verdicts that this machine has reached before, so that it need not reach them again.

Kept in `.verify/cache`, which is this machine's own, by a hash of all that decides a verdict: the claim's test, the
trials, their records, and this program.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from verify.judging.judge import judge
from verify.model import Claim, Evidence, Trial, Verdict
from verify.project import cached, program

_NAME = "reached.json"

_MOST = 20_000
"""Verdicts that are kept; beyond, those that were not asked for are forgotten."""
_encoder = msgspec.json.Encoder(order="sorted")


class _File(Struct):
    program: str = ""
    verdicts: dict[str, Verdict] = {}


class Judged:
    """Judges what was not judged before; `save` keeps what came out."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._before: _File | None = None
        self._now: dict[str, Verdict] = {}

    def verdicts(
        self, claims: Sequence[Claim], evidence: Evidence, trials: Sequence[Trial], declared: int
    ) -> list[Verdict]:
        """What `judge` says of each of a verification's claims; `declared` are those of the whole review."""
        if self._before is None:  # nothing is read where nothing was run
            self._before = self._read()
        seen = sha256(_encoder.encode([declared, evidence, [trial.fingerprint for trial in trials]]))
        found = []
        for claim in claims:
            key = seen.copy()
            key.update(_encoder.encode([claim.id, claim.test, claim.control]))
            name = key.hexdigest()[:32]
            verdict = self._before.verdicts.get(name)
            if verdict is None:
                verdict = judge(claim, evidence, trials, declared)
            self._now[name] = verdict
            found.append(verdict)
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
        if self._before is None or self._now.keys() <= self._before.verdicts.keys():
            return
        kept = {**self._before.verdicts, **self._now}
        content = _File(self._before.program, kept if len(kept) <= _MOST else self._now)
        cached.write(self._root, _NAME, msgspec.json.encode(content))
