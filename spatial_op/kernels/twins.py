"""The operations of ``lanes`` in NumPy: a vector is an array of ``COUNT`` numbers."""

import numpy as np

from .vector_ir import COUNT, FOUR


def load(array, first):
    return array[first : first + COUNT].copy()


def store(array, first, value):
    array[first : first + COUNT] = value


def load_some(array, first, count, other):
    some = np.full(COUNT, other, array.dtype)
    count = min(count, COUNT)
    some[:count] = array[first : first + count]
    return some


def store_some(array, first, value, count):
    count = min(count, COUNT)
    array[first : first + count] = value[:count]


def all_between(array, first, low, high):
    vector = array[first : first + COUNT]
    return bool(((vector >= low) & (vector <= high)).all())


def prefetch(array, at):
    pass


def widen(value):
    return value.astype(np.float64)


def total(value):
    return value.sum()


def spread(value, array):
    return np.full(COUNT, value, array.dtype)


def neighbours(array, first, places, j, like):
    start = first + places[j : j + COUNT].astype(np.int64)
    return tuple(array[start + tap] for tap in range(len(like)))


def scattered(array, first, spots, outer, inner, step, like):
    shared = sum(spots[at : at + COUNT] for at in outer)
    found = []
    for tap in range(len(like)):
        offsets = shared + spots[inner + tap * step : inner + tap * step + COUNT]
        found.append(np.where(offsets >= 0, array[first + np.maximum(offsets, 0)], array.dtype.type(0)))
    return tuple(found)


def settle(value, slack, least):
    with np.errstate(invalid="ignore"):
        near = np.rint(value)
        return np.where(abs(value - near) <= abs(slack) + least, near, value)


def deposit(array, first, places, j, taps, grad):
    start = first + places[j : j + COUNT].astype(np.int64)
    for lane in range(COUNT):
        for tap, (weight, _) in enumerate(taps):
            if weight[lane] != 0:
                array[start[lane] + tap] += weight[lane] * grad[lane]


def load_each(array, first):
    return np.repeat(array[first : first + FOUR], FOUR)


def neighbours_four(array, first, places, j, like):
    start = first + FOUR * np.repeat(places[j : j + FOUR].astype(np.int64), FOUR) + np.arange(COUNT) % FOUR
    return tuple(array[start + FOUR * tap] for tap in range(len(like)))


def deposit_four(array, first, places, j, taps, grad):
    start = first + FOUR * np.repeat(places[j : j + FOUR].astype(np.int64), FOUR) + np.arange(COUNT) % FOUR
    for tap, (weight, _) in enumerate(taps):
        np.add.at(array, start + FOUR * tap, np.where(weight != 0, weight * grad, 0))


def to_pixels(vectors):
    return tuple(np.stack(vectors).reshape(FOUR, FOUR, FOUR).transpose(1, 2, 0).reshape(FOUR, COUNT))


def to_channels(vectors):
    return tuple(np.stack(vectors).reshape(FOUR, FOUR, FOUR).transpose(2, 0, 1).reshape(FOUR, COUNT))


def mix(total, weight, value):
    with np.errstate(all="ignore"):
        return np.where(weight != 0, total + weight * value, total)


def inside(value, low, high):
    return ((value >= low) & (value <= high)).astype(value.dtype)


def multiply(shape, a, first, row, step, b, b_first, depth, c, c_first, c_row, add):
    rows, width = len(shape[0]), len(shape[1]) * COUNT
    i, k = np.arange(rows)[:, None], np.arange(depth)
    out = a[first + i * row + k * step] @ b[b_first : b_first + depth * width].reshape(depth, width)
    at = c_first + i * c_row + np.arange(width)
    c[at] = c[at] + out if add else out


def turn(source, first, stride, rows, columns, target, at, apart, kept):
    i, j = np.arange(COUNT)[:, None], np.arange(columns)
    lines = np.zeros((COUNT, columns), source.dtype)
    lines[:rows] = source[first + i[:rows] * stride + j]
    target[at + j * apart + i[:kept]] = lines[:kept]


def totals(vectors):
    return tuple(vector.sum() for vector in vectors)
