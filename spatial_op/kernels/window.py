"""Windows: copies of the source pixels that a tile needs, whose outside the padding has filled.

The inner loops that read them test no border, and rotated reads stay in the nearest caches at every image width. A window
holds ``group`` channels, side by side: one pixel is then read, or added to, in all of them at once.
"""

from typing import NamedTuple

import numpy as np

from .cells import NOTHING
from .tiles import AHEAD, SIDE
from .trace import LANES
from .turn import to_channels, to_pixels

# A window is worth filling if it has at most so many pixels per output pixel, if all of them are in the image, and if not.
# The more channels lie side by side, the more it saves; and where samples reach outside, each of their taps would have to be
# looked up.
WORTH = {1: (3, 12), 4: (6, 12), 8: (12, 24), 16: (16, 32)}

# And so many whole tiles of pixels, which the second-level cache holds.
MOST = {1: 12, 4: 6, 8: 4, 16: 3}

# And so many more, whatever the size of the tile, which covers the margins of a small one.
ROOM = 2048


def group_of(channels):
    """How many channels lie side by side."""
    return 1 if channels == 1 else 4 if channels <= 4 else 8 if channels <= 8 else 16


def capacity(group):
    """Numbers that a window may hold, and what is written behind its last row."""
    return group * (MOST[group] * SIDE * SIDE + ROOM + 2 * LANES)


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
    return np.where(inside, *(affordable(m, box, tile, group, worth) for worth in WORTH[group]))


def affordable(m, box, tile, group, worth=None):
    """Whether a box has at most ``worth`` pixels per output pixel: by default so many that it is worth filling wherever it lies."""
    worth = worth or min(WORTH[group])
    return box.stride * box.height <= m.smaller(tile.rows * tile.cols * worth, MOST[group] * SIDE**2) + (ROOM - LANES)


def image_part(m, box):
    """Columns of a window that lie in the image: first, and last plus one."""
    left = m.smaller(m.larger(0 - box.x, 0), box.width)
    return left, m.larger(left, m.smaller(box.width, m.w - box.x))


def channel_of(m, first, present, c):
    """The c-th channel of a group; of one that is not full, the first one instead of those that are missing."""
    return first + (np.where(present > c, m.full(c, "i8", None), 0) if c else 0)


def pixel_at(m, axis, position):
    """The pixel at a position on an axis, negative where there is none; the table goes on as it ends."""
    place = m.smaller(m.larger(position + m.arguments[f"origin_{axis}"], 0), m.arguments[f"last_{axis}"])
    return m.to(m.arguments[f"table_{axis}"][place], "i8")


def fill(m, group, plane, apart, present, box, window):
    """Copy the box of a group of channels, which are ``apart``, with the padding's values outside the image.

    More is written than there is; what follows is overwritten now, or by the next line, or by nobody.
    """
    left, right = image_part(m, box)
    nothing, first = m.full(0, m.kind_of(window)), m.full(0, "i8", None)
    planes = [m.pixels.starting(plane + channel_of(m, 0, present, c) * apart) for c in range(group)]

    def clear(line, begin, end):
        for k in m.range(begin * group, end * group, LANES):
            line.put(k, nothing)

    for r in m.range(0, box.height):
        row, line = pixel_at(m, "y", box.y + r), window.starting(r * box.stride * group)
        for _ in m.when(row < 0):
            clear(line, first, box.width)
        for _ in m.when(row >= 0):
            lines = [image.starting(row * m.w + box.x) for image in planes]
            clear(line, first, left)
            whole = left + (right - left) // LANES * LANES
            for k in m.range(left, whole, LANES):
                put_pixels(m, line.starting(k * group), [image.vector(k) for image in lines])
                for image in lines:
                    image.prefetch(k + m.w * AHEAD)
            for _ in m.when(whole < right):
                put_pixels(m, line.starting(whole * group), [image.some(whole, right - whole) for image in lines])
            clear(line, right, box.width)
            for begin, end in ((first, left), (right, box.width)):
                for k in m.range(begin, np.where(m.rule_x == NOTHING, begin, end)):
                    column, pixel = pixel_at(m, "x", box.x + k), line.starting(k * group)
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
        row, line = pixel_at(m, "y", box.y + r), window.starting(r * box.stride * group)
        for _ in m.when((row >= top) & (row < bottom)):
            for begin, end in ((m.full(0, "i8", None), left), (right, box.width)):
                for k in m.range(begin, np.where(m.rule_x == NOTHING, begin, end)):
                    column = pixel_at(m, "x", box.x + k)
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
                        image.prefetch(k + m.w * AHEAD, to_write=True)
            for _ in m.when(whole < right):
                count = right - whole
                for c, more in enumerate(get_pixels(m, line.starting(whole * group), group)):
                    for _ in m.when(present > c):
                        image = images.starting(apart * c)
                        image.put_some(whole, image.some(whole, count) + more, count)
