"""The package's spatial transformer and its tables against the reference."""

import numpy as np
import pytest
from beside_reference import compare
from oracle import (
    IDENTITY,
    IDENTITY_3D,
    SHAPE,
    SIGNAL,
    TARGET_SHAPE,
    TARGET_SIGNAL,
    TARGET_VOLUME,
    VOLUME,
    beyond,
    draw,
    either_corner_rule,
    every_rule,
    every_transform,
    every_transform_of_others,
)
from tables import COMBINATIONS

import spatial_op as so
from reference.kernels import SAMPLERS
from reference.paddings import PADDINGS
from reference.transforms import OF_IMAGES, TRANSFORMS


def test_same_tables():
    from spatial_op import paddings, samplers, transforms

    assert set(SAMPLERS) == set(samplers.SAMPLERS)
    assert set(PADDINGS) == set(paddings.PADDINGS)
    assert set(TRANSFORMS) == set(transforms.TRANSFORMS)
    for table in (transforms.SIGNAL_TRANSFORMS, transforms.VOLUME_TRANSFORMS):
        assert set(table) == set(TRANSFORMS) - set(OF_IMAGES)


@every_transform
def test_same_identity(transform_type):
    np.testing.assert_allclose(so.identity_loc(transform_type, 2, "float64"), [IDENTITY[transform_type]] * 2)


@every_transform_of_others
@pytest.mark.parametrize("axes", [1, 3])
def test_same_identity_of_volumes_and_signals(transform_type, axes):
    _, _, identity = TRANSFORMS[transform_type]
    np.testing.assert_array_equal(so.identity_loc(transform_type, 2, "float64", axes=axes), [identity(axes)] * 2)


def warp(data, loc, out_grad, transform_type, sampler_type, padding_mode, align_corners):
    compare(
        so.SpatialTransformer, (data, loc), out_grad, target_shape=out_grad.shape[2:], transform_type=transform_type,
        sampler_type=sampler_type, padding_mode=padding_mode, align_corners=align_corners,
    )  # fmt: skip


@pytest.mark.parametrize(("transform_type", "sampler_type", "padding_mode"), COMBINATIONS)
@either_corner_rule
def test_images(transform_type, sampler_type, padding_mode, align_corners):
    for shape, target_shape, spread in (
        (SHAPE, TARGET_SHAPE, 0.3),
        ((3, 2, 13, 11), (5, 7), 0.3),
        ((1, 5, 3, 19), (17, 4), 0.1),
        ((2, 1, 1, 7), (3, 5), 0.1),
        ((2, 3, 61, 67), (5, 7), 0.1),  # shrinks so much that the package reads the image in place
        ((1, 1, 29, 23), (131, 137), 0.1),  # more than one of the package's tiles along each axis
    ):
        arrays = draw(transform_type, spread, shape, target_shape)
        warp(*arrays, transform_type, sampler_type, padding_mode, align_corners)


@every_rule
def test_pixels_that_are_no_numbers(sampler_type, padding_mode, align_corners):
    """They spread as far as the kernel reaches, at whole pixels not at all, and into the gradient of the parameters."""
    for shape, target_shape in (((2, 3, 5, 9), (3, 17)), ((2, 3, 61, 65), (5, 9))):
        data, loc, out_grad = draw("affine", 0.3, shape, target_shape)
        data[:, :, 1::2, 2::3] = np.nan
        loc[1] = (1, 0, 0, 0, 1, 0)
        warp(data, loc, out_grad, "affine", sampler_type, padding_mode, align_corners)


@every_rule
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_no_numbers(sampler_type, padding_mode, align_corners, value):
    data, loc, out_grad = draw("affine")
    loc[0, 4] = value
    warp(data, loc, out_grad, "affine", sampler_type, padding_mode, align_corners)


@either_corner_rule
def test_at_the_horizon(align_corners):
    """Where the denominator of a homography is zero there is no source; elsewhere there is."""
    data, loc, out_grad = draw("projective", target_shape=(3, 5) if align_corners else (3, 4))
    loc[:, 6:] = (2, 0) if align_corners else (4, 0)
    warp(data, loc, out_grad, "projective", "bilinear", "zeros", align_corners)


@every_rule
@pytest.mark.parametrize("value", [1e18, -1e30, 1e300])
def test_far_away(sampler_type, padding_mode, align_corners, value):
    """Of what repeats itself no digit of such a coordinate says which pixel it is, and nothing is compared."""
    if None not in beyond(padding_mode, 5, align_corners):
        data, loc, out_grad = draw("affine")
        loc[0, 2], loc[1, 5] = value, value
        warp(data, loc, out_grad, "affine", sampler_type, padding_mode, align_corners)


