"""``attention``: x_s = s x + tx, y_s = s y + ty, a crop of any size at any place (Jaderberg et al. 2015, equation 2)."""

from .affine import locate, pixel_map
from .row import Transform, fixed


def fold(loc, sizes):
    """The pixel map."""
    return pixel_map(loc[0], 0.0, sizes.pixels(loc[1], 0), 0.0, loc[0], sizes.pixels(loc[2], 1), sizes)


ROW = Transform("s, tx, ty", fixed(1, 0, 0), 6, fold, locate)
