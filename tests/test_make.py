"""`make verify` does all its steps, and ends as the first that failed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

STEPS = ["verify run --scale tiny", "verify refresh", "verify verdicts", "mkdocs build --strict"]


@pytest.mark.parametrize(
    ("failing", "code", "done", "expect"),
    [
        ("", 0, STEPS, "0"),
        ("verify run", 1, STEPS, "1"),
        ("verify verdicts", 1, STEPS, "1"),
        ("mkdocs build", 2, STEPS, "2"),
        ("verify run", 130, STEPS[:1], "130"),
    ],
)
def test_verify_goes_on_after_a_failure(tmp_path: Path, failing: str, code: int, done: list[str], expect: str) -> None:
    shutil.copy(Path(__file__).parent.parent / "Makefile", tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("constraints.txt", "pyproject.toml", ".venv/bin/pip", ".venv/.lab"):
        (tmp_path / name).touch()  # in this order: the last is not older than what it is made of
    for name in ("verify", "mkdocs"):
        program = programs / name
        program.write_text(
            f'#!/bin/sh\necho "{name} $*"\ncase "{name} $1" in "{failing}") exit {code};; esac\n', encoding="utf-8"
        )
        program.chmod(0o755)
    ended = subprocess.run(["make", "verify"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in ended.stdout.splitlines() if line.startswith(("verify ", "mkdocs "))]
    assert said == done
    assert ("the site is in" in ended.stdout) == (failing != "mkdocs build" and code != 130)
    if expect == "0":
        assert ended.returncode == 0, ended
    else:
        assert ended.returncode == 2, "make's own code for a recipe that failed"
        assert f"Error {expect}" in ended.stderr
