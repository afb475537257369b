"""What a review needs besides its text: data files beside it, and packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from verify.errors import UserError
from verify.format.fields import expected, listing
from verify.format.problems import Problems
from verify.format.yaml12 import Items, Leaf, Node

Refusal = Callable[[str], object]
"""Raises a UserError, without a place, for a data file that cannot be used."""


def data(node: Node, name: str, problems: Problems) -> tuple[str, ...] | None:
    """Paths of files, relative to the review's folder and below it."""
    return listing(_path, "files")(node, name, problems)


def packages(node: Node, name: str, problems: Problems) -> tuple[str, ...] | None:
    """Requirements such as `scikit-learn>=1.5`; of each package one."""
    values = listing(_requirement, "packages")(node, name, problems)
    if values is None or not isinstance(node, Items):
        return None
    first: dict[str, str] = {}
    for item, value in zip(node.nodes, values, strict=True):
        package = canonicalize_name(Requirement(value).name)
        if package in first:
            hint = f"write one requirement for it: it stands there as '{first[package]}' already"
            problems.add(item.line, f"`{name}` has the package {package} twice", hint)
        first.setdefault(package, value)
    return values


def check_files(node: Node, refusal: Refusal, problems: Problems) -> None:
    """Report each data file that cannot be used, at its line."""
    for item in node.nodes if isinstance(node, Items) else ():
        if isinstance(item, Leaf):
            try:
                refusal(item.text)
            except UserError as why:
                problems.add(item.line, f"`data`: {why.message}", why.hint)


def _path(node: Node, name: str, problems: Problems) -> str | None:
    if not isinstance(node, Leaf) or node.value is None or not node.text.strip():
        expected(node, name, "a list of files", problems)
        return None
    text = node.text
    path = PurePosixPath(text)
    if path.is_absolute() or text.startswith("~") or text[1:2] == ":":
        hint = "put the file beside the review, and write its name"
        problems.add(node.line, f"`{name}` holds '{text}', which is no path relative to the review", hint)
    elif ".." in path.parts:
        message = f"`{name}` holds '{text}', which leads out of the review's folder"
        problems.add(node.line, message, "put the file beside the review")
    elif "\\" in text or not text.isprintable():
        hint = "write folders with a forward slash: data/points.csv"
        problems.add(node.line, f"`{name}` holds a path with a character that is not for paths", hint)
    elif str(path) != text or not path.parts:
        problems.add(node.line, f"`{name}` holds '{text}' in a roundabout spelling", f"write {path}")
    else:
        return text
    return None


def _requirement(node: Node, name: str, problems: Problems) -> str | None:
    """A package's name, with versions that will do."""
    example = "such as scikit-learn>=1.5, in quotes where it holds a comma"
    if not isinstance(node, Leaf) or node.value is None or not node.text.strip():
        expected(node, name, "a list of packages", problems, example)
        return None
    try:
        requirement = Requirement(node.text)
    except InvalidRequirement as error:
        why = str(error).split("\n", 1)[0]
        problems.add(node.line, f"`{name}` holds '{node.text}', which is no requirement: {why}", example)
        return None
    for there, what in (
        (requirement.url, "an address"),
        (requirement.extras, "extras"),
        (requirement.marker, "a condition"),
    ):
        if there:
            hint = f"write {requirement.name}{requirement.specifier}: a name, and versions that will do"
            problems.add(node.line, f"`{name}` holds '{node.text}', with {what}", hint)
            return None
    return node.text.strip()
