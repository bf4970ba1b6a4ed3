"""Sampling of images by way of windows, a tile of the output at a time, and its transpose.

What does not pay for a window is left over: it is marked in ``todo``, for ``scattered`` to do.
"""

import numpy as np

from . import cells, window
from .tiles import BLOCK, SIDE, blocks_of, first_pixel, tile_at, tiles
from .trace import LANES
from .turn import ORDER, halves, to_pixels
from .window import box_of

# A pixel, in steps of 2^-32.
ONE = 2.0**32

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

    def begin(self, tile, group):
        """Find them; the box of pixels around them, and whether all coordinates are finite.

        If the box of the first row does not pay already, the others are not looked at.
        """
        m = self.m
        self.low = [m.variable(m.full(2**31 - 1, "i4")) for _ in range(2)]
        self.high = [m.variable(m.full(-(2**31), "i4")) for _ in range(2)]
        bad = m.variable(m.full(0.0, self.rules.dtype))
        for turn in m.range(0, 2):
            more = (turn > 0) & window.pays(m, self.around(), tile, group)
            for q in m.range(turn, np.where(more, tile.rows, 1)):
                for k in m.range(0, tile.cols, LANES):
                    bad.value = bad.value + self.place(tile, q, k)
        self.box = self.around()
        return self.box, m.reduce(lambda a, b: a + b, bad.value) == 0

    def place(self, tile, q, k):
        """Find and keep those of a vector; the sum is zero, or no number where a coordinate is none or infinite."""
        m, at, odd = self.m, q * SIDE + k, 0.0
        for axis, given in enumerate(self.source.find(m, tile, q, k)):
            cell, part = self.rules.split(m, axis, given)
            self.cells[axis].put(at, cell)
            self.parts[axis].put(at, part)
            low, high = self.low[axis], self.high[axis]
            low.value, high.value = m.smaller(low.value, cell), m.larger(high.value, cell)
            odd = part * 0.0 + odd
        return odd

    def around(self):
        """The box of what was placed so far."""
        m, ends = self.m, []
        for low, high in zip(self.low, self.high):
            ends += [m.to(m.reduce(m.smaller, low.value), "i8"), m.to(m.reduce(m.larger, high.value), "i8")]
        return box_of(ends[0], ends[1] + self.rules.reach, ends[2], ends[3] + self.rules.reach)

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
        # Weights that are continuous do not mind a little noise in coordinates.
        self.quick = rules.dtype == "f4" and rules.reach > 1

    def begin(self, tile, group):
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
                ends.append(
                    m.to(self.rules.sampler.cell(near, self.rules.sampler.shift), "i8") + self.rules.sampler.first
                )
        reach = self.rules.reach
        self.box, self.inner = box_of(ends[0] - 1, ends[1] + reach + 1, ends[2] - 1, ends[3] + reach + 1), inner
        return self.box, finite

    def point(self, tile, q, k):
        """Places in the window, and distances, of a vector of pixels."""
        m = self.m
        places = m.variable(m.full(0, "i4"))
        parts = [m.variable(m.full(0.0, self.rules.dtype)) for _ in range(2)]
        quick = self.inner & (tile.cols >= LANES) if self.quick else m.full(0, "i8", None) > 0
        for _ in m.when(quick):
            self.keep(places, parts, self.stepped(tile, q, k) if self.quick else self.found(tile, q, k))
        for _ in m.when(~quick):
            self.keep(places, parts, self.found(tile, q, k))
        return places.value, [part.value for part in parts]

    def keep(self, places, parts, points):
        """Put cells and distances together."""
        m, ((x, part_x), (y, part_y)) = self.m, points
        places.value = (y - m.to(self.box.y, "i4")) * m.to(self.box.stride, "i4") + (x - m.to(self.box.x, "i4"))
        parts[0].value, parts[1].value = part_x, part_y

    def found(self, tile, q, k):
        """Cells and distances by the formula, in float64."""
        m, points = self.m, []
        for axis, value in enumerate(self.source.find(m, tile, q, k)):
            near = m.least(m.most(value, m.arguments[f"low_{'xy'[axis]}"]), m.arguments[f"high_{'xy'[axis]}"])
            points.append(self.rules.split(m, axis, near, near=False))
        return points

    def stepped(self, tile, q, k):
        """The same for float32, in whole numbers: steps of 2^-32 pixels from the first column of the vector on."""
        m, points = self.m, []
        for (start, step), shift in zip(self.source.line(m, tile, q, k), (self.rules.sampler.shift,) * 2):
            first = m.to(np.rint((start + shift) * ONE), "i8")
            low, high = halves(m, m.to(np.rint(step * ONE), "i8") * m.in_order(ORDER, "i8") + first)
            part = m.to(m.unsigned_shift(low, 1), "f4") * 2.0**-31 - shift
            points.append((high + self.rules.sampler.first, part))
        return points


