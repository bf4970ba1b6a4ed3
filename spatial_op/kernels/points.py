"""Where the taps of a deformable convolution look: for a tile of output positions, pixels and weights."""

from typing import NamedTuple

import numpy as np

from .blocks import own, scratch
from .cells import mix
from .trace import LANES

# Pixels around a point: above left, above right, below left, below right.
CORNERS = 4

AXES = "yx"

# Names of the arrays that hold changes of the offsets.
CHANGES = "change", "other"

# Of a convolution, on each axis: of the kernel, its steps, images and output.
SIZES = ("kernel", "stride", "pad", "dilate", "source", "target")


class Axis(NamedTuple):
    """Of a vector of points and an axis: the two pixels around each; their shares of the weight; how these change along the axis."""

    pixels: list
    shares: list
    rises: list


def around(m, at, size):
    """Where points are on an axis.

    Those further out than a pixel are not sampled, and pixels outside the image do not count. If ``clamped``, points outside the
    image are not sampled, but the last pixel goes on to the image's edge.
    """
    kind = m.kind_of(at)
    low, end, last, reach = (m.to(n, kind) for n in (m.clamped - 1, size, size - m.clamped, size - 1 + m.clamped))
    held = (at >= low) & (at < end)
    at = m.least(m.most(at, low), last)
    first = np.floor(at)
    far = at - first
    has_first, has_second = held & (first >= 0), held & (first < reach)
    whole, final = m.to(first, "i4"), m.to(size - 1, "i4")
    pixels = [m.smaller(m.larger(pixel, 0), final) for pixel in (whole, whole + 1)]
    one = m.full(1.0, kind)
    return Axis(
        pixels,
        [np.where(has_first, one - far, 0.0), np.where(has_second, far, 0.0)],
        [np.where(has_first, 0.0 - one, 0.0), np.where(has_second, one, 0.0)],
    )


def blend(factors, values):
    """The sum of two products; a value whose factor is zero is not looked at."""
    return mix(mix(0.0, factors[0], values[0], True), factors[1], values[1], True)


class Point(NamedTuple):
    """A vector of points: both axes, what multiplies the samples or None, and whether the coordinates are finite."""

    y: Axis
    x: Axis
    scale: object
    finite: object

    def places(self, across):
        """The four pixels in an image that is so many pixels wide."""
        return [row * across + column for row in self.y.pixels for column in self.x.pixels]

    def scaled(self, value):
        """A value times the mask, which is not looked at where the value is zero."""
        return value if self.scale is None else mix(0.0, value, self.scale, True)

    def weights(self):
        """Of the four pixels."""
        return [self.scaled(down * across) for down in self.y.shares for across in self.x.shares]

    def leaning(self, down, across):
        """How the weights change along a change of the coordinates."""
        if self.scale is not None:
            down, across = down * self.scale, across * self.scale
        return [
            rise_y * share_x * down + share_y * rise_x * across
            for share_y, rise_y in zip(self.y.shares, self.y.rises)
            for share_x, rise_x in zip(self.x.shares, self.x.rises)
        ]

    def leaning_twice(self, one, other):
        """How these change along another change; both are pairs, y and x."""
        both = self.scaled(one[0] * other[1] + one[1] * other[0])
        return [rise_y * rise_x * both for rise_y in self.y.rises for rise_x in self.x.rises]

    def gradients(self, products):
        """With respect to y, x and the mask, if there is one, from what the pixels contribute."""
        rows = products[:2], products[2:]
        along = [blend(self.x.shares, row) for row in rows]
        down, across = blend(self.y.rises, along), blend(self.y.shares, [blend(self.x.rises, row) for row in rows])
        if self.scale is None:
            return [down, across]
        return [down * self.scale, across * self.scale, blend(self.y.shares, along)]

    def bends(self, products, down, across):
        """How these gradients change along a change of the coordinates."""
        rows = products[:2], products[2:]
        along, risen = ([blend(factors, row) for row in rows] for factors in (self.x.shares, self.x.rises))
        mixed = blend(self.y.rises, risen)
        found = [mix(0.0, across, mixed, True), mix(0.0, down, mixed, True)]
        if self.scale is None:
            return found
        sampled = mix(0.0, down, blend(self.y.rises, along), True)
        return [*map(self.scaled, found), mix(sampled, across, blend(self.y.shares, risen), True)]


