"""How the work of a deformable convolution is cut, from its sizes alone: blocks, tiles, chunks, and the kernel for them.

What is ``whole`` here are the sizes, border rules, groups, deformable groups and blocks of a ``Convolution``.
"""

import functools

import numpy as np

from .convolution import Plan, forward_kernel
from .convolution_gradient import backward_kernel
from .convolution_sums import PLANES
from .lanes import COUNT
from .matrix import block_shape
from .points import Edge

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
def edges(source, clamped, dtype):
    """The border rules of rows and columns: sampled inside, the last pixel going on; or one pixel beyond, fading."""
    rules = []
    for size in source:
        below = np.nextafter(dtype.type(size), dtype.type(0))
        rules.append(
            Edge(0, below, size - 1, size, size - 1) if clamped else Edge(-1, below, below, size - 1, size - 1)
        )
    return np.array(rules, dtype)


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


def width_of(vectors, blocks):
    """Numbers that a block has for each pixel."""
    widest = int(blocks[:, 1].max())
    return widest if widest < COUNT else vectors * COUNT


def tiles_of(area, rows, tile):
    """Blocks of positions that are multiplied at once, and tiles of about ``tile`` positions that they make up."""
    count = -(-area // rows)
    return count, -(-count // max(1, tile // rows))


def forward_plan(images, filters, whole, vectors, itemsize, threads):
    """The plan for some images and so many threads, on which no number depends: each gets as many units of work."""
    sizes, _, groups, _, blocks = whole
    rows, wide = block_shape(itemsize)
    images, (taps, area) = images.stop - images.start, sizes[[0, -1]].prod(axis=1).tolist()
    count, tiles = tiles_of(area, rows, TILE)
    while images * tiles % threads and tiles < count and images * tiles < 8 * threads:
        tiles += 1
    panels = -(-filters // groups // (wide * COUNT))
    parts = max(1, min(panels, threads // (images * tiles)))
    step = max(1, min(taps, DEPTH // int(blocks[:, 1].max())))
    return Plan(width_of(vectors, blocks), step, tiles, parts)


def backward_plan(images, whole, itemsize):
    """Tiles of an image, and chunks of the images."""
    sizes, *_, blocks = whole
    area = int(sizes[-1].prod())
    _, tiles = tiles_of(area, block_shape(itemsize)[0], TILE_BACKWARD)
    return tiles, max(1, min(images.stop - images.start, UNITS // len(blocks)))


def batches(images, whole, vectors, backward=False):
    """Slices of the batch whose copies fit ``ROOM``."""
    sizes, *_, blocks = whole
    taps, source, area = sizes[[0, -2, -1]].prod(axis=1).tolist()
    each = source * width_of(vectors, blocks)
    if backward:
        each += taps * PLANES * area
    step = max(1, ROOM // (len(blocks) * each))
    return [slice(first, min(images, first + step)) for first in range(0, images, step)]


def share(units, products, threads_for):
    """Threads for so many units of work and so many multiply-adds in all."""
    return threads_for(units, products // WORK)
