"""Which pixels of a large source a rectangle of the output may read: geometry alone, no images.

A box is the rows and the columns of the source, each a (start, stop); a rectangle likewise, of the output. Many are handled
at once, (N, 2, 2). Starts are even:
a sampler that rounds halves to even numbers then chooses the same pixels in the box as in the whole image.
"""

import math

import numpy as np

# Relative error of the few operations that give a numerator or the denominator of a coordinate, with room to spare.
ROUNDING = 2.0**-49

# Rules by which a part of the source, cut out, has the same outside as the whole: nothing, or the pixel at the edge.
PADDINGS = ("zeros", "border")

# Parts that a rectangle is cut into along a horizon; one that needs more may read the whole source.
MOST_PARTS = 2**14


def reach_of(sampler):
    """Pixels beside a sample that a row of the table of samplers reads."""
    last = sampler.first + sampler.shift + len(sampler.taps(0.5)) - 1
    return math.ceil(max(1 - sampler.first - sampler.shift, last))


def boxes_of(matrix, rectangles, source, reach, padding_mode):
    """The boxes of rectangles, both (N, 2, 2); a box has no rows or columns if all samples lie where the padding is zero."""
    low, high = extents(matrix, rectangles)
    start, stop = low - reach, high + reach + 1
    size = np.array(source)
    if padding_mode == "border":  # a point outside reads the edge
        start, stop = np.minimum(start, size - 1), np.maximum(stop, 1)
    start = np.floor(np.clip(start, 0, size)).astype(np.int64)
    stop = np.maximum(start, np.ceil(np.clip(stop, 0, size)).astype(np.int64))
    return np.stack([np.where(start < stop, start - start % 2, start), stop], axis=-1)


def extents(matrix, rectangles):
    """Bounds of y and x, (N, 2), of the points that pixels are mapped to, however their coordinates are rounded."""
    known, low, high = bounds(matrix, rectangles)
    for place in np.flatnonzero(~known):
        low[place], high[place] = crossed(matrix, rectangles[place])
    return low, high


def crossed(matrix, rectangle):
    """The bounds of a rectangle that a homography's horizon crosses: those of its parts.

    The parts that it crosses are halved, all at once: a line of them, not an area.
    """
    parts, low, high = rectangle[None], np.inf, -np.inf
    while 0 < len(parts) <= MOST_PARTS:
        sides = parts[..., 1] - parts[..., 0]
        if (sides.max(axis=1) == 1).any():  # a pixel on the horizon: anywhere, or nowhere
            break
        parts = halves(parts, sides.argmax(axis=1))
        known, least, most = bounds(matrix, parts)
        low = np.minimum(low, least[known].min(axis=0, initial=np.inf))
        high = np.maximum(high, most[known].max(axis=0, initial=-np.inf))
        parts = parts[~known]
    return (-np.inf, np.inf) if len(parts) else (low, high)


def bounds(matrix, rectangles):
    """Which rectangles lie on one side of the horizon, and the bounds of y and x of their points."""
    (top, left), (bottom, right) = rectangles[..., 0].T, rectangles[..., 1].T - 1
    corners = np.array([(left, right, left, right), (top, top, bottom, bottom), np.ones((4, len(rectangles)))])
    corners = np.moveaxis(corners, -1, 0).astype(np.float64)  # (N, 3, 4)
    numbers, errors = matrix @ corners, ROUNDING * (np.abs(matrix) @ corners).max(axis=-1)
    denominators = numbers[:, 2]
    least = np.abs(denominators).min(axis=-1) - errors[:, 2]
    known = (least > 0) & ((denominators.min(axis=-1) > 0) | (denominators.max(axis=-1) < 0))
    with np.errstate(all="ignore"):
        points = numbers[:, 1::-1] / denominators[:, None]
        slack = (errors[:, 1::-1] + np.abs(points).max(axis=-1) * errors[:, 2:]) / least[:, None]
        low, high = points.min(axis=-1) - slack, points.max(axis=-1) + slack
    return known, np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)


def halves(parts, axes):
    """Both halves of each rectangle, along its axis of ``axes``."""
    each = np.arange(len(parts))
    first, second = parts.copy(), parts.copy()
    first[each, axes, 1] = second[each, axes, 0] = parts[each, axes].sum(axis=-1) // 2
    return np.concatenate([first, second])
