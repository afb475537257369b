"""Declarations of experiments, read without importing them."""

from __future__ import annotations

import pytest

from verify.errors import UserError
from verify.planning.catalogue import read_project, read_source, unlike


def errors_of(code: str) -> list[UserError]:
    return read_source(code, "reviews/coin.md")[1]


def test_a_plain_function_with_seed_and_device_is_an_experiment() -> None:
    code = "\n\ndef coin(seed: int, device: str, *, bias: float, flips: int = 10) -> dict: ...\ndef helper(x): ..."
    found, errors = read_source(code, "reviews/coin.md")
    assert not errors
    assert list(found) == ["coin"]
    coin = found["coin"]
    assert (coin.line, coin.parameters, coin.required, coin.batched) == (3, ("bias", "flips"), ("bias",), False)
    assert coin.module == "reviews/coin.md"


def test_what_python_only_warns_of_is_not_told_when_it_is_read(recwarn: pytest.WarningsRecorder) -> None:
    found, errors = read_source("def f(seed, device): return 1if seed else '\\d'", "reviews/coin.md")
    assert list(found) == ["f"]
    assert not errors
    assert unlike("f", "class f: x = 1if 1 else 2") is not None
    assert not recwarn.list, "it would stand in the terminal without the review's name"


def test_the_decorator_declares_a_batch() -> None:
    code = """
@experiment(batch_axes=("lr",), values=["error"], diverged={"error": 0.9}, batch=20, time_limit=30)
def train(seeds, device, *, lr, width=4): ...
"""
    found, errors = read_source(code, "reviews/a.md")
    assert not errors
    train = found["train"]
    assert train.batched
    assert (train.batch_axes, train.values, train.diverged) == (("lr",), ("error",), {"error": 0.9})
    assert (train.batch, train.time_limit) == (20, 30.0)


