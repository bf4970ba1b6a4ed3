"""How pixels lie in memory: channels as planes, or the channels of a pixel side by side.

Windows have the channels of a group side by side in any case. A layout copies pixels of an image to them and back, and samples
to the result. It is made for an array of so many channels whose first number is given; ``place`` counts pixels.
"""

import numpy as np

from .tiles import AHEAD
from .trace import LANES
from .turn import from_memory, in_memory, packed_of, turn

# Pixels that are packed at once.
PACKED = 64


class Planes:
    """Each channel is a plane; ``apart`` is the distance of two. Of channels that are missing from a group the first one is read."""

    def __init__(self, m, array, first, apart, present, group):
        self.m, self.present, self.group = m, present, group
        self.planes = [array.starting(first + self.channel(c) * apart) for c in range(group)]

    def channel(self, c):
        """The c-th channel of a group, if it is there."""
        return np.where(self.present > c, self.m.full(c, "i8", None), 0) if c else 0

    def copy(self, line, place, begin, end, limit, ahead):
        """Copy columns of a row, the first of which has this place, to a window's line; ask for the row that is ``ahead`` pixels away.

        More than that may be copied, but none from ``limit`` on, where the image ends.
        """
        m, group, whole = self.m, self.group, end_of_vectors(self.m, begin, end, limit)
        lines = [plane.starting(place) for plane in self.planes]
        for k in m.range(begin, whole, LANES):
            put_pixels(m, line.starting(k * group), [one.vector(k) for one in lines])
            for one in lines:
                one.prefetch(k + ahead)
        for _ in m.when(whole < end):
            put_pixels(m, line.starting(whole * group), [one.some(whole, end - whole) for one in lines])

    def copy_pixel(self, pixel, place):
        """Copy one pixel."""
        for c, plane in enumerate(self.planes):
            pixel[c] = plane[place]

    def add(self, line, place, begin, end, limit, ahead):
        """Add a window's line to columns of a row; behind them it has zeros for a vector, which may be added too, but none from ``limit`` on."""
        m, group, whole = self.m, self.group, end_of_vectors(self.m, begin, end, limit)
        lines = [plane.starting(place) for plane in self.planes]
        for k in m.range(begin, whole, LANES):
            for c, more in enumerate(get_pixels(m, line.starting(k * group), group)):
                for _ in m.when(self.present > c):
                    lines[c].put(k, lines[c].vector(k) + more)
                    lines[c].prefetch(k + ahead, to_write=True)
        for _ in m.when(whole < end):
            for c, more in enumerate(get_pixels(m, line.starting(whole * group), group)):
                for _ in m.when(self.present > c):
                    lines[c].put_some(whole, lines[c].some(whole, end - whole) + more, end - whole)

    def add_pixel(self, pixel, place):
        """Add one pixel."""
        for c, plane in enumerate(self.planes):
            for _ in self.m.when(self.present > c):
                plane[place] = plane[place] + pixel[c]

    def write(self, place, pixels, count):
        """Write samples, those of each channel a vector, from a place on."""
        for c, vector in enumerate(pixels):
            for _ in self.m.when(self.present > c):
                self.m.write(self.planes[c], place, vector, count)
                self.planes[c].prefetch(place + self.m.w_out * AHEAD, to_write=True)

    def read(self, place, count):
        """The transpose: a vector for each pixel, or of one channel a vector; zero beyond the last column and for missing channels."""
        m, found = self.m, []
        for c, plane in enumerate(self.planes):
            vector = m.variable(m.full(0.0, m.kind_of(plane)))
            for _ in m.when(self.present > c):
                vector.value = m.read(plane, place, count)
                plane.prefetch(place + m.w_out * AHEAD)
            found.append(vector.value)
        return found

    def packed(self, vectors):
        """What was read, packed if there are several channels."""
        return vectors if self.group == 1 else turn(self.m, vectors)


