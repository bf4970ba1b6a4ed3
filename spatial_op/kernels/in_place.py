"""Sampling in place, planes and volumes alike: no window is filled, pixels are read where they are.

Vectors whose taps are all inside the image read consecutive pixels; the others look up where each of their taps is.
``plane`` is the index of a channel's first pixel among the source pixels, ``at`` that of a tile's first pixel among the
output pixels.
"""

from typing import NamedTuple

import numpy as np

from .cells import BLANK, INSIDE, reach_of, spots_of
from .jit import index, inlined, inner
from .lanes import COUNT, all_between, load, mix, scattered, spread, store
from .vectors import (
    add_slopes,
    add_slopes_volume,
    blend,
    blend_volume,
    fetch_row,
    give_row,
    put,
    slopes,
    slopes_volume,
    spill,
    spill_volume,
    upstream,
)


class Kit(NamedTuple):
    """What planes and volumes do differently."""

    blend: object
    slopes: object
    add_slopes: object
    spill: object
    strides: object
    positions: object


@inlined
def plane_strides(source):
    """Distance of neighbouring lines."""
    return (index(source[0]),)


@inlined
def volume_strides(source):
    """Distance of neighbouring slices, of neighbouring lines."""
    return (index(source[0] * source[1]), index(source[0]))


@inlined
def plane_positions(base, lines, reach):
    """Where in ``work.spots`` the y offsets of a line are."""
    return (base + (index(reach) + lines[0]) * index(COUNT),)


@inlined
def volume_positions(base, lines, reach):
    """Where in ``work.spots`` the z and y offsets of a line are."""
    return (
        base + (index(2 * reach) + lines[0]) * index(COUNT),
        base + (index(reach) + lines[1]) * index(COUNT),
    )


@inlined
def plane_kit():
    """For planes."""
    return Kit(blend, slopes, add_slopes, spill, plane_strides, plane_positions)


@inlined
def volume_kit():
    """For volumes."""
    return Kit(blend_volume, slopes_volume, add_slopes_volume, spill_volume, volume_strides, volume_positions)


@inlined
def fetch_spots(source, where, lines, places, j, like):
    """Pixels of one line of taps, each looked up."""
    plane, spots, base, positions = where
    return scattered(source, plane, spots, positions(base, lines, len(like)), base, index(COUNT), like)


@inlined
def give_spots(target, where, lines, places, j, along_x, grad):
    """The transpose of ``fetch_spots``, for taps whose outermost offset is between ``top`` and ``bottom``."""
    plane, spots, base, positions, top, bottom, spare = where
    for s in range(len(along_x)):
        store(spare, index(s * COUNT), mix(spread(0.0, spare), along_x[s][0], grad))
    outer = positions(base, lines, len(along_x))
    for i in range(index(COUNT)):
        line = spots[outer[0] + i]
        if line < top or line >= bottom:
            continue
        for axis in range(1, len(outer)):
            line += spots[outer[axis] + i]
        for s in range(len(along_x)):
            spot = line + spots[base + index(s * COUNT) + i]
            if spot >= 0:
                target[plane + index(spot)] += spare[index(s * COUNT) + i]


@inner
def gather_in_place(kit, rules, source, plane, frame, tile, work, target, at):
    """Sample a tile of one channel."""
    inside = (index(plane), kit.strides(frame.source))
    step, axes, reach = index(frame.target[0]), len(frame.source), reach_of(rules)
    kinds, places, parts, spots = work.kinds, work.places, work.parts, work.spots
    for q in range(index(tile.runs)):
        for k in range(index(0), index(tile.length), index(COUNT)):
            j, o, count = q * index(tile.pitch) + k, at + q * step + k, index(tile.length) - k
            if kinds[j] == BLANK:
                put(target, o, spread(0.0, target), count)
            elif kinds[j] == INSIDE:
                value = kit.blend(load, fetch_row, rules.taps, source, inside, (), places, parts, j)
                put(target, o, value, count)
            else:
                where = (index(plane), spots, spots_of(j, axes, reach), kit.positions)
                value = kit.blend(load, fetch_spots, rules.taps, source, where, (), places, parts, j)
                put(target, o, value, count)


