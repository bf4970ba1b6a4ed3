"""Grids as PyTorch has them: the coordinates of a point side by side, and points that are moved into the image first."""

import numpy as np

from .sources import ByArray
from .tiles import AXES, first_pixel
from .trace import LANES


def apart(m, vectors):
    """Numbers of points, point by point -> a vector for each axis."""
    axes = len(vectors)
    return [picked(m, vectors, [axis + axes * lane for lane in range(LANES)]) for axis in range(axes)]


def together(m, vectors):
    """The inverse of ``apart``."""
    axes = len(vectors)
    places = [number % axes * LANES + number // axes for number in range(axes * LANES)]
    return [picked(m, vectors, places[first : first + LANES]) for first in range(0, axes * LANES, LANES)]


def picked(m, vectors, places):
    """A vector of the lanes at these places, counted through all vectors."""
    found = vectors[0]
    for number, vector in enumerate(vectors[1:], start=1):
        found = m.shuffle(found, vector, [lane_of(place, number, lane) for lane, place in enumerate(places)])
    return found


def lane_of(place, number, lane):
    """Where the lane for a place is when the vector of this number comes to those before: in it, or among what was found."""
    if place // LANES == number:
        return LANES + place % LANES
    return place if number == 1 and place < LANES else lane


class SideBySide(ByArray):
    """Coordinates from an array of shape (samples, ..., axes)."""

    def row(self, m, tile, axis, q):
        """Where a row of the tile begins in a sample's array."""
        return (first_pixel(m, tile) + q * m.w_out) * tile.axes + axis

    def read(self, m, tile, q, k, array, start):
        """The numbers of each axis; zero beyond the last column."""
        first = array.starting(start + self.row(m, tile, 0, q) + k * tile.axes)
        count = (tile.cols - k) * tile.axes
        return apart(m, [m.read(first, LANES * i, count - LANES * i) for i in range(tile.axes)])

    def given(self, m, tile, q, k):
        """The numbers of each axis; lanes beyond the last column repeat the first one."""
        first = m.numbers.starting(self.at + self.row(m, tile, 0, q) + k * tile.axes)
        held = m.counting("i8") < tile.cols - k
        for axis, given in enumerate(self.read(m, tile, q, k, m.numbers, self.at)):
            yield np.where(held, given, first[axis])

    def write(self, m, tile, q, k, grads):
        """Write the gradients of the numbers."""
        first = m.sums.starting(self.place_of_sums + self.row(m, tile, 0, q) + k * tile.axes)
        count = (tile.cols - k) * tile.axes
        for i, grad in enumerate(together(m, grads)):
            m.write(first, LANES * i, grad, count - LANES * i)

    def changes(self, m, tile, q, k):
        """How the numbers of each axis change."""
        return self.read(m, tile, q, k, m.changes, self.dense)


class Inside(ByArray):
    """Coordinates that are moved into the image before they are sampled, as PyTorch does it; all are numbers then.

    On each axis they are mirrored about ``edge`` and half of ``mirror`` pixels further, unless that is 0; and then cut off at
    ``first`` and ``final``, where they no longer change with what was given.
    """

    def __init__(self, dtype, axes):
        super().__init__(dtype, axes)
        for axis in AXES[:axes]:
            self.parameters |= {f"{name}_{axis}": "float" for name in ("edge", "mirror", "first", "final")}

    def pixel(self, m, axis, given):
        """A coordinate."""
        return self.moved(m, axis, given)[0]

    def moved(self, m, axis, given):
        """A coordinate, and how it changes with one that is not moved: 1, 0 or -1."""
        edge, mirror, first, final = (
            m.to(m.arguments[f"{name}_{AXES[axis]}"], self.dtype) for name in ("edge", "mirror", "first", "final")
        )
        given = self.rounded(m, axis, given, 0.0)
        inside, sign = m.variable(given), m.variable(m.full(1.0, self.dtype))
        for _ in m.when(m.arguments[f"mirror_{AXES[axis]}"] > 0):
            far = abs(given - edge)
            rest = far - np.floor(far / mirror) * mirror
            back = mirror - rest
            inside.value = np.where(rest < back, rest, back) + edge
            sign.value = np.where((rest < back) == (given >= edge), 1.0, -1.0)
        held = (inside.value > first) & (inside.value < final)
        return m.least(m.most(inside.value, first), final), np.where(held, sign.value, 0.0)

    def rates(self, m, tile, q, k):
        """How much each coordinate changes with its number."""
        return [
            self.moved(m, axis, given)[1] * self.half(m, axis) for axis, given in enumerate(self.given(m, tile, q, k))
        ]

    def pull(self, m, tile, q, k, grads):
        """The gradients; zero where the coordinate does not change, even if the image's slope is no number."""
        rates = self.rates(m, tile, q, k)
        self.write(
            m, tile, q, k, [np.where(rate != 0, m.to(grad, self.dtype) * rate, 0.0) for grad, rate in zip(grads, rates)]
        )


class InsideSideBySide(Inside, SideBySide):
    """Both."""


# By whether coordinates stand side by side, and whether points are moved inside.
BY_ARRAY = {
    (False, False): ByArray,
    (True, False): SideBySide,
    (False, True): Inside,
    (True, True): InsideSideBySide,
}
