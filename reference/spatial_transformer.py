"""The spatial transformer, section 3 of the paper: grid generator (3.2) -> sampler (3.3)."""

from .antialias import moved, offsets
from .grid import widen
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
    fill_value=0.0,
    antialias=1,
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
    antialias : int or tuple of int
        Samples of each output pixel along all axes, or each, of which the result is the mean.

    Returns
    -------
    out : (N, C, *target_shape) float64 or complex128 array
    """
    rules = sampler_type, padding_mode, align_corners, fill_value
    total, places, (forward, _, _) = 0, offsets(antialias, len(target_shape)), TRANSFORMS[transform_type]
    for offset in places:
        source = forward(widen(loc), moved(target_shape, offset, align_corners))
        grid = source.reshape(len(loc), len(target_shape), *target_shape)
        total = total + sampling_forward(data, grid, *rules)
    return total / len(places)


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
    antialias=1,
):
    """Gradients of ``spatial_transformer``: the same steps transposed, last one first.

    Parameters
    ----------
    data : (N, C, H, W), (N, C, D, H, W) or (N, C, W) real or complex array
    loc : (N, P) real or complex array
    out_grad : (N, C, *target_shape) real or complex array
    target_shape, transform_type, sampler_type, padding_mode, align_corners, fill_value, antialias
        As forward.

    Returns
    -------
    grad_data : float64 or complex128 array of ``data``'s shape
    grad_loc : (N, P) float64 or complex128 array
    """
    rules = sampler_type, padding_mode, align_corners, fill_value
    places, (forward, backward, _) = offsets(antialias, len(target_shape)), TRANSFORMS[transform_type]
    grad_data = grad_loc = 0
    for offset in places:
        destination = moved(target_shape, offset, align_corners)
        source = forward(widen(loc), destination)
        grid = source.reshape(len(loc), len(target_shape), *target_shape)
        more, grad_grid = sampling_backward(data, grid, widen(out_grad) / len(places), *rules)
        grad_data = grad_data + more
        grad_loc = grad_loc + backward(widen(loc), destination, grad_grid.reshape(source.shape))
    return grad_data, grad_loc
