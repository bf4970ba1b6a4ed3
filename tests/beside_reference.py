"""What the tests of the package beside the reference share: the same call of both."""

import numpy as np
from tolerances import assert_close

import reference
import spatial_op as so

REFERENCE = {
    so.SpatialTransformer: (reference.spatial_transformer, reference.spatial_transformer_backward),
    so.GridGenerator: (reference.grid_generator, reference.grid_generator_backward),
    so.GridSampler: (reference.grid_sampler, reference.grid_sampler_backward),
    so.BilinearSampler: (reference.bilinear_sampler, reference.bilinear_sampler_backward),
}


def compare(operator, inputs, out_grad, **params):
    """The package's result and gradients are the reference's."""
    forward, backward = REFERENCE[operator]
    grads = backward(*inputs, out_grad, **params)
    expected = forward(*inputs, **params), *(grads if isinstance(grads, tuple) else (grads,))
    out, pullback = so.vjp(operator, *inputs, **params)
    for found, exact in zip((out, *pullback(out_grad)), expected, strict=True):
        # Slopes of a constant image add up to 0, but for the rounding of its pixels' sum.
        scale = max(np.max(np.abs(exact), initial=0, where=np.isfinite(exact)), 0.1)
        assert_close(found, exact, "float64", out.shape, scale)
