"""The sampling kernels: one file per row, ``SAMPLERS[name] = Sampler(shift, first, taps, cell)``, of images and volumes alike.

A sample at pixel coordinate ``x`` belongs to a cell, a whole number: ``floor(x + shift)``, unless the row has a function
``cell(x, shift)`` of its own. Of each axis it reads the pixels ``cell + first``, ``cell + first + 1``, ..., and
``taps(x - cell)`` returns a weight for each. ``x - cell`` is at least ``-shift``. Weights add up to 1. Their derivatives are
found by calling ``taps`` with dual numbers; where a weight has a kink, that to the right.

Both functions are formulas, called with numbers, with arrays, and with the vectors that a kernel is traced with; they may
use what a transform's ``locate`` may. NaN in gives NaN weights.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import bilinear, cubic, lanczos3, nearest

# A coordinate so little below a cell's border is on it: rounding in the coordinates then does not choose the side of a
# slope's step.
SLIVER = 2.0**-40


def floor(x, shift):
    """The cell of most samplers."""
    return np.floor(x + (shift + SLIVER))


class Sampler(NamedTuple):
    """One sampling kernel; the module's first lines say what the fields mean."""

    shift: float
    first: int
    taps: Callable
    cell: Callable = floor


SAMPLERS = {
    "bilinear": Sampler(0.0, 0, bilinear.taps),
    "nearest": Sampler(0.5, 0, nearest.taps),
    "nearest_even": Sampler(0.5, 0, nearest.taps, nearest.half_to_even),
    "bicubic": Sampler(0.0, -1, cubic.family(b=0, c=0.75)),
    "catmull_rom": Sampler(0.0, -1, cubic.family(b=0, c=0.5)),
    "mitchell": Sampler(0.0, -1, cubic.family(b=1 / 3, c=1 / 3)),
    "cubic_bspline": Sampler(0.0, -1, cubic.family(b=1, c=0)),
    "lanczos3": Sampler(0.0, -2, lanczos3.taps),
}
