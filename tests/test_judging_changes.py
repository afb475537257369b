"""What counts as a change between two versions of a claim."""

from __future__ import annotations

import pytest

from verify.judging import changes


@pytest.mark.parametrize(
    ("before", "now", "others"),
    [
        ("ab", "abcd", False),
        ("abcd", "ab", False),
        ("ab", "ac", True),
        ("", "a", True),
        ("a", "", True),
        ("ab", "ab", False),
    ],
)
def test_more_seeds_with_data_of_their_own_have_seen_no_other_data(before: str, now: str, *, others: bool) -> None:
    assert changes._are_others(frozenset(before), frozenset(now)) is others
