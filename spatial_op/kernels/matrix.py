"""Products of small matrices that stay in registers."""

import functools
from typing import NamedTuple

from llvmlite import binding

from .trace import LANES

# What a processor can do -> bytes of its vector registers, and how many there are; the first that holds counts.
REGISTERS = {"avx512f": (64, 32), "avx": (32, 16), "neon": (16, 32)}
FEWEST = (16, 16)

# More rows would need more addresses than there are registers for those.
MOST_ROWS = 8


@functools.cache
def registers():
    """Bytes of a vector register, and how many there are."""
    features = binding.get_host_cpu_features()
    return next((found for name, found in REGISTERS.items() if features.get(name)), FEWEST)


class Shape(NamedTuple):
    """Rows of the part of a product that stays in registers, and the numbers of a row."""

    rows: int
    width: int

    @property
    def pieces(self):
        """First number and lanes of each of a row's vectors."""
        lanes = min(self.width, LANES)
        return [(first, lanes) for first in range(0, self.width, lanes)]


def widest(itemsize):
    """Numbers to a row, at most: two vectors, which halve the elements to be read, where a vector is a register."""
    return 2 * LANES if LANES * itemsize <= registers()[0] else LANES


def shape_of(width, itemsize):
    """The shape of a product whose rows are so wide.

    Every step multiplies an element of each row with a row of vectors, so there must be registers left for one more row and
    for the element. The rows are a power of two: it divides ``LANES`` and most numbers of filters.
    """
    size, count = registers()
    row = max(1, width * itemsize // size)
    rows = max(1, min(MOST_ROWS, (count - 1) // row - 1))
    return Shape(1 << rows.bit_length() - 1, width)


def multiply(m, shape, a, row, step, b, depth, c, line, add):
    """Write the product of some rows with a matrix, or add it where ``add`` says so.

    Element k of row i is ``a[i * row + k * step]`` for k < ``depth``; the rows of ``b`` follow each other; those of ``c`` are
    ``line`` apart.
    """
    places = [(i, first, lanes) for i in range(shape.rows) for first, lanes in shape.pieces]
    sums = [m.variable(m.full(0.0, m.kind_of(c), lanes)) for _, _, lanes in places]
    for _ in m.when(add):
        for total, (i, first, lanes) in zip(sums, places):
            total.value = c.vector(line * i + first, lanes)
    for k in m.range(0, depth):
        across = {first: b.vector(k * shape.width + first, lanes) for first, lanes in shape.pieces}
        down = a.starting(k * step)
        elements = [down[row * i] for i in range(shape.rows)]
        for total, (i, first, _) in zip(sums, places):
            total.value = total.value + across[first] * elements[i]
    for total, (i, first, _) in zip(sums, places):
        c.put(line * i + first, total.value)


def totals(m, vectors):
    """A vector of the sums of the lanes of two, four or eight vectors."""
    count = m.count_of(vectors[0])
    if count < 4:
        zeros = m.full(0.0, m.kind_of(vectors[0]), count)
        vectors = [m.shuffle(v, zeros, [min(i, count) for i in range(4)]) for v in vectors]
    while m.count_of(vectors[0]) > 4:
        half = m.count_of(vectors[0]) // 2
        vectors = [m.shuffle(v, v, range(half)) + m.shuffle(v, v, range(half, 2 * half)) for v in vectors]
    # And now two at a time: a0 + a2, b0 + b2, a1 + a3, b1 + b3.
    twos = [m.shuffle(p, q, (0, 4, 1, 5)) + m.shuffle(p, q, (2, 6, 3, 7)) for p, q in zip(vectors[::2], vectors[1::2])]
    if len(twos) == 1:
        return m.shuffle(*twos, *twos, (0, 1)) + m.shuffle(*twos, *twos, (2, 3))
    pairs = zip(twos[::2], twos[1::2])
    return m.join([m.shuffle(x, y, (0, 1, 4, 5)) + m.shuffle(x, y, (2, 3, 6, 7)) for x, y in pairs])
