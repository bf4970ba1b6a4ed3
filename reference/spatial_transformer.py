"""The spatial transformer, section 3 of the paper: grid generator (3.2) -> sampler (3.3)."""

from .grid_generator import grid_generator, grid_generator_backward
from .sampling import sampling_backward, sampling_forward


def spatial_transformer(
    data,
    loc,
    target_shape,
    transform_type="affine",
    sampler_type="bilinear",
    *,
    padding_mode="zeros",
    align_corners=True,
    fill_value=0.0,
):
    """Warp each image of a batch by its own transform.

    Conventions: the transform maps destinations to sources, both normalised, x first; ``sampling_forward`` says more.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) real or complex array
    loc : (N, P) real or complex array
        Parameters of the transform.
    target_shape : (int, int) or (int, int, int)
        H_out and W_out, or D_out, H_out and W_out.
    transform_type : str
        A row of ``TRANSFORMS``, of volumes and signals none of ``OF_IMAGES``.
    sampler_type : str
        A row of ``SAMPLERS``.
    padding_mode : str
        A row of ``PADDINGS``.
    align_corners : bool
        Whether -1 and +1 are the centres of the border pixels, or else their outer edges.
    fill_value : number or (C,) array
        What lies outside, with the padding "zeros".

    Returns
    -------
    out : (N, C, *target_shape) float64 or complex128 array
    """
    grid = grid_generator(loc, transform_type, target_shape, align_corners=align_corners)
    return sampling_forward(data, grid, sampler_type, padding_mode, align_corners, fill_value)


def spatial_transformer_backward(
    data,
    loc,
    out_grad,
    target_shape,
    transform_type="affine",
    sampler_type="bilinear",
    *,
    padding_mode="zeros",
    align_corners=True,
    fill_value=0.0,
):
    """Gradients of ``spatial_transformer``: the same steps transposed, last one first.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) real or complex array
    loc : (N, P) real or complex array
    out_grad : (N, C, *target_shape) real or complex array
    target_shape, transform_type, sampler_type, padding_mode, align_corners, fill_value
        As forward.

    Returns
    -------
    grad_data : float64 or complex128 array of ``data``'s shape
    grad_loc : (N, P) float64 or complex128 array
    """
    grid = grid_generator(loc, transform_type, target_shape, align_corners=align_corners)
    grad_data, grad_grid = sampling_backward(
        data, grid, out_grad, sampler_type, padding_mode, align_corners, fill_value
    )
    return grad_data, grid_generator_backward(loc, grad_grid, transform_type, target_shape, align_corners=align_corners)
