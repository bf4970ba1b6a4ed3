"""``DeformableConvolution`` and ``ModulatedDeformableConvolution``: convolutions whose taps look where a network says."""

from .. import check
from . import Operator
from .convolution import ConvolutionCall

V1, V2 = "DeformableConvolution", "ModulatedDeformableConvolution"
IMAGE_AXES = ("batch", "channels", "height", "width")
OFFSET_AXES = ("batch", "offsets", "output height", "output width")
MASK_AXES = ("batch", "masks", "output height", "output width")
WEIGHT_AXES = ("filters", "channels of a group", "kernel height", "kernel width")

# Border rules: whether the first version's points are cut off and clamped at the border, as MXNet does.
BORDERS = {"mxnet": True, "zeros": False}


def prepare_deformable(
    data,
    offset,
    weight,
    bias=None,
    kernel=None,
    stride=(),
    dilate=(),
    pad=(),
    num_filter=None,
    num_group=1,
    num_deformable_group=1,
    workspace=1024,
    no_bias=False,
    layout=None,
    name=None,
    *,
    border="mxnet",
):
    """Check a call of ``DeformableConvolution``."""
    inputs = {"data": data, "offset": offset, "weight": weight, "bias": bias}
    sizes = (kernel, stride, dilate, pad)
    clamped = check.row(V1, "border", border, BORDERS)
    return prepare(V1, inputs, sizes, num_filter, num_group, num_deformable_group, no_bias, layout, clamped)


def prepare_modulated(
    data,
    offset,
    mask,
    weight,
    bias=None,
    kernel=None,
    stride=(),
    dilate=(),
    pad=(),
    num_filter=None,
    num_group=1,
    num_deformable_group=1,
    workspace=1024,
    no_bias=False,
    im2col_step=64,
    layout=None,
    name=None,
    *,
    border="mxnet",
):
    """Check a call of ``ModulatedDeformableConvolution``."""
    inputs = {"data": data, "offset": offset, "mask": mask, "weight": weight, "bias": bias}
    sizes = (kernel, stride, dilate, pad)
    check.row(V2, "border", border, BORDERS)
    check.whole_number(V2, "im2col_step", im2col_step, least=1)
    return prepare(V2, inputs, sizes, num_filter, num_group, num_deformable_group, no_bias, layout, False)


