"""Thin plate splines in NumPy, for the peers: what does not depend on the parameters."""

import math

import numpy as np


def lattice(count):
    """Destinations of the control points, x and y: (2, count)."""
    side = np.linspace(-1, 1, math.isqrt(count))
    y, x = np.meshgrid(side, side, indexing="ij")
    return np.stack([x.ravel(), y.ravel()])


def inverse(count):
    """From displacements to the weights of the bumps r^2 log r and of x, y, 1: (count, count + 3)."""
    points = lattice(count)
    squared = ((points[:, :, None] - points[:, None]) ** 2).sum(axis=0)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = squared * np.log(np.where(squared > 0, squared, 1)) / 2
    system[:count, count:] = np.stack([*points, np.ones(count)], axis=1)
    system[count:, :count] = system[:count, count:].T
    return np.linalg.inv(system)[:, :count].T
