"""The table of operators: every adapter serves what stands here."""

from .deformable_convolution import DeformableConvolution
from .grid_generator import GridGenerator
from .grid_sampler import BilinearSampler, GridSampler
from .modulated_deformable_convolution import ModulatedDeformableConvolution
from .spatial_transformer import SpatialTransformer

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
