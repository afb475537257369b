"""One notebook a review: a script in cells (py:percent), executed into a notebook that is committed and published.

`reviews/notebooks/<review>.py` is the source, `docs/notebooks/<review>.ipynb` the result, which carries the hash of
the source it came from.  It is executed in a kernel of its own, by `verify run` only: a build runs no review's code.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from verify.errors import CONFLICT, CONFLICT_MARKS, UserError, nearest, reason, utf8
from verify.project import store
from verify.project.project import Project
from verify.running.progress import duration

if TYPE_CHECKING:
    from nbclient.exceptions import CellExecutionError
    from nbformat import NotebookNode

TIME_LIMIT = 300
"""Seconds a cell may take."""
_LONGEST = 80
"""Bytes of the folder for temporary files: a socket's whole path may have 103."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")


class Notebook(Struct, frozen=True):
    """A review's notebook: its source and where its result belongs."""

    slug: str
    source: Path
    result: Path

    @property
    def key(self) -> str:
        """A hash of the source."""
        return sha256(self.source.read_bytes()).hexdigest()

    @property
    def fresh(self) -> bool:
        """Whether the result is that of the source as it is now."""
        return self.result.is_file() and _key(self.result) == self.key


_Text = str | list[str]


class _Stream(Struct, tag_field="output_type", tag="stream"):
    text: _Text


class _Shown(Struct, tag_field="output_type", tag="display_data"):
    data: dict[str, Any]


class _Returned(Struct, tag_field="output_type", tag="execute_result"):
    data: dict[str, Any]


class _Raised(Struct, tag_field="output_type", tag="error"):
    ename: str
    evalue: str
    traceback: list[str]


class _Prose(Struct, tag_field="cell_type", tag="markdown"):
    source: _Text


class _Raw(Struct, tag_field="cell_type", tag="raw"):
    source: _Text


class _Code(Struct, tag_field="cell_type", tag="code"):
    source: _Text
    outputs: list[_Stream | _Shown | _Returned | _Raised]


class _Metadata(Struct):
    verify: dict[str, str] = {}


class _Result(Struct):
    """What a notebook's file must hold to become a page, and what it came from."""

    cells: list[_Prose | _Raw | _Code]
    nbformat: Literal[4]
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


def _read(result: Path) -> _Result | str:
    """A notebook, or why it is none."""
    try:
        content = result.read_bytes()
        return msgspec.json.decode(content, type=_Result)
    except OSError as error:
        return f"it cannot be read: {reason(error)}"
    except (ValueError, RecursionError) as error:  # a DecodeError is a ValueError, as is text that is not UTF-8
        return CONFLICT if any(line.startswith(CONFLICT_MARKS) for line in content.split(b"\n")) else str(error)


def _key(result: Path) -> str:
    found = _read(result)
    return "" if isinstance(found, str) else found.metadata.verify.get("source", "")


def broken(result: Path) -> str:
    """Why the result of an execution is no notebook that can be published; empty where it is one."""
    found = _read(result)
    return f"it is no notebook: {found}" if isinstance(found, str) else ""


def find(project: Project, slugs: Iterable[str] | None = None) -> list[Notebook]:
    """The notebooks of the named reviews, or of all, in their order."""
    sources, results = project.root / "reviews" / "notebooks", project.root / "docs" / "notebooks"
    wanted = [review.slug for review in project.reviews] if slugs is None else slugs
    found = [Notebook(slug, sources / f"{slug}.py", results / f"{slug}.ipynb") for slug in wanted]
    return [each for each in found if each.source.is_file()]


def mistakes(project: Project) -> Iterator[UserError]:
    """Sources of no review, results of no source, results that are older than their source."""
    slugs = [review.slug for review in project.reviews]
    for source in sorted((project.root / "reviews" / "notebooks").glob("*.py")):
        if source.stem not in slugs:
            hint = f"it is called like its review; {nearest(source.stem, slugs)}"
            yield UserError("this notebook belongs to no review", project.relative(source), 0, hint)
    known = find(project)
    for result in sorted((project.root / "docs" / "notebooks").glob("*.ipynb")):
        if result not in [each.result for each in known]:
            hint = "remove it (git rm), or write its source"
            yield UserError("this notebook has no source in reviews/notebooks", project.relative(result), 0, hint)
    for each in known:
        if each.result.is_file() and not each.fresh:
            hint = f"execute it: `verify run {each.slug}`"
            message = broken(each.result) or "this notebook is older than its source"
            yield UserError(message, project.relative(each.result), 0, hint)


