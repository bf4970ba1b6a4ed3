"""From source coordinates to cells: the pixel of the first tap, and the distances that the sampler's weights follow from."""

from typing import NamedTuple

import numpy as np

from .jit import index, inlined, inner
from .lanes import COUNT, all_between, spread, store, total
from .tiles import ROOM, WORTH, WORTH_OUTSIDE

# Beyond every cell.
FAR = 2**31 - 1

# What to do with a vector of pixels that are sampled in place: all taps are in the image; all lie where the padding is
# zero; neither. And a mark for vectors with a coordinate that is no number, which are mixed too.
INSIDE, MIXED, BLANK, UNKNOWN = 0, 1, 2, 4

# The offset of a tap outside the image: the sum of three offsets, one of them this, is negative.
OUTSIDE = -(2**60)


class Rules(NamedTuple):
    """How an image is sampled at a coordinate: the rows of a padding and of a sampler, and the corner rule."""

    near: object
    fix: object
    shift: float
    first: int
    taps: object
    cell: object
    edge: int


class Box(NamedTuple):
    """The source pixels that a tile needs: first column and row, sizes, and the distance of rows in a window."""

    x: int
    y: int
    width: int
    height: int
    stride: int


@inlined
def reach_of(rules):
    """Taps on one axis."""
    return len(rules.taps(0.5))


@inlined
def split(rules, given, n, cells, parts, j, low, high, bad):
    """``COUNT`` coordinates of one axis of ``n`` pixels -> index of the first tap and distance from its cell.

    A NaN or infinite coordinate gets a NaN distance. Returned are the range of the indices so far, and a zero that such
    a coordinate turns into NaN.
    """
    close = rules.near(given, n, reach_of(rules), rules.edge)
    cell = rules.cell(close, rules.shift)
    nothing = given * 0.0
    store(parts, j, np.fmax(close - cell, -rules.shift) + nothing)
    cell = cell + rules.first
    store(cells, j, cell)
    return np.fmin(low, cell), np.fmax(high, cell), bad + nothing


@inner
def least(low, wide):
    """Smallest lane."""
    store(wide, index(0), low)
    result = wide[0]
    for k in range(1, COUNT):
        result = min(result, wide[k])
    return int(result)


@inner
def place_plane(source, rules, values, at, frame, tile, work):
    """Cells and distances of a tile, in rows that are ``tile.pitch`` apart.

    Returned are the box of pixels around them, and whether any coordinate is NaN or infinite. The last vector of a row
    may spill into the next row, which is written afterwards.
    """
    w, h = frame.source
    cell_x, cell_y = work.cells
    part_x, part_y = work.parts
    like = source.like(values, work)
    low_x, high_x = spread(np.inf, like), spread(-np.inf, like)
    low_y, high_y, bad = low_x, high_x, spread(0.0, like)
    for q in range(index(tile.rows)):
        for k in range(index(0), index(tile.cols), index(COUNT)):
            x, y = source.find(source, values, at, frame, tile, q, k, work)
            j = q * index(tile.pitch) + k
            low_x, high_x, bad = split(rules, x, w, cell_x, part_x, j, low_x, high_x, bad)
            low_y, high_y, bad = split(rules, y, h, cell_y, part_y, j, low_y, high_y, bad)
    zero = spread(0.0, like)
    x0, x1 = least(low_x, work.wide), -least(zero - high_x, work.wide)
    y0, y1 = least(low_y, work.wide), -least(zero - high_y, work.wide)
    width, height = x1 - x0 + reach_of(rules), y1 - y0 + reach_of(rules)
    return Box(x0, y0, width, height, row_stride(width)), total(bad) != 0


@inner
def place_volume(source, rules, values, at, frame, tile, work):
    """``place_plane`` for volumes, which need no box but the range of slices: first and last cell."""
    w, h, d = frame.source
    cell_x, cell_y, cell_z = work.cells
    part_x, part_y, part_z = work.parts
    like = source.like(values, work)
    low, high, bad = spread(np.inf, like), spread(-np.inf, like), spread(0.0, like)
    for q in range(index(tile.rows)):
        for k in range(index(0), index(tile.cols), index(COUNT)):
            x, y, z = source.find(source, values, at, frame, tile, q, k, work)
            j = q * index(tile.pitch) + k
            _, _, bad = split(rules, x, w, cell_x, part_x, j, low, high, bad)
            _, _, bad = split(rules, y, h, cell_y, part_y, j, low, high, bad)
            low, high, bad = split(rules, z, d, cell_z, part_z, j, low, high, bad)
    zero = spread(0.0, like)
    return least(low, work.wide), -least(zero - high, work.wide), total(bad) != 0


