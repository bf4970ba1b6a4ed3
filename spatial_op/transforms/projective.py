"""``projective``: x_s = (t1 x + t2 y + t3) / z, y_s = (t4 x + t5 y + t6) / z with z = t7 x + t8 y + 1, a homography with h33 = 1.

Where z is 0 there is no source point: the coordinate is infinite or no number, and the sample is NaN.
"""

import numpy as np

from . import affine
from .row import Transform, fixed


def fold(loc, sizes):
    """Affine pixel maps from the image's centre, where the normalised origin is; the denominators; the centre."""
    plan = np.empty((len(loc), 10))
    plan[:, :6] = affine.fold(loc, sizes)
    plan[:, 2] -= sizes.middle[0]
    plan[:, 5] -= sizes.middle[1]
    plan[:, 6:8] = loc[:, 6:8].astype("float64") * [2.0 / sizes.steps[0], 2.0 / sizes.steps[1]]
    plan[:, 8:] = sizes.middle
    return plan


def locate(plan, u, v):
    """Source pixel of a destination pixel."""
    x, y = affine.locate(plan, u, v)
    z = plan[6] * u + (plan[7] * v + 1.0)
    return x / z + plan[8], y / z + plan[9]


def unfold(grad, sizes):
    """Gradient with respect to the parameters."""
    return np.hstack([affine.unfold(grad, sizes), grad[:, 6:8] * [2.0 / sizes.steps[0], 2.0 / sizes.steps[1]]])


ROW = Transform("row-major 3x3 homography, h33 = 1", fixed(1, 0, 0, 0, 1, 0, 0, 0), 10, fold, locate, unfold)
