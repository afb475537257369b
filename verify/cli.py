"""The command line: parse, call, print."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verify import __version__
from verify.errors import UserError, UserErrors
from verify.model import SCALES, Scale

if TYPE_CHECKING:
    from verify.project.project import Project
    from verify.running.notebooks import Notebook
    from verify.running.runner import Listener, Options, Run

# Everything else is imported by the command that needs it: `verify --help` and a run with nothing to do stay instant.


class _Group(click.Group):
    """Reports every mistake of the user's at once, with exit code 2, and never as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (UserError, UserErrors) as mistake:
            errors = mistake.errors if isinstance(mistake, UserErrors) else [mistake]
            _complain(errors)
            ctx.exit(2)
        finally:
            gc.freeze()  # else the collections on leaving take a tenth of a command that had nothing to do


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--project",
    "start",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="A folder of the project; by default the current one.",
)
@click.version_option(__version__)
@click.pass_context
def main(ctx: click.Context, start: Path) -> None:
    """Paper reviews whose claims are tested by experiments that anyone can rerun.

    \b
    verify run       run what this machine has not run yet
    verify refresh   verdicts and figures from the evidence
    verify verdicts  each claim: as published, and here
    """
    ctx.obj = start


def _load(start: Path) -> Project:
    from verify.project.project import Project, find_root

    return Project.load(find_root(start))


class _Wanted:
    """What a command is about: the reviews it names, or all; the mistakes that keep some of these out.

    A mistake costs its review: the command does the others, tells the mistakes, and ends with 2.
    """

    def __init__(self, start: Path, names: Sequence[str] = ()) -> None:
        from verify.project.project import Project, find_root

        self.project, found = Project.inspect(find_root(start))
        broken = {_slug(error.file) for error in found if error.file.startswith("reviews/")}
        named = {_slug(name) for name in names}
        self.mistakes = [error for error in found if not names or _slug(error.file) in named]
        self.beside = sorted(broken - named) if names else []
        """Broken reviews that nobody asked for."""
        left = [name for name in names if _slug(name) not in broken]
        self.targets = _targets(self.project, left) if left or not names else []

    def without(self, slug: str, mistakes: Iterable[UserError]) -> None:
        """Leave a review out, for these mistakes."""
        self.mistakes += mistakes
        self.targets = [target for target in self.targets if target[0] != slug]

    def tell(self) -> None:
        """Say what is wrong, all of it at once."""
        _complain(self.mistakes)
        if self.beside:
            click.echo(
                f"left out, since they have mistakes: {', '.join(self.beside)} (`verify check` names them)", err=True
            )

    def end(self) -> None:
        """Leave with 2 where there is a mistake in what was asked for."""
        if self.mistakes:
            sys.exit(2)


def _complain(mistakes: Sequence[UserError]) -> None:
    for error in UserErrors(mistakes).errors:
        click.echo(str(error), err=True)
    if len(mistakes) > 1:
        click.echo(f"{len(mistakes)} mistakes", err=True)


def _contradict(found: Iterable[UserError]) -> None:
    """Say where evidence is not what this machine got: no mistakes of what was written, and not counted as such."""
    for each in found:
        click.echo(str(each), err=True)


def _slug(name: str) -> str:
    """The review that a target or a path names."""
    return name.removeprefix("reviews/").partition(":")[0].removesuffix(".md")


def _targets(project: Project, names: Sequence[str]) -> list[tuple[str, str | None]]:
    """`review` or `review:verification` as a pair, with every unknown name reported."""
    from verify.errors import nearest

    found: list[tuple[str, str | None]] = []
    errors = []
    known = {review.slug: [each.id for each in review.verifications] for review in project.reviews}
    for name in names or known:
        slug, verification = _slug(name), name.partition(":")[2]
        if slug not in known:
            errors.append(UserError(f"there is no review '{slug}'", hint=nearest(slug, known)))
        elif verification and verification not in known[slug]:
            hint = nearest(verification, known[slug])
            errors.append(UserError(f"review '{slug}' has no verification '{verification}'", hint=hint))
        else:
            found.append((slug, verification or None))
    if errors:
        raise UserErrors(errors)
    return found


_scale = click.option(
    "--scale", type=click.Choice(SCALES), default="tiny", show_default=True, help="Rung of the ladder to run."
)


