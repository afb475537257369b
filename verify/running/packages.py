"""What reviews need besides: packages that are not installed here, or not in a version that will do."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.version import InvalidVersion


def unmet(requirements: Iterable[str]) -> list[tuple[str, str | None]]:
    """Each requirement that is not met, once, with the version that is installed, or None where none is.

    Args:
        requirements: as `packages` of a review's front matter has them; names count in any spelling.
    """
    found: list[tuple[str, str | None]] = []
    for text in dict.fromkeys(requirements):
        requirement = Requirement(text)
        version = installed(requirement.name)
        if version is None or not _suits(requirement, version):
            found.append((text, version))
    return found


def installed(name: str) -> str | None:
    """The version of a package that is installed here; its name counts in any spelling."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def name_of(requirement: str) -> str:
    """The package's name, as it is written."""
    return Requirement(requirement).name


def _suits(requirement: Requirement, version: str) -> bool:
    """Whether a version will do: one that is installed may be a pre-release."""
    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:  # such as a build of one's own: it meets what asks for no version
        return not requirement.specifier
