"""Windows of tiles under affine transforms hold all that is read: nothing of what was in memory before comes into results.

Every map is done first on an image without numbers, so that memory that is read without having been written is seen. The same points
are then sampled along a grid, whose windows are whole.
"""

import numpy as np
import pytest

import spatial_op as so
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS

SOURCE, TARGET = (150, 170), (131, 90)


def turn(angle, zoom_x=1.0, zoom_y=1.0, shift=(0.0, 0.0)):
    """A rotation by degrees of what was zoomed, and a shift."""
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return [zoom_x * cos, -zoom_y * sin, shift[0], zoom_x * sin, zoom_y * cos, shift[1]]


MAPS = {
    "identity": turn(0),
    "shift": turn(0, shift=(0.013, 0.38)),
    "level": turn(1e-7),
    "steep": turn(90 - 1e-7),
    "flip": turn(180),
    "quarter": turn(90, 0.9, 1.2),
    "small turn": turn(3, 1.1, 1.1, (0.1, 0)),
    "turn": turn(30, 1.1, 1.1, (0.03, -0.02)),
    "diagonal": turn(45, 0.7, 0.7),
    "backwards": turn(213, 1.3, 0.8, (-0.3, 0.2)),
    "shear": [1.0, 0.8, 0.0, 0.1, 0.9, 0.0],
    "line": [0.8, 0.4, 0.0, 0.4, 0.2, 0.0],
    "level line": [0.8, 0.4, 0.0, 0.0, 0.0, 0.3],
    "point": [0.0, 0.0, 0.3, 0.0, 0.0, -0.7],
    "half outside": turn(20, 0.9, 0.9, (0.9, -0.8)),
    "outside": turn(20, 0.9, 0.9, (2.9, 0.1)),
}


def results(op, data, given, out_grad, **params):
    """The result and the gradient of the images, when the memory has been used for an image of no numbers."""
    so.vjp(op, np.full_like(data, np.nan), given, **params)[1](np.full_like(out_grad, np.nan))
    out, pullback = so.vjp(op, data, given, **params)
    return out, pullback(out_grad)[0]


def compared(map_name, channels, dtype, **rules):
    """Along the transform and along its grid."""
    rng = np.random.default_rng(channels)
    data, out_grad = (rng.standard_normal((1, channels, *size)).astype(dtype) for size in (SOURCE, TARGET))
    loc = np.array([MAPS[map_name]])
    found = results(so.SpatialTransformer, data, loc, out_grad, target_shape=TARGET, **rules)
    grid = so.GridGenerator(loc, "affine", TARGET, align_corners=rules.get("align_corners", True))
    expected = results(so.GridSampler, data.astype("float64"), grid, out_grad.astype("float64"), **rules)
    for one, exact in zip(found, expected):
        np.testing.assert_allclose(one, exact, rtol=0, atol=1e-10 if dtype == "float64" else 1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 7, 33])
@pytest.mark.parametrize("map_name", MAPS)
def test_transforms_are_sampled_as_their_grids(map_name, channels, dtype):
    compared(map_name, channels, dtype)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("map_name", ["turn", "backwards", "half outside", "level line"])
def test_every_padding(map_name, padding):
    compared(map_name, 3, "float64", padding_mode=padding, align_corners=False)


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if not name.startswith("nearest")])
@pytest.mark.parametrize("map_name", ["turn", "backwards", "half outside", "level line"])
def test_every_sampler(map_name, sampler):
    compared(map_name, 3, "float64", sampler_type=sampler)
