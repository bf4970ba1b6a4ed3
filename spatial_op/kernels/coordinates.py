"""From destination pixels to source coordinates, and from the coordinates' gradients to what they were made of.

A *source* of coordinates is a transform, whose row of the table says how, or an array. It answers five questions:

* ``start(source, values, at, frame, tile, work)`` gets ready for a tile of the sample whose numbers start at
  ``values[at]``;
* ``find(source, values, at, frame, tile, q, k, work)`` gives the coordinates, in source pixels, of a vector of pixels:
  columns ``k`` and following of row ``q`` of a tile. Beyond the last column they repeat a pixel of the tile;
* ``like(values, work)`` is an array of the dtype that these coordinates have;
* ``finish(source, values, at, sums, sample, block, t, frame, tile, work)`` turns the gradients of the coordinates of tile
  number ``t``, which are ``work.grads``, into the tile's part of the gradient of ``values``;
* ``push(source, values, at, count, tangents, frame, tile, work)`` writes to ``work.grads`` how the coordinates of a tile change
  when the sample's ``count`` numbers change by ``tangents``, which hold this sample's only.
"""

from typing import NamedTuple

import numpy as np

from .jit import index, inlined, inner
from .lanes import COUNT, load, load_some, settle, spread, store, total, widen
from .tiles import first_pixel

# Further out than any image; times any image's size it is still a number.
HUGE = 1e30


class Source(NamedTuple):
    """Where coordinates come from; from ``fold`` on the fields are a transform's, and unused where there is none."""

    start: object
    find: object
    like: object
    finish: object
    push: object
    fold: object
    locate: object
    pull_back: object
    unfold: object
    basis: object


# Coordinates from a transform.


@inner
def fold_plan(source, values, at, frame, tile, work):
    """The plan of one sample."""
    source.fold(values, at, frame.sizes, work.plan)


@inlined
def columns(steps, k, tile, w_out):
    """Destination columns ``k`` to ``k + COUNT`` of a tile, from the image's centre; beyond the last it is repeated."""
    first = tile.col - (w_out - 1) * 0.5
    return np.fmin(load(steps, index(0)) + (np.float64(k) + first), tile.cols - 1 + first)


@inlined
def row_number(q, tile, h_out):
    """Destination row ``q`` of a tile, from the image's centre."""
    return np.float64(q) + (tile.row - (h_out - 1) * 0.5)


@inlined
def slice_number(tile, d_out):
    """Destination slice of a tile, from the volume's centre."""
    return tile.plane - (d_out - 1) * 0.5


@inlined
def in_float64(values, work):
    """Transforms are evaluated in float64."""
    return work.steps


@inlined
def locate_plane(source, values, at, frame, tile, q, k, work):
    """Coordinates by a transform of planes."""
    w_out, h_out = frame.target
    return source.locate(work.plan, columns(work.steps, k, tile, w_out), row_number(q, tile, h_out))


@inlined
def locate_volume(source, values, at, frame, tile, q, k, work):
    """Coordinates by a transform of volumes."""
    w_out, h_out, d_out = frame.target
    u, v, s = columns(work.steps, k, tile, w_out), row_number(q, tile, h_out), slice_number(tile, d_out)
    return source.locate(work.plan, u, v, s)


@inlined
def add(sums, i, value):
    """Add to the i-th sum, which is kept lane by lane."""
    at = index(i * COUNT)
    store(sums, at, load(sums, at) + value)


@inlined
def gradient(grads, q, k, tile):
    """One coordinate's gradient in float64; zero beyond the last column, where another row's would be."""
    at, count = index(q * tile.pitch) + k, index(tile.cols) - k
    return widen(load(grads, at) if count >= index(COUNT) else load_some(grads, at, count, 0.0))


@inner
def pull_plane(source, values, at, sums, sample, block, t, frame, tile, work):
    """Sums over a tile of what each coordinate's gradient means for the parameters."""
    w_out, h_out = frame.target
    plan, steps, lanes = work.plan, work.steps, np.zeros(len(work.plan) * COUNT)
    grad_x, grad_y = work.grads
    for q in range(tile.rows):
        v = row_number(q, tile, h_out)
        for k in range(index(0), index(tile.cols), index(COUNT)):
            x, y = gradient(grad_x, q, k, tile), gradient(grad_y, q, k, tile)
            source.pull_back(plan, columns(steps, k, tile, w_out), v, x, y, lanes, add)
    unfold_sums(source, values, at, lanes, frame, work, sums[sample, block, t])


@inner
def pull_volume(source, values, at, sums, sample, block, t, frame, tile, work):
    """``pull_plane`` for volumes."""
    w_out, h_out, d_out = frame.target
    plan, steps, lanes = work.plan, work.steps, np.zeros(len(work.plan) * COUNT)
    grad_x, grad_y, grad_z = work.grads
    s = slice_number(tile, d_out)
    for q in range(tile.rows):
        v = row_number(q, tile, h_out)
        for k in range(index(0), index(tile.cols), index(COUNT)):
            x, y = gradient(grad_x, q, k, tile), gradient(grad_y, q, k, tile)
            z = gradient(grad_z, q, k, tile)
            source.pull_back(plan, columns(steps, k, tile, w_out), v, s, x, y, z, lanes, add)
    unfold_sums(source, values, at, lanes, frame, work, sums[sample, block, t])


@inner
def unfold_sums(source, values, at, lanes, frame, work, sums):
    """From sums lane by lane to the gradient with respect to the parameters."""
    for i in range(len(work.plan)):
        lanes[i] = total(load(lanes, index(i * COUNT)))
    source.unfold(values, at, lanes[: len(work.plan)], frame.sizes, sums)


