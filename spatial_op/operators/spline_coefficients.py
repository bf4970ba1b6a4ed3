"""``spline_coefficients``: what the sampler ``cubic_bspline`` is given, so that it goes through the pixels."""

import functools

import numpy as np

from .. import check
from ..dtypes import DTYPES
from ..paddings import PADDINGS
from ..samplers import SAMPLERS
from . import Operator, arguments
from .dispatch import apply
from .outside import pixels_of

NAME = "spline_coefficients"


@functools.lru_cache(maxsize=64)
def system(padding, n, edge):
    """The matrix of one axis, from coefficients to pixels: weights on the diagonal and beside it, and what the border's two rows have more.

    The latter is a list of (row, column, weight): the coefficient that the padding finds on the other side of the border.
    """
    side, middle, _, _ = SAMPLERS["cubic_bspline"].taps(0.0)
    beyond = pixels_of(padding, np.array([-1, n]), n, edge)
    return side, middle, [(row, int(column), side) for row, column in zip((0, n - 1), beyond) if column >= 0]


def tridiagonal(lines, side, middle):
    """Solve in place, along the first axis, for what a tridiagonal matrix makes these lines of: Thomas' algorithm."""
    pivots = [middle]
    for i in range(1, len(lines)):
        factor = side / pivots[-1]
        pivots.append(middle - factor * side)
        lines[i] -= factor * lines[i - 1]
    lines[-1] /= pivots[-1]
    for i in range(len(lines) - 2, -1, -1):
        lines[i] = (lines[i] - side * lines[i + 1]) / pivots[i]


@functools.lru_cache(maxsize=64)
def correction(padding, n, edge, transposed):
    """What the border changes of a tridiagonal matrix's solution: columns to subtract, of multiples of which numbers.

    The formula of Sherman, Morrison and Woodbury: (T + U V^T)^-1 = T^-1 - T^-1 U (1 + V^T T^-1 U)^-1 V^T T^-1.
    """
    side, middle, border = system(padding, n, edge)
    if transposed:
        border = [(column, row, weight) for row, column, weight in border]
    columns = np.zeros((n, len(border)))
    for k, (row, _, weight) in enumerate(border):
        columns[row, k] = weight
    tridiagonal(columns, side, middle)
    picked = [column for _, column, _ in border]
    return columns @ np.linalg.inv(np.eye(len(border)) + columns[picked]), picked


def solve(lines, padding, edge, transposed):
    """Coefficients of the lines along the first axis, in place, or those of the transposed matrix."""
    n = len(lines)
    side, middle, _ = system(padding, n, edge)
    columns, picked = correction(padding, n, edge, transposed)
    tridiagonal(lines, side, middle)
    multiples = lines[picked]
    for column, multiple in zip(columns.T, multiples):
        some = np.flatnonzero(abs(column) > np.finfo(lines.dtype).tiny)
        lines[some] -= column[some].astype(lines.dtype).reshape(-1, *(1,) * (lines.ndim - 1)) * multiple


class SplineCall:
    """One call; its array has been checked."""

    def __init__(self, data, padding, edge):
        self.data, self.padding, self.edge = data, padding, edge
        self.shape, self.dtype = data.shape, data.dtype.newbyteorder("=")

    def filtered(self, values, transposed=False):
        """The coefficients of these images, axis by axis, in the dtype that is computed with."""
        found = values.astype(DTYPES[self.dtype])
        for axis in range(2, found.ndim) if found.size else ():
            lines = np.ascontiguousarray(np.moveaxis(found, axis, 0))
            with np.errstate(all="ignore"):  # numbers that are none spread in silence, as in every operator
                solve(lines, self.padding, self.edge, transposed)
            found = np.moveaxis(lines, 0, axis)
        return found

    def forward(self, out=None):
        """The coefficients, in ``out`` if it is given."""
        if out is None:
            out = np.empty(self.shape, self.dtype)
        else:
            check.output(NAME, "out", out, self.shape, self.dtype, {"data": self.data})
        out[...] = self.filtered(self.data)
        return out

    def backward(self, out_grad, grads, add):
        """The transposed filter."""
        if grads[0] is not None:
            found = self.filtered(out_grad, transposed=True)
            grads[0][...] = grads[0] + found if add[0] else found

    def tangent(self, tangents):
        """The same filter: it is linear."""
        return self.filtered(tangents[0]).astype(self.dtype)

    def backward_tangent(self, out_grad, tangents, grads, add):
        """Nothing: the gradient does not depend on the images."""
        if grads[0] is not None and not add[0]:
            grads[0][...] = 0

    def second_tangent(self, tangents, others):
        """Nothing, likewise."""
        return np.zeros(self.shape, self.dtype)


def prepare(data, name=None, *, padding_mode="reflection", align_corners=True):
    """Check a call."""
    arguments.image(NAME, data)
    padding = check.row(NAME, "padding_mode", padding_mode, PADDINGS)
    return SplineCall(data, padding, 1 - check.flag(NAME, "align_corners", align_corners))


def spline_coefficients(data, out=None, name=None, *, padding_mode="reflection", align_corners=True):
    """Coefficients of the cubic spline through the pixels of images, for the sampler "cubic_bspline".

    Conventions: those of ``SpatialTransformer``. Sampled with the same ``padding_mode`` and ``align_corners``, the
    coefficients give a curve through all pixels whose second derivatives are continuous; one filter serves any number of
    samples. By default it is the spline of SciPy's ``ndimage`` of order 3 with ``mode="mirror"``; with ``align_corners=False``
    that of "reflect", and with "wrap" that of "grid-wrap".

    Parameters
    ----------
    data : (N, C, H, W) float array
        Images: float16, float32 or float64, in any memory layout. They are not written to. Volumes (N, C, D, H, W) and
        signals (N, C, W) are filtered along each axis.
    out : (N, C, H, W) array, optional
        Where to write the result: of ``data``'s dtype, sharing no memory with it.
    name
        Accepted as by MXNet, and ignored.
    padding_mode : str
        What lies outside the image: "zeros", "border", "reflection" or "wrap".
    align_corners : bool
        The corner rule, on which the mirror depends.

    Returns
    -------
    out : (N, C, H, W) array of ``data``'s dtype

    Raises
    ------
    ValueError
        If a shape or a name is wrong, or ``out`` overlaps ``data``.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    Along each axis it solves ``(c[i - 1] + 4 c[i] + c[i + 1]) / 6 = data[i]``, where the padding says what c is outside. Source:
    Unser, "Splines: A Perfect Fit for Signal and Image Processing", 1999. Gradients: ``vjp``, of both orders. A pixel that is
    NaN makes all of its row and column NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> data = np.array([[[[0.0, 6, 0, 0]]]])
    >>> smooth, same = so.spline_coefficients(data), so.identity_loc("affine", dtype="float64")
    >>> so.SpatialTransformer(smooth, same, (1, 4), "affine", "cubic_bspline", padding_mode="reflection").round(9) + 0.0
    array([[[[0., 6., 0., 0.]]]])
    """
    return apply(spline_coefficients, (data,), out, name, padding_mode=padding_mode, align_corners=align_corners)


spline_coefficients.operator = Operator(("data",), prepare, lambda shapes, **_: shapes["data"])
