"""What the options of `warp` take: numbers, sizes, parts of a picture and colours, read from words."""

import math
import re
from typing import NamedTuple

import click
import numpy as np

from ..operators.pixel_matrices import homogeneous, vanishes

# The largest side of an image.
MOST = 2**31 - 1


class Numbers(click.ParamType):
    """Finite numbers, as many as one of ``counts`` says."""

    name = "numbers"

    def __init__(self, *counts, example):
        self.counts, self.example = counts, example

    def convert(self, value, param, ctx):
        """A tuple of floats."""
        if not isinstance(value, str):
            return value
        counts = " or ".join(map(str, self.counts))
        expected = f"expected {counts}, like {self.example}"
        try:
            found = tuple(float(word) for word in value.replace(",", " ").split())
        except ValueError:
            self.fail(f"{value!r} has other words than numbers, {expected}.", param, ctx)
        if not all(map(math.isfinite, found)):
            self.fail(f"{value!r} has an entry that is no finite number, {expected}.", param, ctx)
        if len(found) not in self.counts:
            noun = "number" if len(found) == 1 else "numbers"
            self.fail(f"{value!r} has {len(found)} {noun}, {expected}.", param, ctx)
        return found


class Matrix(Numbers):
    """A 2x3 or a 3x3 matrix by its rows, or a map by four points."""

    def convert(self, value, param, ctx):
        """Six or nine numbers of which a map can be made, or four points that can be corners."""
        found = super().convert(value, param, ctx)
        if len(found) == 8:
            self.require_corners(found, param, ctx)
            return found
        try:
            square = homogeneous("warp", np.reshape(found, (-1, 3)))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if vanishes(square):
            self.fail(
                f"{value!r} samples a line or a point of the picture only, expected a map like {self.example}.",
                param,
                ctx,
            )
        return found

    def require_corners(self, found, param, ctx):
        """Points that run clockwise, and no three of which lie on a line."""
        points = np.reshape(found, (4, 2))
        (ax, ay), (bx, by) = (np.roll(points, -1, 0) - points).T, (np.roll(points, -2, 0) - np.roll(points, -1, 0)).T
        turns = ax * by - ay * bx
        if (turns < 0).all():
            self.fail(
                "the four points run counter-clockwise, which mirrors the picture; list them clockwise.", param, ctx
            )
        if not (turns > 0).all():
            words = "the four points are no corners of a page: expected is an outline without dents or crossings"
            self.fail(f"{words}, clockwise from the top left corner.", param, ctx)


class Number(Numbers):
    """One finite number."""

    def __init__(self, example):
        super().__init__(1, example=example)

    def convert(self, value, param, ctx):
        """A float."""
        return super().convert(value, param, ctx)[0] if isinstance(value, str) else value


class Factors(Numbers):
    """How many times as wide and as high: one number for both, or two; none of them 0."""

    def convert(self, value, param, ctx):
        """Factors of x and y."""
        found = super().convert(value, param, ctx)
        if 0 in found:
            self.fail(f"{value!r} leaves nothing of the picture; expected are factors other than 0.", param, ctx)
        return found if len(found) == 2 else found * 2


class Size(NamedTuple):
    """Height and width, of which one may follow the other's, or how many times as high and wide."""

    height: int | None = None
    width: int | None = None
    factor: float | None = None

    def of(self, height, width):
        """The height and width that a picture gets."""
        if self.factor is not None:
            sides = height * self.factor, width * self.factor
        elif self.height is None:
            sides = height * self.width / width, self.width
        elif self.width is None:
            sides = self.height, width * self.height / height
        else:
            sides = self.height, self.width
        return tuple(max(round(side), 1) for side in sides)


class Sizes(click.ParamType):
    """HxW, Hx, xW or P%."""

    name = "size"

    def convert(self, value, param, ctx):
        """A ``Size``."""
        if not isinstance(value, str):
            return value
        sides = re.fullmatch(r"(\d*)x(\d*)", value, re.IGNORECASE)
        percent = re.fullmatch(r"(\d+(?:\.\d*)?)%", value)
        given = [int(side) for side in sides.groups() if side] if sides else []
        if given and max(given) > MOST:
            self.fail(
                f"{value!r} has {max(given)} pixels, expected at most {MOST}; choose a smaller number.", param, ctx
            )
        if given and min(given) > 0:
            return Size(*(int(side) if side else None for side in sides.groups()))
        if percent and 0 < float(percent[1]) <= 1e6:
            return Size(factor=float(percent[1]) / 100)
        words = "height x width in pixels, like 480x640, one of them, like 480x or x640, or a percentage, like 50%"
        return self.fail(f"{value!r}, expected {words}.", param, ctx)


class Parts(click.ParamType):
    """HxW, or HxW+Y+X."""

    name = "part"

    def convert(self, value, param, ctx):
        """Height, width, and where the part begins, y first."""
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"(\d+)x(\d+)(?:([+-]\d+)([+-]\d+))?", value, re.IGNORECASE)
        numbers = tuple(int(word or 0) for word in found.groups()) if found else (0,)
        if 0 in numbers[:2]:
            words = (
                "height x width in pixels, like 480x640, and where they begin, like 480x640+20+30: 20 down, 30 right"
            )
            self.fail(f"{value!r}, expected {words}.", param, ctx)
        large = [number for number in numbers if abs(number) > MOST]
        if large:
            self.fail(f"{value!r} has {large[0]} pixels, expected at most {MOST}; choose a smaller number.", param, ctx)
        return numbers
