"""Other orders of a convolution's arrays: what is multiplied or sampled together lies side by side.

Channels are cut into *blocks*, each of one group and one deformable group. A row of the ``table`` of blocks is (first channel,
channels, group, deformable group). Images are held block by block, pixel by pixel, the block's channels side by side, filled
up with zeros to the same ``width`` of all blocks. One more pixel follows each block of an image, for what must not be looked at.
"""

from typing import NamedTuple

import numpy as np

from .matrix import shape_of
from .trace import LANES
from .turn import to_channels, to_pixels

# Lanes that change places together.
LEAST = 4

# Of volumes; images have the last two, signals the last one.
AXES = "zyx"


class Form(NamedTuple):
    """What kernels depend on.

    These are the numbers' kind, a block's numbers for each pixel, the filters of a panel (0: backward), whether there are masks, and
    the axes of an image.
    """

    kind: str
    width: int
    wide: int
    modulated: bool
    axes: int

    @property
    def backward(self):
        """Whether gradients are computed."""
        return self.wide == 0

    @property
    def shape(self):
        """Of products whose rows are the filters of a panel or, backward, the channels of a block."""
        return shape_of(self.wide or self.width, np.dtype(self.kind).itemsize)

    @property
    def lanes(self):
        """Of a vector of channels."""
        return min(self.width, LANES)

    @property
    def pieces(self):
        """First channels of a block's vectors."""
        return range(0, self.width, self.lanes)

    @property
    def names(self):
        """Of the axes."""
        return AXES[-self.axes :]

    @property
    def corners(self):
        """Pixels around a point, of which the last axis changes first."""
        return 2**self.axes

    @property
    def planes(self):
        """Of the gradients at a point: z, y, x, as many as there are, and, if there is one, the mask."""
        return self.axes + self.modulated


class Block(NamedTuple):
    """A row of the table of blocks, traced."""

    first: object
    channels: object
    group: object
    deformable: object


def block_of(m, number):
    """A block by its number."""
    return Block(*[m.table[number * 4 + i] for i in range(4)])


def filter_of(m, block, filter):
    """Where a filter of a block's group begins to see the block's channels; weights are (filter, channel, tap)."""
    channel = block.first - block.group * (m.depth // m.taps)
    return (block.group * m.filters + filter) * m.depth + channel * m.taps


def scratch(kind, *names):
    """Parameters for arrays in the memory of a call: one allocation, for where each array begins and how far threads are apart."""
    return {"numbers": kind, **{f"{name}_{what}": "int" for name in names for what in ("at", "each")}}


def own(m, name):
    """Such an array, of which each thread has one of its own, or all the same one."""
    return m.numbers.starting(m.arguments[f"{name}_at"] + m.part * m.arguments[f"{name}_each"])


def shares(m, units):
    """The units that a thread does, which follow each other."""
    return m.range(units * m.part // m.threads, units * (m.part + 1) // m.threads)


def into(array, step):
    """For ``interleave``: places that are ``step`` numbers apart."""
    return lambda i, first, vector: array.put(i * step + first, vector)


def out_of(array, step, lanes):
    """The same for ``separate``."""
    return lambda i, first: array.vector(i * step + first, lanes)


def interleave(m, source, apart, present, count, width, put):
    """Lines of ``count`` numbers, ``apart`` from each other -> ``put(i, first, vector)`` of the i-th numbers of all lines.

    ``present`` lines are there; ``width`` numbers, from the ``first`` on, are put; those without a line are zero.
    """
    group = max(LEAST, min(width, LANES))
    for k in m.range(0, count, LANES):
        for first in range(0, width, group):
            lines = []
            for c in range(first, first + group):
                there = m.smaller(count - k, (present - c) * LANES)  # none of a line that is missing
                lines.append(m.read(source, apart * c + k, there))
            for i, vector in enumerate(to_pixels(m, lines)):
                for _ in m.when(k + i < count):
                    put(k + i, first, vector if width >= LEAST else m.shuffle(vector, vector, range(width)))


def separate(m, get, count, width, target, apart, present, add):
    """The inverse: ``get(i, first)`` is the vector of the i-th numbers of lines; these are added to what is there if ``add``."""
    group = max(LEAST, min(width, LANES))
    for k in m.range(0, count, LANES):
        for first in range(0, width, group):
            rows = [get(m.smaller(k + i, count - 1), first) for i in range(LANES)]
            if width < LEAST:
                rows = [m.shuffle(row, row, [c % width for c in range(LEAST)]) for row in rows]
            for c, line in enumerate(to_channels(m, rows)):
                for _ in m.when(present > first + c):
                    at, total = apart * (first + c) + k, m.variable(line)
                    for _ in m.when(add):
                        total.value = line + m.read(target, at, count - k)
                    m.write(target, at, total.value, count - k)
