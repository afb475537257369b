"""One mistake costs one review: what cannot be read is named with its reason, and everything else goes on."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import COIN, Mini
from verify.errors import UserError, UserErrors
from verify.project.project import Project


def as_folder(path: Path) -> None:
    path.mkdir()


def as_pipe(path: Path) -> None:
    os.mkfifo(path)


def as_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the whole path may be longer than a socket's can be
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def as_dangling_link(path: Path) -> None:
    path.symlink_to("nothing.md")


def as_link_out(path: Path) -> None:
    target = path.parent.parent.parent / "elsewhere.md"
    target.write_text(COIN)
    path.symlink_to(target)


def as_link_to_the_system(path: Path) -> None:
    path.symlink_to("/proc/self/environ")


def as_link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def as_link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def as_link_to_a_folder(path: Path) -> None:
    path.symlink_to("../docs")
    (path.parent.parent / "docs").mkdir(exist_ok=True)


def as_other_encoding(path: Path) -> None:
    path.write_bytes(COIN.replace("A coin is fair", "Größe").encode("latin-1"))


def as_syntax_error(path: Path) -> None:
    path.write_text(COIN.replace("experiment: coin", "experiment: coyn"))


BROKEN: list[tuple[Callable[[Path], None], str]] = [
    (as_folder, "reviews/bad.md: it is called as a review, but is a folder\n    give it another name"),
    (as_pipe, "reviews/bad.md: it is called as a review, but is a pipe\n"),
    (as_socket, "reviews/bad.md: it is called as a review, but is a socket\n"),
    (as_dangling_link, "reviews/bad.md: it is a link to nothing.md, where nothing is\n    remove it"),
    (as_link_out, "reviews/bad.md: it is a link that leads out of the project\n    put the file itself in its place"),
    (as_link_to_the_system, "reviews/bad.md: it is a link that leads out of the project\n"),
    (as_link_to_a_device, "reviews/bad.md: it is a link that leads out of the project\n"),
    (as_link_to_itself, "reviews/bad.md: it is a link that leads back to itself\n    remove it"),
    (as_link_to_a_folder, "reviews/bad.md: it is called as a review, but is a folder\n"),
    (as_other_encoding, "reviews/bad.md:7: it is not UTF-8: invalid"),
    (as_syntax_error, "no experiment is called 'coyn'"),
]


@pytest.mark.parametrize(("make", "message"), BROKEN)
def test_every_command_does_the_others(ran: Mini, make: Callable[[Path], None], message: str) -> None:
    make(ran.root / "reviews" / "bad.md")
    for command, says in (
        ("run", "10 of 10 trials fresh"),
        ("refresh", "verdicts and figures are up to date"),
        ("status", "coin:flips"),
        ("verdicts", "@fair    agrees"),
    ):
        output = ran.verify(command, expect=2)
        assert says in output
        assert message in output
        assert "Traceback" not in output
    assert message in ran.verify("check", expect=2)


LEFTOVERS = [
    ".#coin.md",
    "#coin.md#",
    "coin.md~",
    ".hidden.md",
    "coin.md.swp",
    ".coin.md.swp",
    ".ipynb_checkpoints/x.md",
]


def test_what_is_hidden_and_what_editors_leave_are_no_reviews(ran: Mini) -> None:
    for name in LEFTOVERS:
        path = ran.root / "reviews" / name
        path.parent.mkdir(exist_ok=True)
        if name.startswith(".#"):
            path.symlink_to("author@machine.4711:1700000000")  # a lock of Emacs: a link that leads nowhere
        else:
            path.write_text("no review\n")
    for command in ("run", "refresh", "status", "verdicts", "check"):
        ran.verify(command)


@pytest.mark.parametrize("name", ["coin.markdown", "coin.MD", "coin.mkd"])
def test_another_ending_is_named(ran: Mini, name: str) -> None:
    (ran.root / "reviews" / name).write_text(COIN)
    message = f"reviews/{name}: a review's name ends in .md: this file is read by nothing\n    call it coin.md"
    assert message in ran.verify("status", expect=2)


def test_a_name_that_is_not_utf8(ran: Mini) -> None:
    (ran.root / "reviews" / os.fsdecode(b"\xe9.md")).write_text(COIN)
    output = ran.verify("status", expect=2)
    assert "reviews/\\xe9.md: the name of this file is not UTF-8\n    rename it" in output
    assert "coin:flips" in output


def test_a_link_within_the_project_is_read(ran: Mini) -> None:
    (ran.root / "drafts").mkdir()
    ran.review.rename(ran.root / "drafts" / "mine.md")
    ran.review.symlink_to("../drafts/mine.md")
    assert "10 of 10 trials fresh" in ran.verify("run")


def test_folders_that_lead_to_each_other_are_not_entered(ran: Mini) -> None:
    folder = ran.root / "reviews" / "more"
    folder.mkdir()
    (folder / "again").symlink_to("..")
    (folder / "coin.md").write_text(COIN)
    output = ran.verify("status", expect=2)
    assert output.count("a review stands directly in reviews/, not in a folder of it") == 1
    assert "reviews/more/coin.md" in output


def refuse(monkeypatch: pytest.MonkeyPatch, function: str, name: str) -> None:
    """Have the system refuse what ends in `name`: whoever runs the tests may be allowed everything."""
    real = getattr(Path if function == "iterdir" else os, function)

    def refused(path: Path, *arguments: int) -> object:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments)

    monkeypatch.setattr(Path if function == "iterdir" else os, function, refused)


def test_an_unreadable_file(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    (mini.root / "reviews" / "bad.md").write_text(COIN)
    refuse(monkeypatch, "open", "bad.md")
    project, errors = Project.inspect(mini.root)
    assert [review.slug for review in project.reviews] == ["coin"]
    assert [str(error) for error in errors] == ["reviews/bad.md: it cannot be read: permission denied"]


@pytest.mark.parametrize(("folder", "reviews"), [("reviews", []), ("reviews/notebooks", ["coin"])])
def test_an_unreadable_folder(mini: Mini, monkeypatch: pytest.MonkeyPatch, folder: str, reviews: list[str]) -> None:
    (mini.root / folder).mkdir(exist_ok=True)
    refuse(monkeypatch, "iterdir", folder)
    project, errors = Project.inspect(mini.root)
    assert [review.slug for review in project.reviews] == reviews
    assert [str(error) for error in errors] == [f"{folder}: this folder cannot be read: permission denied"]


def test_a_file_that_goes_while_it_is_looked_at(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: Path, *_: int) -> int:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(os, "open", gone)
    _, errors = Project.inspect(mini.root)
    assert [str(error) for error in errors] == ["reviews/coin.md: it cannot be read: no such file or directory"]


def test_a_project_whose_caches_cannot_be_written_is_read(mini: Mini) -> None:
    (mini.root / ".verify").mkdir()
    (mini.root / ".verify" / "cache").write_text("not a folder\n")
    assert "coin:flips" in mini.verify("status")


def test_what_stands_in_the_place_of_what_was_run_is_named(mini: Mini) -> None:
    (mini.root / ".verify").write_text("not a folder\n")
    assert ".verify: this is no folder" in mini.verify("status", expect=2)


@pytest.mark.parametrize("content", [b'{"key":"\xff"}', b"[" * 100_000, b'{"key": "\\ud800"}', b""])
def test_a_cache_that_cannot_be_read_is_made_anew(ran: Mini, content: bytes) -> None:
    cache = ran.root / ".verify" / "cache" / "reviews.json"
    cache.write_bytes(content)
    assert "10 of 10 trials fresh" in ran.verify("run")
    assert cache.read_bytes() != content


def test_a_mistake_in_the_projects_modules_is_told_each_time(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.planning import catalogue
    from verify.project import loading

    wrong = UserError("an option is wrong", "verify/experiments/other.py", 3)
    monkeypatch.setattr(catalogue, "read_project", lambda: ({}, [wrong]))
    loading._experiments.cache_clear()
    try:
        for _ in range(2):
            assert Project.inspect(mini.root)[1] == [wrong]
    finally:
        loading._experiments.cache_clear()


def test_load_raises_what_inspect_tells(mini: Mini) -> None:
    (mini.root / "reviews" / "bad.md").mkdir()
    with pytest.raises(UserErrors, match="but is a folder"):
        Project.load(mini.root)


# --- what was asked for by name


def test_a_review_that_is_asked_for_runs_beside_a_broken_one(mini: Mini) -> None:
    as_syntax_error(mini.root / "reviews" / "bad.md")
    as_folder(mini.root / "reviews" / "worse.md")
    output = mini.verify("run", "coin")
    assert "10 of 10 trials fresh" in output
    assert "left out, since they have mistakes: bad, worse (`verify check` names them)" in output
    assert "coyn" not in output


@pytest.mark.parametrize("name", ["bad", "reviews/bad.md", "bad:flips"])
def test_a_broken_review_that_is_asked_for_runs_nothing(mini: Mini, name: str) -> None:
    as_syntax_error(mini.root / "reviews" / "bad.md")
    output = mini.verify("run", name, expect=2)
    assert "no experiment is called 'coyn'" in output
    assert "there is no review" not in output
    assert "trials" not in output
    assert not mini.journal.exists()


def test_of_several_that_are_asked_for_those_without_mistakes_run(mini: Mini) -> None:
    as_syntax_error(mini.root / "reviews" / "bad.md")
    output = mini.verify("run", "coin", "bad", expect=2)
    assert "10 of 10 trials fresh" in output
    assert "no experiment is called 'coyn'" in output


def test_a_trial_that_failed_is_told_before_a_mistake(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 5, trick: crash}")
    as_folder(mini.root / "reviews" / "bad.md")
    output = mini.verify("run", expect=1)
    assert "but is a folder" in output


def test_a_project_of_mistakes_only(mini: Mini) -> None:
    mini.review.write_bytes(b"\xff")
    for command in ("run", "refresh", "status", "verdicts"):
        output = mini.verify(command, expect=2)
        assert "reviews/coin.md:1: it is not UTF-8" in output
        assert "Traceback" not in output


@pytest.mark.parametrize("where", ["docs/evidence/coin", ".verify/journal/coin"])
def test_records_that_cannot_be_read_cost_their_review(ran: Mini, where: str) -> None:
    (ran.root / "reviews" / "other.md").write_text(COIN)
    path = ran.root / where / "flips.tiny.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"trial":', b'{"trail":\xff', 1))
    for command in ("run", "status") + (("refresh",) if "evidence" in where else ()):
        output = ran.verify(command, *(("--missing",) if command == "run" else ()), expect=2)
        assert f"{where}/flips.tiny.jsonl:" in output
        assert "other" in output
        assert "Traceback" not in output
    assert (ran.root / "docs/evidence/other/flips.tiny.jsonl").is_file()


def test_a_review_larger_than_any_text_is_refused(mini: Mini) -> None:
    (mini.root / "reviews" / "large.md").write_text("a " * 600_000, encoding="utf-8")
    said = mini.verify("status", expect=2)
    assert "reviews/large.md: it is larger than 1 MB" in said
