"""``affine`` of volumes: the rows of a 3x4 matrix give x_s, y_s and z_s from (x, y, z, 1)."""

import numpy as np

from .affine import pixels
from .row import Transform, fixed


def fold(loc, at, sizes, plan):
    """The pixel map of one sample."""
    for row in range(3):
        for col in range(3):
            plan[4 * row + col] = np.float64(loc[at + 4 * row + col]) * (sizes.span[row] / sizes.steps[col])
        plan[4 * row + 3] = pixels(loc, at + 4 * row + 3, sizes.span[row]) + sizes.middle[row]


def locate(plan, u, v, s):
    """Source voxel of a destination voxel."""
    return (
        plan[0] * u + (plan[1] * v + (plan[2] * s + plan[3])),
        plan[4] * u + (plan[5] * v + (plan[6] * s + plan[7])),
        plan[8] * u + (plan[9] * v + (plan[10] * s + plan[11])),
    )


def pull_back(plan, u, v, s, grad_x, grad_y, grad_z, sums, add):
    """Transpose of ``locate``: gradient with respect to the plan."""
    row = 0
    for grad in (grad_x, grad_y, grad_z):
        add(sums, row, grad * u)
        add(sums, row + 1, grad * v)
        add(sums, row + 2, grad * s)
        add(sums, row + 3, grad)
        row += 4


def unfold(loc, at, sums, sizes, grad):
    """Gradient with respect to the parameters."""
    for row in range(3):
        for col in range(3):
            grad[4 * row + col] = sums[4 * row + col] * (sizes.span[row] / sizes.steps[col])
        grad[4 * row + 3] = sums[4 * row + 3] * (sizes.span[row] * 0.5)


ROW = Transform(
    "row-major 3x4 matrix", fixed(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0), 12, fold, locate, pull_back, unfold, (pixels,)
)
