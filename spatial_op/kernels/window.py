"""Sampling from a window: a copy of the source pixels that a tile needs, whose outside the padding rule has filled.

``at`` is the index of a tile's first pixel among the output pixels, ``plane`` that of a channel's first pixel among the
source's.
"""

from .jit import index, inner
from .lanes import COUNT, load, prefetch
from .vectors import add_slopes, blend, fetch_row, give_row, put, slopes, spill, upstream


@inner
def image_part(box, w):
    """Columns of a window that lie in the image: first, and last plus one."""
    left = min(max(-box.x, 0), box.width)
    return left, max(left, min(box.width, w - box.x))


@inner
def fill(rules, source, plane, apart, frame, box, window):
    """Copy the box of one channel, with the padding rule's values outside the image; channels are ``apart``."""
    w, h = frame.source
    left, right = image_part(box, w)
    for r in range(box.height):
        row, inside = rules.fix(box.y + r, h, rules.edge)
        at = index(r * box.stride)
        if not inside:
            for k in range(index(box.width)):
                window[at + k] = 0
            continue
        start = plane + row * w
        for k in range(index(left)):
            j, inside = rules.fix(box.x + int(k), w, rules.edge)
            window[at + k] = source[index(start + j)] if inside else 0
        middle, begin = at + index(left), index(start + box.x + left)
        for k in range(index(right - left)):
            window[middle + k] = source[begin + k]
        for k in range(index(0), index(right - left), index(COUNT)):
            prefetch(source, begin + k + index(apart))  # the next channel
        for k in range(index(right), index(box.width)):
            j, inside = rules.fix(box.x + int(k), w, rules.edge)
            window[at + k] = source[index(start + j)] if inside else 0


@inner
def fold(rules, window, frame, box, target, plane, top, bottom):
    """The transpose of ``fill``: add the window to rows ``top`` to ``bottom`` of one channel."""
    w, h = frame.source
    left, right = image_part(box, w)
    for r in range(box.height):
        row, inside = rules.fix(box.y + r, h, rules.edge)
        if not inside or row < top or row >= bottom:
            continue
        at = index(r * box.stride)
        start = plane + row * w
        for k in range(index(left)):
            j, inside = rules.fix(box.x + int(k), w, rules.edge)
            if inside:
                target[index(start + j)] += window[at + k]
        middle, begin = at + index(left), index(start + box.x + left)
        for k in range(index(right - left)):
            target[begin + k] += window[middle + k]
        for k in range(index(right), index(box.width)):
            j, inside = rules.fix(box.x + int(k), w, rules.edge)
            if inside:
                target[index(start + j)] += window[at + k]


@inner
def gather(rules, window, box, frame, tile, work, target, at):
    """Sample a tile of one channel."""
    where, step = (index(0), (index(box.stride),)), index(frame.target[0])
    places, parts = work.places, work.parts
    for q in range(index(tile.runs)):
        j, o = q * index(tile.pitch), at + q * step
        for k in range(index(0), index(tile.length), index(COUNT)):
            value = blend(load, fetch_row, rules.taps, window, where, (), places, parts, j + k)
            put(target, o + k, value, index(tile.length) - k)


@inner
def scatter(rules, out_grad, at, frame, tile, work, window, box):
    """The transpose of ``gather``: add a tile of one channel to a window."""
    where, step = (index(0), (index(box.stride),)), index(frame.target[0])
    places, parts = work.places, work.parts
    for q in range(index(tile.runs)):
        j, o = q * index(tile.pitch), at + q * step
        for k in range(index(0), index(tile.length), index(COUNT)):
            grad = upstream(out_grad, o + k, index(tile.length) - k)
            spill(load, give_row, rules.taps, grad, places, parts, j + k, window, where, ())


@inner
def accumulate(rules, window, box, frame, tile, work, out_grad, at):
    """Add one channel's share to the gradients with respect to a tile's coordinates."""
    where, step = (index(0), (index(box.stride),)), index(frame.target[0])
    places, parts, grads = work.places, work.parts, work.grads
    for q in range(index(tile.runs)):
        j, o = q * index(tile.pitch), at + q * step
        for k in range(index(0), index(tile.length), index(COUNT)):
            grad = upstream(out_grad, o + k, index(tile.length) - k)
            along = slopes(fetch_row, rules.taps, window, where, (), places, parts, j + k)
            add_slopes(grads, j + k, grad, along)
