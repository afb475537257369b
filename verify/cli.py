"""The command line: parse, call, print."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from errno import EPIPE
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verify import __version__
from verify.errors import UserError, UserErrors, of_system, visible
from verify.model import SCALES, Scale

if TYPE_CHECKING:
    from verify.running.jobs import Job
    from verify.running.notebooks import Notebook
    from verify.running.progress import Listener
    from verify.running.runner import Options, Run
    from verify.running.witness import Witness

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
        except OSError as error:
            if error.errno == EPIPE:  # whoever reads the output has enough of it
                raise
            _complain([of_system(error)])
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


class _Wanted:
    """What a command is about: the reviews it names, or all; the mistakes that keep some of these out.

    A mistake costs its review: the command does the others, tells the mistakes, and ends with 2.
    """

    def __init__(self, start: Path, names: Sequence[str] = ()) -> None:
        from verify.project import named
        from verify.project.project import Project, find_root

        self.project, found = Project.inspect(find_root(start))
        broken = {named.slug(error.file) for error in found if error.file.startswith("reviews/")}
        asked = {named.slug(name) for name in names}
        self.mistakes = [error for error in found if not names or named.slug(error.file) in asked]
        self.beside = sorted(broken - asked) if names else []
        """Broken reviews that nobody asked for."""
        left = [name for name in names if named.slug(name) not in broken]
        self.targets = named.targets(self.project, left) if left or not names else []

    def replicate(self, name: str, first_seed: int | None, about: str | None) -> None:
        """Be about the evidence of a laboratory, which may be a new one.

        Raises:
            UserErrors: it cannot be read, or is not what is said of it.
        """
        from verify.project import laboratories

        self._expect_readable(name)
        known = self.project.known_laboratories
        self.project = self.project.of(laboratories.chosen(known, name, first_seed, about))

    def at(self, name: str) -> None:
        """Be about the evidence of a laboratory; raises UserErrors where there is none."""
        from verify.project import laboratories

        self._expect_readable(name)
        self.project = self.project.of(laboratories.named(self.project.known_laboratories, name))

    def _expect_readable(self, name: str) -> None:
        from verify.project import laboratories

        if broken := laboratories.of_name(self.project.laboratory_mistakes, name):
            raise UserErrors(broken)

    def without(self, slug: str, mistakes: Iterable[UserError]) -> None:
        """Leave a review out, for these mistakes."""
        self.mistakes += mistakes
        self.targets = [target for target in self.targets if target[0] != slug]

    def undescribed(self, done: Run) -> list[str]:
        """Reviews of a laboratory's run whose folder does not say yet what the laboratory is."""
        from verify.project import laboratories

        root, laboratory = self.project.root, self.project.laboratory
        slugs = dict.fromkeys(job.review.slug for job in done.jobs.values()) if laboratory.name else ()
        return [slug for slug in slugs if not laboratories.is_written(root, slug, laboratory)]

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
        click.echo(visible(str(error)), err=True)
    if len(mistakes) > 1:
        click.echo(f"{len(mistakes)} mistakes", err=True)


def _contradict(found: Iterable[UserError]) -> None:
    """Say where evidence is not what this machine got: no mistakes of what was written, and not counted as such."""
    for each in found:
        click.echo(visible(str(each)), err=True)


_scale = click.option(
    "--scale", type=click.Choice(SCALES), default="tiny", show_default=True, help="Rung of the ladder to run."
)


_targets = click.argument("targets", nargs=-1, metavar="[REVIEW[:VERIFICATION|@CLAIM]]...")
_lab = click.option("--lab", metavar="NAME", help="Of a laboratory, in place of the project itself.")


