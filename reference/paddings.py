"""What lies outside the image: ``PADDINGS[name](i, size, align_corners) -> (j, inside)``, for one axis.

Position i holds the value of pixel j, or zero where ``inside`` is false. The positions are whole numbers stored as
floats, because no integer type holds the largest.
"""

import numpy as np


def zeros(i, size, align_corners):
    """0 0 | a b c d | 0 0."""
    return np.clip(i, 0, size - 1), (0 <= i) & (i < size)


def border(i, size, align_corners):
    """A a | a b c d | d d."""
    return np.clip(i, 0, size - 1), np.full(i.shape, True)


def reflection(i, size, align_corners):
    """C b | a b c d | c b about the border pixels if ``align_corners``, else b a | a b c d | d c about their edges."""
    if size == 1:
        return np.zeros_like(i), np.full(i.shape, True)
    first, period = (0, 2 * (size - 1)) if align_corners else (1, 2 * size)
    j = np.mod(i, period)
    return np.where(j < size, j, period - first - j), np.full(i.shape, True)


def wrap(i, size, align_corners):
    """C d | a b c d | a b, as SciPy's "grid-wrap"."""
    return np.mod(i, size), np.full(i.shape, True)


PADDINGS = {"zeros": zeros, "border": border, "reflection": reflection, "wrap": wrap}
