"""Jobs that wait, in the order in which they were handed in."""

from __future__ import annotations

from collections import OrderedDict, defaultdict

from verify.running.executors.workers import Submitted


class Queue:
    """Each operation takes the same time, however many wait."""

    def __init__(self) -> None:
        self._all: OrderedDict[int, Submitted] = OrderedDict()
        self._groups: defaultdict[str, OrderedDict[int, Submitted]] = defaultdict(OrderedDict)

    def __len__(self) -> int:
        return len(self._all)

    def put(self, job: Submitted, *, first: bool = False) -> None:
        """At the end, or in front of all others."""
        for each in (self._all, self._groups[job.group]):
            each[job.number] = job
            each.move_to_end(job.number, last=not first)

    def first(self, group: str | None = None) -> Submitted | None:
        """The one that waits longest, of all or of a group."""
        waiting = self._all if group is None else self._groups.get(group)
        return next(iter(waiting.values())) if waiting else None

    def remove(self, number: int) -> bool:
        """Whether it was there."""
        job = self._all.pop(number, None)
        if job is None:
            return False
        group = self._groups[job.group]
        del group[number]
        if not group:
            del self._groups[job.group]
        return True
