"""Parts of an image: along each axis the pixels that are sampled, outside of which lies what lies outside the whole.

An axis all of whose samples are inside is cut out, and a coordinate is moved by the place of the first pixel. Where the padding is
sampled, the part has the pixels that it stands for, wherever these are in the whole, and coordinates stay those of the whole:
kernels bring them into its range, and a table says where each position's pixel is in the part. Kernels look up only what is
outside an image, so that pixel p has place p, if there is one; other pixels have the places that are left.
"""

from typing import NamedTuple

import numpy as np

from ..paddings import Padding
from .engine import kernels
from .outside import axis_values, pixels_of, range_of, rule, told

# The corner rule of coordinates in pixels: mirrors are at the centres of border pixels.
EDGE = 0


class Axis(NamedTuple):
    """An axis of a whole image of ``n`` pixels, and the positions that samples are mixed of: ``start`` to before ``stop``."""

    n: int
    start: int
    stop: int

    @property
    def inside(self):
        """Whether all are in the image."""
        return self.start >= 0 and self.stop <= self.n

    @property
    def first(self):
        """By how many pixels coordinates are moved."""
        return self.start if self.inside else 0

    def pixels(self, padding, sampler):
        """Those of the whole that the part has, in its order."""
        if self.inside:
            return np.arange(self.start, self.stop)
        reached = range_of(padding, sampler, self.n, EDGE)
        if reached.period:
            ends = self.start, min(self.stop, self.start + int(reached.period))
        else:
            ends = held(reached, self)
        found = np.unique(pixels_of(padding, np.arange(*ends), self.n, EDGE))
        found = found[found >= 0]
        own = found < len(found)
        order = np.empty_like(found)
        order[found[own]] = found[own]
        order[np.setdiff1d(np.arange(len(found)), found[own])] = found[~own]
        return order

    def values(self, padding, sampler):
        """What kernels are given of an axis that is not cut out."""
        reached, pixels = range_of(padding, sampler, self.n, EDGE), self.pixels(padding, sampler)
        begin, end = held(reached, self)
        whole = pixels_of(padding, np.arange(begin, end), self.n, EDGE)
        order = np.argsort(pixels)
        places = order[np.searchsorted(pixels, whole, sorter=order).clip(max=len(pixels) - 1)]
        table = np.where(pixels[places] == whole, places, -1).astype(np.int32)
        return told(reached, table, begin, kernels("cells").TABLE)


def held(reached, axis):
    """The first and last positions of a table that holds those of an axis, in the range."""
    if not reached.period:
        return tuple(int(np.clip(end, reached.begin, reached.end)) + last for last, end in enumerate(axis[1:]))
    moved = axis.start - int((axis.start - reached.low) // reached.period * reached.period)
    length = axis.stop - axis.start
    return (moved, moved + length) if moved + length <= reached.high else (reached.begin, reached.end + 1)


class Part(NamedTuple):
    """What lies outside a part, in the place of a row of the table: the row, and the part's axes."""

    padding: Padding
    axes: tuple

    def axis_values(self, sampler, n, edge, place):
        """What kernels are given of one of the axes, along which the part has ``n`` pixels."""
        axis = self.axes[place]
        return axis_values(self.padding, sampler, n, edge) if axis.inside else axis.values(self.padding, sampler)


def alike(padding, sampler, n):
    """How kernels call what lies outside any part that is cut out of an axis: nothing, or its border pixel; or else that a table says it."""
    reached = range_of(padding, sampler, n, EDGE)
    if reached.period:
        return kernels("cells").TABLE
    positions = np.r_[reached.begin : 0, n : reached.end + 1]
    return rule(positions, pixels_of(padding, positions, n, EDGE), n)
