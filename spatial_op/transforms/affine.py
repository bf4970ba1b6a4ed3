"""``affine``: x_s = t1 x + t2 y + t3, y_s = t4 x + t5 y + t6 (Jaderberg et al. 2015, equation 1).

Matrix, normalisations and corner rule are folded into one map from pixels to pixels before any pixel is touched. Where
that map is the identity, a flip or a shift by whole pixels its six numbers are whole too, so that such samples are
exact at any size.
"""

from .row import Transform, fixed


def pixel_map(a, b, c, d, e, f, sizes):
    """Plan of a normalised matrix (a, b; d, e) and a shift (c, f) in pixels."""
    span_x, span_y = sizes.span
    across, down = sizes.steps
    return (
        a * (span_x / across),
        b * (span_x / down),
        c + sizes.middle[0],
        d * (span_y / across),
        e * (span_y / down),
        f + sizes.middle[1],
    )


def fold(loc, sizes):
    """The pixel map."""
    return pixel_map(loc[0], loc[1], sizes.pixels(loc[2], 0), loc[3], loc[4], sizes.pixels(loc[5], 1), sizes)


def locate(plan, u, v):
    """Source pixel of a destination pixel."""
    return plan[0] * u + (plan[1] * v + plan[2]), plan[3] * u + (plan[4] * v + plan[5])


ROW = Transform("row-major 2x3 matrix", fixed(1, 0, 0, 0, 1, 0), 6, fold, locate)
