"""The head of a `yaml verify` fence: experiment, parameters, grid, scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from verify.errors import nearest
from verify.format import fields, ranges
from verify.format.fields import Converter, listing, optional, required
from verify.format.problems import Problems
from verify.format.yaml12 import Entry, Items, Leaf, Node, Table
from verify.model import SCALES, Choice, Criterion, Experiment, Rung, Scalar, Scale

Grid = dict[str, tuple[Scalar, ...]]

MOST_TRIALS = 100_000
"""Of one scale of a verification; planning them takes a second."""
VERDICT = "verdict"
"""No verification may be called so: in prose, `{{ verdict.… }}` is a claim's verdict."""


class Draft(Struct):
    """A verification as far as it could be read; figures and claims are still nodes."""

    id: str
    title: str | None
    experiment_name: str
    experiment: Experiment | None
    """None where it is unknown (already reported)."""
    rungs: dict[Scale, Rung]
    """Without those that hold a mistake."""
    scales: tuple[Scale, ...]
    """All that are declared, in the ladder's order."""
    figures: Node | None
    claims: Node | None
    line: int
    end_line: int
    choice_lines: dict[str, int]
    """Where each chosen parameter is declared."""
    fails: dict[str, Criterion] = {}
    """Per metric the range in which a trial counts as failed."""
    robust: Node | None = None
    terms: dict[str, Node] = {}
    """`metrics` and `names`, which are still nodes too."""
    identity: bool = False

    @property
    def metrics(self) -> tuple[str, ...]:
        """What the experiment says it returns; empty where it does not say."""
        return self.experiment.values if self.experiment else ()


MOST_LOOKS = 10
"""Of one scale: each costs width of every interval."""


def _looks(node: Node, name: str, problems: Problems) -> tuple[int, ...] | None:
    """How many seeds run, or a list of such numbers: the looks at which a run may stop."""
    if not isinstance(node, Items):
        number = fields.integer(1)(node, name, problems)
        return None if number is None else (number,)
    looks = listing(fields.integer(1), "numbers of seeds")(node, name, problems)
    if looks is None:
        return None
    if list(looks) != sorted(looks):
        problems.add(node.line, "the looks must be ascending", f"write {sorted(looks)}")
        return None
    if len(looks) > MOST_LOOKS:
        problems.add(node.line, f"{len(looks)} looks are more than {MOST_LOOKS}", "let each double the seeds, say")
        return None
    return looks


_FIELDS = {
    "id": required(fields.identifier),
    "experiment": required(fields.text),
    "title": optional(fields.text),
    "parameters": optional(fields.anything),
    "grid": optional(fields.anything),
    "seeds": optional(_looks),
    "scales": required(fields.anything),
    "figures": optional(fields.anything),
    "claims": optional(fields.anything),
    "fails": optional(ranges.read_each, {}),
    "robust": optional(fields.anything),
    "metrics": optional(fields.anything),
    "names": optional(fields.anything),
    "identity": optional(fields.boolean, False),
}
_VALUES: Converter[tuple[Scalar, ...]] = listing(fields.scalar, "values")
_RESERVED = ("grid", "seeds", "time_limit")
_CHOICE = {
    "choose_from": required(fields.identifier),
    "minimise": optional(fields.text),
    "maximise": optional(fields.text),
    "per": optional(fields.anything),
}


class Known(Struct, frozen=True):
    """The experiments that a verification may ask for."""

    experiments: Mapping[str, Experiment]
    complete: bool
    """Whether all of the review's own could be read, so that an unknown name is a mistake."""
    unlike: Callable[[str], tuple[str, str] | None]
    """Why something of a name is no experiment, and a hint; None where nothing has the name."""


