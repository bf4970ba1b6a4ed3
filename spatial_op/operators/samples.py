"""Several samples of an output pixel: their places, and what kernels are given of them.

Sample i of n along an axis lies (i + 1/2) / n - 1/2 pixels of the output from the pixel's centre, to the nearest 2^-30 of one: so
coordinates of the output are exact, and do not depend on how it is cut.
"""

import functools
import math

import numpy as np

from .engine import kernels

AXES = "xyz"

# Parts of a pixel that places of samples are counted in.
PARTS = 2.0**30


@functools.lru_cache(maxsize=64)
def sides_of(fine):
    """Rows and columns of pixels of a tile: so many that it has about as many samples as one whose pixels have one each."""
    lanes, side = kernels("trace").LANES, kernels("tiles").SIDE
    columns = max(1, side // fine[-1] // lanes) * lanes
    return min(side, max(1, side**2 // (columns * math.prod(fine)))), columns


@functools.lru_cache(maxsize=64)
def tables_of(fine):
    """What kernels are given for so many samples of a pixel along each axis of an image."""
    count, (rows, columns) = math.prod(fine), sides_of(fine)
    values = {
        "fine": count, "share": 1.0 / count, "tile_rows": rows, "tile_cols": columns,
        "row_of": np.repeat(np.arange(rows, dtype=np.int32), count),
    }  # fmt: skip
    places = np.indices(fine).reshape(len(fine), count)[::-1]
    for axis, place, number in zip(AXES, places, fine[::-1]):
        values[f"shift_{axis}"] = np.tile(np.rint(((place + 0.5) / number - 0.5) * PARTS) / PARTS, rows)
    return values


def slope(grid, axis):
    """How a grid changes from pixel to pixel along an axis: half the difference of both neighbours, at an edge that of one."""
    found = np.zeros_like(grid)
    grid, target = np.moveaxis(grid, axis, 0), np.moveaxis(found, axis, 0)
    if len(grid) > 1:
        target[1:-1] = (grid[2:] - grid[:-2]) * 0.5
        target[0], target[-1] = grid[1] - grid[0], grid[-1] - grid[-2]
    return found


def pull_slope(grad, axis):
    """The transpose."""
    found = np.zeros_like(grad)
    grad, target = np.moveaxis(grad, axis, 0), np.moveaxis(found, axis, 0)
    if len(grad) > 1:
        inner = grad[1:-1] * 0.5
        target[2:] += inner
        target[:-2] -= inner
        target[1] += grad[0]
        target[0] -= grad[0]
        target[-1] += grad[-1]
        target[-2] -= grad[-1]
    return found


def with_slopes(grid, dtype, fine=None):
    """A grid, and its slopes along x, y and, of volumes, z, on the axis of coordinates; zeros where ``fine`` is one sample."""
    grid, axes = grid.astype(dtype, copy=False), grid.ndim - 2
    needed = [number > 1 for number in fine[::-1]] if fine else [True] * axes
    with np.errstate(invalid="ignore", over="ignore"):  # infinite coordinates and none are values too
        slopes = [slope(grid, -1 - axis) if need else np.zeros_like(grid) for axis, need in enumerate(needed)]
    return np.concatenate([grid, *slopes], axis=1)


def pull_slopes(grads):
    """The transpose."""
    axes = grads.ndim - 2
    grad, *slopes = np.split(grads, 1 + axes, axis=1)
    for axis, more in enumerate(slopes):
        grad = grad + pull_slope(more, -1 - axis)
    return grad
