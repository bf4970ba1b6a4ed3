"""``projective``: x_s = (t1 x + t2 y + t3) / z, y_s = (t4 x + t5 y + t6) / z with z = t7 x + t8 y + 1, a homography with h33 = 1.

Where z is 0 there is no source point: the coordinate is infinite or no number, and the sample is NaN.
"""

import numpy as np

from . import affine
from .affine import HELPERS, matrix_gradient
from .row import Transform, fixed


def fold(loc, at, sizes, plan):
    """An affine pixel map from the image's centre, where the normalised origin is; the denominator; the centre."""
    affine.fold(loc, at, sizes, plan)
    plan[8], plan[9] = sizes.middle
    plan[2] -= plan[8]
    plan[5] -= plan[9]
    plan[6] = np.float64(loc[at + 6]) * (2.0 / sizes.steps[0])
    plan[7] = np.float64(loc[at + 7]) * (2.0 / sizes.steps[1])


def locate(plan, u, v):
    """Source pixel of a destination pixel."""
    x, y = affine.locate(plan, u, v)
    z = plan[6] * u + (plan[7] * v + 1.0)
    return x / z + plan[8], y / z + plan[9]


def pull_back(plan, u, v, grad_x, grad_y, sums, add):
    """Transpose of the derivative of ``locate``."""
    x, y = affine.locate(plan, u, v)
    z = plan[6] * u + (plan[7] * v + 1.0)
    along_x, along_y = grad_x / z, grad_y / z
    depth = (along_x * x + along_y * y) / z
    affine.pull_back(plan, u, v, along_x, along_y, sums, add)
    add(sums, 6, 0.0 - depth * u)
    add(sums, 7, 0.0 - depth * v)


def unfold(loc, at, sums, sizes, grad):
    """Gradient with respect to the parameters."""
    grad[0], grad[1], grad[2], grad[3], grad[4], grad[5] = matrix_gradient(sums, sizes)
    grad[6] = sums[6] * (2.0 / sizes.steps[0])
    grad[7] = sums[7] * (2.0 / sizes.steps[1])


ROW = Transform(
    "row-major 3x3 homography, h33 = 1",
    fixed(1, 0, 0, 0, 1, 0, 0, 0),
    10,
    fold,
    locate,
    pull_back,
    unfold,
    (*HELPERS, affine.fold, affine.locate, affine.pull_back),
)
