"""``tps_loc``: the parameters of a thin plate spline that takes points to points."""

import math
import numbers

import numpy as np

from .. import check
from ..transforms.tps_points import EACH, HEAD, LEAST, MOST
from ..words import words
from . import Operator
from .dispatch import apply
from .sides import Sides
from .tps_call import TpsCall

NAME = "tps_loc"
AXES = "batch", "points", "x and y"

# Scales and origins of points that are normalised already.
NORMALISED = (1.0, 0.0), (1.0, 0.0)


def prepare(source, target, smoothing=0, name=None, *, source_shape=None, target_shape=None, align_corners=True):
    """Check a call."""
    points(source, target)
    smoothing = penalty(smoothing)
    check.flag(NAME, "align_corners", align_corners)
    if source_shape is None and target_shape is None:
        return TpsCall(NAME, source, target, smoothing, 1.0, NORMALISED)
    sides = Sides(NAME, source_shape, target_shape, align_corners)
    if sides.axes != 2 or not sides.span.all():
        raise ValueError(
            f"{NAME}: source_shape is {sides.source} and align_corners is {align_corners}, expected (height, width), both at least 2 "
            "unless align_corners is False; leave out both shapes if the points are normalised."
        )
    frame = (2 / sides.span, sides.middle), (2 / sides.steps, sides.centre)
    across, down = sides.steps
    return TpsCall(NAME, source, target, smoothing / (across / 2) ** 2, down / across, frame)


def points(source, target):
    """Pairs of points."""
    for argument, value in (("source", source), ("target", target)):
        check.array(NAME, argument, value, AXES)
        if value.dtype.itemsize < 4:
            raise TypeError(
                f"{NAME}: {argument} has dtype float16, which cannot hold the coefficients of a spline, expected 'float32' or 'float64'; "
                f"convert it with {words().cast_to(argument, 'float32')}."
            )
    count = source.shape[1]
    check.shape(NAME, "source", source, (len(source), count, 2), "x and y of each point", cure=x_first)
    if not LEAST <= count <= MOST:
        raise ValueError(
            f"{NAME}: source has shape {source.shape}, expected {LEAST} to {MOST} points; pass more, if there are too few of an affine map, "
            "or a part of them."
        )
    batch = len(target) if len(target) and not len(source) % len(target) else len(source)
    check.shape(
        NAME, "target", target, (batch, count, 2), "source's batch, or one set for all, and a target for each source"
    )
    if target.dtype.itemsize < source.dtype.itemsize:
        raise TypeError(
            f"{NAME}: target has dtype {target.dtype} and source has dtype {source.dtype}, expected target to be at least as precise; "
            f"convert it with {words().cast_like('target', 'source')}."
        )


def x_first(value):
    """How all x and all y become points."""
    if value.shape[1] == 2 and value.shape[2] >= LEAST:
        return f"move its points to the second place with {words().moved('source', (0, 2, 1))}"
    return None


def penalty(smoothing):
    """A number that is not negative."""
    if isinstance(smoothing, (bool, np.bool_)) or not isinstance(smoothing, numbers.Real):
        raise TypeError(f"{NAME}: smoothing is {check.shown(smoothing)}, expected a number; convert it with float().")
    if not 0 <= smoothing < math.inf:
        raise ValueError(
            f"{NAME}: smoothing is {check.shown(smoothing)}, expected a finite number, at least 0; pass 0 for a spline through the points."
        )
    return float(smoothing)


def result(shapes, **_):
    """The result's shape."""
    batch, count, _ = shapes["source"]
    return batch, HEAD + EACH * count


def tps_loc(
    source, target, smoothing=0, out=None, name=None, *, source_shape=None, target_shape=None, align_corners=True
):
    """Parameters of the thin plate spline that takes landmarks of the output to landmarks of the input.

    Conventions: those of ``SpatialTransformer``, whose ``transform_type="tps_points"`` takes the result: points are normalised,
    x first; ``target[n, k]``, a place in the output, is sampled at ``source[n, k]``, a place in the input. With
    ``source_shape`` and ``target_shape`` points are pixels, counted from 0, the centre of the first one, and distances too.

    Parameters
    ----------
    source : (N, K, 2) float array
        Landmarks of the input, float32 or float64; K from 3 to 4,096.
    target : (N, K, 2) or (1, K, 2) float array
        Where they are in the output, of ``source``'s dtype or a wider one; one set may serve all samples. Of (M, K, 2), M being a
        divisor of N, each serves the next N / M samples.
    smoothing : float
        0 for a spline through all landmarks; the larger, the closer to an affine map that fits them best. SciPy's
        ``RBFInterpolator`` means the same number.
    out : (N, 7 + 6 K) array, optional
        Where to write the result: of ``source``'s dtype, sharing no memory with the inputs.
    name
        Accepted as by the other operators, and ignored.
    source_shape, target_shape : (int, int), optional
        Height and width of input and output, if the points are pixels.
    align_corners : bool
        Whether -1 and +1 of the result are the centres of the border pixels, or else their outer edges; it matters for pixels only.

    Returns
    -------
    loc : (N, 7 + 6 K) array of ``source``'s dtype
        The affine part, a stretch, and of each control point two weights, what rounding them leaves over, and its place, normalised.

    Raises
    ------
    ValueError
        If a shape or a number is wrong, all targets lie on a line, or two are in one place and ``smoothing`` is 0.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    ``f(p) = a_0 + A p + sum_k w_k phi(|p - target_k|)``, phi(r) = r^2 log r, minimises ``sum_k |f(target_k) - source_k|^2 + smoothing J``
    where J is its bending energy up to a factor; sums of w_k and of w_k target_k are 0. Source: Bookstein, "Principal Warps", 1989;
    Wahba, "Spline Models for Observational Data", 1990. The system is solved in float64, and a float32
    result has 14 digits of the weights. Gradients to both inputs: ``vjp``, of both orders; a second derivative is not
    finite where two points meet.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> target = np.array([[[0.0, 0], [4, 0], [0, 4], [4, 4], [2, 2]]])  # pixels of the output, x first
    >>> source = target + [[[0, 0], [0, 0], [0, 0], [0, 0], [1, 0]]]  # the one in the middle comes from its right
    >>> loc = so.tps_loc(source, target, source_shape=(5, 5), target_shape=(5, 5))
    >>> row = np.tile(np.arange(5.0), (5, 1))[None, None]
    >>> so.SpatialTransformer(row, loc, (5, 5), "tps_points")[0, 0].round(2) + 0.0
    array([[0.  , 1.25, 2.37, 3.25, 4.  ],
           [0.25, 1.59, 2.76, 3.59, 2.99],
           [0.37, 1.76, 3.  , 3.76, 2.54],
           [0.25, 1.59, 2.76, 3.59, 2.99],
           [0.  , 1.25, 2.37, 3.25, 4.  ]])
    """
    return apply(
        tps_loc, (source, target), out, name, smoothing=smoothing, source_shape=source_shape, target_shape=target_shape,
        align_corners=align_corners,
    )  # fmt: skip


tps_loc.operator = Operator(("source", "target"), prepare, result, linear=("source",))
