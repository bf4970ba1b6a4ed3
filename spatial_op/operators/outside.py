"""What kernels are told of what lies outside an image: of each axis a range, a period and a table of pixels."""

import functools
import math

import numpy as np

from ..paddings import PADDINGS
from .engine import kernels

# Positions that a table covers beyond those that taps can have: boxes of windows are found with a margin.
MARGIN = 3

# Outside of any image.
FAR = 1e30


@functools.lru_cache(maxsize=64)
def axis_values(padding, sampler, n, edge):
    """Range, period and its inverse, table, and the place in it of pixel 0."""
    reach = len(sampler.taps(0.5))
    if padding.period is None:
        period, low, high = 0.0, float(-reach), float(n - 1 + reach)
    else:  # one period, the image in its middle
        period = float(math.lcm(2, int(padding.period(n, edge))))  # so that an even pixel remains one
        low = -((period - n) // 2 + 1)
        high = low + period
    first, last = (int(sampler.cell(end, sampler.shift)) + sampler.first for end in (low, high))
    begin, end = first - MARGIN, last + reach + MARGIN
    positions = np.arange(begin, end + 1)
    table = pixels_of(padding, positions, n, edge)
    known = rule(positions, table, n)
    return low, high, period, 1.0 / period if period else 0.0, table, -begin, known


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
    for axis, n in zip("xyz", source[::-1]):
        low, high, period, inverse, table, origin, known = axis_values(padding, sampler, n, edge)
        values |= {
            f"low_{axis}": low, f"high_{axis}": high, f"period_{axis}": period, f"inverse_{axis}": inverse,
            f"table_{axis}": table, f"origin_{axis}": origin, f"last_{axis}": len(table) - 1, f"rule_{axis}": known,
        }  # fmt: skip
    return values
