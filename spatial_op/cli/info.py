"""``info``: the machine, the versions, and where compiled code is."""

import os

import click

from ..kernels import disk
from . import machine, text


def run():
    """Print what there is."""
    click.echo(machine.sentence(machine.describe(())) + "\n")
    rows = [("compiled code is looked for in", "kernels", "MB", "")]
    for place in disk.places():
        files = kernels(place)
        size = sum(file.stat().st_size for file in files) / 2**20
        rows.append((place, len(files), f"{size:.1f}", "new kernels go here" if place == disk.folder() else ""))
    text.show(rows)
    if disk.folder() is None:
        click.echo("  none of them can be written to: set NUMBA_CACHE_DIR to a folder that can")


def kernels(place):
    """The files of compiled code in a folder."""
    return [place / name for name in os.listdir(place) if name.endswith(disk.SUFFIX)] if place.is_dir() else []
