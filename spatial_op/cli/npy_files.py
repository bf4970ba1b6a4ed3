"""Arrays in NumPy's own files."""

import click
import numpy as np

from . import room
from .axes import places
from .beside import beside
from .failures import failures, prepare
from .fills import number_of, require_held
from .opacity import sampling, warped
from .pictures import Refused

ENDING = ".npy"


def run(source, target, request, letters):
    """From an array to another one."""
    if target.suffix != ENDING:
        raise click.UsageError(
            f"IN is a NumPy array and OUT is {str(target)!r}, expected a name that ends in {ENDING}."
        )
    fill = number_of(request.fill)
    with failures(source, target):
        prepare(target.parent)
        if target.exists() and target.samefile(source):
            raise Refused("OUT is the same file, expected another name; the original is not replaced")
        array = read(source)
        axes = places(array.shape, array.dtype, None, letters)
        if fill is not None:
            require_held([fill], array.dtype)
        image = np.moveaxis(array, axes, (-2, -1))
        matrix, shape = request.geometry.of(*image.shape[-2:])
        room.require(image.shape[:-2] + shape, array.dtype, "choose a smaller result, or use zarr arrays")
        out = warped(image, matrix, shape, None if fill is None else (fill,), **sampling(request))
        out = np.ascontiguousarray(np.moveaxis(out, (-2, -1), axes))
        with beside(target) as path:
            np.save(path, out)
    click.echo(f"wrote {target} ({' x '.join(map(str, out.shape))}, {out.dtype})")


def read(source):
    """The array, or a sentence."""
    try:
        return np.load(source, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise Refused("it cannot be read as a NumPy array of numbers: it is broken or of another kind") from error
