"""Where the pixels of a tile are sampled in its window: places and distances, and the weights that follow from these."""

import numpy as np

from . import cells, window
from .tiles import SIDE
from .trace import LANES
from .window import box_of

# Coordinates of one vector are told apart by steps of 2^-24 pixels, which float32 can hold as parts of a pixel. Whole numbers
# of 32 bits then reach so many pixels from the first column.
BITS = 24
REACH = 2 ** (31 - BITS) - 1

# A coordinate further out is not worth a window. It still fits the integers.
FAR = 2.0**30


def in_window(m, box, x, y):
    """Where pixels are in the window of a box."""
    return (y - m.to(box.y, "i4")) * m.to(box.stride, "i4") + (x - m.to(box.x, "i4"))


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
        return in_window(m, self.box, x, y), [part.vector(at) for part in self.parts]


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
        if not self.quick:
            return self.together(self.found(tile, q, k))
        places = m.variable(m.full(0, "i4"))
        parts = [m.variable(m.full(0.0, self.rules.dtype)) for _ in range(2)]
        steps = [abs(step) * LANES < REACH for _, step in self.source.line(m, tile, q, k)]
        quick = (self.inner | (m.period_x <= 0) & (m.period_y <= 0)) & steps[0] & steps[1]
        for find in (self.stepped, self.found):
            for _ in m.when(quick if find == self.stepped else ~quick):
                places.value, (parts[0].value, parts[1].value) = self.together(find(tile, q, k))
        return places.value, [part.value for part in parts]

    def together(self, points):
        """Places and distances of cells and distances."""
        (x, part_x), (y, part_y) = points
        return in_window(self.m, self.box, x, y), (part_x, part_y)

    def found(self, tile, q, k):
        """Cells and distances by the formula, in float64."""
        m, points = self.m, []
        for axis, value in enumerate(self.source.find(m, tile, q, k)):
            near = m.least(m.most(value, m.arguments[f"low_{'xy'[axis]}"]), m.arguments[f"high_{'xy'[axis]}"])
            points.append(self.rules.split(m, axis, near, near=False))
        return points

    def stepped(self, tile, q, k):
        """The same for float32, in whole numbers, of steps from the first column of the vector on.

        Only cells are brought to the table's range. Where that changes them, a coordinate would be a whole pixel; where
        there is nothing its weights do not matter.
        """
        m, points, sampler = self.m, [], self.rules.sampler
        order = m.least(m.counting("f8"), m.to(tile.cols - 1, "f8"))
        for axis, (start, step) in zip("xy", self.source.line(m, tile, q, k)):
            first = m.to(np.rint((start + sampler.shift) * 2.0**BITS), "i8")
            begin, rest = m.to(first >> BITS, "i4"), m.to(first & (2**BITS - 1), "i4")
            moved = m.to(np.rint(order * (step * 2.0**BITS)), "i4") + rest
            cell = moved >> BITS
            ends = [sampler.cell(m.arguments[f"{end}_{axis}"], sampler.shift) for end in ("low", "high")]
            near = m.smaller(m.larger(cell, m.to(ends[0], "i4") - begin), m.to(ends[1], "i4") - begin)
            part = m.to(moved & (2**BITS - 1), "f4") * 2.0**-BITS - sampler.shift
            held = (near == cell) | (m.arguments[f"rule_{axis}"] == cells.NOTHING)
            points.append((near + (begin + sampler.first), np.where(held, part, 0.0)))
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

    def begin(self, tile, q, starts):
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
