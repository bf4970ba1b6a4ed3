"""What kernels are told of what lies outside an image: of each axis a range, a period and a table of pixels."""

import functools
import math

import numpy as np


# Positions that a table covers beyond those that taps can have: boxes of windows are found with a margin.
MARGIN = 3


@functools.lru_cache(maxsize=64)
def axis_values(padding, sampler, n, edge):
    """Range, period and its inverse, table, and the place in it of pixel 0."""
    reach = len(sampler.taps(0.5))
    if padding.period is None:
        period, low, high = 0, -reach, n - 1 + reach
    else:  # one period, the image in its middle
        period = padding.period(n, edge)
        low = -((period - n) // 2 + 1)
        high = low + period
    begin = math.floor(low) + sampler.first - MARGIN
    end = high + sampler.first + reach + MARGIN + math.ceil(sampler.shift)
    positions = np.arange(begin, end + 1)
    table = np.ascontiguousarray(padding.index(positions, n, edge), np.int32)
    return float(low), float(high), float(period), 1.0 / period if period else 0.0, table, -begin


def outside(padding, sampler, source, edge):
    """For a source of this (depth,) height and width."""
    values = {}
    for axis, n in zip("xyz", source[::-1]):
        low, high, period, inverse, table, origin = axis_values(padding, sampler, n, edge)
        values |= {
            f"low_{axis}": low, f"high_{axis}": high, f"period_{axis}": period, f"inverse_{axis}": inverse,
            f"table_{axis}": table, f"origin_{axis}": origin,
        }  # fmt: skip
    return values
