"""Sampling in place, of images and volumes alike: no window is filled, pixels are read where they are.

Vectors whose taps are all inside the image read consecutive pixels; the others look up where each of their taps is. A vector's
places and weights are found once and serve all channels of a block.
"""

import itertools

import numpy as np

from . import cells
from .cells import is_zero, mix
from .planes import clear
from .tiles import AXES, BLOCK, area, blocks_of, first_pixel, tile_at, tiles
from .trace import LANES
from .window import taps_of

# Where a tap is that is outside the image.
NOWHERE = -1


def parameters(rules, source, axes):
    """What the kernels are given, but for what they write; ``todo`` marks the units that are to be done."""
    return {
        "samples": "int", "channels": "int", **{name: "int" for name in "whd"[:axes]}, "image_step": "int",
        "channel_step": "int", "pixels": rules.dtype, **cells.output(axes), **cells.parameters(axes), **source.parameters, "todo": "u1",
    }  # fmt: skip


class Taps:
    """The taps of a vector of pixels: cells and distances, and where in the image they are."""

    def __init__(self, m, rules, given):
        self.m, self.rules, self.axes = m, rules, len(given)
        placed = [rules.split(m, axis, value) for axis, value in enumerate(given)]
        self.cells, self.parts = [cell for cell, _ in placed], [part for _, part in placed]
        self.sizes = [m.arguments[name] for name in "whd"[: self.axes]]
        # The sum of parts that are numbers is 0.
        self.odd = sum((part * 0.0 for part in self.parts[1:]), self.parts[0] * 0.0)

    def strides(self):
        """Pixels from one to the next along each axis."""
        return [1, self.sizes[0], self.sizes[0] * self.sizes[1]][: self.axes]

    def inside(self):
        """Whether all taps of all lanes are in the image, and the image is small enough for 32 bits to count its pixels."""
        signs, pixels = None, 1
        for cell, size in zip(self.cells, self.sizes):
            either = cell | (self.m.to(size - self.rules.reach, "i4") - cell)
            signs, pixels = either if signs is None else signs | either, pixels * size
        return self.m.all(signs >= 0) & (pixels < 2**31)

    def first(self):
        """Places of the first taps, if all are inside."""
        place = self.cells[0]
        for cell, stride in zip(self.cells[1:], self.strides()[1:]):
            place = place + cell * self.m.to(stride, "i4")
        return place

    def along(self, axis):
        """The pixel of each tap on an axis; negative where there is none, and for coordinates that are no numbers."""
        m, name, last = self.m, AXES[axis], self.m.to(self.sizes[axis] - 1, "i4")
        spots = [m.variable(self.cells[axis]) for _ in range(self.rules.reach)]
        rule, table = m.arguments[f"rule_{name}"], m.arguments[f"table_{name}"]
        for _ in m.when(rule == cells.TABLE):
            for s, spot in enumerate(spots):
                spot.value = pick(m, table, m.to(self.cells[axis], "i8") + (m.arguments[f"origin_{name}"] + s))
        for _ in m.when(rule != cells.TABLE):
            for s, spot in enumerate(spots):
                place = self.cells[axis] + s
                near = m.larger(m.smaller(place, last), 0)
                spot.value = np.where(near == place, near, np.where(rule == cells.REPEATED, near, NOWHERE))
        return [np.where(self.odd == 0, spot.value, NOWHERE) for spot in spots]

    def looked_up(self, top=None, bottom=None):
        """Places of all taps, by their numbers from x to the last axis, and a vector that is negative where they are nowhere.

        Only those count whose place on the last axis is in a range, if one is given.
        """
        m, spots = self.m, [self.along(axis) for axis in range(self.axes)]
        if top is not None:
            low, high = m.to(top, "i4"), m.to(bottom, "i4")
            spots[-1] = [np.where((spot >= low) & (spot < high), spot, NOWHERE) for spot in spots[-1]]
        found = {}
        for numbers in itertools.product(range(self.rules.reach), repeat=self.axes):
            place, signs = None, None
            for axis, stride in enumerate(self.strides()):
                spot = spots[axis][numbers[axis]]
                more = m.to(spot, "i8") * stride if axis else m.to(spot, "i8")
                place, signs = (more, spot) if place is None else (place + more, signs | spot)
            found[numbers] = place, signs
        return found


def pick(m, array, places):
    """The numbers at the places of a vector, one by one, by way of memory: quicker than to take lanes out."""
    memory = m.workspace(m.kind_of(places), LANES)
    memory.put(0, places)
    return m.build([array[m.to(memory[i], "i8")] for i in range(LANES)])


class Inside:
    """Reads consecutive pixels."""

    def __init__(self, m, taps):
        self.m, self.strides, self.reach = m, taps.strides(), taps.rules.reach
        memory = m.workspace("i4", LANES)
        memory.put(0, taps.first())
        self.lanes = [m.to(memory[i], "i8") for i in range(LANES)]

    def line(self, plane, numbers):
        """The pixels of one line of taps."""
        at = plane
        for number, stride in zip(numbers, self.strides[1:]):
            at = at.starting(stride * number)
        return taps_of(self.m, at, self.lanes, self.reach)


