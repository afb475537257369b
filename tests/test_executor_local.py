"""Batches in processes of this machine: every end is known at once, costs only itself, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.batches import PID, alive, gone, log, one, pid, task
from verify.errors import UserError
from verify.running.executors import Done, local, server
from verify.running.executors.local import LocalExecutor

ROOT = Path(__file__).parent.parent


def test_results_come_back_with_the_environment_that_they_were_had_in(both: LocalExecutor, root: Path) -> None:
    done = one(both, task(root, "def f(seed, device): return {'x': seed / 3}", parameters=({}, {})))
    assert [each.values for each in done.results] == [{"x": 0.0}, {"x": 1 / 3}]
    assert done.environment == both.describe("cpu", torch=False)
    assert not log(root).exists()


def test_what_a_module_prints_before_it_fails_to_load_is_in_the_log(both: LocalExecutor, root: Path) -> None:
    done = one(both, task(root, "print('before')\nimport nothing_like_it", group="imports"))
    assert done == Done(
        error="ModuleNotFoundError: No module named 'nothing_like_it'", loading=True, file="reviews/coin.md", line=2
    )
    assert log(root).read_text().startswith('before\nTraceback (most recent call last):\n  File "reviews/coin.md"')


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("os._exit(0)", "exit code 0"),
        ("os._exit(7)", "exit code 7"),
        ("os.kill(os.getpid(), 9)", "killed by signal 9; out of memory?"),
        ("os.kill(os.getpid(), 11)", "killed by signal 11"),
    ],
)
def test_a_process_that_ends_is_known_at_once(end: str, how: str, both: LocalExecutor, root: Path) -> None:
    begun = time.monotonic()
    done = one(both, task(root, f"import os\ndef f(seed, device): {end}"))
    assert done == Done(error=f"its process ended ({how}) before it returned")
    assert time.monotonic() - begun < 10, "its limit is 30 s"


def test_a_process_that_ends_while_its_module_is_loaded_is_an_error_of_the_module(
    executor: LocalExecutor, root: Path
) -> None:
    done = one(executor, task(root, "import os\nos._exit(3)"))
    assert done == Done(error="its process ended (exit code 3) before it returned", loading=True)


def test_one_that_is_killed_again_and_again_before_it_begins_is_given_up(executor: LocalExecutor, root: Path) -> None:
    code = f"import os\nwith open({str(root / 'tries')!r}, 'a') as file: file.write('x')\nos.kill(os.getpid(), 9)"
    (root / ".verify").mkdir()
    done = one(executor, task(root, code.replace("tries", ".verify/tries")))
    assert "killed by signal 9" in done.error
    assert not done.loading, "whoever killed it, it need not be the module"
    assert (root / ".verify" / "tries").read_text() == "xxx"


def test_killing_an_idle_worker_costs_nothing(both: LocalExecutor, root: Path) -> None:
    first = pid(one(both, task(root, PID)))
    assert pid(one(both, task(root, PID))) == first, "batches of one verification share a worker"
    os.kill(first, signal.SIGKILL)
    assert pid(one(both, task(root, PID))) != first


def test_a_worker_serves_one_verification(both: LocalExecutor, root: Path) -> None:
    code = "import random, os\nrandom.random = lambda: 7.0\n" + PID
    first = pid(one(both, task(root, code, group="patches")))
    look = "import random\ndef f(seed, device): return {'x': random.random()}"
    assert one(both, task(root, look, group="looks")).results[0].values["x"] != 7.0
    others = {pid(one(both, task(root, PID, group=f"other {number}"))) for number in range(3)}
    assert len(others | {first}) == 4
    gone([first], "its place was wanted")


def test_a_verification_keeps_its_worker_while_it_has_batches(root: Path) -> None:
    executor = LocalExecutor(1)
    numbers = [executor.submit(task(root, PID, group=str(n % 2))) for n in range(10)]
    ended: list[tuple[int, Done]] = []
    while len(ended) < 10:
        ended += executor.wait()
    executor.close()
    assert [number for number, _ in ended] == numbers[::2] + numbers[1::2]
    assert len({pid(done) for _, done in ended}) == 2


def test_what_waits_longest_gets_its_turn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_STAY", 0.0)
    executor = LocalExecutor(1)
    numbers = [executor.submit(task(root, PID, group=str(n % 2))) for n in range(4)]
    ended: list[int] = []
    while len(ended) < 4:
        ended += [number for number, _ in executor.wait()]
    executor.close()
    assert ended == numbers


def test_what_waits_can_be_taken_back(root: Path) -> None:
    executor = LocalExecutor(1)
    first, second, third = (executor.submit(task(root, PID)) for _ in range(3))
    assert executor.cancel(second)
    assert not executor.cancel(second)
    ended = [*executor.wait(), *executor.wait()]
    assert [number for number, _ in ended] == [first, third]
    assert not executor.cancel(first)
    assert executor.wait() == [], "nothing is left to wait for"
    executor.close()


def test_a_killed_server_costs_nothing(both: LocalExecutor, root: Path) -> None:
    slow = "import time\ndef f(seed, device, n):\n    time.sleep(0.5)\n    return {'x': n}"
    numbers = {both.submit(task(root, slow, group=str(n % 3), parameters=({"n": n},))): n for n in range(6)}
    ended = dict(both.wait())
    assert both._server is not None
    os.kill(both._server.pid, signal.SIGKILL)
    while len(ended) < 6:
        ended |= both.wait()
    assert {number: done.results[0].values["x"] for number, done in ended.items()} == numbers


def test_a_batch_that_kills_the_server_each_time_is_given_up(executor: LocalExecutor, root: Path) -> None:
    done = one(
        executor, task(root, "import os, time\ndef f(seed, device):\n    os.kill(os.getppid(), 9); time.sleep(9)")
    )
    assert done.error == "the process that starts workers ended 3 times while it ran (killed by signal 9)"
    assert pid(one(executor, task(root, PID))) > 0


def test_a_server_that_cannot_start_is_a_message(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MODULE", "verify.lab.nothing_like_it")
    monkeypatch.setattr(local, "_TRIES", 100)
    executor = LocalExecutor(1)
    executor.submit(task(root, PID))
    with pytest.raises(UserError, match=r"ended 10 times \(exit code 1: .*No module named verify.lab.nothing_like_it"):
        executor.wait()
    executor.close()


def test_a_server_that_does_not_answer_is_replaced(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_SILENCE", 0.5)
    executor = LocalExecutor(1)
    stops = (
        "import os, signal, time\ndef f(seed, device):\n    os.kill(os.getppid(), signal.SIGSTOP)\n    time.sleep(60)"
    )
    done = one(executor, task(root, stops, time_limit=0.5))
    assert done.error == "it took longer than its limit of 0.5 s"
    assert pid(one(executor, task(root, PID))) > 0
    executor.close()


BUSY = {
    "a search that never ends": "import re\n    re.match('(a+)+$', 'a' * 60 + 'b')",
    "a call that keeps the lock": "import ctypes\n    ctypes.PyDLL(None).sleep(60)",
    "all signals blocked": "import signal, time\n    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n    time.sleep(60)",  # noqa: E501
    "signals ignored": "import signal, time\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(60)",
    "stopped": "import os, signal, time\n    os.kill(os.getpid(), signal.SIGSTOP)\n    time.sleep(60)",
}


@pytest.mark.parametrize("how", BUSY)
def test_what_hangs_is_ended_at_its_limit(how: str, both: LocalExecutor, root: Path) -> None:
    begun = time.monotonic()
    done = one(both, task(root, f"def f(seed, device):\n    {BUSY[how]}", time_limit=0.5))
    assert done == Done(error="it took longer than its limit of 0.5 s")
    assert time.monotonic() - begun < 20


def test_loading_has_a_limit_of_its_own(executor: LocalExecutor, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "import time\ntime.sleep(1)\ndef f(seed, device): return {'x': 1}"
    assert one(executor, task(root, slow, time_limit=0.5)).results
    monkeypatch.setattr(local, "LOADING", 0.5)
    done = one(executor, task(root, slow))
    assert done == Done(error="loading its module took longer than its limit of 0.5 s", loading=True)


def test_a_limit_counts_the_trials_own_time_also_on_a_loaded_machine(executor: LocalExecutor, root: Path) -> None:
    """Eight others want the cores: by the clock on the wall it takes several times as long as its limit allows."""
    works = "import time\ndef f(seed, device):\n    while time.process_time() < 0.6: pass\n    return {'x': 1}"
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    try:
        done = one(executor, task(root, works, time_limit=1.0, group="loaded"))
        hangs = one(executor, task(root, "def f(seed, device):\n    while True: pass", time_limit=0.3))
    finally:
        for each in busy:
            each.kill()
            each.wait()
    assert not done.error
    assert hangs.error == "it took longer than its limit of 0.3 s"


def test_no_clock_that_can_jump_is_asked() -> None:
    for path in (*(ROOT / "verify" / "running" / "executors").glob("*.py"), *(ROOT / "verify" / "lab").glob("*.py")):
        text = path.read_text()
        assert "time.time(" not in text, path
        assert "import time\n" not in text or "monotonic" in text or "perf_counter" in text or "tzset" in text, path


FAMILY = """
    import os, subprocess, sys, time
    def f(seed, device, *, place, then):
        child = subprocess.Popen(["sleep", "600"])
        if os.fork() == 0:  # a daemon: its parent ends, it leads a session of its own, and its environment is clean
            os.setsid()
            if os.fork() == 0:
                with open(place + "/daemon", "w") as file: file.write(str(os.getpid()))
                for number in range(64):
                    try: os.close(number)
                    except OSError: pass
                os.execve("/bin/sleep", ["sleep", "600"], {})
            os._exit(0)
        os.wait()
        while not os.path.exists(place + "/daemon") or not open(place + "/daemon").read(): time.sleep(0.01)
        with open(place + "/pids", "w") as file: file.write(f"{os.getpid()} {os.getppid()} {child.pid}")
        exec(then)
        return {"x": 1}
