"""What a batch changes in its process is set anew for the next of the same verification."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from tests.batches import log, one, task
from verify.running.executors.local import LocalExecutor

LOOK = """
import decimal, gc, json, locale, os, random, signal, sys, tempfile, time, warnings
import numpy as np
import torch

def look(seed):
    return {
        "environ": sorted(os.environ.items()), "cwd": os.listdir(), "umask": oct(os.umask(0o022)), "path": sys.path[:],
        "recursion": sys.getrecursionlimit(), "digits": sys.get_int_max_str_digits(), "locale": locale.setlocale(0),
        "ctype": locale.setlocale(locale.LC_ALL), "zone": time.tzname, "argv": sys.argv, "gc": gc.isenabled(),
        "decimal": str(decimal.getcontext()), "third": str(decimal.Decimal(1) / 3), "print": np.get_printoptions(),
        "error": np.geterr(), "array": str(np.array([1 / 3])), "tensor": str(torch.tensor([1 / 3])),
        "streams": [each.encoding + each.errors for each in (sys.stdout, sys.stderr)], "text": "{:n}".format(1e6),
        "filters": [str(each) for each in warnings.filters],
        "random": [random.random(), np.random.rand(), float(torch.rand(1))],
        "dtype": str(torch.get_default_dtype()), "device": str(torch.get_default_device()),
        "threads": torch.get_num_threads(),
        "grad": torch.is_grad_enabled(), "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul": torch.get_float32_matmul_precision(), "anomaly": torch.is_anomaly_enabled(),
        "tiny": float(torch.tensor(1e-40) * 1), "trace": str(sys.gettrace()),
        "hook": sys.excepthook is sys.__excepthook__,
        "signals": [str(signal.getsignal(each)) for each in sorted(signal.valid_signals()) if each < 32],
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "alarm": signal.setitimer(signal.ITIMER_REAL, 0),
        "tempdir": tempfile.gettempdir(),
    }

def f(seed, device):
    print(json.dumps({**look(seed), "pid": os.getpid()}, default=str))
    return {"x": 1}
"""

MESS = """
def mess(seed, device):
    os.chdir("/"), os.environ.clear(), os.environ.update(A="b", TZ="Asia/Tokyo"), time.tzset()
    os.umask(0o077), sys.setrecursionlimit(5000), sys.set_int_max_str_digits(1000), gc.disable()
    sys.path.insert(0, "/nowhere"), sys.argv.append("x")
    decimal.getcontext().prec = 3
    warnings.simplefilter("error")
    random.seed(77), np.random.seed(77), torch.manual_seed(77)
    np.set_printoptions(precision=2, suppress=True), np.seterr(all="raise")
    torch.set_default_dtype(torch.float64), torch.set_default_device("meta"), torch.set_num_threads(7)
    torch.set_grad_enabled(False), torch.use_deterministic_algorithms(True), torch.set_printoptions(precision=1)
    torch.set_float32_matmul_precision("medium"), torch.set_flush_denormal(True)
    torch.autograd.set_detect_anomaly(True)
    for each in signal.valid_signals():
        if each in (signal.SIGTERM, signal.SIGUSR1, signal.SIGPIPE): signal.signal(each, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, print), signal.alarm(1)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    sys.excepthook = print
    for each in ("en_US.UTF-8", "de_DE.UTF-8", "C.UTF-8"):
        try: locale.setlocale(locale.LC_ALL, each)
        except locale.Error: pass
    open("/dev/null").close()
    sys.stdout, sys.stderr = open("/dev/null", "w"), None
    return {"x": 1}
