"""The equations of one page, all read at once: macros and labels of one hold for others."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from markdown_it.token import Token

from verify.errors import UserError
from verify.format.markdown import walk
from verify.model import Review
from verify.site import mathml


def is_equation(token: Token) -> bool:
    """Whether it is one: of the rules for maths, or a fence that opens with `math`."""
    return token.type in ("maths_block", "maths_inline") or (
        token.type == "fence" and token.info.split()[:1] == ["math"]
    )


def stands_alone(token: Token) -> bool:
    """Whether it is set as a block, even within a line."""
    return bool(token.meta.get("display", token.type == "fence"))


def read(
    review: Review, tokens: Sequence[Token], kept: MutableMapping[str, str] | None
) -> tuple[dict[int, str], list[str], list[UserError]]:
    """The MathML of each equation by the `id` of its token, the ids that stand in it, and what cannot be read.

    That is shown as its source.

    Args:
        review: whose text it is.
        tokens: of its body.
        kept: translations of earlier builds.
    """
    found = [(token, line) for token, line in walk(tokens) if is_equation(token)]
    page = [mathml.Equation(token.content.strip(), stands_alone(token)) for token, _ in found]
    written: dict[int, str] = {}
    mistakes = []
    rendered = mathml.render(page, kept)
    for (token, line), result in zip(found, rendered.html, strict=True):
        if isinstance(result, str):
            written[id(token)] = result
            continue
        tex = token.content.strip()
        written[id(token)] = mathml.as_source(tex, result)
        place = tex[result.at : result.at + 20].split("\n")[0]
        where = f" at '{place}'" if place else ""
        message = f"an equation cannot be read{where}: {result.reason}"
        begun = token.meta.get("begun", token.content[: token.content.find(tex)].count("\n"))
        below = begun + (token.type == "fence") + tex.count("\n", 0, result.at)
        hint = "equations are LaTeX; the guide says what of it is known"
        mistakes.append(UserError(message, review.path, review.body_line + line + below, hint))
    return written, [mathml.label_id(label) for label in rendered.numbers], mistakes
