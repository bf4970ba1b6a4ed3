"""Which pixels of a large source a rectangle of the output may read: geometry alone, no arrays.

A box is the rows and the columns of the source, each a (start, stop); a rectangle likewise, of the output. Starts are even:
a sampler that rounds halves to even numbers then chooses the same pixels in the box as in the whole image.
"""

import math

import numpy as np

# Relative error of the few operations that give a numerator or the denominator of a coordinate, with room to spare.
ROUNDING = 2.0**-49


def reach_of(sampler):
    """Pixels beside a sample that a row of the table of samplers reads."""
    last = sampler.first + sampler.shift + len(sampler.taps(0.5)) - 1
    return math.ceil(max(1 - sampler.first - sampler.shift, last))


def box_of(matrix, rectangle, source, reach, padding_mode):
    """The box of a rectangle; none of its rows or columns if all samples lie where the padding is zero."""
    low, high = extent(matrix, rectangle)
    box = []
    for least, most, size in zip(low, high, source):
        start, stop = least - reach, most + reach + 1
        if padding_mode == "border":  # a point outside reads the edge
            start, stop = min(start, size - 1), max(stop, 1)
        start, stop = math.floor(max(min(start, size), 0)), math.ceil(min(max(stop, 0), size))
        box.append((start - start % 2, stop) if start < stop else (start, start))
    return tuple(box)


def extent(matrix, rectangle):
    """Bounds of y and x of the points that the pixels of a rectangle are mapped to, however their coordinates are rounded."""
    (top, bottom), (left, right) = rectangle
    corners = np.array([(x, y, 1) for y in (top, bottom - 1) for x in (left, right - 1)], np.float64).T
    numbers, errors = matrix @ corners, ROUNDING * (np.abs(matrix) @ corners).max(axis=1)
    denominators = numbers[2]
    least = np.abs(denominators).min() - errors[2]
    if least > 0 and (denominators.min() > 0 or denominators.max() < 0):
        points = numbers[1::-1] / denominators
        slack = (errors[1::-1] + np.abs(points).max(axis=1) * errors[2]) / least
        return tuple(points.min(axis=1) - slack), tuple(points.max(axis=1) + slack)
    if bottom - top == right - left == 1:  # on the horizon: anywhere, or nowhere
        return (-np.inf, -np.inf), (np.inf, np.inf)
    if bottom - top >= right - left:
        middle = (top + bottom) // 2
        parts = ((top, middle), (left, right)), ((middle, bottom), (left, right))
    else:
        middle = (left + right) // 2
        parts = ((top, bottom), (left, middle)), ((top, bottom), (middle, right))
    lows, highs = zip(*(extent(matrix, part) for part in parts))
    return tuple(map(min, *lows)), tuple(map(max, *highs))