@pytest.mark.parametrize(
    ("code", "line", "message", "hint"),
    [
        ("def f(seed, device:", 1, "Python cannot read this", ""),
        (
            "@experiment(batch_axis=())\ndef f(seed, device, *, a): ...",
            1,
            "unknown option 'batch_axis'",
            "did you mean 'batch_axes'?",
        ),
        ("@experiment(batch=N)\ndef f(seed, device): ...", 1, "must be a literal", "without running the code"),
        ("@experiment(3)\ndef f(seed, device): ...", 1, "takes keywords only", "known: batch"),
        (
            "@experiment(batch_axes=('b',))\ndef f(seeds, device, *, bb): ...",
            2,
            "no parameter of 'f'",
            "did you mean 'bb'?",
        ),
        (
            "@experiment(batch=2)\ndef f(seed, device): ...",
            2,
            "takes `seed`, though `batch_axes` or `batch` make it",
            "def f(seeds, device)",
        ),
        ("@experiment()\ndef f(device): ...", 2, "has no parameter `seed`", "write `def f(seed, device)`"),
        ("def f(seed, device, **rest): ...", 1, "takes *args or **kwargs", "def f(seed, device)"),
        (
            "@experiment()\ndef f(seed, device, a, b=1, *, c=2): ...",
            2,
            "has `a` and `b` before the `*`",
            "write `def f(seed, device, *, a, b=…, c=…)`",
        ),
        ("@experiment()\ndef f(device, seed): ...", 2, "has `device` before `seed`", "def f(seed, device)"),
        ("@experiment()\ndef f(*, seed, device): ...", 2, "has `seed` after the `*` and has `device` after", "def f("),
        (
            "def f(seeds, device): ...",
            1,
            "takes `seeds` without a batch that @experiment(batch_axes=…)",
            "def f(seed, device)",
        ),
        ("async def f(seed, device): ...", 1, "is declared by `async def`", "def f(seed, device)"),
        ("@experiment\ndef f(seed, device): ...", 1, "@experiment without brackets", "write @experiment()"),
        ("@experiment(**options)\ndef f(seed, device): ...", 1, "takes no **", "write each option out"),
        (
            "@experiment(batch='8')\ndef f(seeds, device): ...",
            1,
            "whole number from 1 to 100,000, not the text '8'",
            "",
        ),
        (
            "@experiment(batch=0)\ndef f(seed, device): ...",
            1,
            "from 1 to 100,000, not the number 0",
            "trained together",
        ),
        ("@experiment(batch=True)\ndef f(seed, device): ...", 1, "whole number from 1 to 100,000, not True", ""),
        ("@experiment(batch=2.0)\ndef f(seeds, device): ...", 1, "from 1 to 100,000, not the number 2.0", ""),
        ("@experiment(values=('a'))\ndef f(seed, device): ...", 1, "list of names, not the text 'a'", 'write ("a",)'),
        ("@experiment(values=['a', 1])\ndef f(seed, device): ...", 1, "list of names, not a list", "such as"),
        ("@experiment(values={'a'})\ndef f(seed, device): ...", 1, "list of names, not a set", "such as"),
        (
            "@experiment(values=['a', 'a'])\ndef f(seed, device): ...",
            1,
            "a list of different names",
            "'a' stands in it",
        ),
        ("@experiment(batch_axes='x')\ndef f(seeds, device, *, x): ...", 1, "names, not the text 'x'", 'write ("x",)'),
        (
            "@experiment(diverged={'a': 'b'})\ndef f(seed, device): ...",
            1,
            "numbers, not to the text 'b'",
            '{"error": 0.9}',
        ),
        ("@experiment(diverged={'a': 1e999})\ndef f(seed, device): ...", 1, "numbers, not to the number inf", ""),
        ("@experiment(diverged=0.9)\ndef f(seed, device): ...", 1, "to numbers, not the number 0.9", '{"error": 0.9}'),
        ("@experiment(diverged={[]: 1})\ndef f(seed, device): ...", 1, "must be a literal", "write it out"),
        ("@experiment(time_limit=-1)\ndef f(seed, device): ...", 1, "seconds above 0, not the number -1", ""),
        ("@experiment(time_limit='9')\ndef f(seed, device): ...", 1, "seconds above 0, not the text '9'", ""),
        (r"@experiment(values=['\ud800'])\ndef f(seed, device): ...".replace(r"\n", "\n"), 1, "names, not a list", ""),
        (f"@experiment(batch={'9' * 30})\ndef f(seeds, device): ...", 1, "not the number of more than 20 digits", ""),
        (f"@experiment(time_limit={'9' * 400})\ndef f(seed, device): ...", 1, "not the number of more than 20", ""),
        (f"@experiment(diverged={{'a': {'9' * 400}}})\ndef f(seed, device): ...", 1, "the number of more than 20", ""),
        (
            "@experiment(diverged={'eror': 1}, values=['error'])\ndef f(seed, device): ...",
            2,
            "'eror' in diverged is nothing that 'f' returns",
            "did you mean 'error'?",
        ),
        (
            "@experiment(values=['eror'])\ndef f(seed, device):\n return {'error': 1}",
            2,
            "never returns 'eror', which it",
            "did you mean 'error'?",
        ),
    ],
)
def test_every_mistake_of_a_declaration(code: str, line: int, message: str, hint: str) -> None:
    (error,) = errors_of(code)
    assert message in error.message
    assert hint in error.hint
    assert (error.file, error.line) == ("reviews/coin.md", line)


def test_the_projects_own_declarations_are_right() -> None:
    experiments, errors = read_project()
    assert not errors
    for experiment in experiments.values():
        assert experiment.values, f"{experiment.name} should name what it returns"