@inner
def scatter_in_place(kit, rules, out_grad, at, frame, tile, work, target, plane, top, bottom):
    """The transpose of ``gather_in_place``, into the lines (of volumes: slices) from ``top`` to ``bottom``.

    Both branches add the same numbers in the same order, so the result does not depend on how the lines are divided.
    """
    strides = kit.strides(frame.source)
    inside, stride = (index(plane), strides), int(strides[0])
    step, axes, reach = index(frame.target[0]), len(frame.source), reach_of(rules)
    kinds, places, parts, spots, spare, outer_cells = (
        work.kinds,
        work.places,
        work.parts,
        work.spots,
        work.spare,
        work.cells[axes - 1],
    )
    for q in range(index(tile.runs)):
        for k in range(index(0), index(tile.length), index(COUNT)):
            j, o = q * index(tile.pitch) + k, at + q * step + k
            if kinds[j] == BLANK:
                continue
            grad = upstream(out_grad, o, index(tile.length) - k)
            if kinds[j] == INSIDE and all_between(outer_cells, j, top, bottom - reach):
                kit.spill(load, give_row, rules.taps, grad, places, parts, j, target, inside, ())
            else:
                base = spots_of(j, axes, reach)
                where = (index(plane), spots, base, kit.positions, top * stride, bottom * stride, spare)
                kit.spill(load, give_spots, rules.taps, grad, places, parts, j, target, where, ())


@inner
def accumulate_in_place(kit, rules, source, plane, frame, tile, work, out_grad, at):
    """Add one channel's share to the gradients with respect to a tile's coordinates."""
    inside = (index(plane), kit.strides(frame.source))
    step, axes, reach = index(frame.target[0]), len(frame.source), reach_of(rules)
    kinds, places, parts, spots, grads = work.kinds, work.places, work.parts, work.spots, work.grads
    for q in range(index(tile.runs)):
        for k in range(index(0), index(tile.length), index(COUNT)):
            j, o = q * index(tile.pitch) + k, at + q * step + k
            if kinds[j] == BLANK:
                continue
            grad = upstream(out_grad, o, index(tile.length) - k)
            if kinds[j] == INSIDE:
                along = kit.slopes(fetch_row, rules.taps, source, inside, (), places, parts, j)
                kit.add_slopes(grads, j, grad, along)
            else:
                where = (index(plane), spots, spots_of(j, axes, reach), kit.positions)
                along = kit.slopes(fetch_spots, rules.taps, source, where, (), places, parts, j)
                kit.add_slopes(grads, j, grad, along)


@inner
def advance_in_place(kit, rules, source, plane, frame, tile, work, target, at):
    """Add to a tile of one channel how its samples change when the coordinates change by ``work.grads``."""
    inside = (index(plane), kit.strides(frame.source))
    step, axes, reach = index(frame.target[0]), len(frame.source), reach_of(rules)
    kinds, places, parts, spots, grads = work.kinds, work.places, work.parts, work.spots, work.grads
    for q in range(index(tile.runs)):
        for k in range(index(0), index(tile.length), index(COUNT)):
            j, o, count = q * index(tile.pitch) + k, at + q * step + k, index(tile.length) - k
            if kinds[j] == BLANK:
                continue
            if kinds[j] == INSIDE:
                along = kit.slopes(fetch_row, rules.taps, source, inside, (), places, parts, j)
            else:
                where = (index(plane), spots, spots_of(j, axes, reach), kit.positions)
                along = kit.slopes(fetch_spots, rules.taps, source, where, (), places, parts, j)
            total = upstream(target, o, count)
            for axis in range(axes):
                total = mix(total, load(grads[axis], j), along[axis])
            put(target, o, total, count)


@inner
def void(tile, work):
    """Where any coordinate is no number, the gradients of all are none."""
    for q in range(index(tile.runs)):
        for j in range(q * index(tile.pitch), q * index(tile.pitch) + index(tile.length)):
            nothing = work.parts[0][j] * 0
            for axis in range(1, len(work.parts)):
                nothing += work.parts[axis][j] * 0
            if nothing != nothing:
                for axis in range(len(work.grads)):
                    work.grads[axis][j] = np.nan
