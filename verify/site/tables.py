"""The records of a verification at a scale, for reading in the page and for other programs: a table, and CSV.

Of a curve both have the last point; the curves themselves are in the evidence.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape
from msgspec import Struct

from verify.model import Evidence, Record, Scalar, Scale
from verify.site import words

MOST_ROWS = 1000
"""What is shown of a scale; the rest is in the download."""


class Table(Struct, frozen=True):
    """What the trials of one scale returned, a row each."""

    columns: tuple[str, ...]
    cells: Markup
    """The rows as HTML: put together here, because a template would take ten times as long."""
    shared: tuple[tuple[str, str], ...]
    """Parameters that all trials have alike, with their value."""
    rows: int
    shown: int


def table(evidence: Evidence) -> Table:
    """The records with the parameters that tell them apart; those that are alike in all stand beside the table."""
    records = evidence.records
    parameters, metrics = _names(records)
    varied = [name for name in parameters if len({record.parameters.get(name) for record in records}) > 1]
    shared = {name: value for name, value in records[0].parameters.items() if name not in varied} if records else {}
    diverged = ["diverged"] if any(record.diverged for record in records) else []
    shown = records[:MOST_ROWS]
    return Table(
        columns=(*varied, "seed", *metrics, *diverged),
        cells=Markup("\n").join(_row(record, varied, metrics, bool(diverged)) for record in shown),
        shared=tuple((name, words.scalar(value)) for name, value in shared.items()),
        rows=len(records),
        shown=len(shown),
    )


def csv_path(slug: str, verification: str, scale: Scale) -> str:
    """Where the CSV of one verification at one scale is served, beside its evidence."""
    return f"evidence/{slug}/{verification}.{scale}.csv"


def as_csv(evidence: Evidence) -> str:
    """Every record with all its parameters, its seed and its numbers, and whether it diverged."""
    parameters, metrics = _names(evidence.records)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*parameters, "seed", *metrics, "diverged", "seconds", "fingerprint"])
    for record in evidence.records:
        given = [_plain(record.parameters.get(name)) for name in parameters]
        found = [_plain(record.number(name)) for name in metrics]
        writer.writerow([*given, record.seed, *found, _plain(record.diverged), record.seconds, record.fingerprint])
    return text.getvalue()


def _names(records: Sequence[Record]) -> tuple[list[str], list[str]]:
    """Of all parameters and of all metrics, in the order in which they first occur."""
    parameters = dict.fromkeys(name for record in records for name in record.parameters)
    return list(parameters), list(dict.fromkeys(name for record in records for name in record.values))


def _row(record: Record, parameters: Sequence[str], metrics: Sequence[str], diverged: bool) -> Markup:
    return Markup(f"<tr>{''.join(_cells(record, parameters, metrics, diverged))}</tr>")


def _cells(record: Record, parameters: Sequence[str], metrics: Sequence[str], diverged: bool) -> Iterator[str]:
    for name in parameters:
        value = record.parameters.get(name)
        yield f"<td>{'' if value is None else escape(words.scalar(value))}</td>"
    yield f"<td>{record.seed}</td>"
    for name in metrics:
        yield f"<td>{words.number(record.number(name), 4)}</td>"
    if diverged:
        yield f"<td>{words.scalar(record.diverged)}</td>"


def _plain(value: Scalar | None) -> str:
    """A value as other programs read it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)
