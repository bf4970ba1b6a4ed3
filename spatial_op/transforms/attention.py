"""``attention``: x_s = s x + tx, y_s = s y + ty, of volumes z_s = s z + tz: a crop of any size at any place (Jaderberg et al. 2015, equation 2)."""

from .affine import locate, pixel_map
from .row import Transform, fixed


def fold(loc, sizes):
    """The pixel map."""
    axes = range(len(sizes.span))
    rows = [[loc[0] if one == other else 0.0 for other in axes] for one in axes]
    return pixel_map(rows, [sizes.pixels(loc[1 + axis], axis) for axis in axes], sizes)


def row(axes):
    """The row of images of so many axes."""
    return Transform(
        ", ".join(["s", "tx", "ty", "tz"][: axes + 1]), fixed(1, *[0] * axes), axes * (axes + 1), fold, locate
    )
