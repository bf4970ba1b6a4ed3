"""Images larger than memory, in Dask's chunks: each chunk of the result reads only what it needs of the source."""

import itertools
import math

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from .adapters.dask_arguments import channels_first, check_folded, check_image, countable, cut
from .adapters.dask_boxes import boxes_of, read
from .adapters.dask_parts import axes_of, filled, gathered, meeting, rows_of_part, runs, spans
from .kernels.threads import one_thread
from .operators import filling, unrounded
from .operators.any_dtype import working
from .operators.coverage import ALONE, chosen
from .operators.pixel_warp import map_of, rows_of

__all__ = ["warp"]

# A chunk of the result may read so many times its own size, or it is made smaller; but not smaller than LEAST pixels.
MOST, LEAST = 4, 64


def warp(
    image,
    matrix=None,
    target_shape=None,
    sampler_type="bilinear",
    *,
    padding_mode="zeros",
    direction="target_to_source",
    displacement=None,
    channel_axis=None,
    antialias=False,
    chunks=None,
    fill_value=0.0,
    coverage=False,
    out_dtype=None,
):
    """Warp one large image or volume, of any dtype, chunk by chunk.

    Conventions: an image is (..., height, width), of any number of axes in front, a volume (..., depth, height, width).
    Coordinates are pixels, x before y before z: 0 is the centre of the first pixel. The matrix maps a pixel of the output to
    the point of the input where it is sampled, unless ``direction`` says otherwise.

    Parameters
    ----------
    image : (..., H, W) or (..., D, H, W) Dask array
        Floats, integers, booleans or complex numbers, chunked along any axes.
    matrix : (2, 3), (3, 3), (3, 4) or (4, 4) array
        Affine or projective, in pixels: ``matrix @ (x, y, 1)``, of volumes ``matrix @ (x, y, z, 1)``.
    target_shape : (int, int) or (int, int, int), optional
        (Depth,) height and width of the output, in pixels; the input's unless given.
    sampler_type : str
        As of ``SpatialTransformer``.
    padding_mode : str
        What lies outside the image, as ``spatial_op.warp`` has it. Of "reflection" and "wrap" a chunk reads the pixels that
        the outside repeats; where it reaches over a whole period along an axis, all of that axis.
    direction : str
        "target_to_source", or "source_to_target" for a matrix that maps a pixel of the input to its place in the output,
        which is inverted then.
    displacement : (2, H_out, W_out) or (3, D_out, H_out, W_out) array, optional
        Instead of ``matrix``: how far from its own place each pixel of the output is sampled, in pixels, x first. It is held in
        memory.
    channel_axis : int, optional
        The axis that holds the channels, if it does not stand in front of the sides.
    antialias : bool, int or tuple of int
        How many samples of its own area an output pixel is the mean of, as ``spatial_op.warp`` has it: for slides that are
        shrunk.
    chunks : int or (int, int) or (int, int, int), optional
        (Depth,) height and width of the output's chunks, in pixels. Without it those of the input, halved as long as one of
        them would read more than four times as many pixels as an input's chunk has. At most 2^19 chunks in all.
    fill_value : number or sequence of numbers
        What lies outside where ``padding_mode`` says "zeros"; of an image with ``channel_axis`` also one for each channel.
    coverage : bool or str
        True: return a second Dask array, how much of each sample's weight lies inside the image, whatever the padding; "only":
        return that alone.
    out_dtype : dtype, optional
        The dtype of the result, as ``spatial_op.warp`` has it.

    Returns
    -------
    out : Dask array of ``image``'s dtype, or of ``out_dtype``
        Its axes are those of ``image``. Nothing is computed yet. Each chunk is computed by one thread.
    coverage : (H_out, W_out) or (D_out, H_out, W_out) Dask array of floats
        If it is asked for.

    Raises
    ------
    ValueError
        If a shape, a name or a number is wrong, or a matrix cannot be inverted.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    The result has the bits of ``spatial_op.warp``, for any chunks of the image and of the result: coordinates are computed in
    float64, in pixels of the whole image. Maps by whole pixels reproduce the data bit for bit, NaN included. With both a
    displacement and ``antialias``, coordinates agree to rounding.

    The source of a chunk is the box around its mapped corners, which holds all of its mapped points as long as the
    denominator has one sign in it. A chunk that a homography's horizon crosses is halved until the boxes of its parts
    are known; it may read the whole source if there are too many parts, or if the horizon meets a pixel. The idea of
    slicing the source for each chunk is that of dask-image's ``affine_transform``.

    Examples
    --------
    >>> import dask.array as da
    >>> from spatial_op.dask import warp
    >>> image = da.arange(12.0).reshape(3, 4).rechunk((2, 2))
    >>> warp(image, [[1, 0, 0.5], [0, 1, 0]]).compute()
    array([[ 0.5,  1.5,  2.5,  1.5],
           [ 4.5,  5.5,  6.5,  3.5],
           [ 8.5,  9.5, 10.5,  5.5]])
    """
    op = "warp"
    check_image(warp, image)
    where = map_of(matrix, direction, displacement)
    image = channels_first(op, image, where.axes, channel_axis)
    rows = rows_of(sampler_type, padding_mode)
    channels = 1 if channel_axis is None else image.shape[0]
    fill = filling.checked(op, fill_value, padding_mode, channels, image.dtype)
    target = where.target(target_shape, image.shape[-where.axes :])
    where = where.with_samples(antialias, target)
    written = unrounded.checked(op, out_dtype, image.dtype, "image")
    chosen(op, coverage, (False, True, ALONE))
    if chunks is None:
        chunks = fitting(where, image, target, rows)
    sizes = cut(op, chunks, image, target)
    if coverage:
        sides = image.chunks[-where.axes :]
        ones = da.ones(image.shape[-where.axes :], dtype=working(image.dtype), chunks=sides)
        inside = assembled(ones, where, sizes, sampler_type, "zeros", None)
        if coverage == ALONE:
            return inside
    out = assembled(image, where, sizes, sampler_type, padding_mode, fill, written)
    out = out if channel_axis is None else da.moveaxis(out, 0, channel_axis)
    return (out, inside) if coverage else out


