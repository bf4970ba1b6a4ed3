"""``affine``: x_s = t1 x + t2 y + t3, y_s = t4 x + t5 y + t6 (Jaderberg et al. 2015, equation 1); of volumes and signals likewise.

Matrix, normalisations and corner rule are folded into one map from pixels to pixels before any pixel is touched. Where
that map is the identity, a flip or a shift by whole pixels its numbers are whole too, so that such samples are exact at any
size.
"""

from .row import Transform, fixed, matrix


def pixel_map(rows, shift, sizes):
    """Plan of a normalised matrix, by rows, and a shift in pixels."""
    plan = []
    for row, moved, span, middle in zip(rows, shift, sizes.span, sizes.middle):
        plan += [number * (span / step) for number, step in zip(row, sizes.steps)]
        plan.append(moved + middle)
    return plan


def fold(loc, sizes):
    """The pixel map."""
    axes = len(sizes.span)
    rows = [loc[first : first + axes] for first in range(0, axes * (axes + 1), axes + 1)]
    shift = [sizes.pixels(loc[axis * (axes + 1) + axes], axis) for axis in range(axes)]
    return pixel_map(rows, shift, sizes)


def linear(factors, place, total):
    """The sum of the coordinates of a place times factors, added to ``total``."""
    for factor, coordinate in zip(factors[::-1], place[::-1]):
        total = factor * coordinate + total
    return total


def locate(plan, *place):
    """Source pixel of a destination pixel."""
    axes = len(place)
    starts = range(0, axes * (axes + 1), axes + 1)
    return [linear(plan[first : first + axes], place, plan[first + axes]) for first in starts]


def row(axes):
    """The row of images of so many axes."""
    return Transform(
        f"row-major {axes}x{axes + 1} matrix", fixed(*matrix(axes, axes + 1)), axes * (axes + 1), fold, locate
    )
