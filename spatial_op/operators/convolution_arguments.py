"""Checks of both deformable convolutions."""

import math

from .. import check
from ..words import words
from .arguments import SIZES, batched, channels_last, pixels
from .convolution import ConvolutionCall
from .convolution_sizes import check_positions, target_of

# By the number of axes of an image, MXNet's layout, and what sentences call several numbers.
LAYOUTS = {1: "NCW", 2: "NCHW", 3: "NCDHW"}
INTEGERS = {
    1: "one integer, (columns,)",
    2: "two integers, (rows, columns)",
    3: "three integers, (slices, rows, columns)",
}

# Inputs without a batch axis, and those in each of which the result is linear.
SHARED = ("weight", "bias")
LINEAR = ("data", "mask", "weight", "bias")

# Border rules: whether the first version's points are cut off and clamped at the border, as MXNet does.
BORDERS = {"mxnet": True, "zeros": False}


def named_axes(axes):
    """Names of the axes of each input with more than one."""
    sizes = SIZES[axes]
    output, kernel = ([f"{what} {size}" for size in sizes] for what in ("output", "kernel"))
    return {
        "data": ("batch", "channels", *sizes),
        "offset": ("batch", "offsets", *output),
        "mask": ("batch", "masks", *output),
        "weight": ("filters", "channels of a group", *kernel),
    }


IMAGES = tuple(named_axes(axes)["data"] for axes in SIZES)


def axes_of(data, *others):
    """The number of axes of the images: what data says, unless all others agree on another, as beside a single image without its batch axis."""
    found = {getattr(value, "ndim", 0) - 2 for value in others}
    return found.pop() if len(found) == 1 and found <= SIZES.keys() else getattr(data, "ndim", 0) - 2


