"""Taps in the image itself: where those of a vector of pixels are, and their factors."""

import itertools
import operator

import numpy as np

from . import cells
from .tiles import AXES, columns_of, overlapping
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

    @property
    def sliced(self):
        """Whether slices are taken in a loop: written out, the taps of a volume are too much code where an axis has more than two."""
        return self.axes == 3 and self.rules.reach > 2

    def slices(self, spots):
        """The number of each slice of taps, and the spots of its taps."""
        kept = kept_vectors(self.m, spots[-1], "i4")
        for r in self.m.range(0, self.rules.reach):
            yield r, [*spots[:-1], [kept.vector(r * LANES)]]

    def strides(self):
        """Pixels from one to the next along each axis."""
        return [1, *itertools.accumulate(self.sizes[:-1], operator.mul)]

    def inside(self):
        """Whether all taps of all lanes are in the image, and the image is small enough for 32 bits to count its pixels."""
        signs, pixels = None, 1
        for cell, size in zip(self.cells, self.sizes):
            either = cell | (self.m.to(size - self.rules.reach, "i4") - cell)
            signs, pixels = either if signs is None else signs | either, pixels * size
        return self.m.all(signs >= 0) & (pixels < 2**31)

    def starting(self, plane, numbers):
        """A plane from a line of taps on, if all are inside: that of these numbers on the axes other than x."""
        for number, stride in zip(numbers, self.strides()[1:]):
            plane = plane.starting(stride * number)
        return plane

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
        for numbers in itertools.product(*(range(len(along)) for along in spots)):
            place, signs = None, None
            for axis, stride in enumerate(self.strides()):
                spot = spots[axis][numbers[axis]]
                more = m.to(spot, "i8") * stride if axis else m.to(spot, "i8")
                place, signs = (more, spot) if place is None else (place + more, signs | spot)
            found[numbers] = place, signs
        return found


def kept_vectors(m, vectors, kind):
    """Memory that holds vectors one after another."""
    memory = m.workspace(kind, LANES * len(vectors))
    for number, vector in enumerate(vectors):
        memory.put(number * LANES, m.full(vector, kind))
    return memory


def pick(m, array, places):
    """The numbers at the places of a vector, one by one, by way of memory: quicker than to take lanes out."""
    memory = m.workspace(m.kind_of(places), LANES)
    memory.put(0, places)
    return m.build([array[m.to(memory[i], "i8")] for i in range(LANES)])


def each_taps(m, rules, source, tile, again=False):
    """Rows and columns of a tile's vectors of pixels, and their taps; if some pixels may be done again, most vectors are whole.

    Cells and distances are found a row ahead and kept, so that reading does not wait for them.
    """
    wide = columns_of(tile.axes)
    size = 2 * wide
    cells = [m.workspace("i4", size) for _ in range(tile.axes)]
    parts = [m.workspace(rules.dtype, size) for _ in range(tile.axes)]

    def columns():
        # A source that has samples take turns keeps what it finds by whole vectors.
        return overlapping(m, tile) if again and not source.in_turn else m.range(0, tile.cols, LANES)

    for ahead in m.range(0, tile.rows + 1):
        for _ in m.when(ahead < tile.rows):
            for k in columns():
                at = (ahead & 1) * wide + k
                for axis, (given, odd) in enumerate(source.find(m, tile, ahead, k)):
                    cell, part = rules.split(m, axis, given, odd)
                    cells[axis].put(at, cell)
                    parts[axis].put(at, part)
        q = ahead - 1
        for _ in m.when(q >= 0):
            for k in columns():
                at = (q & 1) * wide + k
                yield q, k, Taps(m, rules, [cell.vector(at) for cell in cells], [part.vector(at) for part in parts])


def by_axis(weights, slopes):
    """The factors whose products are the derivatives of the weights along each axis."""
    return [[*weights[:axis], slopes[axis], *weights[axis + 1 :]] for axis in range(len(weights))]


def by_pair(*jets):
    """The factors of the second derivatives, by pairs of axes; ``jets`` are weights, slopes and curvatures."""
    axes, found = range(len(jets[0])), {}
    for one, other in itertools.combinations_with_replacement(axes, 2):
        orders = [(axis == one) + (axis == other) for axis in axes]
        found[one, other] = [jets[order][axis] for axis, order in zip(axes, orders)]
    return found


def turned(seconds, moved):
    """How the derivatives along each axis change when the coordinates are ``moved``, from second ones; None where they do not."""
    totals = [None] * len(moved)
    for (one, other), second in seconds.items():
        if second is not None:
            for axis, along in {one: other, other: one}.items():
                totals[axis] = moved_by(totals[axis], moved[along], second)
    return totals


def moved_by(total, change, slope):
    """``total + change * slope``; where nothing changes the slope is not looked at. ``total`` is None at first."""
    if total is None:
        return np.where(change != 0, change * slope, 0.0)
    return np.where(change != 0, total + change * slope, total)
