"""For PyTorch's users: its own functions by their names and layouts, modules, and ``patch``, which puts them in PyTorch's place.

``spatial_op.SpatialTransformer`` and the others take tensors themselves.
"""

from .adapters import torch_compiled  # noqa: F401 (saved graphs find their nodes there)
from .adapters.torch_convolution import DeformConv1d, DeformConv2d, DeformConv3d
from .adapters.torch_deform import deform_conv1d, deform_conv2d, deform_conv3d
from .adapters.torch_modules import GridSampler, SpatialTransformer
from .adapters.torch_packs import DeformConv2dPack, ModulatedDeformConv2dPack
from .adapters.torch_patch import patch, unpatch
from .adapters.torch_words import affine_grid, affine_grid_sample, grid_sample

__all__ = [
    "DeformConv1d",
    "DeformConv2d",
    "DeformConv2dPack",
    "DeformConv3d",
    "GridSampler",
    "ModulatedDeformConv2dPack",
    "SpatialTransformer",
    "affine_grid",
    "affine_grid_sample",
    "deform_conv1d",
    "deform_conv2d",
    "deform_conv3d",
    "grid_sample",
    "patch",
    "unpatch",
]
