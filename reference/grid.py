"""Normalised coordinates: the regular grid of destinations, and the way to pixels and back."""

import numpy as np


def widen(array):
    """The same numbers as float64 or complex128."""
    return array.astype(np.result_type(array, np.float64))


def span(size, align_corners):
    """Pixels between the normalised coordinates -1 and +1 of one axis.

    They are the centres of the first and last pixel (``align_corners=True``) or their outer edges (``False``).
    """
    return size - 1 if align_corners else size


def centres(size, align_corners):
    """Normalised coordinates of the pixels of one axis; a single pixel lies at 0."""
    if size == 1:
        return np.zeros(1)
    return (2.0 * np.arange(size) - (size - 1)) / span(size, align_corners)


def pixels(coordinate, size, align_corners):
    """Normalised coordinate of one axis -> pixels, counted from the centre of the first one.

    The normalised coordinate 0 is the middle of the axis, pixel (size - 1) / 2, whichever the corner rule.
    """
    return coordinate * (span(size, align_corners) / 2) + (size - 1) / 2


def homogeneous_grid(target_shape, *, align_corners=True):
    """Destination coordinates (x_t, y_t, 1) of the paper's equation 1, or (x_t, y_t, z_t, 1) of a volume.

    Conventions: x runs along the last axis of the image.

    Parameters
    ----------
    target_shape : (int, int) or (int, int, int)
        H_out and W_out, or D_out, H_out and W_out.
    align_corners : bool
        Whether -1 and +1 are the centres of the border pixels, or else their outer edges.

    Returns
    -------
    grid : (3, H_out*W_out) or (4, D_out*H_out*W_out) float64 array
        Rows x, y, (z) and 1, normalised; one column per pixel, row by row of the image.
    """
    axes = np.meshgrid(*(centres(size, align_corners) for size in target_shape), indexing="ij")
    return np.stack([axis.ravel() for axis in (*reversed(axes), np.ones(target_shape))])


def gemm(a, b):
    """Product of matrices.

    Parameters
    ----------
    a : (..., I, K) array
    b : (..., K, J) array

    Returns
    -------
    product : (..., I, J) array
    """
    return np.einsum("...ik,...kj->...ij", a, b)
