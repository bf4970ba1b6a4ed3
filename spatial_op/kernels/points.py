"""Where the taps of a deformable convolution look: for a tile of output positions, pixels and weights."""

import functools
import itertools
import operator
from typing import NamedTuple

import numpy as np

from .blocks import own, scratch
from .cells import mix
from .trace import LANES

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


def product(factors):
    """Of at least one factor."""
    return functools.reduce(operator.mul, factors)


def blend(factors, values):
    """The sum of two products; a value whose factor is zero is not looked at."""
    return mix(mix(0.0, factors[0], values[0], True), factors[1], values[1], True)


class Point(NamedTuple):
    """A vector of points: its axes, what multiplies the samples or None, and whether the coordinates are finite.

    Pixels around are in the order in which the last axis changes first. ``risen`` are numbers of axes along which a derivative is.
    """

    axes: list
    scale: object
    finite: object

    def places(self, sizes):
        """The pixels around in an image of these sizes."""
        places = self.axes[0].pixels
        for axis, size in zip(self.axes[1:], sizes[1:]):
            places = [place * size + pixel for place in places for pixel in axis.pixels]
        return places

    def factors(self, risen):
        """Of the weights, two on each axis."""
        return [axis.rises if number in risen else axis.shares for number, axis in enumerate(self.axes)]

    def products(self, *risen):
        """The pixels' weights without the mask, or a derivative of theirs."""
        return [product(factors) for factors in itertools.product(*self.factors(risen))]

    def contract(self, values, *risen):
        """The sum of these weights times the pixels' values, axis by axis."""
        for factors in reversed(self.factors(risen)):
            values = [blend(factors, pair) for pair in zip(values[::2], values[1::2])]
        return values[0]

    def scaled(self, value):
        """A value times the mask, which is not looked at where the value is zero."""
        return value if self.scale is None else mix(0.0, value, self.scale, True)

    def weights(self):
        """Of the pixels around."""
        return [self.scaled(weight) for weight in self.products()]

    def leaning(self, change):
        """How the weights change along a change of the coordinates."""
        if self.scale is not None:
            change = [part * self.scale for part in change]
        return added([[rise * part for rise in self.products(number)] for number, part in enumerate(change)])

    def leaning_twice(self, one, other):
        """How these change along another change."""
        terms = [[0.0] * 2 ** len(self.axes)]
        for a, b in itertools.combinations(range(len(self.axes)), 2):
            both = self.scaled(one[a] * other[b] + one[b] * other[a])
            terms.append([rise * both for rise in self.products(a, b)])
        return added(terms)

    def gradients(self, values):
        """With respect to the coordinates and the mask, if there is one, from what the pixels contribute."""
        slopes = [self.contract(values, number) for number in range(len(self.axes))]
        if self.scale is None:
            return slopes
        return [*(slope * self.scale for slope in slopes), self.contract(values)]

    def bends(self, values, change):
        """How these gradients change along a change of the coordinates."""
        found, sampled = [], 0.0
        for number, part in enumerate(change):
            bend = 0.0
            for other, moved in enumerate(change):
                if other != number:
                    bend = mix(bend, moved, self.contract(values, number, other), True)
            found.append(bend)
            sampled = mix(sampled, part, self.contract(values, number), True)
        return found if self.scale is None else [*map(self.scaled, found), sampled]


def added(terms):
    """Sums of lists, place by place."""
    return [sum(others, first) for first, *others in zip(*terms)]