"""


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    executor = LocalExecutor(1)
    yield executor
    executor.close()


def looked(executor: LocalExecutor, root: Path, **changes: Any) -> dict[str, Any]:
    done = one(executor, task(root, LOOK, **changes))
    assert not done.error, done.error
    found: dict[str, Any] = json.loads((root / ".verify" / "logs" / "f.log").read_text())
    return found


def test_the_next_batch_of_the_same_process_finds_a_clean_state(executor: LocalExecutor, root: Path) -> None:
    first = looked(executor, root)
    done = one(executor, task(root, LOOK + MESS, function="mess"))
    assert not done.error, done.error
    second = looked(executor, root)
    assert second == first, "this includes the process"
    assert first["cwd"] == []
    assert first["umask"] == "0o22"
    assert first["third"] == "0.3333333333333333333333333333"
    assert first["zone"] == ["UTC", "UTC"]
    assert first["dtype"] == "torch.float32"
    assert first["path"][-2:] == [str(root / "reviews"), str(root)]


def test_generators_are_seeded_from_the_trials_seed(executor: LocalExecutor, root: Path) -> None:
    code = """
        import random, numpy as np, torch
        def f(seed, device): return {"a": random.random(), "b": np.random.rand(), "c": float(torch.rand(1))}
        def g(seeds, device): return [f(seed, device) for seed in seeds]
    """
    both = one(executor, task(root, code, parameters=({}, {}))).results
    alone = one(executor, task(root, code, seeds=(1,))).results
    assert both[1] == alone[0]
    assert both[0] != both[1]
    batched = one(executor, task(root, code, function="g", batched=True, parameters=({}, {}))).results
    assert batched[0] == both[0]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_library_that_is_imported_late_is_seeded_too(method: Literal["fork", "spawn"], root: Path) -> None:
    expected = np.random.RandomState(5).rand()
    late = """
        def f(seed, device):
            import numpy as np
            return {"x": np.random.rand()}
    """
    batched = """
        import numpy as np, torch
        def f(seeds, device): return [{"x": np.random.rand(), "y": float(torch.rand(1))}]
    """
    executor = LocalExecutor(1, method=method)
    try:
        assert one(executor, task(root, late, seeds=(5,))).results[0].values["x"] == expected
        (result,) = one(executor, task(root, batched, seeds=(5,), batched=True, torch=True, group="batched")).results
        assert result.values == {"x": expected, "y": pytest.approx(float(torch.manual_seed(5) and torch.rand(1)))}
    finally:
        executor.close()


@pytest.mark.parametrize(("data", "listed"), [((), []), (("points.csv", "more/x.csv"), ["more", "points.csv"])])
def test_the_working_folder_holds_links_to_declared_data(
    data: tuple[str, ...], listed: list[str], executor: LocalExecutor, root: Path
) -> None:
    (root / "reviews" / "more").mkdir()
    (root / "reviews" / "points.csv").write_text("1\n2\n")
    (root / "reviews" / "more" / "x.csv").write_text("3\n")
    code = """
        import os
        def f(seed, device, *, listed):
            assert sorted(os.listdir()) == listed.split(), os.listdir()
            open("own.txt", "w").close()
            print(os.getcwd())
            return {"sum": sum(map(float, open("points.csv"))) + float(open("more/x.csv").read()) if listed else 0}
    """
    done = one(executor, task(root, code, data=data, parameters=({"listed": " ".join(listed)},)))
    assert not done.error
    assert done.results[0].values["sum"] == (6 if data else 0)
    folder = Path((root / ".verify" / "logs" / "f.log").read_text().strip())
    assert not folder.exists()
    assert (root / "reviews" / "points.csv").read_text() == "1\n2\n"


def test_data_from_outside_the_reviews_folder_is_opened_by_its_path(executor: LocalExecutor, root: Path) -> None:
    (root / "shared.csv").write_text("5\n")
    code = """
        from pathlib import Path
        def f(seed, device): return {"x": float((Path(__file__).parent.parent / "shared.csv").read_text())}
    """
    done = one(executor, task(root, code, data=("../shared.csv",)))
    assert not done.error
    assert done.results[0].values["x"] == 5


def test_a_helper_beside_the_review_is_imported_and_hides_nothing(executor: LocalExecutor, root: Path) -> None:
    (root / "reviews" / "helper.py").write_text("VALUE = 7\n")
    (root / "own").mkdir()
    (root / "own" / "__init__.py").write_text("VALUE = 8\n")
    for name in ("json", "numpy", "decimal", "msgspec", "verify", "sitecustomize"):
        for folder in (root, root / "reviews"):
            (folder / f"{name}.py").write_text("raise SystemExit('hidden')\n")
    code = """
        import helper, own, json, numpy, decimal, msgspec, verify, sys
        def f(seed, device): return {"a": helper.VALUE, "b": own.VALUE, "files": len(json.__file__) and 1}
    """
    followed = ("helper", "own")
    done = one(executor, task(root, code, group="helpers", modules=followed))
    assert not done.error, done.error
    assert done.results[0].values == {"a": 7, "b": 8, "files": 1}
    (root / "reviews" / "helper.py").write_text("VALUE = 9\n")
    assert one(executor, task(root, code, group="helpers later", modules=followed)).results[0].values["a"] == 9, (
        "of the same size and age"
    )
    unseen = one(executor, task(root, code, group="helpers unseen", modules=("helper",)))
    assert unseen.error == ("UnseenModule: it imports own by other means than an import statement: write `import own`")
    assert not list(root.rglob("__pycache__")), "nothing is written into the project"


def test_a_file_that_the_process_needs_and_another_review_changes_is_its_own(
    executor: LocalExecutor, root: Path
) -> None:
    """A patch of a module is seen by the batches of its verification only."""
    patch = "import random\nrandom.random = lambda: 7.0\ndef f(seed, device): return {'x': random.random()}"
    look = "import random\ndef f(seed, device): return {'x': random.random()}"
    assert one(executor, task(root, patch, group="patch")).results[0].values["x"] == 7
    assert one(executor, task(root, look, group="look")).results[0].values["x"] != 7


def test_a_working_folder_that_cannot_be_removed_costs_nothing(executor: LocalExecutor, root: Path) -> None:
    code = """
        import os
        def f(seed, device):
            os.mkdir("a"), open("a/b", "w").close(), os.chmod("a", 0)
            return {"x": 1}
    """
    assert one(executor, task(root, code)).results
    assert one(executor, task(root, code)).results


def test_a_working_folder_of_any_depth_costs_nothing_and_goes_with_its_worker(root: Path) -> None:
    code = """
        import os, tempfile
        def f(seed, device, *, deep):
            print(os.getcwd())
            for _ in range(deep): os.mkdir("d"), os.chdir("d")
            return {"pid": os.getpid(), "server": os.getppid()}
    """
    executor = LocalExecutor(1)
    try:
        first = one(executor, task(root, code, parameters=({"deep": 1500},)))
        assert not first.error, first.error
        home = Path(log(root).read_text().strip()).parent.parent
        other = one(executor, task(root, code, parameters=({"deep": 0},), group="another"))
        assert other.results[0].values["server"] == first.results[0].values["server"], "the server lives on"
        assert [each.name for each in home.iterdir()] == [Path(log(root).read_text().strip()).parent.name]
    finally:
        executor.close()
    assert not home.exists()


HELPED = """
    import multiprocessing, os, subprocess
    def f(seed, device, *, left):
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=os.getpid)
        process.start()
        process.join()
        if left:
            subprocess.Popen(["sleep", "60"])
        return {"pid": os.getpid(), "helper": multiprocessing.forkserver._forkserver._forkserver_pid}
"""


def test_what_multiprocessing_keeps_for_itself_stays_with_the_verification(executor: LocalExecutor, root: Path) -> None:
    def run(left: bool) -> dict[str, object]:
        done = one(executor, task(root, HELPED, parameters=({"left": left},)))
        assert not done.error, done.error
        return dict(done.results[0].values)

    first = run(False)
    assert run(False) == first, "starting it again costs the seconds of its imports"
    assert run(True) == first
    assert run(False)["pid"] != first["pid"], "another child was left"
