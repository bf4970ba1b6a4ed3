"""Forward differentiation: what a change of the coordinates does to the samples, of planes and volumes, always in place."""

from .cells import Rules, classify, enumerate_plane, enumerate_volume, place_plane, place_volume, reach_of
from .coordinates import Source, pixels_of
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
def plane_tools(images, out, rules, needs):
    """What planes and volumes do differently: frame, work, tiles, kit, and how a tile is made ready."""
    pixels, (_, _, h, w), _ = images
    _, _, h_out, w_out = out.shape
    frame = plane_frame(w, h, w_out, h_out, rules.edge)
    work = plane_work(frame.target, needs, reach_of(rules), pixels)
    return frame, work, tiles_of(h_out, w_out), plane_kit(), place_plane, enumerate_plane


@inner
def volume_tools(images, out, rules, needs):
    """``plane_tools`` for volumes."""
    pixels, (_, _, d, h, w), _ = images
    _, _, d_out, h_out, w_out = out.shape
    frame = volume_frame(w, h, d, w_out, h_out, d_out, rules.edge)
    work = volume_work(frame.target, needs, reach_of(rules), pixels)
    return frame, work, d_out * tiles_of(h_out, w_out), volume_kit(), place_volume, enumerate_volume


@inner
def push_part(part, threads, source, rules, tools, needs, images, given, tangents, out):
    """Every ``threads``-th unit of the work; a unit is a tile of a block of channels of a sample."""
    pixels, sizes, (image_step, channel_step) = images
    samples, channels = sizes[0], sizes[1]
    frame, work, tiles, kit, place, enumerate_cells = tools(images, out, rules, needs)
    (numbers, per_sample), target, blocks = given, out.reshape(out.size), blocks_of(channels)
    area = pixels_of(frame.target)
    flat = tangents.reshape((tangents.shape[0], tangents.size // max(1, tangents.shape[0])))
    for unit in range(part, samples * blocks * tiles, threads):
        tile = tile_at(unit % tiles, frame.target)
        sample, block = unit // tiles // blocks, unit // tiles % blocks
        source.start(source, numbers, sample * per_sample, frame, tile, work)
        place(source, rules, numbers, sample * per_sample, frame, tile, work)
        enumerate_cells(frame, tile, work)
        classify(rules, frame, tile, work, False)
        count = flat.shape[1]
        source.push(source, numbers, sample * per_sample, count, flat[sample], frame, tile, work)
        void(tile, work)
        for channel in range(block * BLOCK, min(channels, block * BLOCK + BLOCK)):
            plane = sample * image_step + channel * channel_step
            at = index((sample * channels + channel) * area + first_pixel(tile, frame.target))
            advance_in_place(kit, rules, pixels, plane, frame, tile, work, target, at)


def push_kernel(
    tools, start, find, like, finish, push, fold, locate, pull_back, unfold, basis, near, fix, shift, first, taps, cell
):
    """Kernel that adds to ``out``."""

    def push_plane(
        part, threads, plan_size, plan_first, basis_size, pixels, samples, channels, h, w, image_step, channel_step,
        numbers, step, tangents, out, edge,
    ):  # fmt: skip
        source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
        rules = Rules(near, fix, shift, first, taps, cell, edge)
        needs, images = (
            (plan_size, plan_first, basis_size),
            (pixels, (samples, channels, h, w), (image_step, channel_step)),
        )
        push_part(part, threads, source, rules, tools, needs, images, (numbers, step), tangents, out)

    def push_volume(
        part, threads, plan_size, plan_first, basis_size, pixels, samples, channels, d, h, w, image_step, channel_step,
        numbers, step, tangents, out, edge,
    ):  # fmt: skip
        source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
        rules = Rules(near, fix, shift, first, taps, cell, edge)
        needs, sizes = (plan_size, plan_first, basis_size), (samples, channels, d, h, w)
        images = (pixels, sizes, (image_step, channel_step))
        push_part(part, threads, source, rules, tools, needs, images, (numbers, step), tangents, out)

    return Kernel(push_plane if tools is plane_tools else push_volume)
