"""What the warp of large images accepts: the image, the matrix, the chunks of the result."""

import math

import dask.array as da
import numpy as np

from .. import check
from ..operators.arguments import LONGEST
from .dask import check_chunks

# Tasks that Dask can be given at once.
MOST_CHUNKS = 2**19

# Numerators of coordinates stay below it, so that float64 holds their quotients by small denominators too.
FARTHEST = 2.0**900


def check_image(warp, image):
    """A Dask array of at least one pixel, in chunks of plain numbers."""
    op = warp.__name__
    if not isinstance(image, da.Array):
        raise TypeError(
            f"{op}: image is a {check.kind(image)}, expected a Dask array; convert it with dask.array.asarray."
        )
    check_chunks(warp, "image", image)
    if image.ndim < 2 or np.isnan(image.shape).any() or 0 in image.shape:
        raise ValueError(
            f"{op}: image has shape {image.shape}, expected (..., height, width) of known sizes, at least 1; reshape it."
        )
    check.dtype(op, "the dtype of image", image.dtype.newbyteorder("="))
    countable(op, "image has chunks whose", map(max, image.chunks[-2:]), "cut it with image.rechunk")


def homogeneous(op, matrix):
    """A 3x3 matrix of float64."""
    given = numbers(op, matrix)
    if given.shape not in ((2, 3), (3, 3)) or not np.isfinite(given).all():
        raise ValueError(
            f"{op}: matrix has shape {given.shape} or an entry that is no finite number, expected 2x3 or 3x3 numbers; "
            "pass rows of an affine matrix or a homography, in pixels."
        )
    if len(given) == 2:
        return np.vstack([given, [0, 0, 1]])
    if not given[2].any():
        raise ValueError(
            f"{op}: matrix has a last row of zeros, so that no pixel has a source point, expected a homography; "
            "pass 0, 0, 1 as the last row of an affine map."
        )
    with np.errstate(over="ignore"):  # what becomes infinite is refused with the target
        return np.ldexp(given, -np.frexp(np.abs(given[2]).max())[1])  # the same map; no digit is lost


def numbers(op, matrix):
    """The matrix as float64, if these are all its numbers."""
    if isinstance(getattr(matrix, "_meta", matrix), np.ma.MaskedArray):
        raise TypeError(
            f"{op}: matrix is masked, and its mask would be ignored, expected a plain one; fill it with its method filled()."
        )
    try:
        given = np.asarray(matrix)
        if given.dtype.kind in "biufO":
            with np.errstate(over="ignore"):  # longer floats, which become infinite
                return np.array(given, np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    raise TypeError(
        f"{op}: matrix is {check.shown(matrix)}, expected 2x3 or 3x3 numbers, all real; pass rows of an affine matrix or a homography, in pixels."
    )


def check_reach(op, matrix, target):
    """Refuse coordinates that float64 cannot hold."""
    with np.errstate(over="ignore"):
        farthest = np.abs(matrix) @ (target[1], target[0], 1)
    if not (farthest < FARTHEST).all():
        raise ValueError(
            f"{op}: matrix maps pixels of a result of shape {target} further than float64 can count, expected points near the image; "
            "pass smaller entries."
        )


def cut(op, chunks, image, target):
    """Sizes of the chunks of the result along its height and its width."""
    sides = chunks if isinstance(chunks, (tuple, list)) else (chunks, chunks)
    if len(sides) == 2 and all(isinstance(side, (int, np.integer)) and side > 0 for side in sides):
        few(op, image, target, [-(-total // int(side)) for total, side in zip(target, sides)])
    try:
        sizes = da.core.normalize_chunks(chunks, target, dtype=np.uint8)
    except (AssertionError, TypeError, ValueError, ZeroDivisionError):
        sizes = ((0,),)
    if any(size < 1 for axis in sizes for size in axis):
        raise ValueError(
            f"{op}: chunks is {check.shown(chunks)}, expected one or two sizes of chunks in pixels, at least 1, "
            f"for a result of shape {target}; pass for example chunks=1024."
        )
    few(op, image, target, map(len, sizes))
    countable(op, "the result has chunks whose", map(max, sizes), "pass smaller chunks, for example chunks=1024")
    return sizes


def few(op, image, target, counts):
    """Refuse more chunks than Dask can be given as tasks, before there are any."""
    count = math.prod(image.numblocks[:-2]) * math.prod(counts)
    if count > MOST_CHUNKS:
        raise ValueError(
            f"{op}: the result of {target[0]} x {target[1]} pixels has {count} chunks, expected at most {MOST_CHUNKS}; "
            "choose larger chunks, or a smaller result."
        )


def countable(op, what, sides, cure):
    """Refuse sides that are longer than the kernels can count; ``sides`` are height and width."""
    for name, side in zip(("height", "width"), sides):
        if side > LONGEST:
            raise ValueError(f"{op}: {what} {name} is {side}, expected at most {LONGEST}; {cure}.")
