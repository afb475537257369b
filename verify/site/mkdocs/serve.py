"""The live site: MkDocs' own server, told by a process that keeps verdicts and figures up to date when to build.

One edit is one build: it waits for the verdicts and drawings that follow from the edit, and these are no reason for
another.  What a run writes under `.verify/` is none either.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from verify.errors import UserErrors
from verify.project.project import Project
from verify.project.refresh import refresh

LIVE = "VERIFY_LIVE"
"""Names, for the site's plugin, the file that changes when it is time to build."""
SETTLE = 0.05
"""Seconds without a further edit before a refresh: editors write a file in several steps."""


class _Changes(FileSystemEventHandler):
    """Sets `seen` when a file with one of the given endings changes."""

    def __init__(self, seen: threading.Event, *endings: str) -> None:
        self._seen = seen
        self._endings = endings

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.is_directory or event.event_type in ("opened", "closed", "closed_no_write"):
            return
        if any(str(path).endswith(self._endings) for path in (event.src_path, event.dest_path) if path):
            self._seen.set()


def serve(root: Path, address: str, say: Callable[[str], None]) -> None:
    """Serve the site of the project at `root` on `address` until interrupted."""
    seen = threading.Event()
    observer = Observer()
    evidence = root / "docs" / "evidence"
    evidence.mkdir(parents=True, exist_ok=True)
    observer.schedule(_Changes(seen, ""), str(root / "reviews"), recursive=True)
    observer.schedule(_Changes(seen, ".jsonl"), str(evidence), recursive=True)
    _refresh(root, say)
    threading.Thread(target=_warm_up, daemon=True).start()
    command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", address]
    with tempfile.NamedTemporaryFile(prefix="verify-live-") as due:
        site = subprocess.Popen(command, cwd=root, env={**os.environ, LIVE: due.name})
        observer.start()
        try:
            while site.poll() is None:
                if seen.wait(timeout=0.5):
                    while seen.is_set():
                        seen.clear()
                        seen.wait(timeout=SETTLE)
                    _refresh(root, say)
                    os.utime(due.name)
        except KeyboardInterrupt:
            say("stopped")
        finally:
            observer.stop()
            site.terminate()
            site.wait()


def _warm_up() -> None:
    """Load what judging and drawing need before the first edit asks for it."""
    from verify.drawing import figures  # the latter for statistics

    figures.draw({"data": {"values": []}, "mark": "point"}, "warm")


def _refresh(root: Path, say: Callable[[str], None]) -> None:
    try:
        done = refresh(Project.load(root))
    except UserErrors:
        return  # the site, which was told of the same edit, lists the mistakes in the terminal and in the page
    for path in done.drawn:
        say(f"drew {path}")