@main.command()
@click.argument("targets", nargs=-1, metavar="[REVIEW[:VERIFICATION]]...")
@_scale
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True,
    help="What to train on.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(1), help="Worker processes; they share the cores.  [default: one a core]"
)
@click.option("--missing", is_flag=True, help="Let committed evidence count: run only what is missing or stale in it.")
@click.option("--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--explain", is_flag=True, help="Say of each group of trials why it would run.")
@click.pass_obj
def run(
    start: Path, targets: tuple[str, ...], scale: Scale, device: str, workers: int | None,
    missing: bool, dry_run: bool, explain: bool,
) -> None:  # fmt: skip
    """Run the trials that this machine has not run yet, and write the evidence; then the notebooks that changed.

    Finished batches are kept at once: after Ctrl-C or a crash the next run goes on where this one ended.  A review
    with a mistake is left out and told; the exit code is then 2, or 1 where a trial failed.
    """
    from verify import report
    from verify.running import notebooks, runner, witness

    wanted = _Wanted(start, targets)
    project = wanted.project
    options = runner.Options(device=device, workers=workers, missing=missing)
    done = _plan(wanted, scale, options, report.Silent() if dry_run else report.listener())
    wanted.tell()
    if done is None:
        sys.exit(2)
    whole = [slug for slug, verification in wanted.targets if not verification]
    changed = notebooks.due(notebooks.find(project, whole))
    if dry_run:
        _say(report.due(done, explain=explain, workers=workers or runner.cores()))
        _say(f"notebook {each.slug}: to be executed" for each in changed)
        wanted.end()
        return
    watch = witness.Watch(project, done.jobs)
    if done.due:
        with _lock(project.root):
            done.plan()  # anew: another run may have done some of it in the meantime
            watch.begin()
            _say(report.explained(done) if explain else ())
            _execute(done)
    try:
        done.publish()
    except UserErrors as error:
        wanted.mistakes += error.errors
        _complain(error.errors)
    wrong = _execute_notebooks(project, changed) if changed else 0
    unlike = list(watch.end())
    _say(report.summary(done))
    _contradict(unlike)
    if done.failures or done.stopped or report.waiting(done) or wrong or unlike:
        sys.exit(1)
    wanted.end()


def _plan(wanted: _Wanted, scale: Scale, options: Options, listener: Listener) -> Run | None:
    """The run of what can be read and written; None where mistakes leave nothing of what was asked for."""
    from verify.running import jobs, runner

    for slug in dict(wanted.targets):
        if linked := list(wanted.project.link_mistakes(slug)):
            wanted.without(slug, linked)
    while wanted.targets or not wanted.mistakes:
        done = runner.Run(jobs.select(wanted.project, wanted.targets, scale), options, listener)
        try:
            done.plan()
            wrong = None
        except UserErrors as error:
            wrong = error
        if wrong is None and not done.due:  # nothing more is read
            return done
        troubled = {slug: wanted.project.troubles(slug, [scale]) for slug in dict(wanted.targets)}
        if not any(troubled.values()):
            if wrong is None:
                return done
            raise wrong  # a mistake of no review's
        for slug, mistakes in troubled.items():
            if mistakes:
                wanted.without(slug, mistakes)
    return None


def _execute_notebooks(project: Project, changed: Sequence[Notebook]) -> int:
    """Execute notebooks, one after another; returns how many failed."""
    import time

    from verify import report
    from verify.running import notebooks

    failed = 0
    with _lock(project.root):
        for each in changed:
            begun = time.monotonic()
            try:
                notebooks.execute(project, each)
                click.echo(f"notebook {each.slug}: executed in {report.duration(time.monotonic() - begun)}")
            except UserError as error:
                failed += 1
                click.echo(str(error), err=True)
    return failed


