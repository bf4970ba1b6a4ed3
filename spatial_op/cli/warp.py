"""The command `warp`: images, folders of images and zarr arrays, with a progress bar."""

import contextlib
import pathlib
import sys

import click
import dask
import numpy as np
from dask import array as da
from dask.diagnostics import ProgressBar

from ..dask import warp
from ..dtypes import DTYPES

PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def run(source, target, affine, rotate, homography, size, sampler, padding, chunk, workers):
    """Warp what ``source`` is and write it to ``target``."""
    source, target = pathlib.Path(source), pathlib.Path(target)
    matrix = chosen(affine, rotate, homography)
    options = {"sampler_type": sampler, "padding_mode": padding}
    if size is not None:
        options["target_shape"] = pair(size)
    watched = ProgressBar(out=sys.stderr) if sys.stderr.isatty() else contextlib.nullcontext()
    with watched, dask.config.set(scheduler="threads", num_workers=workers):
        if source.suffix == ".zarr":
            count = array(source, target, matrix, options, chunk)
        else:
            count = pictures(source, target, matrix, options)
    click.echo(f"wrote {target} ({count})")


def chosen(affine, rotate, homography):
    """A function from height and width to the matrix that was asked for, or the reason why there is none."""
    given = [
        name
        for name, value in (("--affine", affine), ("--rotate", rotate), ("--homography", homography))
        if value is not None
    ]
    if len(given) != 1:
        raise click.UsageError(
            f"{' and '.join(given) or 'no transform'} given, expected exactly one of --affine, --rotate and --homography."
        )
    if rotate is not None:
        return lambda height, width: rotation(rotate, height, width)
    numbers, shape = (affine, (2, 3)) if homography is None else (homography, (3, 3))
    if len(numbers) != shape[0] * shape[1]:
        raise click.UsageError(
            f"{given[0]} has {len(numbers)} numbers, expected {shape[0] * shape[1]}, the rows of a {shape[0]}x{shape[1]} matrix."
        )
    return lambda height, width: np.reshape(numbers, shape)


def rotation(degrees, height, width):
    """The matrix that turns an image counter-clockwise, as it is seen, about its centre."""
    turn = np.deg2rad(degrees)
    cosine, sine = np.cos(turn), np.sin(turn)
    x, y = (width - 1) / 2, (height - 1) / 2
    return np.array([[cosine, -sine, x - cosine * x + sine * y], [sine, cosine, y - sine * x - cosine * y]])


def pair(text):
    """HxW."""
    try:
        height, width = (int(word) for word in text.lower().split("x"))
        if height > 0 and width > 0:
            return height, width
    except ValueError:
        pass  # said below
    raise click.UsageError(f"--size is {text!r}, expected height and width in pixels, like 480x640.")


def warped(image, matrix, options, chunks=None):
    """The warped image, (..., height, width), in its own dtype; integers are rounded and kept in their range."""
    work = image if image.dtype in DTYPES else image.astype(np.float64 if image.dtype.itemsize > 2 else np.float32)
    out = warp(work, matrix(*image.shape[-2:]), **options, chunks=chunks)
    if image.dtype == bool:
        return out >= 0.5
    if image.dtype.kind in "iu":
        limits = np.iinfo(image.dtype)
        return da.clip(da.rint(da.nan_to_num(out)), limits.min, limits.max).astype(image.dtype)
    return out


def array(source, target, matrix, options, chunk):
    """From a zarr array to a new one."""
    if target.suffix != ".zarr":
        raise click.UsageError(f"IN is a zarr array and OUT is {str(target)!r}, expected a name that ends in .zarr.")
    if target.exists():
        raise click.UsageError(f"OUT {str(target)!r} exists already, expected a new name; remove it or choose another.")
    try:
        image = da.from_zarr(str(source))
    except Exception as error:  # of many kinds, by version and by what is broken
        raise click.ClickException(f"IN {str(source)!r} cannot be read as a zarr array: {error}") from error
    if image.ndim < 2 or image.dtype.kind not in "fiub":
        raise click.ClickException(
            f"IN {str(source)!r} has shape {image.shape} and dtype {image.dtype}, expected numbers of shape (..., height, width)."
        )
    out = warped(image, matrix, options, chunk)
    out.rechunk(tuple(max(sizes) for sizes in out.chunks)).to_zarr(str(target))
    return f"{' x '.join(map(str, out.shape))}, {out.dtype}"


def pictures(source, target, matrix, options):
    """From a picture to a picture, or from a folder of them to a folder."""
    if source.is_dir():
        files = sorted(path for path in source.iterdir() if path.suffix.lower() in PICTURES)
        if not files:
            raise click.ClickException(f"IN {str(source)!r} holds no pictures, expected some of {', '.join(PICTURES)}.")
        target.mkdir(parents=True, exist_ok=True)
        jobs = [(path, target / path.name) for path in files]
    else:
        if target.suffix.lower() not in PICTURES:
            raise click.UsageError(f"OUT is {str(target)!r}, expected a picture, with one of {', '.join(PICTURES)}.")
        jobs = [(source, target)]
    dask.compute(*(dask.delayed(one_picture)(*job, matrix, options) for job in jobs))
    return f"{len(jobs)} picture{'s' if len(jobs) > 1 else ''}"


def one_picture(source, target, matrix, options):
    """Read, warp and write one file."""
    from skimage import io

    try:
        picture = io.imread(source)
    except (OSError, SyntaxError, ValueError) as error:
        raise click.ClickException(f"{str(source)!r} cannot be read as a picture: {error}") from error
    colours = picture.ndim == 3 and picture.shape[-1] <= 4
    image = np.moveaxis(picture, -1, 0) if colours else picture
    with dask.config.set(scheduler="synchronous"):
        out = warped(da.from_array(image, chunks=-1), matrix, options).compute()
    io.imsave(target, np.moveaxis(out, 0, -1) if colours else out, check_contrast=False)
