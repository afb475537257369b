"""The command itself, what its subcommands share, and how mistakes are told."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Sequence
from errno import EPIPE
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verify import __version__
from verify.errors import UserError, UserErrors, of_system, visible
from verify.model import SCALES

if TYPE_CHECKING:
    from verify.running.runner import Run


class _Group(click.Group):
    """Reports every mistake of the user's at once, with exit code 2, and never as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (UserError, UserErrors) as mistake:
            errors = mistake.errors if isinstance(mistake, UserErrors) else [mistake]
            complain(errors)
            ctx.exit(2)
        except OSError as error:
            if error.errno == EPIPE:  # whoever reads the output has enough of it
                raise
            complain([of_system(error)])
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


class Wanted:
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
        complain(self.mistakes)
        if self.beside:
            click.echo(
                f"left out, since they have mistakes: {', '.join(self.beside)} (`verify check` names them)", err=True
            )

    def end(self) -> None:
        """Leave with 2 where there is a mistake in what was asked for."""
        if self.mistakes:
            sys.exit(2)


def complain(mistakes: Sequence[UserError]) -> None:
    for error in UserErrors(mistakes).errors:
        click.echo(visible(str(error)), err=True)
    if len(mistakes) > 1:
        click.echo(f"{len(mistakes)} mistakes", err=True)


def contradict(found: Iterable[UserError]) -> None:
    """Say where evidence is not what this machine got: no mistakes of what was written, and not counted as such."""
    for each in found:
        click.echo(visible(str(each)), err=True)


at_scale = click.option(
    "--scale", type=click.Choice(SCALES), default="tiny", show_default=True, help="Rung of the ladder to run."
)


of_targets = click.argument("targets", nargs=-1, metavar="[REVIEW[:VERIFICATION|@CLAIM]]...")
in_lab = click.option("--lab", metavar="NAME", help="Of a laboratory, in place of the project itself.")


def say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(visible(line))
