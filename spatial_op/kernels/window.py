"""Windows: copies of the source pixels that a tile needs, whose outside the padding has filled.

The inner loops that read them test no border, and rotated reads stay in the nearest caches at every image width. A window
holds ``group`` channels, side by side: one pixel is then read, or added to, in all of them at once.
"""

from typing import NamedTuple

import numpy as np

from .cells import is_zero, mix
from .tiles import SIDE
from .trace import LANES
from .turn import columns, to_channels, to_pixels

# A window may hold so many pixels per output pixel, if all of them are in the image, and if not. Beyond, filling it would
# cost more than it saves. It saves more where samples reach outside, since each of their taps would have to be looked up.
WORTH = {1: (3, 12), 4: (6, 6), 8: (4, 4), 16: (3, 3)}

# And so many more, whatever the size of the tile, which covers the margins of a small one.
ROOM = 2048


def group_of(channels):
    """How many channels lie side by side."""
    return 1 if channels == 1 else 4 if channels <= 4 else 8 if channels <= 8 else 16


def capacity(group):
    """Numbers that a window may hold, and what is written behind its last row."""
    return group * (max(WORTH[group]) * SIDE * SIDE + ROOM + 2 * LANES)


class Box(NamedTuple):
    """The source pixels that a tile needs: first column and row, sizes, and the distance of rows in the window."""

    x: object
    y: object
    width: object
    height: object
    stride: object


def box_of(x0, x1, y0, y1):
    """The box of the pixels from ``x0`` to before ``x1``, ``y0`` to before ``y1``.

    Rows are an odd number of vectors apart, so that they straddle no more sets of the cache than they must.
    """
    width = x1 - x0
    return Box(x0, y0, width, y1 - y0, ((width + (LANES - 1)) // LANES | 1) * LANES)


def pays(m, box, tile, group):
    """Whether a window of this box is worth filling."""
    inside = (box.x >= 0) & (box.y >= 0) & (box.x + box.width <= m.w) & (box.y + box.height <= m.h)
    worth = np.where(inside, *(m.full(number, "i8", None) for number in WORTH[group]))
    return box.stride * box.height <= worth * tile.rows * tile.cols + (ROOM - LANES)


def image_part(m, box):
    """Columns of a window that lie in the image: first, and last plus one."""
    left = m.smaller(m.larger(0 - box.x, 0), box.width)
    return left, m.larger(left, m.smaller(box.width, m.w - box.x))


def channel_of(m, first, present, c):
    """The c-th channel of a group; of one that is not full, the first one instead of those that are missing."""
    return first + (np.where(present > c, m.full(c, "i8", None), 0) if c else 0)


def fill(m, group, plane, apart, present, box, window):
    """Copy the box of a group of channels, which are ``apart``, with the padding's values outside the image."""
    left, right = image_part(m, box)
    nothing = m.full(0, m.kind_of(window))
    planes = [m.pixels.starting(plane + channel_of(m, 0, present, c) * apart) for c in range(group)]
    for r in m.range(0, box.height):
        row, line = m.to(m.table_y[box.y + r + m.origin_y], "i8"), window.starting(r * box.stride * group)
        for _ in m.when(row < 0):
            for k in m.range(0, box.width * group, LANES):
                line.put(k, nothing)
        for _ in m.when(row >= 0):
            lines = [image.starting(row * m.w + box.x) for image in planes]
            whole = left + (right - left) // LANES * LANES
            for k in m.range(left, whole, LANES):
                put_pixels(m, line.starting(k * group), [image.vector(k) for image in lines])
            for _ in m.when(whole < right):
                # More is written than there is; what follows is overwritten now, or by the next line, or by nobody.
                put_pixels(m, line.starting(whole * group), [image.some(whole, right - whole) for image in lines])
            for begin, end in ((m.full(0, "i8", None), left), (right, box.width)):
                for k in m.range(begin, end):
                    column, pixel = m.to(m.table_x[box.x + k + m.origin_x], "i8"), line.starting(k * group)
                    for c in range(group):
                        pixel[c] = 0
                    for _ in m.when(column >= 0):
                        for c in range(group):
                            pixel[c] = planes[c][row * m.w + column]


def put_pixels(m, line, channels):
    """Write ``LANES`` pixels, whose channels lie side by side."""
    if len(channels) == 1:
        line.put(0, channels[0])
        return
    for number, pixel in enumerate(to_pixels(m, channels)):
        line.put(number * len(channels), pixel)


def get_pixels(m, line, group):
    """The transpose: a vector for each channel."""
    if group == 1:
        return [line.vector(0)]
    return to_channels(m, [line.vector(number * group, group) for number in range(LANES)])


def fold(m, group, target, plane, apart, present, box, window, top, bottom):
    """The transpose of ``fill``: add the window to rows ``top`` to before ``bottom`` of a group of channels."""
    left, right = image_part(m, box)
    for r in m.range(0, box.height):
        row, line = m.to(m.table_y[box.y + r + m.origin_y], "i8"), window.starting(r * box.stride * group)
        for _ in m.when((row >= top) & (row < bottom)):
            for begin, end in ((m.full(0, "i8", None), left), (right, box.width)):
                for k in m.range(begin, end):
                    column = m.to(m.table_x[box.x + k + m.origin_x], "i8")
                    for _ in m.when(column >= 0):
                        for c in m.range(0, present):
                            at = plane + c * apart + row * m.w + column
                            target[at] = target[at] + line[k * group + c]
            images, whole = target.starting(plane + row * m.w + box.x), left + (right - left) // LANES * LANES
            for k in m.range(left, whole, LANES):
                for c, more in enumerate(get_pixels(m, line.starting(k * group), group)):
                    for _ in m.when(present > c):
                        image = images.starting(apart * c)
                        image.put(k, image.vector(k) + more)
            for _ in m.when(whole < right):
                count = right - whole
                for c, more in enumerate(get_pixels(m, line.starting(whole * group), group)):
                    for _ in m.when(present > c):
                        image = images.starting(apart * c)
                        image.put_some(whole, image.some(whole, count) + more, count)


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
    for i, spot in enumerate(row.spots(k)):
        for r, line in enumerate(lines):
            for s in range(reach):
                line[spot + s] = line[spot + s] + memory[(r * reach + s) * LANES + i]


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

    def each(self):
        """The pixels' numbers."""
        yield from self.m.range(0, LANES) if self.looped else range(LANES)

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
    """A vector of samples for each channel."""
    reach, pixels = row.reach, Pixels(m, m.kind_of(window), group, careful)
    lines = lines_of(window, stride, group, reach)
    for i in pixels.each():
        (along_x, along_y), spot = row.numbers("weights", k, i), row.spot(k, i)
        column = combined(m, along_y, [line.vector(spot, reach * group) for line in lines], careful)
        pixels.put(i, combined(m, along_x, pieces(m, column, group), careful))
    return to_channels(m, pixels.all())


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
    for i in pixels.each():
        (along_x, along_y), spot, grad = row.numbers("weights", k, i), row.spot(k, i), pixels.get(i)
        for line, weight in zip(lines, along_y):
            along = share_of(m, m.full(weight, kind, group), grad, careful)
            for s, number in enumerate(along_x):
                share, at = share_of(m, m.full(number, kind, group), along, careful), spot + s * group
                line.put(at, line.vector(at, group) + share)
