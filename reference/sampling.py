"""Sampling of images at given points (equation 3 of the paper) and its gradients (equations 6 and 7)."""

from itertools import product

import numpy as np

from .grid import pixels, span, widen
from .kernels import SAMPLERS
from .paddings import PADDINGS


def bilinear_sampling_forward(data, grid, *, align_corners=True):
    """Bilinear sampling with zeros around the image, the paper's equation 5.

    Conventions: those of ``sampling_forward``.

    Parameters
    ----------
    data : (N, C, H, W) real or complex array
    grid : (N, 2, H_out, W_out) real or complex array
    align_corners : bool

    Returns
    -------
    out : (N, C, H_out, W_out) float64 or complex128 array
    """
    return sampling_forward(data, grid, "bilinear", "zeros", align_corners)


def bilinear_sampling_backward(data, grid, out_grad, *, align_corners=True):
    """Gradients of ``bilinear_sampling_forward``, the paper's equations 6 and 7.

    Parameters
    ----------
    data : (N, C, H, W) real array
    grid : (N, 2, H_out, W_out) real array
    out_grad : (N, C, H_out, W_out) real array
    align_corners : bool

    Returns
    -------
    grad_data : (N, C, H, W) float64 array
    grad_grid : (N, 2, H_out, W_out) float64 array
        Where a coordinate is a whole pixel, the derivative from the right.
    """
    return sampling_backward(data, grid, out_grad, "bilinear", "zeros", align_corners)


def sampling_forward(data, grid, sampler_type, padding_mode, align_corners):
    """``out[n, c, i, j] = sum_{h, w} data[n, c, h, w] k(x - w) k(y - h)``, the paper's equation 3.

    Conventions: (x, y) is ``grid[n, :, i, j]`` in pixels. The grid is normalised: -1 and +1 are the centres of the
    first and last pixel (``align_corners=True``) or their outer edges. A complex coordinate lies where its real part
    does. A pixel whose weight is zero is not read. A NaN or infinite coordinate gives NaN.

    Parameters
    ----------
    data : (N, C, H, W) real or complex array
    grid : (N, 2, H_out, W_out) real or complex array
        x first.
    sampler_type : str
        A row of ``SAMPLERS``.
    padding_mode : str
        A row of ``PADDINGS``.
    align_corners : bool

    Returns
    -------
    out : (N, C, H_out, W_out) float64 or complex128 array
    """
    data, grid = widen(data), widen(grid)
    taps_x, taps_y, known = axes_taps(data, grid, sampler_type, padding_mode, align_corners)
    out = np.zeros(data.shape[:2] + grid.shape[2:], np.result_type(data, grid))
    for (w, weight_x, _), (h, weight_y, _) in product(taps_x, taps_y):
        out += times(weight_y * weight_x, pixels_at(data, h, w))
    return np.where(known, out, np.nan)


def sampling_backward(data, grid, out_grad, sampler_type, padding_mode, align_corners):
    """Gradients of ``sampling_forward``: of the data, equation 6, and of the grid, equation 7.

    ``grad_data[n, c, h, w] = sum_{i, j} out_grad[n, c, i, j] k(x - w) k(y - h)`` and, in pixels,
    ``grad_x[n, i, j] = sum_{c, h, w} out_grad[n, c, i, j] data[n, c, h, w] k'(x - w) k(y - h)``; y likewise.

    Conventions: those of ``sampling_forward``. A NaN or infinite coordinate has no part in the data's gradient, and its
    own is NaN. Where ``out_grad`` is zero there is no gradient, whatever the data.

    Parameters
    ----------
    data : (N, C, H, W) real array
    grid : (N, 2, H_out, W_out) real array
    out_grad : (N, C, H_out, W_out) real array
    sampler_type : str
    padding_mode : str
    align_corners : bool

    Returns
    -------
    grad_data : (N, C, H, W) float64 array
    grad_grid : (N, 2, H_out, W_out) float64 array
    """
    data, grid, out_grad = widen(data), widen(grid), widen(out_grad)
    taps_x, taps_y, known = axes_taps(data, grid, sampler_type, padding_mode, align_corners)
    grad_data = np.zeros(data.shape)
    slope_x, slope_y = np.zeros(out_grad.shape), np.zeros(out_grad.shape)
    for (w, weight_x, rise_x), (h, weight_y, rise_y) in product(taps_x, taps_y):
        pixel = pixels_at(data, h, w)
        slope_x += times(weight_y * rise_x, pixel)
        slope_y += times(rise_y * weight_x, pixel)
        add_at(grad_data, h, w, times(known * weight_y * weight_x, out_grad))
    h, w = data.shape[2:]
    grad_x = times(out_grad, slope_x).sum(axis=1) * (span(w, align_corners) / 2)
    grad_y = times(out_grad, slope_y).sum(axis=1) * (span(h, align_corners) / 2)
    return grad_data, np.where(known, np.stack([grad_x, grad_y], axis=1), np.nan)


def axes_taps(data, grid, sampler_type, padding_mode, align_corners):
    """Taps along x, taps along y, and where both coordinates are finite numbers: (N, 1, H_out, W_out) bool."""
    h, w = data.shape[2:]
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite or too large coordinate is a case of its own
        x, y = pixels(grid[:, :1], w, align_corners), pixels(grid[:, 1:], h, align_corners)
    known = np.isfinite(x) & np.isfinite(y)
    taps_x = taps(np.where(known, x, 0), w, sampler_type, padding_mode, align_corners)
    taps_y = taps(np.where(known, y, 0), h, sampler_type, padding_mode, align_corners)
    return taps_x, taps_y, known


def taps(x, size, sampler_type, padding_mode, align_corners):
    """The pixels of one axis where the kernel may differ from zero: a list of (index, weight, slope).

    Where the padding rule says zero, the weight and the slope are.
    """
    kernel, slope = SAMPLERS[sampler_type]
    cell = np.floor(x.real)
    found = []
    for step in (-1, 0, 1, 2):
        index, inside = PADDINGS[padding_mode](cell + step, size, align_corners)
        t = x - cell - step
        found.append((index.astype(int), inside * kernel(t), inside * slope(t)))
    return found


def times(weight, value):
    """The product, and 0 where the weight is, even if the value is no number."""
    return weight * np.where(weight == 0, 0, value)


def where_is(data, h, w):
    """Index into (N, C, H, W) data of the pixels (h, w), each of shape (N, 1, H_out, W_out), in all channels."""
    n, c = data.shape[:2]
    return np.arange(n).reshape(n, 1, 1, 1), np.arange(c).reshape(1, c, 1, 1), h, w


def pixels_at(data, h, w):
    """The pixels (h, w) in all channels: (N, C, H_out, W_out)."""
    return data[where_is(data, h, w)]


def add_at(grad_data, h, w, values):
    """The transpose of ``pixels_at``: add values to the pixels (h, w), which may repeat."""
    np.add.at(grad_data, where_is(grad_data, h, w), values)
