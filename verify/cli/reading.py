"""The subcommands that run no trial: they judge, compare, check and show what is there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from verify.cli.group import Wanted, complain, contradict, in_lab, main, of_targets, say
from verify.errors import UserError, UserErrors, visible


@main.command()
@click.pass_obj
def refresh(start: Path) -> None:
    """Bring verdicts and figures up to date with reviews and evidence.

    What cannot be judged or drawn is told, and costs nothing but itself.
    """
    from verify.project.refresh import refresh as bring_up_to_date

    wanted = Wanted(start)
    done = bring_up_to_date(wanted.project)
    wanted.mistakes += done.mistakes
    say(f"judged {slug}" for slug in done.judged)
    say(f"drew {path}" for path in done.drawn)
    say(f"removed {path}" for path in done.removed)
    if not (done.judged or done.drawn or done.removed):
        others = "all other " if wanted.mistakes else ""
        click.echo(f"{others}verdicts and figures are up to date")
    wanted.tell()
    wanted.end()


@main.command()
@of_targets
@in_lab
@click.pass_obj
def status(start: Path, targets: tuple[str, ...], lab: str | None) -> None:
    """Each verification at each scale: fresh, stale, missing, failed, and what it was recorded on."""
    from verify import report

    wanted = Wanted(start, targets)
    if lab is not None:
        wanted.at(lab)
    for slug in dict(wanted.targets):
        if troubled := wanted.project.troubles(slug):
            wanted.without(slug, troubled)
    say(report.status(wanted.project, wanted.targets))
    wanted.tell()
    wanted.end()


@main.command()
@of_targets
@in_lab
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

    wanted = Wanted(start, targets)
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
    say(words.table(found))
    contradict(witness.told(wanted.project, unlike))
    if found or not wanted.mistakes:
        say(words.total(found, against.instead))
    wanted.tell()
    if unlike or any(each.word == "differs" for each in found):
        sys.exit(1)
    wanted.end()


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
    say([msgspec.json.encode(found).decode()] if as_json else changes.compared(found))
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
    say([msgspec.json.encode(found).decode()] if as_json else changes.history(found, asked))
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
    complain(errors)
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