class Points:
    """A thread's points: where each tap looks for the positions of a tile.

    ``places`` and ``weights`` have slots of ``CORNERS`` times ``m.room`` numbers, each for one tap.
    """

    def __init__(self, m, form):
        self.m, self.form = m, form
        self.base, self.weights = own(m, "base"), own(m, "weights")
        self.places = m.places.starting(m.part * m.places_each)

    @staticmethod
    def parameters(form):
        """What kernels are given for it."""
        sizes = {f"{name}_{axis}": "int" for name in SIZES for axis in AXES}
        inputs = {"offset": form.kind} | ({"mask": form.kind} if form.modulated else {})
        more = {"clamped": "int", "deformables": "int", "room": "int", "places": "i4", "places_each": "int"}
        return {**sizes, **more, **inputs, **scratch(form.kind, "base", "weights")}

    @property
    def area(self):
        """Positions of an output."""
        return self.m.target_y * self.m.target_x

    @property
    def taps(self):
        """Taps of a filter."""
        return self.m.kernel_y * self.m.kernel_x

    def begin(self, start, count):
        """A tile of ``count`` positions: rows, and then columns, of the image where the first tap lies without an offset."""
        m, kind = self.m, self.form.kind
        self.start, self.count = start, count
        for j in m.range(0, count, LANES):
            number, across = m.counting("f8") + m.to(start + j, "f8"), m.to(m.target_x, "f8")
            row = np.floor((number + 0.5) / across)
            for i, place in enumerate((row, number - row * across)):
                stride, pad = (m.to(m.arguments[f"{name}_{AXES[i]}"], "f8") for name in ("stride", "pad"))
                self.base.put(m.room * i + j, m.to(place * stride - pad, kind))

    def plane(self, image, deformable, tap):
        """Which of the planes of the mask, and of the pairs of planes of the offsets, is a tap's."""
        return (image * self.m.deformables + deformable) * self.taps + tap

    def pair(self, array, plane, j):
        """Numbers of both planes of a pair at a vector of positions."""
        at = self.area * 2 * plane + self.start + j
        return [self.m.read(array, at + self.area * i, self.count - j) for i in range(2)]

    def find(self, tap, plane, j):
        """The points of a vector of positions."""
        m, kind, axes, odd = self.m, self.form.kind, [], 0.0
        sizes = (tap // m.kernel_x * m.dilate_y, m.source_y), (tap % m.kernel_x * m.dilate_x, m.source_x)
        for i, ((far, size), moved) in enumerate(zip(sizes, self.pair(m.offset, plane, j))):
            at = (self.base.vector(m.room * i + j) + m.to(far, kind)) + moved
            axes.append(around(m, at, size))
            odd = (at - at) + odd
        scale = None
        if self.form.modulated:
            scale = m.read(m.mask, self.area * plane + self.start + j, self.count - j)
        return Point(*axes, scale, odd == 0)

    def look(self, tap, plane, slot, changes=()):
        """Find one tap's pixels and weights; these are no numbers where the coordinates are not finite.

        They are kept in a ``slot``. With one or two ``changes`` of the offsets the weights are those of how the samples change. Pixels that
        must not be looked at are replaced by the one behind the image: forward, all that have no weight; backward, slopes need
        those, and only the pixels of coordinates that are not finite are.
        """
        m = self.m
        beyond = m.to(m.source_y * m.source_x, "i4")
        for j in m.range(0, self.count, LANES):
            point = self.find(tap, plane, j)
            moved = [self.pair(change, plane, j) for change in changes]
            if len(moved) == 2:
                weights = point.leaning_twice(*moved)
            else:
                weights = point.leaning(*moved[0]) if moved else point.weights()
            for corner, (place, weight) in enumerate(zip(point.places(m.to(m.source_x, "i4")), weights)):
                weight = np.where(point.finite, weight, np.nan)
                used = point.finite if self.form.backward else weight != 0
                at = m.room * (slot * CORNERS + corner) + j
                self.places.put(at, np.where(used, place, beyond))
                self.weights.put(at, weight)

    def around(self, slot, j):
        """The four pixels around the point at a position, counted from their image's first, and their weights."""
        places = [self.m.room * (slot * CORNERS + corner) + j for corner in range(CORNERS)]
        return [self.m.to(self.places[at], "i8") for at in places], [self.weights[at] for at in places]
