"""What pages are made of: links, numbers, words, bars, listings, drawings."""

from __future__ import annotations

import re

import pytest

from verify.model import Claim, Criterion, Verdict
from verify.model import Test as Asked  # not by a name that pytest collects
from verify.site import listings, words
from verify.site.intervals import interval
from verify.site.links import link_from


@pytest.mark.parametrize(
    ("page", "target", "directories", "expected"),
    [
        ("index.md", "reviews/coin.md", True, "reviews/coin/"),
        ("index.md", "reviews/coin.md", False, "reviews/coin.html"),
        ("reviews/coin.md", "evidence/coin/a b.svg", True, "../../evidence/coin/a%20b.svg"),
        ("reviews/coin.md", "evidence/coin/a.svg", False, "../evidence/coin/a.svg"),
        ("reviews/coin.md", "index.md", True, "../../"),
        ("reviews/coin.md", "index.md", False, "../index.html"),
        ("reviews/coin.md", "guide/run.md#on-a-gpu", True, "../../guide/run/#on-a-gpu"),
        ("index.md", "index.md", True, "./"),
    ],
)
def test_links_are_relative(page: str, target: str, directories: bool, expected: str) -> None:
    assert link_from(page, directories)(target) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0123456, "−0.0123"),
        (0.5, "0.5"),
        (99.99, "100"),
        (1234.5, "1234"),
        (1e-9, "1e−09"),
        (float("inf"), "inf"),
        (5e6, "5e+06"),
    ],
)
def test_numbers_are_written_for_reading(value: float | None, expected: str) -> None:
    assert words.number(value) == expected


def test_durations_and_counts_are_written_for_reading() -> None:
    assert [words.duration(value) for value in (0.25, 42, 150, 3600, 5400)] == [
        "0.25 s",
        "42 s",
        "2 min",
        "1 h",
        "1 h 30 min",
    ]
    assert [words.count(value, "trial") for value in (0, 1, 1200)] == ["0 trials", "1 trial", "1,200 trials"]
    assert words.scalar(True) == "yes"
    assert words.scalar(0.0015) == "0.0015"


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (Asked("e", Criterion(high=0.1)), "mean e: at most 0.1"),
        (
            Asked("e", Criterion(low=-1, high=1), "log_ratio", arms=({"a": 1}, {"a": 2})),
            "log ratio of e (a = 1 over a = 2): within −1 to 1",
        ),
        (Asked("e", Criterion(low=0), "slope", along="n", log=True), "slope of e per decade of n: at least 0"),
        (
            Asked("e", Criterion(low=0), "interaction", along="n", arms=({"w": 1}, {"w": 2})),
            "interaction: difference of the slopes of e over n (w = 1 minus w = 2): at least 0",
        ),
        (
            Asked("e", Criterion(low=0), "interaction", along="n", log=True, spans=((1000, 10000), (100, 1000))),
            "interaction: slope of e per decade of n from 1000 to 10000, minus that from 100 to 1000: at least 0",
        ),
        (
            Asked("e", Criterion(low=0), "interaction", arms=({"w": 1}, {"w": 2}), between=({"k": 1}, {"k": 2})),
            "interaction: difference of the differences of e, k = 1 against k = 2 (w = 1 minus w = 2): at least 0",
        ),
        (
            Asked("e", Criterion(high=0), "holdout_error", along="n", form="log", rivals=("power",)),
            "error of the log form at the largest n, minus that of the best of power: at most 0",
        ),
        (Asked("e", Criterion(high=1), "sd"), "sd over seeds of e: at most 1"),
        (
            Asked("e", Criterion(high=0), "sd", arms=({"a": 1}, {"a": 2})),
            "log ratio of the sd over seeds of e (a = 1 over a = 2): at most 0",
        ),
        (
            Asked("e", Criterion(high=0, every=True), "difference", arms=({"a": 1}, {"a": 2})),
            "in every seed, the difference of e (a = 1 minus a = 2): at most 0",
        ),
    ],
)
def test_every_kind_of_test_has_words(test: Asked, expected: str) -> None:
    assert words.asks(test) == expected


def test_an_address_must_be_one_of_the_web() -> None:
    assert words.web_address("https://example.org/a") == "https://example.org/a"
    assert words.web_address("javascript:alert(1)") is None


def test_the_bar_shows_estimate_interval_and_criterion_where_they_lie() -> None:
    claim = Claim("a", "says", "Section 1", Asked("e", Criterion(high=0.0)), 1)
    verdict = Verdict(
        "a", "tiny", "inconclusive", "it straddles", estimate=0.5, low=-0.5, high=1.5, control=1.0, per_seed=(0.4, 0.6)
    )
    svg = interval(verdict, claim.test.criterion)
    assert 'aria-label="estimate 0.5, interval −0.5 to 1.5; the claim holds at most 0"' in svg
    low, high = (float(x) for x in re.findall(r'class="interval" d="M([\d.]+) 14H([\d.]+)M', svg)[0])
    bound = float(re.findall(r'class="bound" x1="([\d.]+)"', svg)[0])
    assert bound == pytest.approx(low + (high - low) / 4, abs=0.2)
    assert len(re.findall(r"M[\d.]+ 14h0", svg)) == 2
    assert 'class="control"' in svg


@pytest.mark.parametrize("span", [0.0085, 0.1, 1.0, 1.1, 3.0, 7.5, 99.0, 1e6])
def test_the_axis_of_a_bar_has_three_ticks_or_more_and_few_enough(span: float) -> None:
    verdict = Verdict("a", "tiny", "inconclusive", "", estimate=0.3 * span, low=-0.31 * span, high=0.69 * span)
    ticks = re.findall(r"<text[^>]*>([^<]+)</text>", interval(verdict, Criterion(high=0.0)))
    assert 3 <= len(ticks) <= 8
    assert "0" in ticks


def test_numbers_to_be_compared_have_the_same_decimals() -> None:
    assert words.alike(0.00116, -0.000864, 0.00318) == ["0.00116", "−0.00086", "0.00318"]
    assert words.alike(0.5, 1e-9, 0.75) == ["0.500", "1e−09", "0.750"]
    assert words.alike(1e9, 0.0, 2e9) == ["1e+09", "0", "2e+09"]


def test_without_an_estimate_there_is_no_bar_and_no_spread_still_gives_one() -> None:
    criterion = Criterion(high=1.0)
    assert interval(Verdict("a", "tiny", "not run", ""), criterion) == ""
    assert interval(Verdict("a", "tiny", "failed", "", estimate=float("nan")), criterion) == ""
    assert "estimate 1" in interval(Verdict("a", "tiny", "inconclusive", "", estimate=1.0), criterion)


def test_listings_keep_blank_lines_as_lines_that_are_not_blank() -> None:
    html = listings.listing("a = 1\n\n\nb = 2\n", "python")
    assert html.count("<span></span>\n") == 2