def prepare(op, inputs, sizes, num_filter, num_group, num_deformable_group, no_bias, layout, clamped):
    """Check what both operators have."""
    if layout not in (None, "NCHW"):
        raise ValueError(
            f"{op}: layout is {layout!r}, expected 'NCHW' or None; transpose data to (batch, channels, height, width)."
        )
    data, offset, weight = inputs["data"], inputs["offset"], inputs["weight"]
    check.array(op, "data", data, IMAGE_AXES)
    check.array(op, "offset", offset, OFFSET_AXES)
    if "mask" in inputs:
        check.array(op, "mask", inputs["mask"], MASK_AXES)
    check.array(op, "weight", weight, WEIGHT_AXES)
    inputs = with_bias(op, inputs, no_bias)
    for argument, value in inputs.items():
        if value.dtype.newbyteorder("=") != data.dtype.newbyteorder("="):
            raise TypeError(
                f"{op}: {argument} has dtype {value.dtype} and data has dtype {data.dtype}, expected one dtype for all; "
                f"convert it with {argument}.astype(data.dtype)."
            )
    kernel, stride, dilate, pad = pairs(op, *sizes)
    filters = count(op, "num_filter", num_filter, weight.shape[0])
    groups = divisor(op, "num_group", num_group, channels=data.shape[1], num_filter=filters)
    deformables = divisor(op, "num_deformable_group", num_deformable_group, channels=data.shape[1])
    expected = (filters, data.shape[1] // groups, *kernel)
    meaning = "num_filter, the channels of data divided by num_group, and kernel"
    check.shape(op, "weight", weight, expected, meaning)
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
    if type(value) is tuple and len(value) == 2 and all(type(number) is int for number in value):
        if least is None or min(value) >= least:
            return value
    try:
        numbers = tuple(value)
    except TypeError:
        numbers = ()
    if len(numbers) != 2 or isinstance(value, str):
        raise ValueError(
            f"{op}: {argument} is {value!r}, expected two integers, (rows, columns); pass for example {argument}=(3, 3)."
        )
    return tuple(check.whole_number(op, f"{argument}[{axis}]", number, least) for axis, number in enumerate(numbers))


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


def DeformableConvolution(
    data,
    offset,
    weight,
    bias=None,
    kernel=None,
    stride=(),
    dilate=(),
    pad=(),
    num_filter=None,
    num_group=1,
    num_deformable_group=1,
    workspace=1024,
    no_bias=False,
    layout=None,
    out=None,
    name=None,
    *,
    border="mxnet",
):
    """Convolve images with filters whose taps are displaced, at each position of the output by an offset of its own.

    Conventions: images are (batch, channels, height, width). Offsets are in pixels, y before x, and add to where the tap
    of a plain convolution would look; whole numbers are the centres of pixels, the first pixel being 0.

    Parameters
    ----------
    data : (N, C, H, W) float array
        Images: float16, float32 or float64, in any memory layout. They are not written to.
    offset : (N, 2 D K, H_out, W_out) array of ``data``'s dtype
        Offsets in pixels: for each of D deformable groups and K = kernel height times width taps, row by row, y then x.
    weight : (F, C / G, kernel height, kernel width) array of ``data``'s dtype
        Filters of G groups.
    bias : (F,) array of ``data``'s dtype, optional
        To be left out with ``no_bias``.
    kernel : (int, int)
        Height and width of the filters, in taps.
    stride, dilate : (int, int)
        Pixels from one position to the next, and from one tap to the next: rows, columns. 1 unless given.
    pad : (int, int)
        Pixels by which positions reach out of the image, on both sides: rows, columns. 0 unless given.
    num_filter : int
        F, the channels of the output.
    num_group : int
        G: filters see the channels of their group only.
    num_deformable_group : int
        D: channels of a deformable group share offsets.
    workspace
        Accepted as by MXNet, and ignored.
    no_bias : bool
        Whether there is no bias.
    layout : str, optional
        "NCHW".
    out : (N, F, H_out, W_out) array, optional
        Where to write the result: of ``data``'s dtype, sharing no memory with the inputs.
    name
        Accepted as by MXNet, and ignored.
    border : str
        "mxnet": points outside [0, H) x [0, W) are 0, and those beyond the last pixel's centre have its value. "zeros":
        the image goes on with zeros, towards which samples fade, as in the paper and in torchvision.

    Returns
    -------
    out : (N, F, H_out, W_out) array of ``data``'s dtype
        ``H_out = (H + 2 pad - dilate (kernel - 1) - 1) // stride + 1``. A sample whose coordinate is NaN or infinite is NaN.

    Raises
    ------
    ValueError
        If a shape, a number or a name is wrong, bias and ``no_bias`` disagree, or ``out`` overlaps an input.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    ``out[n, f, p] = bias[f] + sum_{c, k} weight[f, c, k] x[n, c](p stride - pad + k dilate + offset[n, d(c), k, p])`` where
    ``x(q) = sum_r max(0, 1 - |q_y - r_y|) max(0, 1 - |q_x - r_x|) x[r]`` samples bilinearly. Source: Dai et al.,
    "Deformable Convolutional Networks", 2017, equations 2 to 4; the border rule is MXNet 1.9.1's. Gradients: ``vjp``; that
    of an offset at a whole pixel is the right-hand derivative.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> data = np.arange(12.0).reshape(1, 1, 3, 4)
    >>> offset = np.zeros((1, 2, 3, 4))
    >>> offset[:, 1] = 0.5  # half a pixel to the right
    >>> weight = np.ones((1, 1, 1, 1))
    >>> so.DeformableConvolution(data, offset, weight, kernel=(1, 1), num_filter=1, no_bias=True)[0, 0]
    array([[ 0.5,  1.5,  2.5,  3. ],
           [ 4.5,  5.5,  6.5,  7. ],
           [ 8.5,  9.5, 10.5, 11. ]])
    """
    return prepare_deformable(
        data, offset, weight, bias, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group,
        no_bias=no_bias, layout=layout, border=border,
    ).forward(out)  # fmt: skip


def ModulatedDeformableConvolution(
    data,
    offset,
    mask,
    weight,
    bias=None,
    kernel=None,
    stride=(),
    dilate=(),
    pad=(),
    num_filter=None,
    num_group=1,
    num_deformable_group=1,
    workspace=1024,
    no_bias=False,
    im2col_step=64,
    layout=None,
    out=None,
    name=None,
    *,
    border="mxnet",
):
    """Deformable convolution, version 2: each sample is also multiplied by a factor of its own.

    Conventions: those of ``DeformableConvolution``, but for the border: here samples always fade to zero outside the
    image, as MXNet does it.

    Parameters
    ----------
    data : (N, C, H, W) float array
        Images: float16, float32 or float64, in any memory layout. They are not written to.
    offset : (N, 2 D K, H_out, W_out) array of ``data``'s dtype
        Offsets in pixels: for each of D deformable groups and K = kernel height times width taps, row by row, y then x.
    mask : (N, D K, H_out, W_out) array of ``data``'s dtype
        Factors, in the same order. Any number; a sigmoid is up to the caller.
    weight : (F, C / G, kernel height, kernel width) array of ``data``'s dtype
        Filters of G groups.
    bias : (F,) array of ``data``'s dtype, optional
        To be left out with ``no_bias``.
    kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group, workspace, no_bias
        As for ``DeformableConvolution``.
    im2col_step : int
        Accepted as by MXNet, at least 1, and ignored: a batch may have any size.
    layout, out, name
        As for ``DeformableConvolution``.
    border : str
        "mxnet" or "zeros", which are the same here.

    Returns
    -------
    out : (N, F, H_out, W_out) array of ``data``'s dtype
        A sample whose coordinate is NaN or infinite is NaN.

    Raises
    ------
    ValueError
        If a shape, a number or a name is wrong, bias and ``no_bias`` disagree, or ``out`` overlaps an input.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    The formula of ``DeformableConvolution`` with each ``x[n, c](...)`` multiplied by ``mask[n, d(c), k, p]``. Source: Zhu
    et al., "Deformable ConvNets v2: More Deformable, Better Results", 2018, equation 1. Gradients: ``vjp``, which MXNet
    does not have on CPUs.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> data, weight = np.arange(12.0).reshape(1, 1, 3, 4), np.ones((1, 1, 1, 1))
    >>> offset, mask = np.zeros((1, 2, 3, 4)), np.full((1, 1, 3, 4), 10.0)
    >>> offset[:, 1] = 0.5
    >>> so.ModulatedDeformableConvolution(data, offset, mask, weight, kernel=(1, 1), num_filter=1, no_bias=True)[0, 0]
    array([[  5.,  15.,  25.,  15.],
           [ 45.,  55.,  65.,  35.],
           [ 85.,  95., 105.,  55.]])
    """
    return prepare_modulated(
        data, offset, mask, weight, bias, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group,
        no_bias=no_bias, im2col_step=im2col_step, layout=layout, border=border,
    ).forward(out)  # fmt: skip


DeformableConvolution.operator = Operator(("data", "offset", "weight", "bias"), prepare_deformable, optional=1)
ModulatedDeformableConvolution.operator = Operator(
    ("data", "offset", "mask", "weight", "bias"), prepare_modulated, optional=1
)
