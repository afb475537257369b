"""The child process: runs one batch of an experiment and returns its values, or its error with a traceback.

The only way from the command line to an experiment's code.  This module imports torch only where it is installed
and asked for, since an experiment in a review need not use it.
"""

from __future__ import annotations

import importlib
import linecache
import math
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from verify.lab.processor import processor

MOST_POINTS = 100
"""A curve has at most this many points: more cannot be seen, and would have to be committed."""


class Task(NamedTuple):
    """One batch: what to call, and with what."""

    function: str
    module: str
    """A dotted name; for an experiment in a review, the review's path."""
    code: str | None
    """The review's fences as one module; None for a module that can be imported."""
    batched: bool
    rides: tuple[str, ...]
    diverged: dict[str, float]
    parameters: tuple[dict[str, Any], ...]
    """One mapping a trial."""
    seeds: tuple[int, ...]
    device: str
    log: str


Result = tuple[dict[str, float | list[float]], str, bool]
"""Of one trial: its values, the SHA-256 of the data it saw (or ""), whether it diverged.

Plain tuples here and below: whoever receives them need not know this module.
"""
Outcome = tuple[tuple[Result, ...], float, str]
"""Results, one a trial; seconds; and the error in one line, or ""."""


class WrongResult(Exception):
    """An experiment returned something that cannot be recorded."""


def prepare(threads: int, parent: int, modules: Sequence[str]) -> None:
    """Make this process a worker: its threads, its end with its parent's, the imports its time limit must not count.

    `modules` that cannot be imported are left for the batch that needs them to report.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001 - any failure of a reviewer's import is shown again, with its log, by its batch
            traceback.print_exc()
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)


def _end_with(parent: int) -> None:
    """A killed parent cannot stop its workers: they must notice."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def describe(device: str, *, torch_needed: bool) -> dict[str, Any]:
    """The environment trials run in here, with `auto` resolved; the fields of `verify.model.Environment`.

    Raises:
        ValueError: the device is not here.
    """
    if torch_needed:
        from verify.lab import machine

        device = machine.resolve(device)
        name = machine.name(device)
    elif device in ("auto", "cpu"):
        device, name = "cpu", processor()
    else:
        raise ValueError(f"device '{device}' needs torch, which is not installed")
    wanted = ("numpy", "scipy", "torch", "mnist1d")
    versions = {"python": platform.python_version()}
    versions |= {each: metadata.version(each).split("+")[0] for each in wanted if find_spec(each)}
    return {
        "device": device,
        "machine": name,
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions,
    }


def run(fields: tuple[Any, ...]) -> Outcome:
    """Run one batch, given by the fields of a `Task`; never raises for what the experiment does.

    The log holds what it printed, and the traceback where it failed.
    """
    task = Task(*fields)
    with _output_to(Path(task.log)):
        begun = time.perf_counter()
        try:
            function = getattr(_load(task), task.function)
            returned = _call(function, task)
            seconds = time.perf_counter() - begun
            results = tuple(_result(each, task.diverged) for each in returned)
        except BaseException as error:  # noqa: BLE001 - sys.exit() in an experiment is an error like any other
            _print_traceback(error)
            return (), time.perf_counter() - begun, _one_line(error, task)
    return results, seconds, ""


def _load(task: Task) -> ModuleType:
    if task.code is None:
        return importlib.import_module(task.module)
    # The code's lines stand where the review has them, so tracebacks name the review's own lines.
    linecache.cache[task.module] = (len(task.code), None, task.code.splitlines(keepends=True), task.module)
    module = ModuleType("review")
    module.__file__ = task.module
    sys.modules["review"] = module  # dataclasses and pickling look their module up by name
    exec(compile(task.code, task.module, "exec"), module.__dict__)
    return module


