"""One batch in a worker: load the experiment, call it, check what it returns; whatever it raises becomes one line."""

from __future__ import annotations

import importlib
import linecache
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

from verify.lab import facts, opened, results, state
from verify.lab.memory import TooLarge
from verify.messages import Failed, Loaded, Returned, Task

_OWN = frozenset(str(Path(__file__).with_name(name)) for name in ("batch.py", "results.py", "opened.py"))
"""Files whose frames no traceback shows."""
_PACKAGE = Path(__file__).parent.parent
_LONGEST_TEXT = 300


def run(task: Task, watch: opened.Watch, tell: Callable[[Loaded], None]) -> Returned | Failed:
    """Run one batch; never raises for what the experiment does.

    `tell` is called once the module is loaded.  Standard error gets the traceback where it failed.
    """
    loaded = False
    try:
        environment = facts.facts(task.device, torch=task.torch, packages=task.packages)
        with watch.over(task.root, task.folder, task.data):
            state.seed(task.seeds[0], task.device)
            function = getattr(_load(task), task.function)
            loaded = True
            tell(Loaded())
            begun = perf_counter()
            with warnings.catch_warnings():
                returned = _call(function, task)
            seconds = perf_counter() - begun
            found = tuple(results.result(each, task.diverged) for each in returned)
    except BaseException as error:  # noqa: BLE001 - sys.exit() in an experiment is an error like any other
        return _failed(error, task, loaded=loaded)
    return Returned(found, seconds, environment)


def _load(task: Task) -> ModuleType:
    if task.code is None:
        return importlib.import_module(task.module)
    # The code's lines stand where the review has them, so tracebacks name the review's own lines.
    path = str(Path(task.root, task.module))
    lines = [f"{line}\n" for line in task.code.split("\n")]
    for name in (task.module, path):
        linecache.cache[name] = (len(task.code), None, lines, name)
    module = ModuleType("review")
    module.__file__ = path
    sys.modules["review"] = module  # dataclasses and pickling look their module up by name
    exec(compile(task.code, task.module, "exec", dont_inherit=True), module.__dict__)
    return module


def _call(function: Any, task: Task) -> list[Any]:
    if not task.batched:
        trials = zip(task.seeds, task.parameters, strict=True)
        return [_call_once(function, seed, task.device, given) for seed, given in trials]
    return _call_batched(function, task, range(len(task.seeds)))


def _call_batched(function: Any, task: Task, trials: Sequence[int]) -> list[Any]:
    """What the experiment returns for trials of a batch; for some after others, where it needs too much memory."""
    seeds = [task.seeds[trial] for trial in trials]
    parameters = [task.parameters[trial] for trial in trials]
    state.seed(seeds[0], task.device)  # also what loading has only now imported
    shared = {name: value for name, value in parameters[0].items() if name not in task.batch_axes}
    given = [name for name in task.batch_axes if name in parameters[0]]
    varied = {name: [each[name] for each in parameters] for name in given}
    try:
        returned = function(seeds, task.device, **shared, **varied)
    except TooLarge as found:
        parts = min(found.parts, len(trials))
        if parts < 2:
            raise
        print(f"a batch of {len(trials)} {found}: cut into {parts}", file=sys.stderr)
        cuts = [len(trials) * part // parts for part in range(parts + 1)]
        return [each for begin, end in pairwise(cuts) for each in _call_batched(function, task, trials[begin:end])]
    if not isinstance(returned, list) or len(returned) != len(seeds):
        count = len(returned) if isinstance(returned, list) else type(returned).__name__
        raise results.WrongResult(
            f"{task.function} must return a list with one dict a trial: {len(seeds)}, not {count}"
        )
    return returned


def _call_once(function: Any, seed: int, device: str, parameters: dict[str, Any]) -> Any:
    state.seed(seed, device)
    return function(seed, device, **parameters)


def _failed(error: BaseException, task: Task, *, loaded: bool) -> Failed:
    """The error in one line, with the line of the experiment that it came from."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000))  # the experiment may have left too little for this
    _print_traceback(error)
    file, line = _place(error, task)
    text = f"{type(error).__name__}: {_text(error)}".removesuffix(": ") + _hint(error, task)
    text, file = (each.encode("utf-8", "backslashreplace").decode() for each in (text, file))  # halves of characters
    if loaded:
        return Failed(f"{file}:{line}: {text}" if line else text, "running")
    return Failed(text, "loading", file, line)


def _text(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.msg:
        return str(error.msg)  # the whole repeats the place
    try:
        return " ".join(str(error).split())[:_LONGEST_TEXT]
    except BaseException as second:  # noqa: BLE001 - whatever its __str__ raises, the error is to be told
        return f"(its text cannot be had: {type(second).__name__})"


def _hint(error: BaseException, task: Task) -> str:
    """A file that is looked for in the working folder may lie beside the review."""
    name = error.filename if isinstance(error, FileNotFoundError) else None
    if not isinstance(name, str) or Path(name).is_absolute() or not Path(task.folder, name).is_file():
        return ""
    return f"; it lies beside the review: declare it, `data: [{name}]`"


def _place(error: BaseException, task: Task) -> tuple[str, int]:
    """The last line of the review that the error passed; of an imported experiment, the last of the project."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return _short(error.filename, task), error.lineno
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename not in _OWN]
    own = [each for each in frames if each.filename == task.module] if task.code is not None else []
    own = own or [each for each in frames if Path(each.filename).is_relative_to(_PACKAGE)] or frames
    return (_short(own[-1].filename, task), own[-1].lineno or 0) if own else ("", 0)


def _short(filename: str, task: Task) -> str:
    """A file by its place in the project or the package: no path of a machine is stored."""
    path = Path(filename)
    for folder in (_PACKAGE.parent, Path(task.root)):
        if path.is_relative_to(folder / ".venv"):
            break
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return path.name if path.is_absolute() else filename


def _print_traceback(error: BaseException) -> None:
    """The traceback without our own frames."""
    try:
        shown = traceback.TracebackException.from_exception(error)
        shown.stack = traceback.StackSummary.from_list([each for each in shown.stack if each.filename not in _OWN])
        sys.stderr.write("".join(shown.format()))
    except BaseException as second:  # noqa: BLE001 - an odd exception may break whatever looks at it
        with suppress(OSError):  # it has closed the log as well
            os.write(2, f"{type(error).__name__}: its traceback cannot be shown: {type(second).__name__}\n".encode())
