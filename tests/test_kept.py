"""Translations of equations between builds: whatever the file holds, every equation is shown, and none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.site.kept import Translations
from verify.site.mathml import Equation, Mistake, render
from verify.site.mathml_engine import Answer, translate

PLACE = ".verify/cache/equations.json"
ONE, TWO, THREE = (Equation(f"x + {number}") for number in (77001, 77002, 77003))


def build(root: Path, *page: Equation) -> list[object]:
    """One build of one page."""
    kept = Translations(root)
    html = render(page, kept).html
    kept.save()
    return list(html)


def held(root: Path) -> int:
    return len(Translations(root))


@pytest.mark.parametrize("written", [b'{"a":"\xff"}', b'{"a":', b"[]", b'{"a":1}', b'{"a":"\\ud800"}', b""])
def test_a_file_that_cannot_be_read_is_made_anew(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / PLACE
    path.parent.mkdir(parents=True)
    path.write_bytes(written)
    assert build(tmp_path, ONE) == render([ONE]).html
    assert held(tmp_path) == 1


@pytest.mark.parametrize("garbage", ["", "x", "<math>", "<p>x</p>", "<math><script/></math>", "\x00"])
def test_an_entry_that_cannot_be_shown_is_made_anew(tmp_path: Path, garbage: str) -> None:
    build(tmp_path, ONE, TWO)
    kept = Translations(tmp_path)
    for name in list(kept):
        kept[name] = garbage
    kept.save()
    assert build(tmp_path, ONE, TWO) == render([ONE, TWO]).html
    assert garbage not in Translations(tmp_path).values()


def test_what_a_page_may_not_have_is_asked_for_once_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def spoiled(due: list[tuple[str, bool]]) -> list[Answer]:
        asked.extend(tex for tex, _ in due)
        return [Answer("<math><script/></math>") if "77001" in tex else translate([(tex, d)])[0] for tex, d in due]

    monkeypatch.setattr("verify.site.mathml.translate", spoiled)
    for _ in range(2):
        assert isinstance(build(tmp_path, ONE, TWO)[0], Mistake)
    assert len(asked) == 3  # the one that can be shown, once


def test_several_builds_in_one_process_keep_all_equations(tmp_path: Path) -> None:
    build(tmp_path, ONE, TWO)
    build(tmp_path, ONE, TWO, THREE)
    assert held(tmp_path) == 3
    build(tmp_path, THREE)
    assert held(tmp_path) == 1  # the others are on no page any more
