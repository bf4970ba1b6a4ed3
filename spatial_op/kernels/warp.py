"""The warp of images: locate -> window -> taps -> gather or scatter -> pull back, a tile of output pixels at a time.

The loops know no transform, sampler or padding by name. They are handed the functions of one row of each table and
compiled for that combination.

A tile is sampled in one of two ways:

* from a *window*, a copy of the source pixels that it needs, whose outside the padding rule has filled: the inner loops
  test no border, and rotated reads stay in the nearest caches at every image width;
* *in place*, when it needs so many pixels that copying them does not pay (strong shrinking, scattered coordinates) or,
  backward, when a coordinate is NaN or infinite.
"""

from .cells import Rules, classify, enumerate_plane, enumerate_window, fits, pays, place_plane, reach_of
from .coordinates import Source
from .four import fill_four, fold_four, gather_four, scatter_four
from .in_place import accumulate_in_place, gather_in_place, plane_kit, scatter_in_place, void
from .jit import Kernel, clear, index, inner
from .lanes import FOUR
from .tiles import (
    BLOCK,
    FEW,
    WORTH_FOUR,
    blocks_of,
    first_pixel,
    plane_frame,
    plane_work,
    tile_at,
    tiles_of,
    window_for,
)
from .window import accumulate, fill, fold, gather, scatter


