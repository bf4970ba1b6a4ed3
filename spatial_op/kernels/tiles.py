"""Tiles: which output pixels are computed together, and one thread's arrays for them."""

from typing import NamedTuple

import numpy as np

from ..transforms.row import Sizes
from .jit import inner
from .lanes import COUNT, FOUR

# Rows and columns of a tile. The window of a rotated tile then fits the second-level cache. Smaller tiles would fit the
# first, but measured up to 1.4 times slower on large images, where each stretch of a row that is read or written starts
# with a miss.
ROWS, COLS = 128, 128

# A window may hold this many pixels per output pixel of a full tile, if all of them are in the image. Beyond, filling it
# would cost more than it saves. It saves more where samples reach outside, since each of their taps would have to be
# looked up: so many pixels, for windows of four channels, and of one.
WORTH, WORTH_FOUR, WORTH_OUTSIDE = 3, 6, 12

# And this many more, whatever the size of the tile, which covers the margins of a small one.
ROOM = 2048

# So many channels are worth a window of four when gradients are scattered; fewer are scattered one by one.
FEW = 3

# Taps on one axis that the spare vectors have room for.
MOST_TAPS = 8

# Channels that share one evaluation of coordinates and taps. Fixed, so that sums over channels have one order for any
# number of threads.
BLOCK = 32


class Tile(NamedTuple):
    """Rows and columns of one output plane; of volumes, of one slice.

    In scratch arrays the rows are ``pitch`` apart. They are walked in ``runs`` stretches of ``length`` pixels: as one
    where rows follow each other in memory too.
    """

    plane: int
    row: int
    col: int
    rows: int
    cols: int
    runs: int
    length: int
    pitch: int


class Frame(NamedTuple):
    """Source and target images: pixels along x, y and, of volumes, z; and as the transforms see them."""

    source: tuple
    target: tuple
    sizes: Sizes


class Work(NamedTuple):
    """One thread's arrays: of the transform, of a tile's pixels, and a few spare vectors.

    ``first`` is the place in ``plan`` of the first coefficient of a function; ``laid`` holds the number of the tile that
    the functions in ``basis`` are of.
    """

    plan: np.ndarray
    first: int
    basis: np.ndarray
    laid: np.ndarray
    steps: np.ndarray
    wide: np.ndarray
    cells: tuple
    parts: tuple
    places: np.ndarray
    kinds: np.ndarray
    spots: np.ndarray
    grads: tuple
    spare: np.ndarray


@inner
def span_of(size, edge):
    """Pixels from the normalised -1 to +1."""
    return np.float64(size - 1 + edge)


@inner
def steps_of(size, edge):
    """The same where they divide: at least 1, since a single pixel lies at 0 whatever it is divided by."""
    return np.float64(max(size - 1 + edge, 1))


@inner
def plane_frame(w, h, w_out, h_out, edge):
    """Images under a corner rule."""
    span = span_of(w, edge), span_of(h, edge)
    middle = (w - 1) * 0.5, (h - 1) * 0.5
    steps = steps_of(w_out, edge), steps_of(h_out, edge)
    return Frame((w, h), (w_out, h_out), Sizes(span, middle, steps))


@inner
def volume_frame(w, h, d, w_out, h_out, d_out, edge):
    """Volumes under a corner rule."""
    span = span_of(w, edge), span_of(h, edge), span_of(d, edge)
    middle = (w - 1) * 0.5, (h - 1) * 0.5, (d - 1) * 0.5
    steps = steps_of(w_out, edge), steps_of(h_out, edge), steps_of(d_out, edge)
    return Frame((w, h, d), (w_out, h_out, d_out), Sizes(span, middle, steps))


@inner
def grid_plane_frame(w_out, h_out, edge):
    """A source whose pixels are the normalised coordinates."""
    steps = steps_of(w_out, edge), steps_of(h_out, edge)
    return Frame((1, 1), (w_out, h_out), Sizes((2.0, 2.0), (0.0, 0.0), steps))


@inner
def grid_volume_frame(w_out, h_out, d_out, edge):
    """``grid_plane_frame`` for volumes."""
    steps = steps_of(w_out, edge), steps_of(h_out, edge), steps_of(d_out, edge)
    return Frame((1, 1, 1), (w_out, h_out, d_out), Sizes((2.0, 2.0, 2.0), (0.0, 0.0, 0.0), steps))


@inner
def tile_at(t, target):
    """Tile number ``t``."""
    w_out, h_out = target[0], target[1]
    across, down = (w_out + COLS - 1) // COLS, (h_out + ROWS - 1) // ROWS
    plane, row, col = t // (across * down), t // across % down * ROWS, t % across * COLS
    rows, cols = min(ROWS, h_out - row), min(COLS, w_out - col)
    runs, length = (1, rows * cols) if cols == w_out else (rows, cols)
    return Tile(plane, row, col, rows, cols, runs, length, min(COLS, w_out))


@inner
def first_pixel(tile, target):
    """Index of a tile's first pixel in its channel."""
    return (tile.plane * target[1] + tile.row) * target[0] + tile.col


@inner
def tiles_of(h_out, w_out):
    """How many tiles a plane has."""
    return ((h_out + ROWS - 1) // ROWS) * ((w_out + COLS - 1) // COLS)


@inner
def area_of(target):
    """Length of scratch arrays that hold a number for each pixel of any tile, padded for whole vectors."""
    return min(ROWS, target[1]) * min(COLS, target[0]) + COUNT


@inner
def blocks_of(channels):
    """How many blocks of channels there are."""
    return (channels + BLOCK - 1) // BLOCK


@inner
def window_for(channels, target, like):
    """An array for windows, of four channels where that is worth it."""
    four = FOUR * (WORTH_FOUR * area_of(target) + ROOM) if channels >= FEW else 0
    return np.empty(max(four, WORTH_OUTSIDE * area_of(target) + ROOM), like.dtype)


@inner
def plane_work(target, needs, reach, like):
    """One thread's arrays for planes."""
    area = area_of(target)
    cells = np.empty(area, np.int32), np.empty(area, np.int32)
    parts = np.empty(area, like.dtype), np.empty(area, like.dtype)
    grads = np.empty(area, like.dtype), np.empty(area, like.dtype)
    return work_of(area, cells, parts, grads, needs, reach, like)


@inner
def volume_work(target, needs, reach, like):
    """One thread's arrays for volumes."""
    area = area_of(target)
    cells = np.empty(area, np.int32), np.empty(area, np.int32), np.empty(area, np.int32)
    parts = np.empty(area, like.dtype), np.empty(area, like.dtype), np.empty(area, like.dtype)
    grads = np.empty(area, like.dtype), np.empty(area, like.dtype), np.empty(area, like.dtype)
    return work_of(area, cells, parts, grads, needs, reach, like)


@inner
def work_of(area, cells, parts, grads, needs, reach, like):
    """The arrays that planes and volumes have alike; ``needs`` are numbers of the plan, the first coefficient, functions kept."""
    plan, first, basis = needs
    return Work(
        np.empty(plan),
        first,
        np.empty(basis),
        np.full(1, -1),
        np.arange(COUNT) * 1.0,
        np.empty(COUNT),
        cells,
        parts,
        np.empty(area, np.uint32),
        np.empty(area, np.uint8),
        np.empty(len(cells) * reach * area, np.int64),
        grads,
        np.empty(MOST_TAPS * COUNT, like.dtype),
    )
