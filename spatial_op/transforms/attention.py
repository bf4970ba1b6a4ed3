"""``attention``: x_s = s x + tx, y_s = s y + ty, a crop of any size at any place (Jaderberg et al. 2015, equation 2)."""

import numpy as np

from .affine import locate, matrix_gradient, pixel_map, pixels
from .row import Transform, fixed


def fold(loc, sizes):
    """The pixel maps."""
    s = loc[:, 0].astype("float64")
    return pixel_map(s, 0.0, pixels(loc[:, 1], sizes.span[0]), 0.0, s, pixels(loc[:, 2], sizes.span[1]), sizes)


def unfold(grad, sizes):
    """Gradient with respect to the parameters."""
    a, _, c, _, e, f = matrix_gradient(grad, sizes)
    return np.stack([a + e, c, f], axis=1)


ROW = Transform("s, tx, ty", fixed(1, 0, 0), 6, fold, locate, unfold)