def test_two_experiments_of_one_name(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "experiments"
    folder.mkdir()
    for name in ("a.py", "b.py"):
        (folder / name).write_text("@experiment()\ndef same(seed, device): ...")
    monkeypatch.setattr("verify.planning.catalogue.PACKAGE", tmp_path)
    _, (error,) = read_project()
    assert "two experiments are called 'same'" in error.message
    assert "verify.experiments.a" in error.hint


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("return {'error': 1, 'curve': [2]}", ("error", "curve")),
        ("return {'error': 1, 'data': 'abc'}", ("error",)),
        ("return dict(error=1, loss=2)", ("error", "loss")),
        ("if a: return {'error': 1}\n return {'loss': 2}", ("error", "loss")),
        ("return {'error': 1} if a else {'loss': 2}", ("error", "loss")),
        ("return {'error': 1} | {'loss': 2}", ("error", "loss")),
        ("return {**{'error': 1}, 'loss': 2}", ("error", "loss")),
        ("result = {'error': 1}\n result['loss'] = result['error'] + 1\n return result", ("error", "loss")),
        (
            "result: dict = {}\n for i in a: result['loss'] = i\n result.update({'x': 1}, y=2)\n return result",
            ("loss", "x", "y"),
        ),
        (
            "result = {'x': []}\n result['x'].append(1)\n result |= {'y': 2}\n return {**result, 'z': 3}",
            ("x", "y", "z"),
        ),
        ("return [{'error': 1} for _ in a]", ("error",)),
        ("results = []\n for i in a:\n  results.append({'error': i})\n return results", ("error",)),
        ("def inner(): return 3\n return {'error': inner()}", ("error",)),
        ("return train(a)", None),
        ("return {name: 1 for name in a}", None),
        ("return {f'{a}': 1}", None),
        ("return {'error': 1, **more(a)}", None),
        ("result = {'error': 1}\n for n in a: result[n] = 1\n return result", None),
        ("result = {'error': 1}\n fill(result)\n return result", None),
        ("result = {'error': 1}\n other = result\n other['loss'] = 2\n return result", None),
        ("result = {'error': 1}\n def add(): result['loss'] = 2\n add()\n return result", None),
        ("result = {'error': 1}\n result.setdefault(a, 1)\n return result", None),
        ("if a: return train(a)\n return {'error': 1}", None),
        ("a['loss'] = 1\n return a", None),
        ("results = [{'error': 1}]\n results[0]['loss'] = 2\n return results", None),
        ("global result\n result = {'error': 1}\n change()\n return result", None),
        ("yield {'error': 1}\n return {'error': 1}", None),
        ("print(a)", None),
        (r"return {'\ud800': 1}", None),
    ],
)
def test_what_is_returned_is_read_only_where_all_of_it_can_be(body: str, names: tuple[str, ...] | None) -> None:
    found, errors = read_source(f"def f(seed, device, *, a):\n {body}\n", "reviews/coin.md")
    assert not errors
    assert found["f"].values == (names or ())


@pytest.mark.parametrize("wrapped", ["@wrap\n{}", "{}f = wrap(f)\n"])
def test_what_a_wrapper_returns_is_not_known(wrapped: str) -> None:
    code = wrapped.format("def f(seed, device, *, a):\n return {'error': 1}\n")
    assert read_source(code, "reviews/coin.md")[0]["f"].values == ()


def test_declared_values_stand_where_the_source_cannot_be_read() -> None:
    code = "@experiment(values=['error'])\ndef f(seed, device): return train()\n"
    found, errors = read_source(code, "reviews/coin.md")
    assert not errors
    assert found["f"].values == ("error",)


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (
            "\ndef exp(seed, device, a: int, b=2): ...",
            "'exp' in line 2 is no experiment: it has `a` and `b` before the `*` that parameters follow",
            "write `def exp(seed, device, *, a, b=…)`",
        ),
        (
            "def exp(seed, *, a): ...",
            "'exp' in line 1 is no experiment: it has no parameter `device`",
            "write `def exp(seed, device, *, a)`",
        ),
        (
            "def exp(device): ...",
            "'exp' in line 1 is no experiment: it has no parameter `seed`",
            "write `def exp(seed, device)`",
        ),
        (
            "def exp(*args): ...",
            "'exp' in line 1 is no experiment: it has no parameter `seed`, has no parameter `device` "
            "and takes *args or **kwargs, so that parameters cannot be checked against the review",
            "write `def exp(seed, device)`",
        ),
        (
            "class exp: ...",
            "'exp' in line 1 is no experiment: it is a class",
            "an experiment is a function: `def exp(seed, device, *, …)`",
        ),
        (
            "exp = partial(f, 1)",
            "'exp' in line 1 is no experiment: it is a variable",
            "an experiment is written out: `def exp(seed, device, *, …)`",
        ),
        (
            "if True:\n def exp(seed, device): ...",
            "'exp' in line 2 is no experiment: it stands inside another block",
            "an experiment stands at the start of a line",
        ),
    ],
)
def test_what_keeps_something_of_that_name_from_being_an_experiment(code: str, message: str, hint: str) -> None:
    assert unlike("exp", code) == (message, hint)


def test_a_function_of_the_project_without_the_decorator(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "mine.py").write_text("import os\n\ndef exp(seed, device, *, a): ...")
    monkeypatch.setattr("verify.planning.catalogue.PACKAGE", tmp_path)
    message = "'exp' in verify/experiments/mine.py, line 3, is no experiment: it is not declared by @experiment(…)"
    assert unlike("exp", "") == (message, "write `@experiment(…)` above `def exp(seed, device, *, a)`")
    assert unlike("other", "") is None
    assert unlike("other", "def (") is None
