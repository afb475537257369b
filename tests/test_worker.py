"""The child process: what an experiment may return, and what its mistakes look like."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from verify.lab import worker

PATH = "reviews/coin.md"


def run(code: str, tmp_path: Path, parameters: tuple[dict[str, Any], ...] = ({},), **changes: Any) -> worker.Outcome:
    fields: dict[str, Any] = {
        "function": "f", "module": PATH, "code": textwrap.dedent(code), "batched": False, "rides": (), "diverged": {},
        "parameters": parameters, "seeds": tuple(range(len(parameters))), "device": "cpu",
        "log": str(tmp_path / "logs" / "f.log"), **changes,
    }  # fmt: skip
    return worker.run(tuple(worker.Task(**fields)))


def log(tmp_path: Path) -> str:
    return (tmp_path / "logs" / "f.log").read_text()


def test_the_plain_form_is_called_once_a_trial(tmp_path: Path) -> None:
    code = "def f(seed, device, *, a): return {'x': seed + a, 'curve': [1, 2.5], 'data': 'abc'}"
    results, seconds, error = run(code, tmp_path, ({"a": 1}, {"a": 5}))
    assert not error
    assert results == (({"x": 1.0, "curve": [1.0, 2.5]}, "abc", False), ({"x": 6.0, "curve": [1.0, 2.5]}, "abc", False))
    assert seconds >= 0
    assert not (tmp_path / "logs" / "f.log").exists(), "a log that stays empty is removed"


def test_the_batched_form_gets_lists_of_what_rides_and_one_of_what_is_shared(tmp_path: Path) -> None:
    code = (
        "def f(seeds, device, *, lr, width, depth=2): return [{'x': s * l * width * depth} for s, l in zip(seeds, lr)]"
    )
    results, _, error = run(
        code, tmp_path, ({"lr": 0.5, "width": 3}, {"lr": 2.0, "width": 3}), batched=True, rides=("lr",)
    )
    assert not error
    assert [values for values, _, _ in results] == [{"x": 0.0}, {"x": 12.0}]


def test_numpy_and_torch_numbers_are_taken_as_numbers(tmp_path: Path) -> None:
    code = "import numpy as np\ndef f(seed, device): return {'a': np.float32(1.5), 'b': np.arange(3), 'c': True}"
    assert run(code, tmp_path)[0][0][0] == {"a": 1.5, "b": [0.0, 1.0, 2.0], "c": 1.0}


def test_divergence_takes_the_declared_value_from_where_it_begins(tmp_path: Path) -> None:
    code = (
        "def f(seed, device): return {'loss': [1.0, float('nan'), 3.0], 'error': float('inf'), 'other': float('nan')}"
    )
    ((values, _, diverged),) = run(code, tmp_path, diverged={"loss": 9.0, "error": 0.9})[0]
    assert diverged
    assert values == {"loss": [1.0, 9.0, 9.0], "error": 0.9}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def f(seed, device): return None", "returns a dict of numbers and curves, not NoneType"),
        ("def f(seed, device): return {}", "returns a dict"),
        ("def f(seed, device): return {1: 2}", "a value's name must be a string, not 1"),
        ("def f(seed, device): return {'a': 'text'}", "'a' must be a number or a list of numbers, not str"),
        ("def f(seed, device): return {'a': [[1]]}", "'a' must be a number or a list of numbers, not list"),
        ("def f(seed, device): return {'a': [0] * 101}", "curve 'a' has 101 points: 1 to 100 can be recorded"),
        ("def f(seed, device): return {'a': []}", "curve 'a' has 0 points"),
    ],
)
def test_a_result_that_cannot_be_recorded(code: str, message: str, tmp_path: Path) -> None:
    results, _, error = run(code, tmp_path)
    assert results == ()
    assert "WrongResult" in error
    assert message in error


def test_a_batch_must_return_a_dict_for_each_trial(tmp_path: Path) -> None:
    error = run("def f(seeds, device): return [{'a': 1}]", tmp_path, ({}, {}), batched=True)[2]
    assert "one dict a trial: 2, not 1" in error
    assert "not dict" in run("def f(seeds, device): return {'a': 1}", tmp_path, batched=True)[2]


def test_an_error_names_the_reviews_own_line_and_the_log_shows_it(tmp_path: Path) -> None:
    code = "\n\n\ndef f(seed, device):\n    print('about to fail')\n    return {'a': 1 / seed}\n"
    _, _, error = run(code, tmp_path)
    assert error == "reviews/coin.md:6: ZeroDivisionError: division by zero"
    text = log(tmp_path)
    assert "about to fail" in text
    assert 'File "reviews/coin.md", line 6, in f' in text
    assert "return {'a': 1 / seed}" in text, "the traceback shows the source line"
    assert "worker.py" not in text, "our own frames are left out"


def test_leaving_the_process_is_an_error_like_any_other(tmp_path: Path) -> None:
    assert "SystemExit: 3" in run("import sys\ndef f(seed, device): sys.exit(3)", tmp_path)[2]


def test_an_error_deep_in_a_library_names_the_reviews_line(tmp_path: Path) -> None:
    code = "import json\ndef f(seed, device):\n    return json.loads('{')"
    assert run(code, tmp_path)[2].startswith("reviews/coin.md:3: JSONDecodeError")


def test_the_environment_names_device_machine_and_versions() -> None:
    found = worker.describe("auto", torch_needed=True)
    assert found["device"] in ("cpu", "cuda", "mps")
    assert found["machine"]
    assert {"python", "numpy", "torch"} <= set(found["versions"])
    assert "+" not in found["versions"]["torch"]
    assert worker.describe("cpu", torch_needed=False)["device"] == "cpu"


def test_a_device_that_is_not_here() -> None:
    with pytest.raises(ValueError, match="needs torch"):
        worker.describe("cuda", torch_needed=False)


def test_a_worker_ends_with_its_parent() -> None:
    """A parent that is killed cannot stop its workers: they notice."""
    child = (
        "import os, time; from verify.lab.worker import prepare; prepare(1, os.getppid(), []);"
        "print('up', flush=True); time.sleep(60)"
    )
    parent = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}]);"
        "print(p.pid, flush=True); p.wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert process.stdout.readline() == "up\n"
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and _alive(pid):
        time.sleep(0.1)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended but was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
