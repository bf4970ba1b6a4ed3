"""Gradients of deformable convolution.

A unit of work is a block of channels of some images: nobody else adds to these pixels. For each tile and tap, the
gradient of the samples is a product of filters and upstream gradient; one pass over the positions then samples again,
adds to the gradient of the pixels and multiplies with them, which the offsets need; the gradient of the filters is a
product of upstream gradient and samples. What several units add to is summed in the order of the units.
"""

from typing import NamedTuple

import numpy as np

from .blocks import block_of, filter_of, interleave, into, out_of, own, scratch, separate, shares
from .cells import mix
from .convolution import tile_bounds
from .matrix import multiply, totals
from .planes import clear
from .points import CHANGES, Points
from .trace import LANES
from .turn import columns as columns_of


def packing(form):
    """What ``pack`` is given."""
    sizes = ("blocks", "filters", "taps", "depth")
    return {**dict.fromkeys(sizes, "int"), "table": "i8", "weight": form.kind, **scratch(form.kind, "panels")}


def pack(m, form):
    """Bring filters into the order in which the gradient of the samples reads them: block, tap, filter, channel."""
    for unit in shares(m, m.blocks * m.filters):
        number, filter = unit // m.filters, unit % m.filters
        block = block_of(m, number)
        panel = own(m, "panels").starting((number * m.taps * m.filters + filter) * form.width)
        lines, to = m.weight.starting(filter_of(m, block, filter)), into(panel, m.filters * form.width)
        interleave(m, lines, m.taps, block.channels, m.taps, form.width, to)


def pulling(form, leaning):
    """What ``pull`` is given: it writes or adds the gradient of the images, and writes those of the others in parts.

    Rows of filters are filled up to ``whole``; ``length`` is what they are apart.
    """
    sizes = (
        "samples", "channels", "blocks", "groups", "filters", "whole", "tiles", "chunks", "length",
        "want_samples", "want_data", "want_weight", "add_data",
    )  # fmt: skip
    arrays = {"table": "i8", **dict.fromkeys(("data", "upper", "lower", "offset_parts"), form.kind)}
    rooms = scratch(form.kind, "panels", "weight_parts", *Rooms._fields)
    changes = dict.fromkeys(CHANGES[:leaning], form.kind)
    return {**dict.fromkeys(sizes, "int"), **arrays, **Points.parameters(form), **rooms, **changes}


class Rooms(NamedTuple):
    """A thread's arrays: a block of an image and its gradient; of a tile, gradients and samples."""

    images: object
    spilled: object
    tile_grads: object
    sample_grads: object
    columns: object
    sums: object