def _execute(done: Any) -> None:
    """Run, and take an interrupt or a request to end for what it is: finished batches are on disk."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        if done.due:
            done.execute()
    except KeyboardInterrupt:
        click.echo("\nstopped; finished batches are kept, `verify run` goes on from here", err=True)
        sys.exit(130)


def _lock(root: Path) -> Any:
    """One run a project: a second one waits for the first and then finds its results."""
    from filelock import FileLock, Timeout

    path = root / ".verify" / "lock"
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        click.echo("another `verify run` is at work in this project; waiting for it", err=True)
        lock.acquire()
    return lock


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


@main.command()
@click.pass_obj
def refresh(start: Path) -> None:
    """Bring verdicts and figures up to date with reviews and evidence.

    What cannot be judged or drawn is told, and costs nothing but itself.
    """
    from verify.project.refresh import refresh as bring_up_to_date

    wanted = _Wanted(start)
    done = bring_up_to_date(wanted.project)
    wanted.mistakes += done.mistakes
    for slug in done.judged:
        click.echo(f"judged {slug}")
    for path in done.drawn:
        click.echo(f"drew {path}")
    for path in done.removed:
        click.echo(f"removed {path}")
    if not (done.judged or done.drawn or done.removed):
        others = "all other " if wanted.mistakes else ""
        click.echo(f"{others}verdicts and figures are up to date")
    wanted.tell()
    wanted.end()


@main.command()
@click.argument("targets", nargs=-1, metavar="[REVIEW[:VERIFICATION]]...")
@click.pass_obj
def status(start: Path, targets: tuple[str, ...]) -> None:
    """Each verification at each scale: fresh, stale, missing, failed, and what it was recorded on."""
    from verify import report

    wanted = _Wanted(start, targets)
    for slug in dict(wanted.targets):
        if troubled := wanted.project.troubles(slug):
            wanted.without(slug, troubled)
    _say(report.status(wanted.project, wanted.targets))
    wanted.tell()
    wanted.end()


@main.command()
@click.argument("targets", nargs=-1, metavar="[REVIEW]...")
@click.pass_obj
def verdicts(start: Path, targets: tuple[str, ...]) -> None:
    """Each claim: the verdict that this machine reached, and whether it is the published one.

    Ends with 1 where a verdict differs, or a value of a trial that was run here is another one in the evidence.
    """
    from verify import verdicts as words
    from verify.project.published import published
    from verify.running import witness
    from verify.running.reached import reached

    wanted = _Wanted(start, targets)
    slugs = dict(wanted.targets)
    against = published(wanted.project, slugs)
    found, unlike = [], []
    for slug in slugs:
        review = wanted.project.review(slug)
        try:
            apart = witness.of_review(wanted.project, review)
            here = list(reached(wanted.project, review, against.verdicts))
        except UserErrors as wrong:
            wanted.without(slug, wrong.errors)
            continue
        unlike += apart
        found += here
    _say(words.table(found))
    _contradict(witness.told(wanted.project, unlike))
    _say(words.total(found, against.instead))
    wanted.tell()
    if unlike or any(each.word == "differs" for each in found):
        sys.exit(1)
    wanted.end()


@main.command()
@click.argument("names", nargs=-1, metavar="[REVIEW]...")
@click.pass_obj
def check(start: Path, names: tuple[str, ...]) -> None:
    """Find every mistake: in reviews, in stated verdicts, in evidence that is out of date or belongs to nothing.

    Ends with 1 where evidence is not what this machine got for the same trials, even if there are other mistakes.
    """
    from verify import checks
    from verify.project.project import find_root
    from verify.running.witness import Contradiction

    count, errors = checks.check(find_root(start), names)
    _complain(errors)
    if errors:
        sys.exit(1 if any(isinstance(each, Contradiction) for each in errors) else 2)
    click.echo(f"{count} review{'s' * (count != 1)}, no mistakes")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.pass_obj
def serve(start: Path, host: str, port: int) -> None:
    """Serve the site, refresh verdicts and figures at every edit, and reload the page; runs no experiment."""
    from verify.project.project import find_root
    from verify.site.mkdocs.serve import serve as serve_site

    serve_site(find_root(start), host, port, click.echo)


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--flat", is_flag=True, help="For a generator that serves a/b.md as a/b.html and not as a/b/.")
@click.pass_obj
def export(start: Path, folder: Path, flat: bool) -> None:
    """Write the site's pages as plain Markdown with all they refer to, for another generator to take."""
    from verify.project.project import Project, find_root
    from verify.site.export import export as write

    project, mistakes = Project.inspect(find_root(start))
    written = write(project, folder, directory_urls=not flat, mistakes=mistakes)
    click.echo(f"{written} files are in {folder}")
