"""What is asked of the system: the cores that may be used, and git."""

from __future__ import annotations

import os
from pathlib import Path

from verify.errors import reason

_PATIENCE = 30
"""Seconds that git may take."""


class GitSilent(Exception):
    """Git gave no answer; the text says why."""


class GitMissing(GitSilent):
    """There is no git here that runs."""


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def git(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What git answers in the folder `root`, `given` its standard input.

    Raises:
        GitSilent: it does not answer.
    """
    import subprocess  # a run with nothing to do asks git nothing

    # What is not here is not fetched: to be asked of a stranger's repository must start nothing that it names.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, env=environment, input=given, capture_output=True, check=False,
            timeout=_PATIENCE,
        )  # fmt: skip
    except FileNotFoundError:
        raise GitMissing("git is not installed") from None
    except OSError as error:
        raise GitMissing(f"git does not run: {reason(error)}") from None
    except subprocess.TimeoutExpired:
        raise GitSilent("git does not answer") from None
    if done.returncode != 0:
        first = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it gives no reason"]
        raise GitSilent(f"git says: {first[0].removeprefix('fatal: ').partition(' (')[0]}")
    return done.stdout
