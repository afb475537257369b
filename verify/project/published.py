"""The verdicts that are published: those of the last commit, asked of git in one call."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable

from msgspec import Struct

from verify.errors import reason
from verify.model import Scale, Verdict
from verify.project import store
from verify.project.project import Project

_PATIENCE = 30
"""Seconds that git may take."""


class Published(Struct, frozen=True):
    """Per review, scale and claim the verdict that is published."""

    verdicts: dict[tuple[str, Scale, str], Verdict]
    instead: str = ""
    """Where git could not be asked, why: the verdicts are then those of the evidence folder as it stands."""


def published(project: Project, slugs: Iterable[str]) -> Published:
    """The verdicts at the last commit; none where there is no commit, or none of a review's."""
    wanted = list(slugs)
    head, complaint = _git(project, b"", "rev-parse", "--git-dir")
    if head is None:
        stored = {slug: project.stored(slug).verdicts for slug in wanted}
        return Published(_by_claim(stored), complaint)
    paths = {slug: project.relative(project.verdicts_path(slug)) for slug in wanted}
    asked = "".join(f"HEAD:./{path}\n" for path in paths.values()).encode()
    answer, _ = _git(project, asked, "cat-file", "--batch")
    found = zip(paths, _contents(answer or b""), strict=False)
    return Published(_by_claim({slug: store.decode_verdicts(content).verdicts for slug, content in found}))


def _by_claim(found: dict[str, tuple[Verdict, ...]]) -> dict[tuple[str, Scale, str], Verdict]:
    return {(slug, each.scale, each.claim): each for slug, verdicts in found.items() for each in verdicts}


def _contents(answer: bytes) -> Iterable[bytes]:
    """What `git cat-file --batch` found, in the order it was asked for; empty where it found nothing."""
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        header, at = answer[at:end], end + 1
        size = header.rpartition(b" ")[2]
        if not size.isdigit():  # "missing"
            yield b""
            continue
        yield answer[at : at + int(size)]
        at += int(size) + 1


def _git(project: Project, given: bytes, *arguments: str) -> tuple[bytes | None, str]:
    """What git says, or why it says nothing."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=project.root, env=environment, input=given, capture_output=True,
            check=False, timeout=_PATIENCE,
        )  # fmt: skip
    except FileNotFoundError:
        return None, "git is not installed"
    except OSError as error:
        return None, f"git does not run: {reason(error)}"
    except subprocess.TimeoutExpired:
        return None, "git does not answer"
    if done.returncode == 0:
        return done.stdout, ""
    first = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it gives no reason"]
    return None, f"git says: {first[0].removeprefix('fatal: ').partition(' (')[0]}"
