"""What lies outside the image: one row per rule, ``PADDINGS[name] = Padding(index, period)``.

``index(positions, n, edge)`` answers for one axis of ``n`` pixels: which pixel each position holds, an array of whole numbers, or
-1 where there is none but 0. ``period(n, edge)`` is the number of pixels after which the rule repeats itself; it is left out
where what is further away than any sampler reaches looks alike. ``mirror(n, edge)`` says how ``GridSampler`` moves points inside
if it is asked to: by a mirror with so many pixels there and back, or, if that is 0, to the nearest pixel; it is left out
where points stay where they are.

``edge`` is the corner rule: 0 where -1 and +1 are the centres of the border pixels (``align_corners=True``), 1 where
they are their outer edges. The rows are plain NumPy; the kernels are given tables of what they answer.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Padding(NamedTuple):
    """One rule for the outside of an image; the module's first lines say what its functions answer."""

    index: Callable
    period: Callable | None = None
    mirror: Callable | None = None


def zeros(positions, n, edge):
    """The image goes on with zeros: ``0 0 | a b c d | 0 0``."""
    return np.where((positions >= 0) & (positions < n), positions, -1)


def border(positions, n, edge):
    """The edge goes on: ``a a | a b c d | d d``."""
    return np.clip(positions, 0, n - 1)


def nearest(n, edge):
    """No mirror."""
    return 0


def mirrored(n, edge):
    """There and back."""
    return max(2 * (n - 1 + edge), 1)


def reflection(positions, n, edge):
    """The mirror image: ``c b | a b c d | c b`` about pixel centres (edge 0), ``b a | a b c d | d c`` about outer edges (edge 1)."""
    there = positions % mirrored(n, edge)
    return np.maximum(np.minimum(there, mirrored(n, edge) - edge - there), 0)


def repeated(n, edge):
    """The whole image."""
    return n


def wrap(positions, n, edge):
    """The image again: ``c d | a b c d | a b``, of whole pixels whichever the corner rule."""
    return positions % n


PADDINGS = {
    "zeros": Padding(zeros),
    "border": Padding(border, mirror=nearest),
    "reflection": Padding(reflection, mirrored, mirrored),
    "wrap": Padding(wrap, repeated),
}

# Those that PyTorch's functions have, by whatever framework they are called.
OF_PYTORCH = {name: PADDINGS[name] for name in ("zeros", "border", "reflection")}
