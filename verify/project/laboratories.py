"""Laboratories: who ran a review's trials once more, with seeds of their own, and where that lies.

`docs/evidence/<review>/labs/<name>/` holds what `docs/evidence/<review>/` holds of the project itself, records and
verdicts, and `lab.json`: where the laboratory's seeds begin, and a line about it.  A pull request adds that folder.
One laboratory may run several reviews; its seeds begin at the same number in all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from verify.errors import CONFLICT, CONFLICT_MARKS, UserError, UserErrors, nearest, reason
from verify.model import Laboratory
from verify.project.lines import UNDECODABLE
from verify.project.store import write_atomically

FOLDER = "labs"
FILE = "lab.json"
FIRST_SEED = 1000
"""Where the seeds of a new laboratory begin; of the next one, at the next multiple that is free."""
MOST = 1_000_000_000
"""The largest first seed: what is counted from there fits into 32 bits, as some generators of numbers want it."""
_MOST_BYTES = 10_000
LONGEST = 200
"""Characters of the line about a laboratory."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_PLACE = re.compile(r"\(byte (?P<byte>\d+)\)|`\$\.(?P<field>\w+)`|unknown field `(?P<unknown>\w+)`")


class _File(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    first_seed: int
    about: str = ""


_decoder = msgspec.json.Decoder(_File)
_encoder = msgspec.json.Encoder()


def wrong_name(name: str) -> str:
    """What is wrong with the name of a laboratory; empty where it is one."""
    if _NAME.fullmatch(name):
        return ""
    return f"'{name}' is no name of a laboratory: that is up to 40 lower-case letters, digits, hyphens, a letter first"


def wrong_about(about: str) -> str:
    """What is wrong with the line about a laboratory; empty where it is right."""
    if len(about) > LONGEST or not about.isprintable() or about != about.strip():
        return f"what a laboratory says of itself is one line of at most {LONGEST} characters that can be seen"
    return ""


def encode(laboratory: Laboratory) -> bytes:
    """Its `lab.json`."""
    return msgspec.json.format(_encoder.encode(_File(laboratory.first_seed, laboratory.about)), indent=1) + b"\n"


def write(root: Path, slug: str, laboratory: Laboratory) -> None:
    """Have a review's folder of a laboratory say what the laboratory is."""
    write_atomically(_path(root, slug, laboratory.name), encode(laboratory))


def is_written(root: Path, slug: str, laboratory: Laboratory) -> bool:
    """Whether a review's folder of a laboratory says just that."""
    path = _path(root, slug, laboratory.name)
    return path.is_file() and path.read_bytes() == encode(laboratory)


def _path(root: Path, slug: str, name: str) -> Path:
    return root / "docs" / "evidence" / slug / FOLDER / name / FILE


def read(root: Path, slugs: Iterable[str]) -> tuple[dict[str, list[Laboratory]], list[UserError]]:
    """The laboratories of each review, by name, and what is wrong with others and beside them."""
    found: dict[str, list[Laboratory]] = {}
    mistakes: list[UserError] = []
    begins: dict[str, tuple[int, str]] = {}
    for slug in slugs:
        for path in _below(root, slug, mistakes):
            name = path.relative_to(root).as_posix()
            try:
                laboratory = _read(path, name)
            except UserError as error:
                mistakes.append(error)
                continue
            begin, before = begins.setdefault(laboratory.name, (laboratory.first_seed, name))
            if begin != laboratory.first_seed:
                message = f"laboratory '{path.name}' begins at seed {laboratory.first_seed}, and at {begin} in {before}"
                hint = "all that one laboratory runs begins at one seed: call one of the two otherwise"
                mistakes.append(UserError(message, f"{name}/{FILE}", _line(encode(laboratory), "first_seed"), hint))
                continue
            found.setdefault(slug, []).append(laboratory)
    return found, mistakes


def _below(root: Path, slug: str, mistakes: list[UserError]) -> Iterator[Path]:
    """The folders of laboratories, in order, without what is hidden: that is not published."""
    folder = root / "docs" / "evidence" / slug / FOLDER
    if folder.is_symlink() or not folder.is_dir():  # which the review's other files are looked at for
        return
    try:
        yield from sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        mistakes.append(UserError(f"this folder cannot be read: {reason(error)}", folder.relative_to(root).as_posix()))


def _read(folder: Path, name: str) -> Laboratory:
    if wrong := wrong_name(folder.name):
        raise UserError(wrong, name, 0, "rename it, or remove it: what lies here is published")
    if folder.is_symlink() or not folder.is_dir():
        raise UserError("this is no folder of a laboratory", name, 0, "remove it: what lies here is published")
    path, name = folder / FILE, f"{name}/{FILE}"
    written = "`verify run --replicate` writes it: restore it with git"
    if path.is_symlink() or not path.is_file():
        raise UserError("nothing says where this laboratory's seeds begin", name, 0, written)
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)  # of more, what is read is no whole object
        found = _decoder.decode(content)
    except OSError as error:
        raise UserError(f"it cannot be read: {reason(error)}", name) from None
    except UNDECODABLE as error:
        wrong = CONFLICT if content.startswith(CONFLICT_MARKS) else f"it does not say what a laboratory is: {error}"
        raise UserError(wrong, name, _place(content, str(error)), written) from None
    laboratory = Laboratory(folder.name, found.first_seed, found.about)
    if not 0 <= found.first_seed <= MOST:
        wrong = f"seeds begin at 0 to {MOST}, not at {found.first_seed}"
        raise UserError(wrong, name, _line(content, "first_seed"), written)
    if wrong := wrong_about(found.about):
        raise UserError(wrong, name, _line(content, "about"), written)
    if content != encode(laboratory):  # a key twice, say, of which people and programs read different ones
        raise UserError("it is not as it is written", name, 1, written)
    return laboratory


