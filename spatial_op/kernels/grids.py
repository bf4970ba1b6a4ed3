"""Grids: the coordinates of a transform, or of an optical flow, written out; and their gradients pulled back."""

import numpy as np

from . import cells
from .scattered import vectors
from .tiles import AXES, area, pieces_of_work, tile_at, tiles
from .trace import LANES


def parameters(source, axes):
    """What the kernels are given, but for what they write."""
    return {"samples": "int", **cells.output(axes), **source.parameters}


def units(m, axes, in_turn):
    """The work: numbers of sample and tile, and the tile."""
    for sample, number in pieces_of_work(m, m.samples, tiles(m, axes), in_turn):
        yield sample, number, tile_at(m, number, axes)


def generate(m, source, axes, dtype, layout):
    """Write the grid."""
    write(m, source, axes, dtype, layout, source.located)


def push(m, source, axes, dtype, layout):
    """Write how the grid changes along a change of what the source was given."""
    write(m, source, axes, dtype, layout, source.push)


def push_twice(m, source, axes, dtype, layout):
    """Write how that change changes along another one."""
    write(m, source, axes, dtype, layout, lambda *place: source.push_twice(*place)[2])


def write(m, source, axes, dtype, layout, point):
    """Write what ``point`` finds for each pixel."""
    source.start(m)
    for sample, _, tile in units(m, axes, source.in_turn):
        source.begin(m, sample, tile)
        for q, k in vectors(m, tile):
            values = [m.to(value, dtype) for value in point(m, tile, q, k)]
            layout.write(m, m.out, sample * (area(m, axes) * axes), tile, q, k, values)


def contract(m, source, axes, dtype, layout):
    """Pull the gradient of a grid back, or write how that changes: every tile has its own place among the sums."""
    source.start(m)
    for sample, number, tile in units(m, axes, source.in_turn):
        source.begin(m, sample, tile)
        source.begin_sums(m, tile, number, sample)
        for q, k in vectors(m, tile):
            source.pull(m, tile, q, k, layout.read(m, m.upper, sample * (area(m, axes) * axes), tile, q, k))
        source.finish(m)


def flow_parameters(axes):
    """What ``flow`` is given, but for the arrays."""
    return {"rows": "int", **cells.output(axes), "ramp": "float", **{f"scale_{axis}": "float" for axis in AXES[:axes]}}


def flow(m, axes, dtype):
    """Write optical flow plus ``ramp`` times the pixels' own places, from the centre, scaled; planes of x, y and z take turns."""
    sizes = [m.arguments[f"{size}_out"] for size in "whd"[:axes]]
    middles = [m.to(size - 1, "f8") * 0.5 for size in sizes]
    for row in m.range(m.part, m.rows, m.threads):
        rest, places = row, [0.0 - middles[0]]
        for size, middle in zip(sizes[1:], middles[1:]):
            places.append(m.to(rest % size, "f8") - middle)
            rest = rest // size
        plane = rest % axes
        first, scale = places[0], m.scale_x
        for axis in range(1, axes):
            first = np.where(plane == axis, places[axis], first)
            scale = np.where(plane == axis, m.arguments[f"scale_{AXES[axis]}"], scale)
        step = np.where(plane == 0, m.ramp, 0.0)
        for k in m.range(0, m.w_out, LANES):
            at, count = row * m.w_out + k, m.w_out - k
            place = (m.counting("f8") + m.to(k, "f8")) * step + first * m.ramp
            value = (m.to(m.read(m.given, at, count), "f8") + place) * scale
            m.write(m.out, at, m.to(value, dtype), count)
