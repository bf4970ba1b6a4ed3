"""Anti-aliasing: an output pixel is the mean of samples that are spread over its own area.

Of n samples along an axis, sample i lies (i + 1/2) / n - 1/2 output pixels from the pixel's centre, to the nearest 2^-30,
whichever the corner rule.
"""

from itertools import product

import numpy as np

from .grid import homogeneous_grid, span, widen


def offsets(antialias, axes):
    """Where a pixel's samples lie: distances from its centre in output pixels, x first.

    Parameters
    ----------
    antialias : int or tuple of int
        Samples along each axis of the image, in its order.
    axes : int

    Returns
    -------
    offsets : list of tuples of float
    """
    counts = (antialias,) * axes if isinstance(antialias, int) else antialias
    return [place[::-1] for place in product(*map(places, counts))]


def places(count):
    """Those of so many samples along one axis."""
    return np.rint(((np.arange(count) + 0.5) / count - 0.5) * 2.0**30) / 2.0**30


def moved(target_shape, offset, align_corners):
    """Homogeneous destinations that lie ``offset`` output pixels beside those of ``homogeneous_grid``; x first."""
    grid = homogeneous_grid(target_shape, align_corners=align_corners)
    for row, distance, size in zip(grid, offset, reversed(target_shape)):
        row += distance * 2 / max(span(size, align_corners), 1)
    return grid


def slope(size):
    """The matrix that turns values along an axis into slopes: half the difference of both neighbours, of the one at an edge."""
    return np.gradient(np.eye(size), axis=0) if size > 1 else np.zeros((1, 1))


def along(matrix, array, axis):
    """The product of a matrix with all lines of an array along one of its last axes; 0 is x."""
    return np.moveaxis(np.tensordot(matrix, array, (1, array.ndim - 1 - axis)), 0, -1 - axis)


def moved_grid(grid, offset):
    """A grid's points ``offset`` output pixels beside its own, where it is taken to be linear."""
    return widen(grid) + sum(
        distance * along(slope(grid.shape[-1 - axis]), grid, axis) for axis, distance in enumerate(offset) if distance
    )


def moved_grid_backward(grad, offset):
    """The transpose."""
    return grad + sum(
        distance * along(slope(grad.shape[-1 - axis]).T, grad, axis) for axis, distance in enumerate(offset) if distance
    )
