"""What the tests beside oracles share: what each oracle knows, inputs for them, the complex step, and a comparison.

The reference knows every row. The others know some: tests beside them run over ``rules_of(ORACLE)``, so that a row that none of
them knows is judged by the reference alone.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from tables import PAIRS
from tolerances import assert_close

from reference.kernels import SAMPLERS
from reference.paddings import PADDINGS
from reference.transforms import OF_IMAGES, TRANSFORMS


class Oracle(NamedTuple):
    """The oracle's words for the samplers and for the paddings that it knows; for volumes it lacks some samplers."""

    samplers: dict
    paddings: dict
    not_of_volumes: tuple


SAME = {name: name for name in ("zeros", "border", "reflection")}
NEAREST = {"nearest": "nearest", "nearest_even": "nearest"}
TORCH = Oracle({"bilinear": "bilinear", **NEAREST, "bicubic": "bicubic"}, SAME, ("bicubic",))
ONNX = Oracle({"bilinear": "linear", **NEAREST, "bicubic": "cubic"}, SAME, ())


def every(pairs):
    """Test parameters: pairs of sampler and padding, with either corner rule."""
    return [
        pytest.param(*pair, align_corners, id=f"{'-'.join(pair)}-{align_corners}")
        for pair, align_corners in product(pairs, (True, False))
    ]


def rules_of(oracle, axes):
    """All combinations that an oracle knows, of images or of volumes."""
    samplers = [name for name in oracle.samplers if axes == 2 or name not in oracle.not_of_volumes]
    return every(product(samplers, oracle.paddings))


def of_each(rules):
    """Test parameters with the dimension in front, for signals, images and volumes."""
    return [
        pytest.param(dimension, *rule.values, id=f"{dimension}-{rule.id}")
        for dimension in ("1-D", "2-D", "3-D")
        for rule in rules
    ]


def of_both(planes, volumes):
    """Test parameters with the dimension in front."""
    return [
        pytest.param(dimension, *rule.values, id=f"{dimension}-{rule.id}")
        for dimension, rules in (("2-D", planes), ("3-D", volumes))
        for rule in rules
    ]


NAMES = "sampler_type, padding_mode, align_corners"
RULES = every(PAIRS[2])
every_rule = pytest.mark.parametrize(NAMES, RULES)
every_transform = pytest.mark.parametrize("transform_type", TRANSFORMS)
every_transform_of_others = pytest.mark.parametrize(
    "transform_type", [name for name in TRANSFORMS if name not in OF_IMAGES]
)
either_corner_rule = pytest.mark.parametrize("align_corners", [True, False])

# Prime-ish sizes, no two equal, whose pixels never meet by chance.
SHAPE, TARGET_SHAPE = (2, 3, 5, 7), (11, 13)
VOLUME, TARGET_VOLUME = (2, 3, 4, 5, 7), (6, 3, 8)
SIGNAL, TARGET_SIGNAL = (2, 3, 11), (19,)

IDENTITY_3D = TRANSFORMS["affine"][2](3)
IDENTITY = {name: identity(2) for name, (_, _, identity) in TRANSFORMS.items()}

# Samplers of which a whole pixel is that pixel alone; the others blur.
EXACT = [
    name for name, (kernel, *_) in SAMPLERS.items() if kernel(np.arange(-3.0, 4)).tolist() == [0, 0, 0, 1, 0, 0, 0]
]


def beyond(padding_mode, size, align_corners):
    """The pixels far in front of an axis and far behind it: -1 for none, and None where that depends on how far."""
    ends, far = [], np.arange(size) + 99.0 * size
    for places in (-1 - far, far):
        index, inside = PADDINGS[padding_mode](places, size, align_corners)
        found = set(np.where(inside, index, -1).astype(int).tolist())
        ends.append(found.pop() if len(found) == 1 else None)
    return ends


def draw(transform_type, spread=0.3, shape=SHAPE, target_shape=TARGET_SHAPE, seed=0):
    """Arrays data, loc and out_grad; loc is near the identity, so that a part of the samples lies outside."""
    rng = np.random.default_rng(seed)
    _, _, identity = TRANSFORMS[transform_type]
    row = np.array(identity(len(target_shape)), np.float64)
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
