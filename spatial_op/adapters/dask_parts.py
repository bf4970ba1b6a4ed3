"""The parts of a large source that chunks of the result read: from its own chunks to one array."""

import bisect
import itertools
import math

import numpy as np

from .. import check
from ..operators.parts import Axis, Part


def spans(sizes):
    """Starts and ends of chunks."""
    ends = list(itertools.accumulate(sizes, initial=0))
    return list(itertools.pairwise(ends))


def axes_of(box, source):
    """The axes of a part, of a box and the sizes of the source."""
    return tuple(Axis(n, *ends) for n, ends in zip(source, box))


def rows_of_part(axes, rows):
    """The rows that sample a part as they sample the whole."""
    sampler, padding = rows
    return rows if all(axis.inside for axis in axes) else (sampler, Part(padding, axes))


def runs(axis, rows):
    """What a part has of an axis: (place in the part, pixel of the source, length) of consecutive pixels."""
    if axis.inside:
        return [(0, axis.start, axis.stop - axis.start)]
    sampler, padding = rows
    pixels = axis.pixels(padding, sampler)
    starts = np.flatnonzero(np.diff(pixels, prepend=-2) != 1)
    lengths = np.diff(starts, append=len(pixels))
    return list(zip(starts.tolist(), pixels[starts].tolist(), lengths.tolist()))


def meeting(firsts, own):
    """Which of the source's chunks along an axis, whose first pixels are ``firsts``, hold pixels of a part's runs."""
    found = set()
    for _, pixel, length in own:
        if length:
            found.update(range(bisect.bisect_right(firsts, pixel) - 1, bisect.bisect_left(firsts, pixel + length)))
    return sorted(found)


def shared(own, start, size):
    """Where the pixels that a chunk from ``start`` on holds belong, and where they are in it: slices of the part and of the chunk."""
    for place, pixel, length in own:
        low, high = max(start, pixel), min(start + size, pixel + length)
        if low < high:
            yield slice(place + low - pixel, place + high - pixel), slice(low - start, high - start)


def gathered(blocks, starts, lead, parts, dtype):
    """The pixels of a part, whose axes have the runs ``parts``, from the chunks that hold them."""
    source = np.empty((*lead, *(sum(length for *_, length in own) for own in parts)), dtype)
    for block, first in zip(blocks, starts):
        if type(block) is not np.ndarray:
            check.ordinary("warp", "a chunk of image", block)
        sides = block.shape[-len(parts) :]
        for pairs in itertools.product(*map(shared, parts, first, sides)):
            there, here = zip(*pairs)
            source[(..., *there)] = block[(..., *here)]
    return source


def filled(fill, image, front):
    """The fill of a chunk, whose first axis holds the channels if there is more than one number."""
    if fill is None or len(fill) == 1:
        return fill
    start, stop = spans(image.chunks[0])[front[0]]
    planes = math.prod(each[k] for each, k in zip(image.chunks[1:], front[1:]))
    return tuple(number for number in fill[start:stop] for _ in range(planes))