class LookedUp:
    """Looks up where each pixel is; zero where it is nowhere."""

    def __init__(self, m, taps):
        self.m, self.reach, self.places = m, taps.rules.reach, taps.looked_up()

    def line(self, plane, numbers):
        """The pixels of one line of taps; where a tap is nowhere some pixel is read, which is quicker than to ask first."""
        taps = []
        for s in range(self.reach):
            place, signs = self.places[(s, *numbers)]
            pixels = pick(self.m, plane, np.where(signs >= 0, place, 0))
            taps.append(np.where(signs >= 0, pixels, 0.0))
        return taps


def summed(lines, factors, careful, numbers=()):
    """For each tap on x, the sum over those on the other axes, whose factors are given, outermost axis first."""
    axis = len(factors) - len(numbers)
    if axis == 0:
        return lines[numbers]
    totals = [None] * len(lines[(0,) * len(factors)])
    for r, factor in enumerate(factors[axis - 1]):
        if not is_zero(factor):
            for s, tap in enumerate(summed(lines, factors, careful, (r, *numbers))):
                totals[s] = totals[s] if tap is None else mix(totals[s], factor, tap, careful)
    return totals


def product(lines, factors, careful):
    """The sum over all taps; None if all factors of an axis are zero."""
    total = None
    for factor, column in zip(factors[0], summed(lines, factors[1:], careful)):
        total = total if column is None else mix(total, factor, column, careful)
    return total


def lines_of(reader, plane, axes):
    """The pixels of all lines of taps, by their numbers on y and, of volumes, z."""
    return {numbers: reader.line(plane, numbers) for numbers in itertools.product(range(reader.reach), repeat=axes - 1)}


def derivatives(lines, weights, slopes, careful):
    """Derivatives of a vector of samples along each axis; None where nothing depends on it."""
    factors = [[*weights[:axis], slopes[axis], *weights[axis + 1 :]] for axis in range(len(weights))]
    return [product(lines, of_axis, careful) for of_axis in factors]


def units(m, axes):
    """The work: numbers of unit and tile, sample, block of channels, tile, first and last channel of those that are to be done.

    A unit is a block of channels of a sample.
    """
    count, blocks = tiles(m, axes), blocks_of(m.channels)
    for work in m.range(m.part, m.samples * blocks * count, m.threads):
        unit, number = work % (m.samples * blocks), work // (m.samples * blocks)
        for _ in m.when(m.todo[unit * count + number] != 0):
            block = unit % blocks
            begin = block * BLOCK
            yield unit // blocks, tile_at(m, number, axes), begin, m.smaller(m.channels, begin + BLOCK)


def vectors(m, tile):
    """Rows and columns of a tile's vectors of pixels."""
    for q in m.range(0, tile.rows):
        for k in m.range(0, tile.cols, LANES):
            yield q, k


def each_reader(m, taps, numbers):
    """Both ways to read, each in its branch: reader, and whether zero weights have to be looked out for."""
    quick = taps.inside() & ~cells.vanishing(m, numbers)
    for _ in m.when(quick):
        yield Inside(m, taps), False
    for _ in m.when(~quick):
        yield LookedUp(m, taps), True


def forward(m, rules, source, axes):
    """Every ``threads``-th unit of the work."""
    source.start(m)
    pixels = area(m, axes)
    for sample, tile, begin, end in units(m, axes):
        source.begin(m, sample, tile)
        for q, k in vectors(m, tile):
            taps = Taps(m, rules, source.find(m, tile, q, k))
            weights = [rules.weights(m, part) for part in taps.parts]
            first = m.out.starting(sample * m.channels * pixels + first_pixel(m, tile) + q * m.w_out + k)
            for reader, careful in each_reader(m, taps, [number for along in weights for number in along]):
                for channel in m.range(begin, end):
                    plane = m.pixels.starting(sample * m.image_step + channel * m.channel_step)
                    sampled = product(lines_of(reader, plane, axes), weights, careful)
                    m.write(first.starting(channel * pixels), 0, sampled, tile.cols - k)


def push(m, rules, source, axes):
    """Add to ``out`` how the samples change along a change of what the source was given; units as ``forward``."""
    source.start(m)
    pixels = area(m, axes)
    for sample, tile, begin, end in units(m, axes):
        source.begin(m, sample, tile)
        for q, k in vectors(m, tile):
            taps = Taps(m, rules, source.find(m, tile, q, k))
            moved = [m.to(change, rules.dtype) for change in source.push(m, tile, q, k)]
            moved = [np.where(taps.odd == 0, change, np.nan) for change in moved]
            weights, slopes = zip(*(rules.slopes(m, part) for part in taps.parts))
            first = m.out.starting(sample * m.channels * pixels + first_pixel(m, tile) + q * m.w_out + k)
            numbers = [number for along in (*weights, *slopes) for number in along]
            for reader, careful in each_reader(m, taps, numbers):
                for channel in m.range(begin, end):
                    plane = m.pixels.starting(sample * m.image_step + channel * m.channel_step)
                    along = derivatives(lines_of(reader, plane, axes), weights, slopes, careful)
                    total = m.read(first.starting(channel * pixels), 0, tile.cols - k)
                    for change, slope in zip(moved, along):
                        if slope is not None:
                            total = np.where(change != 0, total + change * slope, total)
                    m.write(first.starting(channel * pixels), 0, total, tile.cols - k)


