"""Sampling of images at given points (equation 3 of the paper) and its gradients (equations 6 and 7)."""

import math
from itertools import product

import numpy as np

from .grid import pixels, span, widen
from .kernels import PLACES, SAMPLERS
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
    data : (N, C, H, W) real or complex array
    grid : (N, 2, H_out, W_out) real or complex array
    out_grad : (N, C, H_out, W_out) real or complex array
    align_corners : bool

    Returns
    -------
    grad_data : (N, C, H, W) float64 or complex128 array
    grad_grid : (N, 2, H_out, W_out) float64 or complex128 array
        Where a coordinate is a whole pixel, the derivative from the right.
    """
    return sampling_backward(data, grid, out_grad, "bilinear", "zeros", align_corners)


def sampling_forward(data, grid, sampler_type, padding_mode, align_corners, fill_value=0.0):
    """``out[n, c, i, j] = sum_{h, w} data[n, c, h, w] k(x - w) k(y - h)``, the paper's equation 3.

    A volume (N, C, D, H, W) has one more factor, k(z - d); a signal (N, C, W) has k(x - w) alone.

    Conventions: (x, y) is ``grid[n, :, i, j]`` in pixels. The grid is normalised: -1 and +1 are the centres of the
    first and last pixel (``align_corners=True``) or their outer edges. A complex coordinate lies where its real part
    does. A pixel whose weight is zero is not read. A NaN or infinite coordinate gives NaN. A batch of one image goes with any
    number of grids, and one grid with any number of images.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) real or complex array
    grid : (N, 2, H_out, W_out) or (N, 3, D_out, H_out, W_out) real or complex array
        x first.
    sampler_type : str
        A row of ``SAMPLERS``.
    padding_mode : str
        A row of ``PADDINGS``.
    align_corners : bool
    fill_value : number or (C,) array
        What ``data`` is where the padding rule has no pixel.

    Returns
    -------
    out : (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out) float64 or complex128 array
    """
    data, grid = widen(data), widen(grid)
    axes, known = axes_taps(data, grid, sampler_type, padding_mode, align_corners)
    (batch,) = np.broadcast_shapes(data.shape[:1], grid.shape[:1])
    out = np.zeros((batch, data.shape[1], *grid.shape[2:]), np.result_type(data, grid))
    for taps in product(*axes):
        places, inside, weights, _ = zip(*taps)
        out += times(math.prod(weights), pixels_at(data, places, inside, fill_value))
    return np.where(known, out, np.nan)


def sampling_backward(data, grid, out_grad, sampler_type, padding_mode, align_corners, fill_value=0.0):
    """Gradients of ``sampling_forward``: of the data, equation 6, and of the grid, equation 7.

    ``grad_data[n, c, h, w] = sum_{i, j} out_grad[n, c, i, j] k(x - w) k(y - h)`` and, in pixels,
    ``grad_x[n, i, j] = sum_{c, h, w} out_grad[n, c, i, j] data[n, c, h, w] k'(x - w) k(y - h)``; y and z likewise.

    Conventions: those of ``sampling_forward``. A NaN or infinite coordinate has no part in the data's gradient, and its
    own is NaN. Where ``out_grad`` is zero there is no gradient, whatever the data. The gradient of one image, or grid, that
    goes with many others is the sum over these.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) real or complex array
    grid : (N, 2, H_out, W_out) or (N, 3, D_out, H_out, W_out) real or complex array
    out_grad : (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out) real or complex array
    sampler_type : str
    padding_mode : str
    align_corners : bool
    fill_value : number or (C,) array

    Returns
    -------
    grad_data : float64 or complex128 array of ``data``'s shape
    grad_grid : float64 or complex128 array of ``grid``'s shape
    """
    data, grid, out_grad = widen(data), widen(grid), widen(out_grad)
    axes, known = axes_taps(data, grid, sampler_type, padding_mode, align_corners)
    kind = np.result_type(data, grid, out_grad)
    grad_data = np.zeros(data.shape, kind)
    slopes = [np.zeros(out_grad.shape, kind) for _ in axes]
    for taps in product(*axes):
        places, inside, weights, rises = zip(*taps)
        pixel = pixels_at(data, places, inside, fill_value)
        for axis, slope in enumerate(slopes):
            slope += times(math.prod((*weights[:axis], rises[axis], *weights[axis + 1 :])), pixel)
        add_at(grad_data, places, times(known * math.prod(inside) * math.prod(weights), out_grad))
    grads = [
        times(out_grad, slope).sum(axis=1) * (span(size, align_corners) / 2)
        for slope, size in zip(slopes, data.shape[2:])
    ]
    grad_grid = np.where(known, np.stack(grads[::-1], axis=1), np.nan)
    return grad_data, grad_grid if len(grid) == len(grad_grid) else grad_grid.sum(axis=0, keepdims=True)


def axes_taps(data, grid, sampler_type, padding_mode, align_corners):
    """The taps along each axis of the image, and where all coordinates are finite numbers: (N, 1, H_out, W_out) bool.

    The axes are in the order of the data, (y, x) or (z, y, x), that is in reverse of the grid's.
    """
    sizes = data.shape[2:]
    if 0 in sizes:
        raise ValueError(f"data has shape {data.shape}; an image needs a pixel to be sampled")
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite or too large coordinate is a case of its own
        places = [pixels(grid[:, [-1 - axis]], size, align_corners) for axis, size in enumerate(sizes)]
    known = np.all(np.isfinite(places), axis=0)
    found = [
        taps(np.where(known, place, 0), size, sampler_type, padding_mode, align_corners)
        for place, size in zip(places, sizes)
    ]
    return found, known


def taps(x, size, sampler_type, padding_mode, align_corners):
    """The pixels of one axis where the kernel may differ from zero: a list of (index, inside, weight, slope).

    Where ``inside`` is false, the padding rule has no pixel.
    """
    kernel, slope, reach = SAMPLERS[sampler_type]
    x = PLACES.get(sampler_type, np.asarray)(x)
    cell = np.floor(x.real)
    found = []
    for step in range(1 - reach, reach + 1):
        index, inside = PADDINGS[padding_mode](cell + step, size, align_corners)
        t = x - cell - step
        found.append((index.astype(int), inside, kernel(t), slope(t)))
    return found


def times(weight, value):
    """The product, and 0 where the weight is, even if the value is no number."""
    return weight * np.where(weight == 0, 0, value)


def where_is(data, places):
    """Index into the data of the pixels at ``places``, one (N, 1, H_out, W_out) array per axis, in all channels."""
    n, c = data.shape[:2]
    ones = (1,) * len(places)
    return np.arange(n).reshape(n, 1, *ones), np.arange(c).reshape(1, c, *ones), *places


def pixels_at(data, places, inside, fill_value):
    """The pixels at ``places`` in all channels, and the fill where not all are ``inside``: (N, C, H_out, W_out)."""
    fill = np.reshape(fill_value, (-1, *(1 for _ in places)))
    return np.where(math.prod(inside), data[where_is(data, places)], fill)


def add_at(grad_data, places, values):
    """The transpose of ``pixels_at``: add values to the pixels at ``places``, which may repeat."""
    np.add.at(grad_data, where_is(grad_data, places), values)
