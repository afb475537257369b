"""What workers answer and print, and what they find set: nothing that an experiment does there costs more than it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.batches import PID, gone, log, one, pid, task
from verify.errors import UserError
from verify.messages import Facts
from verify.running.executors import Done, local
from verify.running.executors.local import LocalExecutor


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("write(b'nonsense\\n')", "its answer cannot be read: JSON is malformed"),
        ("write(b'\\xff\\xfe\\n')", "its answer cannot be read: "),
        ("write(b'[' * 100_000 + b'\\n')", "its answer cannot be read: "),
        ('write(b\'{"kind":"loaded"}\\n\')', "its answer cannot be read: it says twice that it has loaded the module"),
        ("write(returned('{}', '{}'))", "its answer cannot be read: 2 results of 1 trials"),
        ("write(returned('{\"a\":1e999}'))", "its answer cannot be read: "),
        ("write(returned('{\"a\":[]}'))", "its answer cannot be read: a value that cannot be recorded"),
        ("write(returned('{\"a\\\\u001b\":1}'))", "its answer cannot be read: a text that cannot be recorded"),
        ("write(returned(str({f'{n}': n for n in range(1001)}).replace(\"'\", '\"')))", "1001 values in a trial"),
        ("write(b'x' * 17_000_000)", "its answer is longer than any may be"),
        ("os.closerange(0, 100)", "it closed the files through which its worker answers"),
        ("os.close(1)", "it closed the files through which its worker answers"),
        ("os.dup2(os.open(os.devnull, os.O_RDWR), channel())", "it closed the files through which its worker answers"),
        ("os.closerange(0, 100); time.sleep(60)", "it closed the channel through which its worker answers"),
    ],
)
def test_an_answer_that_is_none_is_the_batchs_error(
    code: str, message: str, executor: LocalExecutor, root: Path
) -> None:
    forging = """
        import os, stat, time
        def channel(): return next(n for n in range(100) if os.path.realpath(f"/proc/self/fd/{n}").endswith("]")
                                   and stat.S_ISSOCK(os.fstat(n).st_mode))
        def write(data):
            while data: data = data[os.write(channel(), data):]
        def returned(*results):
            facts = '{"device":"cpu","machine":"m","cores":1,"system":"s","versions":{}}'
            each = ",".join('{"values":%s}' % values for values in results)
            return ('{"kind":"returned","results":[%s],"seconds":1,"environment":%s}\\n' % (each, facts)).encode()
        def f(seed, device):
    """
    done = one(executor, task(root, f"{forging.rstrip()}\n            {code}\n            return {{'x': 1}}\n"))
    assert message in done.error
    assert not done.results
    assert not done.loading
    assert pid(one(executor, task(root, PID))) > 0


def test_results_that_are_too_large_in_all_are_said_to_be(executor: LocalExecutor, root: Path) -> None:
    code = "def f(seed, device): return {f'm{n}': [1 / 3] * 100 for n in range(1000)}"
    done = one(executor, task(root, code, parameters=({},) * 10))
    assert done.error == "its results are too large: at most 16,000,000 bytes"


def test_an_error_holds_nothing_that_moves_a_terminals_cursor(executor: LocalExecutor, root: Path) -> None:
    done = one(executor, task(root, "def f(seed, device): raise ValueError('\\x1b[2J\\x07\\u202e\\ud800 end')"))
    assert done.error == "reviews/coin.md:1: ValueError: \\x1b[2J\\x07\\u202e\\ud800 end"


def test_a_log_holds_the_first_and_the_last_megabyte(executor: LocalExecutor, root: Path) -> None:
    code = """
        def f(seed, device):
            print("first")
            for _ in range(400): print("x" * 1_000_000)
            print("last")
            return {"x": 1}
    """
    assert one(executor, task(root, code, time_limit=100.0)).results
    text = log(root).read_bytes()
    assert len(text) < 2_100_000
    assert text.startswith(b"first\nxxx")
    assert text.endswith(b"xxx\nlast\n")
    assert b"\n[398,000,411 bytes are left out here]\n" in text


def test_what_is_printed_below_python_and_by_children_is_in_the_log(both: LocalExecutor, root: Path) -> None:
    code = """
        import ctypes, os, subprocess, sys
        def f(seed, device):
            ctypes.CDLL(None).puts(b"from C")
            print("half a character: \\ud800")
            print("to standard error", file=sys.stderr)
            subprocess.run(["echo", "from a child"], check=True)
            os.write(1, b"from the descriptor")
            return {"x": 1}
    """
    assert one(both, task(root, code)).results
    text = log(root).read_text()
    for each in ("from C", "half a character: \\ud800", "to standard error", "from a child", "from the descriptor"):
        assert each in text


def test_a_log_of_an_earlier_run_that_would_stay_empty_now_is_removed(executor: LocalExecutor, root: Path) -> None:
    log(root).parent.mkdir(parents=True)
    log(root).write_text("old")
    assert one(executor, task(root, PID)).results
    assert not log(root).exists()


def test_a_log_that_cannot_be_kept_costs_nothing_else(executor: LocalExecutor, root: Path) -> None:
    folder = str(log(root).parent)
    code = f"import shutil\ndef f(seed, device):\n    print('a', flush=True)\n    shutil.rmtree({folder!r}, ignore_errors=True)\n    print('b')\n    return {{'x': 1}}"  # noqa: E501
    assert one(executor, task(root, code)).results
    (root / "file").write_text("no folder")
    assert one(
        executor,
        task(root, "def f(seed, device):\n    print('a')\n    return {'x': 1}", log=str(root / "file" / "f.log")),
    ).results


def test_one_that_leaves_a_thread_serves_no_other_batch(executor: LocalExecutor, root: Path) -> None:
    code = "import threading, time\n" + PID.replace(
        ": return", ":\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n    return"
    )
    first = pid(one(executor, task(root, code, group="threads")))
    assert pid(one(executor, task(root, code, group="threads"))) != first
    gone([first], "")


def test_what_is_not_here_is_said(executor: LocalExecutor) -> None:
    with pytest.raises(UserError, match="device 'mps' is for experiments that use torch") as raised:
        executor.describe("mps", torch=False)
    assert raised.value.hint == "use --device auto, which takes the best there is"


def test_an_accelerator_has_one_worker_and_all_cores(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    facts = Facts("cuda", "a GPU", 2, "Linux", {})
    executor = LocalExecutor()
    assert executor.workers == local.cores()
    monkeypatch.setattr(LocalExecutor, "wait", lambda self: [(self._numbers, Done(environment=facts))])
    assert executor.describe("auto", torch=True) == facts
    assert executor.workers == 1
    monkeypatch.undo()
    threads = "import os\ndef f(seed, device): return {'n': int(os.environ['OMP_NUM_THREADS'])}"
    executor._queue.remove(1)
    assert one(executor, task(root, threads)).results[0].values["n"] == local.cores()
    executor.close()
    assert LocalExecutor(3).workers == 3


def test_the_server_imports_torch_and_leaves_the_device_alone(root: Path) -> None:
    executor = LocalExecutor(2)
    facts = executor.describe("auto", torch=True)
    assert "torch" in facts.versions
    code = """
        import sys
        there = "torch" in sys.modules
        import torch
        def f(seed, device):
            return {"there": there, "begun": torch.cuda.is_initialized(), "bad": torch.cuda._is_in_bad_fork(),
                    "threads": torch.get_num_threads(),
                    "sum": float(torch.ones(1000, 1000).mm(torch.ones(1000, 1)).sum())}
    """
    done = one(executor, task(root, code, torch=True))
    assert done.results[0].values == {
        "there": 1, "begun": 0, "bad": 0, "threads": max(1, local.cores() // 2), "sum": 1e6,
    }  # fmt: skip
    assert done.environment == facts if facts.device == "cpu" else done.environment is not None
    executor.close()


def environ(executor: LocalExecutor, root: Path) -> Any:
    code = """
        import os, json
        def f(seed, device):
            print(json.dumps(dict(os.environ)))
            return {"hash": hash("text")}
    """
    done = one(executor, task(root, code))
    return json.loads(log(root).read_text()), done.results[0].values["hash"]


def test_the_environment_holds_what_libraries_need_and_no_secret(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PYTHONPATH", "LANG", "PYTHONHASHSEED", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "7")
    for name in ("HF_HOME", "CUDA_VISIBLE_DEVICES", "https_proxy", "VERIFY_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(root))
    executors = [LocalExecutor(1), LocalExecutor(1, method="spawn")]
    (found, first), (_, second) = (environ(each, root) for each in executors)
    for each in executors:
        each.close()
    assert not {"AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PYTHONPATH", "LANG"} & set(found)
    assert {"HF_HOME", "CUDA_VISIBLE_DEVICES", "https_proxy", "VERIFY_CACHE", "XDG_CACHE_HOME", "PATH"} <= set(found)
    assert found["PYTHONHASHSEED"] == "0"
    assert found["TZ"] == "UTC"
    assert found["OMP_NUM_THREADS"] == str(local.cores())
    assert first == second, "the hash of a text is the same in every worker"
