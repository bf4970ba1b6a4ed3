"""``pixel_matrix`` of volumes, which are affine: the rows of a 3x4 matrix give x_s, y_s and z_s from (X, Y, Z, 1), in pixels.

The parameters are the twelve entries of the matrix, row by row; the place in the whole output of the part's centre, x, y
and z; and the place in the whole source of the part's first pixel, likewise.
"""

from .pixel_matrix import settled
from .row import Transform, fixed


def fold(loc, sizes):
    """The parameters as they are."""
    return loc


def locate(plan, u, v, s):
    """Source voxel of a destination voxel, both counted within their parts."""
    x, y, z = u + plan[12], v + plan[13], s + plan[14]
    x_s = plan[0] * x + (plan[1] * y + (plan[2] * z + plan[3]))
    y_s = plan[4] * x + (plan[5] * y + (plan[6] * z + plan[7]))
    z_s = plan[8] * x + (plan[9] * y + (plan[10] * z + plan[11]))
    return settled(x_s) - plan[15], settled(y_s) - plan[16], settled(z_s) - plan[17]


ROW = Transform(
    "row-major 3x4 matrix between voxels, centre of the output's part, first voxel of the source's part",
    fixed(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    18,
    fold,
    locate,
)
