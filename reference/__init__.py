"""The oracle and text book: the operators once more in plain NumPy and float64, slow and obvious.

It shares no code with the package that it judges. Everything that is linear or analytic also takes complex numbers, so
that a complex step differentiates it to the last digit. Formulas are those of Jaderberg, Simonyan, Zisserman and
Kavukcuoglu, "Spatial Transformer Networks", 2015, called "the paper" here.
"""

from .deformable_convolution import (
    deformable_convolution,
    deformable_convolution_backward,
    modulated_deformable_convolution,
    modulated_deformable_convolution_backward,
)
from .grid import gemm, homogeneous_grid
from .grid_generator import grid_generator, grid_generator_backward
from .grid_sampler import bilinear_sampler, bilinear_sampler_backward, grid_sampler, grid_sampler_backward
from .pixels import in_dtype, pixel_matrix_to_loc, warp
from .sampling import bilinear_sampling_backward, bilinear_sampling_forward
from .spatial_transformer import spatial_transformer, spatial_transformer_backward
from .spline_coefficients import spline_coefficients
from .tps_points import tps_loc

__all__ = [
    "bilinear_sampler",
    "bilinear_sampler_backward",
    "bilinear_sampling_backward",
    "bilinear_sampling_forward",
    "deformable_convolution",
    "deformable_convolution_backward",
    "gemm",
    "grid_generator",
    "grid_generator_backward",
    "grid_sampler",
    "grid_sampler_backward",
    "homogeneous_grid",
    "in_dtype",
    "modulated_deformable_convolution",
    "modulated_deformable_convolution_backward",
    "pixel_matrix_to_loc",
    "spatial_transformer",
    "spatial_transformer_backward",
    "spline_coefficients",
    "tps_loc",
    "warp",
]
