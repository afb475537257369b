"""A small project on disk with real reviews, evidence, verdicts and drawings, made without running a worker."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from verify.judging.registered import due
from verify.model import Environment, Evidence, Failure, Record, Scalar, Scale, Trial, Value, Verification
from verify.planning.plan import fingerprint
from verify.project import store
from verify.project.lines import identified
from verify.project.project import Project
from verify.project.refresh import refresh
from verify.site import pages

ROOT = Path(__file__).parent.parent
MACHINE = identified(
    Environment(
        id="",
        device="cpu",
        machine="Test & Co. <b>9000</b>",
        cores=2,
        system="Linux",
        versions={"python": "3.11.9", "torch": "2.13.0"},
        commit="0123456789ab+",
    )
)

DATA = "0123456789" * 6 + "0123"

COIN = r'''---
title: "Coins & <script>alert('title')</script>: a *biased* study"
authors: ["Ada <i>Lovelace</i>", Karl Pearson]
venue: Coins 2017
arxiv: "1234.56789"
section: Chance & <b>order</b>
order: 2
tags: [coins, "<u>tag</u>"]
summary: Some coins are biased, says <script>alert('summary')</script>.
reviewed: 2026-01-31
links:
  Code & data: https://example.org/code?a=1&b=2
not_testable:
  - says: Coins <em>feel</em> biased.
    why: a feeling is not measured here
    source: Section 9
---

## What was tossed

Heads come up in {{ tosses.heads[bias=0.7] | mean | .1% }} of {{ tosses.heads[bias=0.7] | n }} runs; at scale small in
{{ tosses.heads[bias=0.7] @small }}.
The claim is [@biased supported], with estimate {{ verdict.biased.estimate | .3f }};
another one was thought to hold: [@edge supported]. Not replaced: `{{ tosses.heads }}` and \{{ braces }}.

![A coin](coin.png)

```python verify
import random


def coin(seed: int, device: str, *, bias: float, tosses: int = 1000) -> dict[str, float]:
    """Toss; ``` is no fence here.

    A blank line stands above, and <script>alert('code')</script> here.
    """
    toss = random.Random(seed)
    return {"heads": sum(toss.random() < bias for _ in range(tosses)) / tosses}
```

## What came up

```yaml verify
id: tosses
experiment: coin
title: Tosses of <b>two</b> coins
grid: {bias: [0.5, 0.7]}
scales:
  tiny: {seeds: 6}
  small: {seeds: 6, tosses: 5000}
figures:
  - id: heads
    caption: Share of heads by bias, <script>alert('caption')</script>
    mark: point
    x: bias
    y: heads
    paper:
      source: Table <1>, <script>alert('source')</script>
      series: {"<i>gold</i>": [[0.5, 0.51], [0.7, 0.69]]}
claims:
  - id: biased
    says: The biased coin comes up heads more often, <script>alert('claim')</script> they say.
    source: Section 1, Table <1>
    reported: {heads: 0.7}
    test: {metric: heads, statistic: difference, arms: [{bias: 0.7}, {bias: 0.5}], at_least: 0.1}
  - id: edge
    says: The fair coin lands on heads almost never.
    source: Section 2
    test: {metric: heads, where: {bias: 0.5}, at_most: 0.2}
    control: {where: {bias: 0.7}}
  - id: close
    says: The fair coin stays below one half.
    source: Section 3
    test: {metric: heads, where: {bias: 0.5}, at_most: 0.5}
    control: {where: {bias: 0.7}}
  - id: each
    says: Every single run of the biased coin has more heads than tails.
    source: Section 4
    test: {metric: heads, where: {bias: 0.7}, every: {at_least: 0.5}}
    control: {where: {bias: 0.5}}
```

