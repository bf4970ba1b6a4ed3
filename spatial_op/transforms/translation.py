"""``translation``: x_s = x + tx, y_s = y + ty."""

from .affine import locate, pixel_map
from .row import Transform, fixed


def fold(loc, sizes):
    """The pixel map."""
    return pixel_map(1.0, 0.0, sizes.pixels(loc[0], 0), 0.0, 1.0, sizes.pixels(loc[1], 1), sizes)


ROW = Transform("tx, ty", fixed(0, 0), 6, fold, locate)
