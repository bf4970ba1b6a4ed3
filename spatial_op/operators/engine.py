"""The kernels' modules, imported when the first kernel is needed, so that ``import spatial_op`` loads NumPy only."""

import functools
import importlib

from ..forks import importing


@functools.cache
def kernels(name):
    """One of the modules."""
    with importing:
        return importlib.import_module(f"..kernels.{name}", __package__)
