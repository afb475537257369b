"""What starts workers, and the parts with which its other side keeps their queue, logs and limits."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batches import PID, alive, gone, one, pid, task
from verify.errors import UserError
from verify.lab import server as lab
from verify.messages import ANSWER, Describe
from verify.running.executors import local, workers
from verify.running.executors.environment import cleaned
from verify.running.executors.local import LocalExecutor
from verify.running.executors.logs import MOST, Log
from verify.running.executors.queue import Queue
from verify.running.executors.server import Event, ServerProcess, usual_method
from verify.running.executors.workers import Limit, Submitted, Worker


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    server = ServerProcess("fork", 1, ())
    yield server
    server.close()


def told(server: ServerProcess, count: int) -> list[Event]:
    found: list[Event] = []
    while len(found) < count:
        found += server.events()
    return found


def test_a_worker_is_started_and_its_end_is_told_at_once(server: ServerProcess) -> None:
    worker = Worker(7, "")
    server.start(7, worker.theirs, worker.prints)
    worker.close_theirs()
    (started,) = told(server, 1)
    assert started[:2] == ("started", 7)
    assert alive(started.value)
    until = time.monotonic() + 10
    while os.getsid(started.value) != started.value:
        assert time.monotonic() < until, "it leads a session of its own"
    server.kill(7)
    assert told(server, 1) == [Event("ended", 7, -signal.SIGKILL)]
    worker.close()


def test_a_worker_whose_channel_ends_ends_by_itself(server: ServerProcess) -> None:
    worker = Worker(8, "")
    server.start(8, worker.theirs, worker.prints)
    worker.close_theirs()
    worker.close()
    assert told(server, 2)[1] == Event("ended", 8, 0)


def test_killing_one_that_is_not_there_is_no_error(server: ServerProcess) -> None:
    server.kill(99)
    server.close()
    assert server.ending == "exit code 0"
    with pytest.raises((EOFError, OSError)):
        server.events()


def test_closing_removes_the_working_folders(server: ServerProcess) -> None:
    home = server._home
    assert home.is_dir()
    server.close()
    assert not home.exists()


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    settings = lab.Settings(theirs.detach(), "fork", 1, str(tmp_path), str(Path(lab.__file__).parent.parent))
    started = lab.Server(settings)

    def fails() -> int:
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(os, "fork", fails)
    started._start(3, *os.pipe())
    assert ANSWER.unpack(ours.recv(100)) == (b"F", 3, errno.EAGAIN)
    for each in (ours, started._control, started._wakes, started._woken):
        each.close()
    started._selector.close()


def test_its_batch_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executor = LocalExecutor(1)
    monkeypatch.setattr(ServerProcess, "events", lambda _: [Event("failed", 2, errno.EAGAIN)])
    done = one(executor, task(tmp_path, PID))
    assert done.error == "no process could be started for it: Resource temporarily unavailable"
    assert not done.loading
    monkeypatch.undo()
    executor.close()


def test_a_server_that_cannot_be_started_is_a_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(local, "ServerProcess", full)
    executor = LocalExecutor(1)
    executor.submit(task(tmp_path, PID))
    with pytest.raises(UserError, match="no process can be started to run trials: no space left on device"):
        executor.wait()
    executor.close()


def test_a_working_folder_that_cannot_be_made_is_the_batchs_error(tmp_path: Path) -> None:
    """What stands in its place here is put there by the batch before, as a full disk would."""
    (tmp_path / "reviews").mkdir()
    executor = LocalExecutor(1)
    blocks = "import os\ndef f(seed, device):\n    open('../1', 'w').close()\n    return {'x': 1}"
    assert one(executor, task(tmp_path, blocks)).results
    done = one(executor, task(tmp_path, PID))
    assert done.error == "its working folder cannot be made: file exists"
    assert not done.loading
    assert pid(one(executor, task(tmp_path, PID))) > 0
    executor.close()


CHILDREN = """
import os, sys, time
from verify.lab import processes
if sys.argv[1] == "none": del os.waitid
asked = []
assert not processes.has_children() and processes.reap(asked.append) is None
ours, theirs = os.pipe()
child = os.fork()
if child == 0:
    os.close(theirs), os.read(ours, 1), os._exit(3)
