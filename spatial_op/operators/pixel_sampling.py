"""Sampling by coordinates in pixels: a rectangle of the output from a part of the source, both of any size.

A result has the same bits however it is cut into rectangles and the source into parts: coordinates are computed in float64,
in pixels of the whole source, and are then moved by a whole number of pixels.
"""

import functools

import numpy as np

from ..transforms import pixel_matrix
from .any_dtype import by_floats
from .coordinates import AXES
from .plans import Plan, planned
from .warp import WarpCall

ROWS = {axes: pixel_matrix.row(axes) for axes in (2, 3)}


def by_matrix(data, first, rectangle, matrix, rows, fill=None):
    """A rectangle of the output, (1, C, ...), of any dtype.

    ``first`` is the place in the whole source of the first pixel of ``data``; ``rectangle`` has the first and last places,
    of the output, along each axis. Both are in the order of ``data``'s axes. ``fill`` is a tuple of numbers, or None for zeros.
    """
    axes = len(first)
    shape = tuple(stop - start for start, stop in rectangle)
    centre = [start + (size - 1) / 2 for (start, _), size in zip(rectangle, shape)]
    loc = np.array([[*matrix.ravel(), *centre[::-1], *first[::-1]]])

    def sample(floats, fill):
        plan = planned("warp", floats, loc, shape, ROWS[axes], rows, True, fill=fill)
        return WarpCall("warp", {"data": floats, "loc": loc}, plan).forward()

    return by_floats(sample, data, fill)


def by_displacement(data, first, rectangle, displacement, rows, fill=None):
    """The same, where pixels are sampled beside themselves, by so many pixels: (axes, ...), x first, for the rectangle."""
    places = np.meshgrid(*(np.arange(start, stop) for start, stop in rectangle), indexing="ij", sparse=True)
    grid = np.empty((1, *displacement.shape))
    for axis, (place, start) in enumerate(zip(places[::-1], first[::-1])):
        with np.errstate(invalid="ignore"):  # infinite numbers are values too
            grid[0, axis] = pixel_matrix.settled(displacement[axis] + place.astype("float64")) - start

    def sample(floats, fill):
        plan = plan_in_pixels(floats.shape, grid.shape[2:], floats.dtype, rows, fill)
        return WarpCall("warp", {"data": floats, "grid": grid}, plan).forward()

    return by_floats(sample, data, fill)


class PlanInPixels(Plan):
    """A plan for grids whose coordinates are pixels."""

    def places(self):
        """So that half a step, from 0 to +1, is one pixel, and 0 is the first one."""
        axes = AXES[: len(self.target)]
        return {f"span_{axis}": 2.0 for axis in axes} | {f"middle_{axis}": 0.0 for axis in axes}


@functools.lru_cache(maxsize=64)
def plan_in_pixels(shape, target, dtype, rows, fill):
    """The plan of a call whose arrays have been checked."""
    dtype = dtype.newbyteorder("=")
    return PlanInPixels(shape, shape, target, dtype, np.dtype("float64"), None, rows, False, fill=fill)
