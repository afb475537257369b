"""The verdicts that are published: those of the last commit, asked of git in one call."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from verify.model import Scale, Verdict
from verify.project import store
from verify.project.project import Project
from verify.system import GitSilent, git


class Published(Struct, frozen=True):
    """Per review, scale and claim the verdict that is published."""

    verdicts: dict[tuple[str, Scale, str], Verdict]
    instead: str = ""
    """Where git could not be asked, why: the verdicts are then those of the evidence folder as it stands."""


def published(project: Project, slugs: Iterable[str]) -> Published:
    """The verdicts at the last commit; none where there is no commit, or none of a review's."""
    wanted = list(slugs)
    paths = {slug: project.relative(project.verdicts_path(slug)) for slug in wanted}
    asked = "".join(f"HEAD:./{path}\n" for path in paths.values()).encode()
    try:
        git(project.root, "rev-parse", "--git-dir")
        found = zip(paths, _contents(git(project.root, "cat-file", "--batch", given=asked)), strict=False)
    except GitSilent as silent:
        return Published(_by_claim({slug: project.stored(slug).verdicts for slug in wanted}), str(silent))
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
