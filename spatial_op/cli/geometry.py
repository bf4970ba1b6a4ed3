"""Where each pixel of a result comes from: the options of `warp` as one matrix and one size, for a picture of any size.

Steps are done in the order in which ``STEPS`` lists them. Each sees the picture that the ones before it have made; a matrix maps
a pixel of what a step makes to the point of what it is given.
"""

import math
from typing import NamedTuple

import numpy as np

from ..operators.pixel_matrices import inverse
from .pictures import Refused
from .values import MOST, Size

# Parts of a pixel that the place of an enlarged canvas is rounded to, so that whole and half pixels are met exactly.
PARTS = 2**20


class Geometry(NamedTuple):
    """The steps, as they were asked for; None where they were not."""

    homography: tuple | None = None
    affine: tuple | None = None
    rotate: float | None = None
    scale: tuple | None = None
    expand: bool | None = None
    translate: tuple | None = None
    crop: tuple | None = None
    size: Size | None = None

    def of(self, height, width):
        """The matrix from the result to the picture, and the result's height and width."""
        matrix, canvas = np.eye(3), (height, width)
        for name, make in STEPS.items():
            value = getattr(self, name)
            if value is not None:
                given = (matrix, height, width) if name == "expand" else (value, *canvas)
                step, canvas = make(*given)
                matrix = matrix @ step
        return matrix, canvas


def mapped(numbers, height, width):
    """By four points, which become the corners, or by a 3x3 or 2x3 matrix."""
    if len(numbers) == 8:
        return of_corners(np.reshape(numbers, (4, 2)))
    step = np.eye(3)
    step.ravel()[: len(numbers)] = numbers
    return step, (height, width)


def of_corners(points):
    """The picture whose corners are four points, clockwise from the top left one; as large as the longest sides say."""
    lengths = np.hypot(*(np.roll(points, -1, 0) - points).T)
    width, height = (max(pair) for pair in (lengths[::2], lengths[1::2]))
    height, width = round(height) + 1, round(width) + 1
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    # Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989, section 2.2.3: from the unit square.
    sum_x, sum_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    determinant = (x1 - x2) * (y3 - y2) - (x3 - x2) * (y1 - y2)
    g = (sum_x * (y3 - y2) - (x3 - x2) * sum_y) / determinant
    h = ((x1 - x2) * sum_y - sum_x * (y1 - y2)) / determinant
    square = np.array([[x1 - x0 + g * x1, x3 - x0 + h * x3, x0], [y1 - y0 + g * y1, y3 - y0 + h * y3, y0], [g, h, 1]])
    return square / (max(width - 1, 1), max(height - 1, 1), 1), (height, width)


def turned(degrees, height, width):
    """Counter-clockwise, as it is seen, about the centre."""
    quarters, turn = degrees / 90, np.deg2rad(degrees)
    cosine, sine = np.cos(turn), np.sin(turn)
    if quarters % 1 == 0:  # whole, as no rounded angle can be
        cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[int(quarters % 4)]
    return about_centre([[cosine, -sine], [sine, cosine]], height, width), (height, width)


def scaled(factors, height, width):
    """Larger or smaller, about the centre."""
    x, y = factors
    return about_centre([[1 / x, 0], [0, 1 / y]], height, width), (height, width)


def about_centre(linear, height, width):
    """The matrix that keeps the centre of a picture."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    step = np.eye(3)
    step[:2, :2], step[:2, 2] = linear, centre - linear @ centre
    return step


def moved(steps, height, width):
    """To the right and down."""
    return shift(-steps[0], -steps[1]), (height, width)


def cut(part, height, width):
    """A part, or more."""
    height, width, y, x = part
    return shift(x, y), (height, width)


def shift(x, y):
    """The matrix that adds to x and y."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def expanded(matrix, height, width):
    """The smallest canvas that holds all of a picture whose pixels are squares."""
    try:
        forward = inverse("warp", matrix)
    except ValueError as error:
        raise Refused("--expand is given, and the map makes a line or a point of it; leave --expand out") from error
    outline = np.array([[-0.5, width - 0.5, width - 0.5, -0.5], [-0.5, -0.5, height - 0.5, height - 0.5], [1, 1, 1, 1]])
    x, y, denominators = forward @ outline
    if not ((denominators > 0).all() or (denominators < 0).all()):
        raise Refused("--expand is given, and the horizon of the homography crosses it; leave --expand out")
    starts, sides = [], []
    for ends in (y / denominators, x / denominators):
        low, high = ends.min(), ends.max()
        side = max(math.ceil(high - low - 1 / PARTS), 1)
        if side > MOST:
            raise Refused(f"--expand is given, and all of it has a side of {side} pixels; leave --expand out")
        sides.append(side)
        starts.append(round(((low + high - side + 1) / 2) * PARTS) / PARTS)
    return shift(*starts[::-1]), tuple(sides)


def resized(size, height, width):
    """The whole canvas, in another number of pixels."""
    target = size.of(height, width)
    if max(target) > MOST:
        raise Refused(f"--size makes a side of {max(target)} pixels of it; choose a smaller one")
    y, x = height / target[0], width / target[1]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]]), target


STEPS = {
    "homography": mapped, "affine": mapped, "rotate": turned, "scale": scaled, "expand": expanded, "translate": moved,
    "crop": cut, "size": resized,
}  # fmt: skip
