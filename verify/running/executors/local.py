"""Batches in processes of this machine: a fork server, and a worker for each verification that has its turn."""

from __future__ import annotations

import os
import selectors
import socket
from contextlib import suppress
from time import monotonic

from verify.errors import UserError, reason
from verify.messages import CLOSED, Describe, Described, Facts, Failed, Loaded, Returned, Task
from verify.running.executors import Done
from verify.running.executors.queue import Queue
from verify.running.executors.replies import Garbage, read
from verify.running.executors.server import Event, Method, ServerProcess, usual_method
from verify.running.executors.workers import Limit, Submitted, Worker
from verify.system import cores

LOADING = 300.0
"""Seconds for a worker to begin and to import the experiment's module."""
_STAY = 10.0
"""Seconds for which a worker keeps to its verification, before what waits longest gets its place."""
_GRACE = 2.0
"""Seconds in which a worker that has closed its channel must have ended."""
_SILENCE = 15.0
"""Seconds for a server to end a worker; one that does not is ended itself."""
_TRIES = 3
"""How often a batch is handed in where something else than itself may have ended its worker."""
_SERVERS = 10
"""How many servers may be killed in a run."""
_DESCRIBE = ""
"""The group of what asks for the device: no verification has this name."""


class LocalExecutor:
    """An `Executor`; not for several threads.  Everything happens in `wait` and `describe`."""

    def __init__(self, workers: int | None = None, *, method: Method | None = None) -> None:
        """`workers` run at once; by default one a core on a CPU, one in all on another device."""
        self._asked = workers
        self._method: Method = method or usual_method()
        self.workers = workers or cores()
        self._server: ServerProcess | None = None
        self._server_threads = 0
        self._preload: tuple[str, ...] = ()
        self._killed_servers = 0
        self._workers: dict[int, Worker] = {}
        self._queue = Queue()
        self._ended: list[tuple[int, Done]] = []
        self._numbers = 0
        self._selector = selectors.DefaultSelector()

    def describe(self, device: str, *, torch: bool) -> Facts:
        """What batches run on, with `auto` resolved; asked in a worker of its own, so that the server stays as it is.

        Raises:
            UserError: there is no such device.
        """
        if torch:
            self._preload = ("torch", "verify.lab.kernels")
        number = self._put(_DESCRIBE, Describe(device, torch))
        (done,) = (done for each, done in self.wait() if each == number)
        for worker in list(self._workers.values()):
            self._kill(worker)
        if done.environment is None:
            raise UserError(done.error, hint="use --device auto, which takes the best there is")
        if self._asked is None and done.environment.device != "cpu":
            self.workers = 1
        return done.environment

    def submit(self, task: Task) -> int:
        return self._put(task.group, task)

    def cancel(self, number: int) -> bool:
        return self._queue.remove(number)

    def wait(self) -> list[tuple[int, Done]]:
        """Those that have ended since; empty only where nothing was handed in that has not ended.

        Raises:
            UserError: the server cannot be started, or was killed again and again.
        """
        while not self._ended and (self._queue or any(each.job for each in self._workers.values())):
            self._dispatch()
            self._turn()
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        for worker in list(self._workers.values()):
            self._forget(worker)
        self._close_server()
        self._selector.close()

    def _put(self, group: str, ask: Task | Describe) -> int:
        self._numbers += 1
        self._queue.put(Submitted(self._numbers, group, ask))
        return self._numbers

    def _dispatch(self) -> None:
        """Give idle workers what is theirs, start workers where there is room, make room where others want it."""
        for worker in self._idle():
            if job := self._next_for(worker):
                self._hand(worker, job)
        while len(self._workers) < self.workers and (job := self._queue.first()):
            self._hand(self._start(job.group), job)
        for worker in self._idle()[: len(self._queue)]:
            self._kill(worker)

    def _idle(self) -> list[Worker]:
        return [each for each in self._workers.values() if each.idle]

    def _next_for(self, worker: Worker) -> Submitted | None:
        """Its group's next: each change of groups costs a new worker and its imports."""
        own, first = self._queue.first(worker.group), self._queue.first()
        room = len(self._workers) < self.workers
        stays = room or monotonic() - worker.begun < _STAY or first is own
        return own if stays else None

    def _hand(self, worker: Worker, job: Submitted) -> None:
        self._queue.remove(job.number)
        job.tries += 1
        worker.hand(job, LOADING)
        self._listen(worker)

    def _start(self, group: str) -> Worker:
        server = self._running_server()
        self._numbers += 1
        worker = Worker(self._numbers, group)
        self._workers[worker.number] = worker
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        self._selector.register(worker.output, selectors.EVENT_READ, worker)
        with suppress(OSError):  # the server has ended, as the next turn will find
            server.start(worker.number, worker.theirs, worker.prints)
        worker.close_theirs()
        return worker

    def _running_server(self) -> ServerProcess:
        """One whose workers have as many threads as there are cores for each."""
        threads = max(1, cores() // self.workers)
        if self._server is not None and self._server_threads != threads and not self._workers:
            self._close_server()
        if self._server is None:
            try:
                self._server = ServerProcess(self._method, threads, self._preload if self._method == "fork" else ())
            except OSError as error:
                raise UserError(f"no process can be started to run trials: {reason(error)}") from None
            self._server_threads = threads
            self._selector.register(self._server, selectors.EVENT_READ, None)
        return self._server

    def _turn(self) -> None:
        """Wait for something to happen, take it in, and only then look at limits: an answer may have come in time."""
        now = monotonic()
        ends = [each.limit.ends for each in self._workers.values() if each.limit is not None and each.killed is None]
        ends += [each.killed + _SILENCE for each in self._workers.values() if each.killed is not None]
        timeout = max(0.0, min(ends) - now) if ends else None
        lost: ServerProcess | None = None
        for key, events in self._selector.select(timeout):
            if isinstance(key.fileobj, ServerProcess):
                lost = None if self._hear_server(key.fileobj) else key.fileobj
            elif key.data.number in self._workers:
                self._attend(key.data, key.fileobj, events)
        if lost is not None:
            self._replace_server(lost)
        for worker in list(self._workers.values()):
            self._check_limit(worker)

    def _attend(self, worker: Worker, source: object, events: int) -> None:
        if source == worker.output:
            if not worker.log():
                self._ignore(worker.output)
        elif events & selectors.EVENT_READ:
            self._hear(worker)
        else:
            worker.send()
            self._listen(worker)

    def _listen(self, worker: Worker) -> None:
        """Ask to be told of what comes and, while something is to be sent, of room for it."""
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.sends else 0)
        if worker.channel in self._selector.get_map():
            self._selector.modify(worker.channel, wanted, worker)

    def _hear(self, worker: Worker) -> None:
        try:
            lines, more = worker.hear()
            for line in lines:
                self._take(worker, line)
        except OverflowError:
            self._condemn(worker, "its answer is longer than any may be")
        except Garbage as garbage:
            self._condemn(worker, f"its answer cannot be read: {garbage}")
        else:
            if not more:  # it ends, as a rule
                self._ignore(worker.channel)
                if worker.job is not None:
                    worker.limit = Limit(_GRACE, worker.pid, "it closed the channel through which its worker answers")

    def _take(self, worker: Worker, line: bytes) -> None:
        if worker.killed is not None:
            return
        if worker.job is None:
            raise Garbage("nothing was asked")
        reply = read(line, worker.job.trials)
        if isinstance(reply, Loaded):
            if worker.loaded or not isinstance(worker.job.ask, Task):
                raise Garbage("it says twice that it has loaded the module")
            worker.loaded = True
            seconds = worker.job.ask.time_limit
            worker.limit = Limit(seconds, worker.pid, f"it took longer than its limit of {seconds:g} s")
            return
        self._finish(worker, _done(reply))
        if isinstance(reply, Returned | Failed) and reply.spent:
            self._kill(worker)

    def _finish(self, worker: Worker, done: Done) -> None:
        self._ended.append((worker.finish().number, done))

    def _condemn(self, worker: Worker, error: str) -> None:
        """End a worker and, when it has ended, its job with this error."""
        if worker.killed is None:
            worker.verdict = Done(error=error, loading=worker.job is not None and not worker.loaded)
            self._kill(worker)

    def _kill(self, worker: Worker) -> None:
        if worker.killed is None:
            worker.killed = monotonic()
            with suppress(OSError):  # the server has ended, and its workers with it
                if self._server is not None:
                    self._server.kill(worker.number)

    def _check_limit(self, worker: Worker) -> None:
        if worker.killed is not None:
            if self._server is not None and monotonic() > worker.killed + _SILENCE:
                self._server.abort()
        elif worker.limit is not None and worker.limit.has_passed(worker.pid):
            self._condemn(worker, worker.limit.error)

    def _ignore(self, source: socket.socket | int) -> None:
        if source in self._selector.get_map():
            self._selector.unregister(source)

    def _hear_server(self, server: ServerProcess) -> bool:
        """Whether it is still there."""
        try:
            events = server.events()
        except EOFError:
            return False
        for event in events:
            if worker := self._workers.get(event.worker):
                self._told(worker, event)
        return True

    def _told(self, worker: Worker, event: Event) -> None:
        if event.kind == "started":
            worker.pid = event.value
            return
        if event.kind == "ended" and worker.job is not None and worker.killed is None:
            self._hear(worker)  # it may have answered before
        if worker.job is None:
            pass
        elif worker.verdict is not None:
            self._finish(worker, worker.verdict)
        elif event.kind == "failed":
            self._finish(worker, Done(error=f"no process could be started for it: {os.strerror(event.value)}"))
        elif event.value == -9 and not worker.loaded and worker.job.tries < _TRIES:
            self._again(worker)  # killed before it began: that was not the batch
        else:
            self._finish(worker, _how_it_ended(event.value, loaded=worker.loaded))
        self._forget(worker)

    def _again(self, worker: Worker) -> None:
        job = worker.finish()
        self._queue.put(job, first=True)

    def _forget(self, worker: Worker) -> None:
        del self._workers[worker.number]
        self._ignore(worker.channel)
        self._ignore(worker.output)
        worker.close()

    def _replace_server(self, lost: ServerProcess) -> None:
        """The server was killed, and its workers with it: what they were at is handed in again, a few times."""
        self._close_server()
        why = lost.ending
        self._killed_servers += 1
        for worker in list(self._workers.values()):
            if worker.job is None:
                pass
            elif worker.verdict is not None:
                self._finish(worker, worker.verdict)
            elif worker.job.servers + 1 < _TRIES:
                worker.job.servers += 1
                self._again(worker)
            else:
                error = f"the process that starts workers ended {_TRIES} times while it ran ({why})"
                self._finish(worker, Done(error=error))
            self._forget(worker)
        if self._killed_servers >= _SERVERS:
            raise UserError(f"the process that starts workers ended {_SERVERS} times ({why})")

    def _close_server(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            self._selector.unregister(server)
            server.close()


def _done(reply: Described | Returned | Failed | Loaded) -> Done:
    if isinstance(reply, Returned):
        return Done(reply.results, reply.seconds, reply.environment)
    if isinstance(reply, Described):
        return Done(environment=reply.environment)
    if isinstance(reply, Failed):
        return Done(error=reply.error, loading=reply.when == "loading", file=reply.file, line=reply.line)
    raise Garbage("it has not begun")


def _how_it_ended(code: int, *, loaded: bool) -> Done:
    """The error of a batch whose worker ended by itself, or was killed by somebody else."""
    if code == CLOSED:
        return Done(error="it closed the files through which its worker answers", loading=not loaded)
    how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    memory = "; out of memory?" if code == -9 else ""
    return Done(error=f"its process ended ({how}{memory}) before it returned", loading=not loaded and code != -9)
