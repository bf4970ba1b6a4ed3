"""The command `warp`: images, folders of images and zarr arrays, with a progress bar."""

import contextlib
import os
import pathlib
import sys

import click
import dask
import numpy as np
from dask import array as da
from dask.diagnostics import ProgressBar
from PIL import Image, UnidentifiedImageError

from ..operators.any_dtype import kind_of
from . import pictures, progress, room, zarr_files
from .beside import beside, tidy
from .chosen import chosen, pair
from .opacity import mixes, picks, warped, warped_with_opacity

# Pixels of a picture; beyond, its header is taken to be wrong.
MOST_PIXELS = 2**31

# Height and width of the parts of one picture that threads share.
PART = 1024


def run(source, target, affine, rotate, homography, size, sampler, padding, chunk, workers, axes):
    """Warp what ``source`` is and write it to ``target``."""
    source, target = pathlib.Path(source), pathlib.Path(target)
    matrix = chosen(affine, rotate, homography)
    options = {"sampler_type": sampler, "padding_mode": padding}
    if size is not None:
        options["target_shape"] = pair(size)
    watched = ProgressBar(out=sys.stderr) if sys.stderr.isatty() else contextlib.nullcontext()
    with progress.lines(), watched, large_pictures(), dask.config.set(scheduler="threads", num_workers=workers):
        if zarr_files.is_zarr(source):
            array(source, target, matrix, options, chunk, axes)
            return
        if axes is not None or chunk is not None:
            raise click.UsageError(f"--{'axes' if axes else 'chunk'} is given and IN is no zarr array; leave it out.")
        if source.is_dir():
            folder(source, target, matrix, options)
        else:
            picture(source, target, matrix, options)


@contextlib.contextmanager
def large_pictures():
    """Let Pillow read pictures that it takes for attacks: these are the user's own."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MOST_PIXELS
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def array(source, target, matrix, options, chunk, axes):
    """From a zarr array to a new one."""
    if target.suffix != ".zarr":
        raise click.UsageError(f"IN is a zarr array and OUT is {str(target)!r}, expected a name that ends in .zarr.")
    if target.exists():
        raise click.UsageError(f"OUT {str(target)!r} exists already, expected a new name; remove it or choose another.")
    with failures(source, target):
        prepare(target.parent)
        found = zarr_files.warp_file(source, target, matrix, options, chunk, axes)
    click.echo(f"wrote {target} ({found})")


def picture(source, target, matrix, options):
    """From a picture to a picture."""
    if not pictures.is_picture(target):
        raise click.UsageError(
            f"OUT is {str(target)!r}, expected a picture, with one of {', '.join(pictures.PICTURES)}."
        )
    with failures(source, target):
        prepare(target.parent)
        one_picture(source, target, matrix, options, "threads")
    click.echo(f"wrote {target} (1 picture)")


def folder(source, target, matrix, options):
    """From a folder of pictures to a folder; what cannot be done is said, and does not keep the others from being done."""
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
    jobs = [dask.delayed(attempt)(path, target / path.name, matrix, options) for path in files]
    errors = [error for error in dask.compute(*jobs) if error]
    for error in errors:
        click.echo(f"Error: {error}", err=True)
    done = len(files) - len(errors)
    if errors:
        raise click.ClickException(f"{done} of {len(files)} pictures were written to {target}.")
    click.echo(f"wrote {target} ({done} picture{'s' if done > 1 else ''})")


def attempt(source, target, matrix, options):
    """One picture of a folder, or the sentence on why it could not be done."""
    try:
        with failures(source, target):
            one_picture(source, target, matrix, options, "synchronous")
    except click.ClickException as error:
        return error.message
    return None


@contextlib.contextmanager
def failures(source, target):
    """Turn whatever goes wrong with a file into one sentence."""
    try:
        yield
    except click.ClickException:
        raise
    except pictures.Refused as error:
        raise click.ClickException(f"{source}: {error}.") from error
    except MemoryError as error:
        raise click.ClickException(
            f"{source}: there is not enough memory for it; a zarr array may be larger."
        ) from error
    except Exception as error:  # of many kinds, by library, version and what is broken
        system = isinstance(error, OSError)
        reason = sentence(error.strerror if system and error.strerror else error)
        if system:
            place = source if error.filename == str(source) else target
            raise click.ClickException(f"{place}: {reason[:1].lower()}{reason[1:]}.") from error
        raise click.ClickException(f"{source}: it cannot be warped: {reason}.") from error


def sentence(error):
    """What an error says first, without the full stop; its name if it says nothing."""
    words = str(error).strip().splitlines()
    return words[0].rstrip(".") if words else type(error).__name__


def prepare(folder):
    """Refuse to compute what could not be written to a folder; remove what was left behind in it."""
    if not folder.is_dir():
        raise pictures.Refused(f"the folder {str(folder)!r} of OUT does not exist; make it first")
    if not os.access(folder, os.W_OK):
        raise pictures.Refused(f"the folder {str(folder)!r} of OUT cannot be written to; choose another")
    tidy(folder)


def one_picture(source, target, matrix, options, scheduler):
    """Read, warp and write one file."""
    if target.exists() and target.samefile(source):
        raise pictures.Refused("OUT is the same file, expected another name; the original is not replaced")
    whole = picks(options["sampler_type"])
    given = read(source, keep_palette=whole and target.suffix.lower() in pictures.PALETTES)
    require_possible(given, options)
    pages = [page_of(page, given.opacity, matrix, options, scheduler) for page in given.pages]
    with beside(target) as path:
        write(path, given._replace(pages=pages), target)
    for note in given.source.get("notes", ()):
        click.echo(f"Note: {source} {note}.", err=True)


def read(source, keep_palette):
    """The picture in a file, or a sentence."""
    try:
        return pictures.read(source, keep_palette)
    except (pictures.Refused, MemoryError, ImportError):
        raise
    except Exception as error:  # of many kinds, by library, version and what is broken
        if isinstance(error, OSError) and error.strerror:
            raise
        unknown = isinstance(error, UnidentifiedImageError) or not str(error).strip()
        reason = "it is broken or of another kind" if unknown else sentence(error)
        raise pictures.Refused(f"it cannot be read as a picture: {reason}") from error


def write(path, picture, target):
    """Write a picture, or a sentence on why the library cannot."""
    try:
        pictures.write(path, picture)
    except (pictures.Refused, MemoryError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        raise pictures.Refused(f"the result cannot be written to {target}: {sentence(error)}") from error


def require_possible(picture, options):
    """Refuse numbers that cannot be warped, and results that are too large."""
    for page in picture.pages:
        if not kind_of(page.dtype):
            raise pictures.Refused(
                f"its pixels are numbers of type {page.dtype}, expected integers or floats of up to 64 bits"
            )
        if picture.opacity == "straight" and not mixes(page.dtype) and not picks(options["sampler_type"]):
            raise pictures.Refused(f"it holds opacity and numbers of type {page.dtype}; pass --sampler nearest")
        shape = page.shape[:-2] + options.get("target_shape", page.shape[-2:])
        room.require(shape, page.dtype, "choose a smaller --size, or use zarr arrays")


def page_of(page, opacity, matrix, options, scheduler):
    """One warped page."""
    lazy = da.from_array(np.ascontiguousarray(page), chunks=-1)
    straight = opacity == "straight"
    function = warped_with_opacity if straight else warped
    out = function(lazy, matrix(*page.shape[-2:]), chunks=PART, **options)
    return out.compute(scheduler=scheduler)
