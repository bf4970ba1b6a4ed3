"""The command `warp`: what IN and OUT are decides who does it."""

import contextlib
import pathlib
from typing import NamedTuple

import click
from PIL import Image

from . import folders, npy_files, one_picture, pictures, streams
from .failures import failures, interrupted, prepare
from .geometry import Geometry

# Pixels of a picture; beyond, its header is taken to be wrong.
MOST_PIXELS = 2**31


class Request(NamedTuple):
    """What is to be done to each picture."""

    geometry: Geometry
    sampler: str
    border: str
    fill: tuple | None
    antialias: bool


def run(source, target, request, form, workers, chunk, axes):
    """Warp what ``source`` is and write it to ``target``; Ctrl-C leaves nothing unless it says so."""
    source, target = pathlib.Path(source), pathlib.Path(target)
    if form is not None and not streams.is_stream(target):
        raise click.UsageError("--format is given and OUT is no '-'; the ending of OUT says what it is.")
    try:
        dispatch(source, target, request, form, workers, chunk, axes)
    except KeyboardInterrupt:
        interrupted("nothing was written.")


def dispatch(source, target, request, form, workers, chunk, axes):
    """Choose by what ``source`` is."""
    if not streams.is_stream(source) and is_zarr(source):
        from . import zarr_files

        zarr_files.run(source, target, request, workers, chunk, axes)
        return
    if chunk is not None:
        raise click.UsageError("--chunk is given and IN is no zarr array; leave it out.")
    if source.suffix == npy_files.ENDING:
        use_threads(workers)
        npy_files.run(source, target, request, axes)
        return
    if axes is not None:
        raise click.UsageError("--axes is given and IN is no array; leave it out.")
    with large_pictures():
        if source.is_dir():
            if streams.is_stream(target) or (pictures.is_picture(target) and not target.is_dir()):
                raise click.UsageError(f"IN is a folder and OUT is {str(target)!r}, expected a folder.")
            folders.run(source, target, request, workers)
        else:
            use_threads(workers)
            picture(source, target, request, form)


def is_zarr(path):
    """Whether a path is named as a zarr array, or is one."""
    return path.suffix == ".zarr" or any((path / name).exists() for name in ("zarr.json", ".zarray", ".zgroup"))


def use_threads(workers):
    """Let kernels use so many threads, and no more than there are."""
    if workers is not None:
        import numba

        numba.set_num_threads(min(workers, numba.config.NUMBA_NUM_THREADS))


@contextlib.contextmanager
def large_pictures():
    """Let Pillow read pictures that it takes for attacks: these are the user's own."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MOST_PIXELS
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def picture(source, target, request, form):
    """From a picture to a picture."""
    to_stream = streams.is_stream(target)
    if target.is_dir() and not to_stream and not streams.is_stream(source):
        target = target / source.name
    if not to_stream and not pictures.is_picture(target):
        endings = ", ".join(pictures.PICTURES)
        raise click.UsageError(f"OUT is {str(target)!r}, expected a picture, with one of {endings}.")
    if to_stream:
        streams.require_pipe()
    name = streams.called(source, "standard input")
    with failures(name, streams.called(target, "standard output")), streams.read_from(source) as file:
        if to_stream:
            one_picture.to_stream(file, request, form)
            return
        prepare(target.parent)
        done = one_picture.warp_file(file, target, request)
    for note in done.notes:
        click.echo(f"Note: {name} {note}.", err=True)
    click.echo(f"wrote {target} ({done.words})")
