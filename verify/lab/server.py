"""The fork server: starts workers, tells how each ended, and sees to it that no process of a run is left.

It is one thread that never waits for a worker and runs no experiment, so nothing that one does can hold it up.  When
the process that started it is gone, its control socket ends; then it kills all that it has started, and ends.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from verify.lab import facts, processes, state, worker
from verify.messages import ANSWER, REQUEST

_PATIENCE = 5.0
"""Seconds for killed processes to end: one that waits for a broken disk may never."""


class Settings(Struct, frozen=True):
    """How workers are started; given as JSON on the command line."""

    control: int
    """Descriptor of the socket on which requests come."""
    method: str
    """`fork`: a copy of this process; `spawn`: a fresh interpreter."""
    threads: int
    """Of each worker."""
    home: str
    """A folder for working folders; removed at the end."""
    package: str
    """Folder of this package as whoever asks has it."""
    preload: tuple[str, ...] = ()
    """Modules that workers need not import, being forked from here."""


class Server:
    """Obeys requests: a letter and a worker's number, with two descriptors where one is to be started."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pid = os.getpid()
        self._control = socket.socket(fileno=settings.control)
        self._workers: dict[int, int] = {}
        """Process ids, with the numbers that the other side gave them."""
        self._selector = selectors.DefaultSelector()
        self._wakes, self._woken = socket.socketpair()

    def serve(self) -> None:
        """Until the control socket ends; then nothing that was started here is left."""
        processes.adopt_orphans()
        for end in (self._wakes, self._woken):
            end.setblocking(False)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # for the descriptor above to be written
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wakes, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in self._selector.select()}
            if self._wakes in ready:
                self._wakes.recv(4096)
            self._reap()
            if self._control in ready and not self._obey():
                break
        self._end()

    def _obey(self) -> bool:
        """One request; False when there will be no more."""
        try:
            request, descriptors, _, _ = socket.recv_fds(self._control, REQUEST.size, 2)
        except ConnectionError:
            return False
        if len(request) < REQUEST.size:
            return False
        kind, number = REQUEST.unpack(request)
        if kind == b"S":
            self._start(number, *descriptors)
        else:
            for pid in [pid for pid, each in self._workers.items() if each == number]:
                processes.kill(pid)
        return True

    def _start(self, number: int, channel: int, output: int) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(b"F", number, error.errno or 0)
        else:
            if pid == 0:
                self._become_worker(number, channel, output)
            self._workers[pid] = number
            self._tell(b"S", number, pid)
        os.close(channel)
        os.close(output)

    def _become_worker(self, number: int, channel: int, output: int) -> NoReturn:
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for each in (self._control, self._wakes, self._woken):
                each.close()
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            processes.end_with_parent(self._pid)
            processes.adopt_orphans()
            home, threads = str(self._home(number)), self._settings.threads
            if self._settings.method == "fork":
                gc.unfreeze()
                worker.serve(socket.socket(fileno=channel), Path(home), threads)
            os.set_inheritable(channel, True)
            given = ["-P", "-m", worker.__name__, str(channel), home, str(threads)]
            os.execv(sys.executable, [sys.executable, *given])
        except BaseException:  # noqa: BLE001 - whatever it is, the worker may not go on as a second server
            traceback.print_exc()
        finally:
            os._exit(1)

    def _home(self, number: int) -> Path:
        return Path(self._settings.home, str(number))

    def _reap(self) -> None:
        """Tell of workers that have ended, and kill what they leave: no worker's child any more, it is ours."""
        while (ended := processes.reap(self._kill_group)) is not None:
            pid, status = ended
            if pid in self._workers:
                number = self._workers.pop(pid)
                self._kill_leftovers()
                self._tell(b"E", number, os.waitstatus_to_exitcode(status))
                remove(self._home(number))
        self._kill_leftovers()

    def _kill_group(self, pid: int) -> None:
        if pid in self._workers:
            processes.kill(pid)

    def _kill_leftovers(self) -> None:
        for pid in processes.children():
            if pid not in self._workers:
                processes.kill(pid)  # its own children become ours then, and their turn comes with its end

    def _tell(self, kind: bytes, number: int, value: int) -> None:
        try:
            self._control.sendall(ANSWER.pack(kind, number, value))
        except ConnectionError:
            return  # the other side is gone, which the next request would have told

    def _end(self) -> None:
        give_up = time.monotonic() + _PATIENCE
        while time.monotonic() < give_up:
            for pid in {*self._workers, *processes.children()}:
                processes.kill(pid)
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            self._workers.pop(pid, None)
            if not pid:
                time.sleep(0.005)
        remove(Path(self._settings.home))


def remove(folder: Path) -> None:
    """Remove a folder and what experiments have left in it, as far as the system lets it go."""
    with suppress(RecursionError):  # folders within folders, by the hundred
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        with suppress(OSError):  # no process is left for it, say: the system's temporary files are cleaned by others
            subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL, check=False)  # minds no depth


def _preload(settings: Settings) -> None:
    """Import what workers need not: that may take seconds, in which the process that started this one may end."""
    if not settings.preload:
        return
    wakes, woken = socket.socketpair()
    watch = threading.Thread(target=_end_with_control, args=(settings, wakes))
    watch.start()
    for module in settings.preload:
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001 - the batch that needs it will say so, with its log
            traceback.print_exc()
    woken.close()
    watch.join()  # a process that forks should have no threads
    wakes.close()


def _end_with_control(settings: Settings, wakes: socket.socket) -> None:
    """End when the control socket does: nothing was started yet.  Requests that wait in it are left there."""
    poll = select.poll()
    poll.register(settings.control, 0)  # tells its end, whatever is asked for
    poll.register(wakes, select.POLLIN)
    if any(descriptor == settings.control for descriptor, _ in poll.poll()):
        shutil.rmtree(settings.home, ignore_errors=True)
        os._exit(0)


def main() -> None:
    import msgspec

    settings = msgspec.json.decode(sys.argv[1], type=Settings)
    if not Path(settings.package).samefile(own := Path(__file__).parent.parent):
        sys.exit(
            f"trials would run the verify in {own}, and this command is the one in {settings.package}: "
            "install that one into the environment"
        )
    _preload(settings)
    facts.facts("cpu", torch="torch" in sys.modules)  # what it looks up is kept, as is what a first seed imports
    state.seed(0)
    gc.collect()
    gc.freeze()  # so that workers share this memory: the collector would write to it
    Server(settings).serve()
    os._exit(0)  # nothing is left to be done, and libraries take their time to end


if __name__ == "__main__":
    main()
