"""Sampling of images by way of windows, a tile of the output at a time, and its transpose.

What does not pay for a window is left over: it is marked in ``todo``, for ``scattered`` to do.
"""

import numpy as np

from . import cells, window
from .tiles import BLOCK, SIDE, blocks_of, first_pixel, tile_at, tiles
from .trace import LANES
from .turn import to_pixels
from .window import box_of

# A coordinate further out is not worth a window. It still fits the integers.
FAR = 2.0**30


def parameters(rules, source):
    """What the kernels are given, but for what they write."""
    return {
        "samples": "int", "channels": "int", "w": "int", "h": "int", "image_step": "int", "channel_step": "int",
        "pixels": rules.dtype, **cells.output(2), **cells.parameters(2), **source.parameters, "todo": "u1",
    }  # fmt: skip


class Placed:
    """A tile's first taps and distances, kept in memory."""

    def __init__(self, m, rules, source):
        self.m, self.rules, self.source = m, rules, source
        self.cells = [m.workspace("i4", SIDE * SIDE) for _ in range(2)]
        self.parts = [m.workspace(rules.dtype, SIDE * SIDE) for _ in range(2)]

    def begin(self, tile):
        """Find them; the box of pixels around them, and whether all coordinates are finite."""
        m = self.m
        low = [m.variable(m.full(2**31 - 1, "i4")) for _ in range(2)]
        high = [m.variable(m.full(-(2**31), "i4")) for _ in range(2)]
        bad = m.variable(m.full(0.0, self.rules.dtype))
        for q in m.range(0, tile.rows):
            for k in m.range(0, tile.cols, LANES):
                at = q * SIDE + k
                for axis, given in enumerate(self.source.find(m, tile, q, k)):
                    cell, part = self.rules.split(m, axis, given)
                    self.cells[axis].put(at, cell)
                    self.parts[axis].put(at, part)
                    low[axis].value, high[axis].value = m.smaller(low[axis].value, cell), m.larger(high[axis].value, cell)
                    bad.value = bad.value + part * 0.0
        ends = [
            (m.to(m.reduce(m.smaller, low[axis].value), "i8"), m.to(m.reduce(m.larger, high[axis].value), "i8"))
            for axis in range(2)
        ]
        reach = self.rules.reach
        self.box = box_of(ends[0][0], ends[0][1] + reach, ends[1][0], ends[1][1] + reach)
        self.finite = m.reduce(lambda a, b: a + b, bad.value) == 0
        return self.box, self.finite

    def point(self, tile, q, k):
        """Places in the window, and distances, of a vector of pixels."""
        m, at = self.m, q * SIDE + k
        x, y = (cell.vector(at) for cell in self.cells)
        places = (y - m.to(self.box.y, "i4")) * m.to(self.box.stride, "i4") + (x - m.to(self.box.x, "i4"))
        return places, [part.vector(at) for part in self.parts]


class Bounded:
    """The same of an affine transform, whose tiles' boxes are known beforehand: found when they are needed, kept nowhere."""

    def __init__(self, m, rules, source):
        self.m, self.rules, self.source = m, rules, source

    def begin(self, tile):
        """The box, a pixel wider than need be since vectors may be rounded in another way than corners.

        Where no coordinate is out of the range that the padding's table covers, none has to be brought there.
        """
        m, ends, inner, finite = self.m, [], None, None
        for axis, corners in zip("xy", self.source.corners(m, tile)):
            low, high = m.arguments[f"low_{axis}"], m.arguments[f"high_{axis}"]
            within = (corners[0] >= low) & (corners[1] <= high)
            held = within | ((corners[0] >= -FAR) & (corners[1] <= FAR) & (m.arguments[f"period_{axis}"] <= 0))
            inner = within if inner is None else inner & within
            finite = held if finite is None else finite & held
            for edge in corners:
                near = m.least(m.most(edge, low), high)
                ends.append(m.to(np.floor(near + self.rules.sampler.shift), "i8") + self.rules.sampler.first)
        reach = self.rules.reach
        self.box, self.inner = box_of(ends[0] - 1, ends[1] + reach + 1, ends[2] - 1, ends[3] + reach + 1), inner
        return self.box, finite

    def point(self, tile, q, k):
        """Places in the window, and distances, of a vector of pixels."""
        m = self.m
        point = [m.variable(value) for value in self.source.find(m, tile, q, k)]
        for _ in m.when(~self.inner):
            for axis, value in zip("xy", point):
                value.value = m.least(m.most(value.value, m.arguments[f"low_{axis}"]), m.arguments[f"high_{axis}"])
        (x, part_x), (y, part_y) = (self.rules.split(m, axis, value.value, near=False) for axis, value in enumerate(point))
        places = (y - m.to(self.box.y, "i4")) * m.to(self.box.stride, "i4") + (x - m.to(self.box.x, "i4"))
        return places, [part_x, part_y]


