"""Rows of lanes <-> columns of lanes: how channels come to lie side by side, and apart again.

``LANES`` pixels of several channels that lie side by side are *packed* where it does not matter which of them share a vector: the
first of as many vectors as there are channels has pixel 0, pixel ``group`` and so on. This is what ``turn`` makes of channels.

All is shuffles of two vectors that processors have instructions for: first within each four lanes, then of whole fours.
"""

from .trace import LANES


def shuffle_fours(m, a, b, order):
    """The same choice of lanes, 0 to 3 of ``a`` and 4 to 7 of ``b``, within each four."""
    return m.shuffle(
        a, b, [lane % 4 + first + (LANES if lane >= 4 else 0) for first in range(0, LANES, 4) for lane in order]
    )


def exchange(m, a, b, width):
    """Within each pair of blocks of lanes, the second block of ``a`` against the first of ``b``."""
    first, second = [], []
    for block in range(0, LANES, 2 * width):
        first += [*range(block, block + width), *range(LANES + block, LANES + block + width)]
        second += [*range(block + width, block + 2 * width), *range(LANES + block + width, LANES + block + 2 * width)]
    return m.shuffle(a, b, first), m.shuffle(a, b, second)


def turn(m, vectors):
    """So many vectors, of ``LANES`` lanes: lane j of vector i <-> lane i of vector j, within each block of as many lanes."""
    turned = []
    for first in range(0, len(vectors), 4):
        a, b, c, d = vectors[first : first + 4]
        low, high = shuffle_fours(m, a, b, (0, 4, 1, 5)), shuffle_fours(m, a, b, (2, 6, 3, 7))
        more, most = shuffle_fours(m, c, d, (0, 4, 1, 5)), shuffle_fours(m, c, d, (2, 6, 3, 7))
        for left, right in ((low, more), (high, most)):
            turned += [shuffle_fours(m, left, right, (0, 1, 4, 5)), shuffle_fours(m, left, right, (2, 3, 6, 7))]
    for i in range(4):
        turned[i::4] = transposed(m, turned[i::4], 4)
    return turned


def transposed(m, vectors, width):
    """Block j of vector i <-> block i of vector j, of blocks of so many lanes, within each of as many blocks."""
    found, step = list(vectors), 1
    while step < len(vectors):
        for i in range(len(vectors)):
            if not i & step:
                found[i], found[i + step] = exchange(m, found[i], found[i + step], width * step)
        step *= 2
    return found


def packed_pixels(group):
    """The pixels of each packed vector."""
    return [range(first, LANES, group) for first in range(group)]


def in_memory(m, packed):
    """Packed vectors -> vectors of pixels that follow each other."""
    group = len(packed)
    found, blocks = [None] * group, LANES // group
    for first in range(0, group, blocks):
        found[first // blocks :: group // blocks] = transposed(m, packed[first : first + blocks], group)
    return found


def from_memory(m, vectors):
    """The inverse."""
    group = len(vectors)
    found, blocks = [], LANES // group
    for first in range(group // blocks):
        found += transposed(m, vectors[first :: group // blocks], group)
    return found


def to_pixels(m, channels):
    """A vector of pixels for each channel -> a vector of channels for each of ``LANES`` pixels."""
    group, packed = len(channels), turn(m, channels)
    if group == LANES:
        return packed
    return [
        m.shuffle(packed[i % group], packed[i % group], range(i - i % group, i - i % group + group))
        for i in range(LANES)
    ]


def to_channels(m, pixels):
    """The inverse of ``to_pixels``."""
    return turn(m, packed_of(m, pixels))


def packed_of(m, pixels):
    """A vector for each pixel -> packed vectors."""
    group = m.count_of(pixels[0])
    return [m.join(pixels[i::group]) for i in range(group)]


def columns(m, parts):
    """``LANES`` numbers, or vectors of 2, 4 or 8, -> their first lanes, their second lanes, ..."""
    count = m.count_of(parts[0])
    if count is None:
        return [m.build(parts)]
    if count >= 4:
        return to_channels(m, parts)
    first, second = [], []
    for block in range(0, LANES, 8):  # in an order in which a shuffle within fours is enough
        a, b = (m.join([parts[block + i] for i in order]) for order in ((0, 1, 4, 5), (2, 3, 6, 7)))
        first.append(m.shuffle(a, b, (0, 2, 8, 10, 4, 6, 12, 14)))
        second.append(m.shuffle(a, b, (1, 3, 9, 11, 5, 7, 13, 15)))
    return [m.join(first), m.join(second)]
