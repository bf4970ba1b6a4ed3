"""Points of a grid that are moved into the image before it is sampled."""

import numpy as np

from . import means
from .sources import ByArray
from .tiles import AXES


class Inside(ByArray):
    """Coordinates that are moved into the image before they are sampled, as PyTorch does it; all are numbers then.

    On each axis they are mirrored about ``edge`` and half of ``mirror`` pixels further, unless that is 0; and then cut off at
    ``first`` and ``final``, where they no longer change with what was given.
    """

    def __init__(self, dtype, axes, layout, moving):
        super().__init__(dtype, axes, layout, moving)
        for axis in AXES[:axes]:
            self.parameters |= {f"{name}_{axis}": "float" for name in ("edge", "mirror", "first", "final")}

    def pixel(self, m, axis, given):
        """A coordinate, which is always a number."""
        return self.moved(m, axis, given)[0], m.full(0.0, self.dtype)

    def moved(self, m, axis, given):
        """A coordinate, and how it changes with one that is not moved: 1, 0 or -1."""
        edge, mirror, first, final = (
            m.to(m.arguments[f"{name}_{AXES[axis]}"], self.dtype) for name in ("edge", "mirror", "first", "final")
        )
        given = self.rounded(m, axis, given)
        one = m.full(1.0, self.dtype)
        inside, sign = m.variable(given), m.variable(one)
        for _ in m.when(m.arguments[f"mirror_{AXES[axis]}"] > 0):
            far = abs(given - edge)
            rest = far - np.floor(far / mirror) * mirror
            back = mirror - rest
            inside.value = np.where(rest < back, rest, back) + edge
            sign.value = np.where((rest < back) == (given >= edge), one, 0.0 - one)
        held = (inside.value > first) & (inside.value < final)
        return m.least(m.most(inside.value, first), final), np.where(held, sign.value, 0.0)

    def rates(self, m, tile, q, k):
        """How much each coordinate changes with its number."""
        return [
            self.moved(m, axis, given)[1] * self.half(m, axis) for axis, given in enumerate(self.given(m, tile, q, k))
        ]

    def pull(self, m, tile, q, k, grads):
        """The gradients; zero where the coordinate does not change, even if the image's slope is no number."""
        rates = self.rates(m, tile, q, k)
        grads = [np.where(rate != 0, grad * rate, 0.0) for grad, rate in zip(self.written(m, grads), rates)]
        means.write_grid(m, self, tile, q, k, grads)
