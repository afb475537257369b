"""A page in the words of its review: labels, units and names, headline claims, identities."""

from __future__ import annotations

import json
import random
import re
from html import unescape
from pathlib import Path

import pytest

from tests import miniature
from verify.model import Trial, Value
from verify.project.project import Project
from verify.site import feed
from verify.site.lists import paper_filters, papers
from verify.site.tables import as_csv
from verify.site.viewing import view

REVIEW = r"""---
title: Coins in words
authors: [Ada Lovelace]
venue: Coins 2017
section: Chance
summary: Some coins are sparse.
metrics:
  error: {label: test error, unit: "%"}
names:
  arm: {ddd: dense all the way, dsd: dense-sparse-dense}
  width: width of the net
---

Mean {{ tosses.error[arm=ddd, width=8] }}, spread {{ tosses.error[arm=ddd, width=8] | sd }} of {{ tosses.error | n }},
written {{ tosses.error[arm=ddd, width=8] | .2f }}; gain {{ verdict.gain.estimate }}
with {{ verdict.gain.seeds }} seeds.

```python verify
def coin(seed: int, device: str, *, arm: str, width: int) -> dict[str, float]:
    return {"error": 0.25}


def algebra(seed: int, device: str, *, n: int) -> dict[str, float]:
    return {"gap": 0.0}
```

```yaml verify
id: tosses
experiment: coin
grid: {arm: [ddd, dsd], width: [8, 16]}
scales:
  tiny: {seeds: 8}
  small: {seeds: 8}
figures:
  - {id: curve, caption: Error by width, x: width, y: error, color: arm}
claims:
  - id: level
    says: A dense coin errs in a quarter of the cases.
    source: Section 2
    test: {metric: error, where: {arm: ddd}, within: [0.2, 0.3]}
    control: {where: {arm: dsd}}
  - id: gain
    headline: true
    says: A sparse coin errs less.
    asks: By at least half a point of test error?
    source: Section 1
    reported: {error: 0.22}
    test: {metric: error, statistic: difference, arms: [{arm: dsd}, {arm: ddd}], where: {width: 8}, at_most: -0.005}
```

```yaml verify
id: algebra
experiment: algebra
identity: true
grid: {n: [2, 4, 8]}
scales: {tiny: {seeds: 3}}
claims:
  - id: same
    says: Two sums are the same.
    source: Section 3
    test: {metric: gap, where: {n: 2}, every: {at_most: 1e-12}}
    control: {where: {n: 8}}
  - id: same-too
    says: Two products are the same.
    source: Section 3
    test: {metric: gap, where: {n: 4}, every: {at_most: 1e-12}}
    control: {where: {n: 8}}
```
"""


