"""Forward differentiation: what a change of the coordinates does to the samples, of planes and volumes, always in place."""

from numba import prange

from .cells import Rules, classify, enumerate_plane, enumerate_volume, place_plane, place_volume, reach_of
from .coordinates import Source
from .in_place import advance_in_place, plane_kit, void, volume_kit
from .jit import Kernel, index, inner
from .tiles import (
    BLOCK,
    blocks_of,
    first_pixel,
    plane_frame,
    plane_work,
    tile_at,
    tiles_of,
    volume_frame,
    volume_work,
)


@inner
def plane_tools(data, out, rules, needs):
    """What planes and volumes do differently: frame, work, tiles, kit, and how a tile is made ready."""
    _, _, h, w = data.shape
    _, _, h_out, w_out = out.shape
    frame = plane_frame(w, h, w_out, h_out, rules.edge)
    work = plane_work(frame.target, needs, reach_of(rules), data)
    return frame, work, tiles_of(h_out, w_out), plane_kit(), place_plane, enumerate_plane


@inner
def volume_tools(data, out, rules, needs):
    """``plane_tools`` for volumes."""
    _, _, d, h, w = data.shape
    _, _, d_out, h_out, w_out = out.shape
    frame = volume_frame(w, h, d, w_out, h_out, d_out, rules.edge)
    work = volume_work(frame.target, needs, reach_of(rules), data)
    return frame, work, d_out * tiles_of(h_out, w_out), volume_kit(), place_volume, enumerate_volume


@inner
def push_part(part, threads, source, rules, tools, needs, data, values, tangents, out):
    """Every ``threads``-th unit of the work; a unit is a tile of a block of channels of a sample."""
    samples, channels = data.shape[0], data.shape[1]
    frame, work, tiles, kit, place, enumerate_cells = tools(data, out, rules, needs)
    pixels, target = data.reshape(data.size), out.reshape(out.size)
    numbers, steps = values.reshape(values.size), tangents.reshape(tangents.size)
    per_sample, blocks = values.strides[0] // values.itemsize, blocks_of(channels)
    area, area_out = data.strides[1] // data.itemsize, out.strides[1] // out.itemsize
    for unit in range(part, samples * blocks * tiles, threads):
        tile = tile_at(unit % tiles, frame.target)
        sample, block = unit // tiles // blocks, unit // tiles % blocks
        source.start(source, numbers, sample * per_sample, frame, tile, work)
        place(source, rules, numbers, sample * per_sample, frame, tile, work)
        enumerate_cells(frame, tile, work)
        classify(rules, frame, tile, work, False)
        source.push(source, numbers, sample * per_sample, per_sample, steps, frame, tile, work)
        void(tile, work)
        for channel in range(block * BLOCK, min(channels, block * BLOCK + BLOCK)):
            image = sample * channels + channel
            at = index(image * area_out + first_pixel(tile, frame.target))
            advance_in_place(kit, rules, pixels, image * area, frame, tile, work, target, at)


def push_kernel(
    tools, start, find, like, finish, push, fold, locate, pull_back, unfold, basis, near, fix, shift, first, taps, cell
):
    """Kernel ``(threads, needs, data, values, tangents, out, edge)`` that adds to ``out``."""

    def make(label):
        def push_samples(threads, needs, data, values, tangents, out, edge):
            label  # part of the disk cache's key
            for part in prange(threads):
                source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
                rules = Rules(near, fix, shift, first, taps, cell, edge)
                push_part(part, threads, source, rules, tools, needs, data, values, tangents, out)

        return push_samples

    return Kernel(make, "push")
