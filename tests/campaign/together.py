"""Two and three runs of one project at once, with other commands beside them, with and without kills."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaign import processes, texts
from tests.campaign.kills import Peace
from tests.campaign.project import TRACEBACK, Project, ended
from tests.campaign.tally import Tally

Commands = tuple[tuple[str, ...], ...]
TARGETS: tuple[Commands, ...] = (
    (("run",), ("run",)),
    (("run", "coins"), ("run", "dice")),
    (("run", "coins:chosen"), ("run", "coins:flips"), ("run",)),
    (("run",), ("run", "--scale", "small"), ("run",)),
    (("run", "--scale", "small"), ("run", "stacks")),
    (("run",), ("run",), ("refresh",), ("status",)),
)
"""What is started at once; every project is brought to its end at both scales afterwards."""


def together(rounds: int, seed: int, reviews: dict[str, str] = texts.REVIEWS) -> Tally:
    """Start several commands at once; in every second round, kill some of them."""
    tally = Tally("runs at once")
    chance = random.Random(f"together {seed}")
    with TemporaryDirectory(prefix="verify-campaign-") as name:
        folder = Path(name)
        peace = Peace(folder, reviews, ("tiny", "small"))
        for number in range(rounds):
            project = Project(folder / "project", reviews)
            commands = TARGETS[(number // 2) % len(TARGETS)]
            _round(project, commands, chance, tally, f"seed {seed}, round {number}", kills=bool(number % 2))
            for arguments in (("run",), ("run", "--scale", "small"), ("refresh",)):
                code, output = project.command(*arguments)
                tally.expect(code == 0, f"{arguments} at the end: {code}: {output[-400:]}")
            peace.compare(project, tally, f"seed {seed}, round {number}")
            project.remove()
    return tally


def _round(
    project: Project, commands: Commands, chance: random.Random, tally: Tally, name: str, *, kills: bool
) -> None:
    started: list[tuple[tuple[str, ...], subprocess.Popen[str]]] = []
    for arguments in commands:
        started.append((arguments, project.start(*arguments)))
        time.sleep(chance.choice((0.0, 0.05, 0.5)))
    killed = set()
    for _, process in chance.sample(started, len(started) - 1) if kills else ():
        time.sleep(chance.uniform(0.1, 1.5))
        if process.poll() is None and processes.kill(process.pid):
            killed.add(process.pid)
    for arguments, process in started:
        code, output = ended(process)
        told = f"{name}: {' '.join(arguments)} ended with {code}: {output[-400:]}"
        tally.expect(code == (-9 if process.pid in killed else 0) and TRACEBACK not in output, told)
        tally.count("commands")
    tally.count("kills", len(killed))
    left, _ = processes.left_behind()
    tally.expect(not left, f"{name}: {len(left)} processes live on: {[each.command[:80] for each in left[:3]]}")
    tally.faults += [f"{name}: {each}" for each in project.torn()]