def prepare(op, inputs, sizes, num_filter, num_group, num_deformable_group, no_bias, layout, clamped):
    """Check what both operators have."""
    data, offset, weight = inputs["data"], inputs["offset"], inputs["weight"]
    axes = axes_of(data, offset, weight)
    known = named_axes(axes) if axes in SIZES else {}
    check.array(op, "data", data, *([known["data"]] if known else IMAGES), cure=batched)
    if layout is not None and not (isinstance(layout, str) and layout == LAYOUTS[axes]):
        raise ValueError(
            f"{op}: layout is {check.shown(layout)}, expected {LAYOUTS[axes]!r} or None; "
            f"move the channels of data to the second place with {words().moved('data', check.channels_second(data.ndim))}."
        )
    pixels(op, data, SIZES[axes])
    for argument in ("offset", "mask", "weight"):
        if argument in inputs:
            check.array(op, argument, inputs[argument], known[argument])
    check.at_most(op, "the number of pixels of an image of data", math.prod(data.shape[2:]), check.LARGEST)
    inputs = with_bias(op, inputs, no_bias)
    for argument, value in inputs.items():
        same_dtype(op, argument, value, data)
    kernel, stride, dilate, pad = steps(op, axes, *sizes)
    filters = count(op, "num_filter", num_filter, weight.shape[0])
    groups = divisor(op, "num_group", num_group, channels=data.shape[1], num_filter=filters)
    deformables = divisor(op, "num_deformable_group", num_deformable_group, channels=data.shape[1])
    expected = (filters, data.shape[1] // groups, *kernel)
    meaning = "num_filter, the channels of data divided by num_group, and kernel"
    check.shape(op, "weight", weight, expected, meaning, cure=lambda weight: laid_out(weight, data, groups, kernel))
    if "bias" in inputs:
        check.shape(op, "bias", inputs["bias"], (filters,), "one number for each filter")
    target = check_positions(op, inputs, (kernel, stride, dilate, pad), deformables)
    return ConvolutionCall(op, inputs, (kernel, stride, pad, dilate, target), groups, deformables, clamped)


def laid_out(weight, data, groups, kernel):
    """What to move if the images, or the filters, have their channels last."""
    order = check.channels_second(data.ndim)
    if weight.shape[2:] == kernel and (channels_last(data) or data.shape[-1] == weight.shape[1] * groups):
        return f"move the channels of data to the second place with {words().moved('data', order)}"
    if weight.shape[1:-1] == kernel:
        return f"move its channels to the second place with {words().moved('weight', order)}"
    return None


def shapes(data_shape, kernel, num_filter, stride=(), dilate=(), pad=(), num_group=1, num_deformable_group=1, **_):
    """Shapes of the other inputs, of either operator."""
    name, axes = "DeformableConvolution", len(data_shape) - 2
    kernel, stride, dilate, pad = steps(name, axes, kernel, stride, dilate, pad)
    target = target_of(name, data_shape[2:], kernel, stride, dilate, pad)
    taps = num_deformable_group * math.prod(kernel)
    return {
        "offset": (data_shape[0], axes * taps, *target),
        "mask": (data_shape[0], taps, *target),
        "weight": (num_filter, data_shape[1] // num_group, *kernel),
        "bias": (num_filter,),
    }


def result(shapes, **_):
    """The result's shape, of either operator."""
    return shapes["data"][0], shapes["weight"][0], *shapes["offset"][2:]


def with_bias(op, inputs, no_bias):
    """The inputs with bias or, with ``no_bias``, without it."""
    *others, (_, bias) = inputs.items()
    if check.flag(op, "no_bias", no_bias):
        if bias is not None:
            raise ValueError(f"{op}: bias is given with no_bias=True, expected none; leave out one of the two.")
        return dict(others)
    if bias is None:
        raise ValueError(
            f"{op}: bias is missing, expected one number for each filter; pass bias, or no_bias=True if there is none."
        )
    check.array(op, "bias", bias, ("filters",))
    return inputs


def steps(op, axes, kernel, stride, dilate, pad):
    """Whole numbers for each axis, that of the columns last; () stands for MXNet's defaults."""
    if kernel is None:
        raise ValueError(
            f"{op}: kernel is missing, expected {sizes_of(axes)} of the taps; pass for example kernel={(3,) * axes}."
        )
    yield numbers(op, axes, "kernel", kernel, 1)
    yield numbers(op, axes, "stride", (1,) * axes if is_empty(stride) else stride, 1)
    yield numbers(op, axes, "dilate", (1,) * axes if is_empty(dilate) else dilate, 1)
    yield numbers(op, axes, "pad", (0,) * axes if is_empty(pad) else pad, None)


def sizes_of(axes):
    """Names of the sizes, as a tuple is written."""
    return f"({', '.join(SIZES[axes])}{',' if axes == 1 else ''})"


def is_empty(value):
    """Whether numbers are left to the default."""
    return value is None or (isinstance(value, (tuple, list)) and not value)


def numbers(op, axes, argument, value, least):
    """An integer for each axis."""
    return check.whole_numbers(op, argument, value, axes, least, INTEGERS[axes], str((3,) * axes))


def count(op, argument, value, filters):
    """The number of filters, which the weight has too."""
    if value is None:
        raise ValueError(f"{op}: {argument} is missing, expected the number of filters; pass {argument}={filters}.")
    return check.whole_number(op, argument, value, least=1)


def divisor(op, argument, value, **whole):
    """A number of groups, all of the same size."""
    value = check.whole_number(op, argument, value, least=1)
    for name, number in whole.items():
        if number % value:
            raise ValueError(
                f"{op}: {argument} is {value} and there are {number} {name}, expected groups of one size; "
                f"pass a divisor of {number}."
            )
    return value


def same_dtype(op, argument, value, data):
    """``value`` must have the dtype of the data."""
    if value.dtype.newbyteorder("=") != data.dtype.newbyteorder("="):
        raise TypeError(
            f"{op}: {argument} has dtype {value.dtype} and data has dtype {data.dtype}, expected one dtype for all; "
            f"convert it with {words().cast_like(argument, 'data')}."
        )
