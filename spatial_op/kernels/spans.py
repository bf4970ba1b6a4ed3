"""Spans: which columns of its window's rows the samples of a tile read, and not the others, where that is known beforehand.

Under an affine transform the points of a tile fill a parallelogram. A window is the box around it: where the tile is turned, up to
half of that is never read. So of each row only the part from the leftmost to the rightmost tap is copied, cleared and added.
"""

import numpy as np

from . import window
from .trace import LANES

# Corners may be rounded in another way than the points between them, by much less than so many pixels.
MARGIN = 2.0**-6

# Tiles of fewer pixels do not win the time that it takes to find spans.
LEAST = 1024

# An edge that rises by less is level.
LEVEL = 2.0**-20


def known(rules, source):
    """Whether spans can be found: of an affine transform, and of a sampler whose cells are pixels, which not all rows' are."""
    sampler, points = rules.sampler, np.arange(-128, 128) / 16
    away = points - [sampler.cell(x, sampler.shift) for x in points]
    return source.affine and bool(np.all((away >= -sampler.shift) & (away <= 1 - sampler.shift)))


class Spans:
    """First columns, and last ones plus one, of the rows of a window; kept in memory, with some for the last vector to end in."""

    def __init__(self, m, rules, group):
        self.m, self.rules = m, rules
        most = window.capacity(group) // group // LANES + LANES
        self.firsts, self.lasts = m.workspace("i4", most), m.workspace("i4", most)

    def of(self, r):
        """The span of a row: empty where nothing is read."""
        return self.m.to(self.firsts[r], "i8"), self.m.to(self.lasts[r], "i8")

    def begin(self, box, tile, corners, as_given):
        """Find those of a tile's box; whole rows if coordinates are not all ``as_given`` by the transform, but brought to a range.

        ``corners`` are those of the tile, one after another around it.
        """
        m = self.m
        for r in m.range(0, box.height, LANES):
            self.firsts.put(r, m.full(0, "i4"))
            self.lasts.put(r, m.full(m.to(box.width, "i4"), "i4"))
        for _ in m.when(as_given & (tile.rows * tile.cols >= LEAST)):
            edges = [edge_of(m, *ends) for ends in zip(corners, corners[1:] + corners[:1])]
            for r in m.range(0, box.height, LANES):
                row = m.counting("f8") + m.to(box.y + r, "f8")
                self.find(r, box, *self.across(row, edges))

    def across(self, row, edges):
        """The least and the largest x of points that have a tap in a row of pixels; of none, the first is larger."""
        m, sampler = self.m, self.rules.sampler
        after = row - (sampler.first + sampler.shift)
        low, high = after - (self.rules.reach - 1 + MARGIN), after + (1 + MARGIN)
        left, right = m.full(np.inf, "f8"), m.full(-np.inf, "f8")
        for (x, y), (other_x, other_y), slope in edges:
            met = (m.smaller(y, other_y) <= high) & (m.larger(y, other_y) >= low)
            for begin_x, begin_y in ((x, y), (other_x, other_y)):
                found = begin_x + (m.least(m.most(begin_y, low), high) - begin_y) * slope
                left, right = np.where(met, m.least(left, found), left), np.where(met, m.most(right, found), right)
        return left, right

    def find(self, r, box, left, right):
        """Keep the spans of a vector of rows, from the least and the largest x."""
        m, sampler, ends = self.m, self.rules.sampler, []
        for x, after in ((left - MARGIN, 0), (right + MARGIN, self.rules.reach)):
            near = m.least(m.most(x, -window.FAR), window.FAR)
            column = m.to(sampler.cell(near, sampler.shift), "i4") + m.to(sampler.first + after - box.x, "i4")
            ends.append(m.smaller(m.larger(column, 0), m.to(box.width, "i4")))
        self.firsts.put(r, ends[0])
        self.lasts.put(r, m.larger(*ends))


def edge_of(m, begin, end):
    """Both ends, and how much x changes along y; a level one is met as a whole, by 0 at either end."""
    rise = end[1] - begin[1]
    return begin, end, np.where(abs(rise) > LEVEL, (end[0] - begin[0]) / rise, 0.0)
