"""Sampling in place: vectors whose taps are all inside the image read it directly, the others are done pixel by pixel."""

import numpy as np

from .jit import index, inner
from .lanes import COUNT, all_between, deposit, load, mix, neighbours, spread, store
from .tiles import BLANK, INSIDE, MIXED
from .vectors import accumulate_lanes, blend, rest, scatter_lanes


@inner
def pick(fix, taps, source, plane, x, y, part_x, part_y, h, w, edge):
    """One sample and its derivatives; a tap of weight zero is not read."""
    value, slope_x, slope_y = -0.0, 0.0, 0.0
    i = y
    for weight_y, rise_y in taps(np.float64(part_y)):
        line, row_inside = fix(i, h, edge)
        row, rise, j = -0.0, 0.0, x
        for weight_x, rise_x in taps(np.float64(part_x)):
            column, inside = fix(j, w, edge)
            pixel = source[index(plane + line * w + column)] if inside and row_inside else 0.0
            if weight_x != 0:
                row += weight_x * pixel
            if rise_x != 0:
                rise += rise_x * pixel
            j += 1
        if weight_y != 0:
            value += weight_y * row
            slope_x += weight_y * rise
        if rise_y != 0:
            slope_y += rise_y * row
        i += 1
    return value, slope_x, slope_y


@inner
def gather_in_place(
    fix,
    taps,
    source,
    plane,
    h,
    w,
    edge,
    cell_x,
    cell_y,
    places,
    part_x,
    part_y,
    kinds,
    runs,
    length,
    pitch,
    target,
    start,
    step,
    spare,
):
    """``gather`` without a window."""
    for q in range(index(runs)):
        for k in range(index(0), index(length), index(COUNT)):
            j, o = q * index(pitch) + k, start + q * step + k
            count = min(index(COUNT), index(length) - k)
            if kinds[j] == INSIDE and count == COUNT:
                store(
                    target, o, blend(load, neighbours, taps, source, index(plane), index(w), places, part_x, part_y, j)
                )
            elif kinds[j] == BLANK:
                for i in range(count):
                    target[o + i] = 0
            else:
                for i in range(count):
                    x, y = int(cell_x[j + i]), int(cell_y[j + i])
                    target[o + i] = pick(fix, taps, source, plane, x, y, part_x[j + i], part_y[j + i], h, w, edge)[0]


@inner
def scatter_in_place(
    fix, taps, out_grad, start, step, cell_x, cell_y, places, part_x, part_y, kinds,
    reach, runs, length, pitch, target, plane, h, w, edge, top, bottom, spare,
):  # fmt: skip
    """``scatter`` without a window, into the rows from ``top`` to ``bottom``; coordinates that are no numbers give nothing.

    Both branches add the same numbers in the same order, so the result does not depend on how the rows are divided.
    """
    for q in range(index(runs)):
        for k in range(index(0), index(length), index(COUNT)):
            j, o = q * index(pitch) + k, start + q * step + k
            count = min(index(COUNT), index(length) - k)
            if kinds[j] == BLANK:
                continue
            if kinds[j] == INSIDE and all_between(cell_y, j, top, bottom - reach):
                rest(out_grad, o, count, spare)
                grad = load(spare, index(0))
                scatter_lanes(load, deposit, taps, grad, places, part_x, part_y, j, target, index(plane), index(w))
                continue
            rest(out_grad, o, count, spare)
            grad = load(spare, index(0))
            along_x = taps(load(part_x, j))
            r = 0
            for weight_y, _ in taps(load(part_y, j)):
                row = mix(spread(0.0, part_x), weight_y, grad)
                for s in range(reach):
                    store(spare, index(s * COUNT), mix(spread(0.0, part_x), along_x[s][0], row))
                for i in range(count):
                    line, inside = fix(int(cell_y[j + i]) + r, h, edge)
                    if (
                        inside
                        and top <= line < bottom
                        and part_x[j + i] == part_x[j + i]
                        and part_y[j + i] == part_y[j + i]
                    ):
                        for s in range(reach):
                            column, inside = fix(int(cell_x[j + i]) + s, w, edge)
                            if inside:
                                target[index(plane + line * w + column)] += spare[index(s * COUNT) + i]
                r += 1


@inner
def accumulate_in_place(
    fix, taps, source, plane, h, w, edge, cell_x, cell_y, places, part_x, part_y, kinds,
    out_grad, start, step, runs, length, pitch, grad_x, grad_y, spare,
):  # fmt: skip
    """``accumulate`` without a window; coordinates that are no numbers have gradients that are no numbers."""
    for q in range(index(runs)):
        for k in range(index(0), index(length), index(COUNT)):
            j, o = q * index(pitch) + k, start + q * step + k
            count = min(index(COUNT), index(length) - k)
            if kinds[j] == INSIDE:
                rest(out_grad, o, count, spare)
                grad = load(spare, index(0))
                accumulate_lanes(taps, source, index(plane), index(w), places, part_x, part_y, j, grad, grad_x, grad_y)
            elif kinds[j] == MIXED:
                for i in range(j, j + count):
                    grad = out_grad[o + i - j]
                    _, slope_x, slope_y = pick(
                        fix, taps, source, plane, int(cell_x[i]), int(cell_y[i]), part_x[i], part_y[i], h, w, edge
                    )
                    if part_x[i] != part_x[i] or part_y[i] != part_y[i]:
                        grad_x[i] = grad_y[i] = np.nan
                    elif grad != 0:
                        grad_x[i] += grad * slope_x
                        grad_y[i] += grad * slope_y
