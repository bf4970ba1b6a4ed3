"""Control points that no thin plate spline follows from, and the sentences about them."""

import numpy as np

# Points on a strip this much longer than wide lie on a line; points this close, as a part of their extent, are in one place.
THIN, CLOSE = 2.0**-20, 2.0**-22


def solvable(op, system, smoothing):
    """Refuse sets of points whose system has no solution, or more than one; those that are no numbers pass."""
    centred = system.points - system.points.mean(axis=1, keepdims=True)
    no_lines(op, centred)
    if not smoothing:
        none_repeated(op, system.squared, (centred**2).max(axis=(1, 2)))


def no_lines(op, centred):
    """Points on a line say nothing of what is beside it."""
    (xx, xy), (_, yy) = np.moveaxis(centred.swapaxes(1, 2) @ centred, 0, -1)
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    for number in np.flatnonzero(middle - half <= THIN * THIN * (middle + half)):
        raise ValueError(
            f"{op}: target[{number}] has all its points on one line, expected at least three that are the corners of a triangle, "
            "since else no affine map follows from them; add a point beside the line."
        )


def none_repeated(op, squared, extent):
    """No map takes one point to two places."""
    near = np.triu(squared <= CLOSE * CLOSE * extent[:, None, None], 1)
    for number, first, second in np.argwhere(near):
        raise ValueError(
            f"{op}: target[{number}] has its points {first} and {second} in one place and smoothing is 0, expected points apart from "
            "each other; leave one of them out, or pass smoothing=1e-6 for a spline that goes between their sources."
        )
