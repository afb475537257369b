"""Disks that are full, files that may not grow, writes that fail: a message, nothing lost, and the next run goes on.

Where a file system can be mounted (as root), full disks are real: a small one in memory, filled but for a few pages.
"""

from __future__ import annotations

import errno
import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.campaign import processes, texts
from tests.campaign.kills import Peace
from tests.campaign.project import TRACEBACK, Project
from tests.campaign.tally import Tally

_PAGE = 4096
_WORDS = ("no space left", "file too large", "input/output error", "quota exceeded", "no usable temporary directory")
"""One of these must be said where a command could not do what it was asked for."""


def full(rounds: int, seed: int, reviews: dict[str, str] = texts.REVIEWS) -> Tally:
    """Disks with 0 to 24 pages left, for a run and the refresh after it."""
    tally = Tally("full disks")
    chance = random.Random(f"disk {seed}")
    with TemporaryDirectory(prefix="verify-campaign-") as name:
        peace = Peace(Path(name), reviews)
        for number in range(rounds):
            folder = Path(name) / "disk"
            with _small_disk(folder) as mounted:
                if not mounted:
                    tally.count("left out: no file system can be mounted")
                    return tally
                pages = 2 * number % 26
                project = Project(folder / "project", reviews)
                filler = folder / "filler"
                story = f"seed {seed}, {pages} pages left"
                for command in ("run", "refresh"):
                    _fill(filler, pages + (chance.randrange(4) if command == "refresh" else 0))
                    _suffer(project, command, tally, story)
                    filler.unlink()
                    _recover(project, command, tally, story)
                peace.compare(project, tally, story)
    return tally


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def _fill(filler: Path, pages: int) -> None:
    """Leave just so many pages free."""
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(_PAGE))
        except OSError:
            file.truncate(max(0, file.tell() - pages * _PAGE))


def limited(rounds: int, seed: int, reviews: dict[str, str] = texts.REVIEWS) -> Tally:
    """Files that may not grow beyond 0 bytes to 64 KB, for everything that the command starts as well."""
    tally = Tally("file-size limits")

    def suffer(project: Project, command: str, chance: random.Random) -> None:
        most = chance.choice((0, 1, 100, 1000, 2000, 3000, 5000, 8000, 12_000, 20_000, 64_000))
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # noqa: E731
        _suffer(project, command, tally, f"seed {seed}, limit of {most}", prepare=limit)

    return _rounds(rounds, random.Random(f"limits {seed}"), tally, reviews, suffer)


def failing(rounds: int, seed: int, reviews: dict[str, str] = texts.REVIEWS) -> Tally:
    """Operations that need space and fail: one, a few, or all from some moment on."""
    tally = Tally("writes that fail")

    def suffer(project: Project, command: str, chance: random.Random) -> None:
        fault = {
            "fail": chance.randint(1, 60 if command == "run" else 40),
            "errno": chance.choice((errno.ENOSPC, errno.ENOSPC, errno.EIO, errno.EDQUOT)),
            "times": chance.choice((1, 2, 10_000)),
        }
        _suffer(project, command, tally, f"seed {seed}, {fault}", fault=fault)

    return _rounds(rounds, random.Random(f"failing {seed}"), tally, reviews, suffer)


def _rounds(
    rounds: int,
    chance: random.Random,
    tally: Tally,
    reviews: dict[str, str],
    suffer: Callable[[Project, str, random.Random], None],
) -> Tally:
    with TemporaryDirectory(prefix="verify-campaign-") as name:
        peace = Peace(Path(name), reviews)
        for number in range(rounds):
            project = Project(Path(name) / "project", reviews)
            for command in ("run", "refresh"):
                suffer(project, command, chance)
                _recover(project, command, tally, f"{tally.part}, round {number}")
            peace.compare(project, tally, f"{tally.part}, round {number}")
            project.remove()
    return tally


def _suffer(project: Project, command: str, tally: Tally, story: str, **options: Any) -> None:
    """A command that may not be able to do what it should: it says so, or has done it."""
    before = project.results()
    code, output = project.command(command, **options)
    told = f"{story}: {command} ended with {code}: {output[-700:]}"
    tally.count("commands")
    tally.expect(TRACEBACK not in output, f"a traceback: {told}")
    tally.expect(code in (0, 1, 2), told)
    tally.count("commands that could not do it", code != 0)
    tally.expect(code == 0 or any(word in output.lower() for word in _WORDS), f"not said why: {told}")
    left, _ = processes.left_behind()
    tally.expect(not left, f"{len(left)} processes live on: {told}")
    tally.faults += [f"{each}: {told}" for each in project.torn()]
    results = project.results()
    tally.expect(all(results.get(name) == line for name, line in before.items()), f"results were lost: {told}")


def _recover(project: Project, command: str, tally: Tally, story: str) -> None:
    before = project.results()
    code, output = project.command(command)
    tally.expect(code == 0, f"{story}: with space, {command} ended with {code}: {output[-700:]}")
    results = project.results()
    lost = [name for name, line in before.items() if results.get(name) != line]
    tally.expect(not lost, f"{story}: {len(lost)} results were lost afterwards")
    tally.count("finished results looked for", len(before))
