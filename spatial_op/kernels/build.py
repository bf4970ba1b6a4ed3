"""From table rows to kernels: the one place that hands rows to the compiler."""

import functools

from . import coordinates, grid, splines, tangent, volume, warp
from .jit import inner
from .tiles import blocks_of, tiles_of

# By the number of axes of an image: the loops, where a transform's coordinates come from, and an array's.
LOOPS = {2: warp, 3: volume}
BY_TRANSFORM = {
    2: (
        coordinates.fold_plan,
        coordinates.locate_plane,
        coordinates.in_float64,
        coordinates.pull_plane,
        coordinates.push_plane,
    ),
    3: (
        coordinates.fold_plan,
        coordinates.locate_volume,
        coordinates.in_float64,
        coordinates.pull_volume,
        coordinates.push_volume,
    ),
}
BY_BASIS = (
    splines.start_spline,
    splines.locate_spline,
    coordinates.in_float64,
    splines.pull_spline,
    splines.push_spline,
)
BY_ARRAY = {
    2: (coordinates.no_plan, coordinates.read_plane, coordinates.in_its_own, coordinates.write, coordinates.copy),
    3: (coordinates.no_plan, coordinates.read_volume, coordinates.in_its_own, coordinates.write, coordinates.copy),
}


def source(axes, transform):
    """The functions that answer for the coordinates; ``transform`` is None if an array holds them."""
    if transform is None:
        return (*BY_ARRAY[axes], *[coordinates.no_plan] * 5)
    register(*transform.helpers)
    functions = transform.fold, transform.locate, transform.pull_back, transform.unfold
    row = register(*(function or coordinates.no_plan for function in functions))
    if transform.basis is None:
        return (*BY_TRANSFORM[axes], *row, coordinates.no_plan)
    return (*BY_BASIS, *row, *register(transform.basis))


def rules(sampler, padding):
    """The functions and numbers that say how an image is sampled."""
    register(padding.near, padding.fix, sampler.taps, sampler.cell)
    return (*padding, *sampler)


def register(*functions):
    """Let kernels call these functions."""
    for function in functions:
        inner(function)
    return functions


@functools.cache
def forward(axes, transform, sampler, padding):
    """The kernel that samples, compiled on its first call."""
    return LOOPS[axes].forward_kernel(*source(axes, transform), *rules(sampler, padding))


@functools.cache
def backward(axes, transform, sampler, padding):
    """The kernel that pulls gradients back, compiled on its first call."""
    return LOOPS[axes].backward_kernel(*source(axes, transform), *rules(sampler, padding))


@functools.cache
def push(axes, transform, sampler, padding):
    """The kernel that adds what a change of the coordinates does to the samples."""
    return tangent.push_kernel(TANGENT_TOOLS[axes], *source(axes, transform), *rules(sampler, padding))


TANGENT_TOOLS = {2: tangent.plane_tools, 3: tangent.volume_tools}
TOOLS = {2: grid.plane_tools, 3: grid.volume_tools}


@functools.cache
def generate(axes, transform):
    """The kernel that writes a transform's grid."""
    return grid.forward_kernel(TOOLS[axes], *source(axes, transform))


@functools.cache
def contract(axes, transform):
    """The kernel that pulls a grid's gradient back to the parameters."""
    return grid.backward_kernel(TOOLS[axes], *source(axes, transform))


@functools.cache
def push_grid(axes, transform):
    """The kernel that writes how a transform's grid changes with the parameters."""
    return grid.push_kernel(TOOLS[axes], *source(axes, transform))


@functools.cache
def flow():
    """The kernel that turns optical flow into a grid, and, without the ramp, the gradient of a grid into one of flow."""
    return grid.flow_kernel()


def needs(transform, values, target):
    """Sizes of the scratch arrays that coordinates need: numbers of the plan, the first coefficient, functions of a tile."""
    if transform is None:
        return 0, 0, 0
    plan = max(transform.plan_size, values.shape[1])
    if transform.basis is None:
        return plan, plan, 0
    return plan, transform.plan_size, splines.room((plan - transform.plan_size) // 2, *target)


def tiles(target):
    """Number of tiles of an output of this (depth,) height and width."""
    *depth, h_out, w_out = target
    return (depth[0] if depth else 1) * tiles_of(h_out, w_out)


def forward_threads(shape, threads_for):
    """Threads for sampling an output of this shape."""
    samples, channels, *target = shape
    elements = samples * channels
    for size in target:
        elements *= size
    return threads_for(samples * blocks_of(channels) * tiles(target), elements)


def backward_split(shape, threads_for):
    """Threads and bands for pulling back from an output of this shape; bands only where there are too few other units."""
    samples, channels, *target = shape
    units, elements = samples * blocks_of(channels), samples * channels
    for size in target:
        elements *= size
    threads = threads_for(max(units, tiles(target)), elements)
    bands = 1 if units >= 8 * threads or units % threads == 0 else threads
    return threads, bands
