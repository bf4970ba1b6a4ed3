"""How much of each sample's weight lies inside the image: no pixel is looked at."""

import functools

import numpy as np

from . import means
from .in_place import each_taps
from .supersampling import pixel_row
from .tiles import area, first_pixel, pieces_of_work, tile_at, tiles
from .trace import LANES


def forward(m, rules, source, axes):
    """Every ``threads``-th tile of the work."""
    source.start(m)
    sums = means.room(m, rules.dtype, 1)
    for sample, number in pieces_of_work(m, m.samples, tiles(m, axes), source.in_turn):
        tile = tile_at(m, number, axes)
        source.begin(m, sample, tile)
        out = m.out.starting(sample * area(m, axes) + first_pixel(m, tile))
        for _ in doubtful(m, rules, source, tile, out):
            for q, k, taps in each_taps(m, rules, source, tile, again=True):
                means.write(m, out, sums, q, k, 0, 0, pixel_row(m, q) * m.w_out + k, share(m, taps), tile.cols - k)


def doubtful(m, rules, source, tile, out):
    """Unless all taps of a tile are inside for certain, which is known of affine transforms alone: then ones are written."""
    if not source.affine or tile.axes != 2:
        yield
        return
    inside = within(m, rules, source, tile)
    for _ in m.when(inside):
        for q in m.range(0, tile.rows):
            for k in m.range(0, tile.cols, LANES):
                m.write(out, pixel_row(m, q) * m.w_out + k, m.full(1.0, rules.dtype), tile.cols - k)
    yield from m.when(~inside)


def within(m, rules, source, tile):
    """Whether the corners of a tile are so far inside that all taps are."""
    found, margin = m.samples > 0, rules.reach + 1
    for (low, high), size in zip(source.ends(m, tile), (m.w, m.h)):
        found = found & (low >= margin) & (high <= m.to(size - (margin + 1), "f8"))
    return found


def share(m, taps):
    """The sum of the weights of those taps that are inside: 1 to the bit where all of them are."""
    found = m.variable(m.full(1.0, taps.rules.dtype))
    for _ in m.when(~taps.inside()):
        for spots, part in zip(taps.spots(), taps.parts):
            weights = taps.rules.weights(m, part)
            held = (np.where(spot >= 0, weight, 0.0) for spot, weight in zip(spots, weights))
            total = functools.reduce(lambda a, b: a + b, held)
            least = functools.reduce(m.smaller, spots)
            found.value = np.where(least >= 0, found.value, found.value * total)
    return np.where(taps.odd == 0, found.value, np.nan)