def _call(function: Any, task: Task) -> list[Any]:
    if not task.batched:
        return [
            function(seed, task.device, **parameters)
            for seed, parameters in zip(task.seeds, task.parameters, strict=True)
        ]
    shared = {name: value for name, value in task.parameters[0].items() if name not in task.rides}
    given = [name for name in task.rides if name in task.parameters[0]]
    riding = {name: [parameters[name] for parameters in task.parameters] for name in given}
    returned = function(list(task.seeds), task.device, **shared, **riding)
    if not isinstance(returned, list) or len(returned) != len(task.seeds):
        count = len(returned) if isinstance(returned, list) else type(returned).__name__
        raise WrongResult(f"{task.function} must return a list with one dict a trial: {len(task.seeds)}, not {count}")
    return returned


def _result(returned: Any, declared: Mapping[str, float]) -> Result:
    """Check what one trial returned; where a value is not finite, put what the experiment declares for divergence.

    A metric that diverged and has no declared value is left out: a claim that needs it fails.
    """
    if not isinstance(returned, dict) or not returned:
        raise WrongResult(f"an experiment returns a dict of numbers and curves, not {type(returned).__name__}")
    values: dict[str, float | list[float]] = {}
    data = returned.get("data", "")
    diverged = False
    for name, value in returned.items():
        if name == "data":
            continue
        plain = _plain(name, value)
        if _is_finite(plain):
            values[name] = plain
            continue
        diverged = True
        if name in declared:
            worst = declared[name]
            values[name] = worst if isinstance(plain, float) else list(_until_diverged(plain, worst))
    return values, str(data), diverged


def _plain(name: object, value: Any) -> float | list[float]:
    if not isinstance(name, str):
        raise WrongResult(f"a value's name must be a string, not {name!r}")
    if hasattr(value, "tolist"):  # numpy and torch alike
        value = value.tolist()
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, (list, tuple)) and all(isinstance(item, (bool, int, float)) for item in value):
        if not 1 <= len(value) <= MOST_POINTS:
            raise WrongResult(f"curve '{name}' has {len(value)} points: 1 to {MOST_POINTS} can be recorded")
        return [float(item) for item in value]
    raise WrongResult(f"'{name}' must be a number or a list of numbers, not {type(value).__name__}")


def _is_finite(value: float | list[float]) -> bool:
    return all(map(math.isfinite, value)) if isinstance(value, list) else math.isfinite(value)


def _until_diverged(curve: list[float], worst: float) -> Iterator[float]:
    """The curve up to its first point that is not finite, then what divergence counts as."""
    diverged = False
    for point in curve:
        diverged = diverged or not math.isfinite(point)
        yield worst if diverged else point


def _one_line(error: BaseException, task: Task) -> str:
    """The error in one line, with the line of the experiment it came from."""
    text = " ".join(str(error).split())[:300]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if task.code is not None and frame.filename == task.module] or frames
    place = f"{_short(own[-1].filename)}:{own[-1].lineno}: " if own else ""
    return f"{place}{type(error).__name__}: {text}" if text else f"{place}{type(error).__name__}"


def _short(filename: str) -> str:
    """A project file by its place in the package: no path of a machine is stored."""
    package = Path(__file__).parent.parent
    path = Path(filename)
    if path.is_relative_to(package):
        return path.relative_to(package.parent).as_posix()
    return path.name if path.is_absolute() else filename


def _print_traceback(error: BaseException) -> None:
    """The traceback without this module's own frames."""
    shown = error.__traceback__
    while shown is not None and shown.tb_frame.f_code.co_filename == __file__:
        shown = shown.tb_next
    traceback.print_exception(type(error), error, shown)


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Send what the batch prints, from Python or below it, to its log; a log that stays empty is removed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    saved = os.dup(1), os.dup(2)
    with log.open("w", encoding="utf-8", buffering=1) as file, redirect_stdout(file), redirect_stderr(file):
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            for number, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, number)
                os.close(copy)
    if log.stat().st_size == 0:
        log.unlink()
