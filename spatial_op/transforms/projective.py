"""``projective``: x_s = (t1 x + t2 y + t3) / z, y_s = (t4 x + t5 y + t6) / z with z = t7 x + t8 y + 1, a homography with h33 = 1.

Of volumes and signals likewise: the last entry of the matrix is 1. Where the denominator is 0 there is no source point: the
coordinate is infinite or no number, and the sample is NaN.
"""

from . import affine
from .row import Transform, fixed, matrix


def fold(loc, sizes):
    """An affine pixel map from the image's centre, where the normalised origin is; the denominator; the centre."""
    axes = len(sizes.span)
    plan = affine.fold(loc, sizes)
    for axis, middle in enumerate(sizes.middle):
        plan[axis * (axes + 1) + axes] -= middle
    below = [number * (2.0 / step) for number, step in zip(loc[axes * (axes + 1) :], sizes.steps)]
    return [*plan, *below, *sizes.middle]


def locate(plan, *place):
    """Source pixel of a destination pixel."""
    axes = len(place)
    count = axes * (axes + 1)
    z = affine.linear(plan[count : count + axes], place, 1.0)
    return [x / z + middle for x, middle in zip(affine.locate(plan, *place), plan[count + axes :])]


def row(axes):
    """The row of images of so many axes."""
    size = axes + 1
    return Transform(
        f"row-major {size}x{size} homography, h{size}{size} = 1",
        fixed(*matrix(size, size)[:-1]),
        axes * (axes + 3),
        fold,
        locate,
    )
