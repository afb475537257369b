"""Reviews for the tests of the format: a good one in pieces, and a short way to read one."""

from __future__ import annotations

from verify.errors import UserError
from verify.format.reviews import parse
from verify.model import Experiment, Review

COIN = Experiment(
    name="coin",
    module="verify.experiments.coin",
    line=1,
    parameters=("arm", "bias", "examples", "lr", "fair", "epochs"),
    required=("bias",),
    batched=False,
    values=("error", "loss", "epoch"),
)
FREE = Experiment("free", "verify.experiments.free", 1, ("bias", "arm"), (), False)
"""An experiment that does not say what it returns."""
EXPERIMENTS = {"coin": COIN, "free": FREE}

FRONT = """\
---
title: Coins
authors: [Ann Author, Bo Writer]
venue: ICLR 2017
section: Training
summary: Coins come up heads.
---
"""
HEAD = """\
id: toss
experiment: coin
grid:
  arm: [old, new]
  bias: [0.1, 0.2, 0.4, 0.8, 0.9]
scales:
  tiny: {examples: 10, seeds: 5}
  small: {examples: 100, seeds: 3}
"""
SWEEP = """\
id: sweep
experiment: coin
grid:
  arm: [old, new]
  lr: [0.1, 1e-3]
parameters: {bias: 0.5}
scales:
  tiny: {seeds: 2}
  small: {seeds: 2}
"""
CLAIM = """\
claims:
  - id: falls
    says: The new coin errs less.
    source: Table 1
    test: {metric: error, statistic: difference, arms: [{arm: new}, {arm: old}], at_most: 0}
"""


APART = "[{arm: [old], bias: [0.1]}, {arm: [new], bias: [0.2]}]"
"""A grid in which each arm has one bias."""
CHOOSING = HEAD.replace("grid:", "parameters: {lr: {choose_from: sweep, minimise: loss}}\ngrid:")
COMPARE = "metric: error, statistic: difference, arms: [{arm: new}, {arm: old}]"
MEAN = "metric: error, where: {arm: new}"


def fence(content: str) -> str:
    """A `yaml verify` fence."""
    return f"```yaml verify\n{content}```\n"


def claim(test: str, control: str = "", head: str = HEAD) -> str:
    """A review with one claim, its test in flow style."""
    lines = [f"  - id: falls\n    says: It falls.\n    source: Table 1\n    test: {test}\n"]
    lines += [f"    control: {control}\n"] if control else []
    return FRONT + fence(head + "claims:\n" + "".join(lines))


def figure(fields: str, head: str = HEAD) -> str:
    """A review with one figure, in flow style, its id and caption given."""
    return FRONT + fence(f"{head}figures:\n  - {{id: curve, caption: A curve., {fields}}}\n")


Case = tuple[str, str, str, str]
"""A review, a fragment that first occurs in the line reported, the message and the hint."""


def front(old: str, new: str) -> str:
    assert old in FRONT
    return FRONT.replace(old, new)


def head(old: str, new: str) -> str:
    assert old in HEAD
    return FRONT + fence(HEAD.replace(old, new))


def with_grid(grid: str) -> str:
    """The head with another grid."""
    start, end = HEAD.index("grid:"), HEAD.index("scales:")
    return f"{HEAD[:start]}grid: {grid}\n{HEAD[end:]}"


def chosen(choice: str, sweep: str = SWEEP) -> str:
    return FRONT + fence(HEAD.replace("grid:", f"parameters: {{lr: {choice}}}\ngrid:")) + fence(sweep)


def prose(text: str, grid: str = "") -> str:
    """A review that says `text`, with a claim."""
    return FRONT + text + "\n\n" + fence((with_grid(grid) if grid else HEAD) + CLAIM)


def no_fences(code: str, path: str) -> tuple[dict[str, Experiment], list[UserError]]:
    raise AssertionError(f"{path} has no python fences, but was read:\n{code}")


def read(text: str, path: str = "reviews/coins.md") -> tuple[Review | None, list[UserError]]:
    return parse(path, text, EXPERIMENTS, no_fences)


def good(text: str) -> Review:
    """The review in a text without mistakes."""
    review, errors = read(text)
    assert review is not None, "\n".join(map(str, errors))
    return review


def complaints(text: str, path: str = "reviews/coins.md") -> list[tuple[int, str, str]]:
    """Line, message and hint of every mistake."""
    review, errors = read(text, path)
    assert review is None
    assert all(error.file == path for error in errors)
    return [(error.line, error.message, error.hint) for error in errors]


def line_of(text: str, fragment: str) -> int:
    """The 1-based line of the first occurrence of the fragment."""
    return text[: text.index(fragment)].count("\n") + 1


def check_case(case: Case) -> None:
    """Assert that the review has the one mistake."""
    text, fragment, message, hint = case
    assert complaints(text) == [(line_of(text, fragment), message, hint)]
