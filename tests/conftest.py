"""A miniature project in an empty folder, driven as its users do: through the command line."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["tests.browser", "tests.built", "tests.executors"]

COMMAND = [sys.executable, "-c", "from verify.cli import main; main()"]

COIN = '''\
---
title: A coin
authors: [A. Author]
venue: Journal of Coins 2020
section: Testing
tags: [coins]
summary: A coin is fair.
---

# Coins

A coin shows heads {{ flips.heads[bias=0.5] | .2f }} of the time ([@fair]).

```python verify
import os
import random
import time


def coin(seed: int, device: str, *, bias: float, nap: float = 0.0, trick: str = "") -> dict:
    """Flip a coin a thousand times."""
    time.sleep(nap)
    if trick == "crash" and seed == 1:
        raise ValueError(f"no such coin: {bias}")
    if trick == "die" and seed == 1:
        os.kill(os.getpid(), 9)
    if trick == "hang" and seed == 1:
        time.sleep(60)
    return {"heads": toss(seed, bias)}


def toss(seed: int, bias: float) -> float:
    generator = random.Random(f"{seed} {bias}")
    return sum(generator.random() < bias for _ in range(1000)) / 1000
```

```yaml verify
id: flips
experiment: coin
grid:
  bias: [0.5, 0.8]
scales:
  tiny: {seeds: 5}
figures:
  - id: heads
    caption: Heads by bias.
    mark: point
    x: bias
    y: heads
claims:
  - id: fair
    says: The coin is fair.
    source: Section 1
    reported: {heads: 0.5}
    test: {metric: heads, where: {bias: 0.5}, within: [0.45, 0.55]}
    control: {where: {bias: 0.8}}
  - id: loaded
    says: The other coin is fair too.
    source: Section 2
    test: {metric: heads, where: {bias: 0.8}, within: [0.45, 0.55]}
    control: {where: {bias: 0.5}}
```
'''


class Mini:
    """A project under `root` with one review, `coin`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "reviews").mkdir(parents=True)
        (root / "mkdocs.yml").write_text("site_name: Mini\n")
        self.review = root / "reviews" / "coin.md"
        self.review.write_text(COIN)

    def copied(self, root: Path) -> Mini:
        """The same elsewhere, with all that was run."""
        project = Mini.__new__(Mini)
        project.root = root
        shutil.copytree(self.root, root)
        project.review = root / "reviews" / "coin.md"
        return project

    def edit(self, old: str, new: str) -> None:
        """Replace a part of the review that must be there."""
        text = self.review.read_text()
        assert old in text
        self.review.write_text(text.replace(old, new))

    def verify(self, *arguments: str, expect: int = 0) -> str:
        """Run the command; what it printed, both streams together."""
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=self.root, capture_output=True, text=True, timeout=120, check=False
        )
        output = done.stdout + done.stderr
        assert done.returncode == expect, output
        return output

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command in a process group of its own and leave it running."""
        return subprocess.Popen(
            [*COMMAND, *arguments], cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    def due(self) -> str:
        """What the next run would do, and why."""
        return self.verify("run", "--dry-run", "--explain")

    @property
    def evidence(self) -> Path:
        return self.root / "docs" / "evidence" / "coin" / "flips.tiny.jsonl"

    @property
    def journal(self) -> Path:
        return self.root / ".verify" / "journal" / "coin" / "flips.tiny.jsonl"


@pytest.fixture
def mini(tmp_path: Path) -> Mini:
    return Mini(tmp_path / "project")


@pytest.fixture(scope="session")
def _ran(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    project = Mini(tmp_path_factory.mktemp("ran") / "project")
    project.verify("run")
    project.verify("refresh")
    return project


@pytest.fixture
def ran(_ran: Mini, tmp_path: Path) -> Mini:
    """A copy of the miniature project in which everything was run and refreshed."""
    return _ran.copied(tmp_path / "project")


def pytest_configure() -> None:
    """What a shell's background or `nohup` has ignored would be ignored by all that tests start and interrupt.

    A handler of one's own is not inherited; what is started has the default.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


EXPECTED_SKIPS = ("needs a CUDA device", "root may read and write everything")
"""Reasons for which a test may be skipped in CI; any other skip fails the run: a skip must not hide anything."""


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run in CI that skipped a test for a reason nobody expected."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI") or exitstatus not in (0, 5):
        return
    for report in reporter.stats.get("skipped", []):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not any(expected in reason for expected in EXPECTED_SKIPS):
            reporter.write_line(f"unexpected skip: {report.nodeid}: {reason}", red=True)
            session.exitstatus = 1


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MNIST-1D with 200 examples a seed; one thread, since others would only wait."""
    import torch

    from verify.lab import data

    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(data.SIZES, "mnist1d", data.Sizes(120, 30, 50))
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)
