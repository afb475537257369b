"""A wall clock that jumps while trials run: healthy ones live, and what hangs is still stopped at its limit."""

from __future__ import annotations

import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaign import processes, texts
from tests.campaign.project import TRACEBACK, Project, difference
from tests.campaign.tally import Tally

_DAY = 86_400.0
_YEARS = 10 * 365.25 * _DAY
_HANGING = texts.DICE.replace("time.sleep(0.005)", "time.sleep(3600 if sides == 20 and seed == 3 else 0.005)").replace(
    "{seeds: 10}", "{seeds: 10, time_limit: 3}"
)


def jumps(rounds: int, seed: int, others: dict[str, str] = texts.REVIEWS) -> Tally:
    """Let the clock jump up to three times in a run, by a day or ten years, forwards and backwards."""
    tally = Tally("clock jumps")
    chance = random.Random(f"clock {seed}")
    reviews = {**others, "dice.md": _HANGING}
    with TemporaryDirectory(prefix="verify-campaign-") as name:
        peace = _run(Project(Path(name) / "peace", reviews), [], tally, "in peace")
        for number in range(rounds):
            when = sorted(chance.uniform(0.1, 4) for _ in range(chance.randint(1, 3)))
            fault = [(after, chance.choice((-_YEARS, -_DAY, _DAY, _YEARS))) for after in when]
            project = Project(Path(name) / f"project-{number}", reviews)
            found = _run(project, fault, tally, f"seed {seed}, jumps {fault}")
            different = difference(found, peace)
            tally.expect(not different, f"seed {seed}, jumps {fault}: {different}")
            tally.count("jumps", len(fault))
            tally.count("projects equal to one in peace", not different)
    return tally


def _run(project: Project, fault: list[tuple[float, float]], tally: Tally, story: str) -> dict[str, str]:
    begun = time.monotonic()
    code, output = project.command("run", fault={"jumps": fault})
    seconds = time.monotonic() - begun
    tally.longest("longest run, s", seconds)
    told = f"{story}: ended with {code} after {seconds:.0f} s: {output[-700:]}"
    limit = "longer than its limit of 3 s"
    told_once = output.count("failed: dice:rolls tiny") == 1 and limit in output and TRACEBACK not in output
    tally.expect(code == 1 and told_once and seconds < 60, told)
    left, _ = processes.left_behind()
    tally.expect(not left, f"{len(left)} processes live on: {told}")
    return project.published()
