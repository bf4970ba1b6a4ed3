"""Taps in the image itself: where those of a vector of pixels are, how they are read, and what they add up to."""

import functools
import itertools

import numpy as np

from . import cells
from .blending import taps_of
from .cells import is_zero, mix
from .tiles import AXES, SIDE, overlapping
from .trace import LANES

# Where a tap is that is outside the image.
NOWHERE = -1


class Taps:
    """The taps of a vector of pixels: cells and distances on each axis, and where in the image they are."""

    def __init__(self, m, rules, cells, parts):
        self.m, self.rules, self.axes, self.cells, self.parts = m, rules, len(cells), cells, parts
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

    def spots(self):
        """The pixel of each tap on each axis."""
        return [self.along(axis) for axis in range(self.axes)]

    def looked_up(self, spots, top=None, bottom=None):
        """Places of all taps, by their numbers from x to the last axis, and a vector that is negative where they are nowhere.

        Only those count whose place on the last axis is in a range, if one is given.
        """
        m = self.m
        if top is not None:
            low, high = m.to(top, "i4"), m.to(bottom, "i4")
            spots = [*spots[:-1], [np.where((spot >= low) & (spot < high), spot, NOWHERE) for spot in spots[-1]]]
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


def each_taps(m, rules, source, tile, again=False):
    """Rows and columns of a tile's vectors of pixels, and their taps; if some pixels may be done again, most vectors are whole.

    Cells and distances are found a row ahead and kept, so that reading does not wait for them.
    """
    size = 2 * SIDE
    cells = [m.workspace("i4", size) for _ in range(tile.axes)]
    parts = [m.workspace(rules.dtype, size) for _ in range(tile.axes)]

    def columns():
        # A source that has samples take turns keeps what it finds by whole vectors.
        return overlapping(m, tile) if again and not source.in_turn else m.range(0, tile.cols, LANES)

    for ahead in m.range(0, tile.rows + 1):
        for _ in m.when(ahead < tile.rows):
            for k in columns():
                at = (ahead & 1) * SIDE + k
                for axis, given in enumerate(source.find(m, tile, ahead, k)):
                    cell, part = rules.split(m, axis, given)
                    cells[axis].put(at, cell)
                    parts[axis].put(at, part)
        q = ahead - 1
        for _ in m.when(q >= 0):
            for k in columns():
                at = (q & 1) * SIDE + k
                yield q, k, Taps(m, rules, [cell.vector(at) for cell in cells], [part.vector(at) for part in parts])


class Inside:
    """Reads consecutive pixels."""

    def __init__(self, m, taps):
        self.m, self.strides, self.reach = m, taps.strides(), taps.rules.reach
        self.places = m.workspace("i4", LANES)
        self.places.put(0, taps.first())

    def line(self, plane, numbers, nothing):
        """The pixels of one line of taps."""
        at = plane
        for number, stride in zip(numbers, self.strides[1:]):
            at = at.starting(stride * number)
        return read_line(self.m, at, self.places, self.reach)


def read_line(m, plane, places, reach):
    """``reach`` consecutive pixels from each of the places on that are kept in memory."""
    return taps_of(m, plane, [m.to(places[i], "i8") for i in range(LANES)], reach)


class Nearby:
    """Reads consecutive pixels, among which those of a line of taps are: so it is at borders of the image, and beyond."""

    def __init__(self, m, taps, spots):
        self.m, self.reach, self.along_x = m, taps.rules.reach, spots[0]
        last, pixels = taps.sizes[0] - self.reach, taps.sizes[0]
        for size in taps.sizes[1:]:
            pixels = pixels * size
        first = m.full(m.to(last, "i4"), "i4")
        for spot in spots[0]:
            first = np.where(spot < 0, first, m.smaller(first, spot))
        self.first = m.larger(first, 0)
        near = [spot - self.first < self.reach for spot in spots[0]]
        # The image must be wide enough, and small enough for 32 bits to count its pixels.
        self.fits = m.all(functools.reduce(lambda a, b: a & b, near)) & (last >= 0) & (pixels < 2**31)
        self.lines = {}
        for numbers in itertools.product(range(self.reach), repeat=taps.axes - 1):
            place, signs, memory = self.first, m.full(0, "i4"), m.workspace("i4", LANES)
            for axis, stride in enumerate(taps.strides()[1:], 1):
                spot = spots[axis][numbers[axis - 1]]
                place, signs = place + m.larger(spot, 0) * m.to(stride, "i4"), signs | spot
            memory.put(0, place)
            self.lines[numbers] = memory, signs

    def line(self, plane, numbers, nothing):
        """The pixels of one line of taps; ``nothing`` where they are nowhere."""
        m, (memory, signs) = self.m, self.lines[numbers]
        pixels = read_line(m, plane, memory, self.reach)
        taps = []
        for spot in self.along_x:
            tap, place = pixels[0], spot - self.first
            for number in range(1, self.reach):
                tap = np.where(place == number, pixels[number], tap)
            taps.append(np.where(signs | spot >= 0, tap, nothing))
        return taps


class LookedUp:
    """Looks up where each pixel is."""

    def __init__(self, m, taps, spots):
        self.m, self.reach, self.places = m, taps.rules.reach, taps.looked_up(spots)

    def line(self, plane, numbers, nothing):
        """The pixels of one line of taps, ``nothing`` where they are nowhere; there some pixel is read, which is quicker than to ask first."""
        m, taps = self.m, []
        memory, found = m.workspace("i8", LANES), m.workspace(m.kind_of(plane), LANES)
        for s in range(self.reach):
            place, signs = self.places[(s, *numbers)]
            memory.put(0, np.where(signs >= 0, place, 0))
            for i in m.range(0, LANES):
                found[i] = plane[memory[i]]
            taps.append(np.where(signs >= 0, found.vector(0), nothing))
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


def lines_of(reader, plane, nothing, axes):
    """The pixels of all lines of taps, by their numbers on y and, of volumes, z; ``nothing`` is what is where there is no pixel."""
    return {
        numbers: reader.line(plane, numbers, nothing)
        for numbers in itertools.product(range(reader.reach), repeat=axes - 1)
    }


def derivatives(lines, weights, slopes, careful):
    """Derivatives of a vector of samples along each axis; None where nothing depends on it."""
    return [product(lines, factors, careful) for factors in by_axis(weights, slopes)]


def by_axis(weights, slopes):
    """The factors whose products are the derivatives of the weights along each axis."""
    return [[*weights[:axis], slopes[axis], *weights[axis + 1 :]] for axis in range(len(weights))]


def turned(lines, weights, slopes, curves, moved, careful):
    """How the derivatives along each axis change when the coordinates are ``moved``; None where they do not."""
    axes, totals = range(len(moved)), [None] * len(moved)
    for one, other in itertools.combinations_with_replacement(axes, 2):
        orders = [(axis == one) + (axis == other) for axis in axes]
        factors = [(weights, slopes, curves)[order][axis] for axis, order in zip(axes, orders)]
        second = product(lines, factors, careful)
        if second is not None:
            for axis, along in {one: other, other: one}.items():
                totals[axis] = moved_by(totals[axis], moved[along], second)
    return totals


def moved_by(total, change, slope):
    """``total + change * slope``; where nothing changes the slope is not looked at. ``total`` is None at first."""
    if total is None:
        return np.where(change != 0, change * slope, 0.0)
    return np.where(change != 0, total + change * slope, total)
