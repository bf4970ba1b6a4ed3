"""Where the pixels of a tile are sampled in its window: places and distances, and the weights that follow from these."""

import numpy as np

from . import cells, spans, window
from .cells import is_known
from .tiles import SIDE, pitch
from .trace import LANES
from .window import FAR, Box, box_of

# Coordinates of one vector are told apart by steps of 2^-24 pixels, which float32 can hold as parts of a pixel. Whole numbers
# of 32 bits then reach so many pixels from the first column.
BITS = 24
REACH = 2 ** (31 - BITS) - 1

# Of a row of a tile.
VECTORS = SIDE // LANES


def in_window(m, box, x, y):
    """Where pixels are in the window of a box."""
    first = box.y * box.stride + box.x
    return y * m.to(box.stride, "i4") + (x - m.to(first, "i4"))


def spans_of(m, rules, source, group):
    """Spans of the tiles' windows, if they can be known."""
    return spans.Spans(m, rules, group) if spans.known(rules, source) else None


def with_spans(points, tile, group, finite, as_given):
    """The box of a tile with its spans, found if it is filled."""
    if not points.spans:
        return points.box
    for _ in points.m.when(finite & window.pays(points.m, points.box, tile, group)):
        points.spans.begin(points.box, tile, points.source.corners(points.m, tile), as_given)
    return points.box._replace(spans=points.spans)


class Placed:
    """A tile's first taps and distances, kept in memory."""

    def __init__(self, m, rules, source, group):
        self.m, self.rules, self.source, self.spans = m, rules, source, spans_of(m, rules, source, group)
        self.whole = window.Whole(m, rules, group) if window.Whole.possible(source, group) else None
        self.cells = [m.workspace("i4", SIDE * SIDE) for _ in range(2)]
        self.parts = [m.workspace(rules.dtype, SIDE * SIDE) for _ in range(2)]

    def begin(self, tile, group, last):
        """Find them; the box of pixels around them, or that of the whole image, and whether all coordinates are finite.

        If the box of the first row does not pay already, the others are not looked at.
        """
        m = self.m
        self.low = [m.variable(m.full(2**31 - 1, "i4")) for _ in range(2)]
        self.high = [m.variable(m.full(-(2**31), "i4")) for _ in range(2)]
        bad = m.variable(m.full(0.0, self.rules.dtype))
        for turn in m.range(0, 2):
            pays = window.pays(m, self.around(), tile, group)
            more = (turn > 0) & (pays | self.whole.pays if self.whole else pays)
            for q in m.range(turn, np.where(more, tile.rows, 1)):
                for k in m.range(0, tile.cols, LANES):
                    bad.value = bad.value + self.place(tile, q, k)
        self.box = self.around()
        finite = m.reduce(lambda a, b: a + b, bad.value) == 0
        if self.spans:
            as_given = finite
            for axis, (begin, end) in zip("xy", self.source.ends(m, tile)):
                low, high = (m.arguments[f"{name}_{axis}"] for name in ("low", "high"))
                as_given = as_given & (begin >= low) & (end <= high)
            self.box = with_spans(self, tile, group, finite, as_given)
        if self.whole:
            self.in_whole = self.whole.pays & ~window.pays(m, self.box, tile, group)
            self.box = Box(*(np.where(self.in_whole, a, b) for a, b in zip(self.whole.box[:-1], self.box)))
        return self.box, finite

    def place(self, tile, q, k):
        """Find and keep those of a vector; the sum is zero, or no number where a coordinate is none or infinite."""
        m, at, odd = self.m, q * pitch(self.m) + k, 0.0
        for axis, (given, none) in enumerate(self.source.find(m, tile, q, k)):
            cell, part = self.rules.split(m, axis, given, none)
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
        m, at = self.m, q * pitch(self.m) + k
        x, y = (cell.vector(at) for cell in self.cells)
        return in_window(m, self.box, x, y), [part.vector(at) for part in self.parts]