def read(node: Node, line: int, end_line: int, known: Known, problems: Problems) -> Draft | None:
    """The head of the fence in lines `line` to `end_line`."""
    found = fields.loose(node, "a verification", _FIELDS, problems)
    if found is None or not isinstance(node, Table):
        return None
    if found["id"] == VERDICT:
        problems.add(node.entries["id"].line, f"a verification cannot be called '{VERDICT}'", "choose another id")
    name = found["experiment"] or ""
    experiment = known.experiments.get(name)
    if name and experiment is None and known.complete:
        hint = nearest(name, known.experiments) + " (or write it in a ```python verify fence of this review)"
        wrong = known.unlike(name) or (f"no experiment is called '{name}'", hint)
        problems.add(node.entries["experiment"].line, *wrong)
    for metric, entry in _entries(node, "fails").items():
        if experiment and experiment.values and metric not in experiment.values:
            message = f"experiment {name} returns no '{metric}'"
            problems.add(entry.line, message, nearest(metric, experiment.values))
    head = _Head(experiment, found, "seeds" in node.entries, problems)
    rungs = head.rungs()
    if found["identity"] and len(head.declared) > 1:
        message = f"an identity is the same at every scale, and declares one: not {', '.join(head.declared)}"
        problems.add(node.entries["identity"].line, message, f"leave {head.declared[0]} alone under `scales`")
    return Draft(
        id=found["id"] or "",
        title=found["title"],
        experiment_name=name,
        experiment=experiment,
        rungs=rungs,
        scales=head.declared,
        figures=found["figures"],
        claims=found["claims"],
        line=line,
        end_line=end_line,
        choice_lines=head.choice_lines,
        fails=found["fails"] or {},
        robust=found["robust"],
        terms={key: found[key] for key in ("metrics", "names") if found[key] is not None},
        identity=bool(found["identity"]),
    )


def _entries(node: Table, name: str) -> Mapping[str, Entry]:
    """Those of the mapping under a key; none where there is none."""
    value = node.entries[name].node if name in node.entries else None
    return value.entries if isinstance(value, Table) else {}


