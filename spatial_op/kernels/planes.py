"""Sampling of images by way of windows, a tile of the output at a time, and its transpose.

What does not pay for a window is left over: it is marked in ``todo``, for ``scattered`` to do.
"""

import numpy as np

from . import blending, cells, means, window
from .layouts import Planes, SideBySide
from .placing import Bounded, Placed, Row
from .stored import computed
from .supersampling import pixel_row
from .tiles import (
    BLOCK,
    SIDE,
    blocks_of,
    first_pixel,
    last_start,
    overlapping,
    owned_work,
    pieces_of_work,
    pitch,
    tile_at,
    tiles,
)
from .trace import LANES
from .turn import turn


def parameters(rules, source, axes):
    """What kernels that sample are given, but for what they write; ``todo`` marks what is left over for ``scattered``."""
    return {
        "samples": "int", "channels": "int", **dict.fromkeys("whd"[:axes], "int"), "image_step": "int", "channel_step": "int",
        "pixels": rules.stored, "fill": rules.dtype, **cells.output(axes), **cells.parameters(axes), **source.parameters, "todo": "u1",
    }  # fmt: skip


def mark(m, place, fit):
    """Leave over what does not fit."""
    m.todo[place] = m.to(~fit, "u1")


def image_of(m, array, sample, channel, present, group, beside):
    """What kernels read of a sample, from a channel on."""
    if beside:
        return SideBySide(m, array, sample * m.image_step + channel, m.channels, present, group)
    return Planes(m, array, sample * m.image_step + channel * m.channel_step, m.channel_step, present, group)


def densely(m, array, pixels, sample, channel, present, group, beside):
    """The same of an array of so many pixels in a channel, that lie densely."""
    if beside:
        return SideBySide(m, array, sample * m.channels * pixels + channel, m.channels, present, group)
    return Planes(m, array, (sample * m.channels + channel) * pixels, pixels, present, group)


def forward(m, rules, source, group, few, beside):
    """Every ``threads``-th unit of the work; a unit is a tile of a block of channels of a sample.

    Channels are ``beside`` each other, in images and results, or planes.
    """
    images, results = computed(m, m.pixels, rules.stored, rules.dtype), computed(m, m.out, rules.written, rules.dtype)
    points = (Bounded if few and source.affine else Placed)(m, rules, source, group)
    memory, held = window.memory(m, rules.dtype, group, points.whole), m.variable(m.full(-1, "i8", None))
    row, sums = Row(m, rules, points, group), means.room(m, rules.dtype, group)
    count, blocks, pixels = tiles(m, 2), blocks_of(m.channels), m.w_out * m.h_out
    source.start(m)
    for unit, number in pieces_of_work(m, m.samples * blocks, count, source.in_turn):
        sample, block = unit // blocks, unit % blocks
        tile, begin, end = tile_at(m, number, 2), block * BLOCK, m.smaller(m.channels, block * BLOCK + BLOCK)
        source.begin(m, sample, tile)
        box, finite = points.begin(tile, group, last_start(m, tile))
        fit = finite & worth_it(m, points, box, tile, group)
        mark(m, unit * count + number, fit)
        for _ in m.when(fit):
            for channel in m.range(begin, end, group):
                present = m.smaller(end - channel, group)
                image = image_of(m, images, sample, channel, present, group, beside)
                here = fill(m, image, points, memory, channel, held, unit)
                out = densely(m, results, pixels, sample, channel, present, group, beside)
                for ahead in m.range(0, tile.rows + 1):
                    for _ in m.when(ahead < tile.rows):
                        row.begin(tile, ahead, last_start(m, tile))
                    q = ahead - 1
                    for _ in m.when(q >= 0):
                        first = first_pixel(m, tile) + pixel_row(m, q) * m.w_out
                        for k in overlapping(m, tile):
                            sampled = gather(m, here, box, group, row, row.half(q) + k, beside)
                            means.write_window(m, out, sums, q, k, first + k, sampled, tile.cols - k)


def worth_it(m, points, box, tile, group):
    """Whether a tile is done by way of a window: its own one, or that of the whole image."""
    pays = window.pays(m, box, tile, group)
    return pays | points.in_whole if points.whole else pays