After the fence.
'''

DICE = """---
title: Dice without evidence
authors: [Blaise Pascal]
venue: Letters 1654
section: Chance & <b>order</b>
order: 1
tags: [dice]
summary: Nothing has run here yet.
---

Sixes: {{ rolls.sixes }}.

```python verify
def die(seed: int, device: str, *, sides: int = 6) -> dict[str, float]:
    return {"sixes": 1 / sides}
```

```yaml verify
id: rolls
experiment: die
grid: {sides: [6, 20]}
scales:
  tiny: {seeds: 5}
figures:
  - {id: rolls-by-seed, caption: Sixes, mark: point, x: sides, y: sixes}
claims:
  - id: fair
    says: A die is fair.
    source: First letter
    test: {metric: sixes, where: {sides: 6}, within: [0.1, 0.2]}
    control: {where: {sides: 20}}
```
"""


def toss(trial: Trial) -> dict[str, Value]:
    """What the experiment `coin` returns, near enough."""
    bias = float(trial.parameters["bias"])
    return {"heads": round(bias + random.Random(f"{bias} {trial.seed} {trial.scale}").gauss(0, 0.015), 6)}


def make(
    root: Path,
    reviews: Mapping[str, str] | None = None,
    results: Callable[[Trial], Mapping[str, Value]] = toss,
    ran: Mapping[str, tuple[Scale, ...]] | None = None,
) -> Project:
    """A project at `root` with this repository's own site configuration; `ran` are the scales with evidence."""
    reviews = reviews or {"coin": COIN, "dice": DICE}
    configuration = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    (root / "mkdocs.yml").write_text(configuration, encoding="utf-8")
    (root / "CHANGELOG.md").write_text("# Changelog\n", encoding="utf-8")
    for name in re.findall(r"[-:] ([a-z/-]+)\.md$", configuration, re.MULTILINE):
        if name not in ("index", "claims", "changes", "changelog"):  # those are generated
            page = root / "docs" / f"{name}.md"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(f"# {name}\n", encoding="utf-8")
    (root / "reviews").mkdir()
    for slug, text in reviews.items():
        (root / "reviews" / f"{slug}.md").write_text(text, encoding="utf-8")
    (root / "reviews" / "coin.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for slug, scales in (ran if ran is not None else {"coin": ("tiny", "small")}).items():
        for scale in scales:
            record(Project.load(root), slug, scale, results)
    refresh(Project.load(root))
    return Project.load(root)


def record(
    project: Project,
    slug: str,
    scale: Scale,
    results: Callable[[Trial], Mapping[str, Value]] = toss,
    failed: Mapping[str, Scalar] | None = None,
    seen: int = 0,
    data: Callable[[int], str] = lambda _: DATA,
) -> None:
    """Store evidence of every verification of a review at `scale`; trials with the parameters `failed` fail.

    Its tests are registered when `seen` trials had been run; trials of a seed saw its `data`.
    """
    for verification in project.review(slug).verifications:
        if scale in verification.rungs:
            record_one(project, slug, verification, scale, results, failed, seen, data)


def record_one(
    project: Project,
    slug: str,
    verification: Verification,
    scale: Scale,
    results: Callable[[Trial], Mapping[str, Value]] = toss,
    failed: Mapping[str, Scalar] | None = None,
    seen: int = 0,
    data: Callable[[int], str] = lambda _: DATA,
) -> None:
    """The same of one verification, or of a variant."""
    review = project.review(slug)
    trials = project.trials(review, verification, scale)
    code = project.code(review, verification)
    failures = [trial for trial in trials if failed and failed.items() <= trial.parameters.items()]
    evidence = Evidence(
        slug,
        verification.id,
        scale,
        environments={MACHINE.id: MACHINE},
        codes={code.hash: code.definitions},
        records=tuple(
            Record(t.fingerprint, t.parameters, t.seed, dict(results(t)), 0.25, MACHINE.id, t.code, data=data(t.seed))
            for t in trials
            if t not in failures
        ),
        failures=tuple(Failure(t.fingerprint, t.parameters, t.seed, "ValueError: <b>bad</b>") for t in failures),
        registered=tuple(due(verification.claims, verification.rungs[scale].seeds, (), "2026-01-30", seen)),
    )
    store.write_atomically(project.evidence_path(slug, verification.id, scale), store.encode(evidence, trials))


def outdate(project: Project, slug: str, verification: str, scale: Scale) -> None:
    """Make the stored records those of other code."""
    path = project.evidence_path(slug, verification, scale)
    evidence = store.read(path, path.name, (slug, verification, scale))
    assert evidence is not None
    older = [replace(record, code="0123456789abcdef") for record in evidence.records]
    older = [replace(record, fingerprint=fingerprint(scale, record)) for record in older]
    review = project.review(slug)
    declared = next(each for each in (*review.verifications, *review.variants) if each.id == verification)
    trials = [
        replace(trial, fingerprint=record.fingerprint)
        for trial, record in zip(project.trials(review, declared, scale), older, strict=True)
    ]
    changed = replace(evidence, codes={"0123456789abcdef": {"toss": "other"}}, records=tuple(older))
    store.write_atomically(path, store.encode(changed, trials))


def html(project: Project, path: str, directory_urls: bool = True) -> str:
    """What is on a generated page, as HTML."""
    page = pages.render(project, directory_urls)[path]
    return page.html if isinstance(page, pages.Page) else page


def build(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`mkdocs build` in a process of its own."""
    command = [sys.executable, "-m", "mkdocs", "build", *options]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100, check=False)
