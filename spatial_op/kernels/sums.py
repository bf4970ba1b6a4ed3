"""Coordinates by a formula and a sum of functions of the destination alone, such as a spline's bumps."""

from operator import add

from .sources import CHANGES, ByTransform, as_kind
from .tiles import pitch
from .trace import LANES


class BySum(ByTransform):
    """The same, and a sum of functions of the destination alone, such as a spline's bumps around its ``centres``.

    The coefficients of x and y, side by side, follow the parameters of the formulas. The functions do not depend on the sample; so they are
    computed once for a tile and kept for the samples that follow, if there is room for them, which is ``kept_size`` numbers.
    """

    in_turn = True

    def __init__(self, formula, axes, dtype, moving):
        super().__init__(formula, axes, dtype, moving)
        self.basis = formula.basis
        self.parameters |= {"functions": "int", "centres": "f8", "kept": "f8", "kept_size": "int"}
        self.pulling |= {"lanes": "f8"}

    def start(self, m):
        """No tile's functions are kept."""
        self.memory, self.laid = m.kept.starting(m.part * m.kept_size), m.variable(m.full(-1, "i8", None))

    def begin(self, m, sample, tile):
        """Read the plan, and compute a tile's functions if they are not there yet."""
        super().begin(m, sample, tile)
        number = tile.row * m.w_out + tile.col
        for _ in m.when((m.kept_size > 0) & (self.laid.value != number)):
            self.laid.value = number
            for q in m.range(0, tile.rows):
                for k in m.range(0, tile.cols, LANES):
                    place = self.place(m, tile, q, k)
                    for i in m.range(0, m.functions):
                        self.memory.put(self.kept(m, q, k, i), self.function(m, i, *place))

    def kept(self, m, q, k, i):
        """Where the i-th function of a vector of pixels is kept."""
        return ((q * (pitch(m) // LANES) + k // LANES) * m.functions + i) * LANES

    def function(self, m, i, u, v):
        """The i-th function of a vector of pixels."""
        across, down = (2.0 / step for step in self.sizes.steps)
        value = self.basis(u * across - m.centres[i], v * down - m.centres[i + m.functions])
        return m.full(value, "f8")

    def each(self, m, tile, q, k):
        """All functions of a vector of pixels, one after another: number and value."""
        place = self.place(m, tile, q, k)
        for _ in m.when(m.kept_size > 0):
            for i in m.range(0, m.functions):
                yield i, self.memory.vector(self.kept(m, q, k, i))
        for _ in m.when(m.kept_size <= 0):
            for i in m.range(0, m.functions):
                yield i, self.function(m, i, *place)

    def summed(self, m, tile, q, k, point, numbers):
        """A point plus the sum, with the coefficients in an array from an index on."""
        x, y = (m.variable(m.full(0.0, "f8")) for _ in point)
        for i, value in self.each(m, tile, q, k):
            at = i * 2 + self.count
            x.value = x.value + value * m.to(numbers[at], "f8")
            y.value = y.value + value * m.to(numbers[at + 1], "f8")
        return [given + part.value * (span * 0.5) for given, part, span in zip(point, (x, y), self.sizes.span)]

    def located(self, m, tile, q, k):
        """The formula and the sum."""
        return self.summed(m, tile, q, k, super().located(m, tile, q, k), m.numbers.starting(self.at))

    def begin_sums(self, m, tile, number, unit):
        """Sums for the plan and for the coefficients."""
        super().begin_sums(m, tile, number, unit)
        self.totals = m.lanes.starting(m.part * m.functions * (2 * LANES))
        for i in m.range(0, m.functions * 2):
            self.totals.put(i * LANES, m.full(0.0, "f8"))

    def pull(self, m, tile, q, k, grads):
        """Add up for the plan and for the coefficients."""
        super().pull(m, tile, q, k, grads)
        wide = [self.written(as_kind(m, grad, "f8")) for grad in grads]
        for i, value in self.each(m, tile, q, k):
            for axis, grad in enumerate(wide):
                at = (i * 2 + axis) * LANES
                self.totals.put(at, self.totals.vector(at) + value * grad)

    def finish(self, m):
        """The tile's sums."""
        super().finish(m)
        for i in m.range(0, m.functions):
            for axis, span in enumerate(self.sizes.span):
                total = m.reduce(add, self.totals.vector((i * 2 + axis) * LANES))
                m.sums[self.place_of_sums + self.count + i * 2 + axis] = total * (span * 0.5)

    def push(self, m, tile, q, k):
        """The derivative of formula and sum."""
        return self.summed(m, tile, q, k, super().push(m, tile, q, k), m.changes.starting(self.at_change))

    def push_twice(self, m, tile, q, k):
        """The derivatives of formula and sum, which is linear in its coefficients."""
        *each, both = super().push_twice(m, tile, q, k)
        changes = (m.arguments[name].starting(self.at_change) for name in CHANGES)
        return *(self.summed(m, tile, q, k, *pair) for pair in zip(each, changes)), both
