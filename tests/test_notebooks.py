"""Notebooks: executed when their source changed, published as they came out, never as if they were newer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mini

SOURCE = """\
# %% [markdown]
# # Coins in two lines
# Some words.

# %%
import matplotlib.pyplot as plt
import os

plt.plot([1, 2])
plt.legend(["a"])

# %%
class Coin:
    pass


print("heads", os.getcwd() == os.path.dirname(os.path.abspath("coin.py")))
Coin()
"""


@pytest.fixture
def tossed(ran: Mini) -> Mini:
    """The project with a notebook beside its review, not executed yet."""
    ran.root.joinpath("reviews", "notebooks").mkdir()
    source(ran).write_text(SOURCE)
    return ran


def source(project: Mini) -> Path:
    return project.root / "reviews" / "notebooks" / "coin.py"


def result(project: Mini) -> Path:
    return project.root / "docs" / "notebooks" / "coin.ipynb"


def outputs(project: Mini) -> list[dict[str, Any]]:
    cells = json.loads(result(project).read_text())["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


def test_a_run_executes_what_changed_and_nothing_else(tossed: Mini) -> None:
    assert "notebook coin: to be executed" in tossed.verify("run", "--dry-run")
    assert not result(tossed).exists()
    said = tossed.verify("run")
    assert "notebook coin: executed in" in said
    assert "10 of 10 trials fresh" in said
    stamp = result(tossed).stat().st_mtime_ns
    assert "notebook" not in tossed.verify("run") + tossed.verify("run", "--dry-run")
    assert result(tossed).stat().st_mtime_ns == stamp
    source(tossed).write_text(SOURCE.replace("Some words", "Other words"))
    assert "older than its source" in tossed.verify("check", expect=2)
    assert "executed in" in tossed.verify("run")
    assert "no mistakes" in tossed.verify("check")


def test_temporary_files_may_lie_deeper_than_a_sockets_path_may_be_long(
    tossed: Mini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    assert "notebook coin: executed in" in tossed.verify("run")


def test_a_verification_asked_for_by_name_leaves_notebooks_alone(tossed: Mini) -> None:
    assert "notebook" not in tossed.verify("run", "coin:flips")
    assert "executed" in tossed.verify("run", "coin")


def test_the_result_holds_outputs_and_nothing_that_churns(tossed: Mini) -> None:
    tossed.verify("run")
    content = result(tossed).read_bytes()
    found = outputs(tossed)
    assert any("image/png" in output.get("data", {}) for output in found)
    assert {"name": "stdout", "output_type": "stream", "text": "heads True\n"} in found
    assert b" at 0x" not in content
    assert str(tossed.root).encode() not in content
    result(tossed).unlink()
    tossed.verify("run")
    assert result(tossed).read_bytes() == content


def test_a_notebook_that_fails_is_an_error_and_leaves_no_old_result(tossed: Mini) -> None:
    tossed.verify("run")
    source(tossed).write_text(SOURCE + "\n# %%\none = 1\none / 0\n")
    said = tossed.verify("run", expect=1)
    line = len(SOURCE.splitlines()) + 4
    assert f"reviews/notebooks/coin.py:{line}: the notebook failed: ZeroDivisionError: division by zero" in said
    assert not result(tossed).exists()
    assert "10 of 10 trials fresh" in said


def test_a_notebook_without_a_review_and_a_result_without_a_source_are_mistakes(tossed: Mini) -> None:
    source(tossed).rename(source(tossed).with_name("coins.py"))
    result(tossed).parent.mkdir()
    result(tossed).write_text("{}")
    said = tossed.verify("check", expect=2)
    assert "reviews/notebooks/coins.py: this notebook belongs to no review" in said
    assert "did you mean 'coin'" in said
    assert "docs/notebooks/coin.ipynb: this notebook has no source" in said
