"""A homography between pixels, for parts of a large image: x_s = (m0 X + m1 Y + m2) / z, y_s = (m3 X + m4 Y + m5) / z, z = m6 X + m7 Y + m8.

This row stands in no public table: its parameters are pixels, not normalised. Output and source are each a part of a
whole. The parameters are the nine entries of the matrix between the wholes, row by row; the place in the whole output
of the part's centre, x and y; and the place in the whole source of the part's first pixel, x and y.

A coordinate is computed in the whole, where it does not depend on how the whole is cut, and then moved by a whole number
of pixels, which is exact. So a part has the same bits as the whole. Between steps the kernels add a small number to a
coordinate and round it down; near a whole pixel and half way between two, the place of the part could then decide.
Coordinates so close to these are moved onto them before. What is moved is within the rounding of the coordinates.
"""

import numpy as np

from .row import Transform, fixed

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


def locate(plan, u, v):
    """Source pixel of a destination pixel, both counted within their parts."""
    x, y = u + plan[9], v + plan[10]
    z = plan[6] * x + (plan[7] * y + plan[8])
    terms = abs(plan[6] * x) + (abs(plan[7] * y) + abs(plan[8]))
    z = np.where(abs(z) <= PART * terms, 0.0, z)
    x_s = (plan[0] * x + (plan[1] * y + plan[2])) / z
    y_s = (plan[3] * x + (plan[4] * y + plan[5])) / z
    return settled(x_s) - plan[11], settled(y_s) - plan[12]


ROW = Transform(
    "row-major 3x3 matrix between pixels, centre of the output's part, first pixel of the source's part",
    fixed(1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0),
    13,
    fold,
    locate,
)
