"""A review's parts: front matter, body, `verify` fences; and all that can be wrong with how they stand."""

from __future__ import annotations

import re
from difflib import get_close_matches

from markdown_it.token import Token
from msgspec import Struct

from verify.format.blocks import Blocks, Code, analyse
from verify.format.markdown import parse
from verify.format.problems import Problems

_OPENER = re.compile(r"(?P<before>[\s>]*(?:(?:[-*+]|\d+[.)])[\s>]+)*)(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
_EXAMPLE = "to show it as an example, put it into a longer fence (````)"


class Fence(Struct, frozen=True):
    """A `verify` fence; lines are those of its opening and closing line (1-based, in the file)."""

    language: str
    content: str
    line: int
    end_line: int


class Document(Struct, frozen=True):
    """A review's text in parts; line numbers are 1-based."""

    front: str | None
    front_line: int
    body: str
    body_line: int
    tokens: list[Token]
    """Of the body; their lines are 0-based there."""
    fences: tuple[Fence, ...]
    complete: bool
    """Whether every fence that was meant to be a `verify` fence is among `fences`."""

    def code(self) -> str:
        """All `python verify` fences as one module in which every line stands where it stands in the file."""
        lines = [""] * (self.body_line + self.body.count("\n"))
        for fence in self.fences:
            if fence.language == "python":
                content = fence.content.removesuffix("\n").split("\n")
                lines[fence.line : fence.line + len(content)] = content
        return "\n".join(lines).rstrip("\n") + "\n"


def split(text: str, problems: Problems) -> Document:
    """The parts of a review's text (LF line endings)."""
    front, front_line, body_line = _front_matter(text.split("\n"), problems)
    body = "\n".join(text.split("\n")[body_line - 1 :])
    lines = body.split("\n")
    tokens = parse(body)
    blocks = analyse(tokens, lines)
    before = len(problems.found)
    fences = [fence for code in blocks.fences if (fence := _verify_fence(code, lines, body_line, problems))]
    _check_strays(lines, blocks, body_line, problems)
    complete = len(problems.found) == before
    return Document(front, front_line, body, body_line, tokens, tuple(fences), complete)


def _front_matter(lines: list[str], problems: Problems) -> tuple[str | None, int, int]:
    """The front matter's text, its first line, and the line where the body begins."""
    if lines[0].rstrip() != "---":
        problems.add(
            1, "no front matter", "a review begins with a line `---`, the paper's data as YAML, and a line `---`"
        )
        return None, 1, 1
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return "\n".join(lines[1:number]), 2, number + 2
    problems.add(1, "the front matter does not end", "close it with a line `---`")
    return None, 1, len(lines) + 1


def _verify_fence(code: Code, lines: list[str], body_line: int, problems: Problems) -> Fence | None:
    """The fence as a `verify` fence; None for any other code block, and for one that stands where it may not."""
    line = body_line + code.span.start
    words = code.info.split()
    if not code.closed:
        problems.add(line, "this fence is never closed", "close it with a line of as many ` (or ~) as it opens with")
    if words not in (["yaml", "verify"], ["python", "verify"]):
        _check_near_miss(words, line, problems)
        return None
    if code.closed and lines[code.span.start].startswith(("```", "~~~")):
        return Fence(words[0], code.content, line, body_line + code.span.end - 1)
    return None


def _check_near_miss(words: list[str], line: int, problems: Problems) -> None:
    """Report an info string that was meant to be `yaml verify` or `python verify`."""
    bare = [part for word in words[:3] for part in re.split(r"[-{},.:;]+", word.lower()) if part]
    if not any(get_close_matches(word, ["verify"], cutoff=0.75) for word in bare[:2]):
        return
    language = "python" if any(word.startswith("py") for word in bare) else "yaml"
    problems.add(line, f"a fence that opens with '{' '.join(words)}'", f"did you mean '{language} verify'?")


def _check_strays(lines: list[str], blocks: Blocks, body_line: int, problems: Problems) -> None:
    """Report `verify` fences that Markdown sees elsewhere than at column 0, or does not see at all."""
    starts = {code.span.start for code in blocks.fences}
    inside = {number for code in blocks.fences for number in range(code.span.start + 1, code.span.end)}
    indented = {number for number in blocks.opaque - inside - starts if lines[number].startswith(("    ", "\t"))}
    for number, line in enumerate(lines):
        match = _OPENER.match(line)
        if match is None or match["info"].split() not in (["yaml", "verify"], ["python", "verify"]):
            continue
        if number in starts and not match["before"]:
            continue
        if number not in blocks.opaque or number in starts or number in indented:
            problem = "a `verify` fence must stand at the start of a line, outside lists, quotes and HTML"
            problems.add(body_line + number, problem, f"move it to column 0, or, {_EXAMPLE}")
        elif _is_swallowed(number, blocks):
            opened = body_line + max(start for start in starts if start < number)
            problem = f"a `verify` fence inside the one that opens in line {opened}"
            problems.add(body_line + number, problem, f"close that one first; or, {_EXAMPLE}")


def _is_swallowed(number: int, blocks: Blocks) -> bool:
    """Whether the line stands inside a `verify` fence, which nobody means."""
    return any(
        code.span.start < number < code.span.end and code.info.split()[1:] == ["verify"] for code in blocks.fences
    )
