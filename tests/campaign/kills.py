"""Kills of a run, of its workers and fork server, and of a refresh; then held against a project left in peace."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaign import processes, texts
from tests.campaign.project import TRACEBACK, Project, difference, ended
from tests.campaign.tally import Tally

_FIND: dict[str, Callable[[int], list[int]]] = {
    "run": lambda run: [run], "worker": processes.workers, "server": processes.servers,
}  # fmt: skip
_MOST_RUNS = 60
"""Runs after which a project should have been finished, however often it was killed."""


class Peace:
    """What a project looks like that nobody disturbed."""

    def __init__(self, folder: Path, reviews: dict[str, str], scales: tuple[str, ...] = ("tiny",)) -> None:
        project = Project(folder / "peace", reviews)
        self.seconds: dict[str, float] = {}
        for scale in scales:
            begun = time.monotonic()
            code, output = project.command("run", "--scale", scale)
            assert code == 0, output
            self.seconds["run"] = time.monotonic() - begun
        self.operations: dict[str, int] = {"run": self._count(folder, reviews, "run")}
        begun = time.monotonic()
        code, output = project.command("refresh", fault={"count": str(folder / "refresh.count")})
        assert code == 0, output
        self.seconds["refresh"] = time.monotonic() - begun
        self.operations["refresh"] = int((folder / "refresh.count").read_text())
        self.published = project.published()
        self.files = project.files()
        self.results = len(project.results())
        project.remove()

    @staticmethod
    def _count(folder: Path, reviews: dict[str, str], command: str) -> int:
        project = Project(folder / "count", reviews)
        code, output = project.command(command, fault={"count": str(folder / "count.txt")})
        assert code == 0, output
        project.remove()
        return int((folder / "count.txt").read_text())

    def compare(self, project: Project, tally: Tally, story: str) -> None:
        """Hold a finished project against this one."""
        different = difference(project.published(), self.published)
        tally.expect(not different, f"{story}: {different}")
        extra = sorted(project.files() - self.files)
        tally.expect(not extra, f"{story}: left behind: {', '.join(extra[:8])}")
        repeated = project.repeated()
        tally.expect(not repeated, f"{story}: {len(repeated)} results were computed again: {repeated[:3]}")
        tally.count("projects equal to one in peace", not different)


class Story:
    """One project that is killed until it is finished all the same."""

    def __init__(self, project: Project, peace: Peace, chance: random.Random, tally: Tally, name: str) -> None:
        self.project, self.peace, self.chance, self.tally, self.name = project, peace, chance, tally, name
        self.known: dict[str, str] = {}
        """Results that were in a journal after a kill."""

    def play(self, kills: int) -> None:
        """Kill at most `kills` times, and go on to the end."""
        enough = self.tally.figures.get("kills", 0) + kills
        for _ in range(_MOST_RUNS):
            victims = self.chance.choices(("run", "worker", "server"), (4, 4, 2), k=self.chance.randint(1, 5))
            if self._run(victims[: max(0, int(enough - self.tally.figures.get("kills", 0)))]):
                break
        else:
            self.tally.faults.append(f"{self.name}: {_MOST_RUNS} runs did not finish it")
        while self.tally.figures.get("kills", 0) < enough and self.chance.random() < 0.7:
            self._kill_command("refresh")
            self._look("refresh killed")
        code, output = self.project.command("refresh")
        self.tally.expect(code == 0, f"{self.name}: the last refresh ended with {code}: {output[-500:]}")
        self._look("refresh")
        self.peace.compare(self.project, self.tally, self.name)

    def _run(self, victims: list[str]) -> bool:
        """One run in which these are killed, one after another; whether it has done all there was to do."""
        workers = str(self.chance.choice((1, 2, 3)))
        if victims == ["run"]:
            code, output = self._kill_command("run", "--workers", workers)
        else:
            process = self.project.start("run", "--workers", workers)
            for number, victim in enumerate(victims):
                self._wait(process, self.peace.seconds["run"] / (1 + 2 * number))
                self._kill(victim, process)
            code, output = ended(process)
        fails = "worker" in victims or victims.count("server") > 2  # a batch that takes its server along is given up
        allowed = {0} | ({-9} if "run" in victims else set()) | ({1} if fails else set())
        said = f"{self.name}: a run ({victims} killed) ended with {code}: {output[-700:]}"
        self.tally.expect(code in allowed and TRACEBACK not in output, said)
        self.tally.count("runs")
        self._look(f"{victims} killed")
        return code == 0

    def _kill_command(self, *arguments: str) -> tuple[int, str]:
        """Kill a command itself: at a random moment, or just before one of its operations on the disk."""
        name = arguments[0]
        if self.chance.random() < 0.4:
            at = self.chance.randint(1, self.peace.operations[name])
            code, output = self.project.command(*arguments, fault={"die": at})
            self._count(name, code == -9)
            return code, output
        process = self.project.start(*arguments)
        self._wait(process, 1.1 * self.peace.seconds[name])
        self._count(name, process.poll() is None and processes.kill(process.pid))
        return ended(process)

    def _kill(self, victim: str, process: subprocess.Popen[str]) -> None:
        """Kill one such process of a run as soon as there is one."""
        while process.poll() is None:
            if found := _FIND[victim](process.pid):
                self._count(victim, processes.kill(self.chance.choice(found)))
                return
            time.sleep(0.01)

    def _wait(self, process: subprocess.Popen[str], seconds: float) -> None:
        deadline = time.monotonic() + self.chance.uniform(0.05, seconds)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)

    def _count(self, victim: str, hit: bool) -> None:
        if hit:
            self.tally.count("kills")
            self.tally.count(f"kills of {victim}")

    def _look(self, after: str) -> None:
        """What must hold at any time: nothing torn, nothing lost, nobody left."""
        left, seconds = processes.left_behind()
        self.tally.longest("longest until no process was left, s", seconds)
        commands = [each.command[:100] or each.state for each in left]
        self.tally.expect(not left, f"{self.name}: after {after}, {len(left)} processes live on: {commands[:3]}")
        self.tally.faults += [f"{self.name}: after {after}: {each}" for each in self.project.torn()]
        results = self.project.results()
        lost = [name for name, line in self.known.items() if results.get(name) != line]
        self.tally.expect(not lost, f"{self.name}: after {after}, {len(lost)} finished results are lost or changed")
        self.tally.count("finished results looked for", len(self.known))
        self.known = results


def kill(kills: int, seed: int, reviews: dict[str, str] = texts.REVIEWS) -> Tally:
    """Kill `kills` times, in as many projects as that takes."""
    tally = Tally("kills")
    chance = random.Random(f"kills {seed}")
    with TemporaryDirectory(prefix="verify-campaign-") as name:
        folder = Path(name)
        peace = Peace(folder, reviews)
        stories = 0
        while tally.figures.get("kills", 0) < kills and stories < 2 * kills:
            stories += 1
            project = Project(folder / "project", reviews)
            wanted = min(20, kills - int(tally.figures.get("kills", 0)))
            Story(project, peace, chance, tally, f"seed {seed}, project {stories}").play(wanted)
            project.remove()
    tally.expect(tally.figures.get("kills", 0) >= kills, "too few kills hit anything")
    return tally
