"""Deformable convolution: a convolution whose taps lie where offsets, one for each tap and output pixel, move them.

Dai et al., "Deformable Convolutional Networks", 2017, arXiv:1703.06211, is called Dai here. Zhu et al., "Deformable
ConvNets v2: More Deformable, Better Results", 2018, arXiv:1811.11168, is called Zhu; it also weighs each sample by a
mask. The steps are the points p = p_0 + p_n + dp_n, the samples x(p) there, Zhu's mask, and the sum over the taps.

Signals have the axis x, images y and x, volumes z, y and x, in this order. The shapes that are written are those of
images; of the others, H, W, KH and KW are as many sizes as there are axes, and an offset as many numbers.
"""

import functools
import math

import numpy as np

from .grid import widen
from .kernels import pieces
from .sampling import times


def deformable_convolution(
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
    *,
    border="mxnet",
):
    """``y(p_0) = sum_n w(p_n) x(p_0 + p_n + dp_n)``, Dai's equation 2, plus the bias.

    Conventions: tap k = i KW + j of the kernel's KH x KW, for the output pixel (h, w), lies at

        y = h stride_y - pad_y + i dilate_y + offset[n, 2 (g K + k), h, w]
        x = w stride_x - pad_x + j dilate_x + offset[n, 2 (g K + k) + 1, h, w]

    in pixels of the image, where g is the deformable group of the input channel and K = KH KW. Of a signal, x has the
    offset g K + k; of a volume, z, y and x have the offset 3 (g K + k) and the next two. Either kind of group is an equal,
    contiguous part of the channels. A complex coordinate lies where its real part does. A pixel whose weight is zero is
    not read. A NaN or infinite coordinate makes the sample NaN.

    Parameters
    ----------
    data : (N, C, H, W) real or complex array
    offset : (N, 2 num_deformable_group K, H_out, W_out) real or complex array
        y first. Its size is the output's, (H + 2 pad_y - dilate_y (KH - 1) - 1) // stride_y + 1, and W_out likewise.
    weight : (num_filter, C / num_group, KH, KW) real or complex array
    bias : (num_filter,) real or complex array, optional
    kernel : tuple of int, optional
        KH and KW. The weight has them, and ``num_filter``.
    stride, dilate, pad : tuple of int
        By default 1, 1 and 0 on each axis.
    num_filter : int, optional
    num_group, num_deformable_group : int
    border : str
        A row of ``BORDERS``: how the image ends.

    Returns
    -------
    out : (N, num_filter, H_out, W_out) float64 or complex128 array
    """
    places = points(data, offset, weight.shape[2:], stride, dilate, pad, num_deformable_group)
    return convolve(sample(data, places, border), weight, bias, num_group)


def deformable_convolution_backward(
    data,
    offset,
    weight,
    bias,
    out_grad,
    kernel=None,
    stride=(),
    dilate=(),
    pad=(),
    num_filter=None,
    num_group=1,
    num_deformable_group=1,
    *,
    border="mxnet",
):
    """Gradients of ``deformable_convolution``, Dai's appendix A: its steps transposed, last one first.

    Conventions: those of ``deformable_convolution``. Where a coordinate is a whole pixel, its derivative is the one
    from the right. A NaN or infinite coordinate has no part in the data's gradient; the gradients of its offset, in
    all directions, and of the weights that meet it are NaN.

    Parameters
    ----------
    data, offset, weight : real or complex arrays
    bias : real or complex array or None
    out_grad : (N, num_filter, H_out, W_out) real or complex array
    kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group, border
        As forward.

    Returns
    -------
    grad_data, grad_offset, grad_weight, grad_bias : float64 or complex128 arrays of the inputs' shapes
        Without a bias only the first three.
    """
    places = points(data, offset, weight.shape[2:], stride, dilate, pad, num_deformable_group)
    samples = sample(data, places, border)
    grad_samples, *grads = convolve_backward(samples, weight, bias, out_grad, num_group)
    grad_data, grad_places = sample_backward(data, places, grad_samples, border)
    return grad_data, points_backward(grad_places, offset, num_deformable_group), *grads


