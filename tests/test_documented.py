"""What is read of an experiment's docstring, and the table of its setting."""

from __future__ import annotations

import ast
from pathlib import Path

from tests import miniature
from verify.planning import catalogue, documented
from verify.planning.signature import Function

CODE = '''
def f(seed: int, device: str, *, lr: float, width: int = 64, kind: str = "mlp") -> dict:
    """Train a network
    on little.

    It says more.

    Args:
        lr: rate at the first step,
            falling along a cosine.
        width (int): of its layers: wide.

    Returns:
        lr: this is no parameter's line.
    """
    return {"error": lr}
'''


def function(code: str) -> Function:
    (found,) = ast.parse(code).body
    assert isinstance(found, Function)
    return found


def test_a_docstring_tells_of_the_experiment_and_of_each_parameter() -> None:
    assert documented.summary(function(CODE)) == "Train a network on little.\nIt says more."
    assert documented.parameters(function(CODE)) == {
        "lr": "rate at the first step, falling along a cosine.",
        "width": "of its layers: wide.",
    }


def test_without_a_docstring_nothing_is_told() -> None:
    bare = function("def f(seed, device): pass")
    assert (documented.summary(bare), documented.parameters(bare)) == ("", {})


def test_defaults_are_those_of_the_code() -> None:
    experiments, errors = catalogue.read_source(CODE, "reviews/x.md")
    assert not errors
    assert experiments["f"].defaults == {"width": "64", "kind": "'mlp'"}


def test_every_parameter_of_the_projects_experiments_is_documented() -> None:
    experiments, _ = catalogue.read_project()
    for each in experiments.values():
        assert set(each.documented) == set(each.parameters), each.name
        assert each.summary, each.name


def test_the_setting_is_drawn_from_declaration_and_code(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    review = project.review("coin")
    sheet = miniature.html(project, f"evidence/coin/{review.verifications[0].id}.html")
    assert 'id="setting"' in sheet
    for name in project.experiment(review, review.verifications[0]).parameters:
        assert f'<th scope="row">{name}</th>' in sheet
