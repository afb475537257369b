"""The fingerprint's promises, one by one."""

from __future__ import annotations

import ast

import pytest

from verify.planning.catalogue import read_project
from verify.planning.fingerprint import Sources, digest
from verify.planning.modules import Source, find_in_package
from verify.planning.syntax import canonical

EXPERIMENT = '''
"""A module."""
from verify.lab.declare import experiment
from verify.lab import tools
from verify.lab.tools import step as advance
import math

RATE = 0.1
UNUSED = 1


@experiment(batch_axes=("p",), diverged={"error": 0.9}, batch=4)
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


def sources(modules: dict[str, str]) -> Sources:
    """What a project of these modules has; a module with others below it is a package."""

    def find(name: str) -> Source | None:
        if name not in modules:
            return None
        package = any(each.startswith(f"{name}.") for each in modules)
        return Source(modules[name], f"{name}.py", package, name.startswith("verify"))

    return Sources(find)


def reach(experiment: str = EXPERIMENT, tools: str = TOOLS) -> str:
    modules = {"verify.experiments.one": experiment, "verify.lab.tools": tools, "verify.lab": ""}
    modules["verify.lab.declare"] = "def experiment(**options):\n    return lambda f: f\n"
    return sources(modules).reach("verify.experiments.one", "trial").hash


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
        ('batch_axes=("p",)', 'batch_axes=("p",), time_limit=5'),
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
    before = sources(modules).reach("verify.a", "trial").hash
    modules["verify.c"] = "def f():\n    return 2"
    assert sources(modules).reach("verify.a", "trial").hash != before


def test_an_import_inside_a_function_leads_on_too() -> None:
    modules = {
        "verify.a": "def trial(seed, device):\n    from verify.c import f\n    return f()",
        "verify.c": "def f():\n    return 1",
    }
    before = sources(modules).reach("verify.a", "trial").hash
    modules["verify.c"] = "def f():\n    return 2"
    assert sources(modules).reach("verify.a", "trial").hash != before


@pytest.mark.parametrize(
    ("header", "counts"),
    [
        ("@dataclass\nclass C:", True),
        ("class C(Struct):", True),
        ("class C(metaclass=M):", True),
        ("class C:", False),
        ("class C(typing.NamedTuple):", False),
        ("class C(nn.Module):", False),
    ],
)
def test_annotations_of_fields_count_where_something_may_read_them(header: str, counts: bool) -> None:
    """Of `x: ClassVar[int]` a dataclass makes no field."""
    code = f"Kind = int\n{header}\n    x: Kind = 1\ndef trial(seed, device):\n    return C()"

    def found(text: str) -> str:
        return sources({"verify.a": text}).reach("verify.a", "trial").hash

    for changed in (code.replace("x: Kind", "x: ClassVar[Kind]"), code.replace("Kind = int", "Kind = float")):
        assert (found(changed) != found(code)) == counts


def test_a_module_handed_on_as_a_whole_counts_as_a_whole() -> None:
    modules = {
        "verify.a": "from verify import c\ndef trial(seed, device):\n    return use(c)",
        "verify.c": "def f():\n    return 1",
        "verify": "",
    }
    before = sources(modules).reach("verify.a", "trial").hash
    modules["verify.c"] = "def f():\n    return 2"
    assert sources(modules).reach("verify.a", "trial").hash != before


def test_the_definitions_are_named_so_that_a_change_can_be() -> None:
    modules = {"verify.experiments.one": EXPERIMENT, "verify.lab.tools": TOOLS, "verify.lab": ""}
    found = sources(modules).reach("verify.experiments.one", "trial").definitions
    assert {"verify.experiments.one:helper", "verify.lab.tools:scale", "verify.lab.tools:FACTOR"} <= set(found)
    assert "verify.lab.tools:idle" not in found


def test_an_unknown_experiment_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"verify\.a:missing"):
        sources({"verify.a": ""}).reach("verify.a", "missing")


def test_every_python_gives_the_same_hash() -> None:
    """`ast.dump` differs between 3.11, 3.12 and 3.13; this value was computed on 3.11 and holds on all three."""
    source = "@d(1)\nclass A(B):\n    x: int = 1\n    def f(self, *, a=None): return f'{a!r:>3} {1}'"
    assert digest("".join(canonical(ast.parse(source)))) == "9fd8d5054d952242"
    assert digest("".join(canonical(ast.parse("f'{a = !r:>{n}} {b:{c}{d}}'")))) == "b58bc1d10b544308"


def test_the_projects_experiments_reach_their_own_training_code() -> None:
    experiments, errors = read_project()
    assert not errors
    for experiment in experiments.values():
        found = Sources().reach(experiment.module, experiment.name).definitions
        assert any(name.startswith("verify.lab.") for name in found), experiment.name


@pytest.mark.parametrize(
    ("old", "new"), [("+= added", "-= added"), ("zero if value < zero else value", "value"), ('"reassoc", ', "")]
)
def test_what_is_compiled_counts(old: str, new: str) -> None:
    """An edit of a kernel, or of how it is compiled, changes the hash of the experiments that train."""

    def edited(name: str) -> Source | None:
        found = find_in_package(name)
        if found is None or name != "verify.lab.kernels":
            return found
        code = str(found.code)
        assert old in code
        return Source(code.replace(old, new), found.file, in_package=True)

    experiments, _ = read_project()
    module, name = next((each.module, each.name) for each in experiments.values() if each.name == "data_scaling")
    assert Sources(edited).reach(module, name).hash != Sources().reach(module, name).hash


def hash_of(modules: dict[str, str], module: str = "a", data: dict[str, str] | None = None) -> str:
    return sources(modules).reach(module, "trial", data).hash


def test_code_that_moves_to_another_module_keeps_the_hash() -> None:
    two = "def f():\n    return g()\ndef g():\n    return LIMIT\nLIMIT = 3"
    here = hash_of({"a": "from b import f\ndef trial(seed, device):\n    return f()", "b": two})
    assert hash_of({"a": "from c.d import f\ndef trial(seed, device):\n    return f()", "c": "", "c.d": two}) == here
    apart = {"b": "from c import g\ndef f():\n    return g()", "c": "LIMIT = 3\ndef g():\n    return LIMIT"}
    assert hash_of({"a": "from b import f\ndef trial(seed, device):\n    return f()", **apart}) == here
    assert hash_of({"a": f"{two}\ndef trial(seed, device):\n    return f()"}) == here
    inside = "def trial(seed, device):\n    from {} import f\n    return f()"
    assert hash_of({"a": inside.format("b"), "b": two}) == hash_of({"a": inside.format("z"), "z": two})


def test_a_review_that_is_renamed_keeps_the_hash() -> None:
    code = (
        "import math\nRATE = 2\ndef trial(seed, device):\n    return helper()\ndef helper():\n    return math.pi * RATE"
    )
    known = sources({})
    known.add("reviews/old.md", code)
    known.add("reviews/new-name.md", f"\n\n{code}")
    old, new = known.reach("reviews/old.md", "trial"), known.reach("reviews/new-name.md", "trial")
    assert old == new
    assert set(old.definitions) == {"trial", "helper", "RATE"}


def test_imports_that_are_swapped_change_it() -> None:
    modules = {"b": "def f():\n    return 1", "c": "def f():\n    return 2"}
    code = "from {} import f as x\nfrom {} import f as y\ndef trial(seed, device):\n    return x() - y()"
    assert hash_of({"a": code.format("b", "c"), **modules}) != hash_of({"a": code.format("c", "b"), **modules})
    by_module = "import {} as x\nimport {} as y\ndef trial(seed, device):\n    return x.f() - y.f()"
    before, after = by_module.format("b", "c"), by_module.format("c", "b")
    assert hash_of({"a": before, **modules}) != hash_of({"a": after, **modules})


def test_which_of_two_like_functions_is_called_first_counts() -> None:
    """Both reach the same definitions; only the edges differ."""
    modules = {"b": "def f():\n    return K\nK = 1", "c": "def f():\n    return K\nK = 2"}
    code = "import b\nimport c\nx = {}.f\ny = {}.f\ndef trial(seed, device):\n    return x() - y()"
    assert hash_of({"a": code.format("b", "c"), **modules}) != hash_of({"a": code.format("c", "b"), **modules})


def test_calls_in_a_circle_end() -> None:
    code = (
        "def trial(seed, device):\n    return f(3)\ndef f(n):\n    return n and g(n)\ndef g(n):\n    return f(n - {})"
    )
    assert hash_of({"a": code.format(1)}) == hash_of({"a": code.format(1)}) != hash_of({"a": code.format(2)})
    around = {"b": "from c import f", "c": "from b import f"}
    assert hash_of({"a": "from b import f\ndef trial(seed, device):\n    return f()", **around})


def test_one_definition_under_two_names_is_one() -> None:
    modules = {"b": "from c import f", "c": "def f():\n    return 1"}
    code = "from b import f as x\nfrom c import f as y\ndef trial(seed, device):\n    return x() - y()"
    found = sources({"a": code, **modules}).reach("a", "trial").definitions
    assert set(found) == {"a:trial", "c:f"}


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("import b\ndef f():\n    return 1", "b", "print(1)"),  # acts when it is imported, though nothing of it is used
        ("from b import *\ndef f():\n    return N", "N = 1", "N = 2"),
        ("try:\n    from b import N\nexcept ImportError:\n    N = 0\ndef f():\n    return N", "N = 1", "N = 2"),
        ("import b\nb = b.N\ndef f():\n    return b", "N = 1", "N = 2"),
        ("def f():\n    import b\n    return 1", "b", "print(1)"),
        ("from .d import N\ndef f():\n    return N", "N = 1", "N = 2"),
        ("import e\ndef f():\n    return e.T['g']()", "return 1", "return 2"),  # registered by a decorator
        ("import e\ndef f():\n    return e.Base.known[0].x", "x = 1", "x = 2"),  # registered by its base
        ("import e\ndef f():\n    return e.S", "for _n in ()", "for _n in (1,)"),
        ("import e\ndef f():\n    return e.S", "if not TYPE_CHECKING:\n    S[0]", "if not TYPE_CHECKING:\n    S[1]"),
    ],
)
def test_what_importing_does_and_where_names_come_from_counts(module: str, old: str, new: str) -> None:
    others = {
        "b": "N = 1",
        "p.d": "N = 1",
        "e": (
            "T = {}\nS = {}\ndef keep(f):\n    T[f.__name__] = f\n    return f\n@keep\ndef g():\n    return 1\n"
            "class Base:\n    known = []\n    def __init_subclass__(cls):\n        Base.known.append(cls)\n"
            "class One(Base):\n    x = 1\nfor _n in ():\n    S[_n] = 1\nif not TYPE_CHECKING:\n    S[0] = 1\n"
        ),
    }
    code = {"a": "from p.m import f\ndef trial(seed, device):\n    return f()", "p": "", "p.m": module, **others}
    if old == "b":
        changed = {**code, "b": f"{code['b']}\n{new}"}
    else:
        changed = {name: text.replace(old, new) for name, text in code.items()}
    assert changed != code
    assert hash_of(changed) != hash_of(code)


@pytest.mark.parametrize(
    "added",
    [
        'if __name__ == "__main__":\n    print(f())',
        "if TYPE_CHECKING:\n    from nowhere import Nothing",
        "import idle",
        "def other():\n    import idle\n    return patch()",
        "@functools.cache\ndef other():\n    return 2",
        "class Other(dict):\n    pass",
        "OTHER = [f() for _ in range(3)]",
    ],
)
def test_what_does_not_run_or_is_not_reached_does_not_count(added: str) -> None:
    code = {"a": "from b import f\ndef trial(seed, device):\n    return f()", "idle": "N = 1"}
    module = "import functools\ndef f():\n    return 1\n"
    assert hash_of({**code, "b": module + added}) == hash_of({**code, "b": module})


def test_a_decorator_of_ones_own_that_is_called_experiment_counts() -> None:
    code = (
        "def experiment(**_):\n    return lambda f: f\n@experiment(batch=2)\ndef trial(seeds, device):\n    return []"
    )
    assert hash_of({"a": code}) != hash_of({"a": code.replace("lambda f: f", "lambda f: 2 * f")})


def test_declared_data_counts_by_name_and_content() -> None:
    code = {"a": "def trial(seed, device):\n    return 1"}
    before = hash_of(code, data={"x.csv": "1"})
    assert len({before, hash_of(code), hash_of(code, data={"x.csv": "2"}), hash_of(code, data={"y.csv": "1"})}) == 4
    assert sources(code).reach("a", "trial", {"x.csv": "1"}).definitions["data:x.csv"] == "1"


def test_a_changed_import_is_named() -> None:
    code = "import math\ndef trial(seed, device):\n    return math.pi"
    before = sources({"a": code}).reach("a", "trial").definitions
    after = sources({"a": code.replace("import math", "import cmath as math")}).reach("a", "trial").definitions
    assert set(before) == set(after) == {"a:trial"}
    assert before != after


def test_libraries_are_told_from_code() -> None:
    code = {
        "a": "import b\nimport os.path\n# import jax\ndef trial(seed, device):\n    'uses pandas'\n    return b.f()",
        "b": "import numpy as np\nfrom p import c\ndef f():\n    from torch import nn\ndef g():\n    import sympy",
        "p": "from scipy.stats import t",
        "p.c": "if TYPE_CHECKING:\n    import polars\nclass C:\n    import sklearn.svm",
    }
    assert sources(code).reach("a", "trial").libraries == ("numpy", "scipy", "sklearn", "torch")


def test_a_number_of_many_digits_can_be_hashed() -> None:
    code = f"N = 0x{'f' * 6000}\ndef trial(seed, device):\n    return N"
    assert hash_of({"a": code}) != hash_of({"a": code.replace("0xf", "0xe", 1)})
