"""``translation``: x_s = x + tx, y_s = y + ty."""

from .affine import HELPERS, locate, matrix_gradient, pixel_map, pixels, pull_back
from .row import Transform, fixed


def fold(loc, at, sizes, plan):
    """The pixel map of one sample."""
    c, f = pixels(loc, at, sizes.span[0]), pixels(loc, at + 1, sizes.span[1])
    pixel_map(1.0, 0.0, c, 0.0, 1.0, f, sizes, plan)


def unfold(loc, at, sums, sizes, grad):
    """Gradient with respect to the parameters."""
    _, _, grad[0], _, _, grad[1] = matrix_gradient(sums, sizes)


ROW = Transform("tx, ty", fixed(0, 0), 6, fold, locate, pull_back, unfold, HELPERS)