"""


def family(root: Path) -> list[int]:
    """The worker, the server, the child and the daemon."""
    return [int(each) for name in ("pids", "daemon") for each in (root / ".verify" / name).read_text().split()]


@pytest.mark.parametrize("then", ["pass", "os._exit(0)", "raise ValueError", "time.sleep(60)"])
def test_children_and_daemons_end_with_their_worker(then: str, executor: LocalExecutor, root: Path) -> None:
    (root / ".verify").mkdir()
    given = {"place": str(root / ".verify"), "then": then}
    one(executor, task(root, FAMILY, parameters=(given,), time_limit=2.0))
    worker, server, *others = family(root)
    gone([worker, *others], "a worker that leaves children serves no other batch")
    assert alive(server)


@pytest.mark.parametrize("what", ["parent", "server"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("how", ["a search that never ends", "a call that keeps the lock", "all signals blocked"])
def test_nothing_outlives_the_run(what: str, method: str, how: str, root: Path) -> None:
    """Also where a worker is in C code that holds the interpreter's lock."""
    (root / ".verify").mkdir()
    given = {"place": str(root / ".verify"), "then": BUSY[how].replace("\n    ", "\n")}
    start = (
        "import sys, msgspec; from verify.messages import Task\n"
        "from verify.running.executors.local import LocalExecutor\n"
        f"executor = LocalExecutor(1, method={method!r})\n"
        "executor.submit(msgspec.json.decode(sys.argv[1], type=Task))\n"
        "print(executor.wait())"
    )
    message = msgspec.json.encode(task(root, FAMILY, parameters=(given,), time_limit=60.0)).decode()
    process = subprocess.Popen([sys.executable, "-c", start, message], cwd=ROOT)
    try:
        until = time.monotonic() + 30
        while not (root / ".verify" / "pids").exists() or len(family(root)) < 4:
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(0.2)  # for it to get into what it does not come back from
        everyone = family(root)
        if what == "server":
            os.kill(everyone[1], signal.SIGKILL)
            gone(everyone[:3], "a killed server takes its workers along")
    finally:
        process.kill()
        process.wait()
    gone(everyone if what == "parent" else everyone[:3], "two seconds after the parent was killed")
    if what == "server" and alive(everyone[3]):  # it has cleaned its environment, so nobody knows whose it is
        os.kill(everyone[3], signal.SIGKILL)


def test_a_server_that_still_imports_ends_with_its_run_as_well(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    home = tmp_path / "home"
    home.mkdir()
    ours, theirs = socket.socketpair()
    settings = {
        "control": theirs.fileno(), "method": "fork", "threads": 1, "home": str(home), "preload": ["slow"],
        "package": str(server.PACKAGE),
    }  # fmt: skip
    command = [sys.executable, "-P", "-m", server.MODULE, json.dumps(settings)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment) as process:
        theirs.close()
        time.sleep(1)
        assert process.poll() is None
        ours.close()
        assert process.wait(20) == 0
    assert not home.exists()


def test_closing_takes_everything_along(root: Path) -> None:
    (root / ".verify").mkdir()
    executor = LocalExecutor(2)
    given = {"place": str(root / ".verify"), "then": "pass"}
    executor.submit(task(root, "import time\ndef f(seed, device): time.sleep(60)", group="sleeps"))
    executor.submit(task(root, FAMILY, parameters=(given,)))
    executor.wait()
    home = executor._server._home if executor._server else None
    executor.close()
    assert not [each for each in family(root) if alive(each)]
    assert home is not None
    assert not home.exists()