def modulated_deformable_convolution(
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
    *,
    border="mxnet",
):
    """``y(p) = sum_k w_k x(p + p_k + dp_k) dm_k``, Zhu's equation 1, plus the bias.

    Conventions and parameters: those of ``deformable_convolution``, and the mask.

    Parameters
    ----------
    data, offset : real or complex arrays
    mask : (N, num_deformable_group K, H_out, W_out) real or complex array
        Channel g K + k is that of tap k for the deformable group g.
    weight, bias, kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group
    border : str
        "mxnet" or "zeros", which mean the same: in MXNet too this operator has zeros around the image.

    Returns
    -------
    out : (N, num_filter, H_out, W_out) float64 or complex128 array
    """
    places = points(data, offset, weight.shape[2:], stride, dilate, pad, num_deformable_group)
    samples = sample(data, places, "zeros")
    return convolve(samples * modulation(mask, samples, num_deformable_group), weight, bias, num_group)


def modulated_deformable_convolution_backward(
    data,
    offset,
    mask,
    weight,
    bias,
    out_grad,
    kernel=None,
    stride=(),
    dilate=(),
    pad=(),
    num_filter=None,
    num_group=1,
    num_deformable_group=1,
    *,
    border="mxnet",
):
    """Gradients of ``modulated_deformable_convolution``: its steps transposed, last one first.

    Conventions: those of ``deformable_convolution_backward``; the gradient of the mask of a sample that is NaN is NaN.

    Parameters
    ----------
    data, offset, mask, weight : real or complex arrays
    bias : real or complex array or None
    out_grad : (N, num_filter, H_out, W_out) real or complex array
    kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group, border
        As forward.

    Returns
    -------
    grad_data, grad_offset, grad_mask, grad_weight, grad_bias : float64 or complex128 arrays of the inputs' shapes
        Without a bias only the first four.
    """
    places = points(data, offset, weight.shape[2:], stride, dilate, pad, num_deformable_group)
    samples = sample(data, places, "zeros")
    masks = modulation(mask, samples, num_deformable_group)
    grad_modulated, *grads = convolve_backward(samples * masks, weight, bias, out_grad, num_group)
    grad_mask = group_sums(grad_modulated * samples, num_deformable_group).reshape(mask.shape)
    grad_data, grad_places = sample_backward(data, places, grad_modulated * masks, "zeros")
    return grad_data, points_backward(grad_places, offset, num_deformable_group), grad_mask, *grads


def points(data, offset, kernel, stride, dilate, pad, num_deformable_group):
    """``p_0 + p_n + dp_n`` of Dai's equation 2 for each channel: [y, x] in pixels, (N, C, taps, H_out, W_out) each."""
    n, _, *size = offset.shape
    axes = len(size)
    offset = widen(offset).reshape(n, num_deformable_group, math.prod(kernel), axes, *size)
    stride, dilate, pad = stride or (1,) * axes, dilate or (1,) * axes, pad or (0,) * axes
    found = []
    for axis in range(axes):
        p_0 = np.indices(size)[axis] * stride[axis] - pad[axis]
        p_n = np.indices(kernel)[axis].reshape(-1, *[1] * axes) * dilate[axis]
        found.append(each_channel(p_0 + p_n + offset[:, :, :, axis], data.shape[1]))
    return found


def points_backward(grad_places, offset, num_deformable_group):
    """The transpose of ``points``: what the channels of a deformable group share, adds up."""
    grads = [group_sums(grad, num_deformable_group) for grad in grad_places]
    return np.stack(grads, axis=3).reshape(offset.shape)


def sample(data, places, border):
    """``x(p) = sum_q G(q, p) x(q)``, Dai's equation 3: (N, C, taps, H_out, W_out), and NaN where p is no number."""
    data, lines = widen(data), axis_by_axis(data, places, border)
    samples = np.zeros(places[0].shape, np.result_type(data, *places))
    for q in np.ndindex(data.shape[2:]):
        weights = [line[i] for line, i in zip(lines, q)]
        samples += times(g_product(weights), pixel(data, q, samples))
    return np.where(known(places), samples, np.nan)


def sample_backward(data, places, grad_samples, border):
    """The data's gradient, and [grad_y, grad_x]: Dai's equation 3 with the derivative of G, in his appendix A."""
    data, lines = widen(data), axis_by_axis(data, places, border)
    grad_data = np.zeros(data.shape, np.result_type(data, *places, grad_samples))
    slopes = np.zeros((len(places), *places[0].shape), np.result_type(data, *places))
    for q in np.ndindex(data.shape[2:]):
        weights = [line[i] for line, i in zip(lines, q)]
        for axis, slope in enumerate(slopes):
            slope += times(g_product(weights, axis), pixel(data, q, slope))
        grad_data[(..., *q)] = times(g_product(weights), grad_samples).sum(axis=tuple(range(2, grad_samples.ndim)))
    return grad_data, [grad_samples * np.where(known(places), slope, np.nan) for slope in slopes]


