"""Experiments that misbehave, and how each must end: what `tests.campaign.misbehaving` runs beside a healthy one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Odd(NamedTuple):
    """One way to misbehave."""

    name: str
    body: str
    """Of the experiment `odd(seed, device, *, arm)`; returns `{"v": ...}` by itself where it falls through."""
    says: str = ""
    """A pattern in the run's output where each of its trials fails; empty where it must be recorded as in peace."""
    prelude: str = ""
    """Code of the module; what stands here also costs the other verification of the same review."""
    code: int | None = None
    """The exit code; None: 1 where it fails and 0 where it does not."""
    files: Mapping[str, str] = MappingProxyType({})
    """Files beside the review."""
    spoils: bool = False
    """Whether the other verification of the same review cannot be as in peace either: the module is broken."""
    either: bool = False
    """Whether it may fail or be recorded: only that it costs nothing else is required."""
    front: str = ""
    """Lines of the front matter."""
    decorator: str = ""
    """For the batched form."""
    twins: bool = True
    """Whether its values are the same in every run."""


_KILLED = r"its process (was )?ended \(killed by signal {}"
_LIMIT = "it took longer than its limit of 2 s"

ENDS = (
    Odd("exit-0", "os._exit(0)", r"its process ended \(exit code 0"),
    Odd("exit-1", "os._exit(1)", r"its process ended \(exit code 1\)"),
    Odd("exit-255", "os._exit(255)", r"its process ended \(exit code 255"),
    Odd("kills-itself", "os.kill(os.getpid(), 9)", _KILLED.format(9)),
    Odd("segfault", "os.kill(os.getpid(), 11)", _KILLED.format(11)),
    Odd("abort", "os.abort()", _KILLED.format(6)),
    Odd("abort-in-c", "import ctypes\n    ctypes.CDLL(None).abort()", _KILLED.format(6)),
    Odd("null-pointer", "import ctypes\n    ctypes.string_at(0)", _KILLED.format(11)),
    Odd("exit-in-c", "import ctypes\n    ctypes.CDLL(None)._exit(3)", r"its process ended \(exit code 3\)"),
    Odd("sys-exit", "raise SystemExit('enough')", "SystemExit: enough"),
    Odd("sys-exit-0", "import sys\n    sys.exit(0)", "SystemExit: 0"),
    Odd("interrupt", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    Odd("interrupts-itself", "os.kill(os.getpid(), 2)\n    time.sleep(0.1)", either=True),
    Odd("terminates-itself", "os.kill(os.getpid(), 15)\n    time.sleep(0.1)", _KILLED.format(15)),
    Odd("kills-its-parent", "os.kill(os.getppid(), 9)\n    time.sleep(1)", either=True, code=-1),
    Odd("stops-its-parent", "os.kill(os.getppid(), 19)\n    time.sleep(1)", either=True, code=-1),
    Odd("kills-its-group", "os.killpg(0, 9)", _KILLED.format(9)),
    Odd("terminates-its-group", "os.killpg(0, 15)\n    time.sleep(0.1)", _KILLED.format(15)),
    Odd("stops-itself", "os.kill(os.getpid(), 19)", _LIMIT),
    Odd("hangs", "time.sleep(3600)", _LIMIT),
    Odd("loops", "while True: pass", _LIMIT),
    Odd("loops-in-c", "sum(range(10**14))", _LIMIT),
    Odd("holds-the-gil", "import ctypes\n    ctypes.PyDLL(None).sleep(3600)", _LIMIT),
    Odd("hangs-without-signals", "import signal\n    signal.pthread_sigmask(0, range(1, 64))\n    time.sleep(3600)",
        _LIMIT),
    Odd("handles-signals", "import signal\n    for n in (2, 15): signal.signal(n, lambda *_: None)\n"
        "    time.sleep(3600)", _LIMIT),
    Odd("never-gives-up", "while True:\n        try: time.sleep(3600)\n        except BaseException: pass", _LIMIT),
)  # fmt: skip

RAISES = (
    Odd("str-raises", "raise Worst('x')", "Worst", "class Worst(Exception):\n"
        "    def __str__(self): raise ValueError('no')\n    __repr__ = __str__"),
    Odd("str-is-no-text", "raise Worst('x')", "Worst", "class Worst(Exception):\n    def __str__(self): return 3"),
    Odd("str-exits", "raise Worst('x')", "Worst", "class Worst(Exception):\n    def __str__(self): os._exit(4)",
        either=True),
    Odd("str-hangs", "raise Worst('x')", "", "class Worst(Exception):\n    def __str__(self): time.sleep(3600)",
        either=True, code=1),
    Odd("group", "raise ExceptionGroup('many', [ValueError('one'), ExceptionGroup('more', [OSError('two')])])", "many"),
    Odd("surrogates", "raise ValueError('\\ud800 lone')", "ValueError: .*lone"),
    Odd("nul", "raise ValueError('a\\0b\\x1b[31mred')", "ValueError: a"),
    Odd("long-message", "raise ValueError('x' * 10_000_000)", "ValueError: x"),
    Odd("own-name", "raise type('E\\ud800\\n', (Exception,), {})('x')", "E"),
    Odd("no-traceback", "error = ValueError('bare')\n    error.with_traceback = None\n    raise error",
        "ValueError: bare"),
    Odd("deep-cause", "error = ValueError('0')\n    for n in range(5000):\n        later = ValueError(str(n))\n"
        "        later.__cause__ = error\n        error = later\n    raise error", "ValueError"),
    Odd("recursion", "return odd(seed, device, arm=arm)", "RecursionError"),
    Odd("endless-repr", "a = []\n    a.append(a)\n    return {'v': a}", "'v' must be"),
    Odd("memory", "import resource\n    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "    held = []\n    while True: held.append(bytearray(10**8))", "MemoryError"),
    Odd("missing-module", "import not_there_at_all", "not_there_at_all", either=True, code=-1),
    Odd("not-implemented", "raise NotImplementedError", "NotImplementedError"),
    Odd("stop-iteration", "raise StopIteration", "StopIteration"),
    Odd("generator-exit", "raise GeneratorExit", "GeneratorExit"),
)  # fmt: skip

LOADING = (
    Odd("import-raises", "pass", "no such luck", "raise ValueError('no such luck')", spoils=True),
    Odd("import-exits", "pass", "", "os._exit(7)", spoils=True, either=True, code=1),
    Odd("import-sys-exits", "pass", "", "raise SystemExit(7)", spoils=True, either=True, code=1),
    Odd("import-interrupts", "pass", "", "raise KeyboardInterrupt", spoils=True, either=True, code=1),
    Odd("helper-is-no-python", "pass", "helper", "import helper", code=-1, spoils=True,
        files={"helper.py": "def half(:\n"}),
    Odd("helper-raises", "pass", "bad luck", "import helper", spoils=True,
        files={"helper.py": "raise ValueError('bad luck')\n"}),
)  # fmt: skip

RESULTS = (
    Odd("none", "return None", "a dict"),
    Odd("empty", "return {}", "a dict"),
    Odd("a-list", "return [1, 2]", "a dict"),
    Odd("a-generator", "yield 1", "a dict"),
    Odd("a-coroutine", "async def later(): return {'v': 1}\n    return later()", "a dict"),
    Odd("a-string", "return {'v': 'one'}", "'v' must be a number"),
    Odd("an-object", "return {'v': object()}", "'v' must be a number"),
    Odd("a-class-of-its-own", "class Number(float):\n        def __float__(self): raise ValueError('no float')\n"
        "    return {'v': Number(1)}", either=True),
    Odd("tolist-raises", "class Array:\n        def tolist(self): raise ValueError('no list')\n"
        "    return {'v': Array()}", "no list"),
    Odd("a-dict-of-its-own", "class Odd(dict):\n        def items(self): raise ValueError('no items')\n"
        "    return Odd(v=1)", "no items"),
    Odd("a-name-that-is-none", "return {3: 1.0}", "must be a string"),
    Odd("surrogate-in-a-name", "return {'v\\ud800': 1.0, 'v': 1.0}", "name"),
    Odd("nul-in-a-name", "return {'v\\0': 1.0, 'v': 1.0}", either=True),
    Odd("long-name", "return {'v' * 5_000_000: 1.0}", "200"),
    Odd("many-names", "return {f'v{n}': 1.0 for n in range(200_000)}", "1,?000"),
    Odd("long-curve", "return {'v': [1.0] * 1_000_000}", "1,?000,?000 points"),
    Odd("huge-number", "return {'v': 10**400}", "'v'|OverflowError"),
    Odd("nan", "return {'v': float('nan'), 'w': 1.0}", either=True, code=-1),
    Odd("infinite", "return {'v': [1.0, float('inf')], 'w': 1.0}", either=True, code=-1),
    Odd("huge-data", "return {'v': 1.0, 'data': 'x' * 30_000_000}", "MB|data|bytes|characters"),
    Odd("too-few", "return []", "must return a list with one dict a trial", decorator="batch=3"),
    Odd("random-results", "import secrets\n    return {'v': secrets.randbelow(10**6) / 10}",
        "not deterministic", either=True, code=-1, twins=False),
)  # fmt: skip

LEAVES = (
    Odd("fork-bomb", "for _ in range(50):\n        if os.fork() == 0:\n            time.sleep(3600)"),
    Odd("daemon", "if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0: time.sleep(3600)\n"
        "        os._exit(0)\n    os.wait()"),
    Odd("deaf-daemon", "import signal\n    if os.fork() == 0:\n        os.setsid()\n"
        "        signal.pthread_sigmask(0, range(1, 64))\n        for n in range(1024): \n"
        "            try: os.close(n)\n            except OSError: pass\n        time.sleep(3600)"),
    Odd("child-returns", "if os.fork() == 0: return {'v': 13.0}\n    time.sleep(0.3)", either=True, code=-1),
    Odd("subprocess-left", "import subprocess\n    subprocess.Popen(['sleep', '3600'])"),
    Odd("subprocess-holds-output", "import subprocess\n    subprocess.Popen('sleep 3600 & yes > /dev/null &',"
        " shell=True, start_new_session=True)"),
    Odd("thread-left", "import threading\n    threading.Thread(target=time.sleep, args=(3600,)).start()"),
    Odd("daemon-thread-left", "import threading\n    threading.Thread(target=time.sleep, args=(3600,), daemon=True)"
        ".start()"),
    Odd("busy-thread-left", "import threading\n    def busy():\n        while True: pass\n"
        "    threading.Thread(target=busy, daemon=True).start()"),
    Odd("atexit-hangs", "import atexit\n    atexit.register(time.sleep, 3600)"),
    Odd("pool-left", "from multiprocessing.pool import Pool\n    import multiprocessing\n"
        "    globals()['kept'] = multiprocessing.get_context('fork').Pool(2)\n"
        "    kept.map(abs, range(9))", either=True, code=-1),
    Odd("pool", "import multiprocessing\n    with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "        pool.map(abs, range(9))"),
    Odd("del-hangs", "class Slow:\n        def __del__(self): time.sleep(3600)\n    globals()['slow'] = Slow()"),
    Odd("stopped-child", "import signal\n    child = os.fork()\n    if child == 0: time.sleep(3600)\n"
        "    os.kill(child, signal.SIGSTOP)"),
)  # fmt: skip

TOUCHES = (
    Odd("closes-everything", "os.closerange(0, 4096)", either=True, code=-1),
    Odd("closes-output", "import sys\n    sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2)",
        "it closed the files through which its worker answers"),
    Odd("garbage-in-descriptors", "for n in range(3, 64):\n        try: os.write(n, b'\\xff garbage {}\\n' * 9)\n"
        "        except OSError: pass", either=True, code=-1),
    Odd("forges-a-reply", "for n in range(3, 64):\n        try: os.write(n, b'{\"kind\":\"returned\",\"results\":[],"
        "\"seconds\":1}\\n')\n        except OSError: pass", either=True, code=-1),
    Odd("floods-descriptors", "import fcntl\n    for n in range(3, 64):\n        try: os.write(n, b'x' * 40_000_000)\n"
        "        except OSError: pass", either=True, code=-1),
    Odd("replaces-stdout", "import io, sys\n    sys.stdout = io.StringIO()\n    sys.stderr = None\n    print('x')"),
    Odd("prints-much", "line = 'x' * 99_999 + '\\n'\n    for _ in range(1000): os.write(1, line.encode())"),
    Odd("prints-bytes", "os.write(1, bytes(range(256)) * 100)"),
    Odd("escapes", "print('\\x1b]0;title\\x07\\x1b[2J')"),
    Odd("deletes-logs", "import shutil\n    shutil.rmtree(ROOT / '.verify' / 'logs', ignore_errors=True)",
        either=True, code=-1),
    Odd("deletes-its-folder", "import shutil\n    shutil.rmtree(os.getcwd(), ignore_errors=True)",
        either=True, code=-1),
    Odd("leaves-its-folder", "os.chdir('/')"),
    Odd("fills-its-folder", "from pathlib import Path\n    for n in range(200): Path(f'x{n}').write_text('x' * 999)"),
    Odd("bars-its-folder", "os.mkdir('a'); open('a/b', 'w').close(); os.chmod('a', 0); os.chmod('.', 0)"),
    Odd("temporary-files", "import tempfile\n    tempfile.mkdtemp(); tempfile.mkstemp()", either=True, code=0),
    Odd("umask", "os.umask(0o777)"),
    Odd("locale", "import locale\n    locale.setlocale(locale.LC_ALL, '')"),
    Odd("decimal", "import decimal\n    decimal.getcontext().prec = 1"),
    Odd("recursion-limit", "import sys\n    sys.setrecursionlimit(80)", either=True, code=-1),
    Odd("environment", "os.environ.clear(); os.environ['OMP_NUM_THREADS'] = 'x'; os.environ['LC_ALL'] = 'xx'"),
    Odd("unset-modules", "import sys\n    sys.modules.clear()", either=True, code=-1),
    Odd("random-state", "import random\n    random.seed(1)\n    random.random = lambda: 0.5"),
    Odd("counts-batches", "global count\n    count += 1", prelude="count = 0"),
)  # fmt: skip

PATCHES = (
    Odd("patches-json", "import json\n    json.dumps = json.loads = None"),
    Odd("patches-msgspec", "import msgspec\n    msgspec.json.encode = msgspec.json.decode = None\n"
        "    msgspec.json.Encoder = None", either=True, code=-1),
    Odd("patches-os", "for name in ('write', 'read', 'getpid', 'close', 'fork'): setattr(os, name, None)",
        either=True, code=-1),
    Odd("patches-time", "time.time = time.monotonic = time.perf_counter = lambda: 0.0", either=True, code=-1),
    Odd("patches-socket", "import socket\n    socket.socket = None\n    socket.socket.__class__", either=True, code=-1),
    Odd("patches-builtins", "import builtins\n    builtins.open = builtins.len = builtins.isinstance = None",
        either=True, code=-1),
    Odd("patches-its-keeper", "import sys\n    for name, module in list(sys.modules.items()):\n"
        "        if name.startswith('verify.'): vars(module).clear()", either=True, code=-1),
    Odd("torch-settings", "import torch\n    torch.set_default_dtype(torch.float64)\n    torch.set_num_threads(7)\n"
        "    torch.manual_seed(5)\n    torch.set_grad_enabled(False)", prelude="import torch"),
    Odd("numpy-settings", "import numpy\n    numpy.seterr(all='raise')\n    numpy.random.seed(3)\n"
        "    numpy.set_printoptions(precision=1)", prelude="import numpy"),
    Odd("warnings", "import warnings\n    warnings.simplefilter('error')"),
    Odd("traces", "import sys\n    sys.settrace(lambda *_: None); sys.setprofile(lambda *_: None)"),
    Odd("hooks-audit", "import sys\n    def hook(event, given):\n        if event == 'open': raise OSError('barred')\n"
        "    sys.addaudithook(hook)", either=True, code=-1),
    Odd("no-files-left", "import resource\n    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))",
        either=True, code=-1),
    Odd("no-time-left", "import resource\n    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\n    while True: pass",
        _KILLED.format(r"\d+")),
    Odd("small-files", "import resource\n    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))", either=True, code=-1),
)  # fmt: skip

PROJECT = (
    Odd("writes-into-the-project", "(ROOT / 'docs').mkdir(exist_ok=True)\n"
        "    (ROOT / 'docs' / 'mine.txt').write_text('x')", either=True, code=-1),
    Odd("opens-undeclared", "return {'v': float(open('points.csv').read())}", r"declare|points\.csv",
        files={"points.csv": "3"}),
    Odd("opens-undeclared-by-path", "return {'v': float((ROOT / 'reviews' / 'points.csv').read_text())}",
        "declare", files={"points.csv": "3"}),
    Odd("opens-declared", "return {'v': float(open('points.csv').read())}", files={"points.csv": "3"},
        front="data: [points.csv]\n"),
    Odd("helper", "return {'v': helper.half(3)}", prelude="import helper",
        files={"helper.py": "def half(x):\n    return x / 2\n"}),
    Odd("writes-declared", "open('points.csv', 'w').write('4')", "it writes reviews/points.csv",
        files={"points.csv": "3"}, front="data: [points.csv]\n"),
)  # fmt: skip

ALL = (*ENDS, *RAISES, *LOADING, *RESULTS, *LEAVES, *TOUCHES, *PATCHES, *PROJECT)
