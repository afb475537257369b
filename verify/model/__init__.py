"""The project's words as frozen structures; `docs/architecture.md` defines each.

They hold no behaviour beyond small derived properties, know no disk and no clock, and encode to JSON as they
stand (msgspec).  `Struct` is used rather than `dataclass` because it is checked on decoding and costs less at
start-up.
"""

from verify.model.declared import (
    Choice,
    Claim,
    CodeFence,
    Criterion,
    Figure,
    Laboratory,
    Metric,
    Named,
    Paper,
    Reported,
    Review,
    Rung,
    Terms,
    Test,
    Untestable,
    Variation,
    Verification,
)
from verify.model.recorded import (
    Chosen,
    Code,
    Environment,
    Evidence,
    Experiment,
    Failure,
    Record,
    Registration,
    Trial,
    Verdict,
)
from verify.model.words import FORMS, SCALES, STATISTICS, STATUSES, Scalar, Scale, Status, Value, Where

__all__ = [
    "FORMS",
    "SCALES",
    "STATISTICS",
    "STATUSES",
    "Choice",
    "Chosen",
    "Claim",
    "Code",
    "CodeFence",
    "Criterion",
    "Environment",
    "Evidence",
    "Experiment",
    "Failure",
    "Figure",
    "Laboratory",
    "Metric",
    "Named",
    "Paper",
    "Record",
    "Registration",
    "Reported",
    "Review",
    "Rung",
    "Scalar",
    "Scale",
    "Status",
    "Terms",
    "Test",
    "Trial",
    "Untestable",
    "Value",
    "Variation",
    "Verdict",
    "Verification",
    "Where",
]