@inlined
def dot(sums, i, value):
    """Add to the one sum that the first vector of ``sums`` holds, with the i-th of the weights that follow it."""
    store(sums, index(0), load(sums, index(0)) + value * sums[index(COUNT + i)])


@inner
def plan_tangent(source, values, at, count, tangents, frame, work, sums):
    """How the plan changes, after the first vector of ``sums``: the transpose of ``unfold``, one number at a time."""
    size = len(work.plan)
    one, row = np.zeros(size), np.zeros(count)
    for i in range(size):
        one[i] = 1
        source.unfold(values, at, one, frame.sizes, row)
        one[i], sums[COUNT + i] = 0, 0
        for k in range(count):
            if tangents[k] != 0:
                sums[COUNT + i] += row[k] * tangents[k]


@inner
def push_plane(source, values, at, count, tangents, frame, tile, work):
    """A coordinate's derivative in one direction is the pull back of 1, summed with the direction as weights."""
    w_out, h_out = frame.target
    plan, steps, sums = work.plan, work.steps, np.zeros(COUNT + len(work.plan))
    none, unit = spread(0.0, steps), spread(1.0, steps)
    plan_tangent(source, values, at, count, tangents, frame, work, sums)
    for axis in range(2):
        grads = work.grads[axis]
        along_x, along_y = (unit, none) if axis == 0 else (none, unit)
        for q in range(tile.rows):
            v = row_number(q, tile, h_out)
            for k in range(index(0), index(tile.cols), index(COUNT)):
                store(sums, index(0), none)
                source.pull_back(plan, columns(steps, k, tile, w_out), v, along_x, along_y, sums, dot)
                store(grads, index(q * tile.pitch) + k, load(sums, index(0)))


@inner
def push_volume(source, values, at, count, tangents, frame, tile, work):
    """``push_plane`` for volumes."""
    w_out, h_out, d_out = frame.target
    plan, steps, sums = work.plan, work.steps, np.zeros(COUNT + len(work.plan))
    none, unit, s = spread(0.0, steps), spread(1.0, steps), slice_number(tile, d_out)
    plan_tangent(source, values, at, count, tangents, frame, work, sums)
    for axis in range(3):
        grads = work.grads[axis]
        x, y, z = unit if axis == 0 else none, unit if axis == 1 else none, unit if axis == 2 else none
        for q in range(tile.rows):
            v = row_number(q, tile, h_out)
            for k in range(index(0), index(tile.cols), index(COUNT)):
                store(sums, index(0), none)
                source.pull_back(plan, columns(steps, k, tile, w_out), v, s, x, y, z, sums, dot)
                store(grads, index(q * tile.pitch) + k, load(sums, index(0)))


# Coordinates from an array of shape (samples, axes, ...), normalised.


@inner
def no_plan(source, values, at, frame, tile, work):
    """Nothing has to be made ready."""


@inlined
def in_its_own(values, work):
    """An array's coordinates are as precise as it is."""
    return values


@inlined
def read(axis, values, at, frame, tile, q, k, work):
    """One coordinate in source pixels, in the array's precision; the whole one that this cannot tell from it."""
    area = pixels_of(frame.target)
    first = index(at + axis * area + first_pixel(tile, frame.target) + q * frame.target[0]) + k
    count = index(tile.cols) - k
    given = load(values, first) if count >= index(COUNT) else load_some(values, first, count, values[first])
    half, middle, unit = frame.sizes.span[axis] * 0.5, frame.sizes.middle[axis], np.finfo(values.dtype).eps * 0.5
    near = np.fmin(np.fmax(given, -HUGE), HUGE)  # so that only what is infinite already becomes so
    return settle(near * half + (middle + given * 0.0), near * (2 * half * unit), middle * unit)


@inlined
def pixels_of(target):
    """Pixels of one channel."""
    count = 1
    for axis in range(len(target)):
        count *= target[axis]
    return count


@inlined
def read_plane(source, values, at, frame, tile, q, k, work):
    """Coordinates of planes from an array."""
    return read(0, values, at, frame, tile, q, k, work), read(1, values, at, frame, tile, q, k, work)


@inlined
def read_volume(source, values, at, frame, tile, q, k, work):
    """Coordinates of volumes from an array."""
    return (
        read(0, values, at, frame, tile, q, k, work),
        read(1, values, at, frame, tile, q, k, work),
        read(2, values, at, frame, tile, q, k, work),
    )


@inner
def write(source, values, at, sums, sample, block, t, frame, tile, work):
    """The gradients themselves, normalised; ``sums`` has the array's axes after those of sample and block."""
    area, flat = pixels_of(frame.target), sums.reshape(sums.size)
    axes = len(frame.target)
    for axis in range(axes):
        begin = ((sample * sums.shape[1] + block) * axes + axis) * area + first_pixel(tile, frame.target)
        half, grads = frame.sizes.span[axis] * 0.5, work.grads[axis]
        for q in range(tile.rows):
            to, at = index(begin + q * frame.target[0]), index(q * tile.pitch)
            for k in range(index(tile.cols)):
                flat[to + k] = grads[at + k] * half


@inner
def copy(source, values, at, count, tangents, frame, tile, work):
    """The tangents themselves, in source pixels."""
    area = pixels_of(frame.target)
    for axis in range(len(frame.target)):
        begin, grads = axis * area + first_pixel(tile, frame.target), work.grads[axis]
        half = frame.sizes.span[axis] * 0.5
        for q in range(tile.rows):
            to, first = index(q * tile.pitch), index(begin + q * frame.target[0])
            for k in range(index(tile.cols)):
                grads[to + k] = tangents[first + k] * half
