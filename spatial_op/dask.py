"""Images larger than memory, in Dask's chunks: each chunk of the result reads only what it needs of the source."""

import itertools
import math

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from . import check
from .kernels.jit import one_thread
from .operators.arguments import sampling
from .operators.grid_sampler import GridSampler
from .operators.spatial_transformer import SpatialTransformer

__all__ = ["warp"]

# Pixels beside a sample that a sampling kernel reads.
REACH = {"nearest": 1, "bilinear": 1, "bicubic": 2}

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
        "bilinear", "nearest" or "bicubic".
    padding_mode : str
        What lies outside the image: "zeros" or "border".
    chunks : int or (int, int), optional
        Height and width of the output's chunks, in pixels. Without it those of the input, halved as long as one of them
        would read more than four times as many pixels as an input's chunk has.

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
    The source of a chunk is the box around its mapped corners, which holds all of its mapped points as long as the
    denominator has one sign in it; where a homography's horizon crosses a chunk, it is halved until the boxes are known
    or its parts are single pixels. Coordinates are computed in float64. The idea of slicing the source for each chunk is
    that of dask-image's ``affine_transform``.

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
    if not isinstance(image, da.Array):
        raise TypeError(
            f"{op}: image is a {type(image).__module__}.{type(image).__qualname__}, expected a Dask array; convert it with dask.array.asarray."
        )
    if image.ndim < 2 or np.isnan(image.shape).any() or 0 in image.shape:
        raise ValueError(
            f"{op}: image has shape {image.shape}, expected (..., height, width) of known sizes, at least 1; reshape it."
        )
    check.dtype(op, "the dtype of image", image.dtype)
    matrix = homogeneous(op, matrix)
    sampling(op, 2, sampler_type, padding_mode, True)
    if padding_mode == "reflection":
        raise ValueError(
            f"{op}: padding_mode is 'reflection', expected 'zeros' or 'border'; a mirror image may need any part of the source."
        )
    target = image.shape[-2:] if target_shape is None else check.target_shape(op, target_shape, 2)
    if chunks is None:
        chunks = fitting(matrix, image, target, sampler_type, padding_mode)
    rows, columns = da.core.normalize_chunks(chunks, target, dtype=image.dtype)
    return assembled(image, matrix, rows, columns, sampler_type, padding_mode)


def homogeneous(op, matrix):
    """A 3x3 matrix of float64."""
    given = np.asarray(matrix, np.float64)
    if given.shape not in ((2, 3), (3, 3)) or not np.isfinite(given).all():
        raise ValueError(
            f"{op}: matrix has shape {given.shape} or an entry that is no finite number, expected 2x3 or 3x3 numbers; "
            "pass rows of an affine matrix or a homography, in pixels."
        )
    return given if len(given) == 3 else np.vstack([given, [0, 0, 1]])


def fitting(matrix, image, target, sampler_type, padding_mode):
    """Sizes of chunks that need not read too much."""
    source = [max(sizes) for sizes in image.chunks[-2:]]
    height, width = (min(size, limit) for size, limit in zip(source, target))
    while max(height, width) > LEAST:
        rows, columns = da.core.normalize_chunks((height, width), target)
        boxes = (
            box_of(matrix, rectangle, image.shape[-2:], sampler_type, padding_mode)
            for rectangle in itertools.product(spans(rows), spans(columns))
        )
        if max(math.prod(stop - start for start, stop in box) for box in boxes) <= MOST * math.prod(source):
            break
        height, width = (math.ceil(size / 2) if size > LEAST else size for size in (height, width))
    return height, width


def spans(sizes):
    """Starts and ends of chunks."""
    ends = list(itertools.accumulate(sizes, initial=0))
    return list(itertools.pairwise(ends))


def box_of(matrix, rectangle, source, sampler_type, padding_mode):
    """Rows and columns of the source that a rectangle of the output may read; none of them may be empty."""
    low, high = extent(matrix, rectangle)
    reach = REACH[sampler_type]
    box = []
    for least, most, size in zip(low, high, source):
        start, stop = least - reach, most + reach + 1
        if padding_mode == "border":  # a point outside reads the edge
            start, stop = min(start, size - 1), max(stop, 1)
        start, stop = max(math.floor(min(start, size)), 0), min(math.ceil(max(stop, 0)), size)
        box.append((start, max(start, stop)))
    return tuple(box)


