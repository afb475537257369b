"""Which points of a scale's grids a `where` selects."""

from __future__ import annotations

from verify.errors import nearest
from verify.model import Choice, Rung, Scalar, Scale, Where


def equal(first: Scalar, second: Scalar) -> bool:
    """Equality of parameter values: 1 equals 1.0, but true is no number."""
    return first == second and isinstance(first, bool) == isinstance(second, bool)


def names(rung: Rung) -> set[str]:
    """All parameters that are set at this scale."""
    return set(rung.parameters).union(*rung.grids)


def chosen(rung: Rung, parameter: str) -> bool:
    """Whether another verification chooses the parameter, so that its value is not known before the run."""
    return isinstance(rung.parameters.get(parameter), Choice)


def values(rung: Rung, parameter: str, where: Where | None = None) -> tuple[Scalar, ...]:
    """All values the parameter takes among the points that `where` selects, in the grids' order."""
    found: dict[Scalar, None] = {}
    wanted = where or {}
    for grid in rung.grids:
        if all(_takes(rung, grid, name, value) for name, value in wanted.items()):
            found |= dict.fromkeys(_options(rung, grid, parameter))
    if parameter not in wanted:
        return tuple(found)
    return tuple(value for value in found if equal(value, wanted[parameter]))


def selects(rung: Rung, where: Where) -> bool:
    """Whether any point agrees with all of `where`."""
    return any(all(_takes(rung, grid, name, value) for name, value in where.items()) for grid in rung.grids)


def _options(rung: Rung, grid: dict[str, tuple[Scalar, ...]], parameter: str) -> tuple[Scalar, ...]:
    if parameter in grid:
        return grid[parameter]
    fixed = rung.parameters.get(parameter)
    return () if fixed is None or isinstance(fixed, Choice) else (fixed,)


def _takes(rung: Rung, grid: dict[str, tuple[Scalar, ...]], parameter: str, value: Scalar) -> bool:
    return _among(value, _options(rung, grid, parameter))


def _among(value: Scalar, options: tuple[Scalar, ...]) -> bool:
    """Whether one of them is the value; no two of them are equal in Python, to which true is 1."""
    return value in options and equal(value, options[options.index(value)])


def mistake(rungs: dict[Scale, Rung], parameter: str, value: Scalar) -> tuple[str, str] | None:
    """Why `parameter: value` selects nothing at some scale, with a hint; None where it selects at every one."""
    known = set[str]().union(*map(names, rungs.values()))
    if parameter not in known:
        return f"'{parameter}' is not a parameter of this verification", nearest(parameter, known)
    for scale, rung in rungs.items():
        if parameter not in names(rung):
            return f"'{parameter}' is not set at scale {scale}", "set it in the grid or the parameters of every scale"
        if chosen(rung, parameter):
            return f"'{parameter}' is chosen by another verification at scale {scale}", "it cannot select trials"
        options = values(rung, parameter)
        if not _among(value, options):
            return f"'{parameter}' is never {shown(value)} at scale {scale}", nearest(shown(value), map(shown, options))
    return None


def shown(value: Scalar) -> str:
    """A value as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def spelled(where: Where) -> str:
    """A selection in the words of a message."""
    return ", ".join(f"{name}={shown(value)}" for name, value in where.items())
