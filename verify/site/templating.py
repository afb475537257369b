"""Templates, and what they may call."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined

from verify import terms
from verify.judging.judge import wanted
from verify.model import Review
from verify.site import answer, assets, files, words
from verify.site.intervals import interval
from verify.site.listings import listing

FOLDER = Path(__file__).parent


def addresses(review: Review) -> Iterator[tuple[str, str]]:
    if review.paper.arxiv:
        yield f"arXiv {review.paper.arxiv}", f"https://arxiv.org/abs/{review.paper.arxiv}"
    yield from review.paper.links.items()


def code_path(module: str) -> str:
    """Where the source of a project's module is served."""
    return f"code/{module}.html"


def rendered(template: str, **values: object) -> str:
    """A template of this package, filled in."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """Jinja2 with everything escaped unless it was made here, and nothing undefined taken for empty."""
    made = Environment(
        bytecode_cache=FileSystemBytecodeCache(),
        loader=FileSystemLoader([FOLDER / "templates", FOLDER / "mkdocs" / "overrides"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"asset": assets.path, "engine": files.engine_path, "badges": words.BADGES}
    made.filters |= {
        "addresses": addresses,
        "anchor": words.anchor,
        "answer": answer.answer,
        "asks": words.asks,
        "change_at": answer.change,
        "code_path": code_path,
        "control": words.control,
        "control_measured": words.control_measured,
        "doubt": words.doubt,
        "failures": words.failures,
        "look": words.look,
        "count_of": words.count,
        "criterion": words.criterion,
        "duration": words.duration,
        "explorable": files.explorable,
        "interval": interval,
        "listing": listing,
        "measured": words.measured,
        "number": words.number,
        "of_estimate": terms.of_estimate,
        "of_statistic": terms.of_statistic,
        "reason": words.reason,
        "registration": words.registration,
        "rung_anchor": answer.anchor,
        "scalar": words.scalar,
        "scale_before": answer.scale_before,
        "sentence": words.sentence,
        "survival": words.survival,
        "together": words.together,
        "wanted": wanted,
        "web_address": words.web_address,
    }
    return made
