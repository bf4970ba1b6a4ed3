"""Where training starts: the parameters that change nothing."""

import numpy as np

from .. import check
from . import TRANSFORMS


def identity_loc(transform_type, batch=1, dtype="float32", control_points=16):
    """Parameters of the identity transform, the usual start of a localisation network.

    Conventions: one row per sample; the meaning of each column is listed under ``SpatialTransformer``.

    Parameters
    ----------
    transform_type : str
        A row of ``spatial_op.transforms.TRANSFORMS``: "affine", "translation", "attention" or "projective".
    batch : int
        Number of samples, at least 0.
    dtype : str or dtype
        float16, float32 or float64.
    control_points : int
        Number of control points of a spline; the other transforms have none and ignore it.

    Returns
    -------
    loc : (batch, P) array of ``dtype``

    Raises
    ------
    ValueError
        If ``transform_type`` is unknown or ``batch`` is negative.
    TypeError
        If ``dtype`` is no floating point type of the package or ``batch`` no integer.

    Examples
    --------
    >>> import spatial_op as so
    >>> so.identity_loc("attention", batch=2)
    array([[1., 0., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    transform = check.row("identity_loc", "transform_type", transform_type, TRANSFORMS)
    batch = check.whole_number("identity_loc", "batch", batch, least=0)
    dtype = check.dtype("identity_loc", "dtype", dtype)
    return np.tile(np.array(transform.identity, dtype), (batch, 1))