class SideBySide:
    """Pixels of so many ``channels`` each; those of a group are a vector."""

    def __init__(self, m, array, first, channels, present, group):
        self.m, self.present, self.group, self.channels = m, present, group, channels
        self.array = array.starting(first)

    def at(self, place):
        """Where a pixel's channels begin."""
        return place * self.channels

    def get(self, place):
        """The channels of a pixel; zero for those that are missing."""
        return self.array.some(self.at(place), self.present, self.group)

    def put(self, place, vector):
        """Write the channels of a pixel."""
        self.array.put_some(self.at(place), vector, self.present)

    def copy(self, line, place, begin, end, limit, ahead):
        """Copy columns of a row: all at once if pixels lie in the image as they do in a window, or, of three channels, a few at a time."""
        m, group, source = self.m, self.group, self.array.starting(self.at(place))
        rest = m.variable(begin)
        for _ in m.when(self.channels == group):
            for k in m.range(begin * group, end * group, LANES):
                line.put(k, m.read(source, k, limit * group - k))
                source.prefetch(k + ahead * group)
            rest.value = end
        if group == 4:
            for _ in m.when(self.channels == 3):
                nothing, order = (
                    m.full(0.0, m.kind_of(line)),
                    [LANES if i % 4 == 3 else i - i // 4 for i in range(LANES)],
                )
                # A vector has four pixels and a third: the row must go on for two more.
                fours = m.smaller((end - begin + 3) // 4, m.larger(limit - begin - 2, 0) // 4)
                last = begin + fours * 4
                for k in m.range(begin, last, 4):
                    line.put(k * group, m.shuffle(source.vector(k * 3), nothing, order))
                    source.prefetch((k + ahead) * 3)
                rest.value = last
        for k in m.range(rest.value, end):
            line.put(k * group, self.get(place + k))

    def copy_pixel(self, pixel, place):
        """Copy one pixel."""
        pixel.put(0, self.get(place))

    def add(self, line, place, begin, end, limit, ahead):
        """Add a window's line to columns of a row."""
        m, group = self.m, self.group
        for _ in m.when(self.channels > group):
            for k in m.range(begin, end):
                self.put(place + k, self.get(place + k) + line.vector(k * group, group))
        for _ in m.when(self.channels <= group):
            # Some pixels are packed first: to read what is just being written to would take long.
            packed = m.workspace(m.kind_of(self.array), (PACKED + 1) * group)
            for first in m.range(begin, end, PACKED):
                count = m.smaller(end - first, PACKED)
                for k in m.range(0, count):
                    packed.put(k * self.channels, line.vector((first + k) * group, group))
                target, numbers = self.array.starting(self.at(place + first)), count * self.channels
                for k in m.range(0, numbers, LANES):
                    m.write(target, k, m.read(target, k, numbers - k) + packed.vector(k), numbers - k)

    def add_pixel(self, pixel, place):
        """Add one pixel."""
        self.put(place, self.get(place) + pixel.vector(0, self.group))

    def densely(self, count):
        """In branches: layouts of ``LANES`` pixels as whole vectors, and how these become vectors of a window, and back."""
        whole = count >= LANES
        for _ in self.m.when(whole & (self.channels == self.group)):
            yield self.group, list, list
        if self.group == 4:
            for _ in self.m.when(whole & (self.channels == 3)):
                yield 3, self.with_fourths, self.without_fourths

    def with_fourths(self, vectors):
        """Pixels of three channels -> of four, the last one zero."""
        m, found = self.m, []
        there = m.in_order([lane % 4 for lane in range(LANES)], "i4") < 3
        for number in range(4):
            first = number * 12 // LANES
            pair = vectors[first], vectors[min(first + 1, 2)]
            order = [number * 12 + lane - lane // 4 - first * LANES for lane in range(LANES)]
            found.append(np.where(there, m.shuffle(*pair, order), 0.0))
        return found

    def without_fourths(self, vectors):
        """The inverse."""
        found = []
        for number in range(3):
            places = range(number * LANES, (number + 1) * LANES)
            order = [place // 3 * 4 + place % 3 - number * LANES for place in places]
            found.append(self.m.shuffle(vectors[number], vectors[number + 1], order))
        return found

    def write(self, place, packed, count):
        """Write samples, which are packed."""
        m, group = self.m, self.group
        vectors, rest = in_memory(m, packed), m.variable(m.smaller(count, LANES))
        for _, _, as_image in self.densely(count):
            for number, vector in enumerate(as_image(vectors)):
                self.array.put(self.at(place) + number * LANES, vector)
            rest.value = 0
        for _ in m.when(rest.value > 0):
            memory = m.workspace(m.kind_of(self.array), LANES * group)
            for number, vector in enumerate(vectors):
                memory.put(number * LANES, vector)
            for i in m.range(0, rest.value):
                self.put(place + i, memory.vector(i * group, group))

    def read(self, place, count):
        """The transpose, packed; zero beyond the last column and for missing channels."""
        m, group, kind = self.m, self.group, self.m.kind_of(self.array)
        found = [m.variable(m.full(0.0, kind)) for _ in range(group)]
        rest = m.variable(m.smaller(count, LANES))

        def keep(packed):
            for variable, vector in zip(found, packed):
                variable.value = vector

        for channels, as_window, _ in self.densely(count):
            vectors = [self.array.vector(self.at(place) + number * LANES) for number in range(channels)]
            keep(from_memory(m, as_window(vectors)))
            rest.value = 0
        for _ in m.when(rest.value > 0):
            memory, nothing = m.workspace(kind, LANES * group), m.full(0.0, kind, group)
            for i in m.range(rest.value, LANES):
                memory.put(i * group, nothing)
            for i in m.range(0, rest.value):
                memory.put(i * group, self.get(place + i))
            keep(packed_of(m, [memory.vector(i * group, group) for i in range(LANES)]))
        return [variable.value for variable in found]

    @staticmethod
    def packed(vectors):
        """What was read is so."""
        return vectors


def end_of_vectors(m, begin, end, limit):
    """Where whole vectors end that begin at a column and go on to ``end``, or as far as they can before ``limit``."""
    return begin + m.smaller((end - begin + (LANES - 1)) // LANES, m.larger(limit - begin, 0) // LANES) * LANES


def put_pixels(m, line, channels):
    """Write ``LANES`` pixels, whose channels lie side by side, to a window."""
    vectors = channels if len(channels) == 1 else in_memory(m, turn(m, channels))
    for number, vector in enumerate(vectors):
        line.put(number * LANES, vector)


def get_pixels(m, line, group):
    """The transpose: a vector for each channel."""
    vectors = [line.vector(number * LANES) for number in range(group)]
    return vectors if group == 1 else turn(m, from_memory(m, vectors))
