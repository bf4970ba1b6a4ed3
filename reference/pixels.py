"""Maps between pixels: matrices as parameters of transforms, and the warp of one picture."""

import math
from itertools import product

import numpy as np

from .grid import pixels, widen
from .sampling import taps, times


def to_pixels(shape, align_corners):
    """The matrix from normalised coordinates of an image of this shape to its pixels, both x first and homogeneous."""
    matrix = np.eye(len(shape) + 1)
    for axis, size in enumerate(reversed(shape)):
        zero, one = pixels(np.array([0.0, 1.0]), size, align_corners)
        matrix[axis, axis], matrix[axis, -1] = one - zero, zero
    return matrix


def square(matrix):
    """The matrix with the last row of the identity, if it has none."""
    matrix = widen(np.asarray(matrix))
    rows, columns = matrix.shape
    return matrix if rows == columns else np.vstack([matrix, np.eye(columns)[-1]])


def pixel_matrix_to_loc(matrix, source_shape, target_shape, *, align_corners=True):
    """Parameters of the transform that a matrix between pixels means.

    ``loc = S^-1 matrix T``, S and T being the matrices from normalised coordinates to pixels, of source and target.

    Conventions: the matrix maps pixels of the target to those of the source, x first.

    Parameters
    ----------
    matrix : (2, 3), (3, 3), (3, 4) or (4, 4) array
    source_shape, target_shape : tuples of int
    align_corners : bool

    Returns
    -------
    loc : (P,) float64 array
        Of "affine", or of "projective" if the matrix is square: then divided by its last entry, which is left out.
    """
    source, target = to_pixels(source_shape, align_corners), to_pixels(target_shape, align_corners)
    found = np.linalg.inv(source) @ square(matrix) @ target
    rows, columns = np.shape(matrix)
    return (found / found[-1, -1]).ravel()[:-1] if rows == columns else found[:-1].ravel()


def warp(
    image,
    matrix=None,
    target_shape=None,
    sampler_type="bilinear",
    *,
    padding_mode="zeros",
    displacement=None,
    fill_value=0.0,
):
    """Sample one image, or volume, where a matrix or a displacement in pixels says.

    Conventions: pixels, x first. A source point that is no number gives NaN. "reflection" mirrors about the centres of the
    border pixels.

    Parameters
    ----------
    image : (H, W), (H, W, C), (D, H, W) or (D, H, W, C) real or complex array
    matrix : (2, 3), (3, 3), (3, 4) or (4, 4) array
        From a pixel of the output to a point of the image.
    target_shape : tuple of int
        The image's own unless given; with a displacement, that of its planes.
    sampler_type : str
        A row of ``SAMPLERS``.
    padding_mode : str
        A row of ``PADDINGS``.
    displacement : (2, H_out, W_out) or (3, D_out, H_out, W_out) array
        Instead of the matrix: from a pixel of the output to its source point.
    fill_value : number or (C,) array
        What lies outside, with the padding "zeros".

    Returns
    -------
    out : float64 or complex128 array
    """
    axes = len(square(matrix)) - 1 if displacement is None else len(displacement)
    sizes = image.shape[:axes]
    target = np.shape(displacement)[1:] if target_shape is None and matrix is None else target_shape or sizes
    places = np.stack(np.meshgrid(*map(np.arange, target), indexing="ij")[::-1]).astype(np.float64)
    if displacement is None:
        found = np.tensordot(square(matrix), np.concatenate([places, np.ones((1, *target))]), 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            points = found[:-1] / found[-1]
    else:
        points = places + displacement
    known = np.isfinite(points).all(axis=0)
    along = [taps(np.where(known, x, 0), n, sampler_type, padding_mode, True) for x, n in zip(points[::-1], sizes)]
    channels = (1,) * (image.ndim - axes)
    out = 0
    for chosen in product(*along):
        indices, inside, weights, _ = zip(*chosen)
        shape = *target, *channels
        pixels_there = np.where(math.prod(inside).reshape(shape), widen(image)[indices], fill_value)
        out = out + times(math.prod(weights).reshape(shape), pixels_there)
    return np.where(known.reshape(*target, *channels), out, np.nan)


def in_dtype(values, dtype):
    """The numbers in a dtype: integers of up to 32 bits are rounded, halves to even, and stay in their range; NaN becomes 0."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.nan_to_num(values) >= 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.clip(np.rint(np.nan_to_num(values)), limits.min, limits.max).astype(dtype)
    return values.astype(dtype)
