"""Fixtures of tests that hand batches to processes of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from verify.running.executors.local import LocalExecutor


@pytest.fixture(scope="module", params=["fork", "spawn"])
def both(request: pytest.FixtureRequest) -> Iterator[LocalExecutor]:
    """An executor of each kind, one after the other."""
    executor = LocalExecutor(2, method=request.param)
    yield executor
    executor.close()


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    executor = LocalExecutor(2)
    yield executor
    executor.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's folder with nothing in it."""
    (tmp_path / "reviews").mkdir()
    return tmp_path
