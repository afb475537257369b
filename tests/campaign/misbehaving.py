"""Experiments that misbehave, each in a project of its own beside healthy verifications, which must not notice."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaign import processes
from tests.campaign.odd import ALL, Odd
from tests.campaign.project import TRACEBACK, Project, difference
from tests.campaign.tally import Tally

LONGEST = 60.0
"""Seconds that a run may take: four trials with limits of 2 s, on a machine that does much else."""
_REVIEW = '''\
---
title: {title}
authors: [A. Author]
venue: Journal of Oddities 2020
section: Testing
summary: Something odd.
{front}---

```python verify
import decimal
import os
import random
import time
from pathlib import Path

{prelude}
{decorator}def odd({seed}, device: str, *, arm: int) -> dict:
    {body}
    {falls}


def calm(seed: int, device: str, *, arm: int) -> dict:
    """Depends on as much of the state of its process as an honest experiment does."""
    time.sleep(0.03)
    own = random.Random(f"{{seed}} {{arm}}").random()
    third = float(decimal.Decimal(1) / decimal.Decimal(3))
    others = len(set(os.listdir(".")) - {{"points.csv"}})
    return {{"v": own + third, "drawn": random.random(), "others": others, "zone": time.timezone}}
```

```yaml verify
id: odd
experiment: {experiment}
grid: {{arm: [0, 1]}}
scales:
  tiny: {{seeds: 2, time_limit: 2}}
```

```yaml verify
id: calm
experiment: calm
grid: {{arm: [0, 1, 2]}}
scales:
  tiny: {{seeds: 3, time_limit: 50}}
```
'''
_IMPORT = "from verify.lab.declare import experiment\n\n\n"


def review(odd: Odd | None, root: Path) -> str:
    """A review with an odd experiment, or with a healthy one in its place."""
    if odd is None:
        odd = Odd("healthy", "pass")
    batched = bool(odd.decorator)
    # ROOT is written out where it is used: it makes the code, and so the fingerprints, those of one place.
    prelude = odd.prelude + (f"\nROOT = Path({str(root)!r})\n" if "ROOT" in odd.body else "")
    return _REVIEW.format(
        title="Odd", front=odd.front, prelude=prelude, body=odd.body, seed="seeds: list" if batched else "seed: int",
        decorator=f"{_IMPORT}@experiment({odd.decorator})\n" if batched else "", experiment="odd",
        falls="return {'v': seed + arm / 10}",
    )  # fmt: skip


def misbehave(names: list[str], seed: int) -> Tally:
    """Run the named oddities; the seed is not used, since nothing here is left to chance."""
    del seed
    tally = Tally("misbehaving experiments")
    with TemporaryDirectory(prefix="verify-campaign-") as name:
        folder = Path(name)
        peace = Project(folder / "peace", {"odd.md": review(None, folder), "well.md": review(None, folder)})
        code, output = peace.command("run", "--workers", "2")
        assert code == 0, output
        for odd in ALL:
            if odd.name in names:
                _one(odd, folder, peace.published(), tally)
    return tally


def _one(odd: Odd, folder: Path, healthy: dict[str, str], tally: Tally) -> None:
    root = folder / odd.name
    project = Project(root, {"odd.md": review(odd, root), "well.md": review(None, root), **odd.files})
    begun = time.monotonic()
    code, output = project.command("run", "--workers", "2")
    seconds = time.monotonic() - begun
    left, waited = processes.left_behind()
    tally.count("experiments")
    tally.longest("longest run, s", seconds)
    tally.longest("longest until no process was left, s", waited)
    told = f"{odd.name}: exit code {code}: {output[-600:]}"
    tally.expect(TRACEBACK not in output, f"a traceback: {told}")
    tally.expect(seconds < LONGEST, f"{odd.name}: {seconds:.0f} s: {output[-300:]}")
    tally.expect(not left, f"{odd.name}: {len(left)} processes live on: {[each.command[:80] for each in left[:3]]}")
    expected = {1 if odd.says else 0} if odd.code is None else {odd.code} if odd.code >= 0 else {0, 1, 2}
    if odd.either and odd.code is None:
        expected = {0, 1}
    tally.expect(code in expected, f"exit code: {told}")
    tally.expect(odd.either or not odd.says or re.search(odd.says, output), f"not said: /{odd.says}/: {told}")
    _beside(odd, project, healthy, told, tally)
    project.remove()


def _beside(odd: Odd, project: Project, healthy: dict[str, str], told: str, tally: Tally) -> None:
    """What else there is must be as in peace, and the odd one's own records where it must be recorded."""
    published = project.published()
    here = {name: text for name, text in published.items() if name.startswith("well/")}
    there = {name: text for name, text in healthy.items() if name.startswith("well/")}
    different = difference(here, there)
    tally.expect(not different, f"{odd.name}: the healthy review: {different} ({told})")
    tally.count("healthy reviews as in peace", not different)
    if not odd.spoils:
        name = "odd/calm.tiny.jsonl"
        same = _values(published.get(name)) == _values(healthy[name])
        tally.expect(same, f"{odd.name}: the verification beside it is not as in peace: {told}")
    records = _values(published.get("odd/odd.tiny.jsonl"))
    if not odd.either:
        tally.expect(len(records) == (0 if odd.says else 4), f"{odd.name}: {len(records)} of 4 recorded: {told}")


def _values(text: str | None) -> list[object]:
    """What the trials gave: code, and with it fingerprints, are the review's own."""
    lines = [json.loads(line) for line in (text or "").splitlines()]
    return [
        (line["trial"]["parameters"], line["trial"]["seed"], line["trial"]["values"])
        for line in lines
        if "trial" in line
    ]
