"""Tiles: which output pixels are computed together, where they are sampled, and from what kind of place."""

import numpy as np

from .jit import index, inner
from .lanes import COUNT, FOUR, all_between, load, spread, store, total

# Rows and columns of a tile. The window of a rotated tile then fits the second-level cache. Smaller tiles would fit the
# first, but measured up to 1.4 times slower on large images, where each stretch of a row that is read or written starts
# with a miss.
ROWS, COLS = 128, 128

# A window may hold this many pixels per output pixel of a full tile. Beyond, filling it would cost more than it saves.
WORTH = 6

# And this many more, whatever the size of the tile, which covers the margins of a small one.
ROOM = 2048

# A coordinate so little below a whole pixel is that pixel: rounding in the coordinates then does not choose the side of
# a slope's step.
SLIVER = 2.0**-40

# Beyond every cell.
FAR = 2**31 - 1

# So many channels are worth a window of four when gradients are scattered; fewer are scattered one by one.
FEW = 3

# Taps on one axis that the spare vectors have room for.
MOST_TAPS = 8

# Kinds of vectors.
INSIDE, BLANK, MIXED = 0, 1, 2


@inner
def tile_at(t, h_out, w_out):
    """Tile number ``t``: first row, first column, rows, columns."""
    across = (w_out + COLS - 1) // COLS
    row, col = t // across * ROWS, t % across * COLS
    return row, col, min(ROWS, h_out - row), min(COLS, w_out - col)


@inner
def tiles_of(h_out, w_out):
    """How many tiles an image has."""
    return ((h_out + ROWS - 1) // ROWS) * ((w_out + COLS - 1) // COLS)


@inner
def row_stride(width):
    """Distance of a window's rows: an odd number of vectors, so that neither rows nor vectors straddle more cache lines and sets than they must."""
    return ((width + COUNT - 1) // COUNT | 1) * COUNT


@inner
def scratch(h_out, w_out, channels, plan_size, like):
    """One thread's arrays for a tile: plan, lane numbers, cells, distances, places, kinds, window, spare vectors; padded for whole vectors."""
    area = min(ROWS, h_out) * min(COLS, w_out)
    cells = np.empty((2, area + COUNT), np.int32)
    parts = np.empty((2, area + COUNT), like.dtype)
    places = np.empty(area + COUNT, np.uint32)
    kinds = np.empty(area + COUNT, np.uint8)
    depth = FOUR if channels >= FEW else 1
    window = np.empty(depth * (WORTH * area + ROOM), like.dtype)
    return (
        np.empty(plan_size),
        np.arange(COUNT) * 1.0,
        cells,
        parts,
        places,
        kinds,
        window,
        np.empty(COUNT),
        np.empty(MOST_TAPS * COUNT, like.dtype),
    )


@inner
def columns(steps, k, tile, w_out):
    """Destination columns ``k`` to ``k + COUNT`` of a tile, from the image's centre; beyond the last it is repeated."""
    _, col, _, cols = tile
    first = col - (w_out - 1) * 0.5
    return np.fmin(load(steps, index(0)) + (np.float64(k) + first), cols - 1 + first)


@inner
def split(near, shift, first, reach, given, n, edge, cells, parts, j, low, high, bad):
    """``COUNT`` coordinates of one axis -> index of the first tap and distance from its cell.

    A NaN or infinite coordinate gets a NaN distance. Returned are the range of the indices so far, and a zero that such
    a coordinate turns into NaN.
    """
    close = near(given, n, reach, edge)
    cell = np.floor(close + (shift + SLIVER))
    nothing = given * 0.0
    store(parts, j, np.fmax(close - cell, -shift) + nothing)
    cell = cell + first
    store(cells, j, cell)
    return np.fmin(low, cell), np.fmax(high, cell), bad + nothing


@inner
def least(low, spare):
    """Smallest lane."""
    store(spare, index(0), low)
    result = spare[0]
    for k in range(1, COUNT):
        result = min(result, spare[k])
    return int(result)


@inner
def place(locate, near, shift, first, reach, plan, sizes, tile, pitch, steps, spare, cell_x, cell_y, part_x, part_y):
    """Cells and distances of a tile, in rows that are ``pitch`` apart.

    Returned are the box of the cells (x0, x1, y0, y1), and whether any coordinate is NaN or infinite. The last vector
    of a row may spill into the next row, which is written afterwards.
    """
    h_in, w_in, h_out, w_out, edge = sizes
    row, _, rows, cols = tile
    low_x, high_x = spread(np.inf, steps), spread(-np.inf, steps)
    low_y, high_y, bad = low_x, high_x, spread(0.0, steps)
    for q in range(index(rows)):
        v = np.float64(q) + (row - (h_out - 1) * 0.5)
        for k in range(index(0), index(cols), index(COUNT)):
            x, y = locate(plan, columns(steps, k, tile, w_out), v)
            j = q * index(pitch) + k
            low_x, high_x, bad = split(near, shift, first, reach, x, w_in, edge, cell_x, part_x, j, low_x, high_x, bad)
            low_y, high_y, bad = split(near, shift, first, reach, y, h_in, edge, cell_y, part_y, j, low_y, high_y, bad)
    zero = spread(0.0, steps)
    x0, x1 = least(low_x, spare), -least(zero - high_x, spare)
    y0, y1 = least(low_y, spare), -least(zero - high_y, spare)
    return x0, x1, y0, y1, total(bad) != 0


@inner
def enumerate_cells(cell_x, cell_y, part_x, part_y, runs, length, pitch, x0, y0, stride, places):
    """Index of every first tap, counted from (y0, x0), where rows are ``stride`` apart; harmless lanes after the last."""
    x0, y0, stride = np.int32(x0), np.int32(y0), np.int32(stride)
    for q in range(index(runs)):
        at = q * index(pitch)
        for k in range(index(length)):
            places[at + k] = (cell_y[at + k] - y0) * stride + (cell_x[at + k] - x0)
        for k in range(index(length), index(length + COUNT - 1) // index(COUNT) * index(COUNT)):
            places[at + k] = 0
            part_x[at + k] = part_y[at + k] = 0
            cell_x[at + k], cell_y[at + k] = cell_x[at], cell_y[at]


@inner
def classify(fix, cell_x, cell_y, part_x, part_y, reach, h, w, edge, runs, length, pitch, kinds):
    """What to do with each vector of a tile: INSIDE, BLANK (all taps lie where the padding is zero) or MIXED."""
    zero_outside = not fix(-1, h, edge)[1] and not fix(-1, w, edge)[1]
    addressable = h * w < 2**32  # by the 32 bits of a place
    for q in range(index(runs)):
        for k in range(index(0), index(length), index(COUNT)):
            j = q * index(pitch) + k
            kinds[j] = MIXED
            if not all_between(part_x, j, -1, 2) or not all_between(part_y, j, -1, 2):
                continue
            if addressable and all_between(cell_x, j, 0, w - reach) and all_between(cell_y, j, 0, h - reach):
                kinds[j] = INSIDE
            elif zero_outside and (
                all_between(cell_x, j, -FAR, -reach)
                or all_between(cell_x, j, w, FAR)
                or all_between(cell_y, j, -FAR, -reach)
                or all_between(cell_y, j, h, FAR)
            ):
                kinds[j] = BLANK


@inner
def reaches(fix, y0, height, h, edge, top, bottom):
    """Whether a box of source rows has one between ``top`` and ``bottom``."""
    for r in range(height):
        row, inside = fix(y0 + r, h, edge)
        if inside and top <= row < bottom:
            return True
    return False
