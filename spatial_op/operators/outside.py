"""What kernels are told of what lies outside an image: of each axis a range, a period and a table of pixels."""

import functools
import math
from typing import NamedTuple

import numpy as np

from ..paddings import PADDINGS, Padding
from .engine import kernels

# Positions that a table covers beyond those that taps can have: boxes of windows are found with a margin.
MARGIN = 3

# Outside of any image.
FAR = 1e30


class Range(NamedTuple):
    """Where coordinates on an axis are brought, by a period or, if that is 0, by cutting off; and the positions that taps can have then."""

    low: float
    high: float
    period: float
    begin: int
    end: int


def range_of(padding, sampler, n, edge):
    """Of an axis of ``n`` pixels."""
    reach = len(sampler.taps(0.5))
    if padding.period is None:
        period, low, high = 0.0, float(-reach), float(n - 1 + reach)
    else:  # one period, the image in its middle
        period = float(math.lcm(2, int(padding.period(n, edge))))  # so that an even pixel remains one
        low = -((period - n) // 2 + 1)
        high = low + period
    first, last = (int(sampler.cell(end, sampler.shift)) + sampler.first for end in (low, high))
    return Range(low, high, period, first - MARGIN, last + reach + MARGIN)


@functools.lru_cache(maxsize=64)
def axis_values(padding, sampler, n, edge):
    """Range, period and its inverse, table, and the place in it of pixel 0."""
    reached = range_of(padding, sampler, n, edge)
    positions = np.arange(reached.begin, reached.end + 1)
    table = pixels_of(padding, positions, n, edge)
    return told(reached, table, reached.begin, rule(positions, table, n))


def told(reached, table, begin, known):
    """What kernels are given of an axis, whose table has the position ``begin`` first."""
    inverse = 1.0 / reached.period if reached.period else 0.0
    return reached.low, reached.high, reached.period, inverse, table, -begin, known


def rule(positions, table, n):
    """Whether a table says what the commonest rules do, for which kernels need not look it up."""
    near, cells = np.clip(positions, 0, n - 1), kernels("cells")
    if (table == np.where(near == positions, near, -1)).all():
        return cells.NOTHING
    return cells.REPEATED if (table == near).all() else cells.TABLE


def pixels_of(padding, positions, n, edge):
    """The table; a kernel reads whatever it says, so it must not say what is not there."""
    found = np.asarray(padding.index(positions, n, edge))
    if found.shape == positions.shape and found.dtype.kind in "iu" and found.min() >= -1 and found.max() < n:
        return np.ascontiguousarray(found, np.int32)
    name = next((name for name, row in PADDINGS.items() if row is padding), None)
    answer = f"{found.dtype} numbers from {found.min()} to {found.max()}" if found.size else "nothing"
    raise ValueError(
        f"padding_mode is {name!r}, whose index answers {answer}, of shape {found.shape}, for {len(positions)} positions "
        f"of an axis of {n} pixels; return a whole number for each position, from 0 to {n - 1}, or -1 where there is no pixel."
    )


def inside(padding, source, edge):
    """Of each axis: where points are moved before they are sampled, by mirrors first and then by cutting off."""
    values = {}
    for axis, n in zip("xyz", source[::-1]):
        first, final = (-FAR, FAR) if padding.mirror is None else (0.0, float(n - 1))
        mirror = float(padding.mirror(n, edge)) if padding.mirror else 0.0
        values |= {
            f"edge_{axis}": -0.5 * edge,
            f"mirror_{axis}": mirror,
            f"first_{axis}": first,
            f"final_{axis}": final,
        }
    return values


def outside(padding, sampler, source, edge):
    """For a source of this (depth,) height and width."""
    values = {}
    for place, (axis, n) in enumerate(zip("xyz", source[::-1]), 1):
        if isinstance(padding, Padding):
            found = axis_values(padding, sampler, n, edge)
        else:  # that of a part of an image, of which each axis has its own
            found = padding.axis_values(sampler, n, edge, -place)
        low, high, period, inverse, table, origin, known = found
        values |= {
            f"low_{axis}": low, f"high_{axis}": high, f"period_{axis}": period, f"inverse_{axis}": inverse,
            f"table_{axis}": table, f"origin_{axis}": origin, f"last_{axis}": len(table) - 1, f"rule_{axis}": known,
        }  # fmt: skip
    return values
