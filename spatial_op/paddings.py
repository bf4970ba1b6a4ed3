"""What lies outside the image: one row per rule, ``PADDINGS[name] = Padding(near, fix)``.

``fix(i, n, edge) -> (j, inside)`` answers for one axis of ``n`` pixels: position ``i`` holds the value of pixel ``j``,
or zero if ``inside`` is false. ``j`` is a valid index even then.

``near(x, n, reach, edge)`` moves a coordinate, in pixels, to one of equal value and slope at most ``reach`` pixels
outside the image (one period for a periodic rule), so that no kernel meets a huge index. It turns NaN into some finite
coordinate; the kernels carry the NaN along. It is called with numbers and with vectors of numbers alike, so it uses
only +, -, * and NumPy's ``floor``, ``fmin`` and ``fmax``.

``edge`` is the corner rule: 0 where -1 and +1 are the centres of the border pixels (``align_corners=True``), 1 where
they are their outer edges. The rows are plain Python, so that they can be read, tested and stepped through without a
compiler.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Padding(NamedTuple):
    """One rule for the outside of an image; the module's first lines say what the two functions answer."""

    near: Callable
    fix: Callable


def clamp(x, n, reach, edge):
    """Everything further out than the widest sampler reaches looks alike."""
    return np.fmin(np.fmax(x, -reach), n - 1 + reach)


def zeros(i, n, edge):
    """The image goes on with zeros: ``0 0 | a b c d | 0 0``."""
    return max(0, min(i, n - 1)), 0 <= i < n


def border(i, n, edge):
    """The edge goes on: ``a a | a b c d | d d``."""
    return max(0, min(i, n - 1)), True


def one_period(x, n, reach, edge):
    """Remove whole periods of the mirrored image; what is left has the image in its middle."""
    period = max(2 * (n - 1 + edge), 1)
    margin = (period - n) // 2 + 1
    moved = x - np.floor((x + margin) * (1 / period)) * period
    return np.fmin(np.fmax(moved, -margin), period - margin)


def reflection(i, n, edge):
    """The mirror image: ``c b | a b c d | c b`` about pixel centres (edge 0), ``b a | a b c d | d c`` about outer edges (edge 1)."""
    period = max(2 * (n - 1 + edge), 1)
    j = i - int(np.floor(i * (1 / period))) * period  # 0 to period, both the same pixel; vectors have no remainder
    return max(0, min(j, period - edge - j)), True


PADDINGS = {
    "zeros": Padding(clamp, zeros),
    "border": Padding(clamp, border),
    "reflection": Padding(one_period, reflection),
}
