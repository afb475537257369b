"""What a review's page answers and offers: the answer, the ladder, its data as tables, citations."""

from __future__ import annotations

import csv
import re
from html import unescape
from pathlib import Path

import pytest

from tests import miniature
from verify.model import Evidence, Paper, Record, Trial, Value
from verify.project.project import Project
from verify.project.refresh import refresh
from verify.site import citations, files, pages, tables


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return miniature.make(tmp_path_factory.mktemp("project"))


def answered(project: Project, slug: str = "coin") -> str:
    page = miniature.html(project, f"reviews/{slug}.md")
    return page[page.index('<p class="verify-answer">') : page.index("</p>", page.index("verify-answer"))]


def fair_at_small(trial: Trial) -> dict[str, Value]:
    """The biased coin is biased at tiny, and the other way round at small."""
    bias = trial.parameters["bias"] if trial.scale == "tiny" else 1.2 - float(trial.parameters["bias"])
    return {"heads": round(float(bias) * (1 + 0.002 * trial.seed), 6)}


def test_the_answer_counts_the_verdicts_of_each_scale(project: Project) -> None:
    text = _text(answered(project))
    assert text == (
        "In part. At tiny, 1 of 4 claims is supported, 1 is contradicted and 2 are inconclusive. "
        "At small, 1 of 4 claims is supported, 1 is contradicted and 2 are inconclusive. "
        "No verdict changes with the scale."
    )


def test_each_number_leads_to_its_claims(project: Project) -> None:
    page = miniature.html(project, "reviews/coin.md")
    targets = re.findall(r'href="#([^"]+)"', answered(project))
    assert targets[:3] == ["claim-biased", "claim-edge", "at-tiny-inconclusive"]
    for target in targets:
        assert f'id="{target}"' in page
    assert page.count('data-at="at-tiny-inconclusive"') == 2


def test_where_nothing_ran_the_answer_says_so(project: Project, tmp_path: Path) -> None:
    assert _text(answered(project, "dice")) == "Not answered yet. Nothing has run at tiny yet."
    coin = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    assert _text(answered(coin)).endswith("are inconclusive. Nothing has run at small yet.")


def test_verdicts_that_change_with_the_scale_are_told_in_words(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, fair_at_small, {"coin": ("tiny", "small")})
    page = miniature.html(project, "reviews/coin.md")
    assert "2 verdicts change with the scale, 1 of them to the opposite." in _text(answered(project))
    row = next(row for row in page.split("<tr>") if 'href="#claim-biased">The' in row)
    assert "supported" in row.split("<td")[1]
    assert "the opposite of tiny" in row.split("<td")[2]
    assert page.count("data-changes") == 2
    assert 'id="at-changes"' in page


