"""The subcommands that run trials."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verify.cli.group import Wanted, at_scale, complain, contradict, main, of_targets, say
from verify.errors import UserError, UserErrors
from verify.model import Scale

if TYPE_CHECKING:
    from verify.running.jobs import Job
    from verify.running.notebooks import Notebook
    from verify.running.progress import Listener
    from verify.running.runner import Options, Run
    from verify.running.witness import Witness


@main.command()
@of_targets
@at_scale
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
    wanted = Wanted(start, targets)
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
        say(report.due(done, explain=explain, workers=workers or cores()))
        say(f"notebook {each.slug}: to be executed" for each in changed)
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
    say(report.beside(done))
    say(report.summary(done))
    complain(unread)
    contradict(unlike)
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
    wanted: Wanted, done: Run, changed: Sequence[Notebook], watch: Witness, workers: int | None, *, explain: bool
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
            complain(mistakes)
            wanted.without(slug, mistakes)
            done.leave_out(slug)
        watch.begin()
        for slug in wanted.undescribed(done):
            laboratories.write(wanted.project.root, slug, wanted.project.laboratory)
        try:
            if done.open:
                say(report.explained(done) if explain else ())
                with closing(LocalExecutor(workers)) as executor:
                    done.execute(executor)
            mistakes = done.publish(done.unpublished)
        except UserError as halted:  # a disk that is full, say; mistakes of the user's are UserErrors
            complain([halted])
            return 1
        wanted.mistakes += mistakes
        complain(mistakes)
        left = [each for each in changed if each.slug in dict(wanted.targets)]
        return notebooks.execute_all(wanted.project, left, click.echo, lambda error: complain([error]))


def _plan(wanted: Wanted, scale: Scale, options: Options, listener: Listener) -> Run | None:
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


def _jobs(wanted: Wanted, scale: Scale, options: Options) -> list[Job]:
    """Those of what is wanted, whole or as a pilot."""
    from verify.running import jobs, pilot

    if options.pilot:
        return pilot.select_pilots(wanted.project, wanted.targets, scale, options.pilot)
    return jobs.select(wanted.project, wanted.targets, scale, robust=options.robust)


@main.command()
@of_targets
@at_scale
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

    wanted = Wanted(start, targets)
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
        say([msgspec.json.encode({"claims": found}).decode()])
    elif found:
        say(words.told(found, {(review.slug, claim.id): claim for review, _, claim in claims}))
    else:
        click.echo(f"no claim of what was asked for is declared at scale {scale}")
    wanted.tell()
    wanted.end()


def _run_pilot(wanted: Wanted, scale: Scale, seeds: int, workers: int | None, *, quiet: bool) -> None:
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
        say(report.summary(done))
        sys.exit(1)
