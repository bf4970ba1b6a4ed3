"""The thin plate spline around control points that the parameters name, and the solve that takes them to given places.

Source: Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations", 1989, section I; the smoothing
term is that of Wahba, "Spline Models for Observational Data", 1990, equation 2.4.24. U(r) = r^2 log r.

Conventions: parameters are (N, 7 + 6 K): by how much the affine part differs from the identity, (a_1, a_x, a_y) of x and of
y; how much longer a distance along y counts than one along x; and for each control point its weights for x and y, what
is to be added to these, and its place (x, y). So parameters that are 0, but for the places and the stretch, change nothing.
"""

import numpy as np

from .grid import gemm, widen

# Parameters before those of the first control point.
HEAD = 7


def taken_apart(loc):
    """The affine part (N, 2, 3), the stretch (N,), weights (N, 2, K) and places (N, K, 2)."""
    points = loc[:, HEAD:].reshape(len(loc), -1, 6)
    weights = points[:, :, :2] + points[:, :, 2:4]
    return loc[:, :6].reshape(-1, 2, 3), loc[:, 6], weights.swapaxes(1, 2), points[:, :, 4:]


def away(points, stretch, others):
    """Differences (N, K, P, 2) between points (N, K, 2) and others (..., P, 2), whose second entries are stretched."""
    difference = others[..., None, :, :] - points[:, :, None]
    return difference * np.stack([np.ones_like(stretch), stretch], axis=-1)[:, None, None]


def kernel(squared):
    """U, of the squared distance; 0 at 0."""
    return squared * np.log(np.where(squared == 0, 1, squared)) / 2


def slope(squared):
    """The derivative of ``kernel``; 0 at 0, where the distance's own derivative is 0."""
    return np.where(squared == 0, 0, (np.log(np.where(squared == 0, 1, squared)) + 1) / 2)


def tps_points(loc, grid):
    """f(x, y) = (x, y) + a_1 + a_x x + a_y y + sum_k w_k U(|(x, y) - p_k|)."""
    part, stretch, weights, places = taken_apart(loc)
    squared = (away(places, stretch, grid[:2].T) ** 2).sum(axis=-1)
    return grid[:2] + gemm(part, grid[[2, 0, 1]]) + gemm(weights, kernel(squared))


def tps_points_backward(loc, grid, grad_source):
    """The derivative of each term, transposed."""
    _, stretch, weights, places = taken_apart(loc)
    difference = away(places, stretch, grid[:2].T)
    squared = (difference**2).sum(axis=-1)
    grad_part = gemm(grad_source, grid[[2, 0, 1]].T)
    grad_weights = gemm(grad_source, kernel(squared).swapaxes(1, 2))
    grad_squared = (weights[..., None] * grad_source[:, :, None]).sum(axis=1) * slope(squared)
    grad_difference = 2 * difference * grad_squared[..., None]
    grad_stretch = (grad_difference[..., 1] * difference[..., 1]).sum(axis=(1, 2)) / stretch
    grad_places = -grad_difference.sum(axis=2)
    grad_places[..., 1] *= stretch[:, None]
    points = np.concatenate([*[grad_weights.swapaxes(1, 2)] * 2, grad_places], axis=2)
    return np.concatenate([grad_part.reshape(-1, 6), grad_stretch[:, None], points.reshape(len(loc), -1)], axis=1)


def circle(count):
    """Parameters that change nothing, of control points on the unit circle."""
    angles = 2 * np.pi * np.arange(count) / count
    points = np.stack([*[0 * angles] * 4, np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([np.zeros(6), [1], points.ravel()])


def tps_loc(source, target, smoothing=0.0, *, stretch=1.0):
    """Parameters of ``tps_points`` for which f takes each target to its source, or near it if there is ``smoothing``.

    Parameters
    ----------
    source : (N, K, 2) real or complex array
        Normalised points of the input, x first.
    target : (M, K, 2) real or complex array
        Where they are in the output. M divides N; each set serves N / M samples.
    smoothing : float
        f minimises the sum of squared distances to the sources plus ``smoothing`` times its bending energy, but for a factor.
    stretch : float

    Returns
    -------
    loc : (N, 7 + 6 K) float64 or complex128 array
    """
    source, rows = widen(source), []
    for n, moved in enumerate(source):
        points = widen(target)[n * len(target) // len(source)]
        count = len(points)
        squared = (away(points[None], np.array([stretch]), points)[0] ** 2).sum(axis=-1)
        affine = np.concatenate([np.ones((count, 1)), points], axis=1)
        upper = np.concatenate([kernel(squared) + smoothing * np.eye(count), affine], axis=1)
        lower = np.concatenate([affine.T, np.zeros((3, 3))], axis=1)
        values = np.concatenate([moved - points, np.zeros((3, 2))])
        found = np.linalg.solve(np.concatenate([upper, lower]), values)
        each = np.concatenate([found[:count], np.zeros((count, 2)), points], axis=1)
        rows.append(np.concatenate([found[count:].T.ravel(), [stretch], each.ravel()]))
    return np.array(rows)
