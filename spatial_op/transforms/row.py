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
    term: Callable | None = None
    term_size: int = 0

    @property
    def folded(self):
        """How many numbers ``fold`` is given."""
        return self.plan_size if self.basis else len(self.identity(4)) - 4 * self.term_size

    def control_points(self, count):
        """How many control points so many parameters have."""
        return max(count - self.folded, 0) // self.term_size if self.term else count // 2

    def fits(self, count):
        """Whether there can be so many parameters; found out without making too many."""
        points = self.control_points(count)
        return (self.most is None or points <= self.most) and len(self.identity(points)) == count


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
