"""``affine``: x_s = t1 x + t2 y + t3, y_s = t4 x + t5 y + t6 (Jaderberg et al. 2015, equation 1).

Matrix, normalisations and corner rule are folded into one map from pixels to pixels before any pixel is touched. Where
that map is the identity, a flip or a shift by whole pixels its six numbers are whole too, so that such samples are
exact at any size.
"""

import numpy as np

from .row import Transform, fixed


def pixels(loc, at, span):
    """A normalised shift in pixels; the number nearest to a whole-pixel shift is meant as that shift."""
    half = span * 0.5
    shift = np.float64(loc[at]) * half
    whole = np.rint(shift)
    if half > 0 and loc.dtype.type(whole / half) == loc[at]:
        return whole
    return shift


def pixel_map(a, b, c, d, e, f, sizes, plan):
    """Plan of a normalised matrix (a, b; d, e) and a shift (c, f) in pixels."""
    span_x, span_y = sizes.span
    across, down = sizes.steps
    plan[0] = a * (span_x / across)
    plan[1] = b * (span_x / down)
    plan[2] = c + sizes.middle[0]
    plan[3] = d * (span_y / across)
    plan[4] = e * (span_y / down)
    plan[5] = f + sizes.middle[1]


def fold(loc, at, sizes, plan):
    """The pixel map of one sample."""
    c, f = pixels(loc, at + 2, sizes.span[0]), pixels(loc, at + 5, sizes.span[1])
    a, b, d, e = np.float64(loc[at]), np.float64(loc[at + 1]), np.float64(loc[at + 3]), np.float64(loc[at + 4])
    pixel_map(a, b, c, d, e, f, sizes, plan)


def locate(plan, u, v):
    """Source pixel of a destination pixel."""
    return plan[0] * u + (plan[1] * v + plan[2]), plan[3] * u + (plan[4] * v + plan[5])


def pull_back(plan, u, v, grad_x, grad_y, sums, add):
    """Transpose of ``locate``: gradient with respect to the plan."""
    add(sums, 0, grad_x * u)
    add(sums, 1, grad_x * v)
    add(sums, 2, grad_x)
    add(sums, 3, grad_y * u)
    add(sums, 4, grad_y * v)
    add(sums, 5, grad_y)


def matrix_gradient(sums, sizes):
    """Transpose of ``pixel_map``, with the shift normalised again."""
    span_x, span_y = sizes.span
    across, down = sizes.steps
    a, b, c = sums[0] * (span_x / across), sums[1] * (span_x / down), sums[2] * (span_x * 0.5)
    d, e, f = sums[3] * (span_y / across), sums[4] * (span_y / down), sums[5] * (span_y * 0.5)
    return a, b, c, d, e, f


def unfold(loc, at, sums, sizes, grad):
    """Gradient with respect to the parameters."""
    grad[0], grad[1], grad[2], grad[3], grad[4], grad[5] = matrix_gradient(sums, sizes)


HELPERS = (pixels, pixel_map, matrix_gradient)
ROW = Transform("row-major 2x3 matrix", fixed(1, 0, 0, 0, 1, 0), 6, fold, locate, pull_back, unfold, HELPERS)