def mark(m, place, fit):
    """Leave over what does not fit."""
    m.todo[place] = m.to(~fit, "u1")


def forward(m, rules, source, group, few):
    """Every ``threads``-th unit of the work; a unit is a tile of a block of channels of a sample."""
    memory = m.workspace(rules.dtype, window.capacity(group))
    points = (Bounded if few and source.affine else Placed)(m, rules, source)
    count, blocks, pixels = tiles(m, 2), blocks_of(m.channels), m.w_out * m.h_out
    source.start(m)
    for work in m.range(m.part, m.samples * blocks * count, m.threads):
        unit, number = work % (m.samples * blocks), work // (m.samples * blocks)
        sample, block = unit // blocks, unit % blocks
        tile, begin, end = tile_at(m, number, 2), block * BLOCK, m.smaller(m.channels, block * BLOCK + BLOCK)
        source.begin(m, sample, tile)
        box, finite = points.begin(tile)
        fit = finite & window.pays(m, box, tile, group)
        mark(m, unit * count + number, fit)
        for _ in m.when(fit):
            for channel in m.range(begin, end, group):
                present = m.smaller(end - channel, group)
                window.fill(m, group, sample * m.image_step + channel * m.channel_step, m.channel_step, present, box, memory)
                first = m.out.starting((sample * m.channels + channel) * pixels + first_pixel(m, tile))
                for q in m.range(0, tile.rows):
                    for k in m.range(0, tile.cols, LANES):
                        sampled = gather(m, rules, memory, box, group, *points.point(tile, q, k))
                        for c, vector in enumerate(sampled):
                            for _ in m.when(present > c):
                                m.write(first.starting(pixels * c + q * m.w_out), k, vector, tile.cols - k)


def gather(m, rules, memory, box, group, places, parts):
    """A vector of samples for each channel of a group."""
    weights = [rules.weights(m, part) for part in parts]
    results = [m.variable(m.full(0.0, rules.dtype)) for _ in range(group)]
    some = cells.vanishing(m, [*weights[0], *weights[1]])
    for careful in (True, False):
        for _ in m.when(some if careful else ~some):
            if group == 1:
                sampled = [window.blend(m, memory, box.stride, places, weights, careful)]
            else:
                sampled = window.blend_group(m, memory, box.stride, places, weights, group, careful)
            for result, vector in zip(results, sampled):
                result.value = vector
    return [result.value for result in results]


def reaches(m, box, top, bottom):
    """Whether a box of source rows has one from ``top`` to before ``bottom``."""
    found = m.variable(m.full(0, "i8", None))
    for r in m.range(0, box.height):
        row = m.to(m.table_y[box.y + r + m.origin_y], "i8")
        found.value = found.value + m.to((row >= top) & (row < bottom), "i8")
    return found.value > 0


