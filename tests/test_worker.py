"""One batch in a worker: what an experiment may return, and what its mistakes look like."""

from __future__ import annotations

import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.batches import PATH, task
from verify.lab import batch, facts, opened
from verify.messages import Failed, Loaded, Result, Returned

WATCH = opened.Watch()
Run = Callable[..., Returned | Failed]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A batch of the fences `code` in this process; `told` gets what is said on the way."""
    (tmp_path / "reviews").mkdir()

    def run(code: str | None, told: list[Loaded] | None = None, **changes: Any) -> Returned | Failed:
        said: list[Loaded] = []
        return batch.run(task(tmp_path, code, **changes), WATCH, (said if told is None else told).append)

    return run


def results(reply: Returned | Failed) -> tuple[Result, ...]:
    assert isinstance(reply, Returned), reply
    return reply.results


def error(reply: Returned | Failed) -> str:
    assert isinstance(reply, Failed), reply
    return reply.error


def test_the_plain_form_is_called_once_a_trial(run: Run) -> None:
    code = "def f(seed, device, *, a): return {'x': seed + a, 'curve': [1, 2.5], 'data': 'abc'}"
    told: list[Loaded] = []
    reply = run(code, told, parameters=({"a": 1}, {"a": 5}))
    assert results(reply) == (
        Result({"x": 1.0, "curve": (1.0, 2.5)}, "abc", False),
        Result({"x": 6.0, "curve": (1.0, 2.5)}, "abc", False),
    )
    assert isinstance(reply, Returned)
    assert reply.seconds >= 0
    assert told == [Loaded()]


def test_the_batched_form_gets_lists_of_what_rides_and_one_of_what_is_shared(run: Run) -> None:
    code = (
        "def f(seeds, device, *, lr, width, depth=2): return [{'x': s * l * width * depth} for s, l in zip(seeds, lr)]"
    )
    reply = run(code, parameters=({"lr": 0.5, "width": 3}, {"lr": 2.0, "width": 3}), batched=True, batch_axes=("lr",))
    assert [each.values for each in results(reply)] == [{"x": 0.0}, {"x": 12.0}]


def test_numbers_of_every_library_are_taken_as_numbers(run: Run) -> None:
    code = """
        import numpy as np, torch
        class Name(str): pass
        class Real(float): pass
        def f(seed, device):
            return {"a": np.float32(1.5), "b": np.arange(3), "c": True, "d": torch.tensor(2.5), "e": np.array(7),
                    "f": torch.ones(2, dtype=torch.bfloat16), "g": np.bool_(True), Name("h"): Real(0.5), "i": 10**300}
    """
    (found,) = results(run(code))
    assert found.values == {
        "a": 1.5, "b": (0.0, 1.0, 2.0), "c": 1.0, "d": 2.5, "e": 7.0, "f": (1.0, 1.0), "g": 1.0, "h": 0.5, "i": 1e300,
    }  # fmt: skip
    assert all(type(name) is str for name in found.values)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Result) == found


def test_divergence_takes_the_declared_value_from_where_it_begins(run: Run) -> None:
    code = (
        "def f(seed, device): return {'loss': [1.0, float('nan'), 3.0], 'error': float('inf'), 'other': float('nan')}"
    )
    (found,) = results(run(code, diverged={"loss": 9.0, "error": 0.9}))
    assert found.diverged
    assert found.values == {"loss": (1.0, 9.0, 9.0), "error": 0.9}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("None", "returns a dict of numbers and curves, not NoneType"),
        ("{}", "returns a dict"),
        ("{1: 2}", "a value's name must be a string, not 1"),
        ("{'a': 'text'}", "'a' must be a number or a list of numbers, not str"),
        ("{'a': 'x' * 5_000_000}", "'a' must be a number or a list of numbers, not str"),
        ("{'a': 1j}", "'a' must be a number or a list of numbers, not complex"),
        ("{'a': [[1]]}", "'a' must be a number or a list of numbers, not list"),
        ("{'a': [0] * 101}", "curve 'a' has 101 points: 1 to 100 can be recorded"),
        ("{'a': []}", "curve 'a' has 0 points"),
        ("{'a': 10**400}", "'a' is a whole number beyond what a float can hold"),
        ("{'a': [10**400]}", "'a' is a whole number beyond what a float can hold"),
        ("{f'm{i}': i for i in range(200_000)}", "200,000 values: at most 1,000 a trial can be recorded"),
        ("{'n' * 201: 1}", "the name 'nnnnnnnnnnnnnnnnnnnn…' has 201 characters: at most 200 can be recorded"),
        ("{'\\ud800': 1}", "the name '\\ud800' holds a character that cannot be printed"),
        ("{'a\\n': 1}", "the name 'a\\n' holds a character that cannot be printed"),
        ("{'a': 1, 'data': 'x' * 5_000_000}", "'data' must be the SHA-256 of what the trial saw, as text"),
        ("{'a': 1, 'data': 7}", "'data' must be the SHA-256 of what the trial saw, as text"),
    ],
)
def test_a_result_that_cannot_be_recorded(returned: str, message: str, run: Run) -> None:
    said = error(run(f"def f(seed, device): return {returned}"))
    assert said.startswith("WrongResult: ")
    assert message in said


def test_a_batch_must_return_a_dict_for_each_trial(run: Run) -> None:
    said = error(run("def f(seeds, device): return [{'a': 1}]", parameters=({}, {}), batched=True))
    assert "f must return a list with one dict a trial: 2, not 1" in said
    assert "not dict" in error(run("def f(seeds, device): return {'a': 1}", batched=True))


def test_a_batch_that_needs_too_much_memory_is_cut(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    code = """
        from verify.lab.memory import TooLarge
        def f(seeds, device, *, a, b):
            if len(seeds) > 3:
                raise TooLarge(9e9, 4e9, 3)
            return [{'a': each, 'b': b, 'mates': len(seeds)} for each in a]
        """
    parameters = tuple({"a": each, "b": 2} for each in range(8))
    found = results(run(code, parameters=parameters, batched=True, batch_axes=("a",)))
    assert [each.values["a"] for each in found] == list(range(8))
    assert [each.values["mates"] for each in found] == [2, 2, 3, 3, 3, 3, 3, 3]
    assert "a batch of 8 needs 9.0 GB of memory, and may use 4.0: cut into 3" in capfd.readouterr().err
    assert "TooLarge: needs 9.0 GB" in error(
        run(code.replace("> 3", "> 0"), parameters=parameters, batched=True, batch_axes=("a",))
    )


def test_an_error_names_the_reviews_own_line_and_its_traceback_shows_it(
    run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "\n\n\ndef f(seed, device):\n    print('about to fail')\n    return {'a': 1 / seed}\n"
    assert error(run(code)) == "reviews/coin.md:6: ZeroDivisionError: division by zero"
    out, err = capfd.readouterr()
    assert "about to fail" in out
    assert 'File "reviews/coin.md", line 6, in f' in err
    assert "return {'a': 1 / seed}" in err, "the traceback shows the source line"
    assert "batch.py" not in err, "our own frames are left out"


def test_the_source_of_a_fence_is_what_stands_in_the_review(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    """Libraries that compile an experiment anew read it so; lines end as Python has it, at LF alone."""
    odd = "X = 'a\u2028b\x0cc'\n"
    code = odd + "import inspect\ndef f(seed, device):\n    print(inspect.getsource(f))\n    return {'a': 1}"
    assert results(run(code))
    assert capfd.readouterr().out.startswith("def f(seed, device):\n")


def test_a_fence_is_compiled_as_a_file_of_its_own(run: Run) -> None:
    code = "def g(x: int): ...\ndef f(seed, device): return {'a': g.__annotations__['x'] is int}"
    assert results(run(code))[0].values == {"a": 1.0}


def test_an_error_deep_in_a_library_names_the_reviews_line(run: Run) -> None:
    code = "import json\ndef f(seed, device):\n    return json.loads('{')"
    assert error(run(code)).startswith("reviews/coin.md:3: JSONDecodeError")


ODD = """
class Odd(Exception):
    def __str__(self): raise SystemExit("odd")
