"""How the work of a deformable convolution is cut, from its sizes alone, and the kernels that do it."""

import functools
from typing import NamedTuple

import numpy as np

from . import convolution, convolution_gradient
from .blocks import Form
from .kernel import Kernel
from .matrix import widest
from .points import AXES, CORNERS, SIZES
from .trace import ALIGNMENT, LANES

# Positions of a tile, about. Forward, its columns and sums fit the second-level cache; backward, its upstream gradient
# does, and every tile costs a pass over the gradient of the filters.
TILE, TILE_BACKWARD = 112, 224

# Columns that are multiplied at once, about: so many rows of a panel of filters fit the first-level cache.
DEPTH = 320

# Numbers that the copies of one call's images may hold, about; a larger batch is done in several calls.
ROOM = 2**22

# Pairs of block and chunk of images, at least, that share the backward pass; fixed, so that sums have one order for any
# number of threads.
UNITS = 16

# Multiply-adds that take as long as one output element of the samplers.
WORK = 64


def up(number, step):
    """The next multiple."""
    return -(-number // step) * step


def aligned(count, dtype):
    """An uninitialised array that begins at a cache line."""
    raw = np.empty(count * dtype.itemsize + ALIGNMENT, np.uint8)
    first = -raw.ctypes.data % ALIGNMENT
    return raw[first : first + count * dtype.itemsize].view(dtype)


def rooms(threads, dtype, **sizes):
    """Arrays in which each thread has room for so many numbers."""
    values = {}
    for name, each in sizes.items():
        values[f"{name}_each"] = each = up(each, ALIGNMENT)
        values[name] = aligned(threads * each, np.dtype("i4") if name == "places" else dtype)
    return values


@functools.lru_cache
def cut(channels, groups, deformables, itemsize):
    """Numbers of a block for each pixel, and the table of blocks (see ``blocks``), of which none crosses a group's border."""
    borders = {channels * part // parts for parts in (groups, deformables) for part in range(parts + 1)}
    spans = list(zip(sorted(borders), sorted(borders)[1:]))
    most = max(high - low for low, high in spans)
    width = next((w for w in (1, 2, 4, 8, LANES) if w >= most), widest(itemsize))
    rows = [
        (first, min(width, high - first), first * groups // channels, first * deformables // channels)
        for low, high in spans
        for first in range(low, high, width)
    ]
    return width, np.array(rows, np.int64)


def panel_width(filters, itemsize):
    """Filters that are multiplied at once: the widest rows, if they are all full."""
    widest_row = widest(itemsize)
    return widest_row if up(filters, LANES) % widest_row == 0 else LANES


class Problem(NamedTuple):
    """What a convolution is; the pairs are rows and columns, of the kernel, of images (``source``) and of the output."""

    kernel: tuple
    stride: tuple
    pad: tuple
    dilate: tuple
    source: tuple
    target: tuple
    clamped: bool
    groups: int
    deformables: int
    channels: int
    all_filters: int
    dtype: np.dtype
    modulated: bool

    @property
    def filters(self):
        """Filters of a group."""
        return self.all_filters // self.groups

    @property
    def taps(self):
        """Taps of a filter."""
        return self.kernel[0] * self.kernel[1]

    @property
    def pixels(self):
        """Pixels of an image, and one more."""
        return self.source[0] * self.source[1] + 1

    @property
    def area(self):
        """Positions of the output."""
        return self.target[0] * self.target[1]

    @property
    def blocks(self):
        """The table of blocks."""
        return cut(self.channels, self.groups, self.deformables, self.dtype.itemsize)[1]

    def form(self, backward=False):
        """What the kernels depend on."""
        width, _ = cut(self.channels, self.groups, self.deformables, self.dtype.itemsize)
        wide = 0 if backward else panel_width(self.filters, self.dtype.itemsize)
        return Form(self.dtype.str[1:], width, wide, self.modulated)

    def values(self):
        """What all kernels are given."""
        pairs = {f"{name}_{axis}": n for name in SIZES for axis, n in zip(AXES, getattr(self, name))}
        depth = self.channels // self.groups * self.taps
        return {
            **pairs, "clamped": self.clamped, "groups": self.groups, "deformables": self.deformables, "channels": self.channels,
            "filters": self.filters, "taps": self.taps, "depth": depth, "blocks": len(self.blocks), "table": self.blocks,
        }  # fmt: skip

    def tiles(self, most):
        """Tiles of an image, of about so many positions."""
        return -(-self.area // most)

    def room(self, tiles):
        """Positions that a tile needs room for: whole vectors."""
        return -(-up(self.area, LANES) // LANES // tiles) * LANES

    def batches(self, samples, backward=False):
        """Slices of the batch whose copies fit ``ROOM``."""
        form = self.form(backward)
        each = self.pixels * form.width + (self.taps * form.planes * self.area if backward else 0)
        step = max(1, ROOM // (len(self.blocks) * each))
        return [slice(first, min(samples, first + step)) for first in range(0, samples, step)]


def share(units, products, threads_for):
    """Threads for so many units of work and so many multiply-adds in all."""
    return threads_for(units, products // WORK)


@functools.cache
def forward_kernels(form, leaning):
    """Kernels that pack and that convolve."""
    label = f"convolution {form.kind} {form.width} {form.wide}"
    parameters = convolution.convolving(form) | ({"change": form.kind} if leaning else {})
    return (
        Kernel(f"{label}: filters", lambda m: convolution.pack(m, form), convolution.packing(form)),
        Kernel(f"{label}: result", lambda m: convolution.convolve(m, form, leaning), parameters),
    )


@functools.cache
def backward_kernels(form):
    """Kernels that pack, that pull back, and that add up."""
    label, texts = f"convolution {form.kind} {form.width}", convolution_gradient
    return (
        Kernel(f"{label}: filters", lambda m: texts.pack(m, form), texts.packing(form)),
        Kernel(f"{label}: gradients", lambda m: texts.pull(m, form), texts.pulling(form)),
        Kernel(f"{label}: filters' gradient", lambda m: texts.gather(m, form), texts.gathering(form)),
    )


def forward(problem, threads, given, bias, out, change=None):
    """Write the result for some images, or how it changes along a ``change`` of the offsets."""
    form, dtype = problem.form(), problem.dtype
    pack, convolve = forward_kernels(form, change is not None)
    samples, span, blocks = len(out), up(problem.filters, form.wide), len(problem.blocks)
    # No number depends on how the work is cut here: each thread gets as many units.
    tiles, most = problem.tiles(TILE), -(-problem.area // LANES)
    while samples * tiles % threads and tiles < most and samples * tiles < 8 * threads:
        tiles += 1
    parts = max(1, min(span // form.wide, threads // (samples * tiles)))
    step, room = max(1, min(problem.taps, DEPTH // int(problem.blocks[:, 1].max()))), problem.room(tiles)
    stride, line = step * form.width + LANES, problem.groups * span + LANES
    first = np.zeros((problem.groups, span), dtype)
    first[:, : problem.filters] = bias.reshape(problem.groups, -1)
    values = {
        **problem.values(), **given, "samples": samples, "area": problem.pixels - 1, "span": span, "tiles": tiles, "parts": parts,
        "step": step, "stride": stride, "line": line, "room": room, "bias": first, "out": out, "change": change,
        "packed": aligned(samples * blocks * problem.pixels * form.width, dtype),
        "panels": aligned(problem.channels * problem.taps * span, dtype),
        **rooms(
            threads, dtype, base=2 * room, places=problem.taps * CORNERS * room, weights=problem.taps * CORNERS * room,
            columns=room * stride, sums=room * line,
        ),
    }  # fmt: skip
    pack(threads, values)
    convolve(threads, values)


def backward(problem, threads_for, products, given, upper, grads, add):
    """Write the gradients ``grads``, by name, of some images, or add them to what is there where ``add`` says so."""
    form, dtype = problem.form(backward=True), problem.dtype
    pack, pull, gather = backward_kernels(form)
    samples, blocks, taps, rows = len(upper), len(problem.blocks), problem.taps, form.shape.rows
    tiles, chunks = problem.tiles(TILE_BACKWARD), max(1, min(samples, UNITS // blocks))
    threads = share(chunks * blocks, products, threads_for)
    room, whole = problem.room(tiles), up(problem.filters, rows)
    length = room if room // LANES % 2 else room + LANES  # an odd number of lines spreads the rows over the cache
    want_samples, want_weight = not {"data", "offset", "mask"}.isdisjoint(grads), "weight" in grads
    nothing = np.empty(0, dtype)
    image, tile = problem.pixels * form.width, room * form.width
    parts = np.empty((blocks, samples, taps, form.planes, problem.area) if want_samples else 0, dtype)
    values = {
        **problem.values(), **given, "samples": samples, "whole": whole, "tiles": tiles, "chunks": chunks, "length": length,
        "room": room, "want_samples": want_samples, "want_data": "data" in grads, "want_weight": want_weight,
        "add_data": add["data"], "upper": upper, "lower": grads.get("data", nothing), "offset_parts": parts,
        "panels": aligned(blocks * taps * problem.filters * form.width if want_samples else 0, dtype),
        "weight_parts": aligned(chunks * blocks * taps * whole * form.width if want_weight else 0, dtype),
        **rooms(
            threads, dtype, base=2 * room, places=CORNERS * room, weights=CORNERS * room, images=image, spilled=image,
            tile_grads=whole * length, sample_grads=tile, columns=tile, sums=CORNERS * room,
        ),
    }  # fmt: skip
    if want_samples:
        pack(threads, values)
    pull(threads, values)
    if want_weight:
        gather(threads, {**values, "lower": grads["weight"], "add": add["weight"]})
    for name, planes in (("offset", slice(0, 2)), ("mask", slice(2, 3))):
        if name in grads:
            add_up(problem, parts[:, :, :, planes], grads[name], add[name])


def add_up(problem, parts, grad, add):
    """The gradient of offsets or masks: the sum over blocks, in their order."""
    samples, taps, planes, area = parts.shape[1:]
    grad = grad.reshape(samples, problem.deformables, taps, planes, area)
    for deformable in range(problem.deformables):
        total = grad[:, deformable]
        for place, number in enumerate(np.flatnonzero(problem.blocks[:, 3] == deformable)):
            if place == 0 and not add:
                total[...] = parts[number]
            else:
                total += parts[number]
