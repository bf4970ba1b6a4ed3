"""Bilinear samples once more, in plain NumPy and float64, from the textbook formula; shares no code with the package."""

import numpy as np


def warp(image, matrix, target):
    """Sample one image at the points that a homography makes of the output's pixels; zeros lie outside.

    Conventions: pixels are normalised, x first, -1 and +1 being the centres of the first and last pixel.

    Parameters
    ----------
    image : (C, H, W) array
    matrix : (3, 3) array
        From output to input.
    target : (int, int)
        Height and width of the output.

    Returns
    -------
    out : (C, target) float64 array
    """
    channels, height, width = image.shape
    v, u = np.meshgrid(np.linspace(-1, 1, target[0]), np.linspace(-1, 1, target[1]), indexing="ij")
    x, y, z = np.asarray(matrix, np.float64) @ np.stack([u.ravel(), v.ravel(), np.ones(u.size)])
    return sample(image, (y / z + 1) * (height - 1) / 2, (x / z + 1) * (width - 1) / 2).reshape(channels, *target)


def sample(image, y, x):
    """An image at points given in pixels; zeros lie outside.

    Parameters
    ----------
    image : (C, H, W) array
    y, x : (points,) arrays

    Returns
    -------
    out : (C, points) float64 array
    """
    channels, height, width = image.shape
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    out, flat = np.zeros((channels, x.size)), image.reshape(channels, -1)
    for row in (top, top + 1):
        for column in (left, left + 1):
            weight = (1 - abs(x - column)) * (1 - abs(y - row))
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            out += np.where(inside, weight, 0) * flat[:, np.where(inside, row * width + column, 0)]
    return out
