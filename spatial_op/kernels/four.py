"""Windows of four channels at once, which lie side by side in them.

A tap of a pixel is then read, or added to, once for all four: measured 1.4 times faster to read and twice as fast to
add to. Slopes are not computed this way, since four sums per pixel cost more than is gained. When gradients are
scattered, the last group may have fewer channels; the missing ones are zero.
"""

from .jit import index, inlined, inner
from .lanes import (
    COUNT,
    FOUR,
    load,
    load_each,
    prefetch,
    spread,
    store,
    to_channels,
    to_pixels,
)
from .vectors import blend, fetch_row_four, give_row_four, put, spill, upstream
from .window import image_part


@inlined
def load_four(array, at, step):
    """Four vectors, ``step`` apart."""
    b, c, d = at + index(step), at + index(2 * step), at + index(3 * step)
    return load(array, at), load(array, b), load(array, c), load(array, d)


@inner
def fill_four(rules, source, plane, step, frame, box, window):
    """``fill`` for four channels, which are ``step`` apart."""
    w, h = frame.source
    left, right = image_part(box, w)
    for r in range(box.height):
        row, inside = rules.fix(box.y + r, h, rules.edge)
        at = index(r * box.stride * FOUR)
        if not inside:
            for k in range(index(box.width * FOUR)):
                window[at + k] = 0
            continue
        start = plane + row * w
        fill_margin(rules, source, start, step, w, box, 0, left, at, window)
        count, begin = right - left, index(start + box.x + left)
        middle = at + index(left * FOUR)
        if count >= COUNT:
            for k in range(index(0), index(count), index(COUNT)):
                k = min(k, index(count - COUNT))  # the last vectors overlap those before them
                prefetch(source, begin + k + index(FOUR * step))  # the next group
                pixels = to_pixels(load_four(source, begin + k, step))
                for i in range(FOUR):
                    store(window, middle + k * index(FOUR) + index(i * COUNT), pixels[i])
        else:
            fill_margin(rules, source, start, step, w, box, left, right, at, window)
        fill_margin(rules, source, start, step, w, box, right, box.width, at, window)


@inner
def fill_margin(rules, source, start, step, w, box, first, last, at, window):
    """Columns ``first`` to ``last`` of one row, pixel by pixel."""
    for k in range(first, last):
        j, inside = rules.fix(box.x + k, w, rules.edge)
        for c in range(FOUR):
            window[at + index(k * FOUR + c)] = source[index(start + j + c * step)] if inside else 0


@inner
def fold_four(rules, window, present, frame, box, target, plane, top, bottom):
    """``fold`` for four channels."""
    w, h = frame.source
    left, right = image_part(box, w)
    step = h * w
    for r in range(box.height):
        row, inside = rules.fix(box.y + r, h, rules.edge)
        if not inside or row < top or row >= bottom:
            continue
        at = index(r * box.stride * FOUR)
        start = plane + row * w
        fold_margin(rules, window, start, present, step, w, box, 0, left, at, target)
        whole = left + (right - left) // COUNT * COUNT
        for k in range(index(left), index(whole), index(COUNT)):
            o = index(start + box.x) + k
            channels = to_channels(load_four(window, at + k * index(FOUR), COUNT))
            for c in range(present):
                place = o + index(c * step)
                store(target, place, load(target, place) + channels[c])
        fold_margin(rules, window, start, present, step, w, box, whole, box.width, at, target)


@inner
def fold_margin(rules, window, start, present, step, w, box, first, last, at, target):
    """Columns ``first`` to ``last`` of one row, pixel by pixel."""
    for k in range(first, last):
        j, inside = rules.fix(box.x + k, w, rules.edge)
        if inside:
            for c in range(present):
                target[index(start + j + c * step)] += window[at + index(k * FOUR + c)]


@inlined
def quarter(rules, window, where, places, parts, j):
    """Four pixels of four channels."""
    return blend(load_each, fetch_row_four, rules.taps, window, where, (), places, parts, j)


@inner
def gather_four(rules, window, box, frame, tile, work, target, at):
    """``gather`` for four channels."""
    w_out, h_out = frame.target
    where, step, plane = (index(0), (index(box.stride * FOUR),)), index(w_out), w_out * h_out
    places, parts = work.places, work.parts
    for q in range(index(tile.runs)):
        j, o = q * index(tile.pitch), at + q * step
        for k in range(index(0), index(tile.length), index(COUNT)):
            i = j + k
            channels = to_channels(
                (
                    quarter(rules, window, where, places, parts, i),
                    quarter(rules, window, where, places, parts, i + index(4)),
                    quarter(rules, window, where, places, parts, i + index(8)),
                    quarter(rules, window, where, places, parts, i + index(12)),
                )
            )
            for c in range(FOUR):
                put(target, o + k + index(c * plane), channels[c], index(tile.length) - k)


@inlined
def upstream_four(out_grad, at, count, present, plane, spare):
    """Upstream gradients of ``COUNT`` pixels of four channels; zero after the last pixel and for missing channels."""
    for c in range(present):
        store(spare, index(c * COUNT), upstream(out_grad, at + index(c * plane), count))
    for c in range(present, FOUR):
        store(spare, index(c * COUNT), spread(0.0, spare))
    return to_pixels(load_four(spare, index(0), COUNT))


@inner
def scatter_four(rules, out_grad, at, present, frame, tile, work, window, box):
    """``scatter`` for four channels."""
    w_out, h_out = frame.target
    where, step, plane = (index(0), (index(box.stride * FOUR),)), index(w_out), w_out * h_out
    places, parts, spare = work.places, work.parts, work.spare
    for q in range(index(tile.runs)):
        j, o = q * index(tile.pitch), at + q * step
        for k in range(index(0), index(tile.length), index(COUNT)):
            grads = upstream_four(out_grad, o + k, index(tile.length) - k, present, plane, spare)
            for i in range(FOUR):
                n = j + k + index(i * FOUR)
                spill(load_each, give_row_four, rules.taps, grads[i], places, parts, n, window, where, ())
