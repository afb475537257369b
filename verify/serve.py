"""The live site: MkDocs' own server, beside a process that keeps verdicts and figures up to date."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from verify.errors import UserErrors
from verify.project import Project
from verify.refresh import refresh

SETTLE = 0.1
"""Seconds without a further edit before a refresh: editors write a file in several steps."""


class _Changes(FileSystemEventHandler):
    """Sets `seen` when a review or evidence changes; drawings and verdicts are ours, and no reason to look again."""

    def __init__(self, seen: threading.Event) -> None:
        self._seen = seen

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("opened", "closed", "closed_no_write"):
            return
        paths = map(str, filter(None, (event.src_path, event.dest_path)))
        if any(path.endswith((".md", ".jsonl")) for path in paths):
            self._seen.set()


def serve(root: Path, address: str, say: Callable[[str], None]) -> None:
    """Serve the site of the project at `root` on `address` until interrupted."""
    seen = threading.Event()
    observer = Observer()
    evidence = root / "docs" / "evidence"
    evidence.mkdir(parents=True, exist_ok=True)
    for folder in (root / "reviews", evidence):
        observer.schedule(_Changes(seen), str(folder), recursive=True)
    _refresh(root, say)
    command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", address]
    site = subprocess.Popen(command, cwd=root)
    observer.start()
    try:
        while site.poll() is None:
            if seen.wait(timeout=0.5):
                while seen.is_set():
                    seen.clear()
                    seen.wait(timeout=SETTLE)
                _refresh(root, say)
    except KeyboardInterrupt:
        say("stopped")
    finally:
        observer.stop()
        site.terminate()
        site.wait()


def _refresh(root: Path, say: Callable[[str], None]) -> None:
    try:
        done = refresh(Project.load(root))
    except UserErrors:
        return  # the site, which was told of the same edit, lists the mistakes in the terminal and in the page
    for path in done.drawn:
        say(f"drew {path}")
