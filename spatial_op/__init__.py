"""The spatial operators of MXNet for today's Python: exact, parallel on CPUs, differentiable.

>>> import numpy as np
>>> import spatial_op as so
>>> data = np.arange(12.0).reshape(1, 1, 3, 4)
>>> flip = np.array([[-1.0, 0, 0, 0, 1, 0]])
>>> so.SpatialTransformer(data, flip, target_shape=(3, 4))[0, 0]
array([[ 3.,  2.,  1.,  0.],
       [ 7.,  6.,  5.,  4.],
       [11., 10.,  9.,  8.]])
"""

import importlib

from . import contrib as contrib
from .autodiff import jvp, vjp
from .operators.deformable_convolution import DeformableConvolution
from .operators.grid_generator import GridGenerator
from .operators.grid_sampler import BilinearSampler, GridSampler
from .operators.loc_pixel import loc_to_pixel_matrix
from .operators.modulated_deformable_convolution import ModulatedDeformableConvolution
from .operators.pixel_loc import pixel_matrix_to_loc
from .operators.pixel_warp import warp
from .operators.spatial_transformer import SpatialTransformer
from .operators.spline_coefficients import spline_coefficients
from .operators.tps_loc import tps_loc
from .transforms.identity import identity_loc

# Modules for one framework, imported when they are first asked for.
FRAMEWORKS = ("dask", "jax", "mxnet", "onnx", "torch")

__version__ = "0.1.0"
__all__ = [
    "BilinearSampler",
    "DeformableConvolution",
    "GridGenerator",
    "GridSampler",
    "ModulatedDeformableConvolution",
    "SpatialTransformer",
    "identity_loc",
    "jvp",
    "loc_to_pixel_matrix",
    "pixel_matrix_to_loc",
    "spline_coefficients",
    "tps_loc",
    "vjp",
    "warp",
]


def __getattr__(name):
    """``spatial_op.torch`` and the like."""
    if name in FRAMEWORKS:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
