"""Words for readers, headline claims and identities: what is read, and each mistake at its line."""

from __future__ import annotations

import pytest

from tests.reviewing import (
    CHOOSING,
    CLAIM,
    FRONT,
    HEAD,
    SWEEP,
    Case,
    check_case,
    claim,
    fence,
    front,
    good,
    head,
)
from verify.model import Metric, Named, Terms

METRICS = 'metrics: {error: {label: test error, unit: "%"}}\n'
NAMES = "names: {arm: {old: the old coin, new: the new one}, bias: chance of heads}\n"
EXACT = "{metric: error, where: {arm: new}, every: {at_most: 0}}"
IDENTITY = HEAD.replace("  small: {examples: 100, seeds: 3}\n", "identity: true\n")


def words(text: str) -> str:
    """A review with words for readers in its only verification."""
    return FRONT + fence(HEAD + text)


def before_all(text: str, *fences: str) -> str:
    """A review with words for readers in its front matter."""
    return front("summary:", f"{text}summary:") + "".join(fence(each) for each in fences or (HEAD,))


def terms(text: str) -> Terms:
    return good(text).verifications[0].terms


def test_metrics_and_names_are_read() -> None:
    expected = Terms(
        {"error": Metric("test error", "%")},
        {"arm": Named("", {"old": "the old coin", "new": "the new one"}), "bias": Named("chance of heads")},
    )
    assert terms(words(METRICS + NAMES)) == expected
    assert terms(before_all(METRICS + NAMES)) == expected
    assert terms(FRONT + fence(HEAD)) == Terms()


def test_a_verification_replaces_single_words_of_the_front_matter() -> None:
    own = "metrics: {error: {label: training error}}\nnames: {bias: coin}\n"
    shared = METRICS.replace("}}", "}, loss: {unit: nats}}") + NAMES
    assert terms(before_all(shared, HEAD + own)) == Terms(
        {"error": Metric("training error"), "loss": Metric("", "nats")},
        {"arm": Named("", {"old": "the old coin", "new": "the new one"}), "bias": Named("coin")},
    )


def test_a_parameter_is_named_among_its_values() -> None:
    assert terms(words("names: {arm: {arm: coin, old: the old one}}\n")).names == {
        "arm": Named("coin", {"old": "the old one"})
    }
    arms = HEAD.replace("[old, new]", "[arm, leg]")  # a value of the parameter's own name
    assert terms(FRONT + fence(arms + "names: {arm: {arm: an arm}}\n")).names["arm"] == Named("", {"arm": "an arm"})


@pytest.mark.parametrize("written", ["0.1", "1e-1", "0.10"])
def test_a_number_is_named_however_it_is_written(written: str) -> None:
    assert terms(words(f"names: {{bias: {{{written}: low}}}}\n")).names["bias"].values == {"0.1": "low"}


def test_true_is_named_and_one_is_another_value() -> None:
    flags = HEAD.replace("  arm: [old, new]", "  fair: [true, false]")
    assert terms(FRONT + fence(flags + "names: {fair: {true: fair, false: bent}}\n")).names["fair"].values == {
        "true": "fair",
        "false": "bent",
    }


def test_values_that_another_verification_chooses_have_names() -> None:
    text = FRONT + fence(CHOOSING + "names: {lr: {1e-3: slow}}\n") + fence(SWEEP)
    assert terms(text).names["lr"].values == {"0.001": "slow"}


def test_the_front_matter_names_what_any_verification_has() -> None:
    text = before_all("names: {lr: {0.1: fast}, examples: data}\n", HEAD, SWEEP)
    assert {name: each.terms.names.keys() for name, each in zip("ab", good(text).verifications, strict=True)} == {
        "a": {"lr", "examples"},
        "b": {"lr", "examples"},
    }


TERMS: list[Case] = [
    (
        words("metrics: [error]\n"),
        "metrics",
        "`metrics` must be a mapping of metrics to labels and units, not a list",
        "",
    ),
    (
        words("metrics: {eror: {label: test error}}\n"),
        "metrics",
        "experiment coin returns no 'eror'",
        "did you mean 'error'?",
    ),
    (
        before_all("metrics: {eror: {label: test error}}\n"),
        "metrics",
        "experiment coin returns no 'eror'",
        "did you mean 'error'?",
    ),
    (
        before_all("metrics:\n  loss: {unit: nats}\n  eror: {label: e}\n", HEAD, SWEEP),
        "  eror",
        "no experiment of this review returns 'eror'",
        "did you mean 'error'?",
    ),
    (
        words("metrics: {error: test error}\n"),
        "metrics",
        "metric 'error' must be a mapping of keys to values, not the text 'test error'",
        "",
    ),
    (
        words("metrics: {error: {name: test error}}\n"),
        "metrics",
        "metric 'error' has no key 'name'",
        "known: label, unit",
    ),
    (
        words("metrics: {error: {}}\n"),
        "metrics",
        "metric 'error' has neither a label nor a unit",
        "such as {label: test error}",
    ),
    (
        words("metrics: {error: {unit: percent of all the examples}}\n"),
        "metrics",
        "`unit` has 27 letters: a unit has up to 20",
        '"%" for a fraction, or a few letters such as s, nats or epochs',
    ),
    (words("names: coin\n"), "names", "`names` must be a mapping of parameters to names, not the text 'coin'", ""),
    (
        words("names: {arms: {old: the old coin}}\n"),
        "names",
        "'arms' is not a parameter of this verification",
        "did you mean 'arm'?",
    ),
    (
        before_all("names: {arms: coin}\n"),
        "names",
        "'arms' is not a parameter of any verification",
        "did you mean 'arm'?",
    ),
    (words("names: {arm: [old]}\n"), "names", "`arm` must be a text, not a list", ""),
    (
        words("names:\n  arm:\n    old: the old coin\n    nwe: the new one\n"),
        "    nwe",
        "'arm' is never nwe in this verification",
        "did you mean 'new'?",
    ),
    (
        before_all("names: {bias: {0.3: low}}\n"),
        "names",
        "'bias' is never 0.3 in any verification",
        "did you mean '0.9'?",
    ),
    (
        words("names: {arm: {old: coin, new: coin}}\n"),
        "names",
        "two values of 'arm' are called 'coin': old and new",
        "give each a name of its own",
    ),
    (
        words("names: {arm: {old: new}}\n"),
        "names",
        "two values of 'arm' are called 'new': old and new",
        "give each a name of its own",
    ),
    (words("names: {arm: {old: [a, b]}}\n"), "names", "`old` must be a text, not a list", ""),
]


