"""Deformable convolution: sampled columns times filters, tile by tile.

For a tile of output positions and a block of channels, the samples of some taps are laid out as a matrix of position by
(tap, channel), which is multiplied with the filters and added up over taps and blocks. Images and filters are brought into the
order in which this reads them first. No column exists for longer than its tile.
"""

from .blocks import block_of, filter_of, interleave, into, out_of, own, scratch, separate, shares
from .matrix import multiply
from .points import CHANGES, Points
from .trace import LANES

# Pixels that are brought into block order at once.
RUN = 2048


def packing(form):
    """What ``pack`` is given: ``span`` is the number of filters of a group, filled up to whole panels."""
    sizes = ("samples", "channels", "area", "blocks", "filters", "span", "taps", "depth")
    arrays = {"table": "i8", "data": form.kind, "weight": form.kind}
    return {**dict.fromkeys(sizes, "int"), **arrays, **scratch(form.kind, "packed", "panels")}


def pack(m, form):
    """Bring images, and then filters, into the order in which they are read."""
    runs = (m.area + (RUN - 1)) // RUN
    for unit in shares(m, m.samples * m.blocks * runs):
        pack_run(m, form, unit // runs // m.blocks, unit // runs % m.blocks, unit % runs * RUN)
    for unit in shares(m, m.blocks * m.span // form.wide):
        pack_panel(m, form, unit % m.blocks, unit // m.blocks * form.wide)


def pack_run(m, form, image, number, start):
    """A run of pixels of an image, in the channels of a block; the first one also makes the pixel of zeros behind the last."""
    block = block_of(m, number)
    channels = m.data.starting((image * m.channels + block.first) * m.area + start)
    packed = own(m, "packed").starting((image * m.blocks + number) * (m.area + 1) * form.width)
    to, count = into(packed.starting(start * form.width), form.width), m.smaller(m.area - start, RUN)
    interleave(m, channels, m.area, block.channels, count, form.width, to)
    for _ in m.when(start == 0):
        for at in form.pieces:
            packed.put(m.area * form.width + at, m.full(0.0, form.kind, form.lanes))


def pack_panel(m, form, number, column):
    """The filters of a block from ``column`` on: a matrix of (tap, channel) by filter. Panel follows panel, block block."""
    block = block_of(m, number)
    panel = own(m, "panels").starting((block.first * m.span + column * block.channels) * m.taps)

    def put(i, at, vector):
        channel, tap = i // m.taps, i % m.taps
        panel.put((tap * block.channels + channel) * form.wide + at, vector)

    filters = m.weight.starting(filter_of(m, block, column))
    interleave(m, filters, m.depth, m.filters - column, block.channels * m.taps, form.wide, put)


def convolving(form):
    """What ``convolve`` is given: ``step`` taps are multiplied at once; ``parts`` share a group's filters."""
    sizes = ("samples", "blocks", "groups", "filters", "span", "tiles", "parts", "step", "stride", "line")
    arrays = {"table": "i8", "bias": form.kind, "out": form.kind, **Points.parameters(form)}
    return {**dict.fromkeys(sizes, "int"), **arrays, **scratch(form.kind, "packed", "panels", "columns", "sums")}


def convolve(m, form, leaning):
    """Write the result or, if ``leaning``, its change along a change of the offsets, or along two; a unit is a part of a tile's filters."""
    points, columns, sums = Points(m, form), own(m, "columns"), own(m, "sums")
    pixels, panels = (points.pixels + 1) * form.width, m.span // form.wide
    for unit in shares(m, m.samples * m.tiles * m.parts):
        image, tile, part = unit // m.parts // m.tiles, unit // m.parts % m.tiles, unit % m.parts
        wanted = panels * part // m.parts * form.wide, panels * (part + 1) // m.parts * form.wide
        points.begin(*tile_bounds(m, tile, points.area))
        begin_sums(m, points.count, wanted, sums)
        looked_at = m.variable(m.full(-1, "i8", None))
        for number in m.range(0, m.blocks):
            block = block_of(m, number)
            for _ in m.when(looked_at.value != block.deformable):
                looked_at.value = block.deformable
                for tap in m.range(0, points.taps):
                    plane = points.plane(image, block.deformable, tap)
                    points.look(tap, plane, tap, [m.arguments[name] for name in CHANGES[:leaning]])
            packed = own(m, "packed").starting((image * m.blocks + number) * pixels)
            add_block(m, form, points, block, packed, wanted, columns, sums)
        write_sums(m, points, image, wanted, sums)


def tile_bounds(m, tile, area):
    """First position and number of positions of a tile: whole vectors, but for the last."""
    vectors = (area + (LANES - 1)) // LANES
    first = vectors * tile // m.tiles * LANES
    return first, m.smaller(area, vectors * (tile + 1) // m.tiles * LANES) - first


def begin_sums(m, count, wanted, sums):
    """The bias of the filters from the first of ``wanted`` to before the second, at each position."""
    for p in m.range(0, count):
        for group in m.range(0, m.groups):
            for column in m.range(*wanted, LANES):
                sums.put(p * m.line + group * m.span + column, m.bias.vector(group * m.span + column))


def add_block(m, form, points, block, images, wanted, columns, sums):
    """Sample a block, some taps at once, multiply and add."""
    for before in m.range(0, points.taps, m.step):
        some = m.smaller(points.taps - before, m.step)
        for tap in m.range(0, some):
            # More than the block's channels is written; the next tap overwrites it.
            sample(m, form, points, before + tap, images, columns.starting(tap * block.channels))
        for column in m.range(*wanted, form.wide):
            panel = block.first * points.taps * m.span + (column * points.taps + before * form.wide) * block.channels
            for p in m.range(0, points.count, form.shape.rows):
                multiply(
                    m, form.shape, columns.starting(p * m.stride), m.stride, 1, own(m, "panels").starting(panel),
                    some * block.channels, sums.starting(p * m.line + block.group * m.span + column), m.line, True,
                )  # fmt: skip


def sample(m, form, points, slot, images, columns):
    """The samples of the points in a slot, in all channels of a block, into the rows of the columns.

    Nothing has to be looked out for: pixels without weight are the zeros behind the image.
    """
    for j in m.range(0, points.count):
        places, weights = points.around(slot, j)
        pixels = [images.starting(place * form.width) for place in places]
        for at in form.pieces:
            total = pixels[0].vector(at, form.lanes) * weights[0]
            for pixel, weight in zip(pixels[1:], weights[1:]):
                total = total + pixel.vector(at, form.lanes) * weight
            columns.put(j * m.stride + at, total)


def write_sums(m, points, image, wanted, sums):
    """A tile of the result."""
    low, high = wanted
    for group in m.range(0, m.groups):
        for column in m.range(low, m.smaller(high, m.filters), LANES):
            target = m.out.starting(((image * m.groups + group) * m.filters + column) * points.area + points.start)
            found = out_of(sums.starting(group * m.span + column), m.line, LANES)
            separate(m, found, points.count, LANES, target, points.area, m.filters - column, False)
