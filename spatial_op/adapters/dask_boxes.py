"""Which pixels of a large source a rectangle of the output may read: geometry alone, no images.

A box is the rows and the columns of the source, and the slices before them of volumes, each a (start, stop); a rectangle
likewise, of the output. Many are handled at once, (N, axes, 2). Starts are even: a sampler that rounds halves to even numbers
then chooses the same pixels in the box as in the whole image. A box lies inside the image where a part of it, cut out, has the same
outside as the whole; by other paddings it goes on outside.
"""

import itertools
import math

import numpy as np

from ..kernels.cells import REPEATED, TABLE
from ..operators.parts import alike

# Relative error of the few operations that give a numerator or the denominator of a coordinate, with room to spare.
ROUNDING = 2.0**-49

# Further out than this a coordinate may be any period's.
FAR = 2**48

# Parts that a rectangle is cut into along a horizon; one that needs more may read the whole source.
MOST_PARTS = 2**14


def reach_of(sampler):
    """Pixels beside a sample that a row of the table of samplers reads."""
    last = sampler.first + sampler.shift + len(sampler.taps(0.5)) - 1
    return math.ceil(max(1 - sampler.first - sampler.shift, last))


def boxes_of(where, rectangles, source, rows):
    """The boxes of rectangles, both (N, axes, 2); a box has an empty side if all samples lie where there is nothing."""
    sampler, padding = rows
    if where.displacement is None:
        low, high = extents(where.matrix, rectangles, 0.5 if where.fine else 0.0)
    else:
        low, high = moved(where, rectangles)
    start, stop, size = low - reach_of(sampler), high + reach_of(sampler) + 1, np.array(source)
    kinds = np.array([alike(padding, sampler, n) for n in source])
    start = np.where(kinds == REPEATED, np.minimum(start, size - 1), start)  # a point outside reads the edge
    stop = np.where(kinds == REPEATED, np.maximum(stop, 1), stop)
    anywhere = (kinds == TABLE) & (start < stop) & ((start < -FAR) | (stop > FAR))
    start, stop = np.where(anywhere, -FAR, start), np.where(anywhere, FAR, stop)
    least, most = np.where(kinds == TABLE, -FAR, 0), np.where(kinds == TABLE, FAR, size)
    start = np.floor(np.clip(start, least, most)).astype(np.int64)
    stop = np.maximum(start, np.ceil(np.clip(stop, least, most)).astype(np.int64))
    return np.where((start < stop)[..., None], np.stack([start - start % 2, stop], axis=-1), 0)


def read(boxes, source):
    """At most how many pixels of a source boxes read along each side, (N, axes)."""
    return np.minimum(np.diff(boxes)[..., 0], source)


def moved(where, rectangles):
    """Bounds of the places that pixels are moved to, (N, axes), in the order of the image's axes; none where no place is a number.

    Where a pixel has several samples, these are within half its slopes.
    """
    low, high = np.empty(rectangles.shape[:2]), np.empty(rectangles.shape[:2])
    displacement, around = where.displacement, sum(map(abs, where.slopes())) / 2 if where.fine else None
    for number, rectangle in enumerate(rectangles):
        part = tuple(slice(start, stop) for start, stop in rectangle)
        for axis, place in enumerate(
            np.meshgrid(*(np.arange(*ends) for ends in rectangle), indexing="ij", sparse=True)
        ):
            points = displacement[(-1 - axis, *part)] + place
            for side, bound, initial in ((low, np.min, np.inf), (high, np.max, -np.inf)):
                ends = points if around is None else points - np.sign(initial) * around[(-1 - axis, *part)]
                side[number, axis] = bound(ends, where=np.isfinite(ends), initial=initial)
    return low, high


def extents(matrix, rectangles, margin):
    """Bounds of (z,) y and x, (N, axes), of the points that pixels are mapped to, however their coordinates are rounded.

    Points up to ``margin`` pixels beside a pixel's centre are its too.
    """
    known, low, high = bounds(matrix, rectangles, margin)
    for place in np.flatnonzero(~known):
        low[place], high[place] = crossed(matrix, rectangles[place], margin)
    return low, high


def crossed(matrix, rectangle, margin):
    """The bounds of a rectangle that a homography's horizon crosses: those of its parts.

    The parts that it crosses are halved, all at once: a line of them, not an area.
    """
    parts, low, high = rectangle[None], np.inf, -np.inf
    while 0 < len(parts) <= MOST_PARTS:
        sides = parts[..., 1] - parts[..., 0]
        if (sides.max(axis=1) == 1).any():  # a pixel on the horizon: anywhere, or nowhere
            break
        parts = halves(parts, sides.argmax(axis=1))
        known, least, most = bounds(matrix, parts, margin)
        low = np.minimum(low, least[known].min(axis=0, initial=np.inf))
        high = np.maximum(high, most[known].max(axis=0, initial=-np.inf))
        parts = parts[~known]
    return (-np.inf, np.inf) if len(parts) else (low, high)


def bounds(matrix, rectangles, margin):
    """Which rectangles lie on one side of the horizon, and the bounds of (z,) y and x of their points."""
    axes = rectangles.shape[1]
    ends = (rectangles - (margin, 1 - margin)).astype(np.float64)[:, ::-1]  # x first; the last pixel of each side
    corners = np.ones((len(rectangles), axes + 1, 2**axes))
    for place, corner in enumerate(itertools.product((0, 1), repeat=axes)):
        corners[:, :axes, place] = ends[:, range(axes), corner]
    numbers, errors = matrix @ corners, ROUNDING * (np.abs(matrix) @ corners).max(axis=-1)
    denominators = numbers[:, axes]
    least = np.abs(denominators).min(axis=-1) - errors[:, axes]
    known = (least > 0) & ((denominators.min(axis=-1) > 0) | (denominators.max(axis=-1) < 0))
    with np.errstate(all="ignore"):
        points = numbers[:, -2::-1] / denominators[:, None]
        slack = (errors[:, -2::-1] + np.abs(points).max(axis=-1) * errors[:, -1:]) / least[:, None]
        low, high = points.min(axis=-1) - slack, points.max(axis=-1) + slack
    return known, np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)


def halves(parts, axes):
    """Both halves of each rectangle, along its axis of ``axes``."""
    each = np.arange(len(parts))
    first, second = parts.copy(), parts.copy()
    first[each, axes, 1] = second[each, axes, 0] = parts[each, axes].sum(axis=-1) // 2
    return np.concatenate([first, second])
