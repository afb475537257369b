"""Nothing an author writes makes `parse` raise."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reviewing import CHOOSING, CLAIM, EXPERIMENTS, FRONT, HEAD, SWEEP, claim, fence, figure, prose
from verify.format.reviews import parse

WHOLE = [
    FRONT + fence(CHOOSING + CLAIM) + fence(SWEEP),
    claim("{metric: error, statistic: holdout_error, along: bias, form: log, rivals: [power], at_most: 0}"),
    figure("x: bias, y: error, where: {arm: old}, fits: [log]"),
    prose("{{ toss.error[arm=old, bias=0.1] @tiny | sd | .2f }} {{ verdict.falls.low }} [@falls supported @tiny] $x$"),
]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="-:{}[]|@$`~\\\n\t #&*!>'\"abyes01.é\u2028\x85%", max_size=300))
def test_garbage_is_reported_and_never_raises(garbage: str) -> None:
    for text in (garbage, FRONT + garbage, FRONT + f"```yaml verify\n{garbage}\n```\n", FRONT + fence(HEAD) + garbage):
        review, errors = parse("reviews/coins.md", text, EXPERIMENTS, lambda _code, _path: ({}, []))
        assert (review is None) == bool(errors)
        assert all(1 <= error.line <= text.count("\n") + 2 for error in errors)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WHOLE), st.data())
def test_a_damaged_review_never_raises(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 40, len(text))))
    damaged = (
        text[:start]
        + data.draw(st.sampled_from(["", " ", "\n", "[", "{", ": ", "- ", "null", "1", "```\n"]))
        + text[end:]
    )
    review, errors = parse("reviews/coins.md", damaged, EXPERIMENTS, lambda _code, _path: ({}, []))
    assert (review is None) == bool(errors)
