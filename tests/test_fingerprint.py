"""The fingerprint's promises, one by one."""

from __future__ import annotations

import ast

import pytest

from verify.planning.catalogue import read_project
from verify.planning.fingerprint import Sources, _canonical, digest

EXPERIMENT = '''
"""A module."""
from verify.lab.declare import experiment
from verify.lab import tools
from verify.lab.tools import step as advance
import math

RATE = 0.1
UNUSED = 1


@experiment(rides=("p",), diverged={"error": 0.9}, batch=4)
def trial(seeds, device, *, p):
    """What it does."""
    return [helper(seed) + advance(RATE) for seed in seeds]


def helper(x):
    return math.sqrt(x) + tools.scale(x)


def unrelated():
    return UNUSED
'''
TOOLS = """
FACTOR = 2

def scale(x):
    return x * FACTOR

def step(x):
    return x + 1

def idle():
    return 0
"""


def reach(experiment: str = EXPERIMENT, tools: str = TOOLS) -> str:
    modules = {"verify.experiments.one": experiment, "verify.lab.tools": tools, "verify.lab": ""}
    modules["verify.lab.declare"] = "def experiment(**options):\n    return lambda f: f\n"
    return Sources(modules.get).reach("verify.experiments.one", "trial").hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 0.1", "RATE = 0.1  # a comment"),
        ('"""What it does."""', '"""Another docstring, longer\n    than before."""'),
        ('"""A module."""', '"""Another."""'),
        ("RATE = 0.1", '\n\nRATE = 0.1\n"""Documented."""'),
        ("def helper(x):", "def helper(x: float) -> float:"),
        ("UNUSED = 1", "UNUSED = 2"),
        ("return UNUSED", "return UNUSED + 1"),
        ("    return math.sqrt(x) + tools.scale(x)", "    return (math.sqrt(x)\n        + tools.scale(x))"),
        ("batch=4", "batch=8"),
        ('rides=("p",)', 'rides=("p",), time_limit=5'),
    ],
)
def test_cosmetic_edits_change_nothing(old: str, new: str) -> None:
    assert old in EXPERIMENT
    assert reach(EXPERIMENT.replace(old, new)) == reach()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 0.1", "RATE = 0.2"),
        ("math.sqrt(x)", "math.cbrt(x)"),
        ("import math", "import cmath as math"),
        ("step as advance", "idle as advance"),
        ('"error": 0.9', '"error": 0.5'),
        ("advance(RATE)", "advance(-RATE)"),
        ("RATE = 0.1", "RATE = 0.1\nRATE += 1"),
        ("UNUSED = 1", "UNUSED = 1\nprint('acts on import')"),
    ],
)
def test_edits_that_decide_a_result_change_it(old: str, new: str) -> None:
    assert old in EXPERIMENT
    assert reach(EXPERIMENT.replace(old, new)) != reach()


@pytest.mark.parametrize(("old", "new"), [("FACTOR = 2", "FACTOR = 3"), ("return x + 1", "return x + 2")])
def test_definitions_in_other_modules_count_where_they_are_reached(old: str, new: str) -> None:
    assert reach(tools=TOOLS.replace(old, new)) != reach()


def test_definitions_in_other_modules_do_not_count_where_they_are_not() -> None:
    assert reach(tools=TOOLS.replace("return 0", "return 1")) == reach()


def test_a_name_imported_only_to_be_imported_from_there_leads_on() -> None:
    modules = {
        "verify.a": "from verify.b import f\ndef trial(seed, device):\n    return f()",
        "verify.b": "from verify.c import f",
        "verify.c": "def f():\n    return 1",
    }
    before = Sources(modules.get).reach("verify.a", "trial").hash
    modules["verify.c"] = "def f():\n    return 2"
    assert Sources(modules.get).reach("verify.a", "trial").hash != before


def test_an_import_inside_a_function_leads_on_too() -> None:
    modules = {
        "verify.a": "def trial(seed, device):\n    from verify.c import f\n    return f()",
        "verify.c": "def f():\n    return 1",
    }
    before = Sources(modules.get).reach("verify.a", "trial").hash
    modules["verify.c"] = "def f():\n    return 2"
    assert Sources(modules.get).reach("verify.a", "trial").hash != before


def test_a_module_handed_on_as_a_whole_counts_as_a_whole() -> None:
    modules = {
        "verify.a": "from verify import c\ndef trial(seed, device):\n    return use(c)",
        "verify.c": "def f():\n    return 1",
        "verify": "",
    }
    before = Sources(modules.get).reach("verify.a", "trial").hash
    modules["verify.c"] = "def f():\n    return 2"
    assert Sources(modules.get).reach("verify.a", "trial").hash != before


def test_the_definitions_are_named_so_that_a_change_can_be() -> None:
    modules = {"verify.experiments.one": EXPERIMENT, "verify.lab.tools": TOOLS, "verify.lab": ""}
    found = Sources(modules.get).reach("verify.experiments.one", "trial").definitions
    assert {"verify.experiments.one:helper", "verify.lab.tools:scale", "verify.lab.tools:FACTOR"} <= set(found)
    assert "verify.lab.tools:idle" not in found


def test_an_unknown_experiment_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"verify\.a:missing"):
        Sources({"verify.a": ""}.get).reach("verify.a", "missing")


def test_every_python_gives_the_same_hash() -> None:
    """`ast.dump` differs between 3.11, 3.12 and 3.13; this value was computed on 3.11 and holds on all three."""
    source = "@d(1)\nclass A(B):\n    x: int = 1\n    def f(self, *, a=None): return f'{a!r:>3} {1}'"
    assert digest("".join(_canonical(ast.parse(source)))) == "630a264490df65ac"


def test_the_projects_experiments_reach_their_own_training_code() -> None:
    experiments, errors = read_project()
    assert not errors
    for experiment in experiments.values():
        found = Sources().reach(experiment.module, experiment.name).definitions
        assert any(name.startswith("verify.lab.") for name in found), experiment.name
