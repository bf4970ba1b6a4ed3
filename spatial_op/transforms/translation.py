"""``translation``: x_s = x + tx, y_s = y + ty."""

from .affine import HELPERS, locate, matrix_gradient, pixel_map, pixels, pull_back
from .row import Transform


def fold(loc, at, sizes, plan):
    """The pixel map of one sample."""
    h_in, w_in, _, _, edge = sizes
    c, f = pixels(loc, at, w_in - 1 + edge), pixels(loc, at + 1, h_in - 1 + edge)
    pixel_map(1.0, 0.0, c, 0.0, 1.0, f, sizes, plan)


def unfold(sums, sizes, grad):
    """Gradient with respect to the parameters."""
    _, _, grad[0], _, _, grad[1] = matrix_gradient(sums, sizes)


ROW = Transform("tx, ty", (0, 0), 6, fold, locate, pull_back, unfold, HELPERS)