@inner
def forward_part(part, threads, source, rules, needs, images, given, out):
    """Every ``threads``-th unit of the work; a unit is a tile of a block of channels of a sample."""
    pixels, (samples, channels, h, w), (image_step, channel_step) = images
    (numbers, per_sample), (_, _, h_out, w_out), target = given, out.shape, out.reshape(out.size)
    frame = plane_frame(w, h, w_out, h_out, rules.edge)
    tiles, blocks = tiles_of(h_out, w_out), blocks_of(channels)
    work = plane_work(frame.target, needs, reach_of(rules), pixels)
    window = window_for(channels, frame.target, pixels)
    for unit in range(part, samples * blocks * tiles, threads):
        tile = tile_at(unit // (samples * blocks), frame.target)
        sample, block = unit // blocks % samples, unit % blocks
        source.start(source, numbers, sample * per_sample, frame, tile, work)
        box, _ = place_plane(source, rules, numbers, sample * per_sample, frame, tile, work)
        windowed, few = pays(box, frame, tile), fits(box, tile, WORTH_FOUR)
        if windowed:
            enumerate_window(box, tile, work)
        else:
            enumerate_plane(frame, tile, work)
            classify(rules, frame, tile, work, False)
        channel, last = block * BLOCK, min(channels, block * BLOCK + BLOCK)
        while channel < last:
            together = FOUR if windowed and few and last - channel >= FOUR else 1
            plane = sample * image_step + channel * channel_step
            at = index((sample * channels + channel) * h_out * w_out + first_pixel(tile, frame.target))
            if together > 1:
                fill_four(rules, pixels, plane, channel_step, frame, box, window)
                gather_four(rules, window, box, frame, tile, work, target, at)
            elif windowed:
                fill(rules, pixels, plane, channel_step, frame, box, window)
                gather(rules, window, box, frame, tile, work, target, at)
            else:
                gather_in_place(plane_kit(), rules, pixels, plane, frame, tile, work, target, at)
            channel += together


@inner
def reaches(rules, box, h, top, bottom):
    """Whether a box of source rows has one between ``top`` and ``bottom``."""
    for r in range(box.height):
        row, inside = rules.fix(box.y + r, h, rules.edge)
        if inside and top <= row < bottom:
            return True
    return False


@inner
def backward_part(
    part, threads, bands, source, rules, needs, images, given, out_grad,
    want_data, add_data, grad_data, want_values, sums,
):  # fmt: skip
    """Every ``threads``-th unit of the work; a unit is a band of source rows of a block of channels of a sample.

    A unit alone writes its rows of ``grad_data``: every tile that reaches them adds its sum, in the same order however
    many bands there are. The coordinates' gradients of a tile belong to one of the bands, and
    each tile has its own place in ``sums``.
    """
    pixels, (samples, channels, h, w), (image_step, channel_step) = images
    (numbers, per_sample), (_, _, h_out, w_out) = given, out_grad.shape
    upper, lower = out_grad.reshape(out_grad.size), grad_data.reshape(grad_data.size)
    frame = plane_frame(w, h, w_out, h_out, rules.edge)
    tiles, blocks = tiles_of(h_out, w_out), blocks_of(channels)
    work = plane_work(frame.target, needs, reach_of(rules), pixels)
    window = window_for(channels, frame.target, pixels)
    for t in range(tiles):
        tile = tile_at(t, frame.target)
        for unit in range(part, samples * blocks * bands, threads):
            band, block, sample = unit % bands, unit // bands % blocks, unit // bands // blocks
            top, bottom = band * h // bands, (band + 1) * h // bands
            first, last = block * BLOCK, min(channels, block * BLOCK + BLOCK)
            if t == 0 and want_data and not add_data:
                # By the owner, at once and in one sweep: a new array's pages then appear quickly, and on this thread.
                for channel in range(first, last):
                    plane = (sample * channels + channel) * h * w
                    clear(lower, plane + top * w, plane + bottom * w)
            source.start(source, numbers, sample * per_sample, frame, tile, work)
            box, bad = place_plane(source, rules, numbers, sample * per_sample, frame, tile, work)
            mine = want_values and t % bands == band
            touched = want_data and reaches(rules, box, h, top, bottom)
            if not mine and not touched:
                continue
            windowed, few = not bad and pays(box, frame, tile), fits(box, tile, WORTH_FOUR)
            if windowed:
                enumerate_window(box, tile, work)
            else:
                enumerate_plane(frame, tile, work)
                classify(rules, frame, tile, work, bands > 1)
            for axis in range(2):
                clear(work.grads[axis], 0, len(work.grads[axis]))
            for channel in range(first, last if mine else 0):
                plane = sample * image_step + channel * channel_step
                at = index((sample * channels + channel) * h_out * w_out + first_pixel(tile, frame.target))
                if windowed:
                    fill(rules, pixels, plane, channel_step, frame, box, window)
                    accumulate(rules, window, box, frame, tile, work, upper, at)
                else:
                    accumulate_in_place(plane_kit(), rules, pixels, plane, frame, tile, work, upper, at)
            channel, end = first, last if touched else 0
            while channel < end:
                together = min(end - channel, FOUR) if windowed and few and end - channel >= FEW else 1
                plane = (sample * channels + channel) * h * w
                at = index((sample * channels + channel) * h_out * w_out + first_pixel(tile, frame.target))
                if together > 1:
                    clear(window, 0, FOUR * box.height * box.stride)
                    scatter_four(rules, upper, at, together, frame, tile, work, window, box)
                    fold_four(rules, window, together, frame, box, lower, plane, top, bottom)
                elif windowed:
                    clear(window, 0, box.height * box.stride)
                    scatter(rules, upper, at, frame, tile, work, window, box)
                    fold(rules, window, frame, box, lower, plane, top, bottom)
                else:
                    scatter_in_place(
                        plane_kit(), rules, upper, at, frame, tile, work, lower, plane, top, bottom
                    )  # fmt: skip
                channel += together
            if mine:
                if bad:
                    void(tile, work)
                source.finish(source, numbers, sample * per_sample, sums, sample, block, t, frame, tile, work)


def forward_kernel(
    start, find, like, finish, push, fold, locate, pull_back, unfold, basis, near, fix, shift, first, taps, cell
):
    """Kernel that writes ``out``, from pixels and numbers that lie ``apart`` and ``step``, as ``operators.memory`` has them."""

    def forward(
        part, threads, plan_size, plan_first, basis_size, pixels, samples, channels, h, w, image_step, channel_step,
        numbers, step, out, edge,
    ):  # fmt: skip
        source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
        rules = Rules(near, fix, shift, first, taps, cell, edge)
        needs = (plan_size, plan_first, basis_size)
        images = (pixels, (samples, channels, h, w), (image_step, channel_step))
        forward_part(part, threads, source, rules, needs, images, (numbers, step), out)

    return Kernel(forward)


def backward_kernel(
    start, find, like, finish, push, fold, locate, pull_back, unfold, basis, near, fix, shift, first, taps, cell
):
    """Kernel that writes ``grad_data``, or adds to it, and writes ``sums``, the gradient of what is given in parts."""

    def backward(
        part, threads, bands, plan_size, plan_first, basis_size, pixels, samples, channels, h, w, image_step, channel_step,
        numbers, step, out_grad, edge, want_data, add_data, grad_data, want_values, sums,
    ):  # fmt: skip
        source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
        rules = Rules(near, fix, shift, first, taps, cell, edge)
        needs = (plan_size, plan_first, basis_size)
        images = (pixels, (samples, channels, h, w), (image_step, channel_step))
        backward_part(
            part, threads, bands, source, rules, needs, images, (numbers, step), out_grad,
            want_data, add_data, grad_data, want_values, sums,
        )  # fmt: skip

    return Kernel(backward)
