"""From table rows to kernels: the one place that hands rows to the compiler."""

import functools

from ..paddings import PADDINGS
from ..samplers import SAMPLERS
from ..transforms import TRANSFORMS
from .jit import inner
from .warp import backward_kernel, forward_kernel


def rows(transform_type, sampler_type, padding_mode):
    """The functions of one combination, registered with Numba."""
    transform, sampler, padding = TRANSFORMS[transform_type], SAMPLERS[sampler_type], PADDINGS[padding_mode]
    for function in (*transform, *transform.helpers, *sampler, *padding):
        if callable(function):
            inner(function)
    return transform, sampler, padding


@functools.cache
def forward(transform_type, sampler_type, padding_mode):
    """The kernel that samples, compiled on its first call."""
    transform, sampler, padding = rows(transform_type, sampler_type, padding_mode)
    return forward_kernel(transform.plan_size, transform.fold, transform.locate, *padding, *sampler)


@functools.cache
def backward(transform_type, sampler_type, padding_mode):
    """The kernel that pulls gradients back, compiled on its first call."""
    transform, sampler, padding = rows(transform_type, sampler_type, padding_mode)
    return backward_kernel(
        transform.plan_size, transform.fold, transform.locate, transform.pull_back, transform.unfold, *padding, *sampler
    )
