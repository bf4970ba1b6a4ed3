"""The tables of operators: every adapter serves what stands here; models are exported, converted and described by the first alone."""

from .deformable_convolution import DeformableConvolution
from .grid_generator import GridGenerator
from .grid_sampler import BilinearSampler, GridSampler
from .loc_pixel import loc_to_pixel_matrix
from .modulated_deformable_convolution import ModulatedDeformableConvolution
from .pixel_loc import pixel_matrix_to_loc
from .spatial_transformer import SpatialTransformer
from .spline_coefficients import spline_coefficients
from .tps_loc import tps_loc

OPERATORS = {
    function.__name__: function
    for function in (
        SpatialTransformer,
        GridGenerator,
        GridSampler,
        BilinearSampler,
        DeformableConvolution,
        ModulatedDeformableConvolution,
    )
}

# What prepares the inputs of these, which no other library's models have.
PREPARATIONS = {
    function.__name__: function for function in (spline_coefficients, tps_loc, pixel_matrix_to_loc, loc_to_pixel_matrix)
}
