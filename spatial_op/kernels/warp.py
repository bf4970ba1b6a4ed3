"""The warp of 2-D images: locate -> window -> taps -> gather or scatter -> pull back, a tile of output pixels at a time.

The loops know no transform, sampler or padding by name. They are handed the functions of one row of each table
(``locate``, ``pull_back``, ``near``, ``fix``, ``taps``) and compiled for that combination.

A tile is sampled in one of two ways:

* from a *window*, a copy of the source pixels that it needs, whose outside the padding rule has filled: the inner loops
  test no border, and rotated reads stay in the nearest caches at every image width;
* *in place*, when it needs so many pixels that copying them does not pay (strong shrinking, scattered coordinates) or,
  backward, when a coordinate is NaN or infinite. Vectors whose taps are all inside the image are sampled as before,
  straight from the image; the others pixel by pixel.
"""

import numpy as np
from numba import prange

from .four import fill_four, fold_four, gather_four, scatter_four
from .in_place import accumulate_in_place, gather_in_place, scatter_in_place
from .jit import Kernel, index, inner
from .lanes import COUNT, FOUR, load, total
from .sums import contract
from .tiles import (
    COLS,
    FEW,
    ROOM,
    WORTH,
    classify,
    enumerate_cells,
    place,
    reaches,
    row_stride,
    scratch,
    tile_at,
    tiles_of,
)
from .window import accumulate, fill, fold, gather, scatter

# Channels that share one evaluation of coordinates and taps. Fixed, so that sums over channels have one order for any
# number of threads.
BLOCK = 32


@inner
def forward_part(part, threads, plan_size, fold_plan, locate, near, fix, shift, first_tap, taps, data, loc, out, edge):
    """Every ``threads``-th unit of the work; a unit is a tile of a block of channels of a sample."""
    samples, channels, h, w = data.shape
    _, _, h_out, w_out = out.shape
    source, target, parameters = data.reshape(data.size), out.reshape(out.size), loc.reshape(loc.size)
    sizes = (h, w, h_out, w_out, edge)
    tiles, blocks, reach = tiles_of(h_out, w_out), (channels + BLOCK - 1) // BLOCK, len(taps(0.5))
    plan, steps, cells, parts, places, kinds, window, spare_plan, spare = scratch(
        h_out, w_out, channels, plan_size, data
    )
    cell_x, cell_y, part_x, part_y = cells[0], cells[1], parts[0], parts[1]
    pitch = min(COLS, w_out)
    for unit in range(part, samples * blocks * tiles, threads):
        tile = tile_at(unit % tiles, h_out, w_out)
        sample, block = unit // tiles // blocks, unit // tiles % blocks
        row, col, rows, cols = tile
        runs, length = (1, rows * cols) if cols == w_out else (rows, cols)
        fold_plan(parameters, sample * loc.shape[1], sizes, plan)
        x0, x1, y0, y1, _ = place(
            locate, near, shift, first_tap, reach, plan, sizes, tile, pitch, steps, spare_plan,
            cell_x, cell_y, part_x, part_y,
        )  # fmt: skip
        width, height = x1 - x0 + reach, y1 - y0 + reach
        stride = row_stride(width)
        windowed = stride * height <= WORTH * rows * cols + ROOM - COUNT
        if windowed:
            enumerate_cells(cell_x, cell_y, part_x, part_y, runs, length, pitch, x0, y0, stride, places)
        else:
            enumerate_cells(cell_x, cell_y, part_x, part_y, runs, length, pitch, 0, 0, w, places)
            classify(fix, cell_x, cell_y, part_x, part_y, reach, h, w, edge, runs, length, pitch, kinds)
        channel, last = block * BLOCK, min(channels, block * BLOCK + BLOCK)
        while channel < last:
            together = FOUR if windowed and last - channel >= FOUR else 1
            plane = (sample * channels + channel) * h * w
            start, step = index(((sample * channels + channel) * h_out + row) * w_out + col), index(w_out)
            if together > 1:
                fill_four(fix, source, plane, h, w, edge, x0, y0, width, height, stride, window)
                gather_four(
                    taps, window, stride, places, part_x, part_y,
                    runs, length, pitch, target, start, step, h_out * w_out, spare,
                )  # fmt: skip
            elif windowed:
                fill(fix, source, plane, h, w, edge, x0, y0, width, height, stride, window)
                gather(
                    taps, window, index(0), index(stride), places, part_x, part_y,
                    runs, length, pitch, target, start, step, spare,
                )  # fmt: skip
            else:
                gather_in_place(
                    fix, taps, source, plane, h, w, edge, cell_x, cell_y, places, part_x, part_y, kinds,
                    runs, length, pitch, target, start, step, spare,
                )  # fmt: skip
            channel += together


