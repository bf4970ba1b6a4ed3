"""What a row of the tables of transforms holds, and what it is told of the images."""

from collections.abc import Callable
from typing import NamedTuple


class Transform(NamedTuple):
    """One transform; ``transforms/__init__.py`` says what the fields mean."""

    meaning: str
    identity: Callable
    plan_size: int
    fold: Callable
    locate: Callable
    solve: Callable | None = None
    pull_solve: Callable | None = None
    centres: Callable | None = None
    basis: Callable | None = None
    most: int | None = None


class Sizes(NamedTuple):
    """The images as a transform sees them: in each field one number for x, but of signals one for y and, of volumes, one for z.

    ``span``: source pixels from the normalised -1 to +1; ``middle``: the source pixel at the normalised 0; ``steps``:
    destination pixels from -1 to +1, at least 1. ``pixels(shift, axis)`` are the source pixels of a normalised shift, a
    parameter: where it is the number nearest to a whole-pixel shift, that one.
    """

    span: tuple
    middle: tuple
    steps: tuple
    pixels: Callable


def matrix(rows, columns):
    """The entries of the identity, row by row."""
    return [int(row == column) for row in range(rows) for column in range(columns)]


def fixed(*parameters):
    """An ``identity`` without control points."""
    return lambda control_points: parameters
