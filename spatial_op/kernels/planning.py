"""How the work of a deformable convolution is cut, from its sizes alone, and the kernels that do it.

No number of a result depends on how the forward pass is cut. The backward pass is cut without regard to threads.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

from . import convolution, convolution_gradient
from .blocks import AXES, Form
from .kernel import Kernel
from .matrix import widest
from .points import CHANGES, SIZES
from .trace import ALIGNMENT, LANES
from .window import group_of

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

# Images by the number of their axes, as the log calls them.
IMAGES = {1: " signals", 2: "", 3: " volumes"}

# Multiply-adds that take as long as one output element of the samplers.
WORK = 64


@functools.lru_cache
def cut(channels, groups, deformables, itemsize):
    """Numbers of a block for each pixel, and the table of blocks (see ``blocks``), of which none crosses a group's border."""
    borders = {channels * part // parts for parts in (groups, deformables) for part in range(parts + 1)}
    spans = list(zip(sorted(borders), sorted(borders)[1:]))
    most = max(high - low for low, high in spans)
    width = group_of(most) if most <= LANES else widest(itemsize)
    rows = [
        (first, min(width, high - first), first * groups // channels, first * deformables // channels)
        for low, high in spans
        for first in range(low, high, width)
    ]
    return width, np.array(rows, np.int64)


def up(number, step):
    """The next multiple."""
    return -(-number // step) * step


def panel_width(filters, itemsize):
    """Filters that are multiplied at once: the widest rows, if they are all full."""
    widest_row = widest(itemsize)
    return widest_row if up(filters, LANES) % widest_row == 0 else LANES


class Problem(NamedTuple):
    """What a convolution is; the sizes are (slices,) rows and columns, of the kernel, of images (``source``) and of the output."""

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
        return math.prod(self.kernel)

    @property
    def area(self):
        """Positions of the output."""
        return math.prod(self.target)

    @property
    def pixels(self):
        """Pixels of an image, and the one behind it."""
        return math.prod(self.source) + 1

    @property
    def cut(self):
        """Numbers of a block for each pixel, and the table of blocks."""
        return cut(self.channels, self.groups, self.deformables, self.dtype.itemsize)

    @property
    def blocks(self):
        """How many blocks there are."""
        return len(self.cut[1])

    def form(self, backward):
        """What the kernels depend on."""
        wide = 0 if backward else panel_width(self.filters, self.dtype.itemsize)
        return Form(self.dtype.str[1:], self.cut[0], wide, self.modulated, len(self.kernel))

    def values(self):
        """What all kernels are given."""
        names = AXES[-len(self.kernel) :]
        sizes = {f"{name}_{axis}": size for name in SIZES for axis, size in zip(names, getattr(self, name))}
        table, depth = self.cut[1], self.channels // self.groups * self.taps
        return {
            **sizes, "clamped": self.clamped, "groups": self.groups, "deformables": self.deformables,
            "channels": self.channels, "filters": self.filters, "taps": self.taps, "depth": depth,
            "area": self.pixels - 1, "blocks": self.blocks, "table": table,
        }  # fmt: skip


class Plan(NamedTuple):
    """The kernels, what they are given of sizes, and the memory that they need: numbers, and places of pixels."""

    kernels: tuple
    values: dict
    numbers: int
    places: int

    def memory(self, dtype):
        """The memory of one call."""
        return {"numbers": aligned(self.numbers, dtype), "places": aligned(self.places, np.dtype("i4"))}


def aligned(count, dtype):
    """An uninitialised array that begins at a cache line."""
    raw = np.empty(count + ALIGNMENT, dtype)
    first = -raw.ctypes.data % ALIGNMENT // dtype.itemsize
    return raw[first : first + count]


def plan(kernels, threads, values, places, shared, own):
    """A plan with arrays of these sizes in its memory, and with so many places for each thread."""
    at, rooms = 0, {}
    for arrays, copies in ((shared, 0), (own, threads)):
        for name, size in arrays.items():
            size = up(size, ALIGNMENT)
            rooms |= {f"{name}_at": at, f"{name}_each": size if copies else 0}
            at += size * max(1, copies)
    return Plan(kernels, {**values, **rooms, "places_each": places}, at, threads * places)


def share(units, products, threads_for):
    """Threads for so many units of work and so many multiply-adds in all."""
    return threads_for(units, products // WORK)


def batches(problem, samples, backward):
    """Slices of the batch whose copies fit ``ROOM``."""
    form, blocks = problem.form(backward), problem.blocks
    each = problem.pixels * form.width + (problem.taps * form.planes * problem.area if backward else 0)
    step = max(1, ROOM // (blocks * each))
    return [slice(first, min(samples, first + step)) for first in range(0, samples, step)]


@functools.lru_cache
def forward(problem, samples, threads, leaning):
    """The plan for the result of some images, or for how it changes along one or two changes of the offsets, which ``leaning`` says."""
    form, table = problem.form(False), problem.cut[1]
    span, vectors = up(problem.filters, form.wide), -(-problem.area // LANES)
    tiles = -(-problem.area // TILE)
    while samples * tiles % threads and tiles < vectors and samples * tiles < 8 * threads:  # each gets as many units
        tiles += 1
    room, points = up(vectors, tiles) // tiles * LANES, form.corners * problem.taps
    step = max(1, min(problem.taps, DEPTH // int(table[:, 1].max())))
    stride, line = step * form.width + LANES, problem.groups * span + LANES
    values = {
        **problem.values(), "samples": samples, "span": span, "tiles": tiles, "step": step, "stride": stride, "line": line,
        "room": room, "parts": max(1, min(span // form.wide, threads // (samples * tiles))),
    }  # fmt: skip
    shared = {
        "packed": samples * problem.blocks * problem.pixels * form.width,
        "panels": problem.channels * problem.taps * span,
    }
    own = {"base": form.axes * room, "weights": points * room, "columns": room * stride, "sums": room * line}
    return plan(forward_kernels(form, leaning), threads, values, points * room, shared, own)


@functools.lru_cache
def chunks_of(problem, samples):
    """Parts of the batch of which each has its own sum of the filters' gradient."""
    return max(1, min(samples, UNITS // problem.blocks))


@functools.lru_cache
def backward(problem, samples, threads, wanted, leaning):
    """The plan for the gradients of some images, or, if ``leaning`` is 1, for how they change along a change of the offsets."""
    form, blocks = problem.form(True), problem.blocks
    tiles, chunks = -(-problem.area // TILE_BACKWARD), chunks_of(problem, samples)
    vectors = -(-problem.area // (LANES * tiles))
    length = (vectors | 1) * LANES  # an odd number of lines spreads the rows over the cache
    room, whole = vectors * LANES, up(problem.filters, form.shape.rows)
    points = form.corners * room
    want_samples, want_weight = not wanted.isdisjoint({"data", "offset", "mask"}), "weight" in wanted
    values = {
        **problem.values(), "samples": samples, "whole": whole, "tiles": tiles, "chunks": chunks, "length": length,
        "room": room, "want_samples": want_samples, "want_data": "data" in wanted, "want_weight": want_weight,
    }  # fmt: skip
    image, tile, filters = (form.width * n for n in (problem.pixels, room, blocks * problem.taps))
    shared = {
        "panels": filters * problem.filters if want_samples else 0,
        "weight_parts": chunks * filters * whole if want_weight else 0,
    }
    own = {
        "base": form.axes * room, "weights": points, "images": image, "spilled": image, "tile_grads": whole * length,
        "sample_grads": tile, "columns": tile, "sums": points,
    }  # fmt: skip
    return plan(backward_kernels(form, leaning), threads, values, points, shared, own)


def named(form, *words):
    """What the log calls a kernel."""
    operator = "ModulatedDeformableConvolution" if form.modulated else "DeformableConvolution"
    filters = f" and {form.wide} filters" if form.wide else ""
    return ", ".join(
        [f"{operator} {np.dtype(form.kind).name}{IMAGES[form.axes]}", *words, f"{form.width} channels{filters} at once"]
    )


@functools.cache
def forward_kernels(form, leaning):
    """Kernels that pack and that convolve."""
    texts, what = convolution, ("forward", "tangents", "second tangents")[leaning]
    parameters = texts.convolving(form) | dict.fromkeys(CHANGES[:leaning], form.kind)
    return (
        Kernel(named(form, "forward", "order"), lambda m: texts.pack(m, form), texts.packing(form)),
        Kernel(named(form, what), lambda m: texts.convolve(m, form, leaning), parameters),
    )


@functools.cache
def backward_kernels(form, leaning):
    """Kernels that pack, that pull back, and that add up."""
    texts, what = convolution_gradient, "second derivatives" if leaning else "gradients"
    return (
        Kernel(named(form, "gradients", "order"), lambda m: texts.pack(m, form), texts.packing(form)),
        Kernel(named(form, what), lambda m: texts.pull(m, form, leaning), texts.pulling(form, leaning)),
        Kernel(named(form, "gradients", "sums"), lambda m: texts.gather(m, form), texts.gathering(form)),
    )
