"""Sampling from a window, a vector of pixels at a time: samples, their derivatives, and the transpose."""

import numpy as np

from .cells import is_known, is_zero, mix
from .trace import LANES, separate
from .turn import columns, in_memory, packed_of, packed_pixels, transposed, turn

# Neighbours add to the same numbers, which takes until the sum before is there. So pixels take turns that are a quarter of a
# vector apart.
QUARTER = LANES // 4


def apart_of(number):
    """Whose turn it is."""
    return number % 4 * QUARTER + number // 4


# One vector of pixels, of one channel.


def taps_of(m, line, spots, reach):
    """``reach`` neighbours of each pixel, as that many vectors."""
    taps, first = [], 0
    while first < reach:
        count = 4 if reach - first >= 4 else 2 if reach - first >= 2 else 1
        from_here = line.starting(first)
        taps += columns(m, [from_here.vector(spot, count) if count > 1 else from_here[spot] for spot in spots])
        first += count
    return taps


def lines_of(window, stride, group, count):
    """The window from the first, second, ... line of taps on."""
    return [window.starting(stride * (r * group)) for r in range(count)]


def blend(m, window, stride, row, k, careful):
    """A vector of samples."""
    along_x, along_y = row.vectors("weights", k)
    spots, sums = row.spots(k), [None] * len(along_x)
    for line, weight in zip(lines_of(window, stride, 1, len(along_y)), along_y):
        for s, tap in enumerate(taps_of(m, line, spots, len(along_x))):
            sums[s] = mix(sums[s], weight, tap, careful)
    total = None
    for weight, column in zip(along_x, sums):
        total = mix(total, weight, column, careful)
    return total


def differentiate(m, window, stride, row, k, careful):
    """Derivatives of a vector of samples with respect to x and y; None where there is none."""
    (along_x, along_y), (rise_x, rise_y) = row.vectors("weights", k), row.vectors("slopes", k)
    spots, sums, rises = row.spots(k), [None] * len(along_x), [None] * len(along_x)
    for line, weight, rise in zip(lines_of(window, stride, 1, len(along_y)), along_y, rise_y):
        for s, tap in enumerate(taps_of(m, line, spots, len(along_x))):
            sums[s] = mix(sums[s], weight, tap, careful)
            rises[s] = mix(rises[s], rise, tap, careful)
    slope_x = slope_y = None
    for s in range(len(along_x)):
        slope_x = mix(slope_x, rise_x[s], sums[s], careful)
        slope_y = slope_y if rises[s] is None else mix(slope_y, along_x[s], rises[s], careful)
    return slope_x, slope_y


def spill(m, window, stride, row, k, grad, careful):
    """The transpose of ``blend``: lane by lane, since lanes may share a pixel."""
    along_x, along_y = row.vectors("weights", k)
    shares = [[share_of(m, x, share_of(m, y, grad, careful), careful) for x in along_x] for y in along_y]
    memory, reach = m.workspace(m.kind_of(window), LANES * row.reach**2), row.reach
    for number, share in enumerate(share for along in shares for share in along):
        memory.put(number * LANES, share)
    lines = lines_of(window, stride, 1, reach)
    # Many taps are much code.
    for number in range(LANES) if reach < 3 else m.range(0, LANES):
        i = apart_of(number)
        spot = row.spot(k, i)
        for r, line in enumerate(lines):
            for s in range(reach):
                line[spot + s] = line[spot + s] + memory[i + (r * reach + s) * LANES]


def share_of(m, weight, grad, careful):
    """A weight times a gradient, which is not looked at where the weight is zero."""
    if not careful:
        return weight * grad
    return np.where(weight != 0, weight * grad, 0.0)


# The same of a group of channels: a pixel's taps are read in all channels at once. Pixels are *packed*: see ``turn.py``.


def combined(m, weights, values, careful=False):
    """The sum of products of a few numbers, or vectors, and vectors; None if all are known to be zero."""
    total = None
    for weight, value in zip(weights, values):
        if value is not None and not is_zero(weight):
            total = mix(total, m.full(weight, m.kind_of(value), m.count_of(value)), value, careful)
    return total


def fill_vectors(row, group, careful):
    """Whether lines of taps fill whole vectors, if need be with those of other pixels, so that several pixels are done at once."""
    return not careful and row.reach in (1, 2, 4) and row.reach * group <= LANES


class Lines:
    """The lines of taps of a packed vector of pixels, as vectors that hold the lines of one pixel or of several ones."""

    def __init__(self, m, lines, row, k, group, first):
        self.m, self.group, self.pixels = m, group, packed_pixels(group)[first]
        length = row.reach * group
        each = LANES // length
        self.some = [self.pixels[first : first + each] for first in range(0, len(self.pixels), each)]
        self.values = [
            [m.join([line.vector(row.spot(k, i), length) for i in some]) for line in lines] for some in self.some
        ]

    def summed(self, along_y):
        """For each tap along x the sum of those along y, times their weights, packed; None if all are known to be zero."""
        times = LANES // len(self.some[0])
        sums = [
            combined(self.m, [spread(self.m, weight, some, times) for weight in along_y], values)
            for some, values in zip(self.some, self.values)
        ]
        return [] if sums[0] is None else parted(self.m, sums, self.group)

    def product(self, along_x, sums):
        """The sum along x of such sums, times their weights."""
        return combined(self.m, [spread(self.m, weight, self.pixels, self.group) for weight in along_x], sums)


def spread(m, weight, pixels, times):
    """The weights of some pixels, each so many times; one that is known as it is."""
    return weight if is_known(weight) else m.shuffle(weight, weight, [i for i in pixels for _ in range(times)])


