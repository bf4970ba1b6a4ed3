"""``affine`` of volumes: the rows of a 3x4 matrix give x_s, y_s and z_s from (x, y, z, 1)."""

from .row import Transform, fixed


def fold(loc, sizes):
    """The pixel map."""
    plan = []
    for row, (span, middle) in enumerate(zip(sizes.span, sizes.middle)):
        plan += [loc[4 * row + col] * (span / step) for col, step in enumerate(sizes.steps)]
        plan.append(sizes.pixels(loc[4 * row + 3], row) + middle)
    return plan


def locate(plan, u, v, s):
    """Source voxel of a destination voxel."""
    return (
        plan[0] * u + (plan[1] * v + (plan[2] * s + plan[3])),
        plan[4] * u + (plan[5] * v + (plan[6] * s + plan[7])),
        plan[8] * u + (plan[9] * v + (plan[10] * s + plan[11])),
    )


ROW = Transform("row-major 3x4 matrix", fixed(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0), 12, fold, locate)
