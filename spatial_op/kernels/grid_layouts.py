"""How the coordinates of a grid lie in memory: a plane for each axis, or those of a point side by side.

A layout says where the coordinates of a pixel of a tile are, and reads, asks for and writes those of a vector of pixels: columns ``k`` and
following of row ``q``, counted from where a sample starts. What is read is zero beyond the last column; nothing is written there.
"""

from .supersampling import pixel_row
from .tiles import AHEAD, area, first_pixel
from .trace import LANES


class Planes:
    """Shape (samples, axes, ...)."""

    @staticmethod
    def places(m, tile, q, k):
        """Where the coordinates of one pixel are."""
        return [
            area(m, tile.axes) * axis + first_pixel(m, tile) + pixel_row(m, q) * m.w_out + k
            for axis in range(tile.axes)
        ]

    @staticmethod
    def read(m, array, start, tile, q, k):
        """A vector for each axis."""
        return [m.read(array.starting(start + at), 0, tile.cols - k) for at in Planes.places(m, tile, q, k)]

    @staticmethod
    def ask(m, array, start, tile, q, k):
        """Ask for those of a row that comes soon."""
        for at in Planes.places(m, tile, q, k):
            array.starting(start + at).prefetch(m.w_out * AHEAD)

    @staticmethod
    def write(m, array, start, tile, q, k, vectors):
        """Write one for each axis."""
        for at, vector in zip(Planes.places(m, tile, q, k), vectors):
            m.write(array.starting(start + at), 0, vector, tile.cols - k)


class SideBySide:
    """Shape (samples, ..., axes)."""

    @staticmethod
    def places(m, tile, q, k):
        """Where the coordinates of one pixel are."""
        return [(first_pixel(m, tile) + pixel_row(m, q) * m.w_out + k) * tile.axes + axis for axis in range(tile.axes)]

    @staticmethod
    def read(m, array, start, tile, q, k):
        """A vector for each axis."""
        first, count = array.starting(start + SideBySide.places(m, tile, q, k)[0]), (tile.cols - k) * tile.axes
        return apart(m, [m.read(first, LANES * i, count - LANES * i) for i in range(tile.axes)])

    @staticmethod
    def ask(m, array, start, tile, q, k):
        """Ask for those of a row that comes soon."""
        first = array.starting(start + SideBySide.places(m, tile, q, k)[0])
        for i in range(tile.axes):
            first.prefetch(m.w_out * (tile.axes * AHEAD) + LANES * i)

    @staticmethod
    def write(m, array, start, tile, q, k, vectors):
        """Write one for each axis."""
        first, count = array.starting(start + SideBySide.places(m, tile, q, k)[0]), (tile.cols - k) * tile.axes
        for i, vector in enumerate(together(m, vectors)):
            m.write(first, LANES * i, vector, count - LANES * i)


# By whether coordinates stand side by side.
LAYOUTS = {False: Planes, True: SideBySide}


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
