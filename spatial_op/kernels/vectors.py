"""One vector of samples: its value, its derivatives and their transposes, from whatever array holds the pixels.

A vector is ``COUNT`` pixels of one channel, or four pixels of four channels. The functions serve both, planes and
volumes, and every way of addressing pixels. They are handed

* ``read(parts, j)``, which loads the distances of vector ``j``;
* ``fetch(source, where, lines, places, j, like)``, which gives the pixels of one line of taps along x;
* ``give(target, where, lines, places, j, along_x, grad)``, its transpose.

``lines`` says which line: the number of the tap along y and, of volumes, before it that along z.
"""

from .jit import index, inlined
from .lanes import (
    COUNT,
    deposit,
    deposit_four,
    load,
    load_some,
    mix,
    neighbours,
    neighbours_four,
    spread,
    store,
    store_some,
)


@inlined
def start_of_line(where, lines):
    """Index of the first tap of place 0, when ``where`` is (first, (stride of a line, ...))."""
    first, strides = where
    for axis in range(len(lines)):
        first += lines[axis] * strides[axis]
    return first


@inlined
def fetch_row(source, where, lines, places, j, like):
    """Pixels at consecutive places of an array."""
    return neighbours(source, start_of_line(where, lines), places, j, like)


@inlined
def fetch_row_four(source, where, lines, places, j, like):
    """The same for four channels side by side."""
    return neighbours_four(source, start_of_line(where, lines), places, j, like)


@inlined
def give_row(target, where, lines, places, j, along_x, grad):
    """The transpose of ``fetch_row``."""
    deposit(target, start_of_line(where, lines), places, j, along_x, grad)


@inlined
def give_row_four(target, where, lines, places, j, along_x, grad):
    """The transpose of ``fetch_row_four``."""
    deposit_four(target, start_of_line(where, lines), places, j, along_x, grad)


@inlined
def blend(read, fetch, taps, source, where, outer, places, parts, j):
    """A vector of samples of a plane, or of that slice of a volume which ``outer`` names."""
    along_x = taps(read(parts[0], j))
    value = spread(-0.0, parts[0])
    r = index(0)
    for weight_y, _ in taps(read(parts[1], j)):
        row = spread(-0.0, parts[0])
        pixels = fetch(source, where, outer + (r,), places, j, along_x)
        for s in range(len(along_x)):
            row = mix(row, along_x[s][0], pixels[s])
        value = mix(value, weight_y, row)
        r += index(1)
    return value


@inlined
def blend_volume(read, fetch, taps, source, where, outer, places, parts, j):
    """A vector of samples of a volume."""
    value = spread(-0.0, parts[0])
    r = index(0)
    for weight_z, _ in taps(read(parts[2], j)):
        value = mix(value, weight_z, blend(read, fetch, taps, source, where, (r,), places, parts, j))
        r += index(1)
    return value


@inlined
def differentiate(fetch, taps, source, where, outer, places, parts, j):
    """Derivatives of a vector of samples with respect to x and y, and the samples."""
    along_x = taps(load(parts[0], j))
    slope_x = spread(0.0, parts[0])
    slope_y = spread(0.0, parts[0])
    value = spread(-0.0, parts[0])
    r = index(0)
    for weight_y, rise_y in taps(load(parts[1], j)):
        row = spread(-0.0, parts[0])
        rise = spread(0.0, parts[0])
        pixels = fetch(source, where, outer + (r,), places, j, along_x)
        for s in range(len(along_x)):
            row = mix(row, along_x[s][0], pixels[s])
            rise = mix(rise, along_x[s][1], pixels[s])
        slope_x = mix(slope_x, weight_y, rise)
        slope_y = mix(slope_y, rise_y, row)
        value = mix(value, weight_y, row)
        r += index(1)
    return slope_x, slope_y, value


@inlined
def slopes(fetch, taps, source, where, outer, places, parts, j):
    """Derivatives of a vector of samples of a plane."""
    slope_x, slope_y, _ = differentiate(fetch, taps, source, where, outer, places, parts, j)
    return slope_x, slope_y


@inlined
def slopes_volume(fetch, taps, source, where, outer, places, parts, j):
    """Derivatives of a vector of samples of a volume."""
    slope_x = spread(0.0, parts[0])
    slope_y = spread(0.0, parts[0])
    slope_z = spread(0.0, parts[0])
    r = index(0)
    for weight_z, rise_z in taps(load(parts[2], j)):
        along_x, along_y, value = differentiate(fetch, taps, source, where, (r,), places, parts, j)
        slope_x = mix(slope_x, weight_z, along_x)
        slope_y = mix(slope_y, weight_z, along_y)
        slope_z = mix(slope_z, rise_z, value)
        r += index(1)
    return slope_x, slope_y, slope_z


@inlined
def spill(read, give, taps, grad, places, parts, j, target, where, outer):
    """The transpose of ``blend``."""
    along_x = taps(read(parts[0], j))
    r = index(0)
    for weight_y, _ in taps(read(parts[1], j)):
        give(target, where, outer + (r,), places, j, along_x, mix(spread(0.0, parts[0]), weight_y, grad))
        r += index(1)


@inlined
def spill_volume(read, give, taps, grad, places, parts, j, target, where, outer):
    """The transpose of ``blend_volume``."""
    r = index(0)
    for weight_z, _ in taps(read(parts[2], j)):
        share = mix(spread(0.0, parts[0]), weight_z, grad)
        spill(read, give, taps, share, places, parts, j, target, where, (r,))
        r += index(1)


@inlined
def add_slope(grads, j, grad, along):
    """Add the share of a vector of samples; a sample whose upstream gradient is zero has none, whatever the data."""
    store(grads, j, mix(load(grads, j), grad, along))


@inlined
def add_slopes(grads, j, grad, along):
    """``add_slope`` along x and y."""
    add_slope(grads[0], j, grad, along[0])
    add_slope(grads[1], j, grad, along[1])


@inlined
def add_slopes_volume(grads, j, grad, along):
    """``add_slope`` along x, y and z."""
    add_slope(grads[0], j, grad, along[0])
    add_slope(grads[1], j, grad, along[1])
    add_slope(grads[2], j, grad, along[2])


@inlined
def upstream(out_grad, at, count):
    """The upstream gradients of a vector; zero from the ``count``-th pixel on."""
    return load(out_grad, at) if count >= index(COUNT) else load_some(out_grad, at, count, 0.0)


@inlined
def put(target, at, value, count):
    """Write the first ``count`` lanes."""
    if count >= index(COUNT):
        store(target, at, value)
    else:
        store_some(target, at, value, count)