def _place(content: bytes, error: str) -> int:
    """The line that a decoder's error speaks of."""
    found = _PLACE.search(error)
    if found and found["byte"]:
        return content.count(b"\n", 0, int(found["byte"])) + 1
    return _line(content, found["field"] or found["unknown"]) if found else 1


def _line(content: bytes, field: str) -> int:
    """The line in which a field stands, 1-based."""
    return content.count(b"\n", 0, max(content.find(f'"{field}"'.encode()), 0)) + 1


def chosen(known: Iterable[Laboratory], name: str, first_seed: int | None, about: str | None) -> Laboratory:
    """The laboratory that a run is asked for: as it is recorded, or a new one.

    Args:
        known: those of the project.
        name: what it is called.
        first_seed: what is asked for; None: as it is, or for a new one the first multiple of `FIRST_SEED` that is free.
        about: likewise; None: as it is.

    Raises:
        UserErrors: it has no such name, its seeds begin elsewhere, or what it says of itself is no line.
    """
    by_name = {each.name: each for each in known}
    before = by_name.get(name)
    errors = [UserError(wrong) for wrong in (wrong_name(name), wrong_about(about or "")) if wrong]
    if first_seed is not None and first_seed > MOST:
        errors.append(UserError(f"--seeds-from: seeds begin at {MOST} at the most, not at {first_seed}"))
    if first_seed is not None and before is not None and before.first_seed != first_seed:
        hint = "leave --seeds-from out, or give the laboratory another name"
        message = f"laboratory '{name}' begins at seed {before.first_seed}, not at {first_seed}"
        errors.append(UserError(message, hint=hint))
    if errors:
        raise UserErrors(errors)
    if first_seed is None:
        taken = {each.first_seed for each in by_name.values()}
        free = (each for each in range(FIRST_SEED, MOST, FIRST_SEED) if each not in taken)
        first_seed = before.first_seed if before else next(free)
    if about is None:
        about = before.about if before else ""
    return Laboratory(name, first_seed, about)


def of_name(mistakes: Iterable[UserError], name: str) -> list[UserError]:
    """Those of the mistakes that keep the laboratory of that name from being read."""
    return [each for each in mistakes if Path(each.file).parts[3:5] == (FOLDER, name)]


def named(known: Iterable[Laboratory], name: str) -> Laboratory:
    """The laboratory of that name.

    Raises:
        UserErrors: there is none.
    """
    by_name = {each.name: each for each in known}
    if name not in by_name:
        hint = nearest(name, by_name) if by_name else "`verify run --replicate NAME` makes one"
        raise UserErrors([UserError(f"there is no laboratory '{name}'", hint=hint)])
    return by_name[name]
