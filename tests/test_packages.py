"""Packages that a review declares: how they are written, and which are not met here."""

from __future__ import annotations

from importlib import metadata

import pytest

from tests.reviewing import FRONT, HEAD, complaints, fence, good
from verify.running import packages


def front(declared: str) -> str:
    return FRONT.replace("summary:", f"packages: {declared}\nsummary:") + fence(HEAD)


def test_requirements_are_kept_as_they_are_written() -> None:
    assert good(front("[scikit-learn>=1.5, 'pandas>=2,<4', msgspec]")).packages == (
        "scikit-learn>=1.5",
        "pandas>=2,<4",
        "msgspec",
    )
    assert good(FRONT + fence(HEAD)).packages == ()


@pytest.mark.parametrize(
    ("declared", "message", "hint"),
    [
        (
            "[scikit-learn=>1]",
            "`packages` holds 'scikit-learn=>1', which is no requirement: ",
            "such as scikit-learn>=1",
        ),
        ("[pandas>=2,<4]", "`packages` holds '<4', which is no requirement: ", "in quotes where it holds a comma"),
        (
            "['x @ https://a.org/x.zip']",
            "`packages` holds 'x @ https://a.org/x.zip', with an address",
            "write x: a name",
        ),
        ("['x[fast]>=1']", "`packages` holds 'x[fast]>=1', with extras", "write x>=1: a name, and versions"),
        ("['x; python_version < \"3\"']", "with a condition", "write x: a name, and versions"),
        (
            "[scikit-learn, Scikit_Learn>=1]",
            "`packages` has the package scikit-learn twice",
            "as 'scikit-learn'",
        ),
        ("[{a: 1}]", "`packages` must be a list of packages, not a mapping", "such as scikit-learn>=1.5"),
        ("pandas", "`packages` must be a list of packages, not the text 'pandas'", "write [pandas]"),
    ],
)
def test_what_is_no_plain_requirement_is_a_mistake(declared: str, message: str, hint: str) -> None:
    [(line, found, advice)] = complaints(front(declared))
    assert message in found
    assert hint in advice
    assert line == 6


def test_what_is_not_met_is_told_with_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = metadata.version("markdown-it-py")
    wanted = ["markdown_it.py>=1", f"Markdown-It-Py=={here}", "markdown-it-py>=999", "no-such-package-here"]
    assert packages.unmet([*wanted, "no-such-package-here"]) == [
        ("markdown-it-py>=999", here),
        ("no-such-package-here", None),
    ]
    assert packages.installed("MARKDOWN.it_py") == here
    assert packages.name_of("markdown_it.py>=1") == "markdown_it.py"
    monkeypatch.setattr(packages, "installed", lambda _: "2.0rc1")
    assert packages.unmet(["x>=1.9"]) == []
    monkeypatch.setattr(packages, "installed", lambda _: "of my own")
    assert packages.unmet(["x>=1", "x"]) == [("x>=1", "of my own")]
