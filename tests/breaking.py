"""Inputs broken in a thousand ways: whatever a file holds, a command ends with a message, and none with a traceback.

    python -m tests.breaking --count 50000 --seed 1

breaks one file of a small project after another, looks at it as the commands do, and puts it back.  Most are read by
the functions that read such a file, a few by whole commands, which take a hundred times as long.  Each mutation has a
number; `--only` repeats that one.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from click.testing import CliRunner
from msgspec import Struct

from tests import miniature
from verify import report
from verify.cli import main
from verify.errors import UserError, UserErrors
from verify.format import bindings, reviews
from verify.planning import catalogue
from verify.project import loading
from verify.project.project import Project
from verify.running import notebooks
from verify.site import viewing

KINDS = ("reviews", "bindings", "evidence", "journal", "verdicts", "caches", "notebooks")
COMMANDS: dict[str, tuple[str, ...]] = {
    "check": ("check",),
    "status": ("status",),
    "verdicts": ("verdicts",),
    "run": ("run", "--dry-run", "--explain"),
    "missing": ("run", "--dry-run", "--missing", "--scale", "small"),
    "refresh": ("refresh",),
    "export": ("export", "{out}"),
}
ONE_IN = 25
"""So many mutations are read by the functions alone for one that goes through whole commands."""
LIMIT = 60
"""Seconds after which a look at a file hangs."""

NASTY = (
    b"", b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\x85", "\u2028".encode(), b"\x1b[31m",
    b"{", b"[", b"]", b"}", b'"', b"'", b"\\", b":", b"- ", b"#", b"&a ", b"*a", b"!!x ", b"<<: ", b"|", b">", b"%",
    b"@", b"---\n", b"+++\n", b"```\n", b"```yaml verify\n", b"```python verify\n", b"~~~\n", b"$$", b"$", b"`", b"{{",
    b"}}", b"[@", b"<!--", b"<script>", b"![](", b"[^1]: ", b"| - |\n", b"\t", b" " * 50, b"null", b"true", b".nan",
    b"-.inf", b"1e400", b"-0", b"9" * 400, b"0x7fffffffffffffff", b"{}", b"[]", b"[" * 2000, b'{"a":' * 2000,
    b"> " * 500, b"- " * 500, b"(" * 3000, b"x" * 30_000, b"<<<<<<< HEAD\n", b"=======\n", b">>>>>>> other\n",
    b"../../etc/passwd", "\U0001f600".encode(), "é".encode("latin-1"), b"\\ud800", b"NaN", b"Infinity",
)  # fmt: skip
VALUES = (
    "null", "true", "false", "0", "-1", "1.5", "1e400", "-1e400", "NaN", "1e308", "5e-324", "1" * 30, '""', '"x"',
    '"\\u0000"', '"\\ud800"', '"\\u001b[2J"', "[]", "{}", "[null]", '{"a":1}', "[" * 300 + "]" * 300,
    '"' + "y" * 20_000 + '"', '"../x"', '"full"', "2", "99", "[1,2,3]", "[1e308,-1e308]", "[" + "0," * 5000 + "0]",
    '"2026-02-30"', "<", "",
)  # fmt: skip
"""As JSON, some of it wrong."""
_TOKEN = re.compile(rb"\w+|\s+|.", re.DOTALL)


class Report(Struct):
    """What `run` did."""

    kind: str
    tried: int
    faults: list[str]
    """One a line: the number of the mutation, the file, what was done to it, what looked at it, what came of it."""


class _Hang(BaseException):
    """Nothing catches it but the loop below."""


# What is done to a file


def _flip(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _cut(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice((1, 2, 10, 100, 10_000)) :]


def _truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def _insert(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(NASTY) + data[at:]


def _overwrite(rng: random.Random, data: bytes) -> bytes:
    found = list(_TOKEN.finditer(data))
    token, nasty = rng.choice(found), rng.choice((*NASTY, *(each.encode() for each in VALUES), rng.choice(found)[0]))
    return data[: token.start()] + nasty + data[token.end() :]


def _whole(rng: random.Random, data: bytes) -> bytes:
    nasty = rng.choice(NASTY)
    return rng.choice(
        (nasty, nasty * 100, data * 2, data.replace(b"\n", b"\r\n"), data.decode("latin-1").encode("utf-16"))
    )


def _lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(6)
    if how == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif how == 1:
        lines.insert(other, lines[one])
    elif how == 2:
        del lines[one]
    elif how == 3:
        lines[one] = b" " * rng.randrange(5) + lines[one]
    elif how == 4:
        lines[one:one] = [b"<<<<<<< HEAD", lines[one], b"=======", lines[other], b">>>>>>> other"]
    else:
        lines[one] = rng.choice(NASTY)
    return b"\n".join(lines)


def _json(rng: random.Random, data: bytes) -> bytes:
    """Change a value, a key or a type in a line of JSON, or in all where that is one value."""
    try:
        return _json_changed(rng, data)
    except RecursionError:  # an earlier change nested it as deeply as Python reads, or deeper
        return _insert(rng, data)


def _json_changed(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n") if data.count(b"\n{") else [data]
    number = rng.randrange(len(lines))
    try:
        value = json.loads(lines[number])
    except ValueError:
        return _insert(rng, data)
    raw = {f"@{place}@": each for place, each in enumerate(VALUES)}
    holder = {"": value}
    spots = list(_spots(holder))
    container, key = rng.choice(spots)
    how = rng.randrange(4)
    if how == 0 and container is not holder:
        del container[key]
    elif how == 1 and isinstance(container, dict) and container is not holder:
        container[rng.choice(("", "x", key.upper(), "\0", "é"))] = container.pop(key)
    elif how == 2:
        other, name = rng.choice(spots)
        container[key] = json.loads(json.dumps(other[name]))
    else:
        container[key] = rng.choice(list(raw))
    text = json.dumps(holder[""], ensure_ascii=rng.random() < 0.5, separators=(",", ":"))
    lines[number] = re.sub('"(@[0-9]+@)"', lambda found: raw[found[1]], text).encode("utf-8", "surrogatepass")
    return b"\n".join(lines)


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value of JSON, with what holds it."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _spots(value[key])


BYTES = (_flip, _cut, _truncate, _insert, _overwrite, _lines, _whole)
_ODD = ("folder", "full folder", "pipe", "socket", "dangling", "loop", "device", "missing", "unreadable")


def _replace(path: Path, kind: str) -> None:
    """Put something that is no file in a file's place."""
    path.unlink()
    if kind in ("folder", "full folder"):
        path.mkdir()
        if kind == "full folder":
            (path / "x").write_text("x", encoding="utf-8")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # its whole path may be longer than a socket's can be
        try:
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(path.name)
        finally:
            os.chdir(here)
    elif kind == "unreadable":
        path.write_bytes(b"")
        path.chmod(0)  # of no use where root runs the tests: then it is empty
    elif kind != "missing":
        path.symlink_to({"dangling": "nowhere", "loop": path.name, "device": "/dev/null"}[kind])


