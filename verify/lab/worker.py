"""A worker process: takes batches from its channel, one after another, and answers each.

It belongs to one verification and is new for it.  Requests and answers are `verify.messages` as JSON, one a line.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn

import msgspec

from verify.lab import batch, facts, opened, processes
from verify.lab.state import State, text_stream, workplace
from verify.messages import CLOSED, MOST_BYTES, Ask, Describe, Described, Failed, Reply, Returned, Task


def serve(channel: socket.socket, home: Path, threads: int) -> NoReturn:
    """Answer what comes through `channel` until it ends, working in folders below `home`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started the run decides what Ctrl-C means
    sys.stdout, sys.stderr = text_stream(1), text_stream(2)
    _Worker(channel, home, State(threads)).serve()
    os._exit(0)


class _Worker:
    def __init__(self, channel: socket.socket, home: Path, state: State) -> None:
        self._channel = channel
        self._home = home
        self._state = state
        self._watch = opened.Watch()
        self._descriptors = (1, 2, channel.fileno())
        self._files = self._identities()
        self._output = sys.stdout, sys.stderr

    def serve(self) -> None:
        decoder = msgspec.json.Decoder(Ask)
        with self._channel.makefile("rb") as lines:
            for number, line in enumerate(lines):
                ask = decoder.decode(line)
                self._send(_described(ask) if isinstance(ask, Describe) else self._run(ask, number))

    def _run(self, task: Task, number: int) -> Returned | Failed:
        self._state.set_anew(task.folder, task.root, task.modules)
        reply: Returned | Failed
        try:
            with workplace(self._home / str(number), task.folder, task.data):
                reply = batch.run(task, self._watch, self._send)
        except OSError as error:  # a full disk, as a rule
            reply = Failed(f"its working folder cannot be made: {(error.strerror or str(error)).lower()}", "running")
        self._state.quieten()
        self._flush()
        return msgspec.structs.replace(reply, spent=_leaves_something())

    def _flush(self) -> None:
        for stream in self._output:
            try:
                stream.flush()
            except (OSError, ValueError):  # the experiment has closed it: what it held is lost to its own log
                os._exit(CLOSED)
        processes.flush_c_streams()

    def _send(self, reply: Reply) -> None:
        line = msgspec.json.encode(reply)
        if len(line) >= MOST_BYTES:
            line = msgspec.json.encode(Failed(f"its results are too large: at most {MOST_BYTES:,} bytes", "running"))
        if self._identities() != self._files:
            os._exit(CLOSED)  # what stands there now may be a file of the experiment's
        self._channel.sendall(line + b"\n")

    def _identities(self) -> list[tuple[int, int]]:
        try:
            found = [os.fstat(each) for each in self._descriptors]
        except OSError:
            return []
        return [(each.st_dev, each.st_ino) for each in found]


def _described(ask: Describe) -> Described | Failed:
    try:
        return Described(facts.describe(ask.device, torch=ask.torch))
    except ValueError as error:
        return Failed(str(error), "loading")


def _leaves_something() -> bool:
    """Whether threads or children of a batch are left: they would go on beside the next.

    Two children may stay, since they do nothing by themselves and would take seconds to start again: the fork server
    of `multiprocessing`, and the process that watches over its resources.
    """
    if threading.active_count() > 1:
        return True
    if not processes.has_children():
        return False
    return not _helpers().issuperset(processes.children() or [0])  # where they cannot be listed: some that may not stay


def _helpers() -> set[int]:
    """Process ids of what `multiprocessing` started for itself; it has no public name for them."""
    places = (
        ("multiprocessing.forkserver", "_forkserver", "_forkserver_pid"),
        ("multiprocessing.resource_tracker", "_resource_tracker", "_pid"),
    )
    found = (getattr(getattr(sys.modules.get(module), owner, None), name, None) for module, owner, name in places)
    return {pid for pid in found if pid is not None}


def main() -> NoReturn:
    """Where the system cannot fork: a fresh interpreter, with the channel's descriptor, a folder and threads given."""
    descriptor, home, threads = sys.argv[1:]
    serve(socket.socket(fileno=int(descriptor)), Path(home), int(threads))


if __name__ == "__main__":
    main()
