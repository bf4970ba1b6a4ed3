"""Sampling from a window, a vector of pixels at a time: samples, their derivatives, and the transpose."""

import numpy as np

from .cells import is_zero, mix
from .trace import LANES, separate
from .turn import columns, to_channels

# Neighbours add to the same numbers, which takes until the sum before is there. So pixels take turns that are a quarter of a
# vector apart.
QUARTER = LANES // 4


def apart_of(turn):
    """Whose turn it is."""
    return turn % 4 * QUARTER + turn // 4


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
    for turn in m.range(0, LANES):
        i = apart_of(turn)
        spot = row.spot(k, i)
        for r, line in enumerate(lines):
            for s in range(reach):
                line[spot + s] = line[spot + s] + memory[i + (r * reach + s) * LANES]


def share_of(m, weight, grad, careful):
    """A weight times a gradient, which is not looked at where the weight is zero."""
    if not careful:
        return weight * grad
    return np.where(weight != 0, weight * grad, 0.0)


# The same of a group of channels, pixel by pixel: a pixel's taps are read in all channels at once.


def combined(m, weights, values, careful):
    """The sum of products of a few numbers and vectors; None if all are known to be zero."""
    total = None
    for weight, value in zip(weights, values):
        if value is not None and not is_zero(weight):
            total = mix(total, m.full(weight, m.kind_of(value), m.count_of(value)), value, careful)
    return total


def pieces(m, vector, group):
    """The taps of one line, each in all channels."""
    if vector is None:
        return []
    return [m.shuffle(vector, vector, range(first, first + group)) for first in range(0, m.count_of(vector), group)]


class Pixels:
    """A vector of pixels one by one, each with its channels: written out, or as a loop where that is much code.

    ``each`` gives numbers, ``put`` keeps a vector for one of them, and ``all`` gives all that were kept.
    """

    def __init__(self, m, kind, group, careful, given=None):
        self.m, self.group, self.looped = m, group, careful or group > 4
        self.given, self.kept = given, []
        if self.looped:
            self.memory = m.workspace(kind, LANES * group)
        if self.looped and given is not None:
            self.given = m.workspace(kind, LANES * group)
            for i, vector in enumerate(given):
                self.given.put(i * group, vector)

    def each(self, apart=False):
        """The pixels' numbers; neighbours not one after the other if they are to be ``apart``."""
        if self.looped:
            for turn in self.m.range(0, LANES):
                yield apart_of(turn) if apart else turn
        else:
            yield from map(apart_of, range(LANES)) if apart else range(LANES)

    def get(self, i):
        """What was given of a pixel."""
        return self.given.vector(i * self.group, self.group) if self.looped else self.given[i]

    def put(self, i, vector):
        """Keep what was found of a pixel."""
        if self.looped:
            self.memory.put(i * self.group, vector)
        else:
            self.kept.append(vector)

    def all(self):
        """What was kept, pixel by pixel."""
        return [self.memory.vector(i * self.group, self.group) for i in range(LANES)] if self.looped else self.kept


def blend_group(m, window, stride, row, k, group, careful):
    """A vector of samples for each pixel."""
    reach, pixels = row.reach, Pixels(m, m.kind_of(window), group, careful)
    lines = lines_of(window, stride, group, reach)
    for i in pixels.each():
        (along_x, along_y), spot = row.numbers("weights", k, i), row.spot(k, i)
        column = combined(m, along_y, [line.vector(spot, reach * group) for line in lines], careful)
        pixels.put(i, combined(m, along_x, pieces(m, column, group), careful))
    return pixels.all()


def differentiate_group(m, window, stride, row, k, grads, group, careful):
    """Derivatives with respect to x and y of the sum over the channels of samples times gradients, those of each pixel."""
    reach, kind = row.reach, m.kind_of(window)
    sums = [Pixels(m, kind, group, careful, grads), Pixels(m, kind, group, careful)]
    lines, found = lines_of(window, stride, group, reach), [False, False]
    for i in sums[0].each():
        (along_x, along_y), (rise_x, rise_y) = row.numbers("weights", k, i), row.numbers("slopes", k, i)
        spot, grad = row.spot(k, i), sums[0].get(i)
        values = [line.vector(spot, reach * group) for line in lines]
        column, rise = combined(m, along_y, values, careful), combined(m, rise_y, values, careful)
        slopes = (
            combined(m, rise_x, pieces(m, column, group), careful),
            combined(m, along_x, pieces(m, rise, group), careful),
        )
        for axis, slope in enumerate(slopes):
            if slope is not None:
                found[axis] = True
                sums[axis].put(i, np.where(grad != 0, grad * slope, 0.0))
    return [total_of(m, pixels.all()) if some else None for pixels, some in zip(sums, found)]


def total_of(m, pixels):
    """The sum of each pixel's channels."""
    first, *others = to_channels(m, pixels)
    for channel in others:
        first = first + channel
    return first


def spill_group(m, window, stride, row, k, grads, group, careful):
    """The transpose of ``blend_group``; ``grads`` are those of each pixel in all channels."""
    kind, lines = m.kind_of(window), lines_of(window, stride, group, row.reach)
    pixels = Pixels(m, kind, group, careful, grads)
    for i in pixels.each(apart=True):
        (along_x, along_y), spot, grad = row.numbers("weights", k, i), row.spot(k, i), pixels.get(i)
        for line, weight in zip(lines, along_y):
            along = share_of(m, m.full(weight, kind, group), grad, careful)
            for s, number in enumerate(along_x):
                share, at = share_of(m, m.full(number, kind, group), along, careful), spot + s * group
                line.put(at, separate(line.vector(at, group), share))
