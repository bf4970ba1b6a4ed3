"""The transforms: ``TRANSFORMS[name] = (forward, backward, identity)``.

``forward(loc, grid)`` maps destinations, ``grid`` being homogeneous (3, P), to sources (N, 2, P), both normalised.
``backward(loc, grid, grad_source)`` pulls the gradient of the sources back to the parameters, of ``loc``'s shape.
``identity`` holds the parameters that change nothing, of splines those of 16 control points. ``affine`` also maps volumes:
``grid`` is (4, P) and the sources are (N, 3, P).
"""

import numpy as np

from .grid import gemm
from .tps import lattice, tps, tps_backward
from .tps_points import circle, tps_points, tps_points_backward


def affine(loc, grid):
    """The paper's equation 1: the row-major 2x3 matrix (t1 t2 t3; t4 t5 t6) times (x_t, y_t, 1); 3x4 for volumes."""
    rows = len(grid) - 1
    return gemm(loc.reshape(-1, rows, rows + 1), grid)


def affine_backward(loc, grid, grad_source):
    """The transposed product."""
    rows = len(grid) - 1
    return gemm(grad_source, grid.T).reshape(-1, rows * (rows + 1))


def translation(loc, grid):
    """The affine matrix (1 0 tx; 0 1 ty)."""
    tx, ty = loc.T
    one, zero = np.ones_like(tx), np.zeros_like(tx)
    return affine(np.stack([one, zero, tx, zero, one, ty], axis=1), grid)


def translation_backward(loc, grid, grad_source):
    """The matrix entries that tx and ty are."""
    return affine_backward(loc, grid, grad_source)[:, [2, 5]]


def attention(loc, grid):
    """The paper's equation 2: the affine matrix (s 0 tx; 0 s ty)."""
    s, tx, ty = loc.T
    zero = np.zeros_like(s)
    return affine(np.stack([s, zero, tx, zero, s, ty], axis=1), grid)


def attention_backward(loc, grid, grad_source):
    """The matrix entries that s, tx and ty are; s is two of them."""
    grad = affine_backward(loc, grid, grad_source)
    return np.stack([grad[:, 0] + grad[:, 4], grad[:, 2], grad[:, 5]], axis=1)


def homography(loc, grid):
    """The 3x3 matrix whose last entry is 1, times (x_t, y_t, 1): numerators (N, 2, P) and denominator (N, 1, P)."""
    matrix = np.concatenate([loc, np.ones((len(loc), 1))], axis=1).reshape(-1, 3, 3)
    product = gemm(matrix, grid)
    return product[:, :2], product[:, 2:]


def projective(loc, grid):
    """x_s = (t1 x + t2 y + t3) / z, y_s = (t4 x + t5 y + t6) / z with z = t7 x + t8 y + 1; no number where z is 0."""
    numerators, z = homography(loc, grid)
    with np.errstate(divide="ignore", invalid="ignore"):
        return numerators / z


def projective_backward(loc, grid, grad_source):
    """Quotient rule: d(p / z) = dp / z - p dz / z^2, transposed."""
    numerators, z = homography(loc, grid)
    with np.errstate(divide="ignore", invalid="ignore"):
        grad_numerators = grad_source / z
        grad_z = -(grad_numerators * numerators).sum(axis=1, keepdims=True) / z
    return gemm(np.concatenate([grad_numerators, grad_z], axis=1), grid.T).reshape(-1, 9)[:, :8]


TRANSFORMS = {
    "affine": (affine, affine_backward, (1, 0, 0, 0, 1, 0)),
    "translation": (translation, translation_backward, (0, 0)),
    "attention": (attention, attention_backward, (1, 0, 0)),
    "projective": (projective, projective_backward, (1, 0, 0, 0, 1, 0, 0, 0)),
    "tps": (tps, tps_backward, lattice(16).T.ravel()),
    "tps_points": (tps_points, tps_points_backward, circle(16)),
}
