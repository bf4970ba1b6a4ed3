"""Arrays that kernels write to in place of those that callers gave."""

import numpy as np


def usable(array, dtype):
    """Whether a kernel can write to the array as it is."""
    flags = array.flags
    return array.dtype == dtype and flags.c_contiguous and flags.aligned and type(array) is np.ndarray


def working(array, dtype, add=False):
    """The array, or one like it that a kernel can write to, with the same numbers if it adds to them."""
    if usable(array, dtype):
        return array
    return array.astype(dtype, order="C") if add else np.empty(array.shape, dtype)


def clear(grads, add):
    """Gradients of a result without points: zeros, and nothing where they are added."""
    for grad, more in zip(grads, add):
        if grad is not None and not more:
            grad[...] = 0


def hand_over(result, array):
    """Bring a kernel's result to where the caller wants it."""
    if result is not array:
        with np.errstate(over="ignore", invalid="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
            array[...] = result