# What looks at it


class Bench:
    """A small project whose files are broken one at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.out = root.with_name(f"{root.name}-out")
        self._prepare()
        self.parsed = loading.load(root)[0]
        self.known = catalogue.read_project()[0]
        self.kept = {path: path.read_bytes() for path in self._all()}
        self.usual = {name: self.command(name) for name in COMMANDS}
        self.restore()

    def _prepare(self) -> None:
        self.root.mkdir()
        miniature.make(self.root)
        for path in sorted((self.root / "docs" / "evidence" / "coin").glob("*.jsonl")):
            journal = self.root / ".verify" / "journal" / "coin" / path.name
            journal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, journal)
        source, result = self.root / "reviews/notebooks/coin.py", self.root / "docs/notebooks/coin.ipynb"
        source.parent.mkdir()
        result.parent.mkdir()
        source.write_text("# %%\n1 + 1\n", encoding="utf-8")
        key = notebooks.Notebook("coin", source, result).key
        result.write_text(json.dumps(_NOTEBOOK | {"metadata": {"verify": {"source": key}}}), encoding="utf-8")
        dice = self.root / "reviews" / "dice.md"
        dice.write_text(dice.read_text(encoding="utf-8").replace("Sixes:", "$x^2$ Sixes:"), encoding="utf-8")
        for name in ("refresh", "export"):
            self.command(name)

    def _all(self) -> Iterator[Path]:
        for folder in ("docs", "reviews", ".verify"):
            yield from (path for path in sorted((self.root / folder).rglob("*")) if path.is_file())

    def files(self, kind: str) -> list[Path]:
        """What is broken of a kind."""
        patterns = {
            "reviews": "reviews/*.md", "bindings": "reviews/*.md", "evidence": "docs/evidence/*/*.jsonl",
            "journal": ".verify/journal/*/*.jsonl", "verdicts": "docs/evidence/coin/verdicts.json",
            "caches": ".verify/cache/*.json", "notebooks": "docs/notebooks/*.ipynb",
        }  # fmt: skip
        return sorted(path for path in self.kept if path.match(str(self.root / patterns[kind])))

    def restore(self) -> None:
        """Put everything back as it was."""
        for folder in ("docs", "reviews", ".verify"):
            for path in sorted((self.root / folder).rglob("*"), reverse=True):
                if path not in self.kept and (path.is_symlink() or not path.is_dir()):
                    path.unlink()
        for path in self.kept:
            self.put_back(path)

    def put_back(self, path: Path) -> None:
        """One file, whatever is in its place."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_symlink() or (path.exists() and not path.is_file()):
            path.unlink()
        elif path.is_file() and path.stat().st_mode & 0o400 and path.read_bytes() == self.kept[path]:
            return
        else:
            path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.kept[path])

    def command(self, name: str) -> tuple[int, str]:
        """Exit code and output of a command; anything that it raises besides."""
        options = [each.format(out=self.out) for each in COMMANDS[name]]
        try:
            done = CliRunner().invoke(main, ["--project", str(self.root), *options])
        finally:
            gc.unfreeze()  # a command freezes all there is, since a process ends with it
            shutil.rmtree(self.out, ignore_errors=True)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    def commands(self, kind: str, rng: random.Random) -> str:
        """Look through one whole command; what is wrong with how it ended."""
        name = rng.choice(list(COMMANDS))
        code, output = self.command(name)
        if code not in (0, 1, 2):
            return f"`{name}` ended with {code}"
        if "Traceback" in output:
            return f"`{name}` printed a traceback"
        if code == 2 and not output.strip():
            return f"`{name}` ended with 2 and said nothing"
        if kind == "caches" and (code, output) != self.usual[name]:
            return f"`{name}` says something else over a broken cache: {output[:300]}"
        return ""

    def parse(self, path: Path) -> None:
        """Read a review as every command does; and its prose, where it is one."""
        if not path.is_file() or path.is_symlink():
            return
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            return
        review, _ = reviews.parse(f"reviews/{path.name}", text, self.known, catalogue.read_source)
        if review is not None:
            bindings.find(review)

    def read(self, _: Path) -> None:
        """Read records and verdicts as commands and pages do."""
        project = Project(self.root, self.parsed)
        for review in project.reviews:
            if not project.troubles(review.slug):
                list(report.status(project, [(review.slug, None)]))
                viewing.view(project, review)

    def load(self, _: Path) -> None:
        """Read the caches."""
        found, wrong = loading.load(self.root)
        assert len(found) == len(self.parsed), "a review is lost"
        assert not wrong, wrong

    def notebooks(self, _: Path) -> None:
        list(notebooks.mistakes(Project(self.root, self.parsed)))


