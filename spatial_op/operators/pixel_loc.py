"""``pixel_matrix_to_loc``: matrices between pixels as parameters of transforms, which are normalised."""

import numpy as np

from .. import check
from . import Operator
from .dispatch import adapter_of, apply
from .matrix_call import MatrixCall, inverse, linear, over_last
from .pixel_matrices import DIRECTIONS, EXPECTED, SHAPES, as_given, dtype_of, entries, homogeneous
from .sides import Sides

NAME = "pixel_matrix_to_loc"

# Numbers in a row of parameters, by the shape of its matrix.
COUNTS = {(2, 3): 6, (3, 3): 8, (3, 4): 12, (4, 4): 15}


def batch(matrix):
    """Matrices one behind the other, also if there is one; of plain numbers, affine 4x4 ones lose their last row, which says nothing."""
    if adapter_of(type(matrix)) is None:
        matrix = entries(NAME, matrix).astype(dtype_of(matrix))
        matrix = matrix[..., :3, :] if affine(matrix) else matrix
    return matrix[None] if tuple(getattr(matrix, "shape", ())) in SHAPES else matrix


def affine(matrix):
    """Whether matrices are 4x4 and none is a homography."""
    return matrix.shape[-2:] == (4, 4) and bool((matrix[..., 3, :] == (0, 0, 0, 1)).all())


def prepare(matrix, source_shape, target_shape, direction="target_to_source", align_corners=True):
    """Check a call."""
    sides = Sides(NAME, source_shape, target_shape, align_corners)
    if not sides.span.all():
        raise ValueError(
            f"{NAME}: source_shape is {sides.source} and align_corners is True, expected at least two pixels along each side, since -1 and +1 "
            "are the same pixel otherwise; pass align_corners=False, here and to the operator."
        )
    turned = check.row(NAME, "direction", direction, DIRECTIONS)
    given = entries(NAME, matrix)
    shape = given.shape[-2:]
    if given.ndim not in (2, 3) or shape not in SHAPES:
        raise ValueError(
            f"{NAME}: matrix has shape {given.shape}, expected {EXPECTED}, or (N, ...) of these; pass rows of affine matrices or homographies, "
            "in pixels."
        )
    if SHAPES[shape] != sides.axes:
        raise ValueError(
            f"{NAME}: matrix has shape {given.shape} and source_shape is {sides.source}, expected a matrix for {sides.axes} coordinates; "
            "pass 2x3 or 3x3 numbers for images, and 3x4 or 4x4 for volumes."
        )
    if affine(given) and given.size:
        raise ValueError(
            f"{NAME}: matrix has shape {given.shape} and 0, 0, 0, 1 as last row, expected 3x4 numbers of an affine map where gradients or another "
            "framework are in play, which fix the result's shape beforehand; pass matrix[..., :3, :]."
        )
    homography = shape[0] == shape[1]

    def mapped(square):
        moved = sides.normalised(homogeneous(NAME, square[: shape[0]], direction))
        with np.errstate(all="ignore"):
            moved = moved / moved[-1, -1]
        if not np.isfinite(moved).all():
            raise ValueError(
                f"{NAME}: matrix takes the middle of the output to infinity, expected a homography whose denominator is not 0 there, since "
                "the last entry of 'projective' is 1; pass the matrix itself to warp."
            )
        return moved

    steps = [linear(sides.normalised)]
    if turned is not as_given:
        steps.insert(0, inverse)
    if homography:
        steps.append(over_last)
    rows = given.reshape(-1, shape[0] * shape[1])
    return MatrixCall(rows, shape[1], (len(rows), COUNTS[shape]), dtype_of(matrix), mapped, steps)


def result(shapes, **_):
    """The result's shape."""
    count, *shape = shapes["matrix"]
    return count, COUNTS[tuple(map(int, shape))]


def pixel_matrix_to_loc(matrix, source_shape, target_shape, *, direction="target_to_source", align_corners=True):
    """Parameters of the transform that a matrix between pixels means.

    Conventions: pixels are counted from 0, the centre of the first one, x before y before z; parameters are those of
    ``SpatialTransformer``, normalised: -1 and +1 are the centres of the first and last pixel (``align_corners=True``, as
    MXNet) or their outer edges (``False``). Both map the output to the input, unless ``direction`` says otherwise.

    Parameters
    ----------
    matrix : (2, 3), (3, 3), (3, 4) or (4, 4) array, or (N, ...) of these
        One, or one for each sample, in pixels: ``matrix @ (x, y, 1)``, of volumes ``matrix @ (x, y, z, 1)``: affine if it is
        2x3 or 3x4, a homography if it is 3x3, or 4x4 and the last row of any is not 0, 0, 0, 1.
    source_shape : (int, int) or (int, int, int)
        (Depth,) height and width of the input, in pixels.
    target_shape : (int, int) or (int, int, int)
        (Depth,) height and width of the output, in pixels.
    direction : str
        "target_to_source", or "source_to_target" for a matrix that maps a pixel of the input to its place in the output,
        which is inverted then.
    align_corners : bool
        See the conventions.

    Returns
    -------
    loc : (N, P) array
        One row for each matrix, of ``transform_type`` "affine", P = 6 and of volumes 12, or of homographies "projective", P = 8 and of
        volumes 15. It has ``matrix``'s dtype, or float64 if that holds no floating point numbers.

    Raises
    ------
    ValueError
        If a shape, a name or a number is wrong, a matrix cannot be inverted, or its map has no such parameters.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    With t the pixel of the output at 0, s that of the input, and d and e pixels from -1 to +1 of both: ``loc = diag(2 / e)
    (matrix (diag(d / 2) x + t) - s)``, x being normalised. Source: Jaderberg et al., "Spatial Transformer Networks", 2015,
    section 3.2. ``loc_to_pixel_matrix`` is the way back. Between images of one size, maps by whole pixels stay exact; else the
    parameters are rounded, and ``warp`` takes the matrix as it is. Gradients: ``vjp``, of both orders; tensors of PyTorch and arrays of
    JAX are differentiated by themselves. These ways take 4x4 numbers for homographies only: of an affine map pass ``matrix[..., :3, :]``.

    Examples
    --------
    >>> import spatial_op as so
    >>> one_pixel_right = [[1, 0, 1], [0, 1, 0]]
    >>> so.pixel_matrix_to_loc(one_pixel_right, (3, 5), (3, 5))
    array([[1. , 0. , 0.5, 0. , 1. , 0. ]])
    """
    return apply(
        pixel_matrix_to_loc, (batch(matrix),), None, None, source_shape=source_shape, target_shape=target_shape, direction=direction,
        align_corners=align_corners,
    )  # fmt: skip


pixel_matrix_to_loc.operator = Operator(("matrix",), prepare, result, linear=())
