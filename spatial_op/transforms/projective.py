"""``projective``: x_s = (t1 x + t2 y + t3) / z, y_s = (t4 x + t5 y + t6) / z with z = t7 x + t8 y + 1, a homography with h33 = 1.

Where z is 0 there is no source point: the coordinate is infinite or no number, and the sample is NaN.
"""

from . import affine
from .row import Transform, fixed


def fold(loc, sizes):
    """An affine pixel map from the image's centre, where the normalised origin is; the denominator; the centre."""
    a, b, c, d, e, f = affine.fold(loc, sizes)
    x, y = sizes.middle
    return a, b, c - x, d, e, f - y, loc[6] * (2.0 / sizes.steps[0]), loc[7] * (2.0 / sizes.steps[1]), x, y


def locate(plan, u, v):
    """Source pixel of a destination pixel."""
    x, y = affine.locate(plan, u, v)
    z = plan[6] * u + (plan[7] * v + 1.0)
    return x / z + plan[8], y / z + plan[9]


ROW = Transform("row-major 3x3 homography, h33 = 1", fixed(1, 0, 0, 0, 1, 0, 0, 0), 10, fold, locate)
