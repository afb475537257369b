"""What a batch finds set, whatever ran before it in the same process: as in a fresh interpreter."""

from __future__ import annotations

import decimal
import gc
import locale
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import numpy  # always, since one that an experiment imports late would seed itself from the clock

from verify.lab import imports

_DECIMAL = decimal.Context()
_NUMPY_PRINT: dict[str, Any] = {
    "edgeitems": 3, "infstr": "inf", "linewidth": 75, "nanstr": "nan", "precision": 8, "suppress": False,
    "threshold": 1000, "formatter": None, "sign": "-", "floatmode": "maxprec", "legacy": False,
}  # fmt: skip
_STREAMS = ("stdin", "stdout", "stderr")


class State:
    """Made when a worker begins, before any code of a review; `set_anew` then brings back what it found."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._environ = dict(os.environ)
        self._path, self._hooks = list(sys.path), list(sys.path_hooks)
        self._recursion = sys.getrecursionlimit()
        self._digits = sys.get_int_max_str_digits()
        self._handlers = {each: signal.getsignal(each) for each in signal.valid_signals()}
        self._streams = {name: getattr(sys, name) for name in _STREAMS}

    def quieten(self) -> None:
        """After a batch: what it has set may not strike in between, an alarm for example."""
        self._interpreter()
        self._signals()

    def set_anew(self, folder: str, root: str, modules: Collection[str]) -> None:
        """The `modules` that were followed are also found in `folder`, the review's, and in `root`, the project's."""
        self._interpreter()
        sys.path[:], sys.path_hooks[:] = self._path, self._hooks
        imports.look_below((folder, root), modules)
        if os.environ != self._environ:
            os.environ.clear()
            os.environ.update(self._environ)
        time.tzset()
        os.umask(0o022)
        locale.setlocale(locale.LC_ALL, "C")
        decimal.setcontext(_DECIMAL.copy())
        self._signals()
        _set_numpy_anew()
        if "torch" in sys.modules:
            _set_torch_anew(self._threads)

    def streams(self) -> None:
        """Standard output and error as they were, whatever was put in their place."""
        for name, stream in self._streams.items():
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)

    def _interpreter(self) -> None:
        sys.setrecursionlimit(self._recursion)
        sys.set_int_max_str_digits(self._digits)
        sys.settrace(None)
        sys.setprofile(None)
        threading.settrace(None)
        threading.setprofile(None)
        sys.excepthook = sys.__excepthook__
        sys.argv = [""]
        self.streams()
        gc.enable()

    def _signals(self) -> None:
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())


def seed(number: int, device: str = "cpu") -> None:
    """Seed the generators that experiments may use without making one; good ones make their own."""
    random.seed(number)
    numpy.random.seed(number % 2**32)
    if torch := sys.modules.get("torch"):
        # The whole call notes where it came from for each kind of device that has not begun, which takes milliseconds.
        (torch.default_generator.manual_seed if device == "cpu" else torch.manual_seed)(number)


@contextmanager
def workplace(place: Path, folder: str, data: tuple[str, ...]) -> Iterator[None]:
    """Work in a new folder at `place` that holds nothing but links to `data`, files declared relative to `folder`."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for each in data:
        link = place / each
        if place in Path(os.path.normpath(link)).parents:  # one beside another review's folder has its place there only
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(folder, each).resolve())
    os.chdir(place)
    try:
        yield
    finally:
        os.chdir("/")
        with suppress(RecursionError):  # it is too deep for that: the server removes it with all others
            shutil.rmtree(place, ignore_errors=True)


def text_stream(descriptor: int) -> TextIO:
    """For standard output and error: what UTF-8 cannot hold is escaped, since no print may fail for it."""
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _set_numpy_anew() -> None:
    numpy.set_printoptions(**_NUMPY_PRINT)
    numpy.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
    numpy.seterrcall(None)


def _set_torch_anew(threads: int) -> None:
    torch: Any = sys.modules["torch"]
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_num_threads(threads)
    torch.set_grad_enabled(True)
    torch.set_anomaly_enabled(False)
    torch.set_flush_denormal(False)
    torch.set_printoptions(profile="default", sci_mode=None)
    if torch.are_deterministic_algorithms_enabled():  # turning it off where it is off imports half of torch
        torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = False
    torch.backends.cudnn.allow_tf32 = True
