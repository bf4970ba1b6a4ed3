"""The package against the reference."""

import numpy as np
import pytest
from oracle import (
    SHAPE,
    TARGET_SHAPE,
    draw,
    every_rule,
    every_transform,
)
from tolerances import assert_close

import reference
import spatial_op as so
from reference.kernels import SAMPLERS
from reference.paddings import PADDINGS
from reference.transforms import TRANSFORMS


def test_same_tables():
    from spatial_op.paddings import PADDINGS as paddings
    from spatial_op.samplers import SAMPLERS as samplers
    from spatial_op.transforms import TRANSFORMS as transforms

    assert set(SAMPLERS) == set(samplers)
    assert set(PADDINGS) == set(paddings)
    assert {name: width for name, (width, _, _) in TRANSFORMS.items()} == {
        name: transform.width for name, transform in transforms.items()
    }


def compare(data, loc, out_grad, transform_type, sampler_type, padding_mode, align_corners):
    """The package's result and gradients are the reference's."""
    names = (out_grad.shape[2:], transform_type, sampler_type)
    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    expected = reference.spatial_transformer(data, loc, *names, **rules)
    expected_grads = reference.spatial_transformer_backward(data, loc, out_grad, *names, **rules)

    rules |= {"target_shape": names[0], "transform_type": transform_type, "sampler_type": sampler_type}
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **rules)
    for found, exact in zip((out, *pullback(out_grad)), (expected, *expected_grads)):
        assert_close(found, exact, "float64", data.shape)


@every_transform
@every_rule
def test_package(transform_type, sampler_type, padding_mode, align_corners):
    for shape, target_shape, spread in (
        (SHAPE, TARGET_SHAPE, 0.3),
        ((3, 2, 13, 11), (5, 7), 0.3),
        ((1, 5, 3, 19), (17, 4), 0.1),
        ((2, 1, 1, 7), (3, 5), 0.1),
        ((2, 3, 61, 67), (5, 7), 0.1),  # shrinks so much that the package reads the image in place
        ((1, 1, 29, 23), (131, 137), 0.1),  # more than one of the package's tiles along each axis
    ):
        arrays = draw(transform_type, spread, shape, target_shape)
        compare(*arrays, transform_type, sampler_type, padding_mode, align_corners)


@every_rule
def test_package_on_pixels_that_are_no_numbers(sampler_type, padding_mode, align_corners):
    """They spread as far as the kernel reaches, at whole pixels not at all, and into the gradient of the parameters."""
    for shape, target_shape in (((2, 3, 5, 9), (3, 17)), ((2, 3, 61, 65), (5, 9))):
        data, loc, out_grad = draw("affine", 0.3, shape, target_shape)
        data[:, :, 1::2, 2::3] = np.nan
        loc[1] = (1, 0, 0, 0, 1, 0)
        compare(data, loc, out_grad, "affine", sampler_type, padding_mode, align_corners)


@every_rule
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_package_on_coordinates_that_are_no_numbers(sampler_type, padding_mode, align_corners, value):
    data, loc, out_grad = draw("affine")
    loc[0, 4] = value
    compare(data, loc, out_grad, "affine", sampler_type, padding_mode, align_corners)


@every_rule
def test_package_at_the_horizon(sampler_type, padding_mode, align_corners):
    """Where the denominator of a homography is zero there is no source; elsewhere there is."""
    data, loc, out_grad = draw("projective", target_shape=(3, 5) if align_corners else (3, 4))
    loc[:, 6:] = (2, 0) if align_corners else (4, 0)
    compare(data, loc, out_grad, "projective", sampler_type, padding_mode, align_corners)


@every_rule
@pytest.mark.parametrize("value", [1e18, -1e30, 1e300])
def test_package_far_away(sampler_type, padding_mode, align_corners, value):
    """Reflection is left out: no digit of such a coordinate says which pixel it is."""
    if padding_mode != "reflection":
        data, loc, out_grad = draw("affine")
        loc[0, 2], loc[1, 5] = value, value
        compare(data, loc, out_grad, "affine", sampler_type, padding_mode, align_corners)