def place_of(m, points, memory, group):
    """Where the window of a tile is."""
    if not points.whole:
        return memory
    return memory.starting(np.where(points.in_whole, m.full(window.capacity(group), "i8", None), 0))


def fill(m, image, points, memory, channel, held, unit):
    """Fill the window of a tile, and say where it is; that of a whole image may be ``held`` since another tile of the unit."""
    here, nothing = place_of(m, points, memory, image.group), m.fill.vector(channel)
    for _ in m.when(~points.in_whole | (held.value != unit) if points.whole else True):
        window.fill(m, image, points.box, here, nothing)
        if points.whole:
            held.value = np.where(points.in_whole, unit, held.value)
    return here


def gather(m, memory, box, group, row, k, beside):
    """A vector of samples for each channel of a group; or, of all, packed vectors."""
    results = [m.variable(m.full(0.0, m.kind_of(memory))) for _ in range(group)]
    some = row.careful(k)
    for careful in (True, False):
        for _ in m.when(some if careful else ~some):
            if group == 1:
                sampled = [blending.blend(m, memory, box.stride, row, k, careful)]
            else:
                sampled = blending.blend_group(m, memory, box.stride, row, k, group, careful)
                sampled = sampled if beside else turn(m, sampled)
            for result, vector in zip(results, sampled):
                result.value = vector
    return [result.value for result in results]


def reaches(m, points, top, bottom):
    """Whether the box of a tile has a source row from ``top`` to before ``bottom``, as that of the whole image does."""
    box = points.box
    found = m.variable(m.to(points.in_whole, "i8") if points.whole else m.full(0, "i8", None))
    for r in m.range(0, np.where(points.in_whole, 0, box.height) if points.whole else box.height):
        row = window.pixel_at(m, "y", box.y + r)
        found.value = found.value + m.to((row >= top) & (row < bottom), "i8")
    return found.value > 0


def begin_sums(m, points, spilled, group, open_work, work):
    """Clear the window of a tile's sums; that of a whole image's where the work begins."""
    for _ in m.when(~points.in_whole | (open_work.value != work) if points.whole else True):
        window.clear(m, points.box, place_of(m, points, spilled, group), group)
        if points.whole:
            open_work.value = np.where(points.in_whole, work, open_work.value)


