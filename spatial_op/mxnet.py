"""For MXNet's users: run a script, or a saved network, on these operators, or take it along to where MXNet is not.

``spatial_op.SpatialTransformer`` and the others also take MXNet's arrays and symbols themselves. ``load_params`` and
``describe`` read files, and need no MXNet.
"""

import importlib

from .adapters.mxnet_describe import describe
from .adapters.mxnet_params import load_params

__all__ = ["convert", "describe", "load_params", "patch", "revert", "unpatch"]

try:
    importlib.import_module("mxnet")
except (ImportError, AttributeError, OSError) as error:  # not installed, made for an older NumPy, or without a library
    MISSING = str(error)
else:
    from .adapters.mxnet_convert import convert, revert
    from .adapters.mxnet_patch import patch, unpatch


def __getattr__(name):
    """What needs MXNet says so where it cannot be imported."""
    if name in __all__:
        raise ImportError(
            f"{name}: MXNet cannot be imported here ({MISSING}), expected MXNet 1.9.1; install mxnet==1.9.1 with numpy==1.23.5 on "
            "CPython 3.10 or 3.11, or use load_params and describe, which need none."
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