def axis_by_axis(data, places, border):
    """The weight and the slope of each position, of each axis."""
    sizes = data.shape[2:]
    if not math.prod(sizes):
        raise ValueError(f"data has shape {data.shape}; an image needs a pixel to be sampled")
    return [BORDERS[border](p, size) for p, size in zip(places, sizes)]


def pixel(data, q, samples):
    """A pixel of each image and channel, beside the samples."""
    return data[(..., *q)].reshape(*data.shape[:2], *[1] * (samples.ndim - 2))


def g_product(weights, risen=None):
    """Dai's G, a product over the axes; or its derivative by one of them."""
    return functools.reduce(np.multiply, [slope if axis == risen else g for axis, (g, slope) in enumerate(weights)])


def known(places):
    """Where all coordinates are finite numbers."""
    return np.all(np.isfinite(places), axis=0)


def g(q, p):
    """``max(0, 1 - |q - p|)``, of Dai's equation 4. It is p that is compared, because p - q is rounded."""
    return pieces(p, (q - 1, q, q + 1), lambda p: 1 + (p - q), lambda p: 1 - (p - q))


def g_slope(q, p):
    """The derivative of ``g`` by p, from the right."""
    return pieces(p, (q - 1, q, q + 1), np.ones_like, lambda p: -np.ones_like(p))


def zeros(p, size):
    """Weight and slope of each pixel of one axis. Zeros around the image: samples fade out within one pixel of it."""
    return [(g(q, p), g_slope(q, p)) for q in range(size)]


def cut(p, size):
    """The rule of MXNet's first operator: samples outside 0 <= p < size are zero, and none fades out.

    From the last pixel on, where the second neighbour would lie outside, p is clamped to that pixel.
    """
    inside, clamped = (0 <= p.real) & (p.real < size), p.real >= size - 1
    pixels = zeros(np.where(clamped, size - 1, p), size)
    return [(inside * weight, (inside & ~clamped) * slope) for weight, slope in pixels]


BORDERS = {"mxnet": cut, "zeros": zeros}


def modulation(mask, samples, num_deformable_group):
    """The mask of each sample: (N, C, taps, H_out, W_out)."""
    n, channels, *shape = samples.shape
    return each_channel(mask.reshape(n, num_deformable_group, *shape), channels)


def each_channel(array, channels):
    """What belongs to a deformable group, (N, groups, ...), for each of its channels: (N, C, ...)."""
    return np.repeat(array, channels // array.shape[1], axis=1)


def group_sums(array, groups):
    """The transpose of ``each_channel``."""
    n, channels, *shape = array.shape
    return array.reshape(n, groups, channels // groups, *shape).sum(axis=2)


def convolve(samples, weight, bias, num_group):
    """The sum over the taps, and over the channels of the filter's group: (N, F, H_out, W_out)."""
    parts, kernels, shape = grouped(samples, weight, num_group)
    out = np.einsum("nackp,afck->nafp", parts, kernels).reshape(shape)
    return out if bias is None else out + bias.reshape(-1, *[1] * (out.ndim - 2))


def convolve_backward(samples, weight, bias, out_grad, num_group):
    """The gradients of the samples, of the weight and, if there is one, of the bias."""
    parts, kernels, (n, filters, *size) = grouped(samples, weight, num_group)
    grads = widen(out_grad).reshape(n, num_group, filters // num_group, math.prod(size))
    grad_samples = np.einsum("nafp,afck->nackp", grads, kernels).reshape(samples.shape)
    grad_weight = np.einsum("nafp,nackp->afck", grads, parts).reshape(weight.shape)
    return grad_samples, grad_weight, *([] if bias is None else [grads.sum(axis=(0, 3)).ravel()])


def grouped(samples, weight, num_group):
    """Samples (N, groups, C / groups, taps, positions), weights (groups, F / groups, C / groups, taps), and N, F, ..."""
    n, channels, taps, *size = samples.shape
    parts = samples.reshape(n, num_group, channels // num_group, taps, math.prod(size))
    kernels = weight.reshape(num_group, len(weight) // num_group, channels // num_group, taps)
    return parts, kernels, (n, len(weight), *size)
