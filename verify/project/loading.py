"""Reviews read from their files, behind a cache keyed by all that a parse depends on."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from verify.errors import UserError, utf8
from verify.model import Code, Experiment, Review
from verify.planning import catalogue
from verify.planning.fingerprint import Sources
from verify.planning.modules import Folders
from verify.planning.plan import chosen_from, expand
from verify.project import cached, program, reviewfiles
from verify.project.datafiles import DataFiles, Hashed

_CACHE = "reviews.json"


class Parsed(Struct):
    """A review with the code its experiments reach: what a parse costs, kept by the bytes it came from."""

    review: Review
    experiments: dict[str, Experiment]
    code: dict[str, Code]
    fingerprints: dict[str, tuple[str, ...]]
    """Per `verification.scale`, of the trials declared; none where a parameter is chosen by another verification."""
    modules: dict[str, str] = {}
    """Per module of the project's own folders that its code asks for, what was found: a hash, or nothing."""
    data: dict[str, str] = {}
    """Per data file, the hash of its content."""


class _Cache(Struct):
    key: str = ""
    """Of this very program."""
    parsed: dict[str, tuple[str, Parsed]] = {}
    """Per review's path: the hash of its bytes, and what they parse to."""
    reached: dict[str, Code] = {}
    """Per experiment of the project's modules, the code it reaches."""
    files: dict[str, Hashed] = {}
    """Per data file, its content when it was last hashed."""


def load(root: Path) -> tuple[list[Parsed], list[UserError]]:
    """Every review under `reviews/` that can be read, and the mistakes in the others."""
    files, errors = reviewfiles.find(root)
    sources = program.text()
    cache = _read_cache(root, sources)
    found: dict[str, tuple[str, Parsed]] = {}
    folders, data = Folders(root), DataFiles(root, cache.files)
    parser = _Parser(sources, cache.reached, folders, data)
    for name, content in files.items():
        key = sha256(content).hexdigest()
        known = cache.parsed.get(name)
        unchanged = known is not None and known[0] == key and _is_current(known[1], folders, data)
        parsed = known[1] if known and unchanged else parser.parse(name, content)
        if parsed is not None:
            found[name] = (key, parsed)
    changed = found != cache.parsed or data.hashed != cache.files
    if changed and not parser.wrong:  # mistakes in the project's modules are to be told again
        content = msgspec.json.encode(_Cache(sources, found, parser.reached, data.hashed))
        cached.write(root, _CACHE, content)
    return [parsed for _, parsed in found.values()], errors + parser.errors + parser.wrong


def _is_current(parsed: Parsed, folders: Folders, data: DataFiles) -> bool:
    """Whether the modules and data files that a review asks for are what they were when it was parsed."""
    try:
        return all(folders.state(name) == state for name, state in parsed.modules.items()) and all(
            data.content(name) == content for name, content in parsed.data.items()
        )
    except UserError:  # told when the review is parsed again
        return False


def _no_choice(verification: str) -> None:
    """The lookup of a verification whose parameters nothing chooses."""
    raise AssertionError(f"nothing is chosen by {verification}")


def _read_cache(root: Path, key: str) -> _Cache:
    """What was parsed before by this very program; empty where that cannot be read: it can be made again."""
    try:
        cache = msgspec.json.decode(cached.read(root, _CACHE) or b"", type=_Cache)
    except msgspec.DecodeError:  # none, or one of another version of this program
        return _Cache(key)
    return cache if cache.key == key else _Cache(key)


@lru_cache(maxsize=1)
def _experiments(text: str) -> tuple[dict[str, Experiment], list[UserError]]:
    """The project's experiments and the mistakes in them, for as long as its modules have the hash `text`."""
    del text
    return catalogue.read_project()


class _Parser:
    """Parses reviews, with what that needs loaded when the first one is not in the cache."""

    def __init__(self, text: str, reached: dict[str, Code], folders: Folders, data: DataFiles) -> None:
        self.errors: list[UserError] = []
        self.wrong: list[UserError] = []
        """In the project's modules."""
        self.reached = reached
        self._text = text
        self._folders = folders
        self._data = data
        self._own = Sources()

    def parse(self, name: str, content: bytes) -> Parsed | None:
        from verify.format import reviews  # YAML and Markdown are loaded only if a review changed

        known, self.wrong = _experiments(self._text)
        try:
            text = utf8(content, name)
        except UserError as error:
            self.errors.append(error)
            return None
        review, mistakes = reviews.parse(name, text, known, catalogue.read_source, self._data.content)
        self.errors += mistakes
        if review is None or mistakes:
            return None
        experiments = dict(known)
        sources = Sources(self._folders.find)
        data = {each: self._data.content(each) for each in review.data}
        used = {verification.experiment for verification in review.verifications}
        try:
            if review.code_fences:
                experiments |= catalogue.read_source(review.code, name)[0]
                sources.add(name, review.code)
            code = {each: self._reach(sources, experiments[each], data) for each in used}
        except UserError as error:  # of a module that it imports
            self.errors.append(error)
            return None
        except RecursionError:
            self.errors.append(UserError("the code of its experiment is nested too deeply to be read", name))
            return None
        fingerprints = {
            f"{verification.id}.{scale}": tuple(
                trial.fingerprint
                for trial in expand(review.slug, verification, rung, code[verification.experiment], _no_choice)
            )
            for verification in (*review.verifications, *review.variants)
            for scale, rung in verification.rungs.items()
            if not chosen_from(rung)
        }
        own = {each: self._folders.state(each) for each in sources.asked if _is_of_project(each, name)}
        return Parsed(review, {each: experiments[each] for each in used}, code, fingerprints, own, data)

    def _reach(self, sources: Sources, experiment: Experiment, data: dict[str, str]) -> Code:
        if experiment.module.endswith(".md"):  # a review's own code changes with the review, and opens its data
            return sources.reach(experiment.module, experiment.name, data)
        if experiment.name not in self.reached:
            self.reached[experiment.name] = self._own.reach(experiment.module, experiment.name)
        return self.reached[experiment.name]


def _is_of_project(module: str, review: str) -> bool:
    """Whether it is looked for in the project's own folders; this package's modules are part of the cache's key."""
    return module != review and module.split(".")[0] != catalogue.PACKAGE.name