def backward(m, rules, source, axes):
    """Every ``threads``-th unit of the work, and among these bands of lines of the image; of volumes, of slices.

    As of ``planes.backward``, the owner of a band adds to it, in one order however many bands there are.
    """
    count, blocks, pixels, plane_size = tiles(m, axes), blocks_of(m.channels), area(m, axes), 1
    sizes = [m.arguments[name] for name in "whd"[:axes]]
    for size in sizes:
        plane_size = plane_size * size
    line = plane_size // sizes[-1]
    source.start(m)
    for number in m.range(0, count):
        tile = tile_at(m, number, axes)
        for work in m.range(m.part, m.samples * blocks * m.bands, m.threads):
            band, unit = work % m.bands, work // m.bands
            sample, block = unit // blocks, unit % blocks
            top, bottom = band * sizes[-1] // m.bands, (band + 1) * sizes[-1] // m.bands
            begin = block * BLOCK
            end = m.smaller(m.channels, begin + BLOCK)
            for _ in m.when((number == 0) & (m.want_data > 0) & (m.add_data == 0)):
                for channel in m.range(begin, end):
                    clear(m, m.lower, (sample * m.channels + channel) * plane_size, top * line, bottom * line)
            mine = (m.want_values > 0) & (number % m.bands == band)
            for _ in m.when((m.todo[unit * count + number] != 0) & (mine | (m.want_data > 0))):
                source.begin(m, sample, tile)
                source.begin_sums(m, tile, number, unit)
                for q, k in vectors(m, tile):
                    taps = Taps(m, rules, source.find(m, tile, q, k))
                    weights, slopes = zip(*(rules.slopes(m, part) for part in taps.parts))
                    first = m.upper.starting(sample * m.channels * pixels + first_pixel(m, tile) + q * m.w_out + k)
                    for _ in m.when(mine):
                        grads = accumulated(m, taps, weights, slopes, first, sample, begin, end, tile.cols - k)
                        source.pull(m, tile, q, k, grads)
                    for _ in m.when(m.want_data > 0):
                        lower = m.lower.starting(sample * m.channels * plane_size)
                        spill(m, taps, weights, first, lower, plane_size, begin, end, tile.cols - k, top, bottom)
                for _ in m.when(mine):
                    source.finish(m)


def accumulated(m, taps, weights, slopes, first, sample, begin, end, count):
    """Gradients with respect to the coordinates of a vector of pixels: sums over a block of channels."""
    pixels, dtype = area(m, taps.axes), taps.rules.dtype
    grads = [m.variable(m.full(0.0, dtype)) for _ in weights]
    numbers = [number for along in (*weights, *slopes) for number in along]
    for reader, careful in each_reader(m, taps, numbers):
        for channel in m.range(begin, end):
            plane = m.pixels.starting(sample * m.image_step + channel * m.channel_step)
            above = m.read(first.starting(channel * pixels), 0, count)
            for grad, slope in zip(grads, derivatives(lines_of(reader, plane, taps.axes), weights, slopes, careful)):
                if slope is not None:
                    grad.value = np.where(above != 0, grad.value + above * slope, grad.value)
    # Where any coordinate is no number, the gradients of all are none; but those beyond the last column are zero.
    odd = (taps.odd != 0) & (m.counting("i8") < count)
    return [np.where(odd, np.nan, grad.value) for grad in grads]


def spill(m, taps, weights, first, lower, plane_size, begin, end, count, top, bottom):
    """Add a vector of gradients of each channel to the pixels that were read, tap by tap and lane by lane, since lanes may share a pixel."""
    pixels, dtype = area(m, taps.axes), taps.rules.dtype
    places = taps.looked_up(top, bottom)
    spots, shares = m.workspace("i8", LANES * len(places)), m.workspace(dtype, LANES)
    factors = m.workspace(dtype, LANES * len(places))
    for number, (numbers, (place, signs)) in enumerate(places.items()):
        factor = weights[-1][numbers[-1]]
        for axis in range(taps.axes - 2, -1, -1):
            factor = np.where(
                (factor != 0) & (weights[axis][numbers[axis]] != 0), factor * weights[axis][numbers[axis]], 0.0
            )
        held = (signs >= 0) & (factor != 0) & (m.counting("i8") < count)
        spots.put(number * LANES, np.where(held, place, NOWHERE))
        factors.put(number * LANES, factor)
    for channel in m.range(begin, end):
        above = m.read(first.starting(channel * pixels), 0, count)
        target = lower.starting(channel * plane_size)
        for number in m.range(0, len(places)):
            shares.put(0, factors.vector(number * LANES) * above)
            for i in m.range(0, LANES):
                place = spots[number * LANES + i]
                for _ in m.when(place >= 0):
                    target[place] = target[place] + shares[i]
