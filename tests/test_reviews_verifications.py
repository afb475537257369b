"""The head of a verification, and chosen parameters: each mistake at its line, and nothing besides."""

from __future__ import annotations

import pytest

from tests.reviewing import CHOOSING, FRONT, HEAD, SWEEP, Case, check_case, chosen, complaints, fence, head

SHORT = "lower-case letters, digits and hyphens, a letter first"

HEADS: list[Case] = [
    (
        FRONT + fence(HEAD) + fence(HEAD).replace("yaml verify", "yaml  verify"),
        "```yaml  verify",
        "verification 'toss' exists already",
        "in line 8",
    ),
    (FRONT + fence("- x\n"), "- x", "a verification must be a mapping of keys to values, not a list", ""),
    (
        head("experiment:", "figure: x\nexperiment:"),
        "figure: ",
        "a verification has no key 'figure'",
        "did you mean 'figures'?",
    ),
    (
        head("id: toss", "id: Toss"),
        "id: Toss",
        "`id` must be a short name, not the text 'Toss'",
        "lower-case letters, digits and hyphens, a letter first",
    ),
    (head("id: toss", "id: verdict"), "id: verd", "a verification cannot be called 'verdict'", "choose another id"),
    (
        head("experiment: coin", "experiment: coyn"),
        "experime",
        "no experiment is called 'coyn'",
        "did you mean 'coin'? (or write it in a ```python verify fence of this review)",
    ),
    (
        head("examples: 10,", "exampels: 10,"),
        "tiny: {e",
        "experiment coin takes no 'exampels'",
        "did you mean 'examples'?",
    ),
    (head("arm: [", "arn: ["), "arn: [ol", "experiment coin takes no 'arn'", "did you mean 'arm'?"),
    (
        head("grid:", "parameters: {seed: 1}\ngrid:"),
        "paramete",
        "'seed' is not a parameter",
        "seeds are counted by `seeds`; the device is the runner's",
    ),
    (
        head("grid:", "parameters: [lr]\ngrid:"),
        "paramete",
        "`parameters` must be a mapping of parameters to values, not a list",
        "",
    ),
    (
        head("grid:", "parameters: {lr: [1, 2]}\ngrid:"),
        "paramete",
        "`lr` has a list of values",
        "values that vary go under `grid`",
    ),
    (
        head("grid:", "parameters: {lr: }\ngrid:"),
        "paramete",
        "`lr` must be a text, a number, true or false, not nothing",
        "",
    ),
    (head("[old, new]", "old"), "arm: old", "`arm` must be a list of values, not the text 'old'", "write [old]"),
    (head("[old, new]", "[]"), "arm: []", "`arm` must be a list of values, not a list of 0", ""),
    (head("[old, new]", "[1, 1.0]"), "arm: [1,", "`arm` has 1.0 twice", ""),
    (head("[old, new]", "[old, [new]]"), "arm: [ol", "`arm` must be a text, a number, true or false, not a list", ""),
    (
        FRONT + fence("id: a\nexperiment: coin\ngrid: 3\nscales: {tiny: {seeds: 1, bias: 1}}\n"),
        "grid: 3",
        "`grid` must be a mapping of parameters to lists, or a list of such mappings, not the number 3",
        "",
    ),
    (
        head("examples: 10,", "bias: 1,"),
        "tiny: {b",
        "'bias' has a fixed value and stands in the grid",
        "take it out of one of the two; a scale may have a `grid` of its own",
    ),
    (
        head("  bias: [0.1, 0.2, 0.4, 0.8, 0.9]\n", "").replace("  small: {examples", "  small: {bias: 1, examples"),
        "tiny: {e",
        "scale tiny sets no 'bias', which experiment coin requires",
        "add it to `parameters`, to `grid` or to the scale",
    ),
    (head("seeds: 5", "seeds: 0"), "tiny: {e", "`seeds` must be an integer of at least 1, not the number 0", ""),
    (head("seeds: 5", "seeds: 2.5"), "tiny: {e", "`seeds` must be an integer of at least 1, not the number 2.5", ""),
    (head(", seeds: 5", ""), "tiny: {e", "scale tiny needs `seeds`", "how many, here or for the whole verification"),
    (head("grid:", "seeds: no\ngrid:"), "seeds: n", "`seeds` must be an integer of at least 1, not the text 'no'", ""),
    (head("seeds: 5", "seeds: 5, time_limit: 0"), "tiny: {e", "`time_limit` must be above 0, not the number 0", ""),
    (head("small:", "smal:"), "smal: {e", "no scale is called 'smal'", "did you mean 'small'?"),
    (head("{examples: 10, seeds: 5}", "3"), "tiny: 3", "`tiny` must be a mapping of parameters, not the number 3", ""),
    (
        FRONT + fence("id: a\nexperiment: coin\nscales: [tiny]\n"),
        "scales: ",
        "`scales` must be a mapping from one or more of tiny, small, full, not a list",
        "",
    ),
    (FRONT + fence("id: a\nexperiment: coin\n"), "id: a", "a verification needs the key 'scales'", ""),
]

