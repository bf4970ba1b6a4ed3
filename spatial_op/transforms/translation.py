"""``translation``: x_s = x + tx, y_s = y + ty, of volumes z_s = z + tz."""

from .affine import locate, pixel_map
from .row import Transform, fixed


def fold(loc, sizes):
    """The pixel map."""
    axes = range(len(sizes.span))
    rows = [[1.0 if one == other else 0.0 for other in axes] for one in axes]
    return pixel_map(rows, [sizes.pixels(loc[axis], axis) for axis in axes], sizes)


def row(axes):
    """The row of images of so many axes."""
    return Transform(", ".join(["tx", "ty", "tz"][:axes]), fixed(*[0] * axes), axes * (axes + 1), fold, locate)
