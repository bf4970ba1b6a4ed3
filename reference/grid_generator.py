"""The grid generator, section 3.2 of the paper: where each destination pixel is sampled."""

import numpy as np

from .grid import homogeneous_grid, span, widen
from .transforms import TRANSFORMS


def grid_generator(data, transform_type, target_shape=(0, 0), *, align_corners=True):
    """Normalised source coordinates of a transform, or of an optical flow.

    Conventions: x first; -1 and +1 are the centres of the border pixels (``align_corners=True``) or their outer edges.
    The transforms map normalised destinations to normalised sources. "warp" moves pixel (u, v), counted from the
    image's centre, by its flow: ``((flow_x + u) 2 / span, (flow_y + v) 2 / span)``, where ``span`` is the number of
    pixels between -1 and +1; a coordinate is 0 where that is 0. Volumes and signals likewise.

    Parameters
    ----------
    data : (N, P), (N, 2, H, W), (N, 3, D, H, W) or (N, 1, W) real or complex array
        Parameters of the transform, or the flow in pixels, x first.
    transform_type : str
        A row of ``TRANSFORMS``, or "warp".
    target_shape : (int,), (int, int) or (int, int, int)
        (D_out,) (H_out) and W_out. A flow has a shape of its own.
    align_corners : bool

    Returns
    -------
    grid : (N, 2, H_out, W_out), (N, 3, D_out, H_out, W_out) or (N, 1, W_out) float64 or complex128 array
    """
    if transform_type == "warp":
        places = np.meshgrid(*(np.arange(size) - (size - 1) / 2 for size in data.shape[2:]), indexing="ij")
        with np.errstate(invalid="ignore"):  # an infinite flow in an axis of one pixel is no number
            return (widen(data) + np.stack(places[::-1])) * pixel_size(data, align_corners)
    forward, _, _ = TRANSFORMS[transform_type]
    source = forward(widen(data), homogeneous_grid(target_shape, align_corners=align_corners))
    return source.reshape(len(data), len(target_shape), *target_shape)


def grid_generator_backward(data, out_grad, transform_type, target_shape=(0, 0), *, align_corners=True):
    """Gradient of ``grid_generator``: the same linear map, or the transform's derivative, transposed.

    Conventions: those of ``grid_generator``.

    Parameters
    ----------
    data : (N, P), (N, 2, H, W), (N, 3, D, H, W) or (N, 1, W) real or complex array
    out_grad : real or complex array of the grid's shape
    transform_type, target_shape, align_corners
        As forward.

    Returns
    -------
    grad_data : float64 or complex128 array of ``data``'s shape
    """
    if transform_type == "warp":
        return widen(out_grad) * pixel_size(data, align_corners)
    _, backward, _ = TRANSFORMS[transform_type]
    grid = homogeneous_grid(target_shape, align_corners=align_corners)
    return backward(widen(data), grid, widen(out_grad).reshape(*out_grad.shape[:2], grid.shape[1]))


def pixel_size(flow, align_corners):
    """Normalised sizes of a pixel along x, y, ..., (axes, 1, ...), for a flow (N, axes, ...); 0 where there is nothing to span."""
    spans = np.array([span(size, align_corners) for size in flow.shape[:1:-1]])
    return np.divide(2, spans, where=spans != 0, out=np.zeros(len(spans))).reshape(-1, *[1] * len(spans))
