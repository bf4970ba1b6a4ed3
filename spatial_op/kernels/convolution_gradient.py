"""Gradients of deformable convolution.

A unit of work is a block of channels of some images: nobody else adds to these pixels. For each tile and tap, the
gradient of the samples is a product of filters and upstream gradient; one pass over the positions then samples again,
adds to the gradient of the pixels and multiplies with them, which the offsets need; the gradient of the filters is a
product of upstream gradient and samples. What several units add to is summed in the order of the units.
"""

import numpy as np

from .blocks import aligned, pack_channels, pack_pixels, unpack_pixels
from .convolution import most_positions, sample_tap, tile_bounds
from .convolution_sums import PLANES, gather_kernel
from .jit import Kernel, clear, index, inlined, inner
from .lanes import COUNT, load, load_some, mix, store, store_some
from .matrix import multiply, totals
from .points import (
    CORNERS,
    HALVES,
    Given,
    begin,
    behind,
    channels_of,
    corners,
    described,
    look,
    new_points,
    sampled,
    spoil,
)


@inner
def copy_tile(upper, at, area, count, filters, length, tile):
    """Upstream gradient of a tile, a row for each filter, filled up with zeros."""
    for filter in range(filters):
        for p in range(0, length, COUNT):
            line = load_some(upper, index(at + filter * area + p), index(max(0, count - p)), 0.0)
            store(tile, index(filter * length + p), line)


@inlined
def dots(images, pixels, some, grad):
    """Products of a point's gradient with the four pixels around it, channel by channel."""
    return (
        grad * channels_of(images, pixels[0], some),
        grad * channels_of(images, pixels[1], some),
        grad * channels_of(images, pixels[2], some),
        grad * channels_of(images, pixels[3], some),
    )


@inlined
def both(one, other):
    """Sums of two times four vectors."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


@inlined
def add_to(images, at, some, weight, grad):
    """Add to ``some`` channels of a pixel."""
    if some >= index(COUNT):
        store(images, at, mix(load(images, at), weight, grad))
    else:
        store_some(images, at, mix(load_some(images, at, some, 0.0), weight, grad), some)


@inlined
def spill(images, pixels, some, weights, j, room, grad):
    """Add a point's gradient to the four pixels around it; one after the other, since they may coincide."""
    k = j + room
    m = k + room
    n = m + room
    add_to(images, pixels[0], some, weights[j], grad)
    add_to(images, pixels[1], some, weights[k], grad)
    add_to(images, pixels[2], some, weights[m], grad)
    add_to(images, pixels[3], some, weights[n], grad)


@inner
def pass_tap(images, width, points, count, room, grads, columns, stride, spilled, sums):
    """Samples of one tap, their gradients added to the pixels, and the four products with the pixels.

    The pixels of ``images`` and ``spilled`` have ``width`` numbers, the rows of ``grads`` and ``columns`` have ``stride``.
    """
    _, places, weights, _ = points
    step, some = index(room), index(min(width, COUNT))
    for j in range(index(count)):
        pixels = corners(0, width, places, j, step)
        at = j * index(stride)
        grad = load(grads, at)
        sample, products = sampled(images, pixels, weights, j, step), dots(images, pixels, some, grad)
        if width <= COUNT:
            store(columns, at, sample)
            spill(spilled, pixels, some, weights, j, step, grad)
        else:
            others = behind(pixels)
            more = load(grads, at + index(COUNT))
            products = both(products, dots(images, others, some, more))
            second = sampled(images, others, weights, j, step)
            store(columns, at, sample)
            store(columns, at + index(COUNT), second)
            spill(spilled, pixels, some, weights, j, step, grad)
            spill(spilled, others, some, weights, j, step, more)
        one, two, three, four = totals(products)
        sums[j] = one
        sums[j + step] = two
        sums[j + step + step] = three
        sums[j + step + step + step] = four