@either_corner_rule
@pytest.mark.parametrize("count", [4, 9, 25])
def test_splines(count, align_corners):
    """Of other numbers of control points; the gradient's rounding grows with the number."""
    rng = np.random.default_rng(11)
    data, out_grad = rng.normal(size=SHAPE), rng.normal(size=SHAPE[:2] + TARGET_SHAPE)
    loc = so.identity_loc("tps", SHAPE[0], "float64", count) + 0.2 * rng.normal(size=(SHAPE[0], 2 * count))
    warp(data, loc, out_grad, "tps", "bilinear", "zeros", align_corners)


@every_rule
def test_volumes(sampler_type, padding_mode, align_corners):
    for shape, target_shape, spread in (
        (VOLUME, TARGET_VOLUME, 0.3),
        ((1, 5, 9, 3, 2), (4, 5, 17), 0.2),
        ((2, 1, 1, 6, 1), (3, 2, 5), 0.1),
        ((2, 3, 5, 1, 7), (1, 3, 1), 0.1),
        ((1, 2, 23, 29, 31), (3, 5, 7), 0.1),
        ((1, 1, 7, 9, 11), (2, 67, 71), 0.1),
    ):
        warp(*draw("affine", spread, shape, target_shape), "affine", sampler_type, padding_mode, align_corners)


@every_transform_of_others
@either_corner_rule
def test_transforms_of_volumes_and_signals(transform_type, align_corners):
    for shape, target_shape, spread in (
        (VOLUME, TARGET_VOLUME, 0.1),
        ((1, 2, 5, 9, 11), (3, 66, 5), 0.1),
        (SIGNAL, TARGET_SIGNAL, 0.3),
        ((1, 5, 1), (4,), 0.1),
        ((2, 35, 300), (2100,), 0.1),
    ):
        for sampler_type in ("bilinear", "nearest", "catmull_rom"):
            arrays = draw(transform_type, spread, shape, target_shape)
            warp(*arrays, transform_type, sampler_type, "zeros", align_corners)


@every_rule
def test_signals(sampler_type, padding_mode, align_corners):
    for shape, target_shape, spread in (
        (SIGNAL, TARGET_SIGNAL, 0.3),
        ((1, 5, 2), (4,), 0.1),
        ((2, 1, 7), (1,), 0.1),
        ((2, 35, 300), (2100,), 0.1),
        ((1, 2, 3000), (65,), 0.1),
    ):
        warp(*draw("affine", spread, shape, target_shape), "affine", sampler_type, padding_mode, align_corners)


@every_rule
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_signals_with_what_is_no_number(sampler_type, padding_mode, align_corners, value):
    """Among the pixels, and among the parameters."""
    data, loc, out_grad = draw("affine", 0.3, SIGNAL, TARGET_SIGNAL)
    data[:, :, 1::3] = np.nan
    loc[0, 1] = value
    warp(data, loc, out_grad, "affine", sampler_type, padding_mode, align_corners)


@either_corner_rule
@pytest.mark.parametrize("axes", [1, 3])
def test_at_the_horizon_of_volumes_and_signals(axes, align_corners):
    """As of images."""
    data, loc, out_grad = draw(
        "projective", 0.1, VOLUME[: axes + 2], (3, 2, 5)[-axes:] if align_corners else (3, 2, 4)[-axes:]
    )
    loc[:, axes * (axes + 1) :] = [2 if align_corners else 4, 0, 0][:axes]
    warp(data, loc, out_grad, "projective", "bilinear", "zeros", align_corners)


@every_rule
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_volume_coordinates_that_are_no_numbers(sampler_type, padding_mode, align_corners, value):
    data, loc, out_grad = draw("affine", 0.3, VOLUME, TARGET_VOLUME)
    loc[0, 10] = value
    warp(data, loc, out_grad, "affine", sampler_type, padding_mode, align_corners)


@every_rule
def test_volumes_with_pixels_that_are_no_numbers(sampler_type, padding_mode, align_corners):
    data, loc, out_grad = draw("affine", 0.3, (2, 3, 5, 9, 3), (3, 17, 4))
    data[:, :, 1::2, 2::3, ::2] = np.nan
    loc[1] = IDENTITY_3D
    warp(data, loc, out_grad, "affine", sampler_type, padding_mode, align_corners)
