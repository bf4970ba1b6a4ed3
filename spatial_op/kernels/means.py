"""Means of the samples of a pixel: how samples are added up, and how gradients are shared out among them.

Where a pixel has one sample, this writes it, and reads a gradient, as it is.
"""

from .supersampling import active, pixel_row, shifts
from .tiles import SIDE, area
from .trace import LANES, separate


def first_of_pixel(m, q):
    """Whether a row of a tile has the first samples of its pixels."""
    return q == pixel_row(m, q) * m.fine


def last_of_pixel(m, q):
    """Whether it has the last ones."""
    return q + 1 == (pixel_row(m, q) + 1) * m.fine


def shared(m, vectors):
    """Vectors divided by the number of samples."""
    return [vector * m.to(m.share, m.kind_of(vector)) for vector in vectors] if active(m) else vectors


def room(m, dtype, group):
    """Memory for the sums of a row of pixels, each of so many channels, if there are any."""
    return m.workspace(dtype, SIDE * group) if active(m) else None


def added(m, memory, at, q, vector):
    """Add a vector to the sum that is kept of it, which begins with the first sample."""
    total = m.variable(vector)
    for _ in m.when(~first_of_pixel(m, q)):
        total.value = separate(memory.vector(at, m.count_of(vector)), vector)
    memory.put(at, total.value)
    return total.value


def write_window(m, out, memory, q, k, place, vectors, count):
    """Write vectors of samples from a row of a tile, or add them up until there are all of a pixel's."""
    if not active(m):
        out.write(place, vectors, count)
        return
    size = m.count_of(vectors[0])
    first = k // LANES * (size * len(vectors))
    sums = [added(m, memory, first + number * size, q, vector) for number, vector in enumerate(vectors)]
    for _ in m.when(last_of_pixel(m, q)):
        out.write(place, shared(m, sums), count)


def write(m, out, memory, q, k, channel, begin, place, vector, count):
    """The same of a vector of one channel, of those from ``begin`` on."""
    if not active(m):
        m.write(out, place, vector, count)
        return
    total = added(m, memory, (channel - begin) * SIDE + k, q, vector)
    for _ in m.when(last_of_pixel(m, q)):
        m.write(out, place, *shared(m, [total]), count)


def numbers_of(m, tile):
    """Numbers of a grid; where pixels have several samples its slopes along each axis follow it."""
    numbers = area(m, tile.axes) * tile.axes
    return numbers * (1 + tile.axes) if active(m) else numbers


def slopes(m, source, tile, q):
    """How far a row's samples are from their pixels along each axis, and where the grid's slopes along it begin."""
    for place, shift in enumerate(shifts(m, tile.axes, q), start=1):
        yield m.to(shift, source.dtype), area(m, tile.axes) * (tile.axes * place)


def read_grid(m, source, array, start, tile, q, k):
    """The coordinates of a row's samples: for each axis a vector."""
    found = source.layout.read(m, array, start, tile, q, k)
    for shift, at in slopes(m, source, tile, q):
        found = [
            number + slope * shift for number, slope in zip(found, source.layout.read(m, array, start + at, tile, q, k))
        ]
    return found


def write_grid(m, source, tile, q, k, grads):
    """Write their gradients, or add those of a pixel up: the transpose."""
    add_to_grid(m, source, source.place_of_sums, tile, q, k, grads)
    for shift, at in slopes(m, source, tile, q):
        add_to_grid(m, source, source.place_of_sums + at, tile, q, k, [grad * shift for grad in grads])


def add_to_grid(m, source, start, tile, q, k, grads):
    """The same of the grid itself, or of its slopes along one axis."""
    if active(m):
        sums = [m.variable(grad) for grad in grads]
        for _ in m.when(~first_of_pixel(m, q)):
            for total, more in zip(sums, source.layout.read(m, m.sums, start, tile, q, k)):
                total.value = separate(total.value, more)
        grads = [total.value for total in sums]
    source.layout.write(m, m.sums, start, tile, q, k, grads)
