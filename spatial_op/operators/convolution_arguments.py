"""Checks of both deformable convolutions."""

from .. import check
from ..words import words
from .arguments import batched, channels_last, pixels
from .convolution import ConvolutionCall

IMAGE_AXES = ("batch", "channels", "height", "width")
OFFSET_AXES = ("batch", "offsets", "output height", "output width")
MASK_AXES = ("batch", "masks", "output height", "output width")
WEIGHT_AXES = ("filters", "channels of a group", "kernel height", "kernel width")

# Inputs without a batch axis, and those in each of which the result is linear.
SHARED = ("weight", "bias")
LINEAR = ("data", "mask", "weight", "bias")

# Border rules: whether the first version's points are cut off and clamped at the border, as MXNet does.
BORDERS = {"mxnet": True, "zeros": False}


def prepare(op, inputs, sizes, num_filter, num_group, num_deformable_group, no_bias, layout, clamped):
    """Check what both operators have."""
    if layout is not None and not (isinstance(layout, str) and layout == "NCHW"):
        raise ValueError(
            f"{op}: layout is {check.shown(layout)}, expected 'NCHW' or None; "
            f"move the channels of data to the second place with {words().moved('data', check.channels_second(4))}."
        )
    data, offset, weight = inputs["data"], inputs["offset"], inputs["weight"]
    check.array(op, "data", data, IMAGE_AXES, cure=batched)
    pixels(op, data)
    check.array(op, "offset", offset, OFFSET_AXES)
    if "mask" in inputs:
        check.array(op, "mask", inputs["mask"], MASK_AXES)
    check.array(op, "weight", weight, WEIGHT_AXES)
    check.at_most(op, "the number of pixels of an image of data", data.shape[2] * data.shape[3], check.LARGEST)
    inputs = with_bias(op, inputs, no_bias)
    for argument, value in inputs.items():
        check.same_dtype(op, argument, value, data)
    kernel, stride, dilate, pad = pairs(op, *sizes)
    filters = count(op, "num_filter", num_filter, weight.shape[0])
    groups = divisor(op, "num_group", num_group, channels=data.shape[1], num_filter=filters)
    deformables = divisor(op, "num_deformable_group", num_deformable_group, channels=data.shape[1])
    expected = (filters, data.shape[1] // groups, *kernel)
    meaning = "num_filter, the channels of data divided by num_group, and kernel"
    check.shape(op, "weight", weight, expected, meaning, cure=lambda weight: laid_out(weight, data, groups, kernel))
    if "bias" in inputs:
        check.shape(op, "bias", inputs["bias"], (filters,), "one number for each filter")
    target = target_of(op, data.shape[2:], kernel, stride, dilate, pad)
    taps = kernel[0] * kernel[1]
    expected = (data.shape[0], 2 * deformables * taps, *target)
    meaning = "data's batch, y and x of each tap in each deformable group, and the size of the output"
    check.shape(op, "offset", offset, expected, meaning)
    if "mask" in inputs:
        expected = (data.shape[0], deformables * taps, *target)
        meaning = "data's batch, one factor for each tap in each deformable group, and the size of the output"
        check.shape(op, "mask", inputs["mask"], expected, meaning)
    return ConvolutionCall(op, inputs, (kernel, stride, pad, dilate, target), groups, deformables, clamped)


def laid_out(weight, data, groups, kernel):
    """What to move if the images, or the filters, have their channels last."""
    order = check.channels_second(4)
    if weight.shape[2:] == kernel and (channels_last(data) or data.shape[3] == weight.shape[1] * groups):
        return f"move the channels of data to the second place with {words().moved('data', order)}"
    if weight.shape[1:3] == kernel:
        return f"move its channels to the second place with {words().moved('weight', order)}"
    return None


def shapes(data_shape, kernel, num_filter, stride=(), dilate=(), pad=(), num_group=1, num_deformable_group=1, **_):
    """Shapes of the other inputs, of either operator."""
    name = "DeformableConvolution"
    kernel, stride, dilate, pad = pairs(name, kernel, stride, dilate, pad)
    target = target_of(name, data_shape[2:], kernel, stride, dilate, pad)
    taps = num_deformable_group * kernel[0] * kernel[1]
    return {
        "offset": (data_shape[0], 2 * taps, *target),
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


def pairs(op, kernel, stride, dilate, pad):
    """Pairs of whole numbers, rows first; () stands for MXNet's defaults."""
    if kernel is None:
        raise ValueError(
            f"{op}: kernel is missing, expected (height, width) of the taps; pass for example kernel=(3, 3)."
        )
    yield pair(op, "kernel", kernel, 1)
    yield pair(op, "stride", (1, 1) if is_empty(stride) else stride, 1)
    yield pair(op, "dilate", (1, 1) if is_empty(dilate) else dilate, 1)
    yield pair(op, "pad", (0, 0) if is_empty(pad) else pad, None)


def is_empty(value):
    """Whether a pair is left to the default."""
    return value is None or (isinstance(value, (tuple, list)) and not value)


def pair(op, argument, value, least):
    """Two integers."""
    return check.whole_numbers(op, argument, value, 2, least, "two integers, (rows, columns)", "(3, 3)")


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


def target_of(op, source, kernel, stride, dilate, pad):
    """Height and width of the output."""
    target = []
    for name, size, taps, step, gap, more in zip(("high", "wide"), source, kernel, stride, dilate, pad):
        extent, room = gap * (taps - 1) + 1, size + 2 * more
        if extent > room:
            raise ValueError(
                f"{op}: kernel is {extent} pixels {name} with its dilation and data {room} with its padding, "
                "expected it to fit; pass a smaller kernel, less dilate or more pad."
            )
        target.append((room - extent) // step + 1)
    return tuple(target)
