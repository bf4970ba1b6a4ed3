"""Matrices between the pixels of two images, x before y before z: what is accepted, and the way from one direction to the other.

All that is here is done with square matrices of float64: 3x3 of images, 4x4 of volumes.
"""

import numpy as np

from .. import check

# Shapes of matrices, by what they map: pixels of images or of volumes.
SHAPES = {(2, 3): 2, (3, 3): 2, (3, 4): 3, (4, 4): 3}

EXPECTED = "2x3 or 3x3 numbers, of volumes 3x4 or 4x4"

# Numerators of coordinates stay below it, so that float64 holds their quotients by small denominators too.
FARTHEST = 2.0**900

# A determinant that is no larger than this part of its terms is 0.
ROUNDING = 2.0**-49


def homogeneous(op, matrix, direction="target_to_source"):
    """The square matrix that maps pixels of the output to points of the input."""
    turned = check.row(op, "direction", direction, DIRECTIONS)
    given = entries(op, matrix)
    if given.shape not in SHAPES or not np.isfinite(given).all():
        raise ValueError(
            f"{op}: matrix has shape {given.shape} or an entry that is no finite number, expected {EXPECTED}; "
            "pass rows of an affine matrix or a homography, in pixels."
        )
    return turned(op, squared(op, given))


def entries(op, matrix):
    """The numbers of one matrix, or of several."""
    return numbers(
        op, "matrix", matrix, f"{EXPECTED}, all real; pass rows of an affine matrix or a homography, in pixels"
    )


def squared(op, given):
    """The matrix with a last row, scaled so that the largest entry of it is about 1."""
    if given.shape[0] < given.shape[1]:
        return np.vstack([given, np.eye(given.shape[1])[-1]])
    if not given[-1].any():
        raise ValueError(
            f"{op}: matrix has a last row of zeros, so that no pixel has a source point, expected a homography; "
            f"pass {', '.join(['0'] * (len(given) - 1))}, 1 as the last row of an affine map."
        )
    with np.errstate(over="ignore"):  # what becomes infinite is refused with the target
        return np.ldexp(given, -np.frexp(np.abs(given[-1]).max())[1])  # the same map; no digit is lost


def numbers(op, argument, value, expected):
    """An array of float64, if these are all its numbers."""
    if isinstance(getattr(value, "_meta", value), np.ma.MaskedArray):
        raise TypeError(
            f"{op}: {argument} is masked, and its mask would be ignored, expected a plain one; fill it with its method filled()."
        )
    try:
        given = np.asarray(value)
        if given.dtype.kind in "biufO":
            with np.errstate(over="ignore"):  # longer floats, which become infinite
                return np.array(given, np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    except RuntimeError as error:  # a tensor that is differentiated
        raise TypeError(
            f"{op}: {argument} is a {check.kind(value)} whose gradient would be lost, expected numbers; pass {argument}.detach()."
        ) from error
    raise TypeError(f"{op}: {argument} is {check.shown(value)}, expected {expected}.")


def dtype_of(value):
    """That of what is made of it: an array's own if it is one of floats, else float64."""
    known = type(value) is np.ndarray and value.dtype.kind == "f" and value.dtype.itemsize <= 8
    return value.dtype.newbyteorder("=") if known else np.dtype(np.float64)


def as_given(op, matrix):
    """A matrix from output to input already."""
    return matrix


def check_way_back(op, matrix):
    """Refuse a matrix that cannot be inverted."""
    if vanishes(matrix):
        less = "a line or a point" if len(matrix) == 3 else "a plane, a line or a point"
        raise ValueError(
            f"{op}: matrix maps all pixels onto {less}, so that it has no way back, expected one that can be inverted; "
            "pass the map from output to input and direction='target_to_source'."
        )


def inverse(op, matrix):
    """The matrix of the way back."""
    check_way_back(op, matrix)
    back = np.linalg.inv(matrix)
    affine = not matrix[-1, :-1].any()
    return np.vstack([back[:-1] / back[-1, -1], np.eye(len(back))[-1]]) if affine else squared(op, back)


def vanishes(square):
    """Whether the determinant of a matrix is 0, or no more than rounding."""
    found, terms = determinant(square)
    return not abs(found) > ROUNDING * terms


def determinant(square):
    """The determinant, by its first row, and the sum of the sizes of its terms."""
    if len(square) == 1:
        return square[0, 0], abs(square[0, 0])
    found = terms = 0.0
    for column, entry in enumerate(square[0]):
        minor, sizes = determinant(np.delete(square[1:], column, axis=1))
        found, terms = found + (-1) ** column * entry * minor, terms + abs(entry) * sizes
    return found, terms


DIRECTIONS = {"target_to_source": as_given, "source_to_target": inverse}


def check_reach(op, matrix, target):
    """Refuse coordinates that float64 cannot hold."""
    with np.errstate(over="ignore", invalid="ignore"):
        farthest = np.abs(matrix) @ (*target[::-1], 1)
    if not (farthest < FARTHEST).all():
        raise ValueError(
            f"{op}: matrix maps pixels of a result of shape {target} further than float64 can count, expected points near the image; "
            "pass smaller entries."
        )
