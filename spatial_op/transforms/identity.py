"""Where training starts: the parameters that change nothing."""

import math

import numpy as np

from .. import check
from . import TABLES


def identity_loc(transform_type, batch=1, dtype="float32", control_points=16, *, axes=2):
    """Parameters of the identity transform, the usual start of a localisation network.

    Conventions: one row per sample; the meaning of each column is listed under ``SpatialTransformer``.

    Parameters
    ----------
    transform_type : str
        "affine", "translation", "attention", "projective", and of images "tps" or "tps_points".
    batch : int
        Number of samples, at least 0.
    dtype : str or dtype
        float16, float32 or float64.
    control_points : int
        Number of control points of a spline: of "tps" a perfect square, at least 4, of "tps_points" any number from 3, whose
        points are on the unit circle; at most 4,096. The other transforms have none.
    axes : int
        1 for signals, 2 for images, 3 for volumes.

    Returns
    -------
    loc : (batch, P) array of ``dtype``

    Raises
    ------
    ValueError
        If ``transform_type`` is unknown, ``batch`` is negative, ``axes`` is none of 1, 2 and 3 or ``control_points`` is too
        small, too large or, of "tps", no square.
    TypeError
        If ``dtype`` is no floating point type of the package, or a number is no integer.

    Examples
    --------
    >>> import spatial_op as so
    >>> so.identity_loc("attention", batch=2)
    array([[1., 0., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    if axes not in TABLES:
        raise ValueError(
            f"identity_loc: axes is {axes!r}, expected 1, 2 or 3; pass 1 for signals, 2 for images and 3 for volumes."
        )
    transform = check.row("identity_loc", "transform_type", transform_type, TABLES[axes])
    batch = check.whole_number("identity_loc", "batch", batch, least=0)
    dtype = check.dtype("identity_loc", "dtype", dtype)
    control_points = check.whole_number(
        "identity_loc", "control_points", control_points, least=3 if transform.term else 4
    )
    if not transform.term and math.isqrt(control_points) ** 2 != control_points:
        raise ValueError(
            f"identity_loc: control_points is {control_points}, expected a perfect square; pass for example 16."
        )
    if transform.most is not None and control_points > transform.most:
        raise ValueError(
            f"identity_loc: control_points is {control_points}, expected at most {transform.most}; pass a smaller number."
        )
    return np.tile(np.array(transform.identity(control_points), dtype), (batch, 1))
