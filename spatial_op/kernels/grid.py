"""Grids: the coordinates of a transform, or of an optical flow, written out; and their gradients pulled back."""

from .coordinates import Source, pixels_of
from .jit import Kernel, index, inner
from .lanes import COUNT
from .tiles import first_pixel, grid_plane_frame, grid_volume_frame, plane_work, tile_at, tiles_of, volume_work
from .vectors import put


@inner
def plane_tools(shape, edge, needs, like):
    """Frame, one thread's arrays and the number of tiles for grids of planes."""
    _, _, h_out, w_out = shape
    frame = grid_plane_frame(w_out, h_out, edge)
    return frame, plane_work(frame.target, needs, 1, like), tiles_of(h_out, w_out)


@inner
def volume_tools(shape, edge, needs, like):
    """Frame, one thread's arrays and the number of tiles for grids of volumes."""
    _, _, d_out, h_out, w_out = shape
    frame = grid_volume_frame(w_out, h_out, d_out, edge)
    return frame, volume_work(frame.target, needs, 1, like), d_out * tiles_of(h_out, w_out)


@inner
def generate_part(part, threads, source, tools, needs, given, out, edge):
    """Every ``threads``-th unit of the work; a unit is a tile of a sample."""
    samples, axes = out.shape[0], out.shape[1]
    frame, work, tiles = tools(out.shape, edge, needs, out)
    target, area, (numbers, per_sample) = out.reshape(out.size), pixels_of(frame.target), given
    for unit in range(part, samples * tiles, threads):
        sample, tile = unit % samples, tile_at(unit // samples, frame.target)
        source.start(source, numbers, sample * per_sample, frame, tile, work)
        for q in range(tile.rows):
            at = sample * axes * area + first_pixel(tile, frame.target) + q * frame.target[0]
            for k in range(index(0), index(tile.cols), index(COUNT)):
                point = source.find(source, numbers, sample * per_sample, frame, tile, q, k, work)
                for axis in range(axes):
                    put(target, index(at + axis * area) + k, point[axis], index(tile.cols) - k)


@inner
def contract_part(part, threads, source, tools, needs, given, out_grad, edge, sums):
    """The transpose: every tile has its own place in ``sums``."""
    samples, axes = out_grad.shape[0], out_grad.shape[1]
    frame, work, tiles = tools(out_grad.shape, edge, needs, out_grad)
    upper, area, (numbers, per_sample) = out_grad.reshape(out_grad.size), pixels_of(frame.target), given
    for unit in range(part, samples * tiles, threads):
        sample, t = unit % samples, unit // samples
        tile = tile_at(t, frame.target)
        source.start(source, numbers, sample * per_sample, frame, tile, work)
        for axis in range(axes):
            grads = work.grads[axis]
            for q in range(tile.rows):
                at = (sample * axes + axis) * area + first_pixel(tile, frame.target) + q * frame.target[0]
                for k in range(index(tile.cols)):
                    grads[index(q * tile.pitch) + k] = upper[index(at) + k]
        source.finish(source, numbers, sample * per_sample, sums, sample, 0, t, frame, tile, work)


@inner
def push_part(part, threads, source, tools, needs, given, tangents, out, edge):
    """``generate_part`` for how the grid changes when what is given changes by ``tangents``."""
    samples, axes = out.shape[0], out.shape[1]
    frame, work, tiles = tools(out.shape, edge, needs, out)
    target, area, (numbers, per_sample) = out.reshape(out.size), pixels_of(frame.target), given
    for unit in range(part, samples * tiles, threads):
        sample, tile = unit % samples, tile_at(unit // samples, frame.target)
        source.start(source, numbers, sample * per_sample, frame, tile, work)
        count = tangents.shape[1]
        source.push(source, numbers, sample * per_sample, count, tangents[sample], frame, tile, work)
        for axis in range(axes):
            grads = work.grads[axis]
            for q in range(tile.rows):
                at = (sample * axes + axis) * area + first_pixel(tile, frame.target) + q * frame.target[0]
                for k in range(index(tile.cols)):
                    target[index(at) + k] = grads[index(q * tile.pitch) + k]


def forward_kernel(tools, start, find, like, finish, push, fold, locate, pull_back, unfold, basis):
    """Kernel that writes the grid ``out``."""

    def generate(part, threads, plan_size, plan_first, basis_size, numbers, step, out, edge):
        source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
        generate_part(part, threads, source, tools, (plan_size, plan_first, basis_size), (numbers, step), out, edge)

    return Kernel(generate)


def backward_kernel(tools, start, find, like, finish, push, fold, locate, pull_back, unfold, basis):
    """Kernel that writes ``sums``, the gradient in parts."""

    def contract(part, threads, plan_size, plan_first, basis_size, numbers, step, out_grad, edge, sums):
        source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
        contract_part(
            part, threads, source, tools, (plan_size, plan_first, basis_size), (numbers, step), out_grad, edge, sums
        )

    return Kernel(contract)


def push_kernel(tools, start, find, like, finish, push, fold, locate, pull_back, unfold, basis):
    """Kernel that writes the grid's tangent ``out``."""

    def push_grid(part, threads, plan_size, plan_first, basis_size, numbers, step, tangents, out, edge):
        source = Source(start, find, like, finish, push, fold, locate, pull_back, unfold, basis)
        push_part(
            part, threads, source, tools, (plan_size, plan_first, basis_size), (numbers, step), tangents, out, edge
        )

    return Kernel(push_grid)


def flow_kernel():
    """Kernel that writes ``out``: (values + ramp times the pixel's number from the centre) times the scale."""

    def flow(part, threads, values, out, ramp, scale_x, scale_y):
        samples, axes, h, w = values.shape
        given, target = values.reshape(values.size), out.reshape(out.size)
        for line in range(part, samples * axes * h, threads):
            axis, row = line // h % axes, line % h
            at, scale = index(line * w), scale_x if axis == 0 else scale_y
            first, step = (-0.5 * (w - 1), 1.0) if axis == 0 else (row - 0.5 * (h - 1), 0.0)
            for k in range(index(w)):
                target[at + k] = (given[at + k] + ramp * (first + step * k)) * scale

    return Kernel(flow)