def pull(m, form, leaning):
    """Every ``threads``-th unit; if ``leaning``, of how the gradients change along a change of the offsets."""
    points, rooms = Points(m, form), Rooms(*[own(m, name) for name in Rooms._fields])
    source = points.pixels
    clear(m, rooms.images, 0, source * form.width, (source + 1) * form.width)
    for unit in m.range(m.part, m.chunks * m.blocks, m.threads):
        chunk, number = unit // m.blocks, unit % m.blocks
        block, begin = block_of(m, number), m.samples * chunk // m.chunks
        for image in m.range(begin, m.samples * (chunk + 1) // m.chunks):
            plane = (image * m.channels + block.first) * source
            to = into(rooms.images, form.width)
            interleave(m, m.data.starting(plane), source, block.channels, source, form.width, to)
            for _ in m.when(m.want_samples > 0):
                clear(m, rooms.spilled, 0, 0, (source + 1) * form.width)
            for tile in m.range(0, m.tiles):
                points.begin(*tile_bounds(m, tile, points.area))
                copy_tile(m, points, (image * m.groups + block.group) * m.filters, rooms.tile_grads)
                begun = (image > begin) | (tile > 0)
                for tap in m.range(0, points.taps):
                    pull_tap(m, form, leaning, points, rooms, unit, image, number, block, tap, begun)
            for _ in m.when(m.want_data > 0):
                found = out_of(rooms.spilled, form.width, form.lanes)
                lower = m.lower.starting(plane)
                separate(m, found, source, form.width, lower, source, block.channels, m.add_data > 0)


def copy_tile(m, points, plane, tile):
    """Upstream gradient of a tile, a row for each filter, filled up with zeros."""
    for filter in m.range(0, m.whole):
        for p in m.range(0, m.length, LANES):
            there = np.where(filter < m.filters, points.count - p, 0)
            at = (plane + filter) * points.area + points.start + p
            tile.put(filter * m.length + p, m.read(m.upper, at, there))


def pull_tap(m, form, leaning, points, rooms, unit, image, number, block, tap, begun):
    """All gradients of one tap of a tile."""
    shape, width = form.shape, form.width
    plane = points.plane(image, block.deformable, tap)
    changes = [m.arguments[name] for name in CHANGES[:leaning]]
    points.look(tap, plane, 0, changes)
    for _ in m.when(m.want_samples > 0):
        panel = own(m, "panels").starting((number * points.taps + tap) * m.filters * width)
        for p in m.range(0, points.count, shape.rows):
            grads = rooms.sample_grads.starting(p * width)
            multiply(m, shape, rooms.tile_grads.starting(p), 1, m.length, panel, m.filters, grads, width, False)
        pass_tap(m, form, points, block.channels, rooms)
        to = ((number * m.samples + image) * points.taps + tap) * form.planes
        write_offsets(m, form, points, tap, plane, rooms.sums, to, changes)
    for _ in m.when(m.want_samples == 0):
        resample(m, form, points, rooms)
    for _ in m.when(m.want_weight > 0):
        parts = own(m, "weight_parts").starting((unit * points.taps + tap) * m.whole * width)
        for filter in m.range(0, m.whole, shape.rows):
            grads, to = rooms.tile_grads.starting(filter * m.length), parts.starting(filter * width)
            multiply(m, shape, grads, m.length, 1, rooms.columns, points.count, to, width, begun)


def sampled(pixels, weights):
    """The weighted sum of the pixels around a point; those without weight are not looked at."""
    total = 0.0
    for pixel, weight in zip(pixels, weights):
        total = mix(total, weight, pixel, True)
    return total


def resample(m, form, points, rooms):
    """The samples of one tap."""
    for j in m.range(0, points.count):
        places, weights = points.around(0, j)
        for at in form.pieces:
            pixels = [rooms.images.vector(place * form.width + at, form.lanes) for place in places]
            factors = [m.full(weight, form.kind, form.lanes) for weight in weights]
            rooms.columns.put(j * form.width + at, sampled(pixels, factors))


def pass_tap(m, form, points, channels, rooms):
    """Samples of one tap, their gradients added to the pixels, and the products with the pixels around each point."""
    for j in m.range(0, points.count):
        places, weights = points.around(0, j)
        factors, products = [m.full(weight, form.kind, form.lanes) for weight in weights], [0.0] * form.corners
        for at in form.pieces:
            pixels = [rooms.images.vector(place * form.width + at, form.lanes) for place in places]
            # An infinite gradient times the zeros of channels that are missing is no number.
            held = m.counting("i4", form.lanes) < m.to(channels - at, "i4")
            grad = np.where(held, rooms.sample_grads.vector(j * form.width + at, form.lanes), 0.0)
            rooms.columns.put(j * form.width + at, sampled(pixels, factors))
            products = [product + grad * pixel for product, pixel in zip(products, pixels)]
            for place, factor in zip(places, factors):  # one after the other, since they may coincide
                to = place * form.width + at
                rooms.spilled.put(to, mix(rooms.spilled.vector(to, form.lanes), factor, grad, True))
        rooms.sums.put(j * form.corners, totals(m, products))


def write_offsets(m, form, points, tap, plane, sums, to, changes):
    """Gradients of the coordinates and the mask at the positions of a tile, or how they change along one of ``changes``."""
    for j in m.range(0, points.count, LANES):
        point = points.find(tap, plane, j)
        products = columns_of(m, [sums.vector((j + i) * form.corners, form.corners) for i in range(LANES)])
        moved = [points.shifts(change, plane, j) for change in changes]
        grads = point.bends(products, *moved) if moved else point.gradients(products)
        for i, grad in enumerate(grads):
            at = (to + i) * points.area + points.start + j
            m.write(m.offset_parts, at, np.where(point.finite, grad, np.nan), points.count - j)


def gathering(form):
    """What ``gather`` is given."""
    sizes = ("chunks", "blocks", "filters", "whole", "taps", "depth", "add")
    return {**dict.fromkeys(sizes, "int"), "table": "i8", "lower": form.kind, **scratch(form.kind, "weight_parts")}


def gather(m, form):
    """The gradient of the filters: sums over chunks of images."""
    for unit in shares(m, m.blocks * m.filters):
        number, filter = unit // m.filters, unit % m.filters
        block = block_of(m, number)
        parts = own(m, "weight_parts").starting((number * m.taps * m.whole + filter) * form.width)
        lower = m.lower.starting(filter_of(m, block, filter))
        separate(m, summed(m, form, parts), m.taps, form.width, lower, m.taps, block.channels, m.add > 0)


def summed(m, form, parts):
    """For ``separate``: the channels at a tap, added up over the chunks in their order."""

    def get(tap, at):
        place, each = tap * m.whole * form.width + at, m.blocks * m.taps * m.whole * form.width
        total = m.variable(parts.vector(place, form.lanes))
        for chunk in m.range(1, m.chunks):
            total.value = total.value + parts.vector(chunk * each + place, form.lanes)
        return total.value

    return get