@main.command()
@_targets
@_scale
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True,
    help="What to train on.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(1), help="Worker processes; they share the cores.  [default: one a core]"
)
@click.option("--missing", is_flag=True, help="Let committed evidence count: run only what is missing or stale in it.")
@click.option("--again", is_flag=True, help="Run also what is fresh, and compare with what came out before.")
@click.option(
    "--replicate", metavar="NAME", help="Run as a laboratory: the same trials with its own seeds, into its own folder."
)
@click.option(
    "--seeds-from", type=click.IntRange(0), metavar="N",
    help="The first seed of a new laboratory; 0 for the seeds of the project itself.  [default: 1000]",
)  # fmt: skip
@click.option("--about", metavar="TEXT", help="A line about the laboratory, which its evidence shows.")
@click.option("--no-robust", is_flag=True, help="Leave out the variants that `robust` of a verification declares.")
@click.option("--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--explain", is_flag=True, help="Say of each group of trials why it would run.")
@click.pass_obj
def run(
    start: Path, targets: tuple[str, ...], scale: Scale, device: str, workers: int | None,
    missing: bool, again: bool, replicate: str | None, seeds_from: int | None, about: str | None,
    no_robust: bool, dry_run: bool, explain: bool,
) -> None:  # fmt: skip
    """Run the trials that this machine has not run yet, and write the evidence; then the notebooks that changed.

    Finished batches are kept at once: after Ctrl-C or a crash the next run goes on where this one ended.  A review
    with a mistake is left out and told; the exit code is then 2, or 1 where a trial failed.
    """
    from verify import report
    from verify.running import interrupts, notebooks, runner, witness
    from verify.running.progress import Silent
    from verify.system import cores

    _expect_to_agree(missing=missing, again=again, replicate=replicate, seeds_from=seeds_from, about=about)
    wanted = _Wanted(start, targets)
    if replicate is not None:
        wanted.replicate(replicate, seeds_from, about)
    options = runner.Options(device=device, missing=missing, again=again, robust=not no_robust)
    done = _plan(wanted, scale, options, Silent() if dry_run else report.listener())
    wanted.tell()
    if done is None:
        sys.exit(2)
    whole = [slug for slug, verification in wanted.targets if not verification and replicate is None]
    changed = notebooks.due(notebooks.find(wanted.project, whole))
    if dry_run:
        _say(report.due(done, explain=explain, workers=workers or cores()))
        _say(f"notebook {each.slug}: to be executed" for each in changed)
        wanted.end()
        return
    watch = witness.Witness(wanted.project, done.jobs, again=again)
    wrong = 0
    if done.open or done.unpublished or changed or wanted.undescribed(done):
        interrupts.take_as_interrupts()
        try:
            wrong = _work(wanted, done, changed, watch, workers, explain=explain)
        except KeyboardInterrupt:
            with suppress(OSError):  # the terminal may be gone
                click.echo("\nstopped; finished batches are kept, `verify run` goes on from here", err=True)
            sys.exit(130)
    unlike = watch.end()
    unread = [each for each in watch.mistakes if str(each) not in map(str, wanted.mistakes)]
    wanted.mistakes += unread
    _say(report.beside(done))
    _say(report.summary(done))
    _complain(unread)
    _contradict(unlike)
    if done.failures or done.stopped or done.different or report.waiting(done) or wrong or unlike:
        sys.exit(1)
    wanted.end()


def _expect_to_agree(
    *, missing: bool, again: bool, replicate: str | None, seeds_from: int | None, about: str | None
) -> None:
    """See that the options of a run go together; raises UserErrors."""
    errors = []
    if seeds_from is not None and replicate is None:
        hint = "for other seeds be a laboratory: `verify run --replicate NAME --seeds-from N`"
        errors.append(UserError("--seeds-from: the evidence of the project itself begins at seed 0", hint=hint))
    if about is not None and replicate is None:
        errors.append(UserError("--about: it says what a laboratory is", hint="name it: --replicate NAME"))
    if again and missing:
        hint = "--again runs everything, --missing only what the evidence lacks: leave one of them out"
        errors.append(UserError("--again and --missing exclude each other", hint=hint))
    if errors:
        raise UserErrors(errors)


def _work(
    wanted: _Wanted, done: Run, changed: Sequence[Notebook], watch: Witness, workers: int | None, *, explain: bool
) -> int:
    """What a run does while no other one is at work; returns how much of it was to no avail."""
    from verify import report
    from verify.project import laboratories
    from verify.running import notebooks
    from verify.running.executors.local import LocalExecutor
    from verify.running.lock import only_run

    def waits() -> None:
        click.echo("another `verify run` is at work in this project; waiting for it", err=True)

    with only_run(wanted.project.root, waits):
        done.plan()  # anew: the other run may have done some of it
        for slug, mistakes in done.unwritable().items():
            _complain(mistakes)
            wanted.without(slug, mistakes)
            done.leave_out(slug)
        watch.begin()
        for slug in wanted.undescribed(done):
            laboratories.write(wanted.project.root, slug, wanted.project.laboratory)
        try:
            if done.open:
                _say(report.explained(done) if explain else ())
                with closing(LocalExecutor(workers)) as executor:
                    done.execute(executor)
            mistakes = done.publish(done.unpublished)
        except UserError as halted:  # a disk that is full, say; mistakes of the user's are UserErrors
            _complain([halted])
            return 1
        wanted.mistakes += mistakes
        _complain(mistakes)
        left = [each for each in changed if each.slug in dict(wanted.targets)]
        return notebooks.execute_all(wanted.project, left, click.echo, lambda error: _complain([error]))