_NOTEBOOK: dict[str, Any] = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# A notebook"]},
        {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": 1, "source": "1 + 1", "outputs": []},
    ],
    "nbformat": 4,
    "nbformat_minor": 5,
}


def _broken(path: Path, kind: str, rng: random.Random) -> str:
    """Break a file; what was done."""
    data = path.read_bytes()
    if rng.random() < 0.02:
        odd = rng.choice(_ODD)
        _replace(path, odd)
        return odd
    ways: tuple[Callable[[random.Random, bytes], bytes], ...] = BYTES
    if kind == "bindings":
        ways = (_in_binding,)
    elif path.suffix in (".json", ".jsonl", ".ipynb"):
        ways = (*BYTES, *(_json,) * len(BYTES))
    way = rng.choice(ways)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = way(rng, data) if data else b""
    path.write_bytes(data)
    return way.__name__.strip("_")


def _in_binding(rng: random.Random, data: bytes) -> bytes:
    """Break what prose says of the evidence."""
    found = list(re.finditer(rb"\{\{.*?\}\}|\[@.*?\]", data, re.DOTALL))
    if not found:
        return _insert(rng, data)
    one = rng.choice(found)
    return data[: one.start()] + rng.choice((_cut, _insert, _overwrite, _flip))(rng, one[0]) + data[one.end() :]


