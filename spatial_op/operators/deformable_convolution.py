"""``DeformableConvolution``: a convolution whose taps look where a network says."""

from .. import check
from . import Operator
from .convolution_arguments import BORDERS, LINEAR, SHARED, prepare, result, shapes
from .dispatch import apply

NAME = "DeformableConvolution"


def prepare_call(
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
    clamped = check.row(NAME, "border", border, BORDERS)
    return prepare(NAME, inputs, sizes, num_filter, num_group, num_deformable_group, no_bias, layout, clamped)


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

    Conventions: images are (batch, channels, height, width); signals (batch, channels, width) and volumes (batch, channels, depth,
    height, width) are convolved likewise. Offsets are in pixels, y before x (signals: x; volumes: z, y, x), and add to where the tap of
    a plain convolution would look; whole numbers are the centres of pixels, the first pixel being 0.

    Parameters
    ----------
    data : (N, C, W), (N, C, H, W) or (N, C, D, H, W) float array
        Signals, images or volumes: float16, float32 or float64, in any memory layout. They are not written to.
    offset : (N, A L K, H_out, W_out) array of ``data``'s dtype
        Offsets in pixels: for each of L deformable groups and K taps, row by row, one for each of A axes: y then x. Of signals
        (N, L K, W_out); of volumes (N, 3 L K, D_out, H_out, W_out), taps slice by slice, z, y and x.
    weight : (F, C / G, kernel height, kernel width) array of ``data``'s dtype
        Filters of G groups, with as many sizes as ``kernel``.
    bias : (F,) array of ``data``'s dtype, optional
        To be left out with ``no_bias``.
    kernel : (int,), (int, int) or (int, int, int)
        (Depth,) height and width of the filters, in taps; of signals the width.
    stride, dilate : as ``kernel``
        Pixels from one position to the next, and from one tap to the next: (slices,) rows, columns. 1 unless given.
    pad : as ``kernel``
        Pixels by which positions reach out of the image, on both sides: (slices,) rows, columns. 0 unless given.
    num_filter : int
        F, the channels of the output.
    num_group : int
        G: filters see the channels of their group only.
    num_deformable_group : int
        L: channels of a deformable group share offsets.
    workspace
        Accepted as by MXNet, and ignored.
    no_bias : bool
        Whether there is no bias.
    layout : str, optional
        "NCW", "NCHW" or "NCDHW", which follows from ``data``.
    out : (N, F, H_out, W_out) array, optional
        Where to write the result: of ``data``'s dtype, sharing no memory with the inputs.
    name
        Accepted as by MXNet, and ignored.
    border : str
        "mxnet": points outside [0, H) x [0, W) are 0, and those beyond the last pixel's centre have its value; so on each axis. "zeros":
        the image goes on with zeros, towards which samples fade, as in the paper and in torchvision.

    Returns
    -------
    out : (N, F, H_out, W_out) array of ``data``'s dtype
        ``H_out = (H + 2 pad - dilate (kernel - 1) - 1) // stride + 1``, and so for each axis. A sample whose coordinate is NaN or infinite is NaN.

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
    "Deformable Convolutional Networks", 2017, equations 2 to 4; the border rule is MXNet 1.9.1's. The weight of a pixel of a
    signal or a volume is the product of one such factor, or three. Gradients: ``vjp``; that of an offset at a whole pixel is the
    right-hand derivative.

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

    A signal:

    >>> so.DeformableConvolution(data[:, :, 0], offset[:, 1:, 0], weight[..., 0], kernel=(1,), num_filter=1, no_bias=True)
    array([[[0.5, 1.5, 2.5, 3. ]]])
    """
    return apply(
        DeformableConvolution, (data, offset, weight, bias), out, name, kernel=kernel, stride=stride, dilate=dilate, pad=pad,
        num_filter=num_filter, num_group=num_group, num_deformable_group=num_deformable_group, no_bias=no_bias,
        layout=layout, border=border,
    )  # fmt: skip


DeformableConvolution.operator = Operator(
    ("data", "offset", "weight", "bias"), prepare_call, result, optional=1, shared=SHARED, linear=LINEAR, shapes=shapes
)
