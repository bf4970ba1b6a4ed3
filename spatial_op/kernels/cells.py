"""From a coordinate to the pixels that are read and their weights.

What lies outside an image is data here: of each axis, a table that holds the pixel at each position in reach, or -1 where
there is none; a period, or 0; and the range in which coordinates are brought first, by whole periods or by cutting off, so that
no position is beyond the table.
"""

import numpy as np

from .dual import Dual, slopes_of, value_of
from .tiles import AXES
from .trace import fused


def parameters(axes):
    """What kernels are given of images and what is outside: sizes, ranges, periods and tables."""
    given = {}
    for axis in AXES[:axes]:
        given |= {name.format(axis): "float" for name in ("low_{}", "high_{}", "period_{}", "inverse_{}")}
        given |= {f"table_{axis}": "i4", **{f"{name}_{axis}": "int" for name in ("origin", "last", "rule")}}
    return given


def output(axes):
    """Names of the sizes of the output."""
    return {f"{size}_out": "int" for size in "whd"[:axes]}


# What is outside on an axis: what the table says; nothing; the border pixel. The latter two are common, and quicker without.
TABLE, NOTHING, REPEATED = 0, 1, 2


class Rules:
    """A sampler's row, the dtype that is computed with, and those of images and results, which is the same unless given."""

    def __init__(self, sampler, dtype, stored=None, written=None):
        self.sampler, self.dtype = sampler, dtype
        self.stored, self.written = stored or dtype, written or dtype
        self.reach = len(sampler.taps(0.5))

    def near(self, m, axis, given):
        """A coordinate of equal value and slope in the range; no number becomes some number."""
        name = AXES[axis]
        low, high, period, inverse = (
            m.to(m.arguments[f"{word}_{name}"], m.kind_of(given)) for word in ("low", "high", "period", "inverse")
        )
        moved = m.variable(given)
        for _ in m.when(m.arguments[f"period_{name}"] > 0):
            moved.value = given - np.floor((given - low) * inverse) * period
        return m.least(m.most(moved.value, low), high)

    def split(self, m, axis, given, odd, near=True):
        """A coordinate -> index of the first tap, and distance from its cell, to which ``odd`` is added: zero or no number."""
        close = self.near(m, axis, given) if near else given
        shift = self.sampler.shift
        cell = self.sampler.cell(close, shift)
        part = close - cell
        if shift:  # which is added before it is rounded down, and may round up
            part = m.most(part, -shift)
        return m.to(cell, "i4") + self.sampler.first, m.to(part + odd, self.dtype)

    def weights(self, m, part):
        """Weights of the taps."""
        return [m.full(weight, self.dtype) for weight in self.sampler.taps(part)]

    def slopes(self, m, part, order=1):
        """Weights of the taps and their derivatives up to an order, of which some may be plain numbers."""
        for _ in range(order):
            part = Dual(part, {0: 1.0})
        taps = self.sampler.taps(part)
        weights, *derivatives = ([derivative(tap, number, order) for tap in taps] for number in range(order + 1))
        slopes = ([slope if is_known(slope) else m.full(slope, self.dtype) for slope in each] for each in derivatives)
        return [m.full(weight, self.dtype) for weight in weights], *slopes


def derivative(tap, number, order):
    """The derivative of a tap of this number, from duals nested to an order."""
    for _ in range(order - number):
        tap = value_of(tap)
    for _ in range(number):
        tap = slopes_of(tap).get(0, 0.0)
    return tap


def is_known(weight):
    """Whether a weight is known while the kernel is traced."""
    return isinstance(weight, (int, float))


def is_zero(weight):
    """Whether a weight is known to be 0 while the kernel is traced."""
    return is_known(weight) and weight == 0


def vanishing(m, weights):
    """Whether any lane of any weight may be 0, whose value must not be looked at, or no number.

    The product of all is tested, which takes one comparison. One that is too small for a number is taken for 0, too.
    """
    product = None
    for weight in weights:
        if not is_known(weight):
            product = weight if product is None else product * weight
    return ~m.all(abs(product) > 0)


def mix(total, weight, value, careful):
    """``total + weight * value``; if ``careful``, where the weight is zero the value is not looked at, be it infinite or no number.

    ``total`` is None at first.
    """
    if is_zero(weight):
        return total
    if total is None:
        return np.where(weight != 0, weight * value, -0.0) if careful else weight * value
    more = fused(weight, value, total)
    return np.where(weight != 0, more, total) if careful else more
