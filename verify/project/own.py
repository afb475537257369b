"""`.verify/` is this machine's own: what it has run, and what it keeps of what it derived.

One that came along with the project would have others believe results that they never had, so it is refused.
"""

from __future__ import annotations

import os
from pathlib import Path

from verify.errors import UserError, UserErrors
from verify.system import GitMissing, GitSilent, git

_SHOWN = 3
"""Files that a message names."""


def expect(root: Path) -> None:
    """Let a project pass whose `.verify/` nobody else can have written.

    Raises:
        UserErrors: git tracks files of it, or it is a link that leads out of the project.
    """
    folder = root / ".verify"
    if not os.path.lexists(folder):
        return
    if not folder.resolve().is_relative_to(root.resolve()):
        hint = "remove the link: a folder is made in its place"
        raise UserErrors([UserError("it is a link that leads out of the project", ".verify", 0, hint)])
    if tracked := _tracked(root):
        shown = ", ".join(tracked[:_SHOWN]) + (f" and {len(tracked) - _SHOWN} more" if len(tracked) > _SHOWN else "")
        message = f"git tracks what only this machine may have written: {shown}"
        raise UserErrors([UserError(message, ".verify", 0, "`git rm -r --cached .verify`, and list it in .gitignore")])


def _tracked(root: Path) -> list[str]:
    """The files of `.verify` that are in git's index; none outside git."""
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return []
    try:
        # Another user's repository is read as well, since no program that it names is run.
        # Where names do not differ by case, `.Verify` is the same folder.
        trusting = ("-c", "safe.directory=*", "-c", "core.fsmonitor=")
        names = git(root, *trusting, "ls-files", "-z", "--", ":(icase).verify")
    except GitMissing:  # a copy that was downloaded together with its `.git`
        return []
    except GitSilent as silent:
        if "not a git repository" in str(silent):
            return []
        raise UserErrors([UserError(f"git cannot say whether it tracks this folder: {silent}", ".verify")]) from None
    return [os.fsdecode(name) for name in names.split(b"\0") if name]