class Text(Exception):
    def __str__(self): return 7
def recur(n): return recur(n + 1)
def shallow():
    import sys
    sys.setrecursionlimit(80)
    raise ValueError("shallow")
"""


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise BaseException('base')", "BaseException: base"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise Odd", "Odd: (its text cannot be had: SystemExit)"),
        ("raise Text", "Text: (its text cannot be had: TypeError)"),
        ("raise ValueError('\\ud800')", "ValueError: \\ud800"),
        ("raise ValueError('x' * 5_000_000)", "ValueError: " + "x" * 300),
        ("recur(0)", "RecursionError: maximum recursion depth exceeded"),
        ("raise ExceptionGroup('several', [ValueError(1)])", "ExceptionGroup: several (1 sub-exception)"),
        ("raise MemoryError", "MemoryError"),
    ],
)
def test_whatever_is_raised_is_one_line(statement: str, message: str, run: Run) -> None:
    said = error(run(f"{ODD}\ndef f(seed, device): {statement}"))
    assert said.startswith("reviews/coin.md:")
    assert message in said
    assert len(said) < 400
    msgspec.json.encode(said)


def test_a_recursion_limit_that_leaves_no_room_costs_the_message_nothing(run: Run) -> None:
    limit = sys.getrecursionlimit()
    code = "import sys\ndef f(seed, device):\n    sys.setrecursionlimit(len(__import__('inspect').stack()) + 10)\n    raise ValueError('low')"  # noqa: E501
    try:
        assert error(run(code)) == "reviews/coin.md:4: ValueError: low"
    finally:
        sys.setrecursionlimit(limit)


def failed_to_load(reply: Returned | Failed) -> tuple[str, str, int]:
    assert isinstance(reply, Failed)
    assert reply.when == "loading"
    return reply.error, reply.file, reply.line


def test_a_module_that_cannot_be_loaded_names_the_place_where_its_import_failed(run: Run) -> None:
    told: list[Loaded] = []
    missing = run("\nimport json\nimport nothing_like_it\ndef f(seed, device): ...", told)
    assert failed_to_load(missing) == ("ModuleNotFoundError: No module named 'nothing_like_it'", PATH, 3)
    assert not told
    assert failed_to_load(run("\n\nx = 1 / 0")) == ("ZeroDivisionError: division by zero", PATH, 3)
    assert failed_to_load(run("\n\nx = = 1"))[1:] == (PATH, 3)
    assert failed_to_load(run("def g(seed, device): ..."))[0] == "AttributeError: module 'review' has no attribute 'f'"
    assert failed_to_load(run(None, module="verify.experiments.nothing"))[0].startswith("ModuleNotFoundError")


def test_a_helper_that_fails_names_the_review_that_imports_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "reviews" / "broken_helper.py").write_text("import json\n\njson.loads('{')\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path / "reviews"))
        reply = run("\nfrom broken_helper import x\n")
    said, file, line = failed_to_load(reply)
    assert said.startswith("JSONDecodeError")
    assert (file, line) == (PATH, 2)


def opening(what: str) -> str:
    code = "from pathlib import Path\nHERE = Path(__file__).parent\ndef f(seed, device):\n"
    return code + textwrap.indent(what, "    ") + "\n    return {'x': 1}\n"


@pytest.mark.parametrize(
    "what",
    [
        "open(HERE / 'points.csv')",
        "open(bytes(HERE / 'points.csv'))",
        "import os; os.close(os.open(HERE / 'points.csv', os.O_RDONLY))",
        "import numpy; numpy.loadtxt(HERE / 'points.csv')",
        "try: open(HERE / 'points.csv')\nexcept Exception: pass",
    ],
)
def test_an_undeclared_file_is_an_error_that_says_how_to_declare_it(what: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "reviews" / "points.csv").write_text("1\n2\n")
    said = error(run(opening(what)))
    assert "it opens reviews/points.csv, which the review does not declare: `data: [points.csv]`" in said
    assert results(run(opening("open(HERE / 'points.csv').close()"), data=("points.csv",)))


def test_a_file_of_the_project_is_named_from_the_review(run: Run, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("x")
    said = error(run(opening("open(HERE.parent / 'README.md')")))
    assert (
        "it opens README.md, which the review does not declare: copy it beside the review, `data: [README.md]`" in said
    )


def test_nothing_is_written_into_the_project(run: Run, tmp_path: Path) -> None:
    said = error(run(opening("open(HERE / 'new.txt', 'w')")))
    assert "it writes reviews/new.txt into the project: write into the folder that it starts in" in said
    assert not (tmp_path / "reviews" / "new.txt").exists()


def test_modules_caches_and_what_lies_elsewhere_may_be_opened(
    run: Run, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in (".cache/a", ".verify/b", "own/c"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "d"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERIFY_CACHE", str(tmp_path / "own"))
        for name in (".cache/a", ".verify/b", "own/c"):
            assert results(run(opening(f"open(HERE.parent / '{name}').close()")))
    assert results(run(opening(f"open({str(elsewhere)!r}, 'w').close()")))
    assert "own/c" in error(run(opening("open(HERE.parent / 'own/c')")))


@pytest.fixture
def as_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an experiment sets here is afterwards as it was; a worker's state does that for itself."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "helper", raising=False)
    for module, hook in ((sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, hook, getattr(module, hook))


@pytest.mark.usefixtures("as_found")
def test_a_module_is_opened_by_what_imports_it_or_shows_it_and_else_it_is_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "reviews" / "helper.py").write_text("def fail(): raise ValueError('in a helper')\n")
    (tmp_path / "reviews" / "points.py").write_text("5\n")
    showing = """
        import linecache, sys
        sys.path.insert(0, str(HERE))
        import helper
        try:
            helper.fail()
        except ValueError:
            sys.__excepthook__(*sys.exc_info())
        assert "raise" in linecache.getline(helper.__file__, 1)
    """
    assert results(run(opening(textwrap.dedent(showing))))
    for how in (
        "open(HERE / 'points.py')",
        "(HERE / 'points.py').read_text()",
        "compile(open(HERE / 'points.py').read(), '', 'exec')",
    ):
        assert "it opens reviews/points.py, which the review does not declare" in error(run(opening(how)))


@pytest.mark.usefixtures("as_found")
def test_data_that_a_loader_reads_beside_a_module_is_a_file_like_any_other(run: Run, tmp_path: Path) -> None:
    (tmp_path / "reviews" / "helper").mkdir()
    (tmp_path / "reviews" / "helper" / "__init__.py").write_text("")
    (tmp_path / "reviews" / "helper" / "points.csv").write_text("1\n")
    how = "import pkgutil, sys\nsys.path.insert(0, str(HERE))\npkgutil.get_data('helper', 'points.csv')"
    assert "it opens reviews/helper/points.csv, which the review does not declare" in error(run(opening(how)))


@pytest.mark.usefixtures("as_found")
def test_what_prints_a_traceback_may_open_the_review(run: Run, tmp_path: Path) -> None:
    (tmp_path / "reviews" / "coin.md").write_text("raise ValueError\n")
    code = """
        import sys, threading
        def g(): raise ValueError('in a thread')
        class Odd:
            def __del__(self): raise ValueError('at its end')
        def f(seed, device):
            sys.path.insert(0, {folder!r})
            sys.unraisablehook, threading.excepthook = sys.__unraisablehook__, threading.__excepthook__
            thread = threading.Thread(target=g)
            thread.start()
            thread.join()
            Odd()
            return {{"x": 1}}
    """
    assert results(run(textwrap.dedent(code).format(folder=str(tmp_path / "reviews"))))


def test_temporary_files_may_lie_below_the_project(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    made = "TemporaryFile() as a, tempfile.NamedTemporaryFile() as b, tempfile.TemporaryDirectory() as c"
    assert results(run(opening(f"import tempfile\nwith tempfile.{made}: open(c + '/d', 'w').close()")))


def test_a_file_that_lies_beside_the_review_but_is_not_declared_is_hinted_at(run: Run, tmp_path: Path) -> None:
    (tmp_path / "reviews" / "points.csv").write_text("1\n")
    said = error(run("def f(seed, device): open('points.csv')"))
    assert said.endswith("; it lies beside the review: declare it, `data: [points.csv]`")
    assert "lies beside" not in error(run("def f(seed, device): open('others.csv')"))


def test_the_environment_names_device_machine_and_versions() -> None:
    found = facts.describe("auto", torch=True)
    assert found.device in ("cpu", "cuda", "mps")
    assert found.machine
    assert {"python", "numpy", "torch"} <= set(found.versions)
    assert "+" not in found.versions["torch"]


def test_what_needs_no_torch_runs_on_a_processor_and_names_none(run: Run) -> None:
    found = facts.describe("auto", torch=False)
    assert found.device == "cpu"
    assert "torch" not in found.versions
    with pytest.raises(ValueError, match="device 'cuda' is for experiments that use torch, and none does"):
        facts.describe("cuda", torch=False)
    reply = run("def f(seed, device): return {'x': 1}", packages=("msgspec", "not-installed-at-all"))
    assert isinstance(reply, Returned)
    assert set(reply.environment.versions) == {"python", "numpy", "scipy", "msgspec"}
