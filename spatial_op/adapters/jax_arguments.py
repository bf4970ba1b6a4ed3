"""What ``spatial_op.jax`` asks of its arguments, in its callers' names for them, and the operators' parameters that follow."""

import functools
import math

import numpy as np

from .. import check
from ..operators import arguments
from ..operators.convolution_arguments import named_axes, numbers
from ..operators.convolution_sizes import PYTORCH_NAMES, check_positions
from ..paddings import OF_PYTORCH
from ..words import speaking, words
from .jax import array, known_numbers
from .jax_rules import WORDS

# Halfway between two pixels PyTorch takes the even one.
MODES = {"bilinear": "bilinear", "nearest": "nearest_even", "bicubic": "bicubic"}
# PyTorch has no signals.
IMAGES = [axes for axes in arguments.IMAGES if len(axes) > 3]
# Matrices by the number of axes of the images.
MATRICES = {2: (2, 3), 3: (3, 4)}


def in_words(function):
    """Errors are in JAX's words."""

    @functools.wraps(function)
    def speak(*arguments, **keywords):
        with speaking(WORDS):
            return function(*arguments, **keywords)

    return speak


def of_axes(name, argument, value, *choices):
    """An array of JAX with the named axes, or with those of another choice, none of whose sizes is a symbol."""
    value = array(name, argument, value)
    check.array(name, argument, np.broadcast_to(np.float32(0), value.shape), *choices)
    return value


def as_precise(name, argument, value, input):
    """``value`` must not be narrower than the images that it applies to."""
    if value.dtype.itemsize < input.dtype.itemsize:
        alike(name, argument, value, input, f"{argument} to be at least as precise")


def alike(name, argument, value, input, expected="one dtype for all"):
    """``value`` must have the images' dtype."""
    if value.dtype != input.dtype:
        raise TypeError(
            f"{name}: {argument} has dtype {value.dtype} and input has dtype {input.dtype}, expected {expected}; "
            f"convert it with {words().cast_like(argument, 'input')}."
        )


def sampling(name, input, mode, padding_mode, align_corners):
    """Images, and how they are sampled."""
    params = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    known_numbers(name, params)
    input = of_axes(name, "input", input, *IMAGES)
    return input, {
        "sampler_type": check.row(name, "mode", mode, MODES),
        "padding_mode": check.row(name, "padding_mode", padding_mode, dict(zip(OF_PYTORCH, OF_PYTORCH))),
        "align_corners": check.flag(name, "align_corners", align_corners),
    }


@in_words
def grid_sample(name, input, grid, mode, padding_mode, align_corners):
    """Images, a grid whose coordinates stand last, and how it is sampled."""
    input, params = sampling(name, input, mode, padding_mode, align_corners)
    sizes = arguments.SIZES[input.ndim - 2]
    grid = of_axes(name, "grid", grid, ("batch", *sizes, "coordinates"))
    expected = (input.shape[0], *grid.shape[1:-1], len(sizes))

    def planes(grid):
        if grid.shape[1] == len(sizes):
            return "move its coordinates to the end with jax.numpy.moveaxis(grid, 1, -1)"

    check.shape(name, "grid", grid, expected, "input's batch, and the coordinates of each point last", cure=planes)
    as_precise(name, "grid", grid, input)
    return input, grid, params


@in_words
def affine(name, theta, size, align_corners):
    """Rows of parameters, and the size of the output, from matrices and PyTorch's ``size``."""
    known_numbers(name, {"size": size, "align_corners": align_corners})
    check.flag(name, "align_corners", align_corners)
    axes = len(check.entries(size)) - 2
    if axes not in MATRICES:
        raise ValueError(
            f"{name}: size is {check.shown(size)}, expected four or five integers, (batch, channels, height, width) or "
            "(batch, channels, depth, height, width); pass for example size=(1, 3, 28, 28)."
        )
    size = tuple(check.whole_number(name, f"size[{place}]", number, 0) for place, number in enumerate(size))
    theta = of_axes(name, "theta", theta, ("batch", "rows", "columns"))
    check.shape(name, "theta", theta, (size[0], *MATRICES[axes]), "size's batch, and a matrix for each sample")
    return theta.reshape(size[0], -1), size[2:]


@in_words
def affine_grid_sample(name, input, theta, size, mode, padding_mode, align_corners):
    """Images, rows of parameters, the size of the output, and how it is sampled."""
    input, params = sampling(name, input, mode, padding_mode, align_corners)
    theta, target = affine(name, theta, size, align_corners)
    if len(target) != input.ndim - 2 or theta.shape[0] != input.shape[0]:
        raise ValueError(
            f"{name}: size is {check.shown(size)} and input has shape {input.shape}, expected as many axes and one batch; "
            f"pass size=({input.shape[0]}, {', '.join(['channels', *arguments.SIZES[input.ndim - 2]])})."
        )
    as_precise(name, "theta", theta, input)
    return input, theta, {"target_shape": target, **params}


@in_words
def deform_conv(name, axes, inputs, stride, padding, dilation):
    """The arrays by name, and the operators' parameters; images have so many axes."""
    known_numbers(name, {"stride": stride, "padding": padding, "dilation": dilation})
    known = named_axes(axes)
    known |= {"input": known["data"], "bias": ("filters",)}
    inputs = {argument: of_axes(name, argument, value, known[argument]) for argument, value in inputs.items()}
    input, offset, weight = inputs["input"], inputs["offset"], inputs["weight"]
    for argument, value in inputs.items():
        alike(name, argument, value, input)
    channels, (filters, of_group), kernel = input.shape[1], weight.shape[:2], weight.shape[2:]
    if not of_group or channels % of_group or filters % (channels // of_group):
        raise ValueError(
            f"{name}: weight has shape {weight.shape} and input has {channels} channels, expected channels and filters of groups "
            f"of one size; pass weight of shape (filters, channels / groups, {', '.join(known['weight'][2:])})."
        )
    taps, steps = math.prod(kernel), {}
    for argument, value, least in (("stride", stride, 1), ("dilation", dilation, 1), ("padding", padding, 0)):
        each = value if check.entries(value) else (value,) * axes
        steps[argument] = numbers(name, axes, argument, each, least)
    deformables = offset.shape[1] // (axes * taps) if taps else 0
    if not deformables or channels % deformables:
        deformables = 1
    check_positions(name, inputs, (kernel, *steps.values()), deformables, PYTORCH_NAMES)
    if "bias" in inputs:
        check.shape(name, "bias", inputs["bias"], (filters,), "one number for each filter")
    return inputs, {
        "kernel": kernel, "stride": steps["stride"], "dilate": steps["dilation"], "pad": steps["padding"], "num_filter": filters,
        "num_group": channels // of_group, "num_deformable_group": deformables, "no_bias": "bias" not in inputs, "border": "zeros",
    }  # fmt: skip
