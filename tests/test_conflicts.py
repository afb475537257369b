"""Conflicts that git left in files are told as such, at their line."""

from __future__ import annotations

import pytest

from tests.reviewing import CLAIM, EXPERIMENTS, FRONT, HEAD, fence
from verify.errors import UserError
from verify.format.reviews import parse
from verify.project import lines

CONFLICT = "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other branch\n"


def _errors(text: str) -> list[tuple[int, str]]:
    review, errors = parse("reviews/coins.md", text, EXPERIMENTS, lambda _code, _path: ({}, []))
    assert (review is None) == bool(errors)
    return [(error.line, error.message) for error in errors]


GOOD = FRONT + "\n# A\n\nText.\n\n" + fence(HEAD + CLAIM)


@pytest.mark.parametrize("line", ["title: Coins", "section: Training", "Text.", "id: toss", "claims:", "---"])
def test_anywhere_in_a_review(line: str) -> None:
    """Whatever else it does to the file, one message is all there is."""
    text = GOOD.replace(f"{line}\n", CONFLICT.format(line, "other: 1"), 1)
    begun = text.split("\n").index("<<<<<<< HEAD") + 1
    assert _errors(text) == [(begun, f"this is a conflict that git left: lines {begun} to {begun + 4}")]


def test_all_of_them_are_told() -> None:
    text = GOOD + CONFLICT.format("a", "b") + "\ntext\n\n" + CONFLICT.format("", "||||||| base\nc\n\nd")
    assert len(_errors(text)) == 2


@pytest.mark.parametrize("left", ["<<<<<<< HEAD\nText.\n", "Text.\n=======\nOther text.\n>>>>>>> other\n"])
def test_what_is_left_of_one(left: str) -> None:
    assert [message.partition(":")[0] for _, message in _errors(GOOD + left)] == ["this is a conflict that git left"]


@pytest.mark.parametrize(
    "meant",
    ["Heading\n=======\n", "=======\n", ">>>>>>> quoted\n", "<<<<<<<< eight\n", "<<<<<<<seven\n",
     "A\n=======\n\n>>>>>>> quoted\n", "    <<<<<<< HEAD\n    a\n    =======\n    >>>>>>> b\n"],
)  # fmt: skip
def test_what_only_looks_like_one(meant: str) -> None:
    assert _errors(GOOD + "\n" + meant) == []


@pytest.mark.parametrize("place", [0, 1])
def test_in_evidence(place: int) -> None:
    content = [
        b'{"evidence":{"version":2,"verification":"toss","scale":"tiny"}}',
        b'{"code":{"id":"c","definitions":{}}}',
    ]
    content[place : place + 1] = [b"<<<<<<< HEAD", content[place], b"=======", content[place], b">>>>>>> other"]
    with pytest.raises(UserError) as caught:
        lines.decode(b"\n".join(content) + b"\n", "docs/evidence/coins/toss.tiny.jsonl", ("coins", "toss", "tiny"))
    assert str(caught.value) == (
        f"docs/evidence/coins/toss.tiny.jsonl:{place + 1}: this is a conflict that git left\n    {lines.RESTORE}"
    )