CHOICES: list[Case] = [
    (
        chosen("{choose_from: swep, minimise: loss}"),
        "paramete",
        "no verification is called 'swep'",
        "did you mean 'sweep'?",
    ),
    (
        chosen("{choose_from: sweep, minimize: loss, maximise: loss}"),
        "paramete",
        "a chosen value has no key 'minimize'",
        "did you mean 'minimise'?",
    ),
    (
        chosen("{choose_from: sweep}"),
        "paramete",
        "a chosen value needs exactly one of `minimise` and `maximise`",
        "with a metric's name",
    ),
    (
        chosen("{choose_from: sweep, minimise: los}"),
        "paramete",
        "verification 'sweep' measures no 'los'",
        "did you mean 'loss'?",
    ),
    (
        chosen("{choose_from: sweep, minimise: loss}", SWEEP.replace("  small: {seeds: 2}\n", "")),
        "paramete",
        "verification 'sweep', which chooses 'lr', has no scale small",
        "declare the scale there",
    ),
    (
        chosen("{choose_from: sweep, minimise: loss}", SWEEP.replace("small: {", "small: {grid: {epochs: [1, 2]}, ")),
        "paramete",
        "the grid of verification 'sweep' at scale small does not vary 'lr'",
        "known: epochs",
    ),
    (
        chosen("{choose_from: sweep, minimise: loss, per: lr}"),
        "paramete",
        "'lr' cannot be chosen per 'lr'",
        "name other parameters",
    ),
    (
        chosen("{choose_from: sweep, minimise: loss, per: fair}"),
        "paramete",
        "`per` names 'fair', which is not a parameter here",
        "known: arm, bias, examples, lr",
    ),
    (
        chosen("{choose_from: sweep, minimise: loss, per: bias}", SWEEP.replace("bias: 0.5", "bias: 0.1")),
        "paramete",
        "`per: bias`: 0.2, 0.4, 0.8, 0.9 does not occur in the grid of verification 'sweep' at scale tiny",
        "it has 0.1",
    ),
    (
        chosen("{choose_from: sweep, minimise: loss, per: epochs}")
        .replace("small: {examples", "small: {epochs: 1, examples")
        .replace("tiny: {examples", "tiny: {epochs: 1, examples"),
        "paramete",
        "`per` names 'epochs', which is not a parameter of verification 'sweep' at scale tiny",
        "known: arm, bias, lr",
    ),
    (
        chosen("{choose_from: sweep, minimise: loss, per: arm}", SWEEP.replace("[old, new]", "[old, newer]")),
        "paramete",
        "`per: arm`: new does not occur in the grid of verification 'sweep' at scale tiny",
        "it has old, newer",
    ),
    (
        chosen("{choose_from: toss, minimise: loss}"),
        "paramete",
        "verification 'toss' waits for its own choice",
        "no cycle: toss",
    ),
    (
        chosen("{choose_from: sweep, minimise: loss, per: [arm, [x]]}"),
        "paramete",
        "`per` must be a text, not a list",
        "",
    ),
]


@pytest.mark.parametrize("case", [*HEADS, *CHOICES])
def test_mistake(case: Case) -> None:
    check_case(case)


def test_choices_in_a_circle() -> None:
    sweep = SWEEP.replace("{bias: 0.5}", "{bias: 0.5, epochs: {choose_from: toss, minimise: loss}}")
    said = complaints(FRONT + fence(CHOOSING) + fence(sweep))
    assert ("verification 'toss' waits for its own choice", "no cycle: sweep, toss") in [case[1:] for case in said]
    assert ("verification 'sweep' waits for its own choice", "no cycle: toss, sweep") in [case[1:] for case in said]


def test_per_a_parameter_that_is_itself_chosen() -> None:
    chosen_arm = CHOOSING.replace("loss}", "loss, per: epochs}, epochs: {choose_from: sweep, minimise: loss}")
    sweep = SWEEP.replace("lr: [0.1, 1e-3]", "lr: [0.1, 1e-3]\n  epochs: [1, 2]")
    assert [case[1] for case in complaints(FRONT + fence(chosen_arm) + fence(sweep))] == [
        "`per` names 'epochs', which is itself chosen"
    ]
