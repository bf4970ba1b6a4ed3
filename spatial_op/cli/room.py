"""Refuse what this machine's memory cannot hold, before it is asked for."""

import os

from ..operators.any_dtype import working
from .pictures import Refused


def require(shape, dtype, cure):
    """Room for an array (..., height, width), and for the numbers that it is computed with."""
    count = 1
    for size in shape:
        count *= size
    needed = count * (dtype.itemsize + working(dtype).itemsize)
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not known on every system
        return
    if needed > memory:
        raise Refused(
            f"{shape[-2]} x {shape[-1]} pixels at a time take {needed / 2**30:,.0f} GB, and this machine has {memory / 2**30:,.0f} GB; {cure}"
        )
