"""The warp of volumes: as ``warp``, slice by slice of the output, and always in place.

A tile is part of one output slice. Bands are of source slices.
"""

from .cells import Rules, classify, enumerate_volume, place_volume, reach_of
from .coordinates import Source
from .in_place import accumulate_in_place, gather_in_place, scatter_in_place, void, volume_kit
from .jit import Kernel, clear, index, inner
from .tiles import BLOCK, blocks_of, first_pixel, tile_at, tiles_of, volume_frame, volume_work


@inner
def forward_part(part, threads, source, rules, needs, images, given, out):
    """Every ``threads``-th unit of the work; a unit is a tile of a block of channels of a sample."""
    pixels, (samples, channels, d, h, w), (image_step, channel_step) = images
    (numbers, per_sample), (_, _, d_out, h_out, w_out), target = given, out.shape, out.reshape(out.size)
    frame = volume_frame(w, h, d, w_out, h_out, d_out, rules.edge)
    tiles, blocks = d_out * tiles_of(h_out, w_out), blocks_of(channels)
    work = volume_work(frame.target, needs, reach_of(rules), pixels)
    for unit in range(part, samples * blocks * tiles, threads):
        tile = tile_at(unit % tiles, frame.target)
        sample, block = unit // tiles // blocks, unit // tiles % blocks
        source.start(source, numbers, sample * per_sample, frame, tile, work)
        place_volume(source, rules, numbers, sample * per_sample, frame, tile, work)
        enumerate_volume(frame, tile, work)
        classify(rules, frame, tile, work, False)
        for channel in range(block * BLOCK, min(channels, block * BLOCK + BLOCK)):
            plane = sample * image_step + channel * channel_step
            at = index((sample * channels + channel) * d_out * h_out * w_out + first_pixel(tile, frame.target))
            gather_in_place(volume_kit(), rules, pixels, plane, frame, tile, work, target, at)


@inner
def reaches(rules, low, high, d, top, bottom):
    """Whether the taps of the cells ``low`` to ``high`` have a slice between ``top`` and ``bottom``."""
    for z in range(low, high + reach_of(rules)):
        slice_, inside = rules.fix(z, d, rules.edge)
        if inside and top <= slice_ < bottom:
            return True
    return False


@inner
def backward_part(
    part, threads, bands, source, rules, needs, images, given, out_grad,
    want_data, add_data, grad_data, want_values, sums,
):  # fmt: skip
    """Every ``threads``-th unit of the work; a unit is a band of source slices of a block of channels of a sample."""
    pixels, (samples, channels, d, h, w), (image_step, channel_step) = images
    (numbers, per_sample), (_, _, d_out, h_out, w_out) = given, out_grad.shape
    upper, lower = out_grad.reshape(out_grad.size), grad_data.reshape(grad_data.size)
    frame = volume_frame(w, h, d, w_out, h_out, d_out, rules.edge)
    tiles, blocks = d_out * tiles_of(h_out, w_out), blocks_of(channels)
    work = volume_work(frame.target, needs, reach_of(rules), pixels)
    for unit in range(part, samples * blocks * bands, threads):
        band, block, sample = unit % bands, unit // bands % blocks, unit // bands // blocks
        top, bottom = band * d // bands, (band + 1) * d // bands
        channels_here = range(block * BLOCK, min(channels, block * BLOCK + BLOCK))
        if want_data and not add_data:
            for channel in channels_here:
                plane = (sample * channels + channel) * d * h * w
                clear(lower, plane + top * h * w, plane + bottom * h * w)
        for t in range(tiles):
            tile = tile_at(t, frame.target)
            source.start(source, numbers, sample * per_sample, frame, tile, work)
            low, high, bad = place_volume(source, rules, numbers, sample * per_sample, frame, tile, work)
            mine = want_values and t % bands == band
            touched = want_data and reaches(rules, low, high, d, top, bottom)
            if not mine and not touched:
                continue
            enumerate_volume(frame, tile, work)
            classify(rules, frame, tile, work, bands > 1)
            for axis in range(3):
                clear(work.grads[axis], 0, len(work.grads[axis]))
            for channel in channels_here:
                plane = (sample * channels + channel) * d * h * w
                at = index((sample * channels + channel) * d_out * h_out * w_out + first_pixel(tile, frame.target))
                if mine:
                    seen = sample * image_step + channel * channel_step
                    accumulate_in_place(volume_kit(), rules, pixels, seen, frame, tile, work, upper, at)
                if touched:
                    scatter_in_place(
                        volume_kit(), rules, upper, at, frame, tile, work, lower, plane, top, bottom
                    )  # fmt: skip
            if mine:
                if bad:
                    void(tile, work)
                source.finish(source, numbers, sample * per_sample, sums, sample, block, t, frame, tile, work)


def forward_kernel(
    start, find, like, finish, push, fold, locate, pull_back, unfold, basis, near, fix, shift, first, taps, cell
):
    """Kernel that writes ``out``, from pixels and numbers that lie ``apart`` and ``step``, as ``operators.memory`` has them."""

    def forward_volume(
        part, threads, plan_size, plan_first, basis_size, pixels, samples, channels, d, h, w, image_step, channel_step,
        numbers, step, out, edge,
    ):  # fmt: skip
        source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
        rules = Rules(near, fix, shift, first, taps, cell, edge)
        needs = (plan_size, plan_first, basis_size)
        images = (pixels, (samples, channels, d, h, w), (image_step, channel_step))
        forward_part(part, threads, source, rules, needs, images, (numbers, step), out)

    return Kernel(forward_volume)


def backward_kernel(
    start, find, like, finish, push, fold, locate, pull_back, unfold, basis, near, fix, shift, first, taps, cell
):
    """Kernel that writes ``grad_data``, or adds to it, and writes ``sums``, the gradient of what is given in parts."""

    def backward_volume(
        part, threads, bands, plan_size, plan_first, basis_size, pixels, samples, channels, d, h, w, image_step, channel_step,
        numbers, step, out_grad, edge, want_data, add_data, grad_data, want_values, sums,
    ):  # fmt: skip
        source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
        rules = Rules(near, fix, shift, first, taps, cell, edge)
        needs = (plan_size, plan_first, basis_size)
        images = (pixels, (samples, channels, d, h, w), (image_step, channel_step))
        backward_part(
            part, threads, bands, source, rules, needs, images, (numbers, step), out_grad,
            want_data, add_data, grad_data, want_values, sums,
        )  # fmt: skip

    return Kernel(backward_volume)
