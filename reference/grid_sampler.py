"""The samplers, section 3.3 of the paper, at any grid: all of them, and MXNet's, which is bilinear."""

from .sampling import sampling_backward, sampling_forward


def grid_sampler(data, grid, sampler_type="bilinear", *, padding_mode="zeros", align_corners=True, fill_value=0.0):
    """Sample each image of a batch at the points of a grid.

    Conventions and parameters: those of ``sampling_forward``.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) real or complex array
    grid : (N, 2, H_out, W_out) or (N, 3, D_out, H_out, W_out) real or complex array
    sampler_type, padding_mode, align_corners, fill_value

    Returns
    -------
    out : (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out) float64 or complex128 array
    """
    return sampling_forward(data, grid, sampler_type, padding_mode, align_corners, fill_value)


def grid_sampler_backward(
    data, grid, out_grad, sampler_type="bilinear", *, padding_mode="zeros", align_corners=True, fill_value=0.0
):
    """Gradients of ``grid_sampler``.

    Conventions and parameters: those of ``sampling_backward``.

    Parameters
    ----------
    data, grid, out_grad : real or complex arrays
    sampler_type, padding_mode, align_corners, fill_value

    Returns
    -------
    grad_data, grad_grid : float64 or complex128 arrays of the shapes of ``data`` and ``grid``
    """
    return sampling_backward(data, grid, out_grad, sampler_type, padding_mode, align_corners, fill_value)


def bilinear_sampler(data, grid, *, padding_mode="zeros", align_corners=True):
    """Sample as ``grid_sampler`` does, bilinearly, or trilinearly in a volume."""
    return sampling_forward(data, grid, "bilinear", padding_mode, align_corners)


def bilinear_sampler_backward(data, grid, out_grad, *, padding_mode="zeros", align_corners=True):
    """Gradients of ``bilinear_sampler``."""
    return sampling_backward(data, grid, out_grad, "bilinear", padding_mode, align_corners)