def extent(matrix, rectangle):
    """Least and largest y and x of the points that the pixels of a rectangle are mapped to."""
    (top, bottom), (left, right) = rectangle
    corners = [(x, y, 1) for y in (top, bottom - 1) for x in (left, right - 1)]
    x, y, denominators = matrix @ np.array(corners, np.float64).T
    if denominators.min() > 0 or denominators.max() < 0:
        x, y = x / denominators, y / denominators
        return (y.min(), x.min()), (y.max(), x.max())
    if bottom - top == right - left == 1:  # this pixel has no source point
        return (np.inf, np.inf), (-np.inf, -np.inf)
    if bottom - top >= right - left:
        middle = (top + bottom) // 2
        parts = ((top, middle), (left, right)), ((middle, bottom), (left, right))
    else:
        middle = (left + right) // 2
        parts = ((top, bottom), (left, middle)), ((top, bottom), (middle, right))
    lows, highs = zip(*(extent(matrix, part) for part in parts))
    return tuple(map(min, *lows)), tuple(map(max, *highs))


def assembled(image, matrix, rows, columns, sampler_type, padding_mode):
    """The lazy result."""
    name = "warp-" + tokenize(image.name, matrix, rows, columns, sampler_type, padding_mode)
    own = [spans(sizes) for sizes in image.chunks[-2:]]
    tasks = {}
    for (i, vertical), (j, horizontal) in itertools.product(enumerate(spans(rows)), enumerate(spans(columns))):
        box = box_of(matrix, (vertical, horizontal), image.shape[-2:], sampler_type, padding_mode)
        needed = [[k for k, span in enumerate(each) if meet(span, need)] for each, need in zip(own, box)]
        for front in itertools.product(*map(range, image.numblocks[:-2])):
            blocks = [[(image.name, *front, k, m) for m in needed[1]] for k in needed[0]]
            lead = tuple(sizes[place] for sizes, place in zip(image.chunks, front))
            corner = tuple(each[few[0]][0] if few else 0 for each, few in zip(own, needed))
            tasks[(name, *front, i, j)] = (
                one_chunk, blocks, lead, corner, box, (vertical, horizontal), matrix, image.dtype, sampler_type, padding_mode,
            )  # fmt: skip
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[image])
    return da.Array(graph, name, (*image.chunks[:-2], rows, columns), dtype=image.dtype)


def meet(span, need):
    """Whether two ranges overlap."""
    return max(span[0], need[0]) < min(span[1], need[1])


def one_chunk(blocks, lead, corner, box, rectangle, matrix, dtype, sampler_type, padding_mode):
    """A chunk of the result, from those of the source whose first pixel is ``corner``."""
    (top, bottom), (left, right) = rectangle
    shape = (bottom - top, right - left)
    sizes = [stop - start for start, stop in box]
    if 0 in sizes:  # nothing but zeros, and what has no source point
        nowhere = np.isnan(projective_grid(matrix, rectangle)[0, 0])
        return np.broadcast_to(np.where(nowhere, np.nan, 0).astype(dtype), (*lead, *shape))
    source = np.empty((*lead, *sizes), dtype)
    y = corner[0]
    for line in blocks:
        x = corner[1]
        for block in line:
            height, width = block.shape[-2:]
            from_y, to_y = max(y, box[0][0]), min(y + height, box[0][1])
            from_x, to_x = max(x, box[1][0]), min(x + width, box[1][1])
            source[..., from_y - box[0][0] : to_y - box[0][0], from_x - box[1][0] : to_x - box[1][0]] = block[
                ..., from_y - y : to_y - y, from_x - x : to_x - x
            ]
            x += width
        y += height
    data = source.reshape(1, -1, *sizes)
    local = pixels_to_edges(sizes, (-box[0][0], -box[1][0])) @ matrix
    params = {"sampler_type": sampler_type, "padding_mode": padding_mode, "align_corners": False}
    with one_thread():
        if (matrix[2] == (0, 0, 1)).all():
            loc = (local @ edges_to_pixels(shape, (top, left)))[None, :2].reshape(1, 6)
            out = SpatialTransformer(data, loc, shape, **params)
        else:
            out = GridSampler(data, projective_grid(local, rectangle), **params)
    return out.reshape(*lead, *shape)


def pixels_to_edges(sizes, shift):
    """From pixels, shifted, to normalised coordinates in which -1 and +1 are the outer edges."""
    (height, width), (down, right) = sizes, shift
    return np.array(
        [[2 / width, 0, (2 * right + 1) / width - 1], [0, 2 / height, (2 * down + 1) / height - 1], [0, 0, 1]]
    )


def edges_to_pixels(shape, start):
    """From such coordinates of a chunk to pixels of the whole output."""
    (height, width), (top, left) = shape, start
    return np.array([[width / 2, 0, left + (width - 1) / 2], [0, height / 2, top + (height - 1) / 2], [0, 0, 1]])


def projective_grid(local, rectangle):
    """Normalised source points of a chunk's pixels; a zero denominator gives none."""
    y, x = (np.arange(*span, dtype=np.float64) for span in rectangle)
    places = np.stack([*np.broadcast_arrays(x, y[:, None]), np.ones((len(y), len(x)))])
    points = np.einsum("ab,bij->aij", local, places)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(points[2] == 0, np.nan, points[:2] / points[2])[None]
