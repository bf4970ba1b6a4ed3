"""Deformable convolution: sampled columns times filters, tile by tile.

For a tile of output positions and a block of channels, the samples of all taps are laid out as a matrix of position by
(tap, channel), which is multiplied with the filters and added up over the blocks. Images and filters are brought into
the order in which this reads them first. No column exists for longer than its tile.
"""

from typing import NamedTuple

import numpy as np

from .blocks import aligned, pack_filters, pack_pixels, padded, panel_width, vectors_of
from .jit import Kernel, clear, index, inner
from .lanes import COUNT, load, store
from .matrix import multiply, turn
from .points import CORNERS, Given, begin, behind, corners, described, lean, look, new_points, sampled, spoil

# Pixels that are brought into block order at once.
RUN = 2048


class Plan(NamedTuple):
    """How the work is cut.

    ``width``: numbers that a block has for each pixel; ``step``: taps that are multiplied at once; ``tiles``: of an image; ``parts``: of
    the filters of a group, where there are too few tiles.
    """

    width: int
    step: int
    tiles: int
    parts: int


@inner
def tile_bounds(tile, tiles, rows, area):
    """First position and number of positions of a tile, which are whole blocks of ``rows`` but for the last."""
    blocks = (area + rows - 1) // rows
    first = blocks * tile // tiles * rows
    return first, min(area, blocks * (tile + 1) // tiles * rows) - first


@inner
def most_positions(tiles, rows, area):
    """Positions that the arrays of a tile need room for: whole vectors and whole blocks of ``rows``."""
    blocks = (area + rows - 1) // rows
    return vectors_of(((blocks + tiles - 1) // tiles) * rows) * COUNT


@inner
def pack_images(part, threads, data, blocks, width, packed):
    """A share of the runs of pixels of all images and blocks."""
    samples, channels, height, columns = data.shape
    area, count = height * columns, len(blocks)
    images, runs = data.reshape(data.size), (area + RUN - 1) // RUN
    units = samples * count * runs
    for unit in range(units * part // threads, units * (part + 1) // threads):
        image, run = unit // runs, unit % runs
        first, some = blocks[image % count, 0], blocks[image % count, 1]
        at, end = (image // count * channels + first) * area, min(area, run * RUN + RUN)
        pack_pixels(images, at, area, some, width, run * RUN, end, packed, image * area * width)


@inner
def pack_all_filters(part, threads, weight, blocks, filters, step, wide, panels):
    """A share of the vectors of filters of all blocks."""
    taps, vectors = weight.shape[2], vectors_of(filters)
    spare = np.empty(max(1, blocks[:, 1].max()) * taps * COUNT, weight.dtype)
    units = len(blocks) * vectors
    for unit in range(units * part // threads, units * (part + 1) // threads):
        block, first = blocks[unit // vectors], unit % vectors * COUNT
        pack_filters(weight, block, first, filters, taps, step, wide, panels, spare)


@inner
def sample_tap(packed, at, width, points, start, count, room, columns, to, stride):
    """The samples of one tap in all channels of a block, into the rows of the columns."""
    _, places, weights, _ = points
    for j in range(index(start), index(start + count)):
        pixels = corners(at, width, places, j, index(room))
        place = index(to) + (j - index(start)) * index(stride)
        first = sampled(packed, pixels, weights, j, index(room))
        if width <= COUNT:
            store(columns, place, first)
        else:
            second = sampled(packed, behind(pixels), weights, j, index(room))
            store(columns, place, first)
            store(columns, place + index(COUNT), second)


@inner
def multiply_steps(shape, steps, columns, stride, panels, right, depth, sums, to, lines):
    """Add the product of columns and one panel to the sums, some rows at a time."""
    rows = len(shape[0])
    for step in range(steps):
        multiply(
            shape, columns, index(step * rows * stride), index(stride), index(1), panels, index(right), index(depth),
            sums, index(step * rows * lines + to), index(lines), True,
        )  # fmt: skip


@inner
def convolve_part(part, threads, shape, narrow, convolution, given, leaning, change, plan, packed, panels, bias, out):
    """A share of the tiles of all images."""
    rows, wide = len(shape[0]), len(shape[1]) * COUNT
    blocks, groups, modulated = convolution.blocks, convolution.groups, given.modulated
    samples, all_filters, height, across = out.shape
    area, source = height * across, convolution.source[0] * convolution.source[1]
    taps, filters = convolution.kernel[0] * convolution.kernel[1], all_filters // groups
    # Columns of a group's sums, whole vectors; whole panels of them make up a unit's part.
    span = padded(filters)
    count_of_panels = (span + wide - 1) // wide
    target, changes = out.reshape(out.size), change.reshape(change.size)
    offsets, masks = given.offset.reshape(given.offset.size), given.mask.reshape(given.mask.size)
    room = most_positions(plan.tiles, rows, area)
    points = new_points(room, taps, out)
    stride, lines = plan.step * plan.width + COUNT, groups * span + COUNT
    columns, sums = aligned(room * stride, out), aligned((room + rows) * lines, out)
    clear(columns, 0, len(columns))
    first_sums = np.zeros(groups * span, out.dtype)
    for group in range(groups):
        for filter in range(filters):
            first_sums[group * span + filter] = bias[group * filters + filter]
    units = samples * plan.tiles * plan.parts
    for unit in range(units * part // threads, units * (part + 1) // threads):
        image, tile, share = unit // plan.parts // plan.tiles, unit // plan.parts % plan.tiles, unit % plan.parts
        start, count = tile_bounds(tile, plan.tiles, rows, area)
        steps = (count + rows - 1) // rows
        low = count_of_panels * share // plan.parts * wide
        high = min(span, count_of_panels * (share + 1) // plan.parts * wide)
        begin(start, count, room, convolution, points.base)
        for row in range(0, steps * rows * lines, lines):
            for group in range(groups):
                for column in range(group * span + low, group * span + high, COUNT):
                    store(sums, index(row + column), load(first_sums, index(column)))
        looked_at, finite = -1, True
        for number in range(len(blocks)):
            first_channel, channels, group, deformable = blocks[number]
            at = (image * convolution.deformables + deformable) * taps * area + start
            if deformable != looked_at:
                looked_at, finite = deformable, True
                for tap in range(taps):
                    places, to = (2 * (at - start + tap * area) + start, at + tap * area), tap * CORNERS * room
                    finite &= look(tap, to, places, count, room, convolution, offsets, masks, modulated, points)
                    if leaning:
                        lean(to, places, count, room, area, changes, masks, modulated, points)
            pixels = (image * len(blocks) + number) * source * plan.width
            for first_tap in range(0, taps, plan.step):
                some = min(plan.step, taps - first_tap)
                for tap in range(first_tap, first_tap + some):
                    to = (tap - first_tap) * channels
                    sample_tap(
                        packed, pixels, plan.width, points, tap * CORNERS * room, count, room, columns, to, stride
                    )
                if not finite:
                    for tap in range(first_tap, first_tap + some):
                        place, to = 2 * (at - start + tap * area) + start, (tap - first_tap) * channels
                        spoil(place, area, count, offsets, columns, to, 1, stride, channels)
                for column in range(low, high, wide):
                    right = first_channel * taps * span + (first_tap * span + some * column) * channels
                    to, depth = group * span + column, some * channels
                    if panel_width(column, span, wide) == wide:
                        multiply_steps(shape, steps, columns, stride, panels, right, depth, sums, to, lines)
                    else:
                        multiply_steps(narrow, steps, columns, stride, panels, right, depth, sums, to, lines)
        for group in range(groups):
            for column in range(low, min(high, filters), COUNT):
                for p in range(0, count, COUNT):
                    some = index(min(COUNT, count - p))
                    to = (image * all_filters + group * filters + column) * area + start + p
                    turn(
                        sums, index(p * lines + group * span + column), index(lines), some,
                        index(min(COUNT, filters - column)), target, index(to), index(area), some,
                    )  # fmt: skip


def pack_kernel(wide):
    """Kernel that brings images and filters into the order in which they are read."""

    def pack(part, threads, data, blocks, width, packed, weight, filters, step, panels):
        pack_images(part, threads, data, blocks, width, packed)
        pack_all_filters(part, threads, weight, blocks, filters, step, wide, panels)

    return Kernel(pack)


def convolve_kernel(shape, narrow):
    """Kernel that writes the result or, if ``leaning``, its change along a ``change`` of the offsets."""

    def convolve(
        part, threads, width, step, tiles, parts, sizes, edges, groups, deformables, blocks, data, offset, mask, modulated,
        weight, leaning, change, packed, panels, bias, out,
    ):  # fmt: skip
        convolution = described(sizes, edges, groups, deformables, blocks)
        given, plan = Given(data, offset, mask, modulated, weight), Plan(width, step, tiles, parts)
        convolve_part(
            part, threads, shape, narrow, convolution, given, leaning, change, plan, packed, panels, bias, out
        )

    return Kernel(convolve)


def forward_kernel(shape):
    """A function that runs both, for products of so many rows and vectors."""
    rows, vectors = ((0,) * count for count in shape)
    pack, convolve = pack_kernel(len(vectors) * COUNT), convolve_kernel((rows, vectors), (rows, (0,)))

    def run(
        threads, plan, sizes, edges, groups, deformables, blocks, data, offset, mask, modulated, weight, leaning, change,
        bias, out,
    ):  # fmt: skip
        filters, area = out.shape[1] // groups, data.shape[2] * data.shape[3]
        packed = aligned(data.shape[0] * len(blocks) * area * plan.width + COUNT, data)
        panels = aligned(data.shape[1] * weight.shape[2] * padded(filters), data)
        pack(threads, data, blocks, plan.width, packed, weight, filters, plan.step, panels)
        convolve(
            threads, *plan, sizes, edges, groups, deformables, blocks, data, offset, mask, modulated, weight, leaning,
            change, packed, panels, bias, out,
        )  # fmt: skip

    return run
