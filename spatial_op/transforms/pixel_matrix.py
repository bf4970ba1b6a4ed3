"""A homography between pixels, for parts of a large image: x_s = (m0 X + m1 Y + m2) / z, y_s = (m3 X + m4 Y + m5) / z, z = m6 X + m7 Y + m8.

These rows, of images and of volumes, stand in no public table: their parameters are pixels, not normalised. Output and source
are each a part of a whole. The parameters are the entries of the matrix between the wholes, row by row; the place in the
whole output of the part's centre, x first; and the place in the whole source of the part's first pixel, likewise.

A coordinate is computed in the whole, where it does not depend on how the whole is cut, and then moved by a whole number
of pixels, which is exact. So a part has the same bits as the whole. Between steps the kernels add a small number to a
coordinate and round it down; near a whole pixel and half way between two, the place of the part could then decide.
Coordinates so close to these are moved onto them before. What is moved is within the rounding of the coordinates.
"""

import numpy as np

from .affine import linear
from .row import Transform, fixed, matrix

# A coordinate this close to a whole or a half pixel, plus this part of its size, is meant as that; a denominator that is
# no more than this part of its terms is 0.
LEAST, PART = 2.0**-39, 2.0**-50


def settled(x):
    """The whole or half pixel next to a coordinate if it is very close, else the coordinate."""
    near = np.floor(2 * x + 0.5) * 0.5
    return np.where(abs(x - near) <= LEAST + PART * abs(x), near, x)


def fold(loc, sizes):
    """The parameters as they are."""
    return loc


def locate(plan, *place):
    """Source pixel of a destination pixel, both counted within their parts."""
    whole, rows, below, first = parts(plan, place)
    z = linear(below[:-1], whole, below[-1])
    terms = linear([abs(factor) for factor in below[:-1]], [abs(x) for x in whole], abs(below[-1]))
    z = np.where(abs(z) <= PART * terms, 0.0, z)
    return [settled(linear(row[:-1], whole, row[-1]) / z) - start for row, start in zip(rows, first)]


def locate_affine(plan, *place):
    """The same where the denominator is 1, bit for bit."""
    whole, rows, _, first = parts(plan, place)
    return [settled(linear(row[:-1], whole, row[-1])) - start for row, start in zip(rows, first)]


def parts(plan, place):
    """A place in the whole output; rows of the matrix, and its last one; the first pixel of the source's part."""
    axes = len(place)
    *rows, below = (plan[first : first + axes + 1] for first in range(0, (axes + 1) ** 2, axes + 1))
    whole = [coordinate + middle for coordinate, middle in zip(place, plan[-2 * axes : -axes])]
    return whole, rows, below, plan[-axes:]


def is_affine(matrix):
    """Whether the denominator of a matrix is 1 everywhere."""
    *others, last = matrix[-1]
    return last == 1 and not any(others)


def row(axes, affine):
    """The row of images of so many axes, for all matrices or for affine ones."""
    size = axes + 1
    return Transform(
        f"row-major {size}x{size} matrix between pixels, centre of the output's part, first pixel of the source's part",
        fixed(*matrix(size, size), *[0] * (2 * axes)),
        size**2 + 2 * axes,
        fold,
        locate_affine if affine else locate,
    )
