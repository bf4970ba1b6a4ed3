"""Where the taps of a deformable convolution look: for a tile of output positions, pixels and weights."""

from typing import NamedTuple

import numpy as np

from .jit import index, inlined, inner
from .lanes import COUNT, inside, load, load_some, mix, spread, store, total, widen

CORNERS = 4  # pixels around a point: above left, above right, below left, below right
HALVES = 4  # of a point and an axis: weight of the first and second pixel, and whether they count


class Edge(NamedTuple):
    """The border rule on one axis, in pixels.

    Points between ``low`` and ``high`` are sampled, those beyond ``last`` as if they were there; of the two pixels around
    a point those from 0 to ``far`` count, and one beyond ``final`` is the same as ``final``, the last.
    """

    low: float
    high: float
    last: float
    far: float
    final: float


class Convolution(NamedTuple):
    """What a convolution is; its pairs are rows and columns, of the kernel, of images (``source``) and of the output.

    ``edges`` are the border rules of rows and columns, ``blocks`` is the table that the module ``blocks`` explains.
    """

    kernel: tuple
    stride: tuple
    pad: tuple
    dilate: tuple
    source: tuple
    target: tuple
    edges: tuple
    groups: int
    deformables: int
    blocks: np.ndarray


class Given(NamedTuple):
    """The inputs; ``mask`` is empty unless ``modulated``, and ``weight`` is (filter, channel, tap)."""

    data: np.ndarray
    offset: np.ndarray
    mask: np.ndarray
    modulated: bool
    weight: np.ndarray


@inner
def described(sizes, edges, groups, deformables, blocks):
    """The description of a convolution from arrays, which parallel loops take, as they do not take nested tuples."""
    return Convolution(
        (sizes[0, 0], sizes[0, 1]),
        (sizes[1, 0], sizes[1, 1]),
        (sizes[2, 0], sizes[2, 1]),
        (sizes[3, 0], sizes[3, 1]),
        (sizes[4, 0], sizes[4, 1]),
        (sizes[5, 0], sizes[5, 1]),
        (
            Edge(edges[0, 0], edges[0, 1], edges[0, 2], edges[0, 3], edges[0, 4]),
            Edge(edges[1, 0], edges[1, 1], edges[1, 2], edges[1, 3], edges[1, 4]),
        ),
        groups,
        deformables,
        blocks,
    )


class Points(NamedTuple):
    """One thread's arrays for the positions of a tile: their rows and columns and, tap by tap, pixels and weights.

    ``halves`` are of the tap that was looked at last: what rows, and then columns, contribute to the weights.
    """

    base: np.ndarray
    places: np.ndarray
    weights: np.ndarray
    halves: np.ndarray


@inner
def new_points(room, taps, like):
    """Arrays for so many positions, with pixels and weights of so many taps."""
    return Points(
        np.zeros(2 * room, like.dtype),
        np.zeros(taps * CORNERS * room, np.int32),
        np.zeros(taps * CORNERS * room, like.dtype),
        np.zeros(2 * HALVES * room, like.dtype),
    )


@inner
def begin(first, count, room, convolution, base):
    """Rows and columns of the image where the kernel's first tap lies for output positions from ``first`` on."""
    (down, across), (top, left) = convolution.stride, convolution.pad
    row, column = first // convolution.target[1], first % convolution.target[1]
    for j in range(count):
        base[j] = row * down - top
        base[room + j] = column * across - left
        column += 1
        if column == convolution.target[1]:
            row, column = row + 1, 0


@inlined
def around(at, edge):
    """The two pixels around each point on one axis; their weights; and 1 for those that count."""
    held = inside(at, edge.low, edge.high)
    at = np.fmin(np.fmax(at, edge.low), edge.last)
    first = np.floor(at)
    second, far = first + 1.0, at - first
    counts, second_counts = held * inside(first, 0.0, edge.far), held * inside(second, 0.0, edge.far)
    pixels = np.fmax(first, 0.0), np.fmin(second, edge.final)
    return pixels, ((1.0 - far) * counts, far * second_counts, counts, second_counts)


@inlined
def keep(halves, at, step, values):
    """Store the weights of two pixels, and whether they count."""
    store(halves, at, values[0])
    store(halves, at + step, values[1])
    store(halves, at + step + step, values[2])
    store(halves, at + step + step + step, values[3])


