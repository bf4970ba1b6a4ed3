"""Sums of what several units of a deformable convolution's backward pass have added up, in the order of the units."""

import numpy as np

from .blocks import unpack_channels
from .jit import Kernel, index, inner
from .lanes import COUNT, load_some, spread, store_some

PLANES = 3  # of an offset's gradient: y, x and the mask


@inner
def gather_offsets(part, threads, blocks, parts, samples, taps, area, deformables, plane, grad, add):
    """Every ``threads``-th image's gradient of offsets (planes 0 and 1) or mask (plane 2): the sum over blocks."""
    planes = 2 if plane == 0 else 1
    numbers = grad.reshape(grad.size)
    for unit in range(part, samples * deformables * taps, threads):
        image, deformable, tap = unit // taps // deformables, unit // taps % deformables, unit % taps
        for which in range(planes):
            to = (unit * planes + which) * area
            for p in range(0, area, COUNT):
                left = index(area - p)
                line = spread(0.0, grad)
                if add:
                    line = load_some(numbers, index(to + p), left, 0.0)
                for number in range(len(blocks)):
                    if blocks[number, 3] == deformable:
                        at = (((number * samples + image) * taps + tap) * PLANES + plane + which) * area + p
                        line = line + load_some(parts, index(at), left, 0.0)
                store_some(numbers, index(to + p), line, left)


@inner
def gather_weight(part, threads, rows, width, chunks, blocks, taps, filters, parts, grad, add):
    """Every ``threads``-th filter's gradient: the sum over chunks."""
    whole = (filters + rows - 1) // rows * rows
    each = taps * whole * width
    spare = np.empty(2 * COUNT * COUNT, grad.dtype)
    for unit in range(part, len(blocks) * filters, threads):
        number, filter = unit // filters, unit % filters
        unpack_channels(
            parts, blocks[number], number * each, len(blocks) * each, chunks, filter, filters, whole, taps, width,
            grad, add, spare,
        )  # fmt: skip


def gather_kernel(rows, width):
    """Kernel that adds up the parts."""

    def gather(
        part, threads, chunks, blocks, samples, taps, filters, area, deformables, offset_parts, want_offset, grad_offset,
        add_offset, want_mask, grad_mask, add_mask, weight_parts, want_weight, grad_weight, add_weight,
    ):  # fmt: skip
        if want_offset:
            gather_offsets(
                part, threads, blocks, offset_parts, samples, taps, area, deformables, 0, grad_offset, add_offset
            )
        if want_mask:
            gather_offsets(
                part, threads, blocks, offset_parts, samples, taps, area, deformables, 2, grad_mask, add_mask
            )
        if want_weight:
            gather_weight(
                part, threads, rows, width, chunks, blocks, taps, filters, weight_parts, grad_weight, add_weight
            )

    return Kernel(gather)
