"""Anti-aliasing: a pixel of the result is the mean of samples all over it, as many as the map shrinks the picture there."""

import math

import numpy as np

# Samples of a pixel along one axis; more would take longer than anybody sees.
MOST = 16

# Samples that are held at a time.
TOGETHER = 2**24

# How much a map may shrink a picture before a second sample is taken: rounding, not a choice.
SLACK = 1e-6


def samples(matrix, target):
    """How many samples a pixel has along y and x: the most that one at a corner of the result stretches over in the picture."""
    height, width = target
    corners = np.array([[0, width - 1, width - 1, 0], [0, 0, height - 1, height - 1], [1, 1, 1, 1]], float)
    counts = []
    for axis in (1, 0):
        half = np.zeros((3, 1))
        half[axis] = 0.5
        ends = [matrix @ (corners + sign * half) for sign in (-1, 1)]
        with np.errstate(all="ignore"):
            low, high = (end[:2] / end[2] for end in ends)
            stretch = np.hypot(*(high - low)).max()
        counts.append(min(max(math.ceil(stretch - SLACK), 1), MOST) if np.isfinite(stretch) else MOST)
    return tuple(counts)


def finer(matrix, counts):
    """The matrix of a result with so many samples for each pixel, evenly spread over it."""
    y, x = (1 / count for count in counts)
    return matrix @ np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def bands(matrix, target, counts, planes):
    """Rows of the result, the matrix and the shape of their samples: so few at a time that these need little memory."""
    (height, width), (y, x) = target, counts
    step = max(TOGETHER // (planes * width * y * x), 1)
    for start in range(0, height, step):
        stop = min(start + step, height)
        moved = matrix @ np.array([[1, 0, 0], [0, 1, start], [0, 0, 1]])
        yield slice(start, stop), finer(moved, counts), ((stop - start) * y, width * x)


def mean(values, counts):
    """Of the samples of each pixel."""
    *front, height, width = values.shape
    y, x = counts
    return values.reshape(*front, height // y, y, width // x, x).mean(axis=(-3, -1), dtype=values.dtype)
