"""A project that a campaign torments: made from texts, driven as users do, and held against one left in peace."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
TRACEBACK = "Traceback (most recent call last)"
LONGEST = 150.0
"""Seconds that any one command may take, on a machine that does much else."""
Files = dict[str, bytes]


class Project:
    """A project in a folder of its own, with a temporary and a home folder of its own beside it."""

    def __init__(self, root: Path, reviews: Mapping[str, str]) -> None:
        """`reviews`: files below `reviews/`, by name."""
        self.root = root
        for folder in (root / "reviews", self.temporary, self.home):
            folder.mkdir(parents=True)
        (root / "mkdocs.yml").write_text("site_name: Campaign\n", encoding="utf-8")
        for name, text in reviews.items():
            path = root / "reviews" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")

    @property
    def temporary(self) -> Path:
        return self.root.parent / f"{self.root.name}.tmp"

    @property
    def home(self) -> Path:
        return self.root.parent / f"{self.root.name}.home"

    def start(
        self, *arguments: str, fault: Mapping[str, Any] | None = None, prepare: Callable[[], None] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command, with a fault of `tests.campaign.inside` built in; `prepare` is called in its process."""
        environment = {
            **os.environ, "TMPDIR": str(self.temporary), "HOME": str(self.home), "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(REPOSITORY), "VERIFY_CAMPAIGN": json.dumps(fault or {}),
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.campaign.inside", *arguments]
        return subprocess.Popen(
            command, cwd=self.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True, env=environment, preexec_fn=prepare,
        )  # fmt: skip

    def command(self, *arguments: str, **options: Any) -> tuple[int, str]:
        """Exit code and output of a command; `LONGEST` is an end like a kill, and said in the output."""
        return ended(self.start(*arguments, **options))

    def remove(self) -> None:
        for folder in (self.root, self.temporary, self.home):
            shutil.rmtree(folder, ignore_errors=True)

    # What is there

    def published(self) -> dict[str, str]:
        """Everything in `docs/evidence`, as it is compared: without what legitimately differs between two runs.

        That is: the `seconds` of a trial, and the day `on` which a test was registered.  All else must be equal to the
        byte: names, values, order, environments, code, what was registered, verdicts, drawings and specifications.
        """
        folder = self.root / "docs" / "evidence"
        return {
            path.relative_to(folder).as_posix(): _comparable(path)
            for path in sorted(folder.glob("**/*"))
            if path.is_file()
        }

    def results(self) -> dict[str, str]:
        """Per journal and trial its line; of several the last."""
        return dict(self._journalled())

    def repeated(self) -> list[str]:
        """Trials of which a journal holds more than one result."""
        return [name for name, count in Counter(name for name, _ in self._journalled()).items() if count > 1]

    def _journalled(self) -> Iterator[tuple[str, str]]:
        for path in sorted((self.root / ".verify" / "journal").glob("*/*.jsonl")):
            text = path.read_bytes().decode()
            for line in text[: text.rfind("\n") + 1].splitlines():
                if line.startswith('{"trial"'):
                    yield f"{path.parent.name}/{path.name} {json.loads(line)['trial']['fingerprint']}", line

    def torn(self) -> Iterator[str]:
        """Files of the evidence that are neither absent nor whole."""
        for path in sorted((self.root / "docs" / "evidence").glob("*/*")):
            if path.name.startswith("."):  # a temporary file: nobody reads it
                continue
            try:
                _parse(path)
            except (ValueError, ElementTree.ParseError) as error:
                yield f"{path.name} is torn: {error}"

    def files(self) -> set[str]:
        """All files and empty folders, but those of the home folder and what Python itself tries a folder with."""
        found = {
            path.relative_to(self.root).as_posix()
            for path in self.root.glob("**/*")
            if not path.is_dir() or not any(path.iterdir())
        }
        temporary = {path for path in self.temporary.glob("**/*") if not _is_probe(path)}
        return found | {f"TMPDIR/{path.relative_to(self.temporary)}" for path in temporary}


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and output of a command that was started."""
    try:
        output, _ = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        output += f"\nit did not end within {LONGEST:g} s"
    return process.returncode, output


def _is_probe(path: Path) -> bool:
    """Whether `tempfile` wrote it to see that the folder takes files, and was killed before it could remove it."""
    return (
        re.fullmatch(r"[a-z0-9_]{8}", path.name) is not None and path.is_file() and path.read_bytes() in (b"", b"blat")
    )


def _parse(path: Path) -> None:
    content = path.read_bytes()
    if path.suffix == ".jsonl":
        if not content.endswith(b"\n"):
            raise ValueError("its last line does not end")
        for line in content.splitlines():
            json.loads(line)
    elif path.suffix == ".json":
        json.loads(content)
    elif path.suffix == ".svg":
        ElementTree.fromstring(content)


def _comparable(path: Path) -> str:
    if path.suffix != ".jsonl":
        content = path.read_text(encoding="utf-8", errors="replace")
        if path.name == "verdicts.json":  # inputs and seal are hashes of the evidence, its seconds included
            kept = {name: value for name, value in json.loads(content).items() if name in ("verdicts", "undrawn")}
            return json.dumps(kept, indent=1)
        return content
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, content = next(iter(json.loads(line).items()))
        for name in {"trial": ("seconds",), "registered": ("on",)}.get(kind, ()):
            content.pop(name)
        lines.append(json.dumps({kind: content}))
    return "\n".join(lines)


def difference(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """The first difference of two `published`, in a line; empty where there is none."""
    for name in sorted({*found, *expected}):
        if name not in found or name not in expected:
            return f"{name} is {'missing' if name not in found else 'there, and should not be'}"
        if found[name] != expected[name]:
            pairs = zip(found[name].splitlines(), expected[name].splitlines(), strict=False)
            here, there = next(((a, b) for a, b in pairs if a != b), ("a different number of lines", ""))
            return f"{name} differs: {here[:300]} | in peace: {there[:300]}"
    return ""
