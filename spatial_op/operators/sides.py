"""Source and target of a map, in pixels and normalised; and maps between the ones as maps between the others.

Maps are square matrices of homogeneous coordinates, one or a batch. Both ways are linear in their entries.
"""

import numpy as np

from .. import check
from .arguments import PICTURES
from .coordinates import AXES, sizes_of


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
            np.array([values[f"{name}_{axis}"] for axis in AXES[:axes]]) for name in ("span", "middle", "steps")
        )
        self.centre = np.array([(size - 1) / 2 for size in target[::-1]])

    def normalised(self, matrix):
        """The map between normalised coordinates, of one between pixels."""
        moved = matrix.copy()
        moved[..., -1] += matrix[..., :-1] @ self.centre
        moved[..., :-1] *= self.steps / 2
        moved[..., :-1, :] -= self.middle[:, None] * moved[..., -1:, :]
        moved[..., :-1, :] /= self.span[:, None] / 2  # undoes the steps of an equal size exactly
        return moved

    def in_pixels(self, matrix):
        """The map between pixels, of one between normalised coordinates."""
        moved = matrix.copy()
        moved[..., :-1, :] *= self.span[:, None] / 2
        moved[..., :-1, :] += self.middle[:, None] * moved[..., -1:, :]
        moved[..., :-1] /= self.steps / 2
        moved[..., -1] -= moved[..., :-1] @ self.centre
        return moved
