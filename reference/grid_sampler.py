"""The samplers, section 3.3 of the paper, at any grid: all of them, and MXNet's, which is bilinear."""

from .antialias import moved_grid, moved_grid_backward, offsets
from .grid import widen
from .sampling import sampling_backward, sampling_forward


def grid_sampler(
    data, grid, sampler_type="bilinear", *, padding_mode="zeros", align_corners=True, fill_value=0.0, antialias=1
):
    """Sample each image of a batch at the points of a grid.

    Conventions and parameters: those of ``sampling_forward``.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) real or complex array
    grid : (N, 2, H_out, W_out) or (N, 3, D_out, H_out, W_out) real or complex array
    sampler_type, padding_mode, align_corners, fill_value
    antialias : int or tuple of int
        Samples of each output pixel along all axes, or each, of which the result is the mean.

    Returns
    -------
    out : (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out) float64 or complex128 array
    """
    rules = sampler_type, padding_mode, align_corners, fill_value
    total, places = 0, offsets(antialias, data.ndim - 2)
    for offset in places:
        total = total + sampling_forward(data, moved_grid(grid, offset), *rules)
    return total / len(places)


def grid_sampler_backward(
    data,
    grid,
    out_grad,
    sampler_type="bilinear",
    *,
    padding_mode="zeros",
    align_corners=True,
    fill_value=0.0,
    antialias=1,
):
    """Gradients of ``grid_sampler``.

    Conventions and parameters: those of ``sampling_backward``.

    Parameters
    ----------
    data, grid, out_grad : real or complex arrays
    sampler_type, padding_mode, align_corners, fill_value, antialias

    Returns
    -------
    grad_data, grad_grid : float64 or complex128 arrays of the shapes of ``data`` and ``grid``
    """
    rules = sampler_type, padding_mode, align_corners, fill_value
    grad_data, grad_grid, places = 0, 0, offsets(antialias, data.ndim - 2)
    for offset in places:
        more, grad = sampling_backward(data, moved_grid(grid, offset), widen(out_grad) / len(places), *rules)
        grad_data, grad_grid = grad_data + more, grad_grid + moved_grid_backward(grad, offset)
    return grad_data, grad_grid


def bilinear_sampler(data, grid, *, padding_mode="zeros", align_corners=True):
    """Sample as ``grid_sampler`` does, bilinearly, or trilinearly in a volume."""
    return sampling_forward(data, grid, "bilinear", padding_mode, align_corners)


def bilinear_sampler_backward(data, grid, out_grad, *, padding_mode="zeros", align_corners=True):
    """Gradients of ``bilinear_sampler``."""
    return sampling_backward(data, grid, out_grad, "bilinear", padding_mode, align_corners)