@inner
def backward_part(
    part, threads, bands, plan_size, fold_plan, locate, pull_back, unfold, near, fix, shift, first_tap, taps,
    data, loc, out_grad, edge, want_data, add_data, grad_data, want_loc, sums,
):  # fmt: skip
    """Every ``threads``-th unit of the work; a unit is a band of source rows of a block of channels of a sample.

    A unit alone writes its rows of ``grad_data``: it visits every tile that reaches them, in the same order however
    many bands there are, and adds the tile's sum. The coordinates' gradients of a tile belong to one of the bands, and
    each tile has its own sums.
    """
    samples, channels, h, w = data.shape
    _, _, h_out, w_out = out_grad.shape
    source, upper, parameters = data.reshape(data.size), out_grad.reshape(out_grad.size), loc.reshape(loc.size)
    lower = grad_data.reshape(grad_data.size)
    sizes = (h, w, h_out, w_out, edge)
    tiles, blocks, reach = tiles_of(h_out, w_out), (channels + BLOCK - 1) // BLOCK, len(taps(0.5))
    plan, steps, cells, parts, places, kinds, window, spare_plan, spare = scratch(
        h_out, w_out, channels, plan_size, data
    )
    cell_x, cell_y, part_x, part_y = cells[0], cells[1], parts[0], parts[1]
    pitch = min(COLS, w_out)
    grads, tile_sums = np.empty((2, len(part_x)), data.dtype), np.empty(plan_size * COUNT)
    grad_x, grad_y = grads[0], grads[1]
    for unit in range(part, samples * blocks * bands, threads):
        band, block, sample = unit % bands, unit // bands % blocks, unit // bands // blocks
        top, bottom = band * h // bands, (band + 1) * h // bands
        if want_data and not add_data:
            # By the owner, at once and in one sweep: a new array's pages then appear quickly, and on this thread.
            for channel in range(block * BLOCK, min(channels, block * BLOCK + BLOCK)):
                plane = (sample * channels + channel) * h * w
                lower[plane + top * w : plane + bottom * w] = 0
        fold_plan(parameters, sample * loc.shape[1], sizes, plan)
        for t in range(tiles):
            tile = tile_at(t, h_out, w_out)
            row, col, rows, cols = tile
            runs, length = (1, rows * cols) if cols == w_out else (rows, cols)
            x0, x1, y0, y1, bad = place(
                locate, near, shift, first_tap, reach, plan, sizes, tile, pitch, steps, spare_plan,
                cell_x, cell_y, part_x, part_y,
            )  # fmt: skip
            width, height = x1 - x0 + reach, y1 - y0 + reach
            mine = want_loc and t % bands == band
            touched = want_data and reaches(fix, y0, height, h, edge, top, bottom)
            if not mine and not touched:
                continue
            stride = row_stride(width)
            windowed = not bad and stride * height <= WORTH * rows * cols + ROOM - COUNT
            if windowed:
                enumerate_cells(cell_x, cell_y, part_x, part_y, runs, length, pitch, x0, y0, stride, places)
            else:
                enumerate_cells(cell_x, cell_y, part_x, part_y, runs, length, pitch, 0, 0, w, places)
                classify(fix, cell_x, cell_y, part_x, part_y, reach, h, w, edge, runs, length, pitch, kinds)
            grads[:] = 0
            for channel in range(block * BLOCK, min(channels, block * BLOCK + BLOCK) if mine else 0):
                plane = (sample * channels + channel) * h * w
                start, step = index(((sample * channels + channel) * h_out + row) * w_out + col), index(w_out)
                if windowed:
                    fill(fix, source, plane, h, w, edge, x0, y0, width, height, stride, window)
                    accumulate(
                        taps, window, index(0), index(stride), places, part_x, part_y,
                        upper, start, step, runs, length, pitch, grad_x, grad_y, spare,
                    )  # fmt: skip
                else:
                    accumulate_in_place(
                        fix, taps, source, plane, h, w, edge, cell_x, cell_y, places, part_x, part_y, kinds,
                        upper, start, step, runs, length, pitch, grad_x, grad_y, spare,
                    )  # fmt: skip
            channel, last = block * BLOCK, min(channels, block * BLOCK + BLOCK) if touched else 0
            while channel < last:
                together = min(last - channel, FOUR) if windowed and last - channel >= FEW else 1
                plane = (sample * channels + channel) * h * w
                start, step = index(((sample * channels + channel) * h_out + row) * w_out + col), index(w_out)
                if together > 1:
                    window[: FOUR * height * stride] = 0
                    scatter_four(
                        taps, upper, start, step, h_out * w_out, places, part_x, part_y, together,
                        runs, length, pitch, window, stride, spare,
                    )  # fmt: skip
                    fold_four(
                        fix, window, together, h, w, edge, x0, y0, width, height, stride, lower, plane, top, bottom
                    )  # fmt: skip
                elif windowed:
                    window[: height * stride] = 0
                    scatter(
                        taps, upper, start, step, places, part_x, part_y,
                        runs, length, pitch, window, index(stride), spare,
                    )  # fmt: skip
                    fold(fix, window, h, w, edge, x0, y0, width, height, stride, lower, plane, top, bottom)
                else:
                    scatter_in_place(
                        fix, taps, upper, start, step, cell_x, cell_y, places, part_x, part_y, kinds,
                        reach, runs, length, pitch, lower, plane, h, w, edge, top, bottom, spare,
                    )  # fmt: skip
                channel += together
            if mine:
                tile_sums[:] = 0
                contract(pull_back, plan, sizes, tile, pitch, steps, grad_x, grad_y, spare, tile_sums)
                for i in range(plan_size):
                    tile_sums[i] = total(load(tile_sums, index(i * COUNT)))
                unfold(tile_sums, sizes, sums[sample, block, t])