class Row:
    """Places and weights of one row of a tile, kept in memory: the loops that read them do not wait for their coming about.

    Numbers taken from memory one by one are also quicker than lanes taken out of vectors.
    """

    def __init__(self, m, rules, points, group, derivatives=False):
        self.m, self.rules, self.points, self.group, self.reach = m, rules, points, group, rules.reach
        self.places, self.marks = m.workspace("i4", SIDE), m.workspace("u1", SIDE)
        self.kept = {"weights": self.room()}
        if derivatives:
            self.kept["slopes"] = self.room()

    def room(self):
        """Memory for each tap along x and y."""
        return [[self.m.workspace(self.rules.dtype, SIDE) for _ in range(self.reach)] for _ in "xy"]

    def begin(self, box, tile, q, starts):
        """Find them for row ``q``; ``starts`` are the columns where vectors begin."""
        m = self.m
        for k in starts:
            places, parts = self.points.point(tile, q, k)
            self.places.put(k, places * self.group)
            found = {"weights": [], "slopes": []}
            for part in parts:
                weights, slopes = self.rules.slopes(m, part)
                found["weights"].append(weights)
                found["slopes"].append(slopes)
            self.zero = {}
            looked_at = []
            for name, memories in self.kept.items():
                for axis, memory in enumerate(memories):
                    for s, vector in enumerate(found[name][axis]):
                        self.zero[name, axis, s] = cells.is_zero(vector)
                        if not self.zero[name, axis, s]:
                            memory[s].put(k, vector)
                            looked_at.append(vector)
            self.marks[k] = m.to(cells.vanishing(m, looked_at), "u1")

    def careful(self, k):
        """Whether a vector of pixels has a weight that is zero."""
        return self.marks[k] != 0

    def spot(self, k, i):
        """Where one pixel of a vector begins in the window."""
        return self.m.to(self.places[k + i], "i8")

    def spots(self, k):
        """Where each pixel of a vector begins in the window."""
        places = self.places.starting(k)
        return [self.m.to(places[i], "i8") for i in range(LANES)]

    def numbers(self, name, k, i):
        """Weights or slopes of one pixel along x, and along y."""
        return [
            [0.0 if self.zero[name, axis, s] else memory.starting(k)[i] for s, memory in enumerate(memories)]
            for axis, memories in enumerate(self.kept[name])
        ]

    def vectors(self, name, k):
        """The same of a vector of pixels."""
        return [
            [0.0 if self.zero[name, axis, s] else memory.vector(k) for s, memory in enumerate(memories)]
            for axis, memories in enumerate(self.kept[name])
        ]


def mark(m, place, fit):
    """Leave over what does not fit."""
    m.todo[place] = m.to(~fit, "u1")


