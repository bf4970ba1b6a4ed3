"""Taps in the image itself: where those of a vector of pixels are, how they are read, and what they add up to."""

import itertools

import numpy as np

from . import cells
from .blending import taps_of
from .cells import is_zero, mix
from .tiles import AXES
from .trace import LANES

# Where a tap is that is outside the image.
NOWHERE = -1


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
