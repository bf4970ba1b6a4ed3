"""The sampling kernels: one file per row, ``SAMPLERS[name] = Sampler(shift, first, taps)``; volumes have some of them.

A sample at pixel coordinate ``x`` reads consecutive pixels on each axis. With ``cell = floor(x + shift)``, the taps are
the pixels ``cell + first``, ``cell + first + 1``, ..., and ``taps(x - cell)`` returns a ``(weight, slope)`` pair for
each, where ``slope`` is the derivative of ``weight`` with respect to ``x``. Weights add up to 1 and slopes to 0. Where
a weight has a kink, the slope is the right-hand one.

``taps`` is called with numbers and with vectors of numbers alike, so it uses only +, - and *. NaN in gives NaN weights.
"""

from collections.abc import Callable
from typing import NamedTuple

from . import bicubic, bilinear, nearest


class Sampler(NamedTuple):
    """One sampling kernel; the module's first lines say what the fields mean."""

    shift: float
    first: int
    taps: Callable


SAMPLERS = {
    "bilinear": Sampler(0.0, 0, bilinear.taps),
    "nearest": Sampler(0.5, 0, nearest.taps),
    "bicubic": Sampler(0.0, -1, bicubic.taps),
}

VOLUME_SAMPLERS = {name: SAMPLERS[name] for name in ("bilinear", "nearest")}