def fitting(where, image, target, rows):
    """Sizes of chunks that need not read too much."""
    source, shape = [max(sizes) for sizes in image.chunks[-where.axes :]], image.shape[-where.axes :]
    sides = tuple(min(size, limit) for size, limit in zip(source, target))
    while max(sides) > LEAST:
        boxes = boxes_of(where, rectangles(cut("warp", sides, image, target)), shape, rows)
        if read(boxes, shape).prod(axis=-1).max() <= MOST * math.prod(source):
            break
        sides = tuple(math.ceil(size / 2) if size > LEAST else size for size in sides)
    return sides


def rectangles(sizes):
    """Starts and ends of all chunks, along all axes."""
    return np.array(list(itertools.product(*map(spans, sizes))), np.int64)


def assembled(image, where, sizes, sampler_type, padding_mode, fill, out_dtype=None):
    """The lazy result."""
    dtype, rows, shape = image.dtype.newbyteorder("="), rows_of(sampler_type, padding_mode), image.shape[-where.axes :]
    rules = sampler_type, padding_mode, fill, out_dtype
    name = "warp-" + tokenize(image.name, where.matrix, where.displacement, where.fine, sizes, rules)
    firsts = [[start for start, _ in spans(each)] for each in image.chunks[-where.axes :]]
    all_parts = rectangles(sizes)
    boxes = boxes_of(where, all_parts, shape, rows)
    longest = read(boxes, shape).max(axis=0).tolist()
    countable("warp", "a chunk of the result reads a part of image whose", longest, "pass smaller chunks")
    tasks, places = {}, itertools.product(*(range(len(each)) for each in sizes))
    for place, part, box in zip(places, all_parts.tolist(), boxes.tolist()):
        axes = axes_of(box, shape)
        check_folded("warp", padding_mode, axes)
        needed = [meeting(each, runs(axis, rows)) for each, axis in zip(firsts, axes)]
        starts = [[each[k] for k, each in zip(block, firsts)] for block in itertools.product(*needed)]
        for front in itertools.product(*map(range, image.numblocks[: -where.axes])):
            blocks = [(image.name, *front, *block) for block in itertools.product(*needed)]
            lead = tuple(each[k] for each, k in zip(image.chunks, front))
            tasks[(name, *front, *place)] = (
                one_chunk, blocks, starts, lead, axes, part, where.within(part), dtype, *rules[:2], filled(fill, image, front), out_dtype,
            )  # fmt: skip
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[image])
    return da.Array(graph, name, (*image.chunks[: -where.axes], *sizes), dtype=out_dtype or dtype)


def one_chunk(blocks, starts, lead, axes, rectangle, where, dtype, sampler_type, padding_mode, fill, out_dtype):
    """A chunk of the result, from those of the source whose first pixels are ``starts``."""
    rows = rows_of(sampler_type, padding_mode)
    shape = tuple(stop - start for start, stop in rectangle)
    with one_thread():
        if not blocks:  # the fill, and NaN for what has no source point
            nothing = np.zeros((1, len(fill or (0,)), *(1 for _ in axes)), dtype)
            out = where.sampled(nothing, (0,) * where.axes, rectangle, rows, fill, out_dtype)[0]
            return out.reshape(*lead, *shape) if len(out) > 1 else np.broadcast_to(out[0], (*lead, *shape))
        source = gathered(blocks, starts, lead, [runs(axis, rows) for axis in axes], dtype)
        data = source.reshape(1, -1, *source.shape[-where.axes :])
        first = tuple(axis.first for axis in axes)
        return where.sampled(data, first, rectangle, rows_of_part(axes, rows), fill, out_dtype).reshape(*lead, *shape)