def results(trial: Trial) -> dict[str, Value]:
    if trial.verification == "algebra":
        return {"gap": 1.0 if trial.parameters["n"] == 8 else 0.0}
    noise = random.Random(f"{trial.parameters} {trial.seed} {trial.scale}").gauss(0, 0.001)
    return {"error": round((0.10 if trial.parameters["arm"] == "dsd" else 0.25) + noise, 6)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return miniature.make(tmp_path_factory.mktemp("words"), {"coin": REVIEW}, results, {"coin": ("tiny", "small")})


@pytest.fixture(scope="module")
def page(project: Project) -> str:
    return miniature.html(project, "reviews/coin.md")


def text(html: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def article(page: str, claim: str) -> str:
    found = re.search(rf'<article class="verify-claim" id="claim-{claim}".*?</article>', page, re.DOTALL)
    assert found
    return found[0]


def test_a_claim_asks_in_words_and_is_told_in_units(page: str) -> None:
    said = text(article(page, "gain"))
    assert "Asked By at least half a point of test error? Test difference of test error" in said
    assert "(dense-sparse-dense minus dense all the way), where width of the net = 8: at most −0.5 points" in said
    assert re.search(r"measured −1[45]\.\d points \[−1[45]\.\d, −1[45]\.\d\]", said)
    assert "The whole interval is at most −0.5 points." in said
    assert "reported error 0.22" in said  # as it is written
    assert re.search(r"Control: 10\.\d % \[", text(article(page, "level")))
    assert "Asked" not in text(article(page, "level"))


def test_the_bar_is_drawn_from_plain_numbers_and_written_in_units(page: str) -> None:
    bar = re.search(r'<svg class="verify-interval".*?</svg>', article(page, "level"), re.DOTALL)
    assert bar
    assert re.search(r'aria-label="estimate 2[45].*?\s%, interval .*?; the claim holds within 20 to 30\s%"', bar[0])
    assert re.search(r'data-axis="0\.\d+ 0\.\d+ ', bar[0])
    ticks = re.findall(r"<text[^>]*>([^<]+)</text>", bar[0])
    assert [tick.endswith("\N{NO-BREAK SPACE}%") for tick in ticks] == [False] * (len(ticks) - 1) + [True]
    assert all(5 <= float(tick.split("\N{NO-BREAK SPACE}")[0]) <= 35 for tick in ticks)


def test_numbers_in_prose_have_units_unless_a_format_says_otherwise(page: str) -> None:
    said = text(page)
    assert re.search(r"Mean (25|24\.9|25\.\d) % , spread 0\.\d+ points of 32 ,", said)
    assert "written 0.25 ; gain −1" in said
    assert "with 8 seeds." in said


def test_the_table_of_claims_has_units(project: Project) -> None:
    said = text(miniature.html(project, "claims.md"))
    assert re.search(r"−1[45]\.\d points \[[^]]+\] at most −0.5 points", said)
    assert "every scale ✓ supported 3 of 3 trials, worst 0 at most 1e−12, in every trial" in said


def test_data_keep_the_names_and_numbers_of_the_experiment(project: Project) -> None:
    evidence = project.evidence("coin", "tosses", "tiny")
    assert evidence
    head, first, *_ = as_csv(evidence).split("\n")
    assert head.startswith("arm,width,seed,error")
    assert first.startswith("ddd,8,0,0.2")


def test_headline_claims_come_first(page: str) -> None:
    ladder = page[page.index('<table class="verify-verdicts">') : page.index("</table>")]
    assert [*re.findall(r"#claim-([a-z-]+)", ladder)] == ["gain", "level", "same", "same-too"]
    assert ladder.count("verify-headline") == 1


def test_identities_are_a_group_of_their_own(page: str) -> None:
    said = text(page[page.index('id="verdicts"') : page.index("Mean ")])
    assert "At tiny , 2 of 2 claims are supported. At small , 2 of 2 claims are supported." in said
    assert "Of 2 claims that are the same at every scale, 2 are supported." in said
    assert "Identities: the same at every scale Two sums are the same. ✓ supported Two products" in said
    assert "not planned" not in said
    assert 'href="#identities"' in page
    assert page.count('id="identities"') == 1


def test_an_identity_has_neither_an_interval_nor_a_scale(page: str) -> None:
    found = article(page, "same")
    assert "verify-interval" not in found
    assert "every scale ✓ supported measured 3 of 3 trials, worst 0 All 3 trials at most 1e−12. Control: 1." in text(
        found
    )
    assert "pass rate" not in found


def test_identities_are_counted_apart_on_the_list_and_in_the_feed(project: Project) -> None:
    page = view(project, project.review("coin"))
    assert [(tally.scale, dict(tally.counts)) for tally in page.tallies] == [
        ("tiny", {"supported": 2}),
        ("small", {"supported": 2}),
        (None, {"supported": 2}),
    ]
    assert "every scale ✓ 2 supported" in text(miniature.html(project, "index.md"))
    assert [each.name for each in paper_filters([page])] == ["verdict", "scale"]
    (_, (entry,)), *_ = papers([page])
    assert [fact["scale"] for fact in json.loads(entry.facts)] == [["tiny"], ["small"], []]
    said = feed.feed(project, "t", "d", "https://example.org/")
    assert "Claims at small: 2 supported. At every scale: 2 supported." in said


def test_a_review_of_identities_alone_is_answered_by_them(tmp_path: Path) -> None:
    start, end = REVIEW.index("```yaml verify\nid: tosses"), REVIEW.index("```yaml verify\nid: algebra")
    alone = re.sub(r"(?s)metrics:.*?---\n", "---\n", REVIEW[:start], count=1) + REVIEW[end:]
    alone = re.sub(r"(?s)Mean \{\{.*?seeds\.\n", "", alone)
    project = miniature.make(tmp_path, {"coin": alone}, results, {"coin": ("tiny",)})
    said = text(miniature.html(project, "reviews/coin.md"))
    assert "Yes, at the scales that ran. Of 2 claims that are the same at every scale, 2 are supported." in said


def test_changed_words_redraw_and_judge_nothing_anew(tmp_path: Path) -> None:
    from verify.project.refresh import refresh

    project = miniature.make(tmp_path, {"coin": REVIEW}, results, {"coin": ("tiny",)})
    (tmp_path / "reviews/coin.md").write_text(REVIEW.replace("label: test error", "label: wrong"), encoding="utf-8")
    before = project.verdicts_path("coin").read_bytes()
    done = refresh(Project.load(tmp_path))
    assert sorted(done.drawn) == ["docs/evidence/coin/curve.tiny.svg", "docs/evidence/coin/thumbnail.svg"]
    assert project.verdicts_path("coin").read_bytes() == before
