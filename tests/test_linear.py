"""Reading a review and writing its page take time in proportion to its length, whatever stands in it.

Each text is read at some length and at four times that, by processor time in this process: what takes the square of
the length takes sixteen times as long, so that what lies below ten does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.reviewing import COMPARE, EXPERIMENTS, FRONT, HEAD, fence
from tests.writing import write
from verify.format.reviews import parse

MOST = 10
"""Times as long, for four times as much."""
LEAST = 0.08
"""Seconds below which nothing is slow."""


def _claims(number: int) -> str:
    test = f"{{{COMPARE}, at_most: 0}}"
    claims = (f"  - {{id: c{each}, says: It falls., source: Table 1, test: {test}}}\n" for each in range(number))
    return FRONT + fence(HEAD + "claims:\n" + "".join(claims)) + "".join(f"[@c{each}]\n\n" for each in range(number))


def _figures(number: int) -> str:
    lines = (f"  - {{id: f{each}, caption: A, x: bias, y: error}}\n" for each in range(number))
    return FRONT + fence(HEAD + "figures:\n" + "".join(lines))


def _values(number: int) -> str:
    grid = f"grid: {{bias: [{', '.join(map(str, range(number)))}]}}\n"
    return FRONT + fence(f"id: toss\nexperiment: free\n{grid}scales:\n  tiny: {{seeds: 1}}\n")


def _keys(number: int) -> str:
    return FRONT + fence("".join(f"key-{each}: 1\n" for each in range(number)))


def _aliases(number: int) -> str:
    """Each of them nine times the one before: a billion of them, were they followed."""
    lines = (f"k{each}: &a{each} [{', '.join([f'*a{each - 1}'] * 9)}]\n" for each in range(1, number))
    return FRONT + fence("k0: &a0 1\n" + "".join(lines))


def _strays(number: int) -> str:
    return FRONT + "````yaml verify\n" + "```yaml verify\n" * number + "````\n"


def _seconds(do: Callable[[str], object], text: str) -> float:
    begun = time.process_time()
    do(text)
    return time.process_time() - begun


def _parse(text: str) -> None:
    parse("reviews/coins.md", text, EXPERIMENTS, lambda _code, _path: ({}, []))


def _expect_linear(do: Callable[[str], object], of: Callable[[int], str], number: int) -> None:
    do(of(5))  # what is loaded at the first time
    once, four_times = (_seconds(do, of(each)) for each in (number, 4 * number))
    if four_times > max(LEAST, MOST * once):  # a collection of garbage, or a neighbour, may have been in it
        once, four_times = (min(_seconds(do, of(each)) for _ in range(3)) for each in (number, 4 * number))
    assert four_times <= max(LEAST, MOST * once)


@pytest.mark.parametrize(
    ("of", "number"),
    [(_claims, 400), (_figures, 500), (_values, 2500), (_keys, 100), (_aliases, 150), (_strays, 1000)],
)
def test_reading_what_is_declared(of: Callable[[int], str], number: int) -> None:
    _expect_linear(_parse, of, number)


LINES = (
    "<!--", "{{", "$", "$$", "`", "![", "**", "\\[", "<a b=", "|", "```", "- a", "> a", "[^a]: b",
    "| a | b |\n|---|---|\n| 1 | $x|y$ |\n", "<div>", "a[^b]\n\n[^b]: c\n", "[a]: b",
)  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_page_of_many_such_lines(line: str) -> None:
    """Most of them open what nothing closes; none is longer than a paragraph may be."""
    number = 300 if "\n" in line or line == "<div>" else 1500 if line in ("{{", "$") else 800
    _expect_linear(write, lambda number: (line + "\n") * number, number)


@pytest.mark.parametrize("mark", ["<!--", "{{", "[@", "$", "![](", "**", "`", "> ", "a "])
def test_one_long_line(mark: str) -> None:
    _expect_linear(write, lambda number: mark * number, 3000 // len(mark))
