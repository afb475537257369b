"""Projects made for measuring: reviews in any number, with results that look like training's but cost nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

from msgspec.structs import replace

from verify.drawing import figures
from verify.judging.looks import at_look
from verify.model import Environment, Evidence, Record, Review, Scale, Trial, Value, Verification
from verify.project import store
from verify.project.lines import identified
from verify.project.project import Project
from verify.project.refresh import refresh

ROOT = Path(__file__).parent.parent
SCALE: Scale = "tiny"
MACHINE = identified(
    Environment("", "cpu", "a made machine", 2, "Linux", {"python": "3.11", "torch": "2.13.0"}, "0123456789ab")
)
EPOCHS = 30

_FRONT = """---
title: "Paper {number}: what decides the error"
authors: [Ada Lovelace, Karl Pearson]
venue: Made 2026
section: Section {section}
tags: [made]
summary: A paper that was made to measure how long many of its kind take.
---

"""
_PROSE = """## Part {part}

The effect is {{{{ check-1.error[rate={rate}] | mean | .1% }}}} at the smallest rate, and the first claim is [@falls-1].
It stands between two paragraphs of ordinary length, as prose does in a review: with *emphasis*, with `code`, with a
[link](https://example.org) and with a list below.

- One point that a reader may want to remember, and that goes on for somewhat more than a line of the source so that it
  has to be wrapped.
- Another point.

"""
_CODE = """```python verify
import random


def measure(seed: int, device: str, *, rate: float, part: int) -> dict[str, object]:
    noise = random.Random(seed)
    epochs = range(1, 31)
    return {"epoch": list(epochs), "error": [rate + noise.random() / epoch for epoch in epochs]}
```

"""
_FENCE = """```yaml verify
id: check-{part}
experiment: measure
grid: {{rate: {rates}}}
parameters: {{part: {part}}}
scales:
  tiny: {{seeds: {seeds}}}
figures:
  - {{id: curves-{part}, caption: The error by epoch., mark: line, x: epoch, y: error, color: rate}}
claims:
  - id: falls-{part}
    says: The error falls with the rate.
    source: Section {part}
    test: {{metric: error, statistic: difference, arms: [{{rate: {low}}}, {{rate: {high}}}], at_most: 0}}
```

"""


def review(number: int, verifications: int, rates: int, seeds: int) -> str:
    """A review with as many verifications, each of `rates` times `seeds` trials, a figure and a claim."""
    values = [(each + 1) / 100 for each in range(rates)]
    parts = [_FRONT.format(number=number, section=number % 10), _CODE]
    for part in range(1, verifications + 1):
        parts.append(_PROSE.format(part=part, rate=values[0]))
        parts.append(_FENCE.format(part=part, rates=values, seeds=seeds, low=values[0], high=values[-1]))
    return "".join(parts)


def project(root: Path, reviews: Mapping[str, str]) -> Project:
    """A project at `root` with this one's site configuration and pages, without evidence; `reviews` by name."""
    (root / "docs").mkdir(parents=True)
    for path in (ROOT / "docs").rglob("*.md"):
        copy = root / path.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        # A link into an evidence folder would have no target here.
        copy.write_text(re.sub(r"\]\([^)]*\)", "](index.md)", path.read_text(encoding="utf-8")), encoding="utf-8")
    for name in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, root / name)
    (root / "reviews").mkdir()
    for slug, text in reviews.items():
        (root / "reviews" / f"{slug}.md").write_text(text, encoding="utf-8")
    return Project.load(root)


def run(project: Project) -> None:
    """Make the journal and the evidence that running every trial at `SCALE` would have left."""
    for each in project.reviews:
        for verification in each.verifications:
            trials = project.trials(each, verification, SCALE)
            _keep(project, each, verification, trials, records(trials))


def restamp(project: Project, source: Project) -> None:
    """As `run`, with the values that `source`, which has the same reviews, has in its evidence, to the same looks."""
    for each in project.reviews:
        for verification, scale in project.rungs(each):
            stored = source.evidence(each.slug, verification.id, scale)
            if stored is None or scale != SCALE:
                continue
            seeds = source.stand(each, verification, SCALE).seeds
            trials = at_look(project.to_last_look(each, verification, SCALE), seeds)
            made = [_stamped(record, trial) for record, trial in zip(cycle(stored.records), trials, strict=False)]
            _keep(project, each, verification, trials, made)


def records(trials: Sequence[Trial]) -> list[Record]:
    """A plausible result of each trial."""
    return [
        Record(trial.fingerprint, trial.parameters, trial.seed, _values(trial), 0.25, MACHINE.id, trial.code)
        for trial in trials
    ]


def _values(trial: Trial) -> dict[str, Value]:
    rate = float(trial.parameters["rate"])
    errors = tuple(store.six_digits(rate + (1 + trial.seed % 7) / (10 * epoch)) for epoch in range(1, EPOCHS + 1))
    return {"epoch": tuple(float(epoch) for epoch in range(1, EPOCHS + 1)), "error": errors}  # type: ignore[dict-item]


def _stamped(record: Record, trial: Trial) -> Record:
    return replace(
        record,
        fingerprint=trial.fingerprint,
        parameters=trial.parameters,
        seed=trial.seed,
        code=trial.code,
        environment=MACHINE.id,
    )


def _keep(
    project: Project, review: Review, verification: Verification, trials: Sequence[Trial], made: Sequence[Record]
) -> None:
    key = review.slug, verification.id, SCALE
    codes = {trial.code: project.code(review, verification).definitions for trial in trials[:1]}
    content = store.encode(Evidence(*key, {MACHINE.id: MACHINE}, codes, tuple(made)), trials)
    store.write_atomically(project.evidence_path(*key), content)
    store.write_atomically(project.journal_path(*key), content)
    project.forget(*key)


def draw(project: Project) -> None:
    """Verdicts and drawings, with one drawing made and the others copied: each of them takes 50 ms to make."""
    first = figures.draw
    made: list[str] = []

    def copied(specification: dict[str, object], prefix: str, *, alone: bool = False) -> str:
        del alone
        if not made:
            made.append(first(specification, "PREFIX"))
        return made[0].replace("PREFIX", prefix)

    with patch.object(figures, "draw", copied):
        refresh(project)
