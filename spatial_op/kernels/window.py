"""Sampling from a window: a copy of the source pixels that a tile needs, whose outside the padding rule has filled."""

from .jit import index, inner
from .lanes import COUNT, deposit, load, neighbours, prefetch, store
from .vectors import accumulate_lanes, blend, rest, scatter_lanes


@inner
def fill(fix, source, plane, h, w, edge, x0, y0, width, height, stride, window):
    """Copy the box at (y0, x0) of one channel, with the padding rule's values outside the image."""
    left = min(max(-x0, 0), width)
    right = max(left, min(width, w - x0))
    for r in range(height):
        row, inside = fix(y0 + r, h, edge)
        at = index(r * stride)
        if not inside:
            for k in range(index(width)):
                window[at + k] = 0
            continue
        start = plane + row * w
        for k in range(index(left)):
            j, inside = fix(x0 + int(k), w, edge)
            window[at + k] = source[index(start + j)] if inside else 0
        middle, begin = at + index(left), index(start + x0 + left)
        for k in range(index(right - left)):
            window[middle + k] = source[begin + k]
        for k in range(index(0), index(right - left), index(COUNT)):
            prefetch(source, begin + k + index(h * w))  # the next channel
        for k in range(index(right), index(width)):
            j, inside = fix(x0 + int(k), w, edge)
            window[at + k] = source[index(start + j)] if inside else 0


@inner
def fold(fix, window, h, w, edge, x0, y0, width, height, stride, target, plane, top, bottom):
    """The transpose of ``fill``: add the window to rows ``top`` to ``bottom`` of one channel."""
    left = min(max(-x0, 0), width)
    right = max(left, min(width, w - x0))
    for r in range(height):
        row, inside = fix(y0 + r, h, edge)
        if not inside or row < top or row >= bottom:
            continue
        at = index(r * stride)
        start = plane + row * w
        for k in range(index(left)):
            j, inside = fix(x0 + int(k), w, edge)
            if inside:
                target[index(start + j)] += window[at + k]
        middle, begin = at + index(left), index(start + x0 + left)
        for k in range(index(right - left)):
            target[begin + k] += window[middle + k]
        for k in range(index(right), index(width)):
            j, inside = fix(x0 + int(k), w, edge)
            if inside:
                target[index(start + j)] += window[at + k]


@inner
def gather(taps, source, first, stride, places, part_x, part_y, runs, length, pitch, target, start, step, spare):
    """Sample a tile of one channel: ``runs`` stretches of ``length`` pixels, ``pitch`` apart in the tile and ``step`` apart in ``target``."""
    whole = index(length - length % COUNT)
    for q in range(index(runs)):
        j, o = q * index(pitch), start + q * step
        for k in range(index(0), whole, index(COUNT)):
            store(target, o + k, blend(load, neighbours, taps, source, first, stride, places, part_x, part_y, j + k))
        if whole < length:
            store(
                spare, index(0), blend(load, neighbours, taps, source, first, stride, places, part_x, part_y, j + whole)
            )
            for k in range(index(length) - whole):
                target[o + whole + k] = spare[k]


@inner
def scatter(taps, out_grad, start, step, places, part_x, part_y, runs, length, pitch, window, stride, spare):
    """The transpose of ``gather``: add a tile of one channel to a window."""
    whole = index(length - length % COUNT)
    for q in range(index(runs)):
        j, o = q * index(pitch), start + q * step
        for k in range(index(0), whole, index(COUNT)):
            scatter_lanes(
                load, deposit, taps, load(out_grad, o + k), places, part_x, part_y, j + k, window, index(0), stride
            )
        if whole < length:
            rest(out_grad, o + whole, length - whole, spare)
            scatter_lanes(
                load, deposit, taps, load(spare, index(0)), places, part_x, part_y, j + whole, window, index(0), stride
            )


@inner
def accumulate(
    taps, source, first, stride, places, part_x, part_y,
    out_grad, start, step, runs, length, pitch, grad_x, grad_y, spare,
):  # fmt: skip
    """Add one channel's share to the gradients with respect to a tile's coordinates."""
    whole = index(length - length % COUNT)
    for q in range(index(runs)):
        j, o = q * index(pitch), start + q * step
        for k in range(index(0), whole, index(COUNT)):
            grad = load(out_grad, o + k)
            accumulate_lanes(taps, source, first, stride, places, part_x, part_y, j + k, grad, grad_x, grad_y)
        if whole < length:
            rest(out_grad, o + whole, length - whole, spare)
            k, grad = whole, load(spare, index(0))
            accumulate_lanes(taps, source, first, stride, places, part_x, part_y, j + k, grad, grad_x, grad_y)