def backward(m, rules, source, group):
    """Every ``threads``-th unit of the work; a unit is a band of source rows of a block of channels of a sample.

    A unit alone writes its rows of ``lower``: every tile that reaches them adds its sum, in the same order however many bands
    there are. The coordinates' gradients of a tile belong to one of the bands, and each tile has its own place among their sums.
    """
    memory, grads = m.workspace(rules.dtype, window.capacity(group)), [m.workspace(rules.dtype, SIDE * SIDE) for _ in "xy"]
    points = Placed(m, rules, source)
    count, blocks, pixels, area = tiles(m, 2), blocks_of(m.channels), m.w_out * m.h_out, m.w * m.h
    source.start(m)
    for number in m.range(0, count):
        tile = tile_at(m, number, 2)
        for work in m.range(m.part, m.samples * blocks * m.bands, m.threads):
            band, unit = work % m.bands, work // m.bands
            sample, block = unit // blocks, unit % blocks
            top, bottom = band * m.h // m.bands, (band + 1) * m.h // m.bands
            begin, end = block * BLOCK, m.smaller(m.channels, block * BLOCK + BLOCK)
            for _ in m.when((number == 0) & (m.want_data > 0) & (m.add_data == 0)):
                # By the owner, at once and in one sweep: a new array's pages then appear quickly, and on this thread.
                for channel in m.range(begin, end):
                    clear(m, m.lower, (sample * m.channels + channel) * area, top * m.w, bottom * m.w)
            source.begin(m, sample, tile)
            box, finite = points.begin(tile)
            mine = (m.want_values > 0) & (number % m.bands == band)
            touched = (m.want_data > 0) & reaches(m, box, top, bottom)
            fit = finite & window.pays(m, box, tile, group)
            mark(m, unit * count + number, fit)
            for _ in m.when(fit & (mine | touched)):
                for _ in m.when(mine):
                    for array in grads:
                        clear(m, array, 0, 0, tile.rows * SIDE)
                for channel in m.range(begin, end, group):
                    present = m.smaller(end - channel, group)
                    upper = m.upper.starting((sample * m.channels + channel) * pixels + first_pixel(m, tile))
                    for _ in m.when(mine):
                        plane = sample * m.image_step + channel * m.channel_step
                        window.fill(m, group, plane, m.channel_step, present, box, memory)
                        accumulate(m, rules, memory, box, group, present, tile, points, upper, grads)
                    for _ in m.when(touched):
                        clear(m, memory, 0, 0, box.height * box.stride * group)
                        scatter(m, rules, memory, box, group, present, tile, points, upper)
                        plane = (sample * m.channels + channel) * area
                        window.fold(m, group, m.lower, plane, area, present, box, memory, top, bottom)
                for _ in m.when(mine):
                    source.begin_sums(m, tile, number, unit)
                    for q in m.range(0, tile.rows):
                        for k in m.range(0, tile.cols, LANES):
                            held = [m.read(array, q * SIDE + k, tile.cols - k) for array in grads]
                            source.pull(m, tile, q, k, held)
                    source.finish(m)


def clear(m, array, start, first, last):
    """Zeros."""
    zeros = m.full(0, m.kind_of(array))
    for i in m.range(start + first, start + last, LANES):
        m.write(array, i, zeros, start + last - i)


def upstream(m, upper, group, present, tile, q, k):
    """The gradients of a vector of results in each channel; zero beyond the last column and for channels that are missing."""
    pixels, found = m.w_out * m.h_out, []
    for c in range(group):
        grad = m.variable(m.full(0.0, m.kind_of(upper)))
        for _ in m.when(present > c):
            grad.value = m.read(upper.starting(pixels * c + q * m.w_out), k, tile.cols - k)
        found.append(grad.value)
    return found


def accumulate(m, rules, memory, box, group, present, tile, points, upper, grads):
    """Add a group's share to the gradients with respect to a tile's coordinates."""
    for q in m.range(0, tile.rows):
        for k in m.range(0, tile.cols, LANES):
            places, parts = points.point(tile, q, k)
            weights, slopes = zip(*(rules.slopes(m, part) for part in parts))
            above = upstream(m, upper, group, present, tile, q, k)
            some = cells.vanishing(m, [number for numbers in (*weights, *slopes) for number in numbers])
            for careful in (True, False):
                for _ in m.when(some if careful else ~some):
                    if group == 1:
                        along = window.differentiate(m, memory, box.stride, places, weights, slopes, careful)
                        along = [x if x is None else np.where(above[0] != 0, above[0] * x, 0.0) for x in along]
                    else:
                        each = to_pixels(m, above)
                        along = window.differentiate_group(
                            m, memory, box.stride, places, weights, slopes, each, group, careful
                        )
                    for array, more in zip(grads, along):
                        if more is not None:
                            array.put(q * SIDE + k, array.vector(q * SIDE + k) + more)


def scatter(m, rules, memory, box, group, present, tile, points, upper):
    """The transpose of ``gather``: add a tile to a window."""
    for q in m.range(0, tile.rows):
        for k in m.range(0, tile.cols, LANES):
            places, parts = points.point(tile, q, k)
            weights = [rules.weights(m, part) for part in parts]
            above = upstream(m, upper, group, present, tile, q, k)
            some = cells.vanishing(m, [*weights[0], *weights[1]])
            for careful in (True, False):
                for _ in m.when(some if careful else ~some):
                    if group == 1:
                        window.spill(m, memory, box.stride, places, weights, above[0], careful)
                    else:
                        window.spill_group(m, memory, box.stride, places, weights, to_pixels(m, above), group, careful)
