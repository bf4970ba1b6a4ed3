"""Gradients of deformable convolution.

A unit of work is a block of channels of some images: nobody else adds to these pixels. For each tile and tap, the
gradient of the samples is a product of filters and upstream gradient; one pass over the positions then samples again,
adds to the gradient of the pixels and multiplies with them, which the offsets need; the gradient of the filters is a
product of upstream gradient and samples. What several units add to is summed in the order of the units.
"""

import numpy as np

from .blocks import block, clear, interleave, own, pack_pixels, separate, shares
from .cells import mix
from .convolution import tile_bounds
from .matrix import multiply, totals
from .points import CORNERS, Points, room
from .trace import LANES
from .turn import columns as columns_of


def packing(form):
    """What ``pack`` is given."""
    sizes = ("blocks", "filters", "taps", "depth")
    return {**dict.fromkeys(sizes, "int"), "table": "i8", "weight": form.kind, "panels": form.kind}


def pack(m, form):
    """Bring filters into the order in which the gradient of the samples reads them: block, tap, filter, channel."""
    for unit in shares(m, m.blocks * m.filters):
        number, filter = unit // m.filters, unit % m.filters
        first, present, group, _ = block(m, number)
        lines = m.weight.starting(
            (group * m.filters + filter) * m.depth + (first - group * (m.depth // m.taps)) * m.taps
        )
        panel = m.panels.starting((number * m.taps * m.filters + filter) * form.width)

        def put(i, at, vector):
            panel.put(i * m.filters * form.width + at, vector)

        interleave(m, lines, m.taps, present, m.taps, form.width, put)


def pulling(form):
    """What ``pull`` is given: it writes or adds the gradient of the images, and writes those of the others in parts.

    Rows of filters are filled up to ``whole``; ``length`` is what they are apart.
    """
    sizes = (
        "samples", "channels", "blocks", "groups", "filters", "whole", "tiles", "chunks", "length",
        "want_samples", "want_data", "want_weight", "add_data",
    )  # fmt: skip
    arrays = ("data", "panels", "upper", "lower", "weight_parts", "offset_parts")
    rooms = ("images", "spilled", "tile_grads", "sample_grads", "columns", "sums")
    return {
        **dict.fromkeys(sizes, "int"), "table": "i8", **dict.fromkeys(arrays, form.kind), **Points.parameters(form),
        **room(**dict.fromkeys(rooms, form.kind)),
    }  # fmt: skip


def pull(m, form):
    """Every ``threads``-th unit."""
    points = Points(m, form)
    images, spilled, tile_grads, sample_grads, columns, sums = (
        own(m, name) for name in ("images", "spilled", "tile_grads", "sample_grads", "columns", "sums")
    )
    shape, width, area, taps, source = form.shape, form.width, points.area, points.taps, m.source_y * m.source_x
    clear(m, images, (source + 1) * width)
    for unit in m.range(m.part, m.chunks * m.blocks, m.threads):
        chunk, number = unit // m.blocks, unit % m.blocks
        first, present, group, deformable = block(m, number)
        begin = m.samples * chunk // m.chunks
        for image in m.range(begin, m.samples * (chunk + 1) // m.chunks):
            plane = (image * m.channels + first) * source
            pack_pixels(m, m.data.starting(plane), source, present, 0, source, width, images)
            for _ in m.when(m.want_samples > 0):
                clear(m, spilled, (source + 1) * width)
            for tile in m.range(0, m.tiles):
                start, count = tile_bounds(m, tile, area)
                points.begin(start, count)
                upper = m.upper.starting(((image * m.groups + group) * m.filters) * area + start)
                copy_tile(m, upper, area, count, tile_grads)
                for tap in m.range(0, taps):
                    points.look(tap, points.unit(image, deformable, tap), 0)
                    for _ in m.when(m.want_samples > 0):
                        panel = m.panels.starting((number * taps + tap) * m.filters * width)
                        for p in m.range(0, count, shape.rows):
                            multiply(
                                m, shape, tile_grads.starting(p), 1, m.length, panel, m.filters,
                                sample_grads.starting(p * width), width, False,
                            )  # fmt: skip
                        pass_tap(m, form, points, present, images, spilled, sample_grads, columns, sums)
                        to = ((number * m.samples + image) * taps + tap) * form.planes * area + start
                        write_offsets(m, form, points, tap, points.unit(image, deformable, tap), sums, to)
                    for _ in m.when(m.want_samples == 0):
                        resample(m, form, points, images, columns)
                    for _ in m.when(m.want_weight > 0):
                        parts = m.weight_parts.starting((unit * taps + tap) * m.whole * width)
                        for filter in m.range(0, m.whole, shape.rows):
                            multiply(
                                m, shape, tile_grads.starting(filter * m.length), m.length, 1, columns, count,
                                parts.starting(filter * width), width, (image > begin) | (tile > 0),
                            )  # fmt: skip
            for _ in m.when(m.want_data > 0):
                separate(
                    m, lambda i, at: spilled.vector(i * width + at, form.lanes), source, width, m.lower.starting(plane),
                    source, present, m.add_data > 0,
                )  # fmt: skip


def copy_tile(m, upper, area, count, tile):
    """Upstream gradient of a tile, a row for each filter, filled up with zeros."""
    for filter in m.range(0, m.whole):
        for p in m.range(0, m.length, LANES):
            there = np.where(filter < m.filters, count - p, 0)
            tile.put(filter * m.length + p, m.read(upper, filter * area + p, there))


def sampled(pixels, weights):
    """The weighted sum of the pixels around a point; those without weight are not looked at."""
    total = 0.0
    for pixel, weight in zip(pixels, weights):
        total = mix(total, weight, pixel, True)
    return total


def resample(m, form, points, images, columns):
    """The samples of one tap."""
    for j in m.range(0, points.count):
        places, weights = points.around(j)
        for at in form.pieces:
            pixels = [images.vector(place * form.width + at, form.lanes) for place in places]
            columns.put(
                j * form.width + at, sampled(pixels, [m.full(weight, form.kind, form.lanes) for weight in weights])
            )


def pass_tap(m, form, points, present, images, spilled, grads, columns, sums):
    """Samples of one tap, their gradients added to the pixels, and the four products with the pixels."""
    for j in m.range(0, points.count):
        places, weights = points.around(j)
        products = [None] * CORNERS
        for at in form.pieces:
            pixels = [images.vector(place * form.width + at, form.lanes) for place in places]
            factors = [m.full(weight, form.kind, form.lanes) for weight in weights]
            # An infinite gradient times the zeros of filters that are missing is no number.
            held = m.counting("i4", form.lanes) < m.to(present - at, "i4")
            grad = np.where(held, grads.vector(j * form.width + at, form.lanes), 0.0)
            columns.put(j * form.width + at, sampled(pixels, factors))
            for i, pixel in enumerate(pixels):
                products[i] = grad * pixel if products[i] is None else products[i] + grad * pixel
            for place, factor in zip(places, factors):  # one after the other, since they may coincide
                to = place * form.width + at
                spilled.put(to, mix(spilled.vector(to, form.lanes), factor, grad, True))
        sums.put(j * CORNERS, totals(m, products))


def write_offsets(m, form, points, tap, unit, sums, to):
    """Gradients of y, x and the mask at the positions of a tile."""
    for j in m.range(0, points.count, LANES):
        point = points.find(tap, unit, j)
        products = columns_of(m, [sums.vector((j + i) * CORNERS, CORNERS) for i in range(LANES)])
        for plane, grad in enumerate(point.gradients(products)):
            grad = np.where(point.finite, grad, np.nan)
            m.write(m.offset_parts, points.area * plane + to + j, grad, points.count - j)


def gathering(form):
    """What ``gather`` is given."""
    sizes = ("chunks", "blocks", "filters", "whole", "taps", "depth", "add")
    return {**dict.fromkeys(sizes, "int"), "table": "i8", "weight_parts": form.kind, "lower": form.kind}


def gather(m, form):
    """The gradient of the filters: sums over chunks of images."""
    each = m.taps * m.whole * form.width
    for unit in shares(m, m.blocks * m.filters):
        number, filter = unit // m.filters, unit % m.filters
        first, present, group, _ = block(m, number)
        lines = m.lower.starting(
            (group * m.filters + filter) * m.depth + (first - group * (m.depth // m.taps)) * m.taps
        )

        def get(tap, at):
            place = number * each + (tap * m.whole + filter) * form.width + at
            total = m.variable(m.weight_parts.vector(place, form.lanes))
            for chunk in m.range(1, m.chunks):
                total.value = total.value + m.weight_parts.vector(chunk * m.blocks * each + place, form.lanes)
            return total.value

        separate(m, get, m.taps, form.width, lines, m.taps, present, m.add > 0)
