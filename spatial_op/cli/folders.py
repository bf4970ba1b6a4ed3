"""Folders of pictures: what cannot be done is said, and does not keep the others from being done."""

import os
from concurrent.futures import ThreadPoolExecutor, as_completed

import click

from ..kernels.threads import one_thread
from . import one_picture, pictures
from .failures import failures, interrupted, prepare
from .journal import Journal
from .progress import progress


def run(source, target, request, workers):
    """From a folder of pictures to a folder."""
    visible = (path for path in source.iterdir() if not path.name.startswith("."))
    files = sorted(path for path in visible if pictures.is_picture(path))
    if not files:
        words = ", ".join(pictures.PICTURES)
        raise click.ClickException(f"IN {str(source)!r} holds no pictures, expected some of {words}.")
    with failures(source, target):
        target.mkdir(parents=True, exist_ok=True)
        if target.samefile(source):
            raise pictures.Refused("OUT is the same folder, expected another one; the originals are not replaced")
        prepare(target)
        journal = Journal(target, [str(source.resolve()), request])
    before = [path for path in files if journal.holds(path, target / path.name)]
    outcome = Outcome()
    complete = all_done([path for path in files if path not in before], target, request, workers, journal, outcome)
    for line in (*sorted(outcome.notes), *sorted(outcome.errors)):
        click.echo(line, err=True)
    count, done = len(files), len(before) + len(outcome.written)
    earlier = f", {len(before)} of them by an earlier run" if before else ""
    state = f"{done} of {count} pictures are in {target}{earlier}"
    if not complete:
        interrupted(f"{state}; the same command goes on from there.")
    if outcome.errors:
        raise click.ClickException(f"{state}; the same command tries the others again.")
    with failures(source, target):
        journal.remove()
    click.echo(f"wrote {target} ({count} picture{'s' if count > 1 else ''}{earlier})")


class Outcome:
    """What threads have written, and the sentences that they have to say."""

    def __init__(self):
        self.written, self.notes, self.errors = [], [], []


def all_done(files, target, request, workers, journal, outcome):
    """Warp files side by side, until the user stops it: pictures on their way are finished then. Whether nobody did."""
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        jobs = [pool.submit(attempt, path, target / path.name, request, journal, outcome) for path in files]
        with progress(as_completed(jobs), "Pictures", length=len(jobs)) as done:
            for job in done:
                job.result()
    except KeyboardInterrupt:
        return False
    finally:
        pool.shutdown(cancel_futures=True)
    return True


def attempt(source, target, request, journal, outcome):
    """One picture of a folder, or the sentence on why it could not be done."""
    try:
        with failures(source, target), one_thread():
            found = one_picture.warp_file(source, target, request)
            journal.add(source, target)
    except click.ClickException as error:
        outcome.errors.append(f"Error: {error.message}")
        return
    outcome.written.append(target)
    outcome.notes += [f"Note: {source} {note}." for note in found.notes]
