"""What the prose says of the evidence: each mistake at its line, and nothing besides."""

from __future__ import annotations

import pytest

from tests.reviewing import APART, CLAIM, HEAD, Case, check_case, complaints, fence, front, prose

PROSE: list[Case] = [
    (
        prose("{{ toss.error | maen }}"),
        "{{",
        "'maen' is not a format for a number",
        "did you mean 'mean'? (or a format such as .1%)",
    ),
    (prose("{{ tos.error }}"), "{{ tos.e", "no verification is called 'tos'", "did you mean 'toss'?"),
    (prose("{{ toss.eror }}"), "{{ toss.", "verification 'toss' measures no 'eror'", "did you mean 'error'?"),
    (prose("{{ toss.error[arm=odl] }}"), "{{ toss.", "'arm' is never odl at scale tiny", "did you mean 'old'?"),
    (
        prose("{{ toss.error[arn=old] }}"),
        "{{ toss.",
        "'arn' is not a parameter of this verification",
        "did you mean 'arm'?",
    ),
    (
        prose("{{ toss.error @full }}"),
        "{{ toss.",
        "verification 'toss' declares no scale full",
        "it declares tiny, small",
    ),
    (prose("{{ toss.error @tinny }}"), "{{ toss.", "no scale is called 'tinny'", "did you mean 'tiny'?"),
    (
        prose("{{ toss.error | median }}"),
        "{{ toss.",
        "'median' is not a format for a number",
        "did you mean 'mean'? (or a format such as .1%)",
    ),
    (
        prose("{{ toss.error | .1% | sd }}"),
        "{{ toss.",
        "'.1%' is not a statistic",
        "known: max, mean, min, n, sd (mean, sd, min, max, n; a format may follow)",
    ),
    (
        prose("{{ toss.error | d }}"),
        "{{ toss.",
        "'d' is not a format for a number",
        "did you mean 'sd'? (or a format such as .1%)",
    ),
    (
        prose("{{ toss.error | n | s }}"),
        "{{ toss.",
        "'s' is not a format for an integer",
        "did you mean 'sd'? (or a format such as .1%)",
    ),
    (
        prose("{{ toss.error[arm] }}"),
        "{{ toss.",
        "'[arm]' is not a selection",
        "[key=value, key=value]; quote a value with a comma",
    ),
    (prose("{{ toss.error[] }}"), "{{ toss.", "'[]' selects nothing in particular", "leave it out"),
    (prose("{{ toss.error[arm=] }}"), "{{ toss.", "'arm' has no value", "[key=value]"),
    (
        prose("{{ toss.error[arm=old, arm=new] }}"),
        "{{ toss.",
        "'arm' stands twice in '[arm=old, arm=new]'",
        "one value each",
    ),
    (prose("{{ toss.error[bias=1e999] }}"), "{{ toss.", "1e999 is too large a number", "quote it to make it a text"),
    (
        prose("{{ toss }}"),
        "{{ toss ",
        "'{{ toss }}' is not a binding",
        "{{ verification.metric[key=value] @scale | statistic | format }}; \\{{ for the two characters",
    ),
    (
        prose("{{ toss.error"),
        "{{ toss.",
        "'{{' is not closed by '}}' in its paragraph",
        "write \\{{ for the two characters",
    ),
    (
        prose("{{ verdict.falls.estimat }}"),
        "{{ verdi",
        "a verdict has no 'estimat'",
        "did you mean 'estimate'? (as in {{ verdict.claim-id.estimate }})",
    ),
    (prose("{{ verdict.fals.estimate }}"), "{{ verdi", "no claim is called 'fals'", "did you mean 'falls'?"),
    (
        prose("{{ verdict.falls.estimate[arm=old] }}"),
        "{{ verdi",
        "a verdict takes no [key=value]",
        "the claim's test says which trials",
    ),
    (
        prose("{{ verdict.falls.status | .1f }}"),
        "{{ verdi",
        "'.1f' after a verdict's status",
        "a number takes one format, a status none",
    ),
    (
        prose("{{ verdict.falls.low | .1f | .2f }}"),
        "{{ verdi",
        "'.1f | .2f' after a verdict's low",
        "a number takes one format, a status none",
    ),
    (
        prose("{{ verdict.falls.low @full }}"),
        "{{ verdi",
        "verification 'toss' declares no scale full",
        "it declares tiny, small",
    ),
    (
        prose("[@fals]"),
        "[@fals]",
        "no claim is called 'fals'",
        "did you mean 'falls'? (write \\[@fals] for the text itself)",
    ),
    (prose("[@falls suported]"), "[@falls ", "'suported' is not a verdict", "did you mean 'supported'?"),
    (prose("[@falls @full]"), "[@falls ", "verification 'toss' declares no scale full", "it declares tiny, small"),
    (prose("[@falls @]"), "[@falls ", "no scale is called ''", "known: full, small, tiny"),
    (
        prose("[@ falls]"),
        "[@ falls",
        "'[@ falls]' is not a reference to a claim",
        "[@claim-id] or [@claim-id supported @tiny]",
    ),
    (
        prose("{{ toss.error[arm=old, bias=0.2] }}", APART),
        "{{ toss.",
        "no trial at scale tiny has arm=old, bias=0.2",
        "each value occurs, but not in one grid",
    ),
]


@pytest.mark.parametrize("case", PROSE)
def test_mistake(case: Case) -> None:
    check_case(case)


def test_all_mistakes_at_once_in_the_order_of_their_lines() -> None:
    text = (
        front("title: Coins\n", "titel: Coins\n")
        + "{{ toss.eror }} [@fals]\n\n"
        + fence(HEAD + CLAIM.replace("arm: new", "arm: newt"))
    )
    assert [message for _line, message, _hint in complaints(text)] == [
        "the front matter has no key 'titel'",
        "the front matter needs the key 'title'",
        "verification 'toss' measures no 'eror'",
        "no claim is called 'fals'",
        "'arm' is never newt at scale tiny",
    ]
