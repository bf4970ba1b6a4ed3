"""Volumes: exactness, gradients, threads, and the planes that they are made of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
import spatial_op as so
from spatial_op.paddings import PADDINGS

SIDES = st.integers(1, 7)
SHAPES = st.tuples(st.integers(1, 2), st.integers(1, 3), SIDES, SIDES, SIDES)
TARGETS = st.tuples(SIDES, SIDES, st.integers(1, 20))
SEEDS = st.integers(0, 2**32 - 1)
STEP = 1e-40


def random_loc(rng, batch, dtype="float64", spread=0.3):
    return so.identity_loc("affine", batch, dtype, axes=3) + (spread * rng.standard_normal((batch, 12))).astype(dtype)


def both_ways(op, data, given_values, out_grad, **params):
    """Result and gradients."""
    out, pullback = so.vjp(op, data, given_values, **params)
    return (out, *pullback(out_grad))


@given(shape=SHAPES, target_shape=TARGETS, seed=SEEDS, align_corners=st.booleans())
@settings(max_examples=40)
def test_gradients_equal_the_complex_step(shape, target_shape, seed, align_corners):
    rng = np.random.default_rng(seed)
    data, loc, out_grad = (
        rng.standard_normal(shape),
        random_loc(rng, shape[0]),
        rng.standard_normal(shape[:2] + target_shape),
    )
    params = {"target_shape": target_shape, "align_corners": align_corners}
    out, grad_data, grad_loc = both_ways(so.SpatialTransformer, data, loc, out_grad, **params)
    np.testing.assert_allclose(out, reference.spatial_transformer(data, loc, **params), rtol=0, atol=1e-12)
    direction = rng.standard_normal(shape)
    moved = reference.spatial_transformer(data + 1j * STEP * direction, loc, **params).imag / STEP
    bound = 1e-12 * (1 + np.abs(out_grad).sum() * 5)
    assert abs((out_grad * moved).sum() - (grad_data * direction).sum()) <= bound
    direction = rng.standard_normal(loc.shape)
    moved = reference.spatial_transformer(data, loc + 1j * STEP * direction, **params).imag / STEP
    assert abs((out_grad * moved).sum() - (grad_loc * direction).sum()) <= bound * 10 * max(shape[2:])


@given(
    sides=st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 40)),
    dtype=st.sampled_from(["float32", "float64"]),
    corners=st.booleans(),
)
@settings(max_examples=30)
def test_identity_and_flips_are_exact(sides, dtype, corners):
    data = np.random.default_rng(0).standard_normal((1, 2, *sides)).astype(dtype)
    for signs in np.ndindex(2, 2, 2):
        x, y, z = (1 - 2 * np.array(signs)).tolist()
        loc = np.array([[x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0]], dtype)
        expected = np.ascontiguousarray(data[:, :, ::z, ::y, ::x])
        assert so.SpatialTransformer(data, loc, sides, align_corners=corners).tobytes() == expected.tobytes()
        grid = so.GridGenerator(loc, "affine", sides, align_corners=corners)
        if min(sides) > 1:
            assert so.GridSampler(data, grid, align_corners=corners).tobytes() == expected.tobytes()


def test_whole_shifts_are_exact():
    data = np.random.default_rng(1).standard_normal((1, 1, 9, 8, 11)).astype("float32")
    loc = so.identity_loc("affine", axes=3)
    loc[0, 3], loc[0, 7], loc[0, 11] = 2 * 3 / 10, 2 * -2 / 7, 2 * 1 / 8
    expected = np.pad(data, ((0, 0), (0, 0), (0, 1), (2, 0), (0, 3)))[:, :, 1:, :8, 3:]
    np.testing.assert_array_equal(so.SpatialTransformer(data, loc, (9, 8, 11)), expected)


@pytest.mark.parametrize("padding_mode", PADDINGS)
def test_slices_that_stay_where_they_are_are_planes(padding_mode):
    rng = np.random.default_rng(2)
    data, out_grad = rng.standard_normal((2, 3, 5, 9, 8)), rng.standard_normal((2, 3, 5, 7, 6))
    plane = so.identity_loc("affine", 2, "float64") + 0.3 * rng.standard_normal((2, 6))
    loc = so.identity_loc("affine", 2, "float64", axes=3)
    loc[:, [0, 1, 3, 4, 5, 7]] = plane
    out, grad_data, grad_loc = both_ways(
        so.SpatialTransformer, data, loc, out_grad, target_shape=(5, 7, 6), padding_mode=padding_mode
    )
    total = 0
    for z in range(5):
        flat = both_ways(
            so.SpatialTransformer,
            data[:, :, z],
            plane,
            out_grad[:, :, z],
            target_shape=(7, 6),
            padding_mode=padding_mode,
        )
        np.testing.assert_allclose(out[:, :, z], flat[0], rtol=0, atol=1e-13)
        np.testing.assert_allclose(grad_data[:, :, z], flat[1], rtol=0, atol=1e-13)
        total = total + flat[2]
    np.testing.assert_allclose(grad_loc[:, [0, 1, 3, 4, 5, 7]], total, rtol=0, atol=1e-11)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, -1e30])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_special_numbers_in_the_grid(value, axis):
    rng = np.random.default_rng(4)
    data, grid = rng.standard_normal((1, 2, 6, 7, 8)), rng.uniform(-1, 1, (1, 3, 4, 5, 20))
    grid[0, axis, 1, 2, 3] = value
    out, grad_data, grad_grid = both_ways(so.GridSampler, data, grid, np.ones((1, 2, 4, 5, 20)))
    here = np.zeros((4, 5, 20), bool)
    here[1, 2, 3] = True
    assert (
        np.isfinite(grad_data).all()
        and np.isfinite(out[:, :, ~here]).all()
        and np.isfinite(grad_grid[:, :, ~here]).all()
    )
    if np.isfinite(value):
        assert (out[:, :, here] == 0).all() and (grad_grid[:, :, here] == 0).all()
    else:
        assert np.isnan(out[:, :, here]).all() and np.isnan(grad_grid[:, :, here]).all()
        whole = both_ways(so.GridSampler, data, np.where(np.isfinite(grid), grid, 9), np.ones((1, 2, 4, 5, 20)))
        np.testing.assert_allclose(grad_data, whole[1], rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [(0, 2, 3, 3, 3), (2, 0, 3, 3, 3)])
def test_zero_sized_inputs(shape):
    loc, out_grad = so.identity_loc("affine", shape[0], "float64", axes=3), np.ones((*shape[:2], 2, 4, 5))
    out, grad_data, grad_loc = both_ways(so.SpatialTransformer, np.ones(shape), loc, out_grad, target_shape=(2, 4, 5))
    assert out.shape == out_grad.shape and not out.any()
    assert grad_data.shape == shape and grad_loc.shape == loc.shape and not grad_loc.any()


def test_layouts_and_half_precision():
    rng = np.random.default_rng(5)
    data, loc = rng.standard_normal((2, 3, 5, 6, 7)), random_loc(rng, 2)
    expected = so.SpatialTransformer(data, loc, (4, 5, 6))
    assert (
        so.SpatialTransformer(np.asfortranarray(data), loc[::-1].copy()[::-1], (4, 5, 6)).tobytes()
        == expected.tobytes()
    )
    half = so.SpatialTransformer(data.astype("float16"), loc, (4, 5, 6))
    assert half.dtype == "float16"
    np.testing.assert_allclose(half, expected, rtol=0, atol=5e-3)
