"""``translation``: x_s = x + tx, y_s = y + ty."""

import numpy as np

from .affine import locate, matrix_gradient, pixel_map, pixels
from .row import Transform, fixed


def fold(loc, sizes):
    """The pixel maps."""
    return pixel_map(1.0, 0.0, pixels(loc[:, 0], sizes.span[0]), 0.0, 1.0, pixels(loc[:, 1], sizes.span[1]), sizes)


def unfold(grad, sizes):
    """Gradient with respect to the parameters."""
    _, _, c, _, _, f = matrix_gradient(grad, sizes)
    return np.stack([c, f], axis=1)


ROW = Transform("tx, ty", fixed(0, 0), 6, fold, locate, unfold)
