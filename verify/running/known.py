"""What is known of a verification at a scale, while a run adds to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from verify.model import Environment, Evidence, Failure, Record, Registration, Scale, Trial


class Known:
    """Results by fingerprint: to add one costs the same, however many there are."""

    def __init__(self, review: str, verification: str, scale: Scale) -> None:
        self._of = review, verification, scale
        self.environments: dict[str, Environment] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.records: dict[str, Record] = {}
        self.failures: dict[str, Failure] = {}
        self.registered: tuple[Registration, ...] = ()

    def add(self, other: Evidence) -> None:
        """Take in results; of a trial that is known already, the new result counts."""
        self.environments |= other.environments
        self.codes |= other.codes
        for record in other.records:
            self.records[record.fingerprint] = record
            self.failures.pop(record.fingerprint, None)
        for failure in other.failures:
            if failure.fingerprint not in self.records:
                self.failures[failure.fingerprint] = failure
        self.register(other.registered)

    def register(self, registered: Iterable[Registration]) -> None:
        """Take in what is not known yet, in the order of time."""
        known: dict[str, list[Registration]] = {}  # there may be thousands of claims, and few tests of each
        for each in self.registered:
            known.setdefault(each.claim, []).append(each)
        new = [each for each in registered if each not in known.get(each.claim, ())]
        self.registered = tuple(sorted((*self.registered, *new), key=lambda each: each.on))

    def forget(self, wrong: Callable[[Record], str | None]) -> dict[str, str]:
        """Drop the records for which `wrong` gives a reason; the reasons by fingerprint."""
        reasons = {each.fingerprint: why for each in self.records.values() if (why := wrong(each)) is not None}
        for fingerprint in reasons:
            del self.records[fingerprint]
        return reasons

    def evidence(self, trials: Sequence[Trial] | None = None) -> Evidence:
        """All of it, or what it holds of `trials`."""
        if trials is None:
            records, failures = list(self.records.values()), list(self.failures.values())
        else:
            records = [self.records[each.fingerprint] for each in trials if each.fingerprint in self.records]
            failures = [self.failures[each.fingerprint] for each in trials if each.fingerprint in self.failures]
        return Evidence(
            *self._of, self.environments, self.codes, tuple(records), tuple(failures), registered=self.registered
        )
