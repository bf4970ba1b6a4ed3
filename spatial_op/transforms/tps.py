"""``tps``: the thin plate spline that moves a lattice of control points (Bookstein 1989, "Principal Warps", equations 6 to 9).

The parameters are the source x of the K control points, then their source y. Their destinations are a regular lattice
on [-1, 1]^2, row by row. With d the destination, both normalised,

    source(d) = d + a0 + a1 d_x + a2 d_y + sum_k w_k phi(|d - c_k|),    phi(r) = r^2 log r,

where sum_k w_k = 0 and sum_k w_k c_k = 0. The K + 3 coefficients follow from the displacements of the control points by
one matrix, the inverse of the spline's linear system, which is found once per size of lattice, in float64. Far outside
the lattice the sum of the w_k phi grows like log r, so that what remains of the map is affine.

The matrix has (K + 3)^2 numbers and takes K^3 steps to find, and each pixel looks at all K points. So K is bounded.
"""

import functools
import math

import numpy as np

from . import affine
from .affine import pixel_map
from .row import Transform

# Coefficients before the first w_k: those of the affine part.
FIRST = 6

# The largest number of control points, 64 x 64.
MOST = 4096

# Keeps the logarithm of a zero distance finite; less than any squared distance of doubles on [-1, 1].
TINY = 1e-300


def lattice(control_points):
    """Destinations (x, y) of the control points, normalised; at least 2x2."""
    side = np.linspace(-1, 1, max(math.isqrt(control_points), 2))
    y, x = np.meshgrid(side, side, indexing="ij")
    return x.ravel(), y.ravel()


def identity(control_points):
    """Every control point stays where it is."""
    return tuple(np.concatenate(lattice(control_points)).tolist())


def solve(moved):
    """Coefficients from displacements, x before y: a0, a1, a2 of x and of y, and the w_k, x beside y."""
    count = moved.shape[1] // 2
    matrix = inverse(count).T[:count]
    solved = np.empty((len(moved), FIRST + 2 * count))
    for axis in (0, 1):
        found = product(moved[:, axis * count : (axis + 1) * count], matrix)
        solved[:, FIRST + axis :: 2] = found[:, :count]
        solved[:, 3 * axis : 3 * axis + 3] = found[:, count:]
    return solved


def pull_solve(grad):
    """The transpose of ``solve``."""
    count = (grad.shape[1] - FIRST) // 2
    matrix = inverse(count)[:, :count]
    parts = [
        product(np.hstack([grad[:, FIRST + axis :: 2], grad[:, 3 * axis : 3 * axis + 3]]), matrix) for axis in (0, 1)
    ]
    return np.hstack(parts)


def product(rows, matrix):
    """Each row times the matrix by itself, so that it does not depend on the other rows how it is rounded."""
    with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity are values like others
        return (np.ascontiguousarray(rows)[:, None] @ matrix)[:, 0]


def invert(count):
    """The inverse of the spline's system: the w_k, a0, a1, a2 of one axis from its displacements and three zeros."""
    x, y = lattice(count)
    system = np.zeros((count + 3, count + 3))
    for k in range(count):
        system[k, :count] = bump((x - x[k]) ** 2 + (y - y[k]) ** 2)
    system[count:, :count] = np.ones(count), x, y
    system[:count, count:] = system[count:, :count].T
    return np.linalg.inv(system)


# Inverses that are kept: many small ones, and one of up to 134 MB.
SMALL = 1024
keep_small, keep_large = functools.lru_cache(maxsize=16)(invert), functools.lru_cache(maxsize=1)(invert)


def inverse(count):
    """``invert``, kept for the next calls."""
    return keep_small(count) if count <= SMALL else keep_large(count)


def bump(squared):
    """Phi of the root of ``squared``: r^2 log r = r^2 log(r^2) / 2, which is 0 at 0."""
    return squared * np.log(squared + TINY) * 0.5


def fold(values, sizes):
    """The affine part as a pixel map."""
    a0, a1, a2, b0, b1, b2 = values
    shift = a0 * (sizes.span[0] * 0.5), b0 * (sizes.span[1] * 0.5)
    return pixel_map(((1 + a1, a2), (b1, 1 + b2)), shift, sizes)


def basis(dx, dy):
    """Phi of the distance from a control point."""
    return bump(dx * dx + dy * dy)


ROW = Transform(
    f"source x of the K control points, then their source y; K a perfect square, at least 4 and at most {MOST}",
    identity,
    FIRST,
    fold,
    affine.locate,
    solve,
    pull_solve,
    lattice,
    basis,
    MOST,
)
