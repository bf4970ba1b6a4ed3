"""``loc_to_pixel_matrix``: parameters of transforms, which are normalised, as matrices between pixels."""

import numpy as np

from .. import check
from . import Operator
from .dispatch import adapter_of, apply
from .matrix_call import MatrixCall, linear
from .matrix_call import inverse as inverse_step
from .pixel_loc import COUNTS
from .pixel_matrices import DIRECTIONS, as_given, check_way_back, dtype_of, inverse, numbers
from .sides import Sides

NAME = "loc_to_pixel_matrix"

# Shapes of matrices, by the number of parameters.
MATRICES = {count: shape for shape, count in COUNTS.items()}


def parameters(loc):
    """The numbers."""
    return numbers(
        NAME,
        "loc",
        loc,
        "rows of 6 or 8 numbers, of volumes 12 or 15, all real and finite; pass one row for each sample",
    )


def prepare(loc, source_shape, target_shape, direction="target_to_source", align_corners=True):
    """Check a call."""
    sides = Sides(NAME, source_shape, target_shape, align_corners)
    turned = check.row(NAME, "direction", direction, DIRECTIONS)
    given = parameters(loc)
    counts = [count for count, (_, columns) in MATRICES.items() if columns == sides.axes + 1]
    if given.ndim != 2 or given.shape[1] not in counts:
        raise ValueError(
            f"{NAME}: loc has shape {given.shape}, expected (N, {counts[0]} or {counts[1]}) for source_shape {sides.source}; pass one row for each "
            "sample."
        )
    shape = MATRICES[given.shape[1]]
    homography = shape[0] == shape[1]

    def mapped(square):
        if not np.isfinite(square).all():
            raise ValueError(
                f"{NAME}: loc has an entry that is no finite number, expected finite ones; pass numpy.nan_to_num(loc), or leave these rows out."
            )
        moved = sides.in_pixels(square)
        if turned is as_given:
            return moved
        if not homography:
            return inverse(NAME, moved)
        check_way_back(NAME, moved)
        return np.linalg.inv(moved)

    steps = [linear(sides.in_pixels)]
    if turned is not as_given:
        steps.append(inverse_step)
    return MatrixCall(given, shape[1], (len(given), *shape), dtype_of(loc), mapped, steps)


def result(shapes, **_):
    """The result's shape."""
    count, parameters = shapes["loc"]
    return count, *MATRICES[int(parameters)]


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
    matrix : (N, 2, 3), (N, 3, 3), (N, 3, 4) or (N, 4, 4) array
        In pixels, x before y before z; of ``loc``'s dtype, or float64 if that holds no floating point numbers.

    Raises
    ------
    ValueError
        If a shape, a name or a number is wrong, or a matrix cannot be inverted.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    Gradients: as ``pixel_matrix_to_loc``.

    Examples
    --------
    >>> import spatial_op as so
    >>> so.loc_to_pixel_matrix([[1, 0, 0.5, 0, 1, 0]], (3, 5), (3, 5))[0]
    array([[1., 0., 1.],
           [0., 1., 0.]])
    """
    if adapter_of(type(loc)) is None:
        loc = parameters(loc).astype(dtype_of(loc))
    return apply(
        loc_to_pixel_matrix, (loc,), None, None, source_shape=source_shape, target_shape=target_shape, direction=direction,
        align_corners=align_corners,
    )  # fmt: skip


loc_to_pixel_matrix.operator = Operator(("loc",), prepare, result, linear=())