@inner
def pull_offsets(count, room, halves, sums, mask, first, modulated, parts, at, area):
    """Gradients of y, x and the mask at the positions of a tile."""
    step = index(room)
    for j in range(index(0), index(count), index(COUNT)):
        left, place = index(count) - j, index(at) + j
        upper, lower = load(halves, j), load(halves, j + step)
        has_upper, has_lower = load(halves, j + step + step), load(halves, j + step + step + step)
        k = j + index(HALVES) * step
        before, after = load(halves, k), load(halves, k + step)
        has_before, has_after = load(halves, k + step + step), load(halves, k + step + step + step)
        a, b = load(sums, j), load(sums, j + step)
        c, d = load(sums, j + step + step), load(sums, j + step + step + step)
        above, below = mix(mix(0.0, before, a), after, b), mix(mix(0.0, before, c), after, d)
        down = mix(mix(0.0, has_lower, below), 0.0 - has_upper, above)
        along_upper = mix(mix(0.0, has_after, b), 0.0 - has_before, a)
        along_lower = mix(mix(0.0, has_after, d), 0.0 - has_before, c)
        across = mix(mix(0.0, upper, along_upper), lower, along_lower)
        if modulated:
            scale = load_some(mask, index(first) + j, left, 0.0)
            down, across = down * scale, across * scale
            value = mix(mix(0.0, upper, above), lower, below)
            store_some(parts, place + index(2 * area), value, left)
        store_some(parts, place, down, left)
        store_some(parts, place + index(area), across, left)


