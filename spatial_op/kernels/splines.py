"""Coordinates from a transform of planes that adds up functions of the destination, such as a spline.

The functions do not depend on the sample. So they are computed once for a tile and kept for the samples that follow, as
long as there is room for them.
"""

import numpy as np

from .coordinates import add, columns, dot, gradient, plan_tangent, row_number, unfold_sums
from .jit import index, inlined, inner
from .lanes import COUNT, load, spread, store
from .tiles import COLS, ROWS

# So many numbers of one tile are kept, which the second-level cache holds. Of more functions, none are.
KEEP = 2**19


@inlined
def count_of(source, work):
    """How many functions there are."""
    return (len(work.plan) - work.first) // 2


@inlined
def kept(q, k, i, count, tile):
    """Where in ``work.basis`` the i-th function of a vector of pixels is."""
    across = (index(tile.cols) + index(COUNT - 1)) // index(COUNT)
    return ((q * across + k // index(COUNT)) * index(count) + index(i)) * index(COUNT)


@inlined
def value_of(source, i, count, frame, tile, q, k, work, u, v, keep):
    """The i-th function of a vector of pixels."""
    if keep:
        return load(work.basis, kept(q, k, i, count, tile))
    return source.basis(i, count, u, v, frame.sizes)


@inlined
def keeps(work):
    """Whether the functions of a tile are kept."""
    return len(work.basis) > 0


def room(count, h_out, w_out):
    """Numbers to keep for any tile of an output, or 0 if they are too many."""
    numbers = min(ROWS, h_out) * (min(COLS, w_out) + COUNT) * count
    return numbers if numbers <= KEEP else 0


@inner
def start_spline(source, values, at, frame, tile, work):
    """The plan of one sample, and the tile's functions if they are not there yet."""
    source.fold(values, at, frame.sizes, work.plan)
    w_out, h_out = frame.target
    count, number = count_of(source, work), tile.row * w_out + tile.col
    if not keeps(work) or work.laid[0] == number:
        return
    work.laid[0] = number
    steps, basis = work.steps, work.basis
    for q in range(index(tile.rows)):
        v = row_number(q, tile, h_out)
        for k in range(index(0), index(tile.cols), index(COUNT)):
            u = columns(steps, k, tile, w_out)
            for i in range(count):
                store(basis, kept(q, k, i, count, tile), source.basis(i, count, u, v, frame.sizes))


@inlined
def locate_spline(source, values, at, frame, tile, q, k, work):
    """Coordinates by the transform and its functions."""
    w_out, h_out = frame.target
    u, v = columns(work.steps, k, tile, w_out), row_number(q, tile, h_out)
    plan, first, count = work.plan, work.first, count_of(source, work)
    keep = keeps(work)
    x, y = source.locate(plan, u, v)
    for i in range(count):
        value = value_of(source, i, count, frame, tile, q, k, work, u, v, keep)
        x, y = x + value * plan[first + 2 * i], y + value * plan[first + 2 * i + 1]
    return x, y


@inner
def pull_spline(source, values, at, sums, sample, block, t, frame, tile, work):
    """``pull_plane`` with the sums for the functions."""
    w_out, h_out = frame.target
    plan, steps, lanes = work.plan, work.steps, np.zeros(len(work.plan) * COUNT)
    grad_x, grad_y = work.grads
    first, count = work.first, count_of(source, work)
    keep = keeps(work)
    for q in range(index(tile.rows)):
        v = row_number(q, tile, h_out)
        for k in range(index(0), index(tile.cols), index(COUNT)):
            u = columns(steps, k, tile, w_out)
            x, y = gradient(grad_x, q, k, tile), gradient(grad_y, q, k, tile)
            source.pull_back(plan, u, v, x, y, lanes, add)
            for i in range(count):
                value = value_of(source, i, count, frame, tile, q, k, work, u, v, keep)
                add(lanes, first + 2 * i, value * x)
                add(lanes, first + 2 * i + 1, value * y)
    unfold_sums(source, values, at, lanes, frame, work, sums[sample, block, t])


@inner
def push_spline(source, values, at, parameters, tangents, frame, tile, work):
    """``push_plane`` with the functions."""
    w_out, h_out = frame.target
    plan, steps, sums = work.plan, work.steps, np.zeros(COUNT + len(work.plan))
    none, unit = spread(0.0, steps), spread(1.0, steps)
    plan_tangent(source, values, at, parameters, tangents, frame, work, sums)
    first, count = work.first, count_of(source, work)
    keep = keeps(work)
    for axis in range(2):
        grads = work.grads[axis]
        along_x, along_y = (unit, none) if axis == 0 else (none, unit)
        for q in range(index(tile.rows)):
            v = row_number(q, tile, h_out)
            for k in range(index(0), index(tile.cols), index(COUNT)):
                u = columns(steps, k, tile, w_out)
                store(sums, index(0), none)
                source.pull_back(plan, u, v, along_x, along_y, sums, dot)
                total = load(sums, index(0))
                for i in range(count):
                    value = value_of(source, i, count, frame, tile, q, k, work, u, v, keep)
                    total = total + value * sums[index(COUNT + first + 2 * i + axis)]
                store(grads, index(q * index(tile.pitch)) + k, total)
