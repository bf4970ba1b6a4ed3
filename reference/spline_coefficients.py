"""The cubic spline through the pixels: Unser, "Splines: A Perfect Fit for Signal and Image Processing", 1999, section "Cubic splines"."""

import numpy as np

from .grid import widen
from .kernels import SAMPLERS
from .paddings import PADDINGS


def spline_coefficients(data, *, padding_mode="reflection", align_corners=True):
    """Coefficients c of which ``cubic_bspline`` samples the data at whole pixels: ``sum_k c[k] beta(i - k) = data[i]`` on each axis.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) real or complex array
    padding_mode : str
        A row of ``PADDINGS``.
    align_corners : bool

    Returns
    -------
    coefficients : float64 or complex128 array of ``data``'s shape
    """
    data = widen(data)
    for axis in range(2, data.ndim):
        matrix = samples(data.shape[axis], padding_mode, align_corners)
        data = np.moveaxis(np.tensordot(np.linalg.inv(matrix), data, (1, axis)), 0, axis)
    return data


def samples(size, padding_mode, align_corners):
    """The matrix from the coefficients of an axis to its samples at the pixels."""
    kernel, _, _ = SAMPLERS["cubic_bspline"]
    matrix = np.zeros((size, size))
    for step in (-1, 0, 1):
        index, inside = PADDINGS[padding_mode](np.arange(size) + step, size, align_corners)
        np.add.at(matrix, (np.arange(size), index.astype(int)), inside * kernel(np.array(float(step))))
    return matrix