assert processes.has_children() and processes.reap(asked.append) is None
os.close(theirs)
while (ended := processes.reap(asked.append)) is None: time.sleep(0.01)
assert ended == (child, 3 << 8) and asked == [child] and not processes.has_children()
"""


@pytest.mark.parametrize("waitid", ["some", "none"])
def test_children_are_waited_for_also_where_one_cannot_look_first(waitid: str) -> None:
    """As on macOS before Python 3.13."""
    subprocess.run([sys.executable, "-c", CHILDREN, waitid], check=True, timeout=60)


def test_what_bears_the_mark_of_a_killed_server_is_found(server: ServerProcess) -> None:
    child = os.fork()
    if child == 0:
        os.execve("/bin/sleep", ["sleep", "60"], {"VERIFY_RUN": server._mark})
    time.sleep(0.1)
    os.kill(server.pid, signal.SIGKILL)
    server.close()
    assert server.ending == "killed by signal 9"
    gone([child], "it was found by its environment")
    os.waitpid(child, 0)


def test_where_forking_is_not_safe_interpreters_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usual_method() == "fork"
    monkeypatch.setattr("sys.platform", "darwin")
    assert usual_method() == "spawn"


def test_the_environment_is_a_list_of_what_is_kept() -> None:
    given = {
        "PATH": "/bin",
        "TOKEN": "x",
        "https_proxy": "p",
        "HF_HOME": "h",
        "TORCH_HOME": "~/t",
        "VERIFY_DATA": "",
        "LC_ALL": "de_DE",
        "OMP_NUM_THREADS": "9",
    }
    assert cleaned(given, 2) == {
        "PATH": "/bin", "https_proxy": "p", "HF_HOME": f"{Path.cwd()}/h", "TORCH_HOME": "~/t", "VERIFY_DATA": "",
        "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2",
        "NUMEXPR_NUM_THREADS": "2", "VECLIB_MAXIMUM_THREADS": "2",
    }  # fmt: skip


def test_a_queue_keeps_the_order_in_all_and_in_each_group() -> None:
    queue = Queue()
    jobs = [Submitted(number, group, Describe("cpu", False)) for number, group in enumerate("abab")]
    for each in jobs:
        queue.put(each)
    assert queue.first() is jobs[0]
    assert queue.first("b") is jobs[1]
    assert queue.remove(0)
    assert not queue.remove(0)
    assert queue.first() is jobs[1]
    assert queue.first("a") is jobs[2]
    queue.put(jobs[0], first=True)
    assert queue.first() is queue.first("a") is jobs[0]
    assert len(queue) == 4
    assert queue.first("c") is None


def test_queueing_takes_time_in_proportion_to_the_jobs() -> None:
    def spent(jobs: int) -> float:
        queue, begun = Queue(), time.process_time()
        for number in range(jobs):
            queue.put(Submitted(number, str(number % 50), Describe("cpu", False)))
        while job := queue.first():
            queue.remove(job.number)
            queue.first(job.group)
        return time.process_time() - begun

    few, many = (min(spent(jobs) for _ in range(3)) for jobs in (10_000, 40_000))
    assert many < 10 * few, "the square would be 16 times"


def test_a_limit_leaves_out_what_was_waited_for_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    now, waiting = 100.0, 5.0
    monkeypatch.setattr(workers, "monotonic", lambda: now)
    monkeypatch.setattr(workers, "waited", lambda _: waiting)
    limit = Limit(2.0, 1, "too long")
    now = 101.9
    assert not limit.has_passed(1)
    now, waiting = 102.0, 6.5
    assert not limit.has_passed(1)
    assert limit.ends == 103.5
    now = 103.4
    assert not limit.has_passed(1)
    now = 103.5
    assert limit.has_passed(1)


def test_a_log_keeps_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "a.log"
    log = Log(path)
    log.write(b"first")
    assert path.read_bytes() == b"first", "its beginning is written at once"
    for number in range(50):
        log.write(b"%02d" % number * 50_000)
    log.write(b"last")
    log.close()
    text = path.read_bytes()
    assert text.startswith(b"first00")
    assert text.endswith(b"49last")
    assert len(text) == 2 * MOST + len(b"\n[3,000,009 bytes are left out here]\n")
    assert b"\n[3,000,009 bytes are left out here]\n" in text


def test_a_log_just_too_long_for_one_end_leaves_nothing_out(tmp_path: Path) -> None:
    log = Log(tmp_path / "a.log")
    log.write(b"x" * (2 * MOST))
    log.close()
    assert (tmp_path / "a.log").read_bytes() == b"x" * (2 * MOST)


def test_an_empty_log_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("of an earlier run")
    Log(tmp_path / "a.log").close()
    assert not list(tmp_path.iterdir())
