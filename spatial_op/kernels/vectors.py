"""One vector of samples: its value, its derivatives and their transposes, from whatever array holds the pixels.

A vector is ``COUNT`` pixels of one channel, or four pixels of four channels. ``blend`` and ``scatter_lanes`` serve both:
they are handed how to ``read`` the distances (``load`` or ``load_each``), and how to ``fetch`` taps or ``give`` to them
(``neighbours``, ``deposit`` or their namesakes for four).
"""

from .jit import index, inner
from .lanes import COUNT, load, mix, neighbours, spread, store


@inner
def blend(read, fetch, taps, source, first, stride, places, part_x, part_y, j):
    """A vector of samples, from the pixels around ``source[first + places[j:]]``."""
    along_x = taps(read(part_x, j))
    value = spread(-0.0, part_x)
    for weight_y, _ in taps(read(part_y, j)):
        row = spread(-0.0, part_x)
        pixels = fetch(source, first, places, j, along_x)
        for s in range(len(along_x)):
            row = mix(row, along_x[s][0], pixels[s])
        value = mix(value, weight_y, row)
        first += stride
    return value


@inner
def differentiate(taps, source, first, stride, places, part_x, part_y, j):
    """Derivatives of a vector of samples of one channel with respect to their coordinates."""
    along_x = taps(load(part_x, j))
    slope_x = spread(0.0, part_x)
    slope_y = spread(0.0, part_x)
    for weight_y, rise_y in taps(load(part_y, j)):
        row = spread(-0.0, part_x)
        rise = spread(0.0, part_x)
        pixels = neighbours(source, first, places, j, along_x)
        for s in range(len(along_x)):
            row = mix(row, along_x[s][0], pixels[s])
            rise = mix(rise, along_x[s][1], pixels[s])
        slope_x = mix(slope_x, weight_y, rise)
        slope_y = mix(slope_y, rise_y, row)
        first += stride
    return slope_x, slope_y


@inner
def scatter_lanes(read, give, taps, grad, places, part_x, part_y, j, target, first, stride):
    """The transpose of ``blend``."""
    along_x = taps(read(part_x, j))
    for weight_y, _ in taps(read(part_y, j)):
        give(target, first, places, j, along_x, mix(spread(0.0, part_x), weight_y, grad))
        first += stride


@inner
def accumulate_lanes(taps, source, first, stride, places, part_x, part_y, j, grad, grad_x, grad_y):
    """Add the share of a vector of samples; a sample whose upstream gradient is zero has none, whatever the data."""
    slope_x, slope_y = differentiate(taps, source, first, stride, places, part_x, part_y, j)
    store(grad_x, j, mix(load(grad_x, j), grad, slope_x))
    store(grad_y, j, mix(load(grad_y, j), grad, slope_y))


@inner
def rest(out_grad, at, count, spare):
    """The last ``count`` numbers of a stretch, followed by zeros."""
    for k in range(index(COUNT)):
        spare[k] = out_grad[at + k] if k < count else 0
