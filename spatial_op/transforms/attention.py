"""``attention``: x_s = s x + tx, y_s = s y + ty, a crop of any size at any place (Jaderberg et al. 2015, equation 2)."""

import numpy as np

from .affine import HELPERS, locate, matrix_gradient, pixel_map, pixels, pull_back
from .row import Transform, fixed


def fold(loc, at, sizes, plan):
    """The pixel map of one sample."""
    c, f = pixels(loc, at + 1, sizes.span[0]), pixels(loc, at + 2, sizes.span[1])
    s = np.float64(loc[at])
    pixel_map(s, 0.0, c, 0.0, s, f, sizes, plan)


def unfold(loc, at, sums, sizes, grad):
    """Gradient with respect to the parameters."""
    a, _, grad[1], _, e, grad[2] = matrix_gradient(sums, sizes)
    grad[0] = a + e


ROW = Transform("s, tx, ty", fixed(1, 0, 0), 6, fold, locate, pull_back, unfold, HELPERS)
