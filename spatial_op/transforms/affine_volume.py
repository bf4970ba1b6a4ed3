"""``affine`` of volumes: the rows of a 3x4 matrix give x_s, y_s and z_s from (x, y, z, 1)."""

import numpy as np

from .affine import pixels
from .row import Transform, fixed


def scales(sizes):
    """What turns the normalised numbers of the matrix into those between pixels."""
    across = [[span / step for step in sizes.steps] + [span * 0.5] for span in sizes.span]
    return np.array(across).ravel()


def fold(loc, sizes):
    """The pixel maps."""
    plan = loc.astype("float64") * scales(sizes)
    for row in range(3):
        plan[:, 4 * row + 3] = pixels(loc[:, 4 * row + 3], sizes.span[row]) + sizes.middle[row]
    return plan


def locate(plan, u, v, s):
    """Source voxel of a destination voxel."""
    return (
        plan[0] * u + (plan[1] * v + (plan[2] * s + plan[3])),
        plan[4] * u + (plan[5] * v + (plan[6] * s + plan[7])),
        plan[8] * u + (plan[9] * v + (plan[10] * s + plan[11])),
    )


def unfold(grad, sizes):
    """Gradient with respect to the parameters."""
    return grad * scales(sizes)


ROW = Transform("row-major 3x4 matrix", fixed(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0), 12, fold, locate, unfold)
