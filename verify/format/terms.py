"""Words for readers: `metrics` and `names`, of a verification or of the front matter for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from verify.errors import nearest
from verify.format import fields
from verify.format.fields import Converter, optional
from verify.format.grids import Draft
from verify.format.problems import Problems
from verify.format.selection import chosen, equal, names, values
from verify.format.yaml12 import Entry, Node, Table, resolve
from verify.model import Metric, Named, Scalar, Terms
from verify.terms import PERCENT, written

LONGEST_UNIT = 20
"""Letters: it stands behind every number."""


def entries(node: Node | None) -> dict[str, Node]:
    """Those of a mapping's keys that are read here."""
    found = node.entries if isinstance(node, Table) else {}
    return {key: found[key].node for key in ("metrics", "names") if key in found}


def of_review(given: Mapping[str, Node], drafts: Sequence[Draft], complete: bool, problems: Problems) -> Terms:
    """Those of the front matter, for all its verifications; `complete`: whether every fence could be read."""
    return _read(given, drafts, drafts, complete and bool(drafts), "any verification", problems)


def of_verification(draft: Draft, drafts: Sequence[Draft], shared: Terms, problems: Problems) -> Terms:
    """A verification's own, and the front matter's for what it does not name itself."""
    own = _read(draft.terms, [draft], drafts, True, "this verification", problems)
    return Terms({**shared.metrics, **own.metrics}, {**shared.names, **own.names})


def _read(
    given: Mapping[str, Node],
    of: Sequence[Draft],
    drafts: Sequence[Draft],
    complete: bool,
    whose: str,
    problems: Problems,
) -> Terms:
    """What is declared for the verifications `of`; a parameter of theirs may be chosen by any of `drafts`."""
    metrics = _metrics(given["metrics"], of, complete, problems) if "metrics" in given else {}
    complete = complete and all(len(draft.rungs) == len(draft.scales) > 0 for draft in drafts)
    naming = _Naming(of, drafts, complete, whose, problems)
    return Terms(metrics, naming.read(given["names"]) if "names" in given else {})


# Metrics


def _metrics(node: Node, of: Sequence[Draft], complete: bool, problems: Problems) -> dict[str, Metric]:
    read: Converter[dict[str, Metric]] = fields.mapping(_metric, "metrics to labels and units")
    found = read(node, "metrics", problems) or {}
    returned = {name for draft in of for name in draft.metrics}
    if complete and all(draft.metrics for draft in of) and isinstance(node, Table):
        who = f"experiment {of[0].experiment_name} returns" if len(of) == 1 else "no experiment of this review returns"
        for name, entry in node.entries.items():
            if name not in returned:
                message = f"{who} no '{name}'" if len(of) == 1 else f"{who} '{name}'"
                problems.add(entry.line, message, nearest(name, returned))
    return found


def _metric(node: Node, name: str, problems: Problems) -> Metric | None:
    known = {"label": optional(fields.text, ""), "unit": optional(_unit, "")}
    found = fields.record(node, f"metric '{name}'", known, problems)
    if found is None:
        return None
    if not any(found.values()):
        problems.add(node.line, f"metric '{name}' has neither a label nor a unit", "such as {label: test error}")
        return None
    return Metric(**found)


def _unit(node: Node, name: str, problems: Problems) -> str | None:
    value = fields.text(node, name, problems)
    if value is not None and (len(value) > LONGEST_UNIT or "\n" in value):
        hint = f'"{PERCENT}" for a fraction, or a few letters such as s, nats or epochs'
        problems.add(node.line, f"`{name}` has {len(value)} letters: a unit has up to {LONGEST_UNIT}", hint)
        return None
    return value


# Parameters and their values


class _Naming:
    """Reads `names`: a text names a parameter; a mapping its values and, under its own name, itself."""

    def __init__(
        self, of: Sequence[Draft], drafts: Sequence[Draft], complete: bool, whose: str, problems: Problems
    ) -> None:
        self.of = of
        self.drafts = drafts
        self.complete = complete
        self.whose = whose
        self.problems = problems
        self.known = _parameters(of)

    def read(self, node: Node) -> dict[str, Named]:
        convert: Converter[dict[str, Named]] = fields.mapping(self.named, "parameters to names")
        found = convert(node, "names", self.problems) or {}
        for name, entry in node.entries.items() if isinstance(node, Table) and self.complete else ():
            if name not in self.known:
                message = f"'{name}' is not a parameter of {self.whose}"
                self.problems.add(entry.line, message, nearest(name, self.known))
        return found

    def named(self, node: Node, parameter: str, problems: Problems) -> Named | None:
        if not isinstance(node, Table):
            label = fields.text(node, parameter, problems)
            return None if label is None else Named(label)
        read: Converter[dict[str, str]] = fields.mapping(fields.text, "values to names")
        found = read(node, parameter, problems)
        if found is None or parameter not in self.known or not self.complete:
            return None if found is None else Named()
        options = self.options(parameter)
        own = parameter if parameter in found and not _among(parameter, options) else None
        label = found.pop(own) if own else ""
        before = len(problems.found)
        named = {self.value(key, parameter, options, node.entries[key]): name for key, name in found.items()}
        if len(problems.found) == before:
            self.check_distinct(parameter, named, options, node)
        return Named(label, named) if len(problems.found) == before else None

    def options(self, parameter: str) -> list[Scalar]:
        """The values that it takes; where it is chosen, those that are tried anywhere in the review."""
        waits = any(chosen(rung, parameter) for draft in self.of for rung in draft.rungs.values())
        drafts = self.drafts if waits else self.of
        rungs = [rung for draft in drafts for rung in draft.rungs.values()]
        return list(dict.fromkeys(value for rung in rungs for value in values(rung, parameter)))

    def value(self, key: str, parameter: str, options: Sequence[Scalar], entry: Entry) -> str:
        """The value that a key stands for, as it is looked up; one that never occurs is reported."""
        found = _among(key, options)
        if found is None:
            message = f"'{parameter}' is never {key} in {self.whose}"
            self.problems.add(entry.line, message, nearest(key, map(written, options)))
            return key
        return written(found)

    def check_distinct(self, parameter: str, named: Mapping[str, str], options: Sequence[Scalar], node: Table) -> None:
        """Report two values that a reader could not tell apart."""
        first: dict[str, str] = {}
        for value in dict.fromkeys(map(written, options)):
            name = named.get(value, value)
            if name in first:
                message = f"two values of '{parameter}' are called '{name}': {first[name]} and {value}"
                self.problems.add(node.line, message, "give each a name of its own")
            first.setdefault(name, value)


def _parameters(drafts: Iterable[Draft]) -> set[str]:
    return {name for draft in drafts for rung in draft.rungs.values() for name in names(rung)}


def _among(key: str, options: Sequence[Scalar]) -> Scalar | None:
    """The value that is meant by a key, which is a text: `1e-3` for 0.001."""
    try:
        value = resolve(key)
    except ValueError:
        value = None
    for option in options:
        if option == key or written(option) == key or (value is not None and equal(option, value)):
            return option
    return None
