"""Coordinates by a formula and a sum of terms, one of each control point, that have parameters of their own."""

from operator import add

from .dual import marked, plain
from .sources import ByTransform, change_of, changes_of
from .trace import LANES


class ByTerms(ByTransform):
    """The same, and a sum of terms: the parameters of each follow those of the formulas."""

    def __init__(self, formula, axes, dtype, moving):
        super().__init__(formula, axes, dtype, moving)
        self.term, self.size = formula.term, formula.term_size
        self.parameters |= {"terms": "int"}
        self.pulling |= {"lanes": "f8"}

    def own(self, m, i):
        """The parameters of the i-th term."""
        return [self.number(m, i * self.size + (self.count + j)) for j in range(self.size)]

    def summed(self, m, tile, q, k, pick):
        """The sum of what ``pick`` takes of the formula's point, and of each term."""
        place = self.place(m, tile, q, k)
        sums = [m.variable(m.full(number, "f8")) for number in pick(self.locate(self.plan, *place))]
        for i in m.range(0, m.terms):
            for total, number in zip(sums, pick(self.term(self.plan, self.own(m, i), *place))):
                total.value = total.value + number
        return [total.value for total in sums]

    def located(self, m, tile, q, k):
        """The formula and the sum."""
        return self.summed(m, tile, q, k, lambda point: [plain(x) for x in point])

    def push(self, m, tile, q, k):
        """The derivative of formula and sum."""
        return self.summed(m, tile, q, k, lambda point: [change_of(x) for x in point])

    def push_twice(self, m, tile, q, k):
        """The derivatives along either change and along both."""
        found = self.summed(m, tile, q, k, lambda point: sum(changes_of(point), []))
        return [found[i : i + tile.axes] for i in range(0, len(found), tile.axes)]

    def begin_sums(self, m, tile, number, unit):
        """Sums for the plan and for the terms."""
        super().begin_sums(m, tile, number, unit)
        self.totals = m.lanes.starting(m.part * m.count * LANES)
        for i in m.range(0, m.terms * self.size):
            self.totals.put(i * LANES, m.full(0.0, "f8"))

    def pull(self, m, tile, q, k, grads):
        """Add up for the plan and for the terms."""
        super().pull(m, tile, q, k, grads)
        place, first = self.place(m, tile, q, k), len(self.plan)
        for i in m.range(0, m.terms):
            point = self.term(marked(self.plan), marked(self.own(m, i), first), *place)
            for name, share in self.shares(m, point, grads):
                if name < first:
                    self.collect(name, share)
                else:
                    at = (i * self.size + (name - first)) * LANES
                    self.totals.put(at, self.totals.vector(at) + self.written(share))

    def finish(self, m):
        """The tile's sums."""
        super().finish(m)
        for i in m.range(0, m.terms * self.size):
            m.sums[self.place_of_sums + self.count + i] = m.reduce(add, self.totals.vector(i * LANES))