@pytest.mark.parametrize("case", TERMS)
def test_a_mistake_in_words_for_readers(case: Case) -> None:
    check_case(case)


def test_a_mistake_elsewhere_brings_no_other() -> None:
    check_case(
        (
            head("seeds: 5", "seeds: none").replace("scales:", NAMES.replace("arm", "lr") + "scales:"),
            "tiny",
            "`seeds` must be an integer of at least 1, not the text 'none'",
            "",
        )
    )


# --- headline claims


def headlines(*values: str) -> str:
    one = CLAIM.removeprefix("claims:\n")
    claims = [one.replace("id: falls", f"id: falls-{n}\n    headline: {each}") for n, each in enumerate(values)]
    return FRONT + fence(HEAD + "claims:\n" + "".join(claims))


def test_a_claim_may_be_a_headline_and_ask_in_words() -> None:
    text = claim("{metric: error, where: {arm: new}, at_most: 0}", "{where: {arm: old}}\n    asks: By half a point?")
    assert [each.asks for each in good(text).claims] == ["By half a point?"]
    found = good(headlines("true", "false", "true", "true", "true")).claims
    assert [each.headline for each in found] == [True, False, True, True, True]
    assert all(not each.asks for each in found)


HEADLINES: list[Case] = [
    (
        headlines("true", "true", "true", "true", "false", "true # fifth"),
        "headline: true # fifth",
        "this is headline claim 5: a review has up to 4",
        "the others stand in lines 19, 24, 29, 34",
    ),
    (headlines("yes"), "headline", "`headline` must be true or false, not the text 'yes'", ""),
    (claim(f"{EXACT}\n    asks: [why]", "{where: {arm: old}}"), "asks", "`asks` must be a text, not a list", ""),
]


@pytest.mark.parametrize("case", HEADLINES)
def test_a_mistake_in_a_headline_or_a_question(case: Case) -> None:
    check_case(case)


def test_headlines_are_counted_over_the_verifications() -> None:
    two = [HEAD.replace("id: toss", f"id: toss-{n}") + "claims:\n" for n in range(2)]
    one = CLAIM.removeprefix("claims:\n")
    more = [one.replace("id: falls", f"id: falls-{n}\n    headline: true") for n in range(5)]
    text = FRONT + fence(two[0] + "".join(more[:3])) + fence(two[1] + "".join(more[3:]))
    check_case(
        (
            text.replace("id: falls-4\n    headline: true", "id: falls-4\n    headline: true # last"),
            "headline: true # last",
            "this is headline claim 5: a review has up to 4",
            "the others stand in lines 19, 24, 29, 45",
        )
    )


# --- identities


def test_an_identity_is_read() -> None:
    assert good(claim(EXACT, "{where: {arm: old}}", IDENTITY)).verifications[0].identity
    assert not good(FRONT + fence(HEAD)).verifications[0].identity


IDENTITIES: list[Case] = [
    (
        FRONT + fence(HEAD + "identity: true\n"),
        "identity",
        "an identity is the same at every scale, and declares one: not tiny, small",
        "leave tiny alone under `scales`",
    ),
    (FRONT + fence(HEAD + "identity: 1\n"), "identity", "`identity` must be true or false, not the number 1", ""),
    (
        claim("{metric: error, where: {arm: new}, at_most: 0}", "{where: {arm: old}}", IDENTITY),
        "test: {m",
        "a claim of an identity must hold in every trial",
        "write its criterion as `every: {…}`, without `rate`, or leave `identity` out",
    ),
    (
        claim(EXACT.replace("at_most: 0", "at_most: 0, rate: 0.9"), "{where: {arm: old}}", IDENTITY),
        "test: {m",
        "a claim of an identity must hold in every trial",
        "write its criterion as `every: {…}`, without `rate`, or leave `identity` out",
    ),
]


@pytest.mark.parametrize("case", IDENTITIES)
def test_a_mistake_in_an_identity(case: Case) -> None:
    check_case(case)
