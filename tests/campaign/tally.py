"""What a part of the campaign did, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Tally:
    """Figures of one part, by what they count; and its faults, each in a line."""

    part: str
    figures: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def count(self, what: str, number: float = 1) -> None:
        self.figures[what] = self.figures.get(what, 0) + number

    def longest(self, what: str, seconds: float) -> None:
        """Keep the largest; `what` begins with "longest"."""
        self.figures[what] = max(self.figures.get(what, 0.0), round(seconds, 2))

    def expect(self, good: object, fault: str) -> None:
        if not good:
            self.faults.append(fault)

    def add(self, other: Tally) -> None:
        for what, number in other.figures.items():
            if what.startswith("longest"):
                self.longest(what, number)
            else:
                self.count(what, number)
        self.faults += other.faults


def table(tallies: list[Tally]) -> str:
    """Markdown: a line per figure, and one per part for its faults."""
    lines = ["| part | what | number |", "| --- | --- | ---: |"]
    for tally in tallies:
        for what, number in (*tally.figures.items(), ("faults", len(tally.faults))):
            shown = f"{number:,.2f}" if isinstance(number, float) else f"{number:,}"
            lines.append(f"| {tally.part} | {what} | {shown} |")
    return "\n".join(lines)