@inner
def pull_part(
    part, threads, shape, pitch, convolution, given, tiles, chunks, channel_filters, upper, want, add, grad_data,
    weight_parts, offset_parts,
):  # fmt: skip
    """Every ``threads``-th unit; a pixel has ``pitch`` numbers."""
    rows, width = len(shape[0]), len(shape[1]) * COUNT
    want_samples, want_data, want_weight = want
    data, blocks, deformables, modulated = given.data, convolution.blocks, convolution.deformables, given.modulated
    samples, channels = data.shape[0], data.shape[1]
    source, area = convolution.source[0] * convolution.source[1], convolution.target[0] * convolution.target[1]
    taps, filters = convolution.kernel[0] * convolution.kernel[1], upper.shape[1] // convolution.groups
    whole = (filters + rows - 1) // rows * rows
    numbers, grads, pulled = data.reshape(data.size), upper.reshape(upper.size), grad_data.reshape(grad_data.size)
    offsets, masks = given.offset.reshape(given.offset.size), given.mask.reshape(given.mask.size)
    room = most_positions(tiles, rows, area)
    length = room if room // COUNT % 2 else room + COUNT  # an odd number of lines spreads the rows over the cache
    points = new_points(room, 1, data)
    images, spilled = aligned(source * pitch + COUNT, data), aligned(source * pitch + COUNT, data)
    tile_grads = aligned(whole * length, data)
    clear(tile_grads, filters * length, len(tile_grads))
    sample_grads, columns = aligned(room * width, data), aligned(room * width, data)
    sums, spare = np.empty(CORNERS * room, data.dtype), np.empty(COUNT * COUNT, data.dtype)
    for unit in range(part, chunks * len(blocks), threads):
        chunk, number = unit // len(blocks), unit % len(blocks)
        first_channel, some, group, deformable = blocks[number]
        weight_at, begun = unit * taps * whole * width, False
        for image in range(samples * chunk // chunks, samples * (chunk + 1) // chunks):
            plane = (image * channels + first_channel) * source
            pack_pixels(numbers, plane, source, some, pitch, 0, source, images, 0)
            if want_samples:
                clear(spilled, 0, len(spilled))
            for tile in range(tiles):
                start, count = tile_bounds(tile, tiles, rows, area)
                begin(start, count, room, convolution, points.base)
                at = (image * upper.shape[1] + group * filters) * area + start
                copy_tile(grads, at, area, count, filters, length, tile_grads)
                for tap in range(taps):
                    place = ((image * deformables + deformable) * taps + tap) * area
                    at = 2 * place + start
                    finite = look(
                        tap, 0, (at, place + start), count, room, convolution, offsets, masks, modulated, points
                    )
                    if want_samples:
                        right = (number * taps + tap) * filters * width
                        for p in range(0, count, rows):
                            multiply(
                                shape, tile_grads, index(p), index(1), index(length), channel_filters, index(right),
                                index(filters), sample_grads, index(p * width), index(width), False,
                            )  # fmt: skip
                        pass_tap(images, pitch, points, count, room, sample_grads, columns, width, spilled, sums)
                        to = ((number * samples + image) * taps + tap) * PLANES * area + start
                        pull_offsets(
                            count, room, points.halves, sums, masks, place + start, modulated, offset_parts, to, area
                        )
                        if not finite:
                            spoil(at, area, count, offsets, offset_parts, to, area, 1, PLANES)
                    else:
                        sample_tap(images, 0, pitch, points, 0, count, room, columns, 0, width)
                    if not finite:
                        spoil(at, area, count, offsets, columns, 0, 1, width, width)
                    if want_weight:
                        to = weight_at + tap * whole * width
                        for filter in range(0, whole, rows):
                            multiply(
                                shape, tile_grads, index(filter * length), index(length), index(1), columns, index(0),
                                index(count), weight_parts, index(to + filter * width), index(width), begun,
                            )  # fmt: skip
                begun = True
            if want_data:
                unpack_pixels(spilled, 0, pitch, source, some, pulled, plane, add, spare)


def pack_kernel(width):
    """Kernel that brings filters into the order in which the gradient of the samples reads them."""

    def pack(part, threads, weight, blocks, filters, channel_filters):
        taps = weight.shape[2]
        for unit in range(part, len(blocks) * filters, threads):
            number, filter = unit // filters, unit % filters
            at = number * taps * filters * width
            pack_channels(weight, blocks[number], filter, filters, taps, width, channel_filters, at)

    return Kernel(pack)


def pull_kernel(shape):
    """Kernel that writes the gradient of the images, or adds to it, and those of the others in parts."""

    def pull(
        part, threads, tiles, chunks, pitch, sizes, edges, groups, deformables, blocks, data, offset, mask, modulated,
        weight, upper, channel_filters, want_samples, want_data, want_weight, add, grad_data, weight_parts, offset_parts,
    ):  # fmt: skip
        convolution = described(sizes, edges, groups, deformables, blocks)
        given, want = Given(data, offset, mask, modulated, weight), (want_samples, want_data, want_weight)
        pull_part(
            part, threads, shape, pitch, convolution, given, tiles, chunks, channel_filters, upper, want, add, grad_data,
            weight_parts, offset_parts,
        )  # fmt: skip

    return Kernel(pull)


def backward_kernel(shape, vectors):
    """A function that writes or adds the gradients that are wanted, of data, offset, mask and weight; ``vectors`` to a block."""
    rows, width = shape[0], vectors * COUNT
    pack, gather = pack_kernel(width), gather_kernel(rows, width)
    pull = pull_kernel(((0,) * rows, (0,) * vectors))

    def run(
        threads, tiles, chunks, pitch, sizes, edges, groups, deformables, blocks, data, offset, mask, modulated, weight,
        upper, want, add, grad_data, grad_offset, grad_mask, grad_weight,
    ):  # fmt: skip
        samples, area, count = data.shape[0], upper.shape[2] * upper.shape[3], len(blocks)
        taps, filters = weight.shape[2], upper.shape[1] // groups
        whole, want_samples = -(-filters // rows) * rows, any(want[:3])
        channel_filters = aligned(count * taps * filters * width if want_samples else 0, data)
        weight_parts = aligned(chunks * count * taps * whole * width if want[3] else 0, data)
        offset_parts = aligned(count * samples * taps * PLANES * area if want_samples else 0, data)
        if want_samples:
            pack(threads, weight, blocks, filters, channel_filters)
        pull(
            threads, tiles, chunks, pitch, sizes, edges, groups, deformables, blocks, data, offset, mask, modulated, weight,
            upper, channel_filters, want_samples, want[0], want[3], add[0], grad_data, weight_parts, offset_parts,
        )  # fmt: skip
        gather(
            threads, chunks, blocks, samples, taps, filters, area, deformables, offset_parts, want[1], grad_offset, add[1],
            want[2], grad_mask, add[2], weight_parts, want[3], grad_weight, add[3],
        )  # fmt: skip

    return run
