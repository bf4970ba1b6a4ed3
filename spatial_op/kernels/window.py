"""Windows: copies of the source pixels that a tile needs, whose outside the padding has filled.

The inner loops that read them test no border, and rotated reads stay in the nearest caches at every image width. A window
holds ``group`` channels, side by side: one pixel is then read, or added to, in all of them at once.
"""

from typing import NamedTuple

import numpy as np

from .cells import NOTHING
from .tiles import AHEAD, SIDE
from .trace import LANES

# A window is worth filling if it has at most so many pixels per output pixel, if all of them are in the image, and if not.
# The more channels lie side by side, the more it saves; and where samples reach outside, each of their taps would have to be
# looked up.
WORTH = {1: (3, 12), 4: (6, 12), 8: (12, 24), 16: (16, 32)}

# And so many whole tiles of pixels, which the second-level cache holds.
MOST = {1: 12, 4: 6, 8: 4, 16: 3}

# And so many more, whatever the size of the tile, which covers the margins of a small one.
ROOM = 2048

# A coordinate further out is not worth a window. It still fits the integers.
FAR = 2.0**30

# Numbers of a window of a whole image: that of 1024 x 1024 pixels of four channels.
WHOLE = 2**22 + 2**18

# It is filled for so many of its pixels for an output pixel, at most.
FILLS = 4


def group_of(channels):
    """How many channels lie side by side."""
    return 1 if channels == 1 else 4 if channels <= 4 else 8 if channels <= 8 else 16


def capacity(group):
    """Numbers that a window may hold, and what is written behind its last row."""
    return group * (MOST[group] * SIDE * SIDE + ROOM + 2 * LANES)


def memory(m, kind, group, whole):
    """Memory for a tile's window and, if there may be one, behind it for that of a whole image."""
    return m.workspace(kind, capacity(group) + (WHOLE + 2 * LANES * group if whole else 0))


class Box(NamedTuple):
    """The source pixels that a tile needs: first column and row, sizes, and the distance of rows in the window.

    If there are ``spans``, they say which columns of a row are read.
    """

    x: object
    y: object
    width: object
    height: object
    stride: object
    spans: object = None

    def span(self, r):
        """Columns of a row of the window that are read: first, and last plus one."""
        return self.spans.of(r) if self.spans else (0, self.width)


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


class Whole:
    """A window of all that can be sampled of an image, which serves tile after tile whose own windows would not pay.

    Points that are scattered then find all channels of a pixel side by side. It is for images of no more channels than lie so, which
    are not much larger than the output.
    """

    def __init__(self, m, rules, group):
        ends = []
        for axis in "xy":
            low, high = (
                rules.sampler.cell(m.arguments[f"{end}_{axis}"], rules.sampler.shift) for end in ("low", "high")
            )
            ends += [m.to(end, "i8") + (rules.sampler.first + after) for end, after in ((low, 0), (high, rules.reach))]
        self.box = box_of(*ends)
        size = self.box.stride * self.box.height
        # Ranges may be endless: then their ends are no sizes.
        known = (m.low_x > -FAR) & (m.high_x < FAR) & (m.low_y > -FAR) & (m.high_y < FAR)
        self.pays = known & (m.channels <= group) & (size <= WHOLE // group) & (size <= m.w_out * m.h_out * FILLS)

    @staticmethod
    def possible(source, group):
        """Whether there may be one: for points that may be scattered, of samples that do not take turns."""
        return not source.affine and not source.in_turn


def image_part(m, box):
    """Columns of a window that lie in the image: first, and last plus one."""
    left = m.smaller(m.larger(0 - box.x, 0), box.width)
    return left, m.larger(left, m.smaller(box.width, m.w - box.x))


def parts(m, box, r, image):
    """Where the columns of a row begin that are read, where those of them begin and end that lie in the ``image``, and where all end."""
    first, last = box.span(r)
    left, right = (m.smaller(m.larger(end, first), last) for end in image)
    return first, left, right, last


def clear(m, box, window, group):
    """Zeros for sums of what is read, and behind them for a vector more of each row."""
    zeros = m.full(0, m.kind_of(window))
    for r in m.range(0, box.height):
        line, (first, last) = window.starting(r * box.stride * group), box.span(r)
        for k in m.range(first * group, (last + LANES) * group, LANES):
            line.put(k, zeros)


def pixel_at(m, axis, position):
    """The pixel at a position on an axis, negative where there is none; the table goes on as it ends."""
    place = m.smaller(m.larger(position + m.arguments[f"origin_{axis}"], 0), m.arguments[f"last_{axis}"])
    return m.to(m.arguments[f"table_{axis}"][place], "i8")


def fill(m, image, box, window, nothing):
    """Copy the box of an image's group of channels, with the padding's values outside the image; ``nothing`` is where it has none.

    More is written than there is; what follows is overwritten now, or by the next line, or by nobody.
    """
    group, inside = image.group, image_part(m, box)

    def leave_out(line, begin, end):
        for k in m.range(begin * group, end * group, LANES):
            line.put(k, nothing)

    for r in m.range(0, box.height):
        row, line = pixel_at(m, "y", box.y + r), window.starting(r * box.stride * group)
        first, left, right, last = columns = parts(m, box, r, inside)
        for _ in m.when(row < 0):
            leave_out(line, first, last)
        for _ in m.when(row >= 0):
            leave_out(line, first, left)
            image.copy(line, row * m.w + box.x, left, right, inside[1], m.w * AHEAD)
            leave_out(line, right, last)
            for k, column in looked_up(m, box, *columns):
                image.copy_pixel(line.starting(k * group), row * m.w + column)


def fold(m, image, box, window, top, bottom):
    """The transpose of ``fill``: add the window to rows ``top`` to before ``bottom``."""
    group, inside = image.group, image_part(m, box)
    for r in m.range(0, box.height):
        row, line = pixel_at(m, "y", box.y + r), window.starting(r * box.stride * group)
        _, left, right, _ = columns = parts(m, box, r, inside)
        for _ in m.when((row >= top) & (row < bottom)):
            for k, column in looked_up(m, box, *columns):
                image.add_pixel(line.starting(k * group), row * m.w + column)
            limit = m.smaller(inside[1], box.stride)  # where the next row begins
            image.add(line, row * m.w + box.x, left, right, limit, m.w * AHEAD)


def looked_up(m, box, first, left, right, last):
    """Columns of a window beside the image, and the image's columns that they stand for, if they do."""
    for begin, end in ((first, left), (right, last)):
        for k in m.range(begin, np.where(m.rule_x == NOTHING, begin, end)):
            column = pixel_at(m, "x", box.x + k)
            for _ in m.when(column >= 0):
                yield k, column