class _Head:
    """Reads the parameters, grids and scales of one fence."""

    def __init__(
        self, experiment: Experiment | None, found: dict[str, Any], has_seeds: bool, problems: Problems
    ) -> None:
        self.experiment = experiment
        self.problems = problems
        self.choice_lines: dict[str, int] = {}
        self.declared: tuple[Scale, ...] = ()
        """In the ladder's order."""
        self.seeds: tuple[int, ...] | None = found["seeds"]
        self.has_seeds = has_seeds
        self.scales: Node | None = found["scales"]
        self.sound = True
        """Whether what holds for all scales was read without a mistake."""
        before = len(problems.found)
        self.parameters = self.read_parameters(found["parameters"], "parameters")
        self.grids = self.read_grids(found["grid"])
        self.forbid_both(self.parameters, self.grids, found["parameters"])
        self.sound = len(problems.found) == before

    def rungs(self) -> dict[Scale, Rung]:
        """What each scale runs, in the ladder's order."""
        if self.scales is None:
            return {}
        if not isinstance(self.scales, Table) or not self.scales.entries:
            fields.expected(self.scales, "scales", f"a mapping from one or more of {', '.join(SCALES)}", self.problems)
            return {}
        for name, entry in self.scales.entries.items():
            if name not in SCALES:
                self.problems.add(entry.line, f"no scale is called '{name}'", nearest(name, SCALES))
        self.declared = tuple(scale for scale in SCALES if scale in self.scales.entries)
        entries = ((scale, self.scales.entries[scale]) for scale in self.declared)
        found = {scale: self.rung(scale, entry.node, entry.line) for scale, entry in entries}
        return {scale: rung for scale, rung in found.items() if rung is not None}

    def rung(self, scale: Scale, node: Node, line: int) -> Rung | None:
        table = Table({}, line) if isinstance(node, Leaf) and node.value is None else node
        if not isinstance(table, Table):
            fields.expected(node, scale, "a mapping of parameters", self.problems)
            return None
        before = len(self.problems.found)
        reserved = {name: entry.node for name, entry in table.entries.items() if name in _RESERVED}
        own = Table({name: entry for name, entry in table.entries.items() if name not in _RESERVED}, table.line)
        grids = self.read_grids(reserved["grid"]) if "grid" in reserved else self.grids
        parameters = self.read_parameters(own, scale)
        self.forbid_both(parameters, grids, own)
        seeds, limit = self.seeds, None
        if "seeds" in reserved:
            seeds = _looks(reserved["seeds"], "seeds", self.problems)
        elif not self.has_seeds:
            self.problems.add(line, f"scale {scale} needs `seeds`", "how many, here or for the whole verification")
        if "time_limit" in reserved:
            limit = fields.positive(reserved["time_limit"], "time_limit", self.problems)
        merged = _without_overridden(self.parameters | parameters, grids)
        if self.sound and len(self.problems.found) == before:  # else a misspelt one would be reported as missing too
            self.require(scale, grids, merged, line)
        if len(self.problems.found) > before or seeds is None or not self.sound:
            return None
        trials = seeds[-1] * sum(math.prod(map(len, grid.values())) for grid in grids)
        if trials > MOST_TRIALS:
            hint = f"one scale of a verification has at most {MOST_TRIALS:,}: check `seeds` and the grid"
            self.problems.add(line, f"scale {scale} is {trials:,} trials", hint)
            return None
        return Rung(scale, grids, merged, seeds, limit)

    def read_parameters(self, node: Node | None, name: str) -> dict[str, Scalar | Choice]:
        if node is None:
            return {}
        if not isinstance(node, Table):
            fields.expected(node, name, "a mapping of parameters to values", self.problems)
            return {}
        found: dict[str, Scalar | Choice] = {}
        for key, entry in node.entries.items():
            self.known(key, entry.line)
            value = self.value(entry.node, key)
            if value is not None:
                found[key] = value
            if isinstance(value, Choice):
                self.choice_lines[key] = entry.line
        return found

    def value(self, node: Node, name: str) -> Scalar | Choice | None:
        if isinstance(node, Table):
            return read_choice(node, self.problems)
        if isinstance(node, Items):
            self.problems.add(node.line, f"`{name}` has a list of values", "values that vary go under `grid`")
            return None
        return fields.scalar(node, name, self.problems)

    def read_grids(self, node: Node | None) -> tuple[Grid, ...]:
        """The grids; one with a single point where none is given."""
        if node is None:
            return ({},)
        tables = node.nodes if isinstance(node, Items) and node.nodes else (node,)
        return tuple(self.grid(table) for table in tables)

    def grid(self, node: Node) -> Grid:
        if not isinstance(node, Table):
            fields.expected(node, "grid", "a mapping of parameters to lists, or a list of such mappings", self.problems)
            return {}
        for key, entry in node.entries.items():
            self.known(key, entry.line)
        read_lists: Converter[Grid] = fields.mapping(_VALUES, "parameters to lists")
        return read_lists(node, "grid", self.problems) or {}

    def known(self, parameter: str, line: int) -> None:
        """Report a parameter that the experiment does not take."""
        if parameter in ("seed", "seeds", "device"):
            self.problems.add(
                line, f"'{parameter}' is not a parameter", "seeds are counted by `seeds`; the device is the runner's"
            )
        elif self.experiment is not None and parameter not in self.experiment.parameters:
            hint = nearest(parameter, self.experiment.parameters)
            self.problems.add(line, f"experiment {self.experiment.name} takes no '{parameter}'", hint)

    def forbid_both(self, parameters: Iterable[str], grids: tuple[Grid, ...], node: Node | None) -> None:
        """Report fixed parameters that every grid varies: it is unclear which of the two is meant."""
        for name in parameters:
            if isinstance(node, Table) and all(name in grid for grid in grids):
                hint = "take it out of one of the two; a scale may have a `grid` of its own"
                self.problems.add(node.entries[name].line, f"'{name}' has a fixed value and stands in the grid", hint)

    def require(self, scale: Scale, grids: tuple[Grid, ...], parameters: Iterable[str], line: int) -> None:
        """Report required parameters that some point of the scale lacks."""
        if self.experiment is None:
            return
        for name in self.experiment.required:
            if any(name not in grid for grid in grids) and name not in parameters:
                problem = f"scale {scale} sets no '{name}', which experiment {self.experiment.name} requires"
                self.problems.add(line, problem, "add it to `parameters`, to `grid` or to the scale")


def _without_overridden(parameters: dict[str, Scalar | Choice], grids: tuple[Grid, ...]) -> dict[str, Scalar | Choice]:
    """Those that count at some point: a scale's own grid replaces what the verification fixes."""
    return {name: value for name, value in parameters.items() if any(name not in grid for grid in grids)}


def read_choice(node: Table, problems: Problems) -> Choice | None:
    """A value that another verification chooses: `{choose_from: …, minimise: …, per: …}`."""
    found = fields.record(node, "a chosen value", _CHOICE, problems)
    if found is None:
        return None
    if (found["minimise"] is None) == (found["maximise"] is None):
        problems.add(node.line, "a chosen value needs exactly one of `minimise` and `maximise`", "with a metric's name")
        return None
    per: tuple[str, ...] | None = ()
    if isinstance(found["per"], Leaf):
        name = fields.text(found["per"], "per", problems)
        per = None if name is None else (name,)
    elif found["per"] is not None:
        per = listing(fields.text, "parameters")(found["per"], "per", problems)
    if per is None:
        return None
    if found["minimise"] is not None:
        return Choice(found["choose_from"], found["minimise"], "minimise", per)
    return Choice(found["choose_from"], found["maximise"], "maximise", per)
