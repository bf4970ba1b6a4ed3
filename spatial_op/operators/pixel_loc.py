"""Matrices between pixels as parameters of transforms, which are normalised, and back."""

import numpy as np

from .. import check
from .arguments import PICTURES
from .coordinates import sizes_of
from .pixel_matrices import DIRECTIONS, entries, homogeneous, numbers

# Numbers in a row of parameters, by the number of axes of an image: the shape of its matrix.
MATRICES = {2: {6: (2, 3), 8: (3, 3)}, 3: {12: (3, 4), 15: (4, 4)}}


class Sides:
    """Source and target, x first: pixels from -1 to +1, and the pixel at 0."""

    def __init__(self, op, source_shape, target_shape, align_corners):
        check.flag(op, "align_corners", align_corners)
        axes = len(check.entries(source_shape))
        if axes not in PICTURES:
            raise ValueError(
                f"{op}: source_shape is {check.shown(source_shape)}, expected two integers, (height, width), or three, (depth, height, width), "
                "of the input; pass for example source_shape=image.shape[:2]."
            )
        expected, example = (
            f"{axes} integers, ({', '.join(PICTURES[axes])})",
            "(28, 28)" if axes == 2 else "(28, 28, 28)",
        )
        source, target = (
            check.whole_numbers(op, name, value, axes, 1, expected, example)
            for name, value in (("source_shape", source_shape), ("target_shape", target_shape))
        )
        self.axes, self.source = axes, source
        values = sizes_of(source, target, not align_corners)
        self.span, self.middle, self.steps = (
            np.array([values[f"{name}_{axis}"] for axis in "xyz"[:axes]]) for name in ("span", "middle", "steps")
        )
        self.centre = np.array([(size - 1) / 2 for size in target[::-1]])

    def normalised(self, matrix):
        """The map between normalised coordinates, of one between pixels."""
        moved = matrix.copy()
        moved[:, -1] += matrix[:, :-1] @ self.centre
        moved[:, :-1] *= self.steps / 2
        moved[:-1] -= self.middle[:, None] * moved[-1]
        moved[:-1] *= 2 / self.span[:, None]
        return moved

    def in_pixels(self, matrix):
        """The map between pixels, of one between normalised coordinates."""
        moved = matrix.copy()
        moved[:-1] *= self.span[:, None] / 2
        moved[:-1] += self.middle[:, None] * moved[-1]
        moved[:, :-1] /= self.steps / 2
        moved[:, -1] -= moved[:, :-1] @ self.centre
        return moved


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
    loc : (N, P) float64 array
        One row for each matrix, of ``transform_type`` "affine", P = 6 and of volumes 12, or of homographies "projective", P = 8 and of
        volumes 15.

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
    parameters are rounded, and ``warp`` takes the matrix as it is.

    Examples
    --------
    >>> import spatial_op as so
    >>> one_pixel_right = [[1, 0, 1], [0, 1, 0]]
    >>> so.pixel_matrix_to_loc(one_pixel_right, (3, 5), (3, 5))
    array([[1. , 0. , 0.5, 0. , 1. , 0. ]])
    """
    op = "pixel_matrix_to_loc"
    sides = Sides(op, source_shape, target_shape, align_corners)
    if not sides.span.all():
        raise ValueError(
            f"{op}: source_shape is {sides.source} and align_corners is True, expected at least two pixels along each side, since -1 and +1 "
            "are the same pixel otherwise; pass align_corners=False, here and to the operator."
        )
    given = entries(op, matrix)
    several = given if given.ndim == 3 else given[None]
    rows = [row_of(op, one, sides, direction, projective(several)) for one in several]
    if len({len(row) for row in rows}) != 1:
        raise ValueError(f"{op}: matrix has shape {given.shape}, expected at least one matrix; pass one.")
    return np.array(rows)


def projective(matrices):
    """Whether parameters have to be those of homographies; square matrices of volumes are seldom any."""
    if matrices.shape[1:] == (4, 4):
        return bool((matrices[:, 3] != (0, 0, 0, 1)).any())
    return matrices.shape[1:] == (3, 3)


def row_of(op, matrix, sides, direction, homography):
    """The parameters of one matrix."""
    square = homogeneous(op, matrix, direction)
    if len(square) != sides.axes + 1:
        raise ValueError(
            f"{op}: matrix has shape {matrix.shape} and source_shape is {sides.source}, expected a matrix for {sides.axes} coordinates; "
            "pass 2x3 or 3x3 numbers for images, and 3x4 or 4x4 for volumes."
        )
    moved = sides.normalised(square)
    with np.errstate(all="ignore"):
        scaled = moved / moved[-1, -1]
    row = scaled.ravel()[:-1] if homography else scaled[:-1].ravel()
    if not np.isfinite(row).all():
        raise ValueError(
            f"{op}: matrix takes the middle of the output to infinity, expected a homography whose denominator is not 0 there, since "
            "the last entry of 'projective' is 1; pass the matrix itself to warp."
        )
    return row


def loc_to_pixel_matrix(loc, source_shape, target_shape, *, direction="target_to_source", align_corners=True):
    """Matrices between pixels that the parameters of a transform mean.

    Conventions: those of ``pixel_matrix_to_loc``, which this is the way back of.

    Parameters
    ----------
    loc : (N, P) array
        Parameters of "affine", P = 6 or, of volumes, 12, or of "projective", P = 8 or 15.
    source_shape : (int, int) or (int, int, int)
        (Depth,) height and width of the input, in pixels.
    target_shape : (int, int) or (int, int, int)
        (Depth,) height and width of the output, in pixels.
    direction : str
        "target_to_source", or "source_to_target" for matrices that map a pixel of the input to its place in the output.
    align_corners : bool
        Whether -1 and +1 are the centres of the border pixels, or else their outer edges.

    Returns
    -------
    matrix : (N, 2, 3), (N, 3, 3), (N, 3, 4) or (N, 4, 4) float64 array
        In pixels, x before y before z.

    Raises
    ------
    ValueError
        If a shape, a name or a number is wrong, or a matrix cannot be inverted.
    TypeError
        If a type or dtype is wrong.

    Examples
    --------
    >>> import spatial_op as so
    >>> so.loc_to_pixel_matrix([[1, 0, 0.5, 0, 1, 0]], (3, 5), (3, 5))[0]
    array([[1., 0., 1.],
           [0., 1., 0.]])
    """
    op = "loc_to_pixel_matrix"
    sides = Sides(op, source_shape, target_shape, align_corners)
    turned = check.row(op, "direction", direction, DIRECTIONS)
    shapes = MATRICES[sides.axes]
    counts = " or ".join(map(str, shapes))
    expected = f"rows of {counts} numbers, all real and finite; pass one row for each sample"
    given = numbers(op, "loc", loc, expected)
    if given.ndim != 2 or given.shape[1] not in shapes or not np.isfinite(given).all():
        raise ValueError(
            f"{op}: loc has shape {given.shape} or an entry that is no finite number, expected (N, {counts}) for source_shape {sides.source}; "
            "pass one row for each sample."
        )
    shape = shapes[given.shape[1]]
    found = [square_of(row, shape) for row in given]
    return np.array([turned(op, sides.in_pixels(square))[: shape[0]] for square in found]).reshape(-1, *shape)


def square_of(row, shape):
    """The square matrix of a row of parameters, whose last entries are those of the identity."""
    count = shape[1]
    return np.concatenate([row, np.eye(count).ravel()[len(row) :]]).reshape(count, count)
