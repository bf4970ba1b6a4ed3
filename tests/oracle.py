"""What the tests beside oracles share: the reference's rules, inputs for them, the complex step, and a comparison."""

from itertools import product

import numpy as np
import pytest
from tolerances import assert_close

from reference.kernels import SAMPLERS
from reference.paddings import PADDINGS
from reference.tps import lattice
from reference.transforms import TRANSFORMS

SAMPLERS_3D = ("bilinear", "nearest", "nearest_even")
# PyTorch's names of samplers.
TORCH_MODES = {"bilinear": "bilinear", "nearest": "nearest", "nearest_even": "nearest", "bicubic": "bicubic"}
RULES, RULES_3D = (
    [
        pytest.param(sampler_type, padding_mode, align_corners, id=f"{sampler_type}-{padding_mode}-{align_corners}")
        for sampler_type, padding_mode, align_corners in product(samplers, PADDINGS, (True, False))
    ]
    for samplers in (SAMPLERS, SAMPLERS_3D)
)
every_rule = pytest.mark.parametrize("sampler_type, padding_mode, align_corners", RULES)
every_rule_3d = pytest.mark.parametrize("sampler_type, padding_mode, align_corners", RULES_3D)
every_transform = pytest.mark.parametrize("transform_type", TRANSFORMS)
either_corner_rule = pytest.mark.parametrize("align_corners", [True, False])

# Prime-ish sizes, no two equal, whose pixels never meet by chance.
SHAPE, TARGET_SHAPE = (2, 3, 5, 7), (11, 13)
VOLUME, TARGET_VOLUME = (2, 3, 4, 5, 7), (6, 3, 8)

IDENTITY = {
    "affine": (1, 0, 0, 0, 1, 0),
    "translation": (0, 0),
    "attention": (1, 0, 0),
    "projective": (1, 0, 0, 0, 1, 0, 0, 0),
    "tps": lattice(16).T.ravel(),
}
IDENTITY_3D = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)


def draw(transform_type, spread=0.3, shape=SHAPE, target_shape=TARGET_SHAPE, seed=0):
    """Arrays data, loc and out_grad; loc is near the identity, so that a part of the samples lies outside."""
    rng = np.random.default_rng(seed)
    row = np.array(IDENTITY[transform_type] if len(target_shape) == 2 else IDENTITY_3D, np.float64)
    loc = np.tile(row, (shape[0], 1))
    return rng.normal(size=shape), loc + spread * rng.normal(size=loc.shape), rng.normal(size=shape[:2] + target_shape)


def draw_grid(shape=SHAPE, target_shape=TARGET_SHAPE, seed=1):
    """Arrays data, grid and out_grad; a third of the coordinates lie outside the image."""
    rng = np.random.default_rng(seed)
    grid = rng.normal(size=(shape[0], len(target_shape), *target_shape))
    return rng.normal(size=shape), grid, rng.normal(size=shape[:2] + target_shape)


def complex_step(function, array):
    """Derivative of the sum of ``function(array)`` by each element: no subtraction, so no loss of digits."""
    step = 1e-30
    derivative = np.empty(array.shape)
    for at in np.ndindex(array.shape):
        moved = array.astype(complex)
        moved[at] += 1j * step
        derivative[at] = function(moved).imag.sum() / step
    return derivative


def assert_same_answers(results, expected, call):
    """Compare result and gradients of an operator's call; coordinates are as precise as the images are small.

    A sum of terms that cancel is as precise as the terms, hence the data in the scale.
    """
    data, *_ = call.inputs.values()
    shape = data.shape if data.ndim == call.out_grad.ndim else call.out_grad.shape
    scale = max(np.abs(data).max(), np.abs(expected[0]).max())
    assert_close(results[0], expected[0], data.dtype, shape, scale)
    for grad, exact in zip(results[1:], expected[1:]):
        assert_close(grad, exact, data.dtype, shape)
