"""Starting up stays light: what each step may load is pinned here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import Mini

HEAVY = {
    "torch", "numpy", "scipy", "matplotlib", "mkdocs", "vl_convert", "jinja2", "rich", "yaml", "markdown_it",
    "multiprocessing", "asyncio", "filelock", "jupytext", "nbclient",
}  # fmt: skip


def loaded(code: str, cwd: str = ".") -> set[str]:
    """Top-level names of the modules that `code` loads."""
    code += "\nimport json, sys\nprint('\\n' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_command_line_loads_click_and_msgspec_only() -> None:
    found = loaded("import verify.cli")
    assert not found & HEAVY
    assert {"click", "msgspec"} <= found


@pytest.mark.parametrize("command", ["run", "status", "verdicts"])
def test_a_command_with_nothing_to_do_loads_nothing_heavy(ran: Mini, command: str) -> None:
    code = f"from verify.cli import main\nmain(['{command}'], standalone_mode=False)"
    ran.verify(command)
    assert not loaded(code, str(ran.root)) & HEAVY


def test_a_refresh_with_nothing_to_do_does_not_load_statistics_or_charts(ran: Mini) -> None:
    code = "from verify.cli import main\nmain(['refresh'], standalone_mode=False)"
    assert not loaded(code, str(ran.root)) & HEAVY


def test_torch_is_never_loaded_by_the_process_that_runs_trials(mini: Mini) -> None:
    code = "from verify.cli import main\nmain(['run'], standalone_mode=False)"
    found = loaded(code, str(mini.root))
    assert "torch" not in found
    assert mini.evidence.exists()
