"""Sampling by coordinates in pixels: a rectangle of the output from a part of the source, both of any size.

A result has the same bits however it is cut into rectangles and the source into parts: coordinates are computed in float64,
in pixels of the whole source, and are then moved by a whole number of pixels.
"""

import numpy as np

from ..transforms import pixel_matrix
from .any_dtype import of_any
from .coordinates import AXES
from .in_parts import call_of
from .plans import Plan, planned

ROWS = {(axes, affine): pixel_matrix.row(axes, affine) for axes in (2, 3) for affine in (False, True)}


def by_matrix(data, first, rectangle, matrix, rows, fill=None, fine=None, out_dtype=None):
    """A rectangle of the output, (1, C, ...), of any dtype.

    ``first`` is the place in the whole source of the first pixel of ``data``; ``rectangle`` has the first and last places,
    of the output, along each axis. Both are in the order of ``data``'s axes. ``fill`` is a tuple of numbers, or None for zeros;
    ``fine`` is how many samples a pixel has along each axis, or None for one; ``out_dtype`` is the result's dtype if it is not that
    of ``data``.
    """
    axes = len(first)
    shape = tuple(stop - start for start, stop in rectangle)
    centre = [start + (size - 1) / 2 for (start, _), size in zip(rectangle, shape)]
    loc = np.array([[*matrix.ravel(), *centre[::-1], *first[::-1]]])
    transform = ROWS[axes, pixel_matrix.is_affine(matrix)]

    def sample(data, fill):
        plan = planned("warp", data, loc, shape, transform, rows, True, fill=fill, out_dtype=out_dtype)
        return call_of("warp", {"data": data, "loc": loc}, plan.part(1, fine) if fine else plan).forward()

    return of_any(sample, data, rows[0], fill, mixing=fine is not None)


def by_displacement(data, first, rectangle, displacement, rows, fill=None, fine=None, out_dtype=None):
    """The same, where pixels are sampled beside themselves, by so many pixels: (axes, ...), x first, for the rectangle."""
    places = np.meshgrid(*(np.arange(start, stop) for start, stop in rectangle), indexing="ij", sparse=True)
    grid = np.empty((1, *displacement.shape))
    for axis, (place, start) in enumerate(zip(places[::-1], first[::-1])):
        with np.errstate(invalid="ignore"):  # infinite numbers are values too
            grid[0, axis] = pixel_matrix.settled(displacement[axis] + place.astype("float64")) - start

    def sample(data, fill):
        plan = planned(
            "warp", data, grid, grid.shape[2:], None, rows, True, fill=fill, kind=PlanInPixels, out_dtype=out_dtype
        )
        return call_of("warp", {"data": data, "grid": grid}, plan.part(1, fine) if fine else plan).forward()

    return of_any(sample, data, rows[0], fill, mixing=fine is not None)


class PlanInPixels(Plan):
    """A plan for grids whose coordinates are pixels."""

    def places(self):
        """So that half a step, from 0 to +1, is one pixel, and 0 is the first one."""
        axes = AXES[: len(self.target)]
        return {f"span_{axis}": 2.0 for axis in axes} | {f"middle_{axis}": 0.0 for axis in axes}