@inlined
def look(tap, start, first, count, room, convolution, offset, mask, modulated, points):
    """Find pixels and weights of one tap, from ``start`` on in the arrays; whether all coordinates are finite.

    ``first`` are the places of the first position's y in ``offset`` and of its factor in ``mask``.
    """
    base, places, weights, halves = points
    area = convolution.target[0] * convolution.target[1]
    down = offset.dtype.type(tap // convolution.kernel[1] * convolution.dilate[0])
    across = offset.dtype.type(tap % convolution.kernel[1] * convolution.dilate[1])
    width = float(convolution.source[1])
    odd = spread(0.0, offset)
    for j in range(index(0), index(count), index(COUNT)):
        left = index(count) - j
        y = (load(base, j) + down) + load_some(offset, index(first[0]) + j, left, 0.0)
        x = (load(base, index(room) + j) + across) + load_some(offset, index(first[0] + area) + j, left, 0.0)
        odd = odd + (y - y) + (x - x)
        scale = spread(1.0, offset)
        if modulated:
            scale = load_some(mask, index(first[1]) + j, left, 0.0)
        (above, below), vertical = around(y, convolution.edges[0])
        (before, after), level = around(x, convolution.edges[1])
        above, below, at = widen(above) * width, widen(below) * width, index(start) + j
        before, after, step = widen(before), widen(after), index(room)
        store(places, at, above + before)
        store(places, at + step, above + after)
        store(places, at + step + step, below + before)
        store(places, at + step + step + step, below + after)
        store(weights, at, mix(0.0, vertical[0] * level[0], scale))
        store(weights, at + step, mix(0.0, vertical[0] * level[1], scale))
        store(weights, at + step + step, mix(0.0, vertical[1] * level[0], scale))
        store(weights, at + step + step + step, mix(0.0, vertical[1] * level[1], scale))
        keep(halves, j, step, vertical)
        keep(halves, j + index(HALVES) * step, step, level)
    return total(odd) == 0


@inlined
def lean(start, first, count, room, area, change, mask, modulated, points):
    """Replace the weights of the tap that was looked at last by their ``change`` along a change of the offsets."""
    _, _, weights, halves = points
    step = index(room)
    for j in range(index(0), index(count), index(COUNT)):
        left, k = index(count) - j, j + index(HALVES) * step
        down = load_some(change, index(first[0]) + j, left, 0.0)
        across = load_some(change, index(first[0] + area) + j, left, 0.0)
        if modulated:
            scale = load_some(mask, index(first[1]) + j, left, 0.0)
            down, across = down * scale, across * scale
        upper, lower = load(halves, j), load(halves, j + step)
        has_upper, has_lower = 0.0 - load(halves, j + step + step), load(halves, j + step + step + step)
        before, after = load(halves, k), load(halves, k + step)
        has_before, has_after = 0.0 - load(halves, k + step + step), load(halves, k + step + step + step)
        at = index(start) + j
        store(weights, at, has_upper * before * down + upper * has_before * across)
        store(weights, at + step, has_upper * after * down + upper * has_after * across)
        store(weights, at + step + step, has_lower * before * down + lower * has_before * across)
        store(weights, at + step + step + step, has_lower * after * down + lower * has_after * across)


@inlined
def corners(first, width, places, j, room):
    """Where the four pixels around a point begin in an image whose pixels are ``width`` channels."""
    at, step = index(first), index(width)
    k = j + room
    m = k + room
    n = m + room
    return (
        at + index(places[j]) * step,
        at + index(places[k]) * step,
        at + index(places[m]) * step,
        at + index(places[n]) * step,
    )


@inlined
def channels_of(images, at, some):
    """``some`` channels of a pixel, as many as a vector holds or less; the other lanes are zero."""
    return load(images, at) if some >= index(COUNT) else load_some(images, at, some, 0.0)


@inlined
def behind(pixels):
    """The next vector of channels of four pixels."""
    a, b, c, d = pixels
    return a + index(COUNT), b + index(COUNT), c + index(COUNT), d + index(COUNT)


@inlined
def sampled(images, pixels, weights, j, room):
    """A point in ``COUNT`` channels: the weighted sum of the pixels around it."""
    k = j + room
    m = k + room
    n = m + room
    value = mix(0.0, weights[j], load(images, pixels[0]))
    value = mix(value, weights[k], load(images, pixels[1]))
    value = mix(value, weights[m], load(images, pixels[2]))
    return mix(value, weights[n], load(images, pixels[3]))


@inner
def spoil(first, area, count, offset, rows, at, apart, stride, width):
    """Make NaN of what belongs to points that are not finite: ``width`` numbers ``apart``, points being ``stride`` apart."""
    for j in range(count):
        if not (np.isfinite(offset[first + j]) and np.isfinite(offset[first + area + j])):
            for number in range(width):
                rows[at + j * stride + number * apart] = np.nan
