"""Images larger than memory, in Dask's chunks: each chunk of the result reads only what it needs of the source."""

import itertools
import math

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from . import check
from .adapters.dask_arguments import check_image, check_reach, countable, cut, homogeneous
from .adapters.dask_boxes import PADDINGS, boxes_of, reach_of
from .kernels.threads import one_thread
from .operators.arguments import sampling
from .operators.plans import planned
from .operators.warp import WarpCall
from .transforms import pixel_matrix

__all__ = ["warp"]

# A chunk of the result may read so many times its own size, or it is made smaller; but not smaller than LEAST pixels.
MOST, LEAST = 4, 64


def warp(image, matrix, target_shape=None, sampler_type="bilinear", *, padding_mode="zeros", chunks=None):
    """Warp one large image, chunk by chunk.

    Conventions: an image is (..., height, width), of any number of axes in front. Coordinates are pixels, x before y: 0 is
    the centre of the first pixel. The matrix maps a pixel of the output to the point of the input where it is sampled.

    Parameters
    ----------
    image : (..., H, W) float Dask array
        Chunked along any axes.
    matrix : (2, 3) or (3, 3) array
        Affine or projective, in pixels: ``matrix @ (x, y, 1)``.
    target_shape : (int, int), optional
        Height and width of the output, in pixels; the input's unless given.
    sampler_type : str
        A row of images, as ``SpatialTransformer`` has it.
    padding_mode : str
        What lies outside the image: "zeros" or "border".
    chunks : int or (int, int), optional
        Height and width of the output's chunks, in pixels. Without it those of the input, halved as long as one of them
        would read more than four times as many pixels as an input's chunk has. At most 2^19 chunks in all.

    Returns
    -------
    out : (..., *target_shape) Dask array of ``image``'s dtype
        Nothing is computed yet. Each chunk is computed by one thread.

    Raises
    ------
    ValueError
        If a shape, a name or a number is wrong.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    The result has the same bits for any chunks of the image and of the result: coordinates are computed in float64, in
    pixels of the whole image. Maps by whole pixels reproduce the data bit for bit, NaN included.

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
    matrix = homogeneous(op, matrix)
    sampler, _ = sampling(op, 2, sampler_type, padding_mode, True)
    if padding_mode not in PADDINGS:
        raise ValueError(
            f"{op}: padding_mode is {padding_mode!r}, expected {check.listed(PADDINGS)}; what lies outside the image by another rule "
            "may need any part of the source."
        )
    target = image.shape[-2:] if target_shape is None else check.target_shape(op, target_shape, 2)
    check_reach(op, matrix, target)
    if chunks is None:
        chunks = fitting(matrix, image, target, reach_of(sampler), padding_mode)
    rows, columns = cut(op, chunks, image, target)
    return assembled(image, matrix, rows, columns, sampler_type, reach_of(sampler), padding_mode)


def fitting(matrix, image, target, reach, padding_mode):
    """Sizes of chunks that need not read too much."""
    source = [max(sizes) for sizes in image.chunks[-2:]]
    height, width = (min(size, limit) for size, limit in zip(source, target))
    while max(height, width) > LEAST:
        rows, columns = cut("warp", (height, width), image, target)
        boxes = boxes_of(matrix, rectangles(rows, columns), image.shape[-2:], reach, padding_mode)
        if np.diff(boxes)[..., 0].prod(axis=-1).max() <= MOST * math.prod(source):
            break
        height, width = (math.ceil(size / 2) if size > LEAST else size for size in (height, width))
    return height, width


def spans(sizes):
    """Starts and ends of chunks."""
    ends = list(itertools.accumulate(sizes, initial=0))
    return list(itertools.pairwise(ends))


def rectangles(rows, columns):
    """Starts and ends of all chunks, along both axes."""
    return np.array(list(itertools.product(spans(rows), spans(columns))), np.int64)


def assembled(image, matrix, rows, columns, sampler_type, reach, padding_mode):
    """The lazy result."""
    dtype = image.dtype.newbyteorder("=")
    name = "warp-" + tokenize(image.name, matrix, rows, columns, sampler_type, padding_mode)
    own = [spans(sizes) for sizes in image.chunks[-2:]]
    boxes = boxes_of(matrix, rectangles(rows, columns), image.shape[-2:], reach, padding_mode)
    longest = np.diff(boxes)[..., 0].max(axis=0).tolist()
    countable("warp", "a chunk of the result reads a part of image whose", longest, "pass smaller chunks")
    tasks, boxes = {}, iter(boxes.tolist())
    for (i, vertical), (j, horizontal) in itertools.product(enumerate(spans(rows)), enumerate(spans(columns))):
        box = next(boxes)
        needed = [[k for k, span in enumerate(each) if meet(span, need)] for each, need in zip(own, box)]
        for front in itertools.product(*map(range, image.numblocks[:-2])):
            blocks = [[(image.name, *front, k, m) for m in needed[1]] for k in needed[0]]
            lead = tuple(sizes[place] for sizes, place in zip(image.chunks, front))
            corner = tuple(each[few[0]][0] if few else 0 for each, few in zip(own, needed))
            tasks[(name, *front, i, j)] = (
                one_chunk, blocks, lead, corner, box, (vertical, horizontal), matrix, dtype, sampler_type, padding_mode,
            )  # fmt: skip
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[image])
    return da.Array(graph, name, (*image.chunks[:-2], rows, columns), dtype=dtype)


def meet(span, need):
    """Whether two ranges overlap."""
    return max(span[0], need[0]) < min(span[1], need[1])


def one_chunk(blocks, lead, corner, box, rectangle, matrix, dtype, sampler_type, padding_mode):
    """A chunk of the result, from those of the source whose first pixel is ``corner``."""
    shape = tuple(stop - start for start, stop in rectangle)
    if any(start == stop for start, stop in box):  # zeros, and NaN for what has no source point
        nothing = sampled(np.zeros((1, 1, 1, 1), dtype), (0, 0), rectangle, matrix, sampler_type, padding_mode)
        return np.broadcast_to(nothing[0, 0], (*lead, *shape))
    source = gathered(blocks, lead, corner, box, dtype)
    data = source.reshape(1, -1, *source.shape[-2:])
    (up, _), (before, _) = box
    return sampled(data, (up, before), rectangle, matrix, sampler_type, padding_mode).reshape(*lead, *shape)


def gathered(blocks, lead, corner, box, dtype):
    """The pixels of a box, from the chunks that hold them."""
    source = np.empty((*lead, *(stop - start for start, stop in box)), dtype)
    y = corner[0]
    for line in blocks:
        x = corner[1]
        for block in line:
            if type(block) is not np.ndarray:
                check.ordinary("warp", "a chunk of image", block)
            height, width = block.shape[-2:]
            from_y, to_y = max(y, box[0][0]), min(y + height, box[0][1])
            from_x, to_x = max(x, box[1][0]), min(x + width, box[1][1])
            source[..., from_y - box[0][0] : to_y - box[0][0], from_x - box[1][0] : to_x - box[1][0]] = block[
                ..., from_y - y : to_y - y, from_x - x : to_x - x
            ]
            x += width
        y += height
    return source


def sampled(data, first, rectangle, matrix, sampler_type, padding_mode):
    """A rectangle of the output, (1, C, H, W), from the part of the source whose first pixel is (y, x) = ``first``."""
    (top, bottom), (left, right) = rectangle
    centre = left + (right - left - 1) / 2, top + (bottom - top - 1) / 2
    loc = np.array([[*matrix.ravel(), *centre, *first[::-1]]])
    rows = sampling("warp", 2, sampler_type, padding_mode, True)
    with one_thread():
        plan = planned("warp", data, loc, (bottom - top, right - left), pixel_matrix.ROW, rows, True)
        return WarpCall("warp", {"data": data, "loc": loc}, plan).forward()