def execute(project: Project, notebook: Notebook) -> None:
    """Execute the source in a new kernel, and write the result.

    Raises:
        UserError: a cell failed, at its line of the source; what was there of an older source is removed.
    """
    from tempfile import TemporaryDirectory, gettempdir

    import jupytext  # type: ignore[import-untyped]
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    name = project.relative(notebook.source)
    notebook.result.unlink(missing_ok=True)
    text = utf8(notebook.source.read_bytes(), name).replace("\r\n", "\n")
    cells = jupytext.reads(text, fmt="py:percent")
    try:
        short = len(os.fsencode(gettempdir())) <= _LONGEST
        with TemporaryDirectory(dir=None if short else "/tmp") as folder:
            NotebookClient(
                cells,
                timeout=TIME_LIMIT,
                kernel_name="python3",
                record_timing=False,
                resources={"metadata": {"path": str(notebook.source.parent)}},
                config=Config(KernelManager=_connection(folder)),
            ).execute()
    except CellExecutionError as error:
        line = _failed_line(text, cells, error)
        raise UserError(f"the notebook failed: {error.ename}: {error.evalue}", name, line) from None
    except CellTimeoutError:
        hint = "a notebook shows the method in little: shrink it"
        raise UserError(f"a cell of the notebook took longer than {TIME_LIMIT} s", name, 0, hint) from None
    except DeadKernelError as error:
        raise UserError(f"the notebook's kernel died: {error}", name, 0) from None
    content = _cleaned(cells, notebook.key)
    store.write_atomically(notebook.result, content)


def _connection(folder: str) -> dict[str, str]:
    """How to talk to the kernel: over a socket in a folder of ours where there are such; others could listen to TCP."""
    return {"transport": "ipc", "ip": f"{folder}/kernel"} if os.name == "posix" else {}


def _failed_line(text: str, cells: NotebookNode, error: CellExecutionError) -> int:
    """The line of the source at which a cell failed; of the cell's first line where the error does not say."""
    position = 0
    for cell in cells.cells:
        begin = text.find(cell.source, position) if cell.cell_type == "code" else -1
        position = max(position, begin)
        failed = any(output.output_type == "error" for output in cell.get("outputs", ()))
        if failed and begin >= 0:
            within = _LINE.findall(re.sub(r"\x1b\[[0-9;]*m", "", error.traceback))
            return text.count("\n", 0, begin) + (int(within[0]) if within else 1)
    return 0


def _cleaned(cells: NotebookNode, key: str) -> bytes:
    """The notebook as it is committed: without what would differ the next time though nothing changed."""
    for number, cell in enumerate(cells.cells, 1):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            output.pop("metadata", None)
            if output.output_type in ("display_data", "execute_result"):
                output.metadata = {}
                output.data = {kind: _cleaned_text(content) for kind, content in output.data.items()}
            elif output.output_type == "stream":
                output.text = _cleaned_text(output.text)
    cells.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
        "verify": {"source": key},
    }
    encoded = msgspec.json.encode(cells, order="sorted")
    return msgspec.json.format(encoded, indent=1) + b"\n"


def _cleaned_text(content: Any) -> Any:
    """Text without addresses in memory."""
    return _ADDRESS.sub("", content) if isinstance(content, str) else content


def due(notebooks: Sequence[Notebook]) -> list[Notebook]:
    """Those whose source has changed since they were executed."""
    return [each for each in notebooks if not each.fresh]


def execute_all(
    project: Project, due: Iterable[Notebook], say: Callable[[str], None], fail: Callable[[UserError], None]
) -> int:
    """Execute notebooks, one after another; returns how many failed."""
    failed = 0
    for each in due:
        begun = time.monotonic()
        try:
            execute(project, each)
            say(f"notebook {each.slug}: executed in {duration(time.monotonic() - begun)}")
        except UserError as error:
            failed += 1
            fail(error)
    return failed
