"""How taps in the image itself are read, and what they add up to.

A reader gives the pixels of ``lines`` of taps along x, of all of them by their numbers on the other axes; or, of volumes, ``slices``:
in a loop the number of each slice of taps, and its lines. ``nothing`` is what is where there is no pixel.
"""

import functools
import itertools

import numpy as np

from .blending import taps_of
from .cells import is_zero, mix
from .in_place import kept_vectors
from .trace import LANES


class Inside:
    """Reads consecutive pixels."""

    def __init__(self, m, taps):
        self.m, self.taps, self.reach = m, taps, taps.rules.reach
        self.places = m.workspace("i4", LANES)
        self.places.put(0, taps.first())

    def lines(self, plane, nothing):
        """All."""
        return {
            numbers: self.line(plane, numbers)
            for numbers in itertools.product(range(self.reach), repeat=self.taps.axes - 1)
        }

    def slices(self, plane, nothing):
        """The same of each slice."""
        for r in self.m.range(0, self.reach):
            yield r, {(y,): self.line(plane, (y, r)) for y in range(self.reach)}

    def line(self, plane, numbers):
        """The pixels of one line of taps."""
        return read_line(self.m, self.taps.starting(plane, numbers), self.places, self.reach)


def read_line(m, plane, places, reach):
    """``reach`` consecutive pixels from each of the places on that are kept in memory."""
    return taps_of(m, plane, [m.to(places[i], "i8") for i in range(LANES)], reach)


class Found:
    """Reads lines whose places are found from the spots of their taps."""

    def __init__(self, m, taps, spots):
        self.m, self.taps, self.spots, self.reach = m, taps, spots, taps.rules.reach
        self.places = None if taps.sliced else self.found(spots)

    def lines(self, plane, nothing):
        """All."""
        return {numbers: self.line(plane, place, nothing) for numbers, place in self.places.items()}

    def slices(self, plane, nothing):
        """The same of each slice."""
        for r, spots in self.taps.slices(self.spots):
            yield r, {numbers[:-1]: self.line(plane, place, nothing) for numbers, place in self.found(spots).items()}


class Nearby(Found):
    """Reads consecutive pixels, among which those of a line of taps are: so it is at borders of the image, and beyond."""

    def __init__(self, m, taps, spots):
        reach, self.along_x = taps.rules.reach, spots[0]
        last, pixels = taps.sizes[0] - reach, taps.sizes[0]
        for size in taps.sizes[1:]:
            pixels = pixels * size
        first = m.full(m.to(last, "i4"), "i4")
        for spot in spots[0]:
            first = np.where(spot < 0, first, m.smaller(first, spot))
        self.first = m.larger(first, 0)
        near = [spot - self.first < reach for spot in spots[0]]
        # The image must be wide enough, and small enough for 32 bits to count its pixels.
        self.fits = m.all(functools.reduce(lambda a, b: a & b, near)) & (last >= 0) & (pixels < 2**31)
        super().__init__(m, taps, spots)

    def found(self, spots):
        """Where each line's pixels begin, and a vector that is negative where they are nowhere."""
        m, found = self.m, {}
        for numbers in itertools.product(*(range(len(along)) for along in spots[1:])):
            place, signs, memory = self.first, m.full(0, "i4"), m.workspace("i4", LANES)
            for axis, stride in enumerate(self.taps.strides()[1:], 1):
                spot = spots[axis][numbers[axis - 1]]
                place, signs = place + m.larger(spot, 0) * m.to(stride, "i4"), signs | spot
            memory.put(0, place)
            found[numbers] = memory, signs
        return found

    def line(self, plane, place, nothing):
        """The pixels of one line of taps; ``nothing`` where they are nowhere."""
        m, (memory, signs) = self.m, place
        pixels = read_line(m, plane, memory, self.reach)
        taps = []
        for spot in self.along_x:
            tap, place = pixels[0], spot - self.first
            for number in range(1, self.reach):
                tap = np.where(place == number, pixels[number], tap)
            taps.append(np.where(signs | spot >= 0, tap, nothing))
        return taps


class LookedUp(Found):
    """Looks up where each pixel is."""

    def found(self, spots):
        """Where the pixels of each line are, and vectors that are negative where they are nowhere."""
        found = {}
        for (_, *numbers), place in self.taps.looked_up(spots).items():
            found.setdefault(tuple(numbers), []).append(place)
        return found

    def line(self, plane, places, nothing):
        """The pixels of one line of taps, ``nothing`` where they are nowhere; there some pixel is read, which is quicker than to ask first."""
        m, taps = self.m, []
        memory, found = m.workspace("i8", LANES), m.workspace(m.kind_of(plane), LANES)
        for place, signs in places:
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


def products(reader, plane, nothing, several, careful):
    """The sums over all taps for several factors of each axis; None where all those of an axis are zero."""
    if not reader.taps.sliced:
        lines = reader.lines(plane, nothing)
        return [product(lines, factors, careful) for factors in several]
    m, dtype, totals = reader.m, reader.taps.rules.dtype, []
    for factors in several:
        known = any(all(map(is_zero, of_axis)) for of_axis in factors)
        totals.append(None if known else (m.variable(m.full(-0.0, dtype)), kept_vectors(m, factors[-1], dtype)))
    for r, lines in reader.slices(plane, nothing):
        for found, factors in zip(totals, several):
            if found is not None:
                total, outer = found
                inner = product(lines, factors[:-1], careful)
                total.value = mix(total.value, outer.vector(r * LANES), inner, careful)
    return [found if found is None else found[0].value for found in totals]
