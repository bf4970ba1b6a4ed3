"""How pixels lie in memory: channels as planes, or the channels of a pixel side by side.

Windows have the channels of a group side by side in any case. A layout copies pixels of an image to them and back, and samples
to the result. It is made for an array of so many channels whose first number is given; ``place`` counts pixels.
"""

import numpy as np

from .tiles import AHEAD
from .trace import LANES
from .turn import from_memory, in_memory, packed_of, turn, unpacked

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

    def copy(self, line, place, begin, end, ahead):
        """Copy columns of a row, the first of which has this place, to a window's line; ask for the row that is ``ahead`` pixels away."""
        m, group, whole = self.m, self.group, begin + (end - begin) // LANES * LANES
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

    def add(self, line, place, begin, end, ahead):
        """Add a window's line to columns of a row."""
        m, group, whole = self.m, self.group, begin + (end - begin) // LANES * LANES
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

    def copy(self, line, place, begin, end, ahead):
        """Copy columns of a row: all at once if pixels lie in the image as they do in a window, or, of three channels, a few at a time."""
        m, group, source = self.m, self.group, self.array.starting(self.at(place))
        rest = m.variable(begin)
        for _ in m.when(self.channels == group):
            for k in m.range(begin * group, end * group, LANES):
                line.put(k, m.read(source, k, end * group - k))
                source.prefetch(k + ahead * group)
            rest.value = end
        if group == 4:
            for _ in m.when(self.channels == 3):
                nothing, order = (
                    m.full(0.0, m.kind_of(line)),
                    [LANES if i % 4 == 3 else i - i // 4 for i in range(LANES)],
                )
                # A vector has four pixels and a third: the row must go on for two more.
                last = begin + m.larger(end - begin - 2, 0) // 4 * 4
                for k in m.range(begin, last, 4):
                    line.put(k * group, m.shuffle(source.vector(k * 3), nothing, order))
                    source.prefetch((k + ahead) * 3)
                rest.value = last
        for k in m.range(rest.value, end):
            line.put(k * group, self.get(place + k))

    def copy_pixel(self, pixel, place):
        """Copy one pixel."""
        pixel.put(0, self.get(place))

    def add(self, line, place, begin, end, ahead):
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

    def write(self, place, packed, count):
        """Write samples, which are packed."""
        m, group = self.m, self.group
        dense = (count >= LANES) & (self.channels == group)
        # In order, what is written beyond a pixel's channels is overwritten by those of the next one.
        ordered = (count >= LANES) & (self.channels < group)
        for _ in m.when(dense):
            for number, vector in enumerate(in_memory(m, packed)):
                self.array.put(self.at(place) + number * LANES, vector)
        for _ in m.when(ordered):
            *pixels, last = unpacked(m, packed)
            for i, pixel in enumerate(pixels):
                self.array.put(self.at(place + i), pixel)
            self.put(place + (LANES - 1), last)
        for _ in m.when(~(dense | ordered)):
            memory = m.workspace(m.kind_of(self.array), LANES * group)
            for number, vector in enumerate(in_memory(m, packed)):
                memory.put(number * LANES, vector)
            for i in m.range(0, m.smaller(count, LANES)):
                self.put(place + i, memory.vector(i * group, group))

    def read(self, place, count):
        """The transpose; zero beyond the last column."""
        m, group, kind = self.m, self.group, self.m.kind_of(self.array)
        memory, nothing = m.workspace(kind, LANES * group), m.full(0.0, kind, group)
        for _ in m.when(count < LANES):
            for i in m.range(count, LANES):
                memory.put(i * group, nothing)
        for i in m.range(0, m.smaller(count, LANES)):
            memory.put(i * group, self.get(place + i))
        return [memory.vector(i * group, group) for i in range(LANES)]

    def packed(self, vectors):
        """What was read, packed."""
        return packed_of(self.m, vectors)


def put_pixels(m, line, channels):
    """Write ``LANES`` pixels, whose channels lie side by side, to a window."""
    vectors = channels if len(channels) == 1 else in_memory(m, turn(m, channels))
    for number, vector in enumerate(vectors):
        line.put(number * LANES, vector)


def get_pixels(m, line, group):
    """The transpose: a vector for each channel."""
    vectors = [line.vector(number * LANES) for number in range(group)]
    return vectors if group == 1 else turn(m, from_memory(m, vectors))
