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

# Further out than any image.
HUGE = 1e30

# Turns the smallest difference of two such numbers into more than 1, if the last row of the matrix is about 1.
STEEP = 2.0**120


def magnitude(x):
    """The absolute value."""
    return np.fmax(x, 0.0 - x)


def beyond(x, bound):
    """1 if the magnitude of a number is larger than the bound, else 0."""
    return np.fmin(np.fmax((magnitude(x) - bound) * STEEP, 0.0), 1.0)


def settled(x):
    """The whole or half pixel next to a coordinate if it is very close, else the coordinate."""
    close = np.fmin(np.fmax(x, -HUGE), HUGE)
    near = np.floor(2.0 * close + 0.5) * 0.5
    away = close - near
    kept = beyond(away, LEAST + PART * magnitude(close))
    return near + (away * kept + 0.0 * x)  # infinity and NaN give NaN


def fold(loc, sizes):
    """The parameters as they are."""
    return loc


def locate(plan, u, v):
    """Source pixel of a destination pixel, both counted within their parts."""
    x, y = u + plan[9], v + plan[10]
    z = plan[6] * x + (plan[7] * y + plan[8])
    z = z * beyond(z, PART * (magnitude(plan[6] * x) + (magnitude(plan[7] * y) + magnitude(plan[8]))))
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
