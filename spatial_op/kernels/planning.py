"""How the work of a deformable convolution is cut, from its sizes alone: blocks, tiles, chunks, and the kernel for them."""

import functools
import math

import numpy as np

from .convolution import Plan, forward_kernel
from .convolution_gradient import PLANES, backward_kernel
from .lanes import COUNT
from .matrix import block_shape
from .points import Convolution, Edge

__all__ = [
    "Convolution",
    "backward",
    "backward_plan",
    "batches",
    "block_shape",
    "cut",
    "edge",
    "forward",
    "forward_plan",
    "share",
]

# Positions of a tile, about. Forward, its columns and sums fit the second-level cache; backward, its upstream gradient
# does, and every tile costs a pass over the gradient of the filters.
TILE, TILE_BACKWARD = 112, 224

# Columns that are multiplied at once, about: so many rows of a panel of filters fit the first-level cache.
DEPTH = 320

# Numbers that the copies of one call's images may hold, about; a larger batch is done in several calls.
ROOM = 2**22

# Pairs of block and chunk of images, at least, that share the backward pass; fixed, so that sums have one order for any
# number of threads.
UNITS = 16

# Multiply-adds that take as long as one output element of the samplers.
WORK = 64

forward = functools.cache(forward_kernel)
backward = functools.cache(backward_kernel)


@functools.lru_cache
def edge(size, clamped, dtype):
    """The border rule of one axis: sampled inside the image, the last pixel being repeated; or one pixel beyond, fading."""
    number = dtype.type
    below = np.nextafter(number(size), number(0))
    if clamped:
        return Edge(number(0), below, number(size - 1), number(size), number(size - 1))
    return Edge(number(-1), below, below, number(size - 1), number(size - 1))


@functools.lru_cache
def cut(channels, groups, deformables, itemsize):
    """Vectors to a block, and the table of blocks (see ``blocks``), of which none crosses a group's border."""
    borders = {channels * part // parts for parts in (groups, deformables) for part in range(parts + 1)}
    borders = sorted(borders)
    widest = max(high - low for low, high in zip(borders, borders[1:]))
    vectors = min(block_shape(itemsize)[1], -(-widest // COUNT))
    rows = [
        (first, min(vectors * COUNT, high - first), first * groups // channels, first * deformables // channels)
        for low, high in zip(borders, borders[1:])
        for first in range(low, high, vectors * COUNT)
    ]
    return vectors, np.array(rows, np.int64)


def tiles_of(area, rows, tile):
    """Blocks of positions that are multiplied at once, and tiles of about ``tile`` positions that they make up."""
    count = -(-area // rows)
    return count, -(-count // max(1, tile // rows))


def forward_plan(images, filters, convolution, vectors, itemsize, threads):
    """The plan for some images and so many threads, on which no number depends: each gets as many units of work."""
    rows, wide = block_shape(itemsize)
    images = images.stop - images.start
    count, tiles = tiles_of(math.prod(convolution.target), rows, TILE)
    while images * tiles % threads and tiles < count and images * tiles < 8 * threads:
        tiles += 1
    panels = -(-filters // convolution.groups // (wide * COUNT))
    parts = max(1, min(panels, threads // (images * tiles)))
    step = max(1, min(math.prod(convolution.kernel), DEPTH // int(convolution.blocks[:, 1].max())))
    return Plan(vectors * COUNT, step, tiles, parts)


def backward_plan(images, convolution, itemsize):
    """Tiles of an image, and chunks of the images."""
    _, tiles = tiles_of(math.prod(convolution.target), block_shape(itemsize)[0], TILE_BACKWARD)
    return tiles, max(1, min(images.stop - images.start, UNITS // len(convolution.blocks)))


def batches(images, convolution, vectors, backward=False):
    """Slices of the batch whose copies fit ``ROOM``."""
    each = math.prod(convolution.source) * vectors * COUNT
    if backward:
        each = math.prod(convolution.kernel) * PLANES * math.prod(convolution.target)
    step = max(1, ROOM // (len(convolution.blocks) * each))
    return [slice(first, min(images, first + step)) for first in range(0, images, step)]


def share(units, products, threads_for):
    """Threads for so many units of work and so many multiply-adds in all."""
    return threads_for(units, products // WORK)
