"""The kernels' modules, imported when the first kernel is needed, so that ``import spatial_op`` loads NumPy only.

A fork waits for such an import to end: a child that was forked in the middle of it would wait for Python's locks for ever.
"""

import functools
import importlib
import os
import threading

importing = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=importing.acquire, after_in_parent=importing.release, after_in_child=importing.release)


@functools.cache
def kernels(name):
    """One of the modules."""
    with importing:
        return importlib.import_module(f"..kernels.{name}", __package__)
