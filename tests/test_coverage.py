"""The simulation of how often intervals miss, and that docs/method.md has what it gives."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import coverage
from benchmarks.coverage import CLOSING, KINDS, LAWS, LEVELS, OPENING, SIZES, STOPPING, Law
from benchmarks.made import ROOT

PAGE = ROOT / "docs" / "method.md"


FIRST, SECOND, EXACT, LOOKS = "misses of each law, 95 %", "misses of each law, 99.8 %", "rates", "looks"


def committed() -> dict[tuple[str, ...], list[str]]:
    """The cells of each row, by its table and its first cell; of the exact rates, by the level's too."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(OPENING)
    written, closing, _ = rest.partition(CLOSING)
    assert closing
    rows: dict[tuple[str, ...], list[str]] = {}
    tables = iter((FIRST, SECOND, EXACT, LOOKS))
    for line in written.splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if name == "interval":
            table = next(tables)
        elif cells and name != "---":
            rows[(table, name, cells.pop(0)) if table == EXACT else (table, name)] = cells
    return rows


def room(rate: float, runs: int) -> float:
    return 4 * math.sqrt(max(rate, 1 / runs) * (1 - rate) / runs)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_each_law_has_the_truth_that_is_said_of_it(law: Law) -> None:
    numbers = law.draw(np.random.default_rng(1), (2, 1_000_000))
    within = 0.01 * law.sd
    assert numbers.mean() == pytest.approx(law.mean, abs=within)
    assert np.median(numbers.mean(axis=0)) == pytest.approx(law.pseudomedian, abs=within)
    assert np.abs(numbers - np.median(numbers)).mean() == pytest.approx(law.deviation, abs=within)
    assert numbers.std() == pytest.approx(law.sd, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "law", "level"),
    [(0, 0, 0), (0, 3, 1), (1, 1, 0), (2, 2, 0), (3, 2, 0), (4, 2, 0), (5, 0, 0), (5, 3, 0)],
    ids=lambda place: str(place),
)
def test_the_page_has_what_the_code_gives(kind: int, law: int, level: int) -> None:
    draws = 1000
    cells = committed()[(FIRST, SECOND)[level], KINDS[kind].name][law].split(", ")
    for n, cell in zip(SIZES, cells, strict=True):
        found = coverage.missed(KINDS[kind], LAWS[law], n, LEVELS[level], draws)
        if cell == "–":
            assert found is None
        else:
            expected = float(cell) / 100
            assert found == pytest.approx(expected, abs=room(expected, draws))


def test_the_page_has_every_interval_and_a_place_for_new_tables() -> None:
    assert f"{OPENING}\n\nnew\n\n{CLOSING}" in coverage.written(PAGE.read_text(encoding="utf-8"), ["new"])
    rows = committed()
    laws = [(table, kind.name) for table in (FIRST, SECOND) for kind in KINDS]
    exact = [(EXACT, name, stated) for name in ("rate", "difference of rates") for stated in ("5.0", "0.2")]
    assert list(rows) == [*laws, *exact, *((LOOKS, case.name) for case in STOPPING)]


def test_the_page_has_the_exact_rates_of_missing_a_rate() -> None:
    rows = committed()
    for level, stated in zip(LEVELS, ("5.0", "0.2"), strict=True):
        worst = [coverage.rate_missed(n, level) for n in SIZES]
        assert max(worst) <= 1 - level
        cells = [float(cell) / 100 for cell in rows[EXACT, "rate", stated]]
        assert worst == pytest.approx(cells, rel=0.01, abs=5e-5)
        few = float(rows[EXACT, "difference of rates", stated][0]) / 100
        assert coverage.difference_missed(SIZES[0], level) == pytest.approx(few, rel=0.02, abs=5e-5)


@pytest.mark.parametrize("place", [0, 1, 5])
def test_declared_looks_hold_and_others_do_not(place: int) -> None:
    runs, case = 150, STOPPING[place]
    found = coverage.stopped(case, runs)
    assert found.missed <= 0.05 + room(0.05, runs)
    assert found.missed < found.undeclared
    cells = committed()[LOOKS, case.name]
    shares = (found.missed, found.undeclared, found.decided, found.fixed_mean, found.fixed_largest)
    for share, cell in zip(shares, cells[:2] + cells[3:], strict=True):
        expected = float(cell) / 100
        assert share == pytest.approx(expected, abs=room(expected, runs))
    assert found.seeds == pytest.approx(float(cells[2]), rel=0.1)


def test_runs_stop_at_the_first_look_where_all_claims_are_decided() -> None:
    decided = np.array(
        [
            [[False, True, True], [True, True, True]],  # both at the second look
            [[True, True, True], [True, False, True]],  # both at the first, whatever comes
            [[False, False, False], [True, True, True]],  # one never
            [[True, False, False], [False, True, False]],  # never both
        ]
    )
    assert coverage._first(decided).tolist() == [1, 0, 2, 2]


def test_tables_are_written_between_the_comments_and_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "SIZES", (5, 10))  # for speed
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n\n{OPENING}\nold\n{CLOSING}\n\nAfter.\n", encoding="utf-8")
    arguments = ["--page", str(page), "--draws", "4", "--runs", "2"]
    assert coverage.main(arguments) == 0
    once = page.read_text(encoding="utf-8")
    assert once.startswith(f"Before.\n\n{OPENING}\n\nMisses in %")
    assert once.endswith(f"|\n\n{CLOSING}\n\nAfter.\n")
    assert "old" not in once
    assert coverage.main(arguments) == 0
    assert page.read_text(encoding="utf-8") == once


@pytest.mark.parametrize("page", ["", f"{OPENING}\n", f"{CLOSING}\n{OPENING}\n", f"{OPENING}\n{CLOSING}\n{CLOSING}\n"])
def test_a_page_without_the_comments_is_refused_before_anything_is_simulated(
    page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "page.md"
    place.write_text(page, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        coverage.main(["--page", str(place)])
    assert ended.value.code == 2
    assert f"page.md: the page needs {OPENING} and, below it, {CLOSING}, each once" in capsys.readouterr().err
    assert place.read_text(encoding="utf-8") == page
