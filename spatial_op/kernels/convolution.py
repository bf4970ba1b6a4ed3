"""Deformable convolution: sampled columns times filters, tile by tile.

For a tile of output positions and a block of channels, the samples of all taps are laid out as a matrix of position by
(tap, channel), which is multiplied with the filters and added up over the blocks. Images and filters are brought into
the order in which this reads them first. No column exists for longer than its tile.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from .blocks import aligned, pack_filters, pack_pixels, padded, panel_width, vectors_of
from .jit import Kernel, index, inner
from .lanes import COUNT, load, spread, store, store_some
from .matrix import multiply, turn
from .points import CORNERS, begin, behind, corners, lean, look, new_points, sampled, spoil

# Pixels that are brought into block order at once.
RUN = 2048


class Plan(NamedTuple):
    """How the work is cut.

    ``width``: channels of a full block; ``step``: taps that are multiplied at once; ``tiles``: of an image; ``parts``: of
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
    for unit in range(samples * count * runs * part // threads, samples * count * runs * (part + 1) // threads):
        image, run = unit // runs, unit % runs
        first, some = blocks[image % count, 0], blocks[image % count, 1]
        at = (image // count * channels + first) * area
        pack_pixels(
            images, at, area, some, width, run * RUN, min(area, run * RUN + RUN), packed, image * area * width
        )


@inner
def pack_all_filters(part, threads, weight, blocks, filters, step, wide, panels):
    """A share of the vectors of filters of all blocks."""
    taps, vectors = weight.shape[2], vectors_of(filters)
    spare = np.empty(max(1, blocks[:, 1].max()) * taps * COUNT, weight.dtype)
    for unit in range(len(blocks) * vectors * part // threads, len(blocks) * vectors * (part + 1) // threads):
        pack_filters(
            weight, blocks[unit // vectors], unit % vectors * COUNT, filters, taps, step, wide, panels, spare
        )


@inner
def sample_tap(packed, at, width, points, start, count, room, columns, to, stride):
    """The samples of one tap in all channels of a block, into the rows of the columns."""
    _, places, weights, _ = points
    for j in range(index(start), index(start + count)):
        pixels = corners(at, width, places, j, index(room))
        place = index(to) + (j - index(start)) * index(stride)
        first = sampled(packed, pixels, weights, j, index(room))
        if width == COUNT:
            store(columns, place, first)
        else:
            second = sampled(packed, behind(pixels), weights, j, index(room))
            store(columns, place, first)
            store(columns, place + index(COUNT), second)


@inner
def convolve_part(
    part, threads, shape, narrow, geometry, edges, plan, blocks, packed, offset, mask,
    modulated, leaning, change, panels, bias, groups, deformables, out,
):  # fmt: skip
    """A share of the tiles of all images."""
    rows, wide = len(shape[0]), len(shape[1]) * COUNT
    samples, all_filters, height, across = out.shape
    area, source = height * across, geometry.source[0] * geometry.source[1]
    taps = geometry.kernel[0] * geometry.kernel[1]
    filters = all_filters // groups
    group_columns = padded(filters)
    target, offsets, masks = out.reshape(out.size), offset.reshape(offset.size), mask.reshape(mask.size)
    changes = change.reshape(change.size)
    room = most_positions(plan.tiles, rows, area)
    points = new_points(room, taps, offset)
    stride = plan.step * plan.width + COUNT
    lines = groups * group_columns + COUNT
    columns, sums = aligned(room * stride, out), aligned((room + rows) * lines, out)
    columns[:] = 0
    units = samples * plan.tiles * plan.parts
    for unit in range(units * part // threads, units * (part + 1) // threads):
        image, tile, share = unit // plan.parts // plan.tiles, unit // plan.parts % plan.tiles, unit % plan.parts
        start, count = tile_bounds(tile, plan.tiles, rows, area)
        steps = (count + rows - 1) // rows
        panels_of_group = (group_columns + wide - 1) // wide
        low = panels_of_group * share // plan.parts * wide
        high = min(group_columns, panels_of_group * (share + 1) // plan.parts * wide)
        begin(start, count, room, geometry, points.base)
        for group in range(groups):
            for column in range(low, high):
                filter = group * filters + column
                first = bias[filter] if column < filters else bias.dtype.type(0)
                for row in range(steps * rows):
                    sums[row * lines + group * group_columns + column] = first
        laid = -1
        finite = True
        for number in range(len(blocks)):
            first_channel, channels, group, deformable = blocks[number]
            if deformable != laid:
                laid, finite = deformable, True
                for tap in range(taps):
                    place = ((image * deformables + deformable) * taps + tap) * area
                    finite &= look(
                        tap, tap * CORNERS * room, (2 * place + start, place + start), count, room, geometry, edges,
                        offsets, masks, modulated, points,
                    )  # fmt: skip
                    if leaning:
                        lean(
                            tap * CORNERS * room, 2 * place + start, count, room, area, changes, masks, place + start,
                            modulated, points,
                        )  # fmt: skip
            pixels = (image * len(blocks) + number) * source * plan.width
            panel = first_channel * taps * group_columns
            for first_tap in range(0, taps, plan.step):
                some = min(plan.step, taps - first_tap)
                for tap in range(first_tap, first_tap + some):
                    to, from_ = (tap - first_tap) * channels, tap * CORNERS * room
                    sample_tap(packed, pixels, plan.width, points, from_, count, room, columns, to, stride)
                if not finite:
                    for tap in range(first_tap, first_tap + some):
                        place = ((image * deformables + deformable) * taps + tap) * 2 * area + start
                        to = (tap - first_tap) * channels
                        spoil(place, area, count, offsets, columns, to, 1, stride, channels)
                depth = index(some * channels)
                for column in range(low, high, wide):
                    right = index(panel + (first_tap * group_columns + some * column) * channels)
                    to = group * group_columns + column
                    if panel_width(column, group_columns, wide) == wide:
                        for step in range(steps):
                            multiply(
                                shape, columns, index(step * rows * stride), index(stride), index(1), panels, right, depth,
                                sums, index(step * rows * lines + to), index(lines), True,
                            )  # fmt: skip
                    else:
                        for step in range(steps):
                            multiply(
                                narrow, columns, index(step * rows * stride), index(stride), index(1), panels, right, depth,
                                sums, index(step * rows * lines + to), index(lines), True,
                            )  # fmt: skip
        for group in range(groups):
            for column in range(low, min(high, filters), COUNT):
                some = index(min(COUNT, filters - column))
                for p in range(0, count, COUNT):
                    to = (image * all_filters + group * filters + column) * area + start + p
                    turn(
                        sums, index(p * lines + group * group_columns + column), index(lines),
                        index(min(COUNT, count - p)), some,
                        target, index(to), index(area), index(min(COUNT, count - p)),
                    )  # fmt: skip


def forward_kernel(shape):
    """Kernel that writes the result or, if ``leaning``, its change along a ``change`` of the offsets."""
    rows, vectors = ((0,) * count for count in shape)
    shape, narrow, wide = (rows, vectors), (rows, (0,)), len(vectors) * COUNT

    def make(label):
        def convolve(
            threads, plan, geometry, edges, blocks, groups, deformables, data, offset, mask, modulated, leaning, change,
            weight, bias, out,
        ):  # fmt: skip
            label  # part of the disk cache's key
            filters = out.shape[1] // groups
            source = geometry.source[0] * geometry.source[1]
            packed = aligned(data.shape[0] * len(blocks) * source * plan.width, data)
            panels = aligned(weight.shape[1] * groups * weight.shape[2] * padded(filters), data)
            for part in prange(threads):
                pack_images(part, threads, data, blocks, plan.width, packed)
                pack_all_filters(part, threads, weight, blocks, filters, plan.step, wide, panels)
            for part in prange(threads):
                convolve_part(
                    part, threads, shape, narrow, geometry, edges, plan, blocks, packed,
                    offset, mask, modulated, leaning, change, panels, bias, groups, deformables, out,
                )  # fmt: skip

        return convolve

    return Kernel(make, "convolve")