class Points:
    """A thread's points: where each tap looks for the positions of a tile.

    ``places`` and ``weights`` have slots of ``m.room`` numbers for each pixel around a point; a slot is for one tap.
    """

    def __init__(self, m, form):
        self.m, self.form = m, form
        self.base, self.weights = own(m, "base"), own(m, "weights")
        self.places = m.places.starting(m.part * m.places_each)

    @staticmethod
    def parameters(form):
        """What kernels are given for it."""
        sizes = {f"{name}_{axis}": "int" for name in SIZES for axis in form.names}
        inputs = {"offset": form.kind} | ({"mask": form.kind} if form.modulated else {})
        more = {"clamped": "int", "deformables": "int", "room": "int", "places": "i4", "places_each": "int"}
        return {**sizes, **more, **inputs, **scratch(form.kind, "base", "weights")}

    def sizes(self, name):
        """One of ``SIZES``, axis by axis."""
        return [self.m.arguments[f"{name}_{axis}"] for axis in self.form.names]

    @property
    def area(self):
        """Positions of an output."""
        return product(self.sizes("target"))

    @property
    def pixels(self):
        """Pixels of an image."""
        return product(self.sizes("source"))

    @property
    def taps(self):
        """Taps of a filter."""
        return product(self.sizes("kernel"))

    def begin(self, start, count):
        """A tile of ``count`` positions: where in the image the first tap lies without an offset, axis by axis."""
        m, kind = self.m, self.form.kind
        self.start, self.count = start, count
        for j in m.range(0, count, LANES):
            number, places = m.counting("f8") + m.to(start + j, "f8"), []
            for size in reversed(self.sizes("target")[1:]):
                across = m.to(size, "f8")
                row = np.floor((number + 0.5) / across)
                places.append(number - row * across)
                number = row
            for i, (place, *steps) in enumerate(
                zip([number, *reversed(places)], self.sizes("stride"), self.sizes("pad"))
            ):
                stride, pad = (m.to(step, "f8") for step in steps)
                self.base.put(m.room * i + j, m.to(place * stride - pad, kind))

    def plane(self, image, deformable, tap):
        """Which of the planes of the mask, and of the groups of planes of the offsets, is a tap's."""
        return (image * self.m.deformables + deformable) * self.taps + tap

    def shifts(self, array, plane, j):
        """Offsets, or changes of them, at a vector of positions, axis by axis."""
        axes = self.form.axes
        at = self.area * axes * plane + self.start + j
        return [self.m.read(array, at + self.area * i, self.count - j) for i in range(axes)]

    def tap_at(self, tap):
        """How far from the first tap another one is, axis by axis, without an offset."""
        places = []
        for size in reversed(self.sizes("kernel")[1:]):
            places.append(tap % size)
            tap = tap // size
        return [place * gap for place, gap in zip([tap, *reversed(places)], self.sizes("dilate"))]

    def find(self, tap, plane, j):
        """The points of a vector of positions."""
        m, kind, axes, odd = self.m, self.form.kind, [], 0.0
        shifts = self.shifts(m.offset, plane, j)
        for i, (far, size, moved) in enumerate(zip(self.tap_at(tap), self.sizes("source"), shifts)):
            at = (self.base.vector(m.room * i + j) + m.to(far, kind)) + moved
            axes.append(around(m, at, size))
            odd = (at - at) + odd
        scale = None
        if self.form.modulated:
            scale = m.read(m.mask, self.area * plane + self.start + j, self.count - j)
        return Point(axes, scale, odd == 0)

    def look(self, tap, plane, slot, changes=()):
        """Find one tap's pixels and weights; these are no numbers where the coordinates are not finite.

        They are kept in a ``slot``. With one or two ``changes`` of the offsets the weights are those of how the samples change. Pixels that
        must not be looked at are replaced by the one behind the image: forward, all that have no weight; backward, slopes need
        those, and only the pixels of coordinates that are not finite are.
        """
        m, beyond = self.m, self.m.to(self.pixels, "i4")
        sizes = [m.to(size, "i4") for size in self.sizes("source")]
        for j in m.range(0, self.count, LANES):
            point = self.find(tap, plane, j)
            moved = [self.shifts(change, plane, j) for change in changes]
            if len(moved) == 2:
                weights = point.leaning_twice(*moved)
            else:
                weights = point.leaning(*moved) if moved else point.weights()
            for corner, (place, weight) in enumerate(zip(point.places(sizes), weights)):
                weight = np.where(point.finite, weight, np.nan)
                used = point.finite if self.form.backward else weight != 0
                at = m.room * (slot * self.form.corners + corner) + j
                self.places.put(at, np.where(used, place, beyond))
                self.weights.put(at, weight)

    def around(self, slot, j):
        """The pixels around the point at a position, counted from their image's first, and their weights."""
        corners = self.form.corners
        places = [self.m.room * (slot * corners + corner) + j for corner in range(corners)]
        return [self.m.to(self.places[at], "i8") for at in places], [self.weights[at] for at in places]