class Bounded:
    """The same of an affine transform, whose tiles' boxes are known beforehand: found when they are needed, kept nowhere."""

    def __init__(self, m, rules, source, group):
        self.m, self.rules, self.source, self.spans = m, rules, source, spans_of(m, rules, source, group)
        self.whole = None
        # Weights that are continuous do not mind a little noise in coordinates.
        self.continuous = rules.dtype == "f4" and rules.reach > 1
        if self.continuous:
            self.wholes, self.rests = (
                [m.workspace("i4", SIDE * SIDE // LANES * VECTORS) for _ in "xy"] for _ in range(2)
            )

    def begin(self, tile, group, last):
        """The box, a pixel wider than need be since vectors may be rounded in another way than corners.

        If coordinates can be found in steps, and it is worth filling then, it has all pixels that samples mean, however far
        outside the image. Otherwise coordinates are brought to the range that the padding's table covers first.
        """
        m, sampler, reach = self.m, self.rules.sampler, self.rules.reach
        given, held, stepped, finite, as_given = [], [], m.samples > 0, m.samples > 0, m.samples > 0
        for axis, (begin, end) in zip("xy", self.source.ends(m, tile)):
            low, high, period = (m.arguments[f"{name}_{axis}"] for name in ("low", "high", "period"))
            inner = (begin >= low) & (end <= high)
            near = (begin >= -FAR) & (end <= FAR)
            finite, as_given = finite & (inner | near & (period <= 0)), as_given & inner
            for place, edge in enumerate((begin, end)):
                margin = reach + 1 if place else -1
                for ends, least, most in ((given, -FAR, FAR), (held, low, high)):
                    cell = sampler.cell(m.least(m.most(edge, least), most), sampler.shift)
                    ends.append(m.to(cell, "i8") + (sampler.first + margin))
        self.box = box_of(*held)
        if self.continuous:
            wide = box_of(*given)
            self.steps = [step for _, step in self.source.line(m, tile, 0, 0)]
            for step in self.steps:
                stepped = stepped & (abs(step) * LANES < REACH)
            self.in_steps = stepped & finite & window.affordable(m, wide, tile, group)
            self.box = Box(*(np.where(self.in_steps, a, b) for a, b in zip(wide[:-1], self.box)))
            as_given = as_given | self.in_steps
            for _ in m.when(self.in_steps):
                self.begin_steps(tile, last)
        self.box = with_spans(self, tile, group, finite, as_given)
        return self.box, finite

    def point(self, tile, q, k):
        """Places in the window, and distances, of a vector of pixels."""
        m = self.m
        if not self.continuous:
            return self.together(self.found(tile, q, k))
        places = m.variable(m.full(0, "i4"))
        parts = [m.variable(m.full(0.0, self.rules.dtype)) for _ in range(2)]
        for find in (self.stepped, self.found):
            for _ in m.when(self.in_steps if find == self.stepped else ~self.in_steps):
                places.value, (parts[0].value, parts[1].value) = self.together(find(tile, q, k))
        return places.value, [part.value for part in parts]

    def together(self, points):
        """Places and distances of cells and distances."""
        (x, part_x), (y, part_y) = points
        return in_window(self.m, self.box, x, y), (part_x, part_y)

    def found(self, tile, q, k):
        """Cells and distances by the formula, in float64."""
        m, points = self.m, []
        for axis, (value, none) in enumerate(self.source.find(m, tile, q, k)):
            near = m.least(m.most(value, m.arguments[f"low_{'xy'[axis]}"]), m.arguments[f"high_{'xy'[axis]}"])
            points.append(self.rules.split(m, axis, near, none, near=False))
        return points

    def begin_steps(self, tile, last):
        """Find, for float32, the coordinates at which vectors begin, of which none does beyond column ``last``: whole pixels, and parts of one."""
        m, sampler = self.m, self.rules.sampler
        columns = m.smaller(m.counting("i8", VECTORS) * LANES, last)
        for q in m.range(0, tile.rows):
            for axis, (start, _) in enumerate(self.source.line(m, tile, q, columns)):
                first = m.to(np.rint((start + sampler.shift) * 2.0**BITS), "i8")
                self.wholes[axis].put(q * VECTORS, m.to(first >> BITS, "i4") + sampler.first)
                self.rests[axis].put(q * VECTORS, m.to(first & (2**BITS - 1), "i4"))

    def stepped(self, tile, q, k):
        """Cells and distances for float32, in whole numbers, of steps from the first column of the vector on."""
        m, points, number = self.m, [], q * VECTORS + (k + (LANES - 1)) // LANES
        present = m.counting("i4") < m.to(tile.cols - k, "i4")
        for step, wholes, rests in zip(self.steps, self.wholes, self.rests):
            moved = np.where(present, m.to(np.rint(m.counting("f8") * (step * 2.0**BITS)), "i4"), 0) + rests[number]
            part = m.to(moved & (2**BITS - 1), "f4") * 2.0**-BITS - self.rules.sampler.shift
            points.append(((moved >> BITS) + wholes[number], part))
        return points


class Row:
    """Places and weights of one row of a tile, kept in memory: the loops that read them do not wait for their coming about.

    Numbers taken from memory one by one are also quicker than lanes taken out of vectors. There is room for two rows, so
    that one can come about while the other is read: what is ``k`` below is a column plus the ``half`` that it lies in.
    """

    def __init__(self, m, rules, points, group, derivatives=False):
        self.m, self.rules, self.points, self.group, self.reach = m, rules, points, group, rules.reach
        self.places, self.marks = m.workspace("i4", 2 * SIDE), m.workspace("u1", 2 * SIDE)
        self.kept, self.known = {"weights": self.room()}, {}
        if derivatives:
            self.kept["slopes"] = self.room()

    def room(self):
        """Memory for each tap along x and y."""
        return [[self.m.workspace(self.rules.dtype, 2 * SIDE) for _ in range(self.reach)] for _ in "xy"]

    def half(self, q):
        """Where a row lies."""
        return (q & 1) * SIDE

    def begin(self, tile, q, last):
        """Find them for row ``q``, whose vectors begin at column ``last`` or before."""
        m = self.m
        for first in m.range(0, tile.cols, LANES):
            column = m.smaller(first, last)
            places, parts = self.points.point(tile, q, column)
            k = self.half(q) + column
            self.places.put(k, places * self.group)
            found = {"weights": [], "slopes": []}
            for part in parts:
                weights, slopes = self.rules.slopes(m, part)
                found["weights"].append(weights)
                found["slopes"].append(slopes)
            looked_at = []
            for name, memories in self.kept.items():
                for axis, memory in enumerate(memories):
                    for s, number in enumerate(found[name][axis]):
                        if is_known(number):
                            self.known[name, axis, s] = number
                        else:
                            memory[s].put(k, number)
                            looked_at.append(number)
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
        return self.each(name, lambda memory: memory.starting(k)[i])

    def vectors(self, name, k):
        """The same of a vector of pixels."""
        return self.each(name, lambda memory: memory.vector(k))

    def each(self, name, read):
        """Those that are known while the kernel is traced, and those that are read."""
        return [
            [
                self.known[name, axis, s] if (name, axis, s) in self.known else read(memory)
                for s, memory in enumerate(memories)
            ]
            for axis, memories in enumerate(self.kept[name])
        ]
