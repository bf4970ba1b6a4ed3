"""``affine``: x_s = t1 x + t2 y + t3, y_s = t4 x + t5 y + t6 (Jaderberg et al. 2015, equation 1).

Matrix, normalisations and corner rule are folded into one map from pixels to pixels before any pixel is touched. Where
that map is the identity, a flip or a shift by whole pixels its six numbers are whole too, so that such samples are
exact at any size.
"""

import numpy as np

from .row import Transform, fixed


def pixels(shift, span):
    """Normalised shifts in pixels; the number nearest to a whole-pixel shift is meant as that shift."""
    half = span * 0.5
    moved = shift.astype("float64") * half
    if half == 0:
        return moved
    with np.errstate(over="ignore", invalid="ignore"):  # a huge shift is no whole number that the dtype holds
        whole = np.rint(moved)
        return np.where((whole / half).astype(shift.dtype) == shift, whole, moved)


def pixel_map(a, b, c, d, e, f, sizes):
    """Plans of normalised matrices (a, b; d, e) and shifts (c, f) in pixels, one to a row."""
    span_x, span_y = sizes.span
    across, down = sizes.steps
    return np.stack(
        np.broadcast_arrays(
            a * (span_x / across),
            b * (span_x / down),
            c + sizes.middle[0],
            d * (span_y / across),
            e * (span_y / down),
            f + sizes.middle[1],
        ),
        axis=1,
    )


def fold(loc, sizes):
    """The pixel maps."""
    a, b, _, d, e, _ = loc[:, :6].astype("float64").T
    return pixel_map(a, b, pixels(loc[:, 2], sizes.span[0]), d, e, pixels(loc[:, 5], sizes.span[1]), sizes)


def locate(plan, u, v):
    """Source pixel of a destination pixel."""
    return plan[0] * u + (plan[1] * v + plan[2]), plan[3] * u + (plan[4] * v + plan[5])


def matrix_gradient(grad, sizes):
    """Transpose of ``pixel_map``, with the shifts normalised again: an array for each number."""
    span_x, span_y = sizes.span
    across, down = sizes.steps
    a, b, c, d, e, f = grad[:, :6].T
    return (
        a * (span_x / across), b * (span_x / down), c * (span_x * 0.5),
        d * (span_y / across), e * (span_y / down), f * (span_y * 0.5),
    )  # fmt: skip


def unfold(grad, sizes):
    """Gradient with respect to the parameters."""
    return np.stack(matrix_gradient(grad, sizes), axis=1)


ROW = Transform("row-major 2x3 matrix", fixed(1, 0, 0, 0, 1, 0), 6, fold, locate, unfold)
