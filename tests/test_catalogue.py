"""Declarations of experiments, read without importing them."""

from __future__ import annotations

import pytest

from verify.errors import UserError
from verify.planning.catalogue import read_project, read_source


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


def test_the_decorator_declares_a_batch() -> None:
    code = """
@experiment(rides=("lr",), values=["error"], diverged={"error": 0.9}, batch=20, time_limit=30)
def train(seeds, device, *, lr, width=4): ...
"""
    found, errors = read_source(code, "reviews/a.md")
    assert not errors
    train = found["train"]
    assert train.batched
    assert (train.rides, train.values, train.diverged) == (("lr",), ("error",), {"error": 0.9})
    assert (train.batch, train.time_limit) == (20, 30.0)


@pytest.mark.parametrize(
    ("code", "line", "message", "hint"),
    [
        ("def f(seed, device:", 1, "Python cannot read this", ""),
        ("@experiment(ride=())\ndef f(seed, device, *, a): ...", 1, "unknown option 'ride'", "did you mean 'rides'?"),
        ("@experiment(batch=N)\ndef f(seed, device): ...", 1, "must be a literal", "without running the code"),
        ("@experiment(3)\ndef f(seed, device): ...", 1, "takes keywords only", "known: batch"),
        ("@experiment(rides=('b',))\ndef f(seeds, device, *, bb): ...", 2, "no parameter of 'f'", "did you mean 'bb'?"),
        ("@experiment(batch=2)\ndef f(seed, device): ...", 2, "must begin with (seeds, device)", "def f(seed, device"),
        ("@experiment()\ndef f(device): ...", 2, "must begin with (seed, device)", "def f(seed, device"),
        ("def f(seed, device, **rest): ...", 1, "takes *args or **kwargs", "name each parameter"),
    ],
)  # fmt: skip
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
