"""Integers in memory that kernels take for floating point numbers: read as those, and written rounded and within their range."""

import numpy as np

from .trace import KINDS, LANES

# The kind that holds all integers of a kind, and how the machines' integers, which have no sign or have one, become these.
WIDER = {
    "u1": ("i4", lambda number: number & 0xFF),
    "i1": ("i4", lambda number: number << 24 >> 24),
    "u2": ("i4", lambda number: number & 0xFFFF),
    "i2": ("i4", lambda number: number),
    "u4": ("i8", lambda number: number & 0xFFFFFFFF),
    "i4": ("i8", lambda number: number),
}


def computed(m, array, kind, dtype):
    """An array whose numbers are of a kind, as numbers that are computed with."""
    return array if kind == dtype else Stored(m, array, kind, dtype)


class Stored:
    """An array of integers of a kind ``stored``, in the eyes of kernels one of numbers of the floating point kind ``dtype``."""

    def __init__(self, m, array, stored, dtype):
        self.m, self.array, self.stored, self.number = m, array, stored, dtype
        self.kind, self.dtype = KINDS[dtype], np.dtype(dtype)

    def floats(self, integers):
        """Integers from memory as numbers."""
        kind, signed = WIDER[self.stored]
        return self.m.to(signed(self.m.to(integers, kind)), self.number)

    def integers(self, floats):
        """The nearest integers, of two the even one; the last one of the range beyond it; 0 of no number."""
        m, limits = self.m, np.iinfo(self.stored)
        if limits.min:
            floats = np.where(floats == floats, floats, 0.0)
        near = m.least(m.most(floats, float(limits.min)), float(limits.max))
        return m.to(m.to(np.rint(near), WIDER[self.stored][0]), self.stored)

    def __getitem__(self, index):
        return self.floats(self.array[index])

    def vector(self, index, count=LANES):
        """So many numbers from an index on."""
        return self.floats(self.array.vector(index, count))

    def some(self, index, count, length=LANES):
        """``vector`` of only ``count`` numbers, followed by zeros."""
        return self.floats(self.array.some(index, count, length))

    def put(self, index, value):
        """Write a vector."""
        self.array.put(index, self.integers(value))

    def put_some(self, index, value, count):
        """``put`` of only the first ``count`` lanes."""
        self.array.put_some(index, self.integers(value), count)

    def prefetch(self, index, to_write=False):
        """Ask for the cache line of an element."""
        self.array.prefetch(index, to_write)

    def starting(self, index):
        """The same numbers, counted from an index on."""
        return Stored(self.m, self.array.starting(index), self.stored, self.number)
