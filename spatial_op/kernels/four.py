"""Windows of four channels at once, which lie side by side in them.

A tap of a pixel is then read, or added to, once for all four: measured 1.4 times faster to read and twice as fast to
add to. Slopes are not computed this way, since four sums per pixel cost more than is gained. When gradients are
scattered, the last group may have fewer channels; the missing ones are zero.
"""

from .jit import index, inner
from .lanes import (
    COUNT,
    FOUR,
    deposit_four,
    load,
    load_each,
    neighbours_four,
    prefetch,
    spread,
    store,
    to_channels,
    to_pixels,
)
from .vectors import blend, rest, scatter_lanes


@inner
def fill_four(fix, source, plane, h, w, edge, x0, y0, width, height, stride, window):
    """``fill`` for four channels."""
    left = min(max(-x0, 0), width)
    right = max(left, min(width, w - x0))
    step = h * w
    b, c, d = index(step), index(2 * step), index(3 * step)
    for r in range(height):
        row, inside = fix(y0 + r, h, edge)
        at = index(r * stride * FOUR)
        if not inside:
            for k in range(index(width * FOUR)):
                window[at + k] = 0
            continue
        start = plane + row * w
        fill_margin(fix, source, start, step, w, edge, x0, 0, left, at, window)
        count, begin = right - left, index(start + x0 + left)
        middle = at + index(left * FOUR)
        if count >= COUNT:
            for k in range(index(0), index(count), index(COUNT)):
                k = min(k, index(count - COUNT))  # the last vectors overlap those before them
                o = begin + k
                prefetch(source, o + index(FOUR * step))  # the next group
                pixels = to_pixels((load(source, o), load(source, o + b), load(source, o + c), load(source, o + d)))
                for i in range(FOUR):
                    store(window, middle + k * index(FOUR) + index(i * COUNT), pixels[i])
        else:
            fill_margin(fix, source, start, step, w, edge, x0, left, right, at, window)
        fill_margin(fix, source, start, step, w, edge, x0, right, width, at, window)


@inner
def fill_margin(fix, source, start, step, w, edge, x0, first, last, at, window):
    """Columns ``first`` to ``last`` of one row, pixel by pixel."""
    for k in range(first, last):
        j, inside = fix(x0 + k, w, edge)
        for c in range(FOUR):
            window[at + index(k * FOUR + c)] = source[index(start + j + c * step)] if inside else 0


@inner
def fold_four(fix, window, present, h, w, edge, x0, y0, width, height, stride, target, plane, top, bottom):
    """``fold`` for four channels."""
    left = min(max(-x0, 0), width)
    right = max(left, min(width, w - x0))
    step = h * w
    for r in range(height):
        row, inside = fix(y0 + r, h, edge)
        if not inside or row < top or row >= bottom:
            continue
        at = index(r * stride * FOUR)
        start = plane + row * w
        fold_margin(fix, window, start, present, step, w, edge, x0, 0, left, at, target)
        whole = left + (right - left) // COUNT * COUNT
        for k in range(index(left), index(whole), index(COUNT)):
            o = index(start + x0) + k
            i = at + k * index(FOUR)
            channels = to_channels(
                (
                    load(window, i),
                    load(window, i + index(COUNT)),
                    load(window, i + index(2 * COUNT)),
                    load(window, i + index(3 * COUNT)),
                )
            )
            for c in range(present):
                place = o + index(c * step)
                store(target, place, load(target, place) + channels[c])
        fold_margin(fix, window, start, present, step, w, edge, x0, whole, width, at, target)


@inner
def fold_margin(fix, window, start, present, step, w, edge, x0, first, last, at, target):
    """Columns ``first`` to ``last`` of one row, pixel by pixel."""
    for k in range(first, last):
        j, inside = fix(x0 + k, w, edge)
        if inside:
            for c in range(present):
                target[index(start + j + c * step)] += window[at + index(k * FOUR + c)]


@inner
def gather_four(
    taps, window, stride, places, part_x, part_y, runs, length, pitch, target, start, step, plane, spare
):  # fmt: skip
    """``gather`` for four channels, whose planes are ``plane`` apart in ``target``."""
    first, row = index(0), index(stride * FOUR)
    for q in range(index(runs)):
        j, o = q * index(pitch), start + q * step
        for k in range(index(0), index(length), index(COUNT)):
            i = j + k
            channels = to_channels(
                (
                    blend(load_each, neighbours_four, taps, window, first, row, places, part_x, part_y, i),
                    blend(load_each, neighbours_four, taps, window, first, row, places, part_x, part_y, i + index(4)),
                    blend(load_each, neighbours_four, taps, window, first, row, places, part_x, part_y, i + index(8)),
                    blend(load_each, neighbours_four, taps, window, first, row, places, part_x, part_y, i + index(12)),
                )
            )
            count = index(length) - k
            for c in range(FOUR):
                at = o + k + index(c * plane)
                if count >= COUNT:
                    store(target, at, channels[c])
                else:
                    store(spare, index(0), channels[c])
                    for n in range(count):
                        target[at + n] = spare[n]


@inner
def upstream_four(out_grad, at, count, present, plane, spare):
    """Upstream gradients of ``COUNT`` pixels of four channels; zero after the last pixel and for missing channels."""
    none = spread(0.0, spare)
    for c in range(present):
        if count >= COUNT:
            store(spare, index((c + 1) * COUNT), load(out_grad, at + index(c * plane)))
        else:
            rest(out_grad, at + index(c * plane), count, spare)
            store(spare, index((c + 1) * COUNT), load(spare, index(0)))
    for c in range(present, FOUR):
        store(spare, index((c + 1) * COUNT), none)
    return to_pixels(
        (
            load(spare, index(COUNT)),
            load(spare, index(2 * COUNT)),
            load(spare, index(3 * COUNT)),
            load(spare, index(4 * COUNT)),
        )
    )


@inner
def scatter_four(
    taps, out_grad, start, step, plane, places, part_x, part_y, present, runs, length, pitch, window, stride, spare
):  # fmt: skip
    """``scatter`` for four channels."""
    for q in range(index(runs)):
        j, o = q * index(pitch), start + q * step
        for k in range(index(0), index(length), index(COUNT)):
            grads = upstream_four(out_grad, o + k, index(length) - k, present, plane, spare)
            for i in range(FOUR):
                at = j + k + index(i * FOUR)
                scatter_lanes(
                    load_each,
                    deposit_four,
                    taps,
                    grads[i],
                    places,
                    part_x,
                    part_y,
                    at,
                    window,
                    index(0),
                    index(stride * FOUR),
                )
