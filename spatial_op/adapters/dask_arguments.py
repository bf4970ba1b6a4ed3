"""What the warp of large images accepts: the image, and the chunks of the result."""

import math

import dask.array as da
import numpy as np

from .. import check
from ..operators.any_dtype import check_kind
from ..operators.arguments import COLOURS, LONGEST, PICTURES
from ..operators.pixel_warp import axis_of
from .dask import check_chunks

# Tasks that Dask can be given at once.
MOST_CHUNKS = 2**19


def check_image(warp, image):
    """A Dask array in chunks of plain numbers."""
    op = warp.__name__
    if not isinstance(image, da.Array):
        raise TypeError(
            f"{op}: image is a {check.kind(image)}, expected a Dask array; convert it with dask.array.asarray."
        )
    check_chunks(warp, "image", image)
    check_kind(op, "image", image.dtype)


def channels_first(op, image, axes, channel_axis):
    """The image with its channels in front of its sides, which are large enough and can be counted."""
    sizes = ", ".join(PICTURES[axes])
    if image.ndim < axes + (channel_axis is not None) or np.isnan(image.shape).any() or 0 in image.shape:
        raise ValueError(
            f"{op}: image has shape {image.shape}, expected (..., {sizes}) of known sizes, at least 1, as the map is one of {axes} coordinates; "
            "reshape it."
        )
    if channel_axis is not None:
        image = da.moveaxis(image, axis_of(channel_axis, image), 0)
    elif image.ndim == axes + 1 and image.shape[-1] in COLOURS and min(image.shape[:-1]) > max(COLOURS):
        raise ValueError(
            f"{op}: image has shape {image.shape}, whose last axis looks like channels, expected (..., {sizes}); "
            "pass channel_axis=-1, or channel_axis=0 if the first axis holds them."
        )
    countable(op, "image has chunks whose", map(max, image.chunks[-axes:]), "cut it with image.rechunk")
    return image


def cut(op, chunks, image, target):
    """Sizes of the chunks of the result along each of its sides."""
    axes = len(target)
    sides = chunks if isinstance(chunks, (tuple, list)) else (chunks,) * axes
    if len(sides) == axes and all(isinstance(side, (int, np.integer)) and side > 0 for side in sides):
        few(op, image, target, [-(-total // int(side)) for total, side in zip(target, sides)])
    try:
        sizes = da.core.normalize_chunks(chunks, target, dtype=np.uint8)
    except (AssertionError, TypeError, ValueError, ZeroDivisionError):
        sizes = ((0,),)
    if any(size < 1 for axis in sizes for size in axis):
        raise ValueError(
            f"{op}: chunks is {check.shown(chunks)}, expected one or {axes} sizes of chunks in pixels, at least 1, "
            f"for a result of shape {target}; pass for example chunks=1024."
        )
    few(op, image, target, map(len, sizes))
    countable(op, "the result has chunks whose", map(max, sizes), "pass smaller chunks, for example chunks=1024")
    return sizes


def few(op, image, target, counts):
    """Refuse more chunks than Dask can be given as tasks, before there are any."""
    count = math.prod(image.numblocks[: -len(target)]) * math.prod(counts)
    if count > MOST_CHUNKS:
        raise ValueError(
            f"{op}: the result of {' x '.join(map(str, target))} pixels has {count} chunks, expected at most {MOST_CHUNKS}; "
            "choose larger chunks, or a smaller result."
        )


def countable(op, what, sides, cure):
    """Refuse sides that are longer than the kernels can count."""
    sides = list(sides)
    for name, side in zip(PICTURES[len(sides)], sides):
        if side > LONGEST:
            raise ValueError(f"{op}: {what} {name} is {side}, expected at most {LONGEST}; {cure}.")


def check_folded(op, padding_mode, axes):
    """Refuse to go on outside of sides of which kernels cannot count a period."""
    for name, axis in zip(PICTURES[len(axes)], axes):
        if not axis.inside and axis.n > LONGEST // 2:
            raise ValueError(
                f"{op}: padding_mode is {padding_mode!r} and the {name} of image is {axis.n}, expected at most {LONGEST // 2} where samples "
                "lie outside; pass padding_mode='zeros' or 'border', or a part of the image."
            )
