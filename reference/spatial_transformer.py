"""The spatial transformer, section 3 of the paper: grid of destinations -> transform -> sampling."""

from .grid import homogeneous_grid, widen
from .sampling import sampling_backward, sampling_forward
from .transforms import TRANSFORMS


def spatial_transformer(
    data,
    loc,
    target_shape,
    transform_type="affine",
    sampler_type="bilinear",
    *,
    padding_mode="zeros",
    align_corners=True,
):
    """Warp each image of a batch by its own transform.

    Conventions: the transform maps destinations to sources, both normalised, x first; ``sampling_forward`` says more.

    Parameters
    ----------
    data : (N, C, H, W) real or complex array
    loc : (N, P) real or complex array
        Parameters of the transform.
    target_shape : (int, int)
        H_out and W_out.
    transform_type : str
        A row of ``TRANSFORMS``: "affine", "translation", "attention" or "projective".
    sampler_type : str
        A row of ``SAMPLERS``: "bilinear", "nearest" or "bicubic".
    padding_mode : str
        A row of ``PADDINGS``: "zeros", "border" or "reflection".
    align_corners : bool
        Whether -1 and +1 are the centres of the border pixels, or else their outer edges.

    Returns
    -------
    out : (N, C, H_out, W_out) float64 or complex128 array
    """
    _, transform, _ = TRANSFORMS[transform_type]
    source = transform(widen(loc), homogeneous_grid(target_shape, align_corners=align_corners))
    grid = source.reshape(len(loc), 2, *target_shape)
    return sampling_forward(data, grid, sampler_type, padding_mode, align_corners)


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
):
    """Gradients of ``spatial_transformer``: the same steps transposed, last one first.

    Parameters
    ----------
    data : (N, C, H, W) real array
    loc : (N, P) real array
    out_grad : (N, C, H_out, W_out) real array
    target_shape : (int, int)
        H_out and W_out.
    transform_type, sampler_type, padding_mode, align_corners
        As forward.

    Returns
    -------
    grad_data : (N, C, H, W) float64 array
    grad_loc : (N, P) float64 array
    """
    _, transform, transform_backward = TRANSFORMS[transform_type]
    destination = homogeneous_grid(target_shape, align_corners=align_corners)
    grid = transform(widen(loc), destination).reshape(len(loc), 2, *target_shape)
    grad_data, grad_grid = sampling_backward(data, grid, out_grad, sampler_type, padding_mode, align_corners)
    return grad_data, transform_backward(widen(loc), destination, grad_grid.reshape(len(loc), 2, -1))