def _seen(bench: Bench, kind: str, number: int, seed: int) -> str:
    """Break a file, look at it, put it back; the fault, if there is one."""
    rng = random.Random(f"{seed} {kind} {number}")
    path = rng.choice(bench.files(kind))
    how = _broken(path, kind, rng)
    whole = rng.randrange(ONE_IN) == 0
    looks: dict[str, Callable[[Path], None]] = {
        "reviews": bench.parse, "bindings": bench.parse, "caches": bench.load, "notebooks": bench.notebooks,
    }  # fmt: skip
    fault = ""
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        if whole:
            fault = bench.commands(kind, rng)
        else:
            looks.get(kind, bench.read)(path)
    except (UserError, UserErrors) as error:
        fault = "it says nothing" if not str(error).strip() else ""
    except _Hang:
        fault = "it hangs: " + "".join(traceback.format_exc().splitlines()[-3:])
    except Exception:  # noqa: BLE001  # that is what is looked for
        fault = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if whole or kind == "caches":
            bench.restore()
        else:
            bench.put_back(path)
    return f"{kind} {number}: {path.relative_to(bench.root)}: {how}: {fault}" if fault else ""


def _hang(_: int, __: FrameType | None) -> None:
    raise _Hang


def run(kind: str, count: int, seed: int, only: int | None = None) -> Report:
    """Break `count` files of a kind; the same ones for the same seed."""
    before = signal.signal(signal.SIGALRM, _hang)
    try:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder) / "project")
            numbers = range(count) if only is None else [only]
            found = [fault for number in numbers if (fault := _seen(bench, kind, number, seed))]
            return Report(kind, len(numbers), found)
    finally:
        signal.signal(signal.SIGALRM, before)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="mutations, over all kinds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--only", type=int, help="the number of the one mutation to try")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args()
    faulthandler.enable()
    kinds = given.kind or list(KINDS)
    begun = time.monotonic()
    each = partial(run, count=-(-given.count // len(kinds)), seed=given.seed, only=given.only)
    tried = faults = 0
    with multiprocessing.Pool(given.workers) as pool:
        for done in pool.imap_unordered(each, kinds):
            tried, faults = tried + done.tried, faults + len(done.faults)
            print(
                f"{done.kind}: {done.tried:,} mutations, {len(done.faults)} faults", *done.faults, sep="\n", flush=True
            )
    print(f"{tried:,} mutations in {time.monotonic() - begun:.0f} s, {faults} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    _main()
