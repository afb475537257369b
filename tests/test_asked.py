"""A metric that no trial returns is found after the first one, and the rest of its verification is not computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Mini
from verify.model import Experiment, Record, Value, Verification
from verify.project.project import Project
from verify.running.asked import Asks

ROOT = Path(__file__).parents[1]
UNREADABLE = 'return dict([("heads", toss(seed, bias))])'
SECOND = """
```yaml verify
id: again
experiment: coin
grid: {bias: [0.5, 0.8]}
scales: {tiny: {seeds: 3}}
```
"""


def unread(mini: Mini) -> None:
    """Let the experiment return what cannot be told from its source."""
    mini.edit('return {"heads": toss(seed, bias)}', UNREADABLE)


def test_the_rest_of_a_verification_is_not_run_and_others_are(mini: Mini) -> None:
    unread(mini)
    mini.review.write_text(mini.review.read_text() + SECOND)
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 20, nap: 0.05}")
    mini.edit("test: {metric: heads, where: {bias: 0.5}", "test: {metric: haeds, where: {bias: 0.5}")
    text = mini.review.read_text()
    line = text[: text.index("  - id: fair")].count("\n") + 1
    output = mini.verify("run", "--workers", "1", expect=1)
    mistake = f"reviews/coin.md:{line}: experiment coin returned no 'haeds', which claim 'fair' asks for"
    assert f"coin:flips tiny: stopped: {mistake}" in output
    assert f"{mistake}\n    did you mean 'heads'?" in output
    assert "coin:again tiny: evidence written" in output
    kept = mini.journal.read_text().count('"trial"')
    assert 1 <= kept < 10, "those that had begun were finished and kept"
    assert not mini.evidence.exists()
    assert f"{kept + 6} of 46 trials fresh" in output
    output = mini.verify("run", "--workers", "1", expect=1)
    assert mistake in output
    assert mini.journal.read_text().count('"trial"') == kept, "nothing more was computed"
    mini.edit("haeds", "heads")
    assert "46 of 46 trials fresh" in mini.verify("run")


def test_a_verification_that_chooses_by_what_is_not_returned(mini: Mini) -> None:
    unread(mini)
    chosen = "parameters: {bias: {choose_from: flips, minimise: haeds}}"
    mini.review.write_text(mini.review.read_text() + SECOND.replace("grid: {bias: [0.5, 0.8]}", chosen))
    output = mini.verify("run", expect=1)
    assert "experiment coin returned no 'haeds', which the choice of 'bias' for 'again' asks for" in output


@pytest.fixture
def read(mini: Mini) -> Callable[[], tuple[Asks, Callable[..., Record]]]:
    """What is asked of the only verification, and a way to make a record of it."""
    unread(mini)

    def load() -> tuple[Asks, Callable[..., Record]]:
        project = Project.load(mini.root)
        review = project.review("coin")
        verification: Verification = review.verifications[0]
        experiment: Experiment = project.experiment(review, verification)

        def record(bias: float, *, diverged: bool = False, **values: Value) -> Record:
            return Record("f", {"bias": bias}, 0, values, 1.0, "e", "c", diverged=diverged)

        return Asks(review, verification, "tiny", experiment), record

    return load


@pytest.mark.parametrize(
    ("old", "new", "by"),
    [
        ("    y: heads\n", "    y: haeds\n", "figure 'heads'"),
        ("    x: bias\n", "    x: haeds\n", "figure 'heads'"),
        ("    y: heads\n", "    y: heads\n    color: haeds\n", "figure 'heads'"),
        ("    y: heads\n", "    y: heads\n    facet: haeds\n", "figure 'heads'"),
        ("flips.heads[", "flips.haeds[", "a number in the text"),
        ("test: {metric: heads, where: {bias: 0.5}", "test: {metric: haeds, where: {bias: 0.5}", "claim 'fair'"),
    ],
)
def test_everything_that_asks(mini: Mini, read: Callable, old: str, new: str, by: str) -> None:  # type: ignore[type-arg]
    mini.edit(old, new)
    asks, record = read()
    (error,) = asks.see([record(0.5, heads=0.4), record(0.5, heads=0.4)])
    assert error.message == f"experiment coin returned no 'haeds', which {by} asks for"
    assert error.hint == "did you mean 'heads'?"
    assert error.file == "reviews/coin.md"
    assert error.line > 1
    assert asks.see([record(0.5, heads=0.4)]) == [], "it is said once"


def test_a_trial_that_diverged_or_that_nothing_is_asked_of_shows_nothing(read: Callable) -> None:  # type: ignore[type-arg]
    asks, record = read()
    assert asks.see([record(0.5, diverged=True, other=1.0)]) == []
    assert asks.see([record(0.3, heads=0.4)]) == []
    assert asks.see([record(0.5, heads=0.4)]) == []
    assert asks.see([record(0.8, other=1.0)]) == [], "both claims were shown theirs by the trial before, as controls"


def test_a_figure_may_show_what_only_some_arms_return_where_it_is_declared(mini: Mini, read: Callable) -> None:  # type: ignore[type-arg]
    mini.edit("    y: heads\n", "    y: tails\n")
    mini.edit("import os\n", "import os\nfrom verify.lab.declare import experiment\n")
    mini.edit("def coin(", '@experiment(values=("heads", "tails"))\ndef coin(')
    asks, record = read()
    assert asks.see([record(0.5, heads=0.4)]) == []


def test_nothing_is_missing_in_what_is_published() -> None:
    project = Project.load(ROOT)
    seen = 0
    for review in project.reviews:
        for verification, scale in project.rungs(review):
            evidence = project.evidence(review.slug, verification.id, scale)
            asks = Asks(review, verification, scale, project.experiment(review, verification))
            if evidence is not None:
                assert asks.see(evidence.records) == []
                seen += 1
    assert seen
