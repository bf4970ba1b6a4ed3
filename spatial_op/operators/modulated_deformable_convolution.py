"""``ModulatedDeformableConvolution``: deformable convolution with a factor for each tap."""

from .. import check
from . import Operator
from .convolution_arguments import BORDERS, LINEAR, SHARED, prepare, result, shapes
from .dispatch import apply

NAME = "ModulatedDeformableConvolution"


def prepare_call(
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
    check.row(NAME, "border", border, BORDERS)
    check.whole_number(NAME, "im2col_step", im2col_step, least=1)
    return prepare(NAME, inputs, sizes, num_filter, num_group, num_deformable_group, no_bias, layout, False)


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
    data : (N, C, W), (N, C, H, W) or (N, C, D, H, W) float array
        Signals, images or volumes: float16, float32 or float64, in any memory layout. They are not written to.
    offset : (N, A L K, H_out, W_out) array of ``data``'s dtype
        Offsets in pixels: for each of L deformable groups and K taps, row by row, one for each of A axes: y then x. Of signals
        (N, L K, W_out); of volumes (N, 3 L K, D_out, H_out, W_out), taps slice by slice, z, y and x.
    mask : (N, L K, H_out, W_out) array of ``data``'s dtype
        Factors for the taps in the same order, with the axes of the offsets. Any number; a sigmoid is up to the caller.
    weight : (F, C / G, kernel height, kernel width) array of ``data``'s dtype
        Filters of G groups, with as many sizes as ``kernel``.
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
    return apply(
        ModulatedDeformableConvolution, (data, offset, mask, weight, bias), out, name, kernel=kernel, stride=stride, dilate=dilate, pad=pad,
        num_filter=num_filter, num_group=num_group, num_deformable_group=num_deformable_group, no_bias=no_bias,
        im2col_step=im2col_step, layout=layout, border=border,
    )  # fmt: skip


ModulatedDeformableConvolution.operator = Operator(
    ("data", "offset", "mask", "weight", "bias"),
    prepare_call,
    result,
    optional=1,
    shared=SHARED,
    linear=LINEAR,
    shapes=shapes,
)
