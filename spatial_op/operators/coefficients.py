"""What the kernels are given in place of a transform's parameters, and its gradient."""

import functools

import numpy as np

from ..dtypes import DTYPES
from .memory import laid_out, plain


@functools.lru_cache(maxsize=64)
def at_rest(transform, parameters, dtype):
    """The identity's parameters as an array of this dtype holds them, in float64."""
    return np.array(transform.identity(parameters // 2), dtype).astype("float64")


def coefficients(transform, given):
    """Parameters as they are, or combined by the transform's ``solve``; a grid, for which there is no transform, as it is."""
    if transform is None or transform.solve is None:
        return given
    return transform.solve(given.astype("float64") - at_rest(transform, given.shape[1], given.dtype.newbyteorder("=")))


def numbers_of(values):
    """What kernels are given of them: the numbers in a row, and how far samples are apart."""
    numbers, (step,) = laid_out(values, DTYPES[values.dtype.newbyteorder("=")], 1)
    return numbers, step


def push_coefficients(transform, tangent):
    """How ``coefficients`` change when the parameters, or the grid, change by ``tangent``."""
    if transform is None or transform.solve is None:
        return plain(tangent, DTYPES[tangent.dtype.newbyteorder("=")])
    return transform.solve(tangent.astype("float64"))


def pull_coefficients(transform, grad):
    """The transpose of ``coefficients``."""
    if transform is None or transform.solve is None:
        return grad
    return transform.pull_solve(grad)
