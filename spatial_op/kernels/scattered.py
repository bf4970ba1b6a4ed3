"""Sampling in place, of images and volumes alike: no window is filled, pixels are read where they are.

Vectors whose taps are all inside the image read consecutive pixels; the others look up where each of their taps is. A vector's
places and weights are found once and serve all channels of a block.
"""

import numpy as np

from . import cells, means
from .dual import Dual
from .in_place import by_axis, by_pair, each_taps, moved_by, turned
from .planes import clear
from .readers import Inside, LookedUp, Nearby, products
from .sources import CHANGE
from .spilling import above_of, spill
from .stored import computed
from .supersampling import pixel_row
from .tiles import AHEAD, BLOCK, area, blocks_of, first_pixel, owned_work, pieces_of_work, tile_at, tiles
from .trace import LANES


def units(m, axes, in_turn):
    """The work: numbers of unit and tile, sample, block of channels, tile, first and last channel of those that are to be done.

    A unit is a block of channels of a sample.
    """
    count, blocks = tiles(m, axes), blocks_of(m.channels)
    for unit, number in pieces_of_work(m, m.samples * blocks, count, in_turn):
        for _ in m.when(m.todo[unit * count + number] != 0):
            block = unit % blocks
            begin = block * BLOCK
            yield unit // blocks, tile_at(m, number, axes), begin, m.smaller(m.channels, begin + BLOCK)


def vectors(m, tile):
    """Rows and columns of a tile's vectors of pixels."""
    for q in m.range(0, tile.rows):
        for k in m.range(0, tile.cols, LANES):
            yield q, k


def each_reader(m, taps, numbers):
    """All ways to read, each in its branch: reader, and whether zero weights have to be looked out for."""
    quick = taps.inside() & ~cells.vanishing(m, numbers)
    for _ in m.when(quick):
        yield Inside(m, taps), False
    for _ in m.when(~quick):
        spots = taps.spots()
        nearby = Nearby(m, taps, spots)
        for _ in m.when(nearby.fits):
            yield nearby, True
        for _ in m.when(~nearby.fits):
            yield LookedUp(m, taps, spots), True


def sampled(m, rules, source, axes, again):
    """Each vector of pixels that is to be written: its taps, what the source found it at, where it is written, and its block of channels.

    Written are the first ``count`` lanes, some of them ``again`` if that may be.
    """
    source.start(m)
    images = computed(m, m.pixels, rules.stored, rules.dtype)
    results, pixels = computed(m, m.out, rules.written, rules.dtype), area(m, axes)
    for sample, tile, begin, end in units(m, axes, source.in_turn):
        source.begin(m, sample, tile)
        planes = images.starting(sample * m.image_step)
        for q, k, taps in each_taps(m, rules, source, tile, again):
            first = results.starting(
                sample * m.channels * pixels + first_pixel(m, tile) + pixel_row(m, q) * m.w_out + k
            )
            yield taps, (tile, q, k), planes, first, (begin, end), tile.cols - k


def forward(m, rules, source, axes):
    """Every ``threads``-th unit of the work; channels are planes."""
    sums = means.room(m, rules.dtype, BLOCK)
    for taps, (_, q, k), planes, first, channels, count in sampled(m, rules, source, axes, again=True):
        weights = [rules.weights(m, part) for part in taps.parts]
        for reader, careful in each_reader(m, taps, [number for along in weights for number in along]):
            for channel in m.range(*channels):
                plane = planes.starting(channel * m.channel_step)
                (value,) = products(reader, plane, m.fill[channel], [weights], careful)
                out = first.starting(channel * area(m, axes))
                means.write(m, out, sums, q, k, channel, channels[0], 0, value, count)
                out.prefetch(m.w_out * AHEAD, to_write=True)


def push(m, rules, source, axes):
    """Add to ``out`` how the samples change along a change of what the source was given; units as ``forward``."""
    for taps, place, planes, first, channels, count in sampled(m, rules, source, axes, again=False):
        moved = known(m, taps, source.push(m, *place))
        jets = jets_of(m, taps, 1)
        for reader, careful in each_reader(m, taps, flat(jets)):
            for channel in m.range(*channels):
                plane, out = planes.starting(channel * m.channel_step), first.starting(channel * area(m, axes))
                along = products(reader, plane, m.fill[channel], by_axis(*jets), careful)
                add_changes(m, out, count, means.shared(m, moved), along)


def push_twice(m, rules, source, axes):
    """Add to ``out`` how that change changes along another change of what the source was given."""
    for taps, place, planes, first, channels, count in sampled(m, rules, source, axes, again=False):
        one, other, both = (known(m, taps, moved) for moved in source.push_twice(m, *place))
        jets = jets_of(m, taps, 2)
        for reader, careful in each_reader(m, taps, flat(jets)):
            for channel in m.range(*channels):
                plane, out = planes.starting(channel * m.channel_step), first.starting(channel * area(m, axes))
                along, change = changing(reader, plane, m.fill[channel], jets, one, careful)
                add_changes(m, out, count, means.shared(m, other + both), change + along)


