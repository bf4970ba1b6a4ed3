"""Other orders of a convolution's arrays: what is multiplied or sampled together lies side by side.

Channels are cut into *blocks* of at most two vectors, so that each has one group and one deformable group. A row of the
table of blocks is (first channel, channels, group, deformable group). Images are held block by block, pixel by pixel, the
block's channels side by side, filled up with zeros to ``width``: whole vectors, or less than one, if there are so few
channels. Then a vector that is read at a pixel also holds the next ones, and the array is a vector longer.
"""

import numpy as np

from .jit import index, inner
from .lanes import COUNT, load, load_some, store, store_some
from .matrix import turn


@inner
def vectors_of(count):
    """Vectors that hold so many numbers."""
    return (count + COUNT - 1) // COUNT


@inner
def aligned(count, like):
    """An uninitialised array that begins at a cache line."""
    line = 64 // like.itemsize
    room = np.empty(count + line, like.dtype)
    first = -(room.ctypes.data // like.itemsize) % line
    return room[first : first + count]


@inner
def pack_pixels(images, at, area, channels, width, start, end, blocks, to):
    """Pixels from ``start`` to ``end`` of one block of an image, into block order."""
    for p in range(start, end, COUNT):
        for c in range(0, width, COUNT):
            rows, columns = max(0, min(COUNT, channels - c)), min(COUNT, end - p)
            turn(
                images, index(at + c * area + p), index(area), index(rows), index(columns),
                blocks, index(to + p * width + c), index(width), index(min(COUNT, width - c)),
            )  # fmt: skip


@inner
def unpack_pixels(blocks, at, width, area, channels, images, to, add, spare):
    """The inverse for a whole block, which is added to what is there if ``add``."""
    for p in range(0, area, COUNT):
        columns = index(min(COUNT, area - p))
        for c in range(0, channels, COUNT):
            rows, first = index(min(COUNT, channels - c)), to + c * area + p
            if not add:
                turn(
                    blocks, index(at + p * width + c), index(width), columns, rows,
                    images, index(first), index(area), columns,
                )  # fmt: skip
                continue
            turn(
                blocks, index(at + p * width + c), index(width), columns, rows,
                spare, index(0), index(COUNT), index(COUNT),
            )  # fmt: skip
            for row in range(rows):
                place = index(first) + row * index(area)
                more = load(spare, row * index(COUNT)) + load_some(images, place, columns, 0.0)
                store_some(images, place, more, columns)


@inner
def padded(filters):
    """Filters of a group when they fill whole vectors."""
    return vectors_of(filters) * COUNT


@inner
def panel_width(column, columns, wide):
    """Filters of the panel that begins at ``column``."""
    return wide if columns - column >= wide else COUNT


@inner
def pack_filters(weight, block, first_filter, filters, taps, step, wide, panels, spare):
    """One vector of filters of one block, for the forward product.

    ``panels`` holds block after block; within it ``step`` taps after ``step`` taps; within these panel after panel, each
    a matrix of (tap, channel) by filter. ``weight`` is (filter, channel, tap).
    """
    first_channel, channels, group, _ = block
    depth, columns, numbers = weight.shape[1] * taps, padded(filters), weight.reshape(weight.size)
    source = (group * filters + first_filter) * depth + (first_channel - group * weight.shape[1]) * taps
    rows = min(COUNT, filters - first_filter)
    for q in range(0, channels * taps, COUNT):
        turn(
            numbers, index(source + q), index(depth), index(rows), index(min(COUNT, channels * taps - q)),
            spare, index(q * COUNT), index(COUNT), index(COUNT),
        )  # fmt: skip
    column = first_filter // wide * wide
    width = panel_width(column, columns, wide)
    start = first_channel * taps * columns
    for first in range(0, taps, step):
        some = min(step, taps - first)
        to = start + (first * columns + some * column) * channels + first_filter - column
        for k in range(some):
            for c in range(channels):
                line = load(spare, index((c * taps + first + k) * COUNT))
                store(panels, index(to + (k * channels + c) * width), line)


@inner
def pack_channels(weight, block, filter, filters, taps, width, rows, at):
    """One filter of one block, for the gradient of the samples: tap by tap, filter by filter, ``width`` channels."""
    first_channel, channels, group, _ = block
    numbers = weight.reshape(weight.size)
    source = ((group * filters + filter) * weight.shape[1] + first_channel - group * weight.shape[1]) * taps
    for c in range(0, width, COUNT):
        for k in range(0, taps, COUNT):
            turn(
                numbers, index(source + c * taps + k), index(taps), index(max(0, min(COUNT, channels - c))),
                index(min(COUNT, taps - k)), rows, index(at + (k * filters + filter) * width + c),
                index(filters * width), index(COUNT),
            )  # fmt: skip


@inner
def unpack_channels(parts, block, at, apart, count, filter, filters, padded_filters, taps, width, weight, add, spare):
    """The gradient of one filter of one block: the sum of ``count`` parts, in their order."""
    first_channel, channels, group, _ = block
    numbers = weight.reshape(weight.size)
    to = ((group * filters + filter) * weight.shape[1] + first_channel - group * weight.shape[1]) * taps
    for c in range(0, channels, COUNT):
        rows = min(COUNT, channels - c)
        for first in range(0, taps, COUNT):
            some = min(COUNT, taps - first)
            for k in range(some):
                place = index(at + ((first + k) * padded_filters + filter) * width + c)
                line = load(parts, place)
                for part in range(1, count):
                    line = line + load(parts, place + index(part * apart))
                store(spare, index(k * COUNT), line)
            turn(
                spare, index(0), index(COUNT), index(some), index(rows),
                spare, index(COUNT * COUNT), index(COUNT), index(COUNT),
            )  # fmt: skip
            for row in range(rows):
                place = index(to + (c + row) * taps + first)
                line = load(spare, index((COUNT + row) * COUNT))
                if add:
                    line = line + load_some(numbers, place, index(some), 0.0)
                store_some(numbers, place, line, index(some))
