"""What `verify check` finds: each mistake with its place, and what mends it."""

from __future__ import annotations

import json

import pytest

from tests.conftest import COIN, Mini
from verify import checks
from verify.errors import UserErrors


def found(mini: Mini, *names: str) -> list[str]:
    """Every mistake as it is printed, without the verdicts that are to be refreshed."""
    return [str(error) for error in checks.check(mini.root, names)[1] if "the records give" not in error.message]


def add(mini: Mini, name: str, text: str) -> None:
    (mini.root / "reviews" / name).write_text(text)


def other(title: str = "Another coin", section: str = "Testing") -> str:
    """A review without verifications."""
    front = COIN.partition("\n# Coins")[0].replace("title: A coin", f"title: {title}")
    return front.replace("section: Testing", f"section: {section}") + "\nProse.\n"


@pytest.mark.parametrize("name", ["coin", "coin.md", "reviews/coin.md", "./reviews/coin.md"])
def test_one_review_is_looked_at(mini: Mini, name: str) -> None:
    add(mini, "broken.md", other().replace("venue:", "vanue:"))
    assert checks.check(mini.root, [name]) == (1, [])
    assert "no key 'vanue'" in "".join(found(mini))
    assert mini.verify("check", name) == "1 review, no mistakes\n"


def test_a_review_that_cannot_be_read_can_be_asked_for(mini: Mini) -> None:
    add(mini, "broken.md", other().replace("venue:", "vanue:"))
    output = mini.verify("check", "broken", expect=2)
    assert "reviews/broken.md:4: the front matter has no key 'vanue'\n    did you mean 'venue'?" in output


def test_names_of_no_review_are_told_all_at_once(mini: Mini) -> None:
    with pytest.raises(UserErrors) as caught:
        checks.check(mini.root, ["coyn", "coin", "dice.md"])
    assert [str(error) for error in caught.value.errors] == [
        "there is no review 'coyn'\n    did you mean 'coin'?",
        "there is no review 'dice'\n    known: coin",
    ]


def test_mistakes_in_a_review_do_not_hide_those_of_others(ran: Mini) -> None:
    add(ran, "broken.md", other().replace("venue:", "vanue:"))
    ran.edit("([@fair])", "([@fair failed])")
    said = "\n".join(found(ran))
    assert "no key 'vanue'" in said
    assert "the sentence relies on 'fair' being failed" in said


def test_evidence_of_a_review_that_cannot_be_read_is_not_said_to_be_of_none(ran: Mini) -> None:
    ran.edit("venue:", "vanue:")
    assert {each.partition(":")[0] for each in found(ran)} == {"reviews/coin.md"}


@pytest.mark.parametrize("names", [(), ("twin",), ("coin",)])
def test_two_reviews_of_one_title(mini: Mini, names: tuple[str, ...]) -> None:
    add(mini, "twin.md", other("a  COIN"))
    first, second = ("twin", "coin") if names == ("coin",) else ("coin", "twin")
    assert found(mini, *names) == [
        f"reviews/{second}.md:2: another review has the same title\n    see reviews/{first}.md, line 2; one a paper"
    ]


def test_sections_that_differ_in_case_only(mini: Mini) -> None:
    add(mini, "one.md", other("One"))
    add(mini, "two.md", other("Two", "testing"))
    assert found(mini) == [
        "reviews/two.md:5: section 'testing' differs from 'Testing' in case or spaces only\n"
        "    write `section: Testing`, as reviews/coin.md does"
    ]


def test_stale_evidence_after_an_edit_of_the_code(ran: Mini) -> None:
    ran.edit("range(1000)) / 1000", "range(999)) / 999")
    assert found(ran) == [
        "reviews/coin.md:37: 10 of 10 records of 'flips' at tiny are stale: code changed: toss\n"
        "    run `verify run --missing coin:flips --scale tiny`, then `verify refresh`"
    ]
    assert "10 of 10 records" in ran.verify("check", expect=2)
    ran.verify("run", "--missing", "coin:flips", "--scale", "tiny")
    ran.verify("refresh")
    assert "no mistakes" in ran.verify("check")


def test_stale_evidence_after_an_edit_of_a_parameter(ran: Mini) -> None:
    ran.edit("bias: [0.5, 0.8]", "bias: [0.5, 0.9]")
    ran.edit("{bias: 0.8}}\n  - id: loaded", "{bias: 0.9}}\n  - id: loaded")
    ran.edit("test: {metric: heads, where: {bias: 0.8}", "test: {metric: heads, where: {bias: 0.9}")
    (stale,) = found(ran)
    assert "5 of 10 records of 'flips' at tiny are stale: parameter changed or added: bias 0.5 → 0.9" in stale


def test_stale_evidence_of_trials_that_are_declared_no_more(ran: Mini) -> None:
    ran.edit("seeds: 5", "seeds: 4")
    (stale,) = found(ran)
    assert "2 of 10 records of 'flips' at tiny are stale: no trial of theirs is declared any more" in stale


@pytest.mark.parametrize(("old", "new"), [('"seed":1', '"seed":0'), ('"bias":0.5', '"bias":0.8'), ("", "")])
def test_failures_of_no_declared_trial(ran: Mini, old: str, new: str) -> None:
    *lines, last = ran.evidence.read_text().splitlines(keepends=True)
    record = json.loads(next(line for line in lines if '"seed":1' in line))["trial"]
    kept = [line for line in lines if record["fingerprint"] not in line]
    failure = {**{name: record[name] for name in ("fingerprint", "parameters", "seed")}, "error": "ValueError: no"}
    if not old:
        failure["fingerprint"] = "0" * 16
    text = json.dumps({"failure": failure}, separators=(",", ":")) + "\n"
    ran.evidence.write_text("".join([*kept, last, text]))
    said = "docs/evidence/coin/flips.tiny.jsonl: 1 of 1 failures are of no trial that is declared"
    assert (said in "\n".join(found(ran))) == (not old), "of a trial that failed, nothing is wrong"
    ran.evidence.write_text("".join([*kept, last, text.replace(old, new)]))
    assert said in "\n".join(found(ran))


def test_evidence_of_fewer_trials_than_are_declared_is_no_mistake(ran: Mini) -> None:
    ran.edit("seeds: 5", "seeds: 6")
    assert found(ran) == []


@pytest.mark.parametrize("name", ["note.markdown", "note.mdown", "note.MD"])
def test_a_review_with_another_ending_is_not_ignored(mini: Mini, name: str) -> None:
    add(mini, name, other())
    (mistake,) = found(mini)
    assert mistake.startswith(f"reviews/{name}: ")
    assert "call it note.md" in mistake
    assert found(mini, "note") == [mistake]


def test_evidence_that_cannot_be_read_costs_its_review_only(ran: Mini) -> None:
    add(ran, "twin.md", other())
    add(ran, "dice.md", other("Dice", "testing"))
    ran.evidence.write_text("no evidence")
    said = found(ran)
    assert sum(each.startswith("docs/evidence/coin/flips.tiny.jsonl") for each in said) == 1
    assert any("section 'testing'" in each for each in said)


def test_a_figure_that_could_not_be_drawn_is_told(ran: Mini) -> None:
    ran.edit("figures:", "figures:\n  - {id: blob, caption: None., spec: {mark: blob, encoding: {}}}")
    ran.verify("refresh", expect=2)
    [message] = [each for each in found(ran) if "blob" in each]
    assert "figure 'blob' at scale tiny cannot be drawn" in message