@inner
def row_stride(width):
    """Distance of a window's rows: an odd number of vectors, so that neither rows nor vectors straddle more cache lines and sets than they must."""
    return ((width + COUNT - 1) // COUNT | 1) * COUNT


@inlined
def fits(box, tile, worth):
    """Whether a window of this box holds no more than so many pixels per output pixel."""
    return box.stride * box.height <= worth * tile.rows * tile.cols + ROOM - COUNT


@inlined
def pays(box, frame, tile):
    """Whether a window of this box is worth filling."""
    w, h = frame.source
    inside = box.x >= 0 and box.y >= 0 and box.x + box.width <= w and box.y + box.height <= h
    return fits(box, tile, WORTH if inside else WORTH_OUTSIDE)


@inlined
def pad(tile, places, cells, parts):
    """Give the lanes after the last pixel of each run the place and cell of the run's first pixel, and no distance.

    Gradients add zeros there; at a place of their own, these could be pixels that another thread adds to.
    """
    for q in range(index(tile.runs)):
        at = q * index(tile.pitch)
        for k in range(index(tile.length), index(tile.length + COUNT - 1) // index(COUNT) * index(COUNT)):
            places[at + k], cells[at + k], parts[at + k] = places[at], cells[at], 0


@inner
def enumerate_window(box, tile, work):
    """Index in a window of every first tap."""
    cell_x, cell_y = work.cells
    part_x, part_y = work.parts
    places = work.places
    x0, y0, stride = np.int32(box.x), np.int32(box.y), np.int32(box.stride)
    for q in range(index(tile.runs)):
        at = q * index(tile.pitch)
        for k in range(index(tile.length)):
            places[at + k] = (cell_y[at + k] - y0) * stride + (cell_x[at + k] - x0)
    pad(tile, places, cell_x, part_x)
    pad(tile, places, cell_y, part_y)


@inner
def enumerate_plane(frame, tile, work):
    """Index in its channel of every first tap that is inside the image."""
    cell_x, cell_y = work.cells
    part_x, part_y = work.parts
    places, w = work.places, np.int32(frame.source[0])
    for q in range(index(tile.runs)):
        at = q * index(tile.pitch)
        for k in range(index(tile.length)):
            places[at + k] = cell_y[at + k] * w + cell_x[at + k]
    pad(tile, places, cell_x, part_x)
    pad(tile, places, cell_y, part_y)


@inner
def enumerate_volume(frame, tile, work):
    """``enumerate_plane`` for volumes."""
    cell_x, cell_y, cell_z = work.cells
    part_x, part_y, part_z = work.parts
    places, w, h = work.places, np.int32(frame.source[0]), np.int32(frame.source[1])
    for q in range(index(tile.runs)):
        at = q * index(tile.pitch)
        for k in range(index(tile.length)):
            places[at + k] = (cell_z[at + k] * h + cell_y[at + k]) * w + cell_x[at + k]
    pad(tile, places, cell_x, part_x)
    pad(tile, places, cell_y, part_y)
    pad(tile, places, cell_z, part_z)


@inner
def classify(rules, frame, tile, work, all_spots):
    """What to do with each vector of a tile, and the offsets of the taps of those that are ``MIXED``, or of all.

    A vector with ``n`` axes and ``r`` taps on each has ``n r`` vectors of offsets in ``work.spots``, counted from the
    channel's first pixel. Coordinates that are no numbers have all taps outside.
    """
    reach, axes, kinds = reach_of(rules), len(frame.source), work.kinds
    zero_outside, pixels = True, 1
    for axis in range(axes):
        zero_outside = zero_outside and not rules.fix(-1, frame.source[axis], rules.edge)[1]
        pixels *= frame.source[axis]
    addressable = pixels < 2**32  # by the 32 bits of a place
    for axis in range(axes):
        cells, parts, n = work.cells[axis], work.parts[axis], frame.source[axis]
        for q in range(index(tile.runs)):
            for k in range(index(0), index(tile.length), index(COUNT)):
                j = q * index(tile.pitch) + k
                kind = kinds[j] if axis > 0 else np.uint8(INSIDE)
                if not addressable or not all_between(cells, j, 0, n - reach):
                    kind |= np.uint8(MIXED)
                if zero_outside and (all_between(cells, j, -FAR, -reach) or all_between(cells, j, n, FAR)):
                    kind |= np.uint8(BLANK)
                if not all_between(parts, j, -1, 2):
                    kind |= np.uint8(UNKNOWN)
                kinds[j] = kind
    stride, spots = 1, work.spots
    for axis in range(axes):
        cells, parts, n = work.cells[axis], work.parts[axis], frame.source[axis]
        for q in range(index(tile.runs)):
            for k in range(index(0), index(tile.length), index(COUNT)):
                j = q * index(tile.pitch) + k
                if all_spots or (kinds[j] != INSIDE and (kinds[j] & UNKNOWN or not kinds[j] & BLANK)):
                    aim(rules, cells, parts, n, stride, axes, axis, spots, j, kinds[j] & UNKNOWN)
        stride *= n
    for q in range(index(tile.runs)):
        for k in range(index(0), index(tile.length), index(COUNT)):
            j = q * index(tile.pitch) + k
            if kinds[j] != INSIDE:
                kinds[j] = MIXED if kinds[j] & UNKNOWN or not kinds[j] & BLANK else BLANK


@inner
def aim(rules, cells, parts, n, stride, axes, axis, spots, j, unknown):
    """Offsets along one axis of the taps of one vector."""
    reach = reach_of(rules)
    for s in range(reach):
        at = spots_of(j, axes, reach) + index((axis * reach + s) * COUNT)
        for i in range(index(COUNT)):
            spot, inside = rules.fix(int(cells[j + i]) + s, n, rules.edge)
            spots[at + i] = spot * stride if inside else OUTSIDE
        if unknown:
            for i in range(index(COUNT)):
                if parts[j + i] != parts[j + i]:
                    spots[at + i] = OUTSIDE


@inlined
def spots_of(j, axes, reach):
    """Where in ``work.spots`` those of vector ``j`` begin."""
    return j * index(axes * reach)