def forward(m, rules, source, group, few):
    """Every ``threads``-th unit of the work; a unit is a tile of a block of channels of a sample."""
    memory = m.workspace(rules.dtype, window.capacity(group))
    points = (Bounded if few and source.affine else Placed)(m, rules, source)
    row = Row(m, rules, points, group)
    count, blocks, pixels = tiles(m, 2), blocks_of(m.channels), m.w_out * m.h_out
    source.start(m)
    for work in m.range(m.part, m.samples * blocks * count, m.threads):
        unit, number = work % (m.samples * blocks), work // (m.samples * blocks)
        sample, block = unit // blocks, unit % blocks
        tile, begin, end = tile_at(m, number, 2), block * BLOCK, m.smaller(m.channels, block * BLOCK + BLOCK)
        source.begin(m, sample, tile)
        box, finite = points.begin(tile, group)
        fit = finite & window.pays(m, box, tile, group)
        mark(m, unit * count + number, fit)
        for _ in m.when(fit):
            for channel in m.range(begin, end, group):
                present = m.smaller(end - channel, group)
                window.fill(
                    m, group, sample * m.image_step + channel * m.channel_step, m.channel_step, present, box, memory
                )
                first = m.out.starting((sample * m.channels + channel) * pixels + first_pixel(m, tile))
                for q in m.range(0, tile.rows):
                    row.begin(box, tile, q, overlapping(m, tile))
                    for k in overlapping(m, tile):
                        sampled = gather(m, rules, memory, box, group, row, k)
                        for c, vector in enumerate(sampled):
                            for _ in m.when(present > c):
                                m.write(first.starting(pixels * c + q * m.w_out), k, vector, tile.cols - k)


def overlapping(m, tile):
    """Columns where vectors begin; the last one overlaps the one before, so that it is whole if the tile is wide enough."""
    last = m.larger(tile.cols - LANES, 0)
    for k in m.range(0, tile.cols, LANES):
        yield m.smaller(k, last)


def gather(m, rules, memory, box, group, row, k):
    """A vector of samples for each channel of a group."""
    results, some = [m.variable(m.full(0.0, rules.dtype)) for _ in range(group)], row.careful(k)
    for careful in (True, False):
        for _ in m.when(some if careful else ~some):
            if group == 1:
                sampled = [window.blend(m, memory, box.stride, row, k, careful)]
            else:
                sampled = window.blend_group(m, memory, box.stride, row, k, group, careful)
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
    seen, spilled = (m.workspace(rules.dtype, window.capacity(group)) for _ in range(2))
    grads = [m.workspace(rules.dtype, SIDE * SIDE) for _ in "xy"]
    points = Placed(m, rules, source)
    row = Row(m, rules, points, group, derivatives=True)
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
            box, finite = points.begin(tile, group)
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
                        window.fill(m, group, plane, m.channel_step, present, box, seen)
                    for _ in m.when(touched):
                        clear(m, spilled, 0, 0, box.height * box.stride * group)
                    for q in m.range(0, tile.rows):
                        row.begin(box, tile, q, m.range(0, tile.cols, LANES))
                        for k in m.range(0, tile.cols, LANES):
                            above = upstream(m, upper, group, present, tile, q, k)
                            some = row.careful(k)
                            for careful in (True, False):
                                for _ in m.when(some if careful else ~some):
                                    each = above if group == 1 else to_pixels(m, above)
                                    for _ in m.when(mine):
                                        accumulate(m, seen, box, group, row, q, k, each, grads, careful)
                                    for _ in m.when(touched):
                                        scatter(m, spilled, box, group, row, k, each, careful)
                    for _ in m.when(touched):
                        plane = (sample * m.channels + channel) * area
                        window.fold(m, group, m.lower, plane, area, present, box, spilled, top, bottom)
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


def accumulate(m, seen, box, group, row, q, k, above, grads, careful):
    """Add a group's share to the gradients with respect to the coordinates of a vector of pixels."""
    if group == 1:
        along = window.differentiate(m, seen, box.stride, row, k, careful)
        along = [slope if slope is None else np.where(above[0] != 0, above[0] * slope, 0.0) for slope in along]
    else:
        along = window.differentiate_group(m, seen, box.stride, row, k, above, group, careful)
    for array, more in zip(grads, along):
        if more is not None:
            array.put(q * SIDE + k, array.vector(q * SIDE + k) + more)


def scatter(m, spilled, box, group, row, k, above, careful):
    """The transpose of ``gather``: add a vector of pixels to a window."""
    if group == 1:
        window.spill(m, spilled, box.stride, row, k, above[0], careful)
    else:
        window.spill_group(m, spilled, box.stride, row, k, above, group, careful)
