"""Tiles: which output pixels are computed together."""

from typing import NamedTuple

from . import supersampling
from .trace import LANES

# Rows and columns of a tile. The window of a rotated tile then fits the second-level cache.
SIDE = 64
# Columns of a tile of signals, which have one row.
LINE = 1024

# Channels that share one evaluation of coordinates and taps. Fixed, so that sums over channels have one order for any
# number of threads.
BLOCK = 32

AXES = "xyz"

# Lines of arrays that are asked for before they are read, or written to: of a tile's, processors do not foresee the next one.
AHEAD = 2


class Tile(NamedTuple):
    """Rows and columns of one output plane; of volumes, of one slice; of signals, of the only row. All are traced numbers but ``axes``.

    ``rows`` counts those of samples, of which pixels may have several (see ``supersampling``).
    """

    axes: int
    slice: object
    row: object
    col: object
    rows: object
    cols: object


def across(size, side):
    """Tiles along a side."""
    return (size + (side - 1)) // side


def columns_of(axes):
    """Columns of a tile."""
    return LINE if axes == 1 else SIDE


def tiles_of(target, sides=None):
    """Number of tiles of an output of this (depth,) (height) and width; ``sides`` are those of a whole tile, unless they are the usual ones."""
    rows, cols = sides or (SIDE, columns_of(len(target)))
    if len(target) == 1:
        return across(*target, cols)
    *depth, h_out, w_out = target
    return across(h_out, rows) * across(w_out, cols) * (depth[0] if depth else 1)


def tiles(m, axes):
    """The same, traced."""
    sides = supersampling.sides(m) if supersampling.active(m) else None
    return tiles_of([m.arguments[f"{size}_out"] for size in "dhw"[-axes:]], sides)


def tile_at(m, number, axes):
    """A tile by its number."""
    most_rows, most_cols = supersampling.sides(m) if supersampling.active(m) else (SIDE, columns_of(axes))
    if axes == 1:
        col = number * most_cols
        return Tile(axes, 0, 0, col, supersampling.rows_of(m, 1), m.smaller(m.w_out - col, most_cols))
    wide, high = across(m.w_out, most_cols), across(m.h_out, most_rows)
    row, col = number // wide % high * most_rows, number % wide * most_cols
    rows, cols = m.smaller(m.h_out - row, most_rows), m.smaller(m.w_out - col, most_cols)
    return Tile(axes, number // (wide * high), row, col, supersampling.rows_of(m, rows), cols)


def pieces_of_work(m, units, count, in_turn):
    """Pairs of a unit, such as an image, and the number of one of its ``count`` tiles: those of one thread.

    Tiles that follow each other share source lines, so a thread does those of one unit after another. If units are to take
    turns, it does one tile of each of them, then the next one.
    """
    total = units * count
    if in_turn:
        for work in m.range(m.part, total, m.threads):
            yield work % units, work // units
    else:
        for work in m.range(m.part * total // m.threads, (m.part + 1) * total // m.threads):
            yield work // count, work % count


def owned_work(m, blocks, count, in_turn):
    """The work where some samples share an image, and each band of a block of its channels has one owner, who does all of their tiles in order.

    Given are the image, the sample, the block, the band, and the number of one of the sample's ``count`` tiles; a sample that shares
    no image has its own number.
    """
    owners = m.samples // m.sharing * blocks * m.bands

    def each(work, shared, number):
        image, block, band = work // m.bands // blocks, work // m.bands % blocks, work % m.bands
        return image, image * m.sharing + shared, block, band, number

    if in_turn:
        for number in m.range(0, count):
            for work in m.range(m.part, owners, m.threads):
                for shared in m.range(0, m.sharing):
                    yield each(work, shared, number)
    else:
        for work in m.range(m.part, owners, m.threads):
            for shared in m.range(0, m.sharing):
                for number in m.range(0, count):
                    yield each(work, shared, number)


def first_pixel(m, tile):
    """Index of a tile's first pixel in its channel."""
    if tile.axes == 1:
        return tile.col
    return (tile.slice * m.h_out + tile.row) * m.w_out + tile.col


def pitch(m):
    """How far apart rows of a tile are where numbers of its pixels are kept."""
    return m.tile_cols if supersampling.active(m) else SIDE


def last_start(m, tile):
    """The last column where a vector begins: it overlaps the one before, so that it is whole if the tile is wide enough.

    Vectors of samples that are added up do not overlap.
    """
    return tile.cols if supersampling.active(m) else m.larger(tile.cols - LANES, 0)


def overlapping(m, tile):
    """Columns where vectors begin."""
    last = last_start(m, tile)
    for k in m.range(0, tile.cols, LANES):
        yield m.smaller(k, last)


def area(m, axes):
    """Pixels of an output's channel."""
    product = m.w_out
    for size in "hd"[: axes - 1]:
        product = product * m.arguments[f"{size}_out"]
    return product


def blocks_of(channels):
    """How many blocks of channels there are."""
    return (channels + (BLOCK - 1)) // BLOCK
