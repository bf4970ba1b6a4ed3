"""Deformable convolution: sampled columns times filters, tile by tile.

For a tile of output positions and a block of channels, the samples of some taps are laid out as a matrix of position by
(tap, channel), which is multiplied with the filters and added up over taps and blocks. Images and filters are brought into the
order in which this reads them first. No column exists for longer than its tile.
"""

from .blocks import block, interleave, own, pack_pixels, separate, shares
from .matrix import multiply
from .points import Points, room
from .trace import LANES

# Pixels that are brought into block order at once.
RUN = 2048


def packing(form):
    """What ``pack`` is given: ``span`` is the number of filters of a group, filled up to whole panels."""
    sizes = ("samples", "channels", "area", "blocks", "filters", "span", "taps", "depth")
    arrays = dict.fromkeys(("data", "packed", "weight", "panels"), form.kind)
    return {**dict.fromkeys(sizes, "int"), "table": "i8", **arrays}


def pack(m, form):
    """Bring images, and then filters, into the order in which they are read.

    ``panels`` holds for each block, panel after panel, a matrix of (tap, channel) by filter. ``weight`` is (filter, channel, tap).
    """
    runs = (m.area + (RUN - 1)) // RUN
    for unit in shares(m, m.samples * m.blocks * runs):
        image, number, start = unit // runs // m.blocks, unit // runs % m.blocks, unit % runs * RUN
        first, present, _, _ = block(m, number)
        channels = m.data.starting((image * m.channels + first) * m.area)
        packed = m.packed.starting((image * m.blocks + number) * (m.area + 1) * form.width)
        pack_pixels(m, channels, m.area, present, start, m.smaller(m.area - start, RUN), form.width, packed)
        for _ in m.when(start == 0):
            for at in form.pieces:
                packed.put(m.area * form.width + at, m.full(0.0, form.kind, form.lanes))
    wide = form.shape.width
    for unit in shares(m, m.blocks * m.span // wide):
        number, column = unit % m.blocks, unit // m.blocks * wide
        first, present, group, _ = block(m, number)
        lines = m.weight.starting(
            (group * m.filters + column) * m.depth + (first - group * (m.depth // m.taps)) * m.taps
        )
        panel = m.panels.starting((first * m.span + column * present) * m.taps)

        def put(i, at, vector):
            panel.put((i % m.taps * present + i // m.taps) * wide + at, vector)

        interleave(m, lines, m.depth, m.filters - column, present * m.taps, wide, put)


def tile_bounds(m, tile, area):
    """First position and number of positions of a tile: whole vectors, but for the last."""
    vectors = (area + (LANES - 1)) // LANES
    first = vectors * tile // m.tiles * LANES
    return first, m.smaller(area, vectors * (tile + 1) // m.tiles * LANES) - first


def convolving(form):
    """What ``convolve`` is given: ``step`` taps are multiplied at once; ``parts`` share a group's filters."""
    sizes = ("samples", "blocks", "groups", "filters", "span", "tiles", "parts", "step", "stride", "line")
    arrays = dict.fromkeys(("packed", "panels", "bias", "out"), form.kind)
    rooms = room(columns=form.kind, sums=form.kind)
    return {**dict.fromkeys(sizes, "int"), "table": "i8", **arrays, **Points.parameters(form), **rooms}


def convolve(m, form, leaning):
    """Write the result or, if ``leaning``, its change along a ``change`` of the offsets; a unit is a part of a tile's filters."""
    points, columns, sums = Points(m, form), own(m, "columns"), own(m, "sums")
    area, taps, panels, wide = points.area, points.taps, m.span // form.shape.width, form.shape.width
    pixels = (m.source_y * m.source_x + 1) * form.width
    for unit in shares(m, m.samples * m.tiles * m.parts):
        image, tile, part = unit // m.parts // m.tiles, unit // m.parts % m.tiles, unit % m.parts
        start, count = tile_bounds(m, tile, area)
        low, high = panels * part // m.parts * wide, panels * (part + 1) // m.parts * wide
        points.begin(start, count)
        for p in m.range(0, count):
            for group in m.range(0, m.groups * m.span, m.span):
                for column in m.range(group + low, group + high, LANES):
                    sums.put(p * m.line + column, m.bias.vector(column))
        looked_at = m.variable(m.full(-1, "i8", None))
        for number in m.range(0, m.blocks):
            first, channels, group, deformable = block(m, number)
            for _ in m.when(looked_at.value != deformable):
                looked_at.value = deformable
                for tap in m.range(0, taps):
                    points.look(
                        tap, points.unit(image, deformable, tap), m.room * 4 * tap, m.change if leaning else None
                    )
            packed = m.packed.starting((image * m.blocks + number) * pixels)
            for before in m.range(0, taps, m.step):
                some = m.smaller(taps - before, m.step)
                for tap in m.range(0, some):
                    sample(
                        m, form, points, m.room * 4 * (before + tap), packed, columns.starting(tap * channels), m.stride
                    )
                for column in m.range(low, high, wide):
                    panel = m.panels.starting(first * taps * m.span + (column * taps + before * wide) * channels)
                    for p in m.range(0, count, form.shape.rows):
                        multiply(
                            m, form.shape, columns.starting(p * m.stride), m.stride, 1, panel, some * channels,
                            sums.starting(p * m.line + group * m.span + column), m.line, True,
                        )  # fmt: skip
        for group in m.range(0, m.groups):
            for column in m.range(low, m.smaller(high, m.filters), LANES):
                lines = m.out.starting(((image * m.groups + group) * m.filters + column) * area + start)
                found = sums.starting(group * m.span + column)
                separate(m, lambda i, _: found.vector(i * m.line), count, LANES, lines, area, m.filters - column, False)


def sample(m, form, points, to, images, columns, stride):
    """The samples of the points that begin at ``to``, in all channels of a block, into the rows of the columns."""
    for j in m.range(0, points.count):
        places, weights = points.around(to + j)
        pixels = [images.starting(place * form.width) for place in places]
        for at in form.pieces:
            total = pixels[0].vector(at, form.lanes) * weights[0]
            for pixel, weight in zip(pixels[1:], weights[1:]):
                total = total + pixel.vector(at, form.lanes) * weight
            columns.put(j * stride + at, total)
