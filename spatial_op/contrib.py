"""The operators that MXNet keeps in ``mx.nd.contrib``, under the same spelling."""

from .operators.deformable_convolution import DeformableConvolution
from .operators.modulated_deformable_convolution import ModulatedDeformableConvolution

__all__ = ["DeformableConvolution", "ModulatedDeformableConvolution"]