def backward(m, rules, source, group, beside):
    """Every ``threads``-th unit of the work; a unit is a band of source rows of a block of channels of an image, which samples may share.

    A unit alone writes its rows of ``lower``: every tile that reaches them adds its sum, in the same order however many bands
    there are. The coordinates' gradients of a tile belong to one of the bands, and each tile has its own place among their sums.
    """
    grads = [m.workspace(rules.dtype, SIDE * SIDE) for _ in "xy"]
    points = (Bounded if source.affine and group < LANES else Placed)(m, rules, source, group)
    seen, spilled = (window.memory(m, rules.dtype, group, points.whole) for _ in range(2))
    # The unit whose whole image is seen, and the work whose whole gradient is being added up.
    held, open_work = (m.variable(m.full(-1, "i8", None)) for _ in range(2))
    row = Row(m, rules, points, group, derivatives=True)
    count, blocks, pixels, area = tiles(m, 2), blocks_of(m.channels), m.w_out * m.h_out, m.w * m.h
    images = computed(m, m.pixels, rules.stored, rules.dtype)
    source.start(m)
    for owned, sample, block, band, number in owned_work(m, blocks, count, source.in_turn):
        tile, unit = tile_at(m, number, 2), sample * blocks + block
        top, bottom = band * m.h // m.bands, (band + 1) * m.h // m.bands
        begin, end = block * BLOCK, m.smaller(m.channels, block * BLOCK + BLOCK)
        first = (number == 0) & (sample == owned * m.sharing)
        for _ in m.when(first & (m.want_data > 0) & (m.add_data == 0)):
            # By the owner, at once and in one sweep: a new array's pages then appear quickly, and on this thread.
            clear_lines(m, owned, begin, end, area, top * m.w, bottom * m.w, beside)
        source.begin(m, sample, tile)
        box, finite = points.begin(tile, group, tile.cols)
        mine = (m.want_values > 0) & (number % m.bands == band)
        touched = (m.want_data > 0) & reaches(m, points, top, bottom)
        fit = finite & worth_it(m, points, box, tile, group)
        work = (owned * blocks + block) * m.bands + band
        mark(m, unit * count + number, fit)
        for _ in m.when(fit & (mine | touched)):
            for _ in m.when(mine):
                for array in grads:
                    clear(m, array, 0, 0, tile.rows * pitch(m))
            for channel in m.range(begin, end, group):
                present = m.smaller(end - channel, group)
                upper = densely(m, m.upper, pixels, sample, channel, present, group, beside)
                for _ in m.when(mine):
                    image = image_of(m, images, sample, channel, present, group, beside)
                    fill(m, image, points, seen, channel, held, unit)
                for _ in m.when(touched):
                    begin_sums(m, points, spilled, group, open_work, work)
                image_here, sums_here = (place_of(m, points, memory, group) for memory in (seen, spilled))
                for q in m.range(0, tile.rows):
                    row.begin(tile, q, tile.cols)
                    for k in m.range(0, tile.cols, LANES):
                        above = means.shared(
                            m, upper.read(first_pixel(m, tile) + pixel_row(m, q) * m.w_out + k, tile.cols - k)
                        )
                        at = row.half(q) + k
                        some = row.careful(at)
                        for careful in (True, False):
                            for _ in m.when(some if careful else ~some):
                                each = upper.packed(above)
                                for _ in m.when(mine):
                                    accumulate(m, image_here, box, group, row, q, k, at, each, grads, careful)
                                for _ in m.when(touched):
                                    scatter(m, sums_here, box, group, row, at, each, careful)
                for _ in m.when(touched & ~points.in_whole if points.whole else touched):
                    image = densely(m, m.lower, area, owned, channel, present, group, beside)
                    window.fold(m, image, box, spilled, top, bottom)
            for _ in m.when(mine):
                source.begin_sums(m, tile, number, unit)
                for q in m.range(0, tile.rows):
                    for k in m.range(0, tile.cols, LANES):
                        found = [m.read(array, q * pitch(m) + k, tile.cols - k) for array in grads]
                        source.pull(m, tile, q, k, found)
                source.finish(m)
        if points.whole:
            # By the last tile of the last sample that shares the image.
            last = (number == count - 1) & (sample == (owned + 1) * m.sharing - 1)
            for _ in m.when(last & (open_work.value == work)):
                image = densely(m, m.lower, area, owned, begin, m.smaller(end - begin, group), group, beside)
                window.fold(m, image, points.whole.box, spilled.starting(window.capacity(group)), top, bottom)


def clear_lines(m, owned, begin, end, area, first, last, beside):
    """Clear pixels of some channels of the images' gradient, each of so many pixels."""
    if not beside:
        for channel in m.range(begin, end):
            clear(m, m.lower, (owned * m.channels + channel) * area, first, last)
        return
    for _ in m.when(end - begin == m.channels):
        clear(m, m.lower, owned * area * m.channels, first * m.channels, last * m.channels)
    for _ in m.when(end - begin < m.channels):
        for place in m.range(owned * area + first, owned * area + last):
            clear(m, m.lower, place * m.channels, begin, end)


def clear(m, array, start, first, last):
    """Zeros."""
    zeros = m.full(0, m.kind_of(array))
    for i in m.range(start + first, start + last, LANES):
        m.write(array, i, zeros, start + last - i)


def accumulate(m, seen, box, group, row, q, k, at, above, grads, careful):
    """Add a group's share to the gradients with respect to the coordinates of a vector of pixels."""
    if group == 1:
        along = blending.differentiate(m, seen, box.stride, row, at, careful)
        along = [slope if slope is None else np.where(above[0] != 0, above[0] * slope, 0.0) for slope in along]
    else:
        along = blending.differentiate_group(m, seen, box.stride, row, at, above, group, careful)
    for array, more in zip(grads, along):
        if more is not None:
            array.put(q * pitch(m) + k, array.vector(q * pitch(m) + k) + more)


def scatter(m, spilled, box, group, row, k, above, careful):
    """The transpose of ``gather``: add a vector of pixels to a window."""
    if group == 1:
        blending.spill(m, spilled, box.stride, row, k, above[0], careful)
    else:
        blending.spill_group(m, spilled, box.stride, row, k, above, group, careful)