def forward_units(shape):
    """How many separable units there are in sampling an output of this shape."""
    samples, channels, h_out, w_out = shape
    return samples * -(-channels // BLOCK) * tiles_of(h_out, w_out)


def backward_split(shape, threads_for):
    """Threads and bands for pulling back from an output of this shape; bands only where there are too few other units."""
    samples, channels, h_out, w_out = shape
    units = samples * -(-channels // BLOCK)
    threads = threads_for(max(units, tiles_of(h_out, w_out)), samples * channels * h_out * w_out)
    bands = 1 if units >= 8 * threads or units % threads == 0 else threads
    return threads, bands


def sums_shape(shape, width):
    """Shape of the array of parameter gradients: sample, block of channels, tile, parameter."""
    samples, channels, h_out, w_out = shape
    return samples, -(-channels // BLOCK), tiles_of(h_out, w_out), width


def forward_kernel(plan_size, fold_plan, locate, near, fix, shift, first_tap, taps):
    """Kernel ``(threads, data, loc, out, edge)`` that writes ``out``."""

    def make(label):
        def forward(threads, data, loc, out, edge):
            label  # part of the disk cache's key
            for part in prange(threads):
                forward_part(
                    part, threads, plan_size, fold_plan, locate, near, fix, shift, first_tap, taps, data, loc, out, edge
                )

        return forward

    return Kernel(make, "forward")


def backward_kernel(plan_size, fold_plan, locate, pull_back, unfold, near, fix, shift, first_tap, taps):
    """Kernel that writes ``grad_data``, or adds to it, and writes ``sums``.

    These hold the parameters' gradient for each sample, block of channels and tile.
    """

    def make(label):
        def backward(threads, bands, data, loc, out_grad, edge, want_data, add_data, grad_data, want_loc, sums):
            label  # part of the disk cache's key
            for part in prange(threads):
                backward_part(
                    part, threads, bands, plan_size, fold_plan, locate, pull_back, unfold, near, fix, shift, first_tap, taps,
                    data, loc, out_grad, edge, want_data, add_data, grad_data, want_loc, sums,
                )  # fmt: skip

        return backward

    return Kernel(make, "backward")
