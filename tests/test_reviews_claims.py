"""Claims, their tests and controls: each mistake at its line, and nothing besides."""

from __future__ import annotations

import pytest

from tests.reviewing import (
    APART,
    CLAIM,
    COMPARE,
    FRONT,
    HEAD,
    MEAN,
    Case,
    check_case,
    claim,
    complaints,
    fence,
    with_grid,
)
from verify.model import STATISTICS

CROSSED = COMPARE.replace("difference", "interaction")
OLD = "{where: {arm: old}}"

CLAIMS: list[Case] = [
    (
        FRONT + fence(HEAD + CLAIM + CLAIM.removeprefix("claims:\n").replace("The new", "Again, the new")),
        "  - id: falls\n    says: Again",
        "claim 'falls' exists already",
        "in line 18; figures and claims of a review share their names",
    ),
    (
        claim(f"{{{COMPARE}, at_most: 0}}").replace("    source: Table 1\n", ""),
        "- id: fa",
        "a claim needs the key 'source'",
        "",
    ),
    (
        claim(f"{{{COMPARE}, at_most: 0}}").replace("falls\n", "It Falls\n"),
        "- id: It",
        "`id` must be a short name, not the text 'It Falls'",
        "lower-case letters, digits and hyphens, a letter first",
    ),
    (
        claim(f"{{{COMPARE}, at_most: 0}}").replace("    test:", "    reported: 5\n    test:"),
        "reported",
        "`reported` must be a mapping of names to numbers, not the number 5",
        "",
    ),
    (claim(f"{{{COMPARE}}}"), "test: {m", "a test has no criterion", "exactly one of at_most, at_least, within, every"),
    (
        claim(f"{{{COMPARE}, at_most: 0, at_least: 1}}"),
        "test: {m",
        "a test has 2 criteria: at_most, at_least",
        "exactly one of at_most, at_least, within, every",
    ),
    (claim(f"{{{COMPARE}, atmost: 0}}"), "test: {m", "a test has no key 'atmost'", "did you mean 'at_most'?"),
    (claim(f"{{{COMPARE}, at_most: low}}"), "test: {m", "`at_most` must be a number, not the text 'low'", ""),
    (claim(f"{{{COMPARE}, at_most: true}}"), "test: {m", "`at_most` must be a number, not true", ""),
    (
        claim(f"{{{COMPARE}, within: 0.1}}"),
        "test: {m",
        "`within` must be a list of two numbers, not the number 0.1",
        "such as [-0.01, 0.01]",
    ),
    (
        claim(f"{{{COMPARE}, within: [0.1, 0.1]}}"),
        "test: {m",
        "`within` is empty: 0.1 is not below 0.1",
        "the lower bound comes first",
    ),
    (claim(f"{{{COMPARE}, within: [0.1, x]}}"), "test: {m", "`within` must be a number, not the text 'x'", ""),
    (
        claim(f"{{{COMPARE}, every: {{}}}}"),
        "test: {m",
        "`every` needs exactly one bound",
        "one of at_most, at_least, within",
    ),
    (
        claim(f"{{{COMPARE}, every: {{at_most: 1, at_least: 0}}}}"),
        "test: {m",
        "`every` needs exactly one bound",
        "one of at_most, at_least, within",
    ),
    (
        claim(f"{{{COMPARE}, every: 0}}"),
        "test: {m",
        "`every` must be a mapping of keys to values, not the number 0",
        "",
    ),
    (claim("at_most 0"), "test: at", "a test must be a mapping of keys to values, not the text 'at_most 0'", ""),
    (
        claim("{metric: eror, statistic: difference, arms: [{arm: new}, {arm: old}], at_most: 0}"),
        "test: {m",
        "experiment coin returns no 'eror'",
        "did you mean 'error'?",
    ),
    (
        claim("{metric: error, statistic: mode, at_most: 0}"),
        "test: {m",
        f"`statistic` must be one of {', '.join(STATISTICS)}, not the text 'mode'",
        "",
    ),
    (claim("{metric: error, statistic: difference, at_most: 0}"), "test: {m", "statistic difference needs `arms`", ""),
    (
        claim("{metric: error, statistic: difference, arms: [{arm: new}], at_most: 0}"),
        "test: {m",
        "`arms` must be a list of 2 selections, not a list of 1",
        "",
    ),
    (
        claim("{metric: error, statistic: difference, arms: [{arm: new}, {arm: new}], at_most: 0}"),
        "test: {m",
        "`arms` has the same twice",
        "",
    ),
    (
        claim("{metric: error, statistic: difference, arms: [{arm: new}, {arm: odd}], at_most: 0}"),
        "test: {m",
        "'arm' is never odd at scale tiny",
        "did you mean 'old'?",
    ),
    (
        claim(f"{{{COMPARE}, where: {{arm: old}}, at_most: 0}}"),
        "test: {m",
        "'arm' stands in `arms` and in `where`",
        "select each parameter in one place",
    ),
    (
        claim(f"{{{COMPARE}, form: log, at_most: 0}}"),
        "test: {m",
        "statistic difference has no use for `form`",
        "`form` goes with holdout_error",
    ),
    (claim("{metric: error, statistic: slope, at_most: 0}"), "test: {m", "statistic slope needs `along`", ""),
    (
        claim("{metric: error, statistic: slope, along: bais, at_most: 0}"),
        "test: {m",
        "'bais' is not a parameter of this verification",
        "did you mean 'bias'?",
    ),
    (
        claim("{metric: error, statistic: slope, along: lr, at_most: 0}").replace("tiny: {", "tiny: {lr: 1, "),
        "test: {m",
        "'lr' is not set at every scale",
        "set it in the grid or the parameters of each",
    ),
    (
        claim("{metric: error, statistic: slope, along: arm, at_most: 0}"),
        "test: {m",
        "a slope needs numbers, and 'arm' is 'old' at scale tiny",
        "see the grid of each scale",
    ),
    (
        claim("{metric: error, statistic: slope, along: examples, at_most: 0}"),
        "test: {m",
        "a slope needs 2 values of 'examples', not 1, at scale tiny",
        "see the grid of each scale",
    ),
    (
        claim("{metric: error, statistic: slope, along: bias, where: {bias: 0.1}, at_most: 0}"),
        "test: {m",
        "a slope needs 2 values of 'bias', not 1, at scale tiny where bias=0.1",
        "see the grid of each scale",
    ),
    (
        claim("{metric: error, statistic: slope, along: bias, log: true, at_most: 0}").replace("[0.1,", "[0, 0.1,"),
        "test: {m",
        "a logarithm or a form needs values of 'bias' above 0 at scale tiny",
        "see the grid of each scale",
    ),
    (
        claim("{metric: error, statistic: slope, along: bias, log: 1, at_most: 0}"),
        "test: {m",
        "`log` must be true or false, not the number 1",
        "",
    ),
    (
        claim(f"{{{CROSSED}, at_most: 0}}"),
        "test: {m",
        "statistic interaction needs exactly one of `along` and `between`",
        "",
    ),
    (
        claim("{metric: error, statistic: interaction, along: bias, at_most: 0}"),
        "test: {m",
        "statistic interaction needs exactly one of `arms` and `spans`",
        "",
    ),
    (
        claim(f"{{{CROSSED}, along: bias, spans: [[0.1, 0.2], [0, 0.1]], at_most: 0}}"),
        "test: {m",
        "statistic interaction needs exactly one of `arms` and `spans`",
        "",
    ),
    (
        claim("{metric: error, statistic: interaction, along: bias, spans: [[0.1, 0.2], [0, 0.1]], at_most: 0}"),
        "test: {m",
        "the span 0 to 0.1 needs two values of 'bias' at scale tiny",
        "see the grid of each scale",
    ),
    (
        claim("{metric: error, statistic: interaction, along: bias, spans: [[0.1, 0.2], [1, 0.1]], at_most: 0}"),
        "test: {m",
        "`spans` is empty: 1 is not below 0.1",
        "the lower bound comes first",
    ),
    (
        claim("{metric: error, statistic: slope, along: bias, spans: [[0, 0.3], [0.1, 0.2]], at_most: 0}"),
        "test: {m",
        "statistic slope has no use for `spans`",
        "`spans` goes with interaction",
    ),
    (
        claim(f"{{{CROSSED}, between: [{{bias: 0.1}}, {{bias: 0.2}}], log: true, at_most: 0}}"),
        "test: {m",
        "`log` without `along`",
        "`log` is about the slope's parameter",
    ),
    (
        claim(f"{{{CROSSED}, between: [{{arm: old}}, {{arm: new}}], at_most: 0}}"),
        "test: {m",
        "'arm' stands in `between` and in `arms`",
        "select each parameter in one place",
    ),
    (
        claim("{metric: error, statistic: holdout_error, along: bias, form: log, rivals: [log, power], at_most: 0}"),
        "test: {m",
        "'log' is its own rival",
        "name the other forms",
    ),
    (
        claim("{metric: error, statistic: holdout_error, along: bias, form: log, rivals: [power], at_most: 0}").replace(
            ", 0.9]", "]"
        ),
        "test: {m",
        "a holdout_error needs 5 values of 'bias', not 4, at scale tiny",
        "see the grid of each scale",
    ),
    (
        claim("{metric: error, statistic: holdout_error, along: bias, form: sqrt, rivals: [power], at_most: 0}"),
        "test: {m",
        "`form` must be one of log, power, saturating, logistic, not the text 'sqrt'",
        "",
    ),
    (
        claim("{metric: error, statistic: holdout_error, along: bias, form: log, at_most: 0}"),
        "test: {m",
        "a test of a single arm needs a control",
        "add `control: {where: …}`: trials that must not pass the same test",
    ),
    (
        claim("{metric: error, statistic: sd, arms: [{arm: new}, {arm: old}], every: {at_most: 0}}"),
        "test: {m",
        "an sd is taken over all seeds",
        "so `every` has no meaning",
    ),
    (
        claim(f"{{{MEAN}, at_most: 0}}"),
        "test: {m",
        "a test of a single arm needs a control",
        "add `control: {where: …}`: trials that must not pass the same test",
    ),
    (
        claim(f"{{{COMPARE}, at_most: 0}}", OLD),
        "control:",
        "a comparison's control is its other arm",
        "leave `control` out",
    ),
    (
        claim(f"{{{MEAN}, at_most: 0}}", "{where: {arm: new}}"),
        "control:",
        "the control selects the very trials of the test",
        "change a parameter that the test selects: arm",
    ),
    (
        claim(f"{{{MEAN}, at_most: 0}}", "{where: {bias: 0.1}}"),
        "control:",
        "the control selects the very trials of the test",
        "change a parameter that the test selects: arm",
    ),
    (
        claim("{metric: error, at_most: 0}", OLD),
        "control:",
        "the control selects the very trials of the test",
        "the test, without `where`, is of all trials: add `where: {arm: …}` to it, with another value",
    ),
    (
        claim(f"{{{COMPARE.replace('{arm: ', '{arn: ')}, at_most: 0}}"),
        "test: {m",
        "'arn' is not a parameter of this verification",
        "did you mean 'arm'?",
    ),
    (
        claim(f"{{{COMPARE.replace('difference', 'slope')}, where: {{bias: 0.1}}, along: bias, at_most: 0}}"),
        "test: {m",
        "a slope needs 2 values of 'bias', not 1, at scale tiny where bias=0.1, arm=new",
        "see the grid of each scale",
    ),
    (
        claim(f"{{{COMPARE.replace('difference', 'interaction')}, where: {{bias: 0.1}}, along: bias, at_most: 0}}"),
        "test: {m",
        "an interaction needs 2 values of 'bias', not 1, at scale tiny where bias=0.1, arm=new",
        "see the grid of each scale",
    ),
    (
        claim(f"{{{MEAN}, at_most: 0}}", "{where: {arm: older}}"),
        "control:",
        "'arm' is never older at scale tiny",
        "did you mean 'old'?",
    ),
    (
        claim("{metric: error, where: {arm: old, bias: 0.1}, at_most: 0}", "{where: {arm: new}}", with_grid(APART)),
        "control:",
        "no trial at scale tiny has arm=new, bias=0.1",
        "each value occurs, but not in one grid",
    ),
    (
        claim(
            "{metric: error, statistic: slope, along: bias, where: {arm: old}, at_most: 0}",
            "{where: {arm: new}}",
            with_grid("[{arm: [old], bias: [0.1, 0.2]}, {arm: [new], bias: [0.2]}]"),
        ),
        "control:",
        "a slope needs 2 values of 'bias', not 1, at scale tiny where arm=new",
        "see the grid of each scale",
    ),
]


@pytest.mark.parametrize("case", CLAIMS)
def test_mistake(case: Case) -> None:
    check_case(case)


def test_a_misspelt_key_is_two_mistakes() -> None:
    said = [message for _line, message, _hint in complaints(claim(f"{{{MEAN}, at_most: 0}}", "{arm: old}"))]
    assert said == ["a control has no key 'arm'", "a control needs the key 'where'"]