def _plan(wanted: _Wanted, scale: Scale, options: Options, listener: Listener) -> Run | None:
    """The run of what can be read and written; None where mistakes leave nothing of what was asked for."""
    from verify import report
    from verify.running import runner

    for slug in dict(wanted.targets):
        if linked := list(wanted.project.link_mistakes(slug)):
            wanted.without(slug, linked)
    while wanted.targets or not wanted.mistakes:
        done = runner.Run(_jobs(wanted, scale, options), options, listener)
        try:
            done.plan()
            wrong = None
        except UserErrors as error:
            wrong = error
        if wrong is None and not done.open:  # nothing more is read
            return done
        troubled = {slug: wanted.project.troubles(slug, [scale]) for slug in dict(wanted.targets)}
        if not any(troubled.values()):
            if wrong is not None:
                raise wrong  # a mistake of no review's
            if unmet := done.unmet():
                wanted.mistakes.append(report.lacking(unmet))
                wanted.targets = [target for target in wanted.targets if target[0] not in unmet]
                continue
            return done
        for slug, mistakes in troubled.items():
            if mistakes:
                wanted.without(slug, mistakes)
    return None


def _jobs(wanted: _Wanted, scale: Scale, options: Options) -> list[Job]:
    """Those of what is wanted, whole or as a pilot."""
    from verify.running import jobs, pilot

    if options.pilot:
        return pilot.select_pilots(wanted.project, wanted.targets, scale, options.pilot)
    return jobs.select(wanted.project, wanted.targets, scale, robust=options.robust)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(visible(line))


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
    _say(f"judged {slug}" for slug in done.judged)
    _say(f"drew {path}" for path in done.drawn)
    _say(f"removed {path}" for path in done.removed)
    if not (done.judged or done.drawn or done.removed):
        others = "all other " if wanted.mistakes else ""
        click.echo(f"{others}verdicts and figures are up to date")
    wanted.tell()
    wanted.end()


@main.command()
@_targets
@_lab
@click.pass_obj
def status(start: Path, targets: tuple[str, ...], lab: str | None) -> None:
    """Each verification at each scale: fresh, stale, missing, failed, and what it was recorded on."""
    from verify import report

    wanted = _Wanted(start, targets)
    if lab is not None:
        wanted.at(lab)
    for slug in dict(wanted.targets):
        if troubled := wanted.project.troubles(slug):
            wanted.without(slug, troubled)
    _say(report.status(wanted.project, wanted.targets))
    wanted.tell()
    wanted.end()


@main.command()
@_targets
@_lab
@click.pass_obj
def verdicts(start: Path, targets: tuple[str, ...], lab: str | None) -> None:
    """Each claim: the verdict that this machine reached, and whether it is the published one.

    Ends with 1 where a verdict differs, or a value of a trial that was run here is another one in the evidence.
    """
    from verify import verdicts as words
    from verify.project import named
    from verify.project.published import published
    from verify.running import witness
    from verify.running.judged import Judged
    from verify.running.reached import reached

    wanted = _Wanted(start, targets)
    if lab is not None:
        wanted.at(lab)
    slugs = dict(wanted.targets)
    verifications, claims = set(wanted.targets), named.claims(wanted.project, targets)
    against = published(wanted.project, slugs)
    judged = Judged(wanted.project.root)
    found, unlike = [], []
    for slug in slugs:
        review = wanted.project.review(slug)
        try:
            apart = witness.of_review(wanted.project, review)
            here = list(reached(wanted.project, review, against.verdicts, judged))
        except UserErrors as wrong:
            wanted.without(slug, wrong.errors)
            continue
        unlike += [each for each in apart if {(slug, None), (slug, each.verification)} & verifications]
        found += [each for each in here if (slug, each.claim) in claims]
    judged.save()
    _say(words.table(found))
    _contradict(witness.told(wanted.project, unlike))
    if found or not wanted.mistakes:
        _say(words.total(found, against.instead))
    wanted.tell()
    if unlike or any(each.word == "differs" for each in found):
        sys.exit(1)
    wanted.end()


