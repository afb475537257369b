"""The fork server as the process that started it sees it: a socket for requests, and what it tells."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, NamedTuple

import msgspec

from verify.messages import ANSWER, REQUEST
from verify.running.executors.environment import cleaned

Method = Literal["fork", "spawn"]
PACKAGE = Path(__file__).parents[2]
"""Of the program that this is: workers must be of the same."""
MODULE = "verify.lab.server"
"""By name: nothing on this side imports it."""
_MARK = "VERIFY_RUN"
"""A variable by which what a killed server has left is found, since all that it started has inherited it."""
_PATIENCE = 10.0
"""Seconds in which a server ends by itself: it first ends all others."""


def usual_method() -> Method:
    """Forking is safe where no library starts threads behind one's back: not on macOS."""
    return "fork" if sys.platform.startswith("linux") else "spawn"


class Event(NamedTuple):
    """What a server tells of a worker."""

    kind: Literal["started", "ended", "failed"]
    worker: int
    value: int
    """Process id; exit code, negative for a signal; number of the system's error."""


class ServerProcess:
    """A running server.  `fileno` is ready to be read when `events` has something to tell, or it has ended."""

    def __init__(self, method: Method, threads: int, preload: tuple[str, ...]) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="verify-"))
        self._control, theirs = socket.socketpair()
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - read when it has ended
        self._mark = uuid.uuid4().hex
        self._heard = bytearray()
        self.ending = ""
        """After `close`: its exit code or signal, and the last line that it has said."""
        settings = {
            "control": theirs.fileno(), "method": method, "threads": threads, "home": str(self._home),
            "package": str(PACKAGE), "preload": preload,
        }  # fmt: skip
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, msgspec.json.encode(settings).decode()],
                pass_fds=[theirs.fileno()],
                env=cleaned(os.environ, threads) | {_MARK: self._mark},
                cwd=self._home,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
            )

    def fileno(self) -> int:
        return self._control.fileno()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, worker: int, channel: socket.socket, output: int) -> None:
        """Ask for a worker that answers on `channel` and prints to `output`; both may be closed here afterwards."""
        socket.send_fds(self._control, [REQUEST.pack(b"S", worker)], [channel.fileno(), output])

    def kill(self, worker: int) -> None:
        self._control.sendall(REQUEST.pack(b"K", worker))

    def events(self) -> list[Event]:
        """What it has told since.

        Raises:
            EOFError: it has ended.
        """
        try:
            data = self._control.recv(65_536)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        self._heard += data
        whole = len(self._heard) - len(self._heard) % ANSWER.size
        told = list(ANSWER.iter_unpack(bytes(self._heard[:whole])))
        del self._heard[:whole]
        kinds: dict[bytes, Literal["started", "ended", "failed"]] = {b"S": "started", b"E": "ended", b"F": "failed"}
        return [Event(kinds[kind], worker, value) for kind, worker, value in told]

    def _how_it_ended(self) -> str:
        code = self._process.returncode
        self._said.seek(0)
        lines = self._said.read()[-2000:].decode(errors="replace").split("\n")
        last = next((each.strip() for each in reversed(lines) if each.strip()), "")
        return (f"killed by signal {-code}" if code < 0 else f"exit code {code}") + (f": {last}" if last else "")

    def close(self) -> None:
        """End it with all that it has started; one that was killed has not done so itself."""
        if self._said.closed:
            return
        self._control.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.ending = self._how_it_ended()
        self._said.close()
        if self._process.returncode != 0:
            self._kill_marked()
            with suppress(RecursionError):  # folders within folders, by the hundred: they are left
                shutil.rmtree(self._home, ignore_errors=True)

    def abort(self) -> None:
        """End a server that does not answer."""
        self._process.kill()

    def _kill_marked(self) -> None:
        """Kill what bears this server's mark: what workers that are gone had started."""
        mark = f"{_MARK}={self._mark}".encode()
        for _ in range(100):  # one that is killed may have forked just before
            found = [pid for pid in _pids() if mark in _environ(pid)]
            for pid in found:
                _kill(pid)
            if not found:
                return


def _pids() -> list[int]:
    return [int(each.name) for each in Path("/proc").glob("[0-9]*")]


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # another user's, or it has ended
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