def parted(m, vectors, group):
    """Vectors of pixels' taps -> a vector for each tap."""
    if len(vectors) != 2:
        return transposed(m, vectors, group)
    places = range(2 * LANES)
    return [m.shuffle(*vectors, [place for place in places if place // group % 2 == number]) for number in range(2)]


def taps_in(m, vector, group):
    """The taps of one pixel's line, each in all channels."""
    if vector is None:
        return []
    return [m.shuffle(vector, vector, range(first, first + group)) for first in range(0, m.count_of(vector), group)]


class Room:
    """Memory for pixels one by one, each with its channels."""

    def __init__(self, m, kind, group, given=None):
        self.m, self.group, self.memory = m, group, m.workspace(kind, LANES * group)
        for number, vector in enumerate(in_memory(m, given) if given else ()):
            self.memory.put(number * LANES, vector)

    def get(self, i):
        """A pixel."""
        return self.memory.vector(i * self.group, self.group)

    def put(self, i, vector):
        """Keep a pixel."""
        self.memory.put(i * self.group, vector)

    def packed(self):
        """All, packed; read as they were written, which processors have at hand."""
        return packed_of(self.m, [self.get(i) for i in range(LANES)])


def blend_group(m, window, stride, row, k, group, careful):
    """Samples, packed."""
    lines = lines_of(window, stride, group, row.reach)
    if fill_vectors(row, group, careful):
        (along_x, along_y), found = row.vectors("weights", k), []
        for first in range(group):
            taps = Lines(m, lines, row, k, group, first)
            found.append(taps.product(along_x, taps.summed(along_y)))
        return found
    room = Room(m, m.kind_of(window), group)
    for i in m.range(0, LANES):
        (along_x, along_y), spot = row.numbers("weights", k, i), row.spot(k, i)
        column = combined(m, along_y, [line.vector(spot, row.reach * group) for line in lines], careful)
        room.put(i, combined(m, along_x, taps_in(m, column, group), careful))
    return room.packed()


def differentiate_group(m, window, stride, row, k, grads, group, careful):
    """Derivatives with respect to x and y of the sum over the channels of samples times gradients, which are packed."""
    lines, found = lines_of(window, stride, group, row.reach), [[], []]
    if fill_vectors(row, group, careful):
        (along_x, along_y), (rise_x, rise_y) = row.vectors("weights", k), row.vectors("slopes", k)
        for first, grad in enumerate(grads):
            taps = Lines(m, lines, row, k, group, first)
            slopes = taps.product(rise_x, taps.summed(along_y)), taps.product(along_x, taps.summed(rise_y))
            for axis, slope in enumerate(slopes):
                if slope is not None:
                    found[axis].append(share_of_slope(grad, slope))
    else:
        kind, rooms = m.kind_of(window), {}
        given = Room(m, kind, group, grads)
        for i in m.range(0, LANES):
            (along_x, along_y), (rise_x, rise_y) = row.numbers("weights", k, i), row.numbers("slopes", k, i)
            spot, grad = row.spot(k, i), given.get(i)
            values = [line.vector(spot, row.reach * group) for line in lines]
            columns = [taps_in(m, combined(m, along, values, careful), group) for along in (along_y, rise_y)]
            for axis, along in enumerate((rise_x, along_x)):
                slope = combined(m, along, columns[axis], careful)
                if slope is not None:
                    rooms.setdefault(axis, Room(m, kind, group)).put(i, share_of_slope(grad, slope))
        for axis, room in rooms.items():
            found[axis] = room.packed()
    return [total_of(m, pixels) if pixels else None for pixels in found]


def share_of_slope(grad, slope):
    """A gradient times a slope, which is not looked at where the gradient is zero."""
    return np.where(grad != 0, grad * slope, 0.0)


def total_of(m, pixels):
    """The sum of each pixel's channels, packed."""
    first, *others = turn(m, pixels)
    for channel in others:
        first = first + channel
    return first


def spill_group(m, window, stride, row, k, grads, group, careful):
    """The transpose of ``blend_group``; ``grads`` are packed."""
    kind, lines = m.kind_of(window), lines_of(window, stride, group, row.reach)
    if fill_vectors(row, group, careful):
        along_x, along_y = row.vectors("weights", k)
        for first in sorted(range(group), key=lambda first: first % QUARTER):
            pixels = packed_pixels(group)[first]
            weights_x, weights_y = (
                [spread(m, weight, pixels, group) for weight in each] for each in (along_x, along_y)
            )
            shares = [[x * (y * grads[first]) for x in weights_x] for y in weights_y]
            for place, i in enumerate(pixels):
                spot, lanes = row.spot(k, i), range(place * group, (place + 1) * group)
                for line, along in zip(lines, shares):
                    for s, share in enumerate(along):
                        add_to(m, line, spot + s * group, m.shuffle(share, share, lanes))
        return
    given = Room(m, kind, group, grads)
    for number in m.range(0, LANES):
        i = apart_of(number)
        (along_x, along_y), spot, grad = row.numbers("weights", k, i), row.spot(k, i), given.get(i)
        for line, weight in zip(lines, along_y):
            along = share_of(m, m.full(weight, kind, group), grad, careful)
            for s, weight_x in enumerate(along_x):
                add_to(m, line, spot + s * group, share_of(m, m.full(weight_x, kind, group), along, careful))


def add_to(m, line, at, share):
    """Add a vector to what is there."""
    line.put(at, separate(line.vector(at, m.count_of(share)), share))
