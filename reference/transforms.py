"""The transforms: ``TRANSFORMS[name] = (forward, backward, identity)``.

``forward(loc, grid)`` maps destinations, ``grid`` being homogeneous (axes + 1, P), to sources (N, axes, P), both normalised:
of signals 1, of images 2, of volumes 3 axes. ``backward(loc, grid, grad_source)`` pulls the gradient of the sources back to the
parameters, of ``loc``'s shape. ``identity(axes)`` is the tuple of parameters that change nothing, of splines those of 16 control
points. Splines map images only; ``OF_IMAGES`` names what does.
"""

import numpy as np

from .grid import gemm
from .tps import lattice, tps, tps_backward
from .tps_points import circle, tps_points, tps_points_backward


def affine(loc, grid):
    """The paper's equation 1: the row-major 2x3 matrix (t1 t2 t3; t4 t5 t6) times (x_t, y_t, 1); 3x4 for volumes, 1x2 for signals."""
    rows = len(grid) - 1
    return gemm(loc.reshape(-1, rows, rows + 1), grid)


def affine_backward(loc, grid, grad_source):
    """The transposed product."""
    rows = len(grid) - 1
    return gemm(grad_source, grid.T).reshape(-1, rows * (rows + 1))


def shifted(scale, shift):
    """The affine matrices, one to a row, that scale by a number and shift by one along each axis."""
    axes = shift.shape[1]
    return np.concatenate([scale[:, None, None] * np.eye(axes), shift[:, :, None]], axis=2).reshape(len(shift), -1)


def translation(loc, grid):
    """The affine matrix (1 0 tx; 0 1 ty)."""
    return affine(shifted(np.ones(len(loc)), loc), grid)


def translation_backward(loc, grid, grad_source):
    """The matrix entries that tx and ty are."""
    axes = len(grid) - 1
    return affine_backward(loc, grid, grad_source)[:, axes :: axes + 1]


def attention(loc, grid):
    """The paper's equation 2: the affine matrix (s 0 tx; 0 s ty)."""
    return affine(shifted(loc[:, 0], loc[:, 1:]), grid)


def attention_backward(loc, grid, grad_source):
    """The matrix entries that s, tx and ty are; s is one for each axis."""
    axes = len(grid) - 1
    grad = affine_backward(loc, grid, grad_source).reshape(-1, axes, axes + 1)
    return np.concatenate([np.trace(grad[:, :, :axes], axis1=1, axis2=2)[:, None], grad[:, :, axes]], axis=1)


def homography(loc, grid):
    """The square matrix whose last entry is 1, times (x_t, y_t, 1): numerators (N, axes, P) and denominator (N, 1, P)."""
    size = len(grid)
    matrix = np.concatenate([loc, np.ones((len(loc), 1))], axis=1).reshape(-1, size, size)
    product = gemm(matrix, grid)
    return product[:, :-1], product[:, -1:]


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
    return gemm(np.concatenate([grad_numerators, grad_z], axis=1), grid.T).reshape(-1, len(grid) ** 2)[:, :-1]


TRANSFORMS = {
    "affine": (affine, affine_backward, lambda axes: tuple(np.eye(axes, axes + 1).ravel())),
    "translation": (translation, translation_backward, lambda axes: (0,) * axes),
    "attention": (attention, attention_backward, lambda axes: (1,) + (0,) * axes),
    "projective": (projective, projective_backward, lambda axes: tuple(np.eye(axes + 1).ravel()[:-1])),
    "tps": (tps, tps_backward, lambda axes: tuple(lattice(16).T.ravel())),
    "tps_points": (tps_points, tps_points_backward, lambda axes: tuple(circle(16))),
}
OF_IMAGES = ("tps", "tps_points")