def changing(reader, plane, nothing, jets, moved, careful):
    """Derivatives of a vector of samples along each axis, and how they change when the coordinates are ``moved``; None where they are zero."""
    firsts, pairs = by_axis(*jets[:2]), by_pair(*jets)
    found = products(reader, plane, nothing, [*firsts, *pairs.values()], careful)
    return found[: len(firsts)], turned(dict(zip(pairs, found[len(firsts) :])), moved)


def jets_of(m, taps, order):
    """Weights of the taps along each axis, and their derivatives up to an order."""
    return list(zip(*(taps.rules.slopes(m, part, order) for part in taps.parts)))


def flat(jets):
    """All of these numbers."""
    return [number for each in jets for along in each for number in along]


def known(m, taps, moved):
    """Changes of the coordinates of a vector of pixels; no numbers where these are none."""
    moved = [m.to(change, taps.rules.dtype) for change in moved]
    return [np.where(taps.odd == 0, change, np.nan) for change in moved]


def add_changes(m, out, count, moved, along):
    """Add changes times slopes to the first ``count`` numbers of a vector."""
    total = m.read(out, 0, count)
    for change, slope in zip(moved, along):
        if slope is not None:
            total = moved_by(total, change, slope)
    m.write(out, 0, total, count)


def backward(m, rules, source, axes):
    """Every ``threads``-th unit of the work, and among these bands of lines of the image; of volumes, of slices.

    As of ``planes.backward``, the owner of a band adds to it, in one order however many bands there are. If the source is moving,
    what is written is how the gradients change.
    """
    count, blocks, pixels, plane_size = tiles(m, axes), blocks_of(m.channels), area(m, axes), 1
    sizes = [m.arguments[name] for name in "whd"[:axes]]
    for size in sizes:
        plane_size = plane_size * size
    line = plane_size // sizes[-1]
    source.start(m)
    for owned, sample, block, band, number in owned_work(m, blocks, count, source.in_turn):
        tile, unit = tile_at(m, number, axes), sample * blocks + block
        top, bottom = band * sizes[-1] // m.bands, (band + 1) * sizes[-1] // m.bands
        begin = block * BLOCK
        end = m.smaller(m.channels, begin + BLOCK)
        first = (number == 0) & (sample == owned * m.sharing)
        for _ in m.when(first & (m.want_data > 0) & (m.add_data == 0)):
            for channel in m.range(begin, end):
                clear(m, m.lower, (owned * m.channels + channel) * plane_size, top * line, bottom * line)
        mine = (m.want_values > 0) & (number % m.bands == band)
        for _ in m.when((m.todo[unit * count + number] != 0) & (mine | (m.want_data > 0))):
            source.begin(m, sample, tile)
            source.begin_sums(m, tile, number, unit)
            for q, k, taps in each_taps(m, rules, source, tile):
                moved = known(m, taps, source.push(m, tile, q, k)) if source.moving else None
                jets = jets_of(m, taps, 2 if moved else 1)
                first = m.upper.starting(
                    sample * m.channels * pixels + first_pixel(m, tile) + pixel_row(m, q) * m.w_out + k
                )
                for _ in m.when(mine):
                    grads = accumulated(m, taps, jets, moved, first, sample, begin, end, tile.cols - k)
                    source.pull(m, tile, q, k, grads)
                for _ in m.when((m.want_data > 0) & (top < bottom)):
                    lower = m.lower.starting(owned * m.channels * plane_size)
                    spill(m, taps, jets, moved, first, lower, plane_size, begin, end, tile.cols - k, top, bottom)
            for _ in m.when(mine):
                source.finish(m)


def accumulated(m, taps, jets, moved, first, sample, begin, end, count):
    """Gradients with respect to the coordinates of a vector of pixels: sums over a block of channels.

    ``jets`` are weights and derivatives. If the coordinates are ``moved``, the gradients are duals.
    """
    pixels, dtype = area(m, taps.axes), taps.rules.dtype
    images = computed(m, m.pixels, taps.rules.stored, dtype)
    grads = [m.variable(m.full(0.0, dtype)) for _ in range(taps.axes * (2 if moved else 1))]
    for reader, careful in each_reader(m, taps, flat(jets)):
        for channel in m.range(begin, end):
            plane = images.starting(sample * m.image_step + channel * m.channel_step)
            above = above_of(m, first.starting(channel * pixels), count)
            if moved:
                along, change = changing(reader, plane, m.fill[channel], jets, moved, careful)
                along += change
            else:
                along = products(reader, plane, m.fill[channel], by_axis(*jets), careful)
            for grad, slope in zip(grads, along):
                if slope is not None:
                    grad.value = np.where(above != 0, grad.value + above * slope, grad.value)
    # Where any coordinate is no number, the gradients of all are none; but those beyond the last column are zero.
    odd = (taps.odd != 0) & (m.counting("i8") < count)
    found = [np.where(odd, np.nan, grad.value) for grad in grads]
    if not moved:
        return found
    return [Dual(grad, {CHANGE: change}) for grad, change in zip(found[: taps.axes], found[taps.axes :])]