def test_old_evidence_weakens_the_answer(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    miniature.outdate(project, "coin", "tosses", "tiny")
    text = _text(answered(Project.load(tmp_path)))
    assert "4 of these verdicts rest on evidence that is not up to date or not whole" in text


def test_trials_that_failed_or_have_not_run_are_told_in_the_answer(tmp_path: Path) -> None:
    miniature.make(tmp_path, {"coin": miniature.COIN}, ran={})
    miniature.record(Project.load(tmp_path), "coin", "tiny", failed={"bias": 0.5})
    refresh(Project.load(tmp_path))
    failed = answered(Project.load(tmp_path))
    assert _text(failed).startswith("Not answered yet. At tiny, 4 of 4 claims have trials that failed.")
    page = miniature.html(Project.load(tmp_path), "reviews/coin.md")
    assert "failed failed" not in _text(page[page.index("<table") : page.index("</table>")])
    miniature.record(Project.load(tmp_path), "coin", "tiny")
    more = miniature.COIN.replace("tiny: {seeds: 6}", "tiny: {seeds: 8}")
    (tmp_path / "reviews" / "coin.md").write_text(more, encoding="utf-8")
    refresh(Project.load(tmp_path))
    text = _text(answered(Project.load(tmp_path)))
    assert text.startswith("Not answered yet. At tiny, 4 of 4 claims wait for trials that have not run.")


def test_tally_and_cost_stand_below_the_ladder(project: Project) -> None:
    page = miniature.html(project, "reviews/coin.md")
    foot = _text(page[page.index("<tfoot>") : page.index("</tfoot>")])
    assert foot == "Tally" + "✓ 1 supported✕ 1 contradicted? 2 inconclusive" * 2 + " Cost" + "12 trials, 3 s" * 2


def test_records_are_a_table_and_csv(project: Project) -> None:
    sheet = pages.render(project)["evidence/coin/tosses.html"]
    start = sheet.index('<table class="verify-data">')
    table = sheet[start : sheet.index("</table>", start)]
    assert re.findall(r"<th[^>]*>([^<]+)</th>", table) == ["bias", "seed", "heads"]
    assert table.count("<tr>") == 1 + 12
    found = files.beside(project)["evidence/coin/tosses.tiny.csv"].decode()
    rows = list(csv.DictReader(found.splitlines()))
    evidence = project.evidence("coin", "tosses", "tiny")
    assert evidence is not None
    assert [float(row["heads"]) for row in rows] == [record.number("heads") for record in evidence.records]
    assert rows[0] | {"heads": "", "fingerprint": ""} == {
        "bias": "0.5",
        "seed": "0",
        "heads": "",
        "diverged": "false",
        "seconds": "0.25",
        "fingerprint": "",
    }


def test_a_long_table_shows_its_beginning_and_a_curve_its_end() -> None:
    values: dict[str, Value] = {"loss": (3.0, 2.0, 1.0)}
    records = tuple(
        Record(f"{seed}", {"arm": "<b>", "lr": 0.1}, seed, values, 1.0, "m", "c", diverged=seed == 0)
        for seed in range(tables.MOST_ROWS + 5)
    )
    table = tables.table(Evidence("coin", "tosses", "tiny", records=records))
    assert (table.rows, table.shown) == (1005, 1000)
    assert table.columns == ("seed", "loss", "diverged")
    assert table.shared == (("arm", "<b>"), ("lr", "0.1"))
    assert table.cells.splitlines()[:2] == [
        "<tr><td>0</td><td>1</td><td>yes</td></tr>",
        "<tr><td>1</td><td>1</td><td>no</td></tr>",
    ]
    assert len(tables.as_csv(Evidence("coin", "tosses", "tiny", records=records)).splitlines()) == 1006


def test_a_parameter_in_a_cell_is_text() -> None:
    records = tuple(Record(name, {"arm": name}, 0, {}, 1.0, "m", "c") for name in ("<b>", "plain"))
    cells = tables.table(Evidence("coin", "tosses", "tiny", records=records)).cells
    assert cells.startswith("<tr><td>&lt;b&gt;</td>")


@pytest.mark.parametrize(
    ("venue", "expected"),
    [
        ("ICLR 2017 (oral)", ["@inproceedings{", "booktitle", "{ICLR}"]),
        ("Journal of Chance 2017", ["@article{", "journal", "{Journal of Chance}"]),
        ("arXiv 2017", ["@misc{", "archivePrefix"]),
    ],
)
def test_a_paper_is_cited_by_its_kind_of_venue(venue: str, expected: list[str]) -> None:
    entry = citations.of_paper(Paper("On Chance & {Order}", ("Ada Müller", "K. P."), venue, 2017, "1234.5"))
    for part in [*expected, "muller2017chance", r"{{On Chance \& \{Order\}}}", "{Ada Müller and K. P.}", "{2017}"]:
        assert part in entry


def test_a_review_is_cited_with_its_address(project: Project) -> None:
    site = citations.Site("Our & site", "https://example.org/r/")
    for directory_urls, address in ((True, "reviews/coin/"), (False, "reviews/coin.html")):
        page = pages.render(project, directory_urls, site=site)["reviews/coin.md"]
        assert isinstance(page, pages.Page)
        text = _text(page.html[page.html.index("verify-cite") : page.html.index("</header>")])
        assert f"https://example.org/r/{address}" in text
        assert r"Our \& site" in text
        assert "@misc{review-coin," in text
        assert "2017coins," in text


def test_reference_managers_find_the_paper(project: Project) -> None:
    head = pages.head(project.review("coin"))
    assert '<meta name="citation_title" content="Coins &amp; &lt;script&gt;' in head
    assert head.count('name="citation_author"') == 2
    for name, content in (
        ("publication_date", "2017"),
        ("conference_title", "Coins"),
        ("arxiv_id", "1234.56789"),
        ("pdf_url", "https://arxiv.org/pdf/1234.56789"),
    ):
        assert f'<meta name="citation_{name}" content="{content}">' in head


def _text(html: str) -> str:
    """What a reader sees: without tags, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())
