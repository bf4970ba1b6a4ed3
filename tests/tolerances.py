"""How far results may be apart: computed from precision and size, in one place."""

import numpy as np


def tolerance(dtype, shape, scale):
    """Largest difference allowed between two computations with ``dtype`` on images of ``shape`` (N, C, H, W).

    float64: 1e-12 of the largest magnitude, or four units in the last place of the width if that is more. float32: a
    coordinate is off by up to four units in the last place of the width, 4 * 1.2e-7 * W pixels, and a value by that times
    the difference of neighbours, which is up to twice the largest magnitude: 1e-6 * max(H, W) of it. The same holds for
    gradients, in float32 only if the data is smooth: the slope is then as continuous as the value.
    """
    size = max(shape[2:], default=1)
    return scale * (max(1e-12, 4 * np.finfo("float64").eps * size) if np.dtype(dtype) == "float64" else 1e-6 * size)


def assert_close(found, expected, dtype, shape, scale=None):
    """Compare; ``scale`` is the largest expected magnitude unless it is given."""
    assert found.shape == expected.shape
    scale = np.max(np.abs(expected), initial=0, where=np.isfinite(expected)) if scale is None else scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(dtype, shape, scale))