@main.command()
@_targets
@_scale
@click.option("--pilot", type=click.IntRange(1), help="Run so many seeds first, for their spread.  [default: none]")
@click.option("--workers", type=click.IntRange(1), help="Worker processes.  [default: one a core]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.pass_obj
def power(
    start: Path, targets: tuple[str, ...], scale: Scale, pilot: int | None, workers: int | None, as_json: bool
) -> None:
    """Before a run: what the looks of each claim could decide, how likely that is, and what it costs.

    From the spread over seeds of what ran before, here or for the evidence.
    """
    import msgspec

    from verify import power as words
    from verify.project import named
    from verify.running.foreseen import all_foreseen
    from verify.system import cores

    wanted = _Wanted(start, targets)
    readable = {slug for slug, _ in wanted.targets}
    asked = named.claims(wanted.project, targets)
    claims = [
        (review, verification, claim)
        for review in wanted.project.reviews
        for verification in review.verifications
        for claim in verification.claims
        if review.slug in readable and (review.slug, claim.id) in asked
    ]
    if pilot:
        wanted.targets = list(dict.fromkeys((review.slug, verification.id) for review, verification, _ in claims))
        _run_pilot(wanted, scale, pilot, workers, quiet=as_json)
    found = list(all_foreseen(wanted.project, claims, scale, workers or cores()))
    if as_json:
        _say([msgspec.json.encode({"claims": found}).decode()])
    elif found:
        _say(words.told(found, {(review.slug, claim.id): claim for review, _, claim in claims}))
    else:
        click.echo(f"no claim of what was asked for is declared at scale {scale}")
    wanted.tell()
    wanted.end()


def _run_pilot(wanted: _Wanted, scale: Scale, seeds: int, workers: int | None, *, quiet: bool) -> None:
    """Run the first seeds of what is wanted; ends the command where that fails."""
    from verify import report
    from verify.running import interrupts, runner, witness
    from verify.running.progress import Silent

    done = _plan(wanted, scale, runner.Options(pilot=seeds), Silent() if quiet else report.listener())
    if done is None or not done.open:
        return
    interrupts.take_as_interrupts()
    try:
        wrong = _work(wanted, done, (), witness.Witness(wanted.project, ()), workers, explain=False)
    except KeyboardInterrupt:
        click.echo("\nstopped; finished batches are kept", err=True)
        sys.exit(130)
    if done.failures or done.stopped or done.different or wrong:
        _say(report.summary(done))
        sys.exit(1)


@main.command()
@click.argument("other", metavar="REV|DIR")
@click.argument("names", nargs=-1, metavar="[REVIEW]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.pass_obj
def diff(start: Path, other: str, names: tuple[str, ...], as_json: bool) -> None:
    """Compare claims, verdicts and numbers with those of a commit, or of another project's folder.

    What is compared is what lies in docs/evidence and reviews.  Ends with 0 where nothing differs, with 1 where
    anything does, with 2 where something cannot be read and nothing else differs.
    """
    import msgspec

    from verify import changes
    from verify.project import contents, differences, named, readings
    from verify.project.project import find_root

    root = find_root(start)
    before, now = contents.find(root, other), contents.here(root)
    known = {*readings.slugs(before), *readings.slugs(now)}
    found = differences.compare(before, now, named.among(names, known))
    _say([msgspec.json.encode(found).decode()] if as_json else changes.compared(found))
    _unread(found.unread)
    if found.differences:
        sys.exit(1)
    if found.unread:
        sys.exit(2)


@main.command()
@click.argument("names", nargs=-1, metavar="[REVIEW[@CLAIM]]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, numbers that moved too, instead of lines.")
@click.pass_obj
def history(start: Path, names: tuple[str, ...], as_json: bool) -> None:
    """When verdicts changed, and why, from the commits of the repository; of a CLAIM also when its numbers moved."""
    import msgspec

    from verify import changes
    from verify.project import history as of_project
    from verify.project import own, reviewfiles
    from verify.project.project import find_root

    root = find_root(start)
    own.expect(root)
    found = of_project.of(root)
    if found.missing:
        raise UserError(f"the history of verdicts is not known: {found.missing}")
    asked = changes.wanted(found, names, reviewfiles.slugs(root))
    found = changes.of(found, asked)
    _say([msgspec.json.encode(found).decode()] if as_json else changes.history(found, asked))
    if found.cut:
        click.echo("this clone is shallow, so what was before is not known: `git fetch --unshallow`", err=True)
    _unread(found.unread)


def _unread(reasons: Sequence[str]) -> None:
    for each in reasons:
        click.echo(visible(f"not read: {each}"), err=True)


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
