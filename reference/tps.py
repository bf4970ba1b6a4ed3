"""The thin plate spline: Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations", 1989.

The names K, P and L are those of the paper's section I. Its U(r) = r^2 log r^2 is twice the kernel here, which halves
the weights and leaves the spline as it is.
"""

import math

import numpy as np

from .grid import gemm


def tps(loc, grid):
    """``f(x, y) = sum_k w_k U(|(x, y) - p_k|) + a_1 + a_x x + a_y y`` for either source coordinate.

    Conventions: ``loc`` is (N, 2 K): where the control points p_k come from, all x, then all y. The points are those of
    ``lattice``. f is their source at each, and its side conditions are sum w_k = sum w_k x_k = sum w_k y_k = 0.
    """
    points = lattice(loc.shape[1] // 2)
    sources = loc.reshape(-1, 2, len(points)).swapaxes(1, 2)
    values = np.concatenate([sources, np.zeros((len(loc), 3, 2))], axis=1)
    coefficients = np.linalg.solve(system(points), values)
    return gemm(coefficients.swapaxes(1, 2), basis(points, grid))


def tps_backward(loc, grid, grad_source):
    """The steps of ``tps`` transposed; the side conditions are no parameters."""
    points = lattice(loc.shape[1] // 2)
    grad_coefficients = gemm(basis(points, grid), grad_source.swapaxes(1, 2))
    grad_values = np.linalg.solve(system(points).T, grad_coefficients)
    return grad_values[:, : len(points)].swapaxes(1, 2).reshape(-1, 2 * len(points))


def lattice(count):
    """Destinations of the control points: a square lattice on [-1, 1]^2, (count, 2), x first, row by row."""
    line = np.linspace(-1, 1, math.isqrt(count))
    y, x = np.meshgrid(line, line, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1)


def kernel(distance):
    """U(r) = r^2 log r, and 0 at 0."""
    return distance**2 * np.log(np.where(distance == 0, 1, distance))


def basis(points, grid):
    """The functions that f is a combination of, at each place of the homogeneous grid: (count + 3, P)."""
    away = np.hypot(grid[0] - points[:, :1], grid[1] - points[:, 1:])
    return np.concatenate([kernel(away), [grid[2], grid[0], grid[1]]])


def system(points):
    """The matrix L = (K P; P^T 0), which maps (w_1, ..., a_1, a_x, a_y) to the values at the points and three zeros."""
    homogeneous = np.stack([*points.T, np.ones(len(points))])
    upper = basis(points, homogeneous).T
    return np.block([[upper], [upper[:, -3:].T, np.zeros((3, 3))]])
