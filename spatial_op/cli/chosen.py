"""The transform and the size that the options of `warp` ask for."""

import click
import numpy as np

from ..operators.pixel_matrices import homogeneous

# The largest side of an image.
MOST = 2**31 - 1


def chosen(affine, rotate, homography):
    """A function from height and width to the matrix that was asked for, or the reason why there is none."""
    given = [
        name
        for name, value in (("--affine", affine), ("--rotate", rotate), ("--homography", homography))
        if value is not None
    ]
    if len(given) != 1:
        raise click.UsageError(
            f"{' and '.join(given) or 'no transform'} given, expected exactly one of --affine, --rotate and --homography."
        )
    if rotate is not None:
        return lambda height, width: rotation(rotate, height, width)
    numbers, shape = (affine, (2, 3)) if homography is None else (homography, (3, 3))
    if len(numbers) != shape[0] * shape[1]:
        raise click.UsageError(
            f"{given[0]} has {len(numbers)} numbers, expected {shape[0] * shape[1]}, the rows of a {shape[0]}x{shape[1]} matrix."
        )
    matrix = np.reshape(numbers, shape)
    try:
        homogeneous("warp", matrix)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return lambda height, width: matrix


def rotation(degrees, height, width):
    """The matrix that turns an image counter-clockwise, as it is seen, about its centre."""
    quarters, turn = degrees / 90, np.deg2rad(degrees)
    cosine, sine = np.cos(turn), np.sin(turn)
    if quarters % 1 == 0:  # whole, as no rounded angle can be
        cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[int(quarters % 4)]
    x, y = (width - 1) / 2, (height - 1) / 2
    return np.array([[cosine, -sine, x - cosine * x + sine * y], [sine, cosine, y - sine * x - cosine * y]])


def pair(text):
    """HxW."""
    try:
        height, width = (int(word) for word in text.lower().split("x"))
    except ValueError:
        height = width = 0
    if not (0 < height <= MOST and 0 < width <= MOST):
        raise click.UsageError(f"--size is {text!r}, expected height and width in pixels, like 480x640.")
    return height, width
