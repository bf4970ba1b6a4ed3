"""Grids of images: what GridGenerator makes of transforms and flow, and what the samplers do along it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import random_loc

import reference
import spatial_op as so
from spatial_op.transforms import TRANSFORMS

SIDES = st.integers(1, 19)
SHAPES = st.tuples(st.integers(1, 2), st.integers(1, 3), SIDES, SIDES)
TARGETS = st.tuples(SIDES, SIDES)
SEEDS = st.integers(0, 2**32 - 1)
DTYPES = st.sampled_from(["float32", "float64"])
STEP = 1e-40


def both_ways(data, grid, out_grad, op=so.GridSampler, **params):
    """Result and gradients."""
    out, pullback = so.vjp(op, data, grid, **params)
    return (out, *pullback(out_grad))


def assert_same_bits(*pairs):
    for a, b in pairs:
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("transform_type", TRANSFORMS)
@given(shape=SHAPES, target_shape=TARGETS, seed=SEEDS, align_corners=st.booleans())
def test_generator_and_sampler_are_the_transformer(transform_type, shape, target_shape, seed, align_corners):
    """Forward, and both gradients by way of the grid's."""
    rng = np.random.default_rng(seed)
    data, loc = rng.standard_normal(shape), random_loc(rng, transform_type, shape[0], "float64")
    out_grad = rng.standard_normal(shape[:2] + target_shape)
    rule = {"align_corners": align_corners}
    params = {"transform_type": transform_type, "target_shape": target_shape, **rule}
    whole, pull_whole = so.vjp(so.SpatialTransformer, data, loc, **params)
    grid, pull_grid = so.vjp(so.GridGenerator, loc, **params)
    out, grad_data, grad_grid = both_ways(data, grid, out_grad, **rule)
    (grad_loc,) = pull_grid(grad_grid)
    # Rounding of the grid moves a sample by some 1e-16 of the width; near a kink, a slope may then be the other one.
    np.testing.assert_allclose(out, whole, rtol=0, atol=1e-12 * 40)
    off_the_kinks = np.abs(pixels(grid, shape, align_corners) % 1 - 0.5).max() < 0.5 - 1e-9
    if off_the_kinks:
        expected_data, expected_loc = pull_whole(out_grad)
        np.testing.assert_allclose(grad_data, expected_data, rtol=0, atol=1e-11)
        np.testing.assert_allclose(grad_loc, expected_loc, rtol=1e-10, atol=1e-10 * max(shape[2:]) * out_grad.size)


def pixels(grid, shape, align_corners):
    """A grid in source pixels."""
    span = np.array([size - 1 + (not align_corners) for size in shape[:1:-1]]).reshape(1, 2, 1, 1)
    return grid * span / 2 + (np.array(shape[:1:-1]).reshape(1, 2, 1, 1) - 1) / 2


@given(height=st.integers(2, 300), width=st.integers(2, 300), seed=SEEDS, dtype=DTYPES, corners=st.booleans())
def test_identity_grid_is_exact(height, width, seed, dtype, corners):
    data = np.random.default_rng(seed).standard_normal((1, 2, height, width)).astype(dtype)
    for made_from, kind in (
        (so.identity_loc("affine", 1, dtype), "affine"),
        (np.zeros((1, 2, height, width), dtype), "warp"),
    ):
        grid = so.GridGenerator(made_from, kind, (height, width), align_corners=corners)
        assert_same_bits((so.GridSampler(data, grid, align_corners=corners), data))


@given(
    dy=st.integers(-9, 9),
    dx=st.integers(-9, 9),
    height=st.integers(2, 99),
    width=st.integers(2, 99),
    dtype=DTYPES,
    corners=st.booleans(),
)
def test_whole_flow_is_a_shift(dy, dx, height, width, dtype, corners):
    data = np.random.default_rng(0).standard_normal((1, 1, height, width)).astype(dtype)
    flow = np.empty((1, 2, height, width), dtype)
    flow[:, 0], flow[:, 1] = dx, dy
    out = so.BilinearSampler(data, so.GridGenerator(flow, "warp", align_corners=corners), align_corners=corners)
    padded = np.pad(data, ((0, 0), (0, 0), (9, 9), (9, 9)))
    assert_same_bits((out, np.ascontiguousarray(padded[:, :, 9 + dy : 9 + dy + height, 9 + dx : 9 + dx + width])))


@given(shape=SHAPES, target_shape=TARGETS, seed=SEEDS, align_corners=st.booleans())
def test_gradients_equal_the_complex_step(shape, target_shape, seed, align_corners):
    rng = np.random.default_rng(seed)
    data, grid = rng.standard_normal(shape), rng.uniform(-1.6, 1.6, (shape[0], 2, *target_shape))
    out_grad = rng.standard_normal(shape[:2] + target_shape)
    rule = {"align_corners": align_corners}
    out, grad_data, grad_grid = both_ways(data, grid, out_grad, **rule)
    np.testing.assert_allclose(out, reference.grid_sampler(data, grid, **rule), rtol=0, atol=1e-12)
    direction = rng.standard_normal(shape)
    moved = reference.grid_sampler(data + 1j * STEP * direction, grid, **rule).imag / STEP
    assert abs((out_grad * moved).sum() - (grad_data * direction).sum()) <= 1e-12 * (1 + np.abs(out_grad).sum() * 5)
    for axis in (0, 1):
        turned = grid.astype(complex)
        turned[:, axis] += 1j * STEP
        expected = (out_grad * reference.grid_sampler(data, turned, **rule).imag / STEP).sum(axis=1)
        np.testing.assert_allclose(grad_grid[:, axis], expected, rtol=0, atol=1e-12 * 20 * max(shape[2:]))


def test_bilinear_sampler_is_grid_sampler():
    rng = np.random.default_rng(1)
    data, grid = rng.standard_normal((2, 3, 5, 7)), rng.uniform(-1.5, 1.5, (2, 2, 4, 6))
    out_grad = rng.standard_normal((2, 3, 4, 6))
    for params in ({}, {"padding_mode": "border", "align_corners": False}):
        mine = both_ways(data, grid, out_grad, so.BilinearSampler, **params)
        assert_same_bits(*zip(mine, both_ways(data, grid, out_grad, **params)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30, 3e38])
@pytest.mark.parametrize("axis", [0, 1])
def test_special_numbers_in_the_grid(value, axis):
    """NaN or infinite: that sample alone is NaN, gives nothing to the data, and its coordinates' gradients are NaN."""
    rng = np.random.default_rng(2)
    data = rng.standard_normal((1, 40, 30, 33)).astype("float32")
    grid = rng.uniform(-1, 1, (1, 2, 20, 25)).astype("float32")
    out_grad = rng.standard_normal((1, 40, 20, 25)).astype("float32")
    plain = both_ways(data, grid, out_grad)
    grid[0, axis, 3, 4] = value
    out_grad[:, :, 3, 4] = 0
    without = both_ways(data, np.where(np.isfinite(grid), grid, 9).astype("float32"), out_grad)
    out_grad[:, :, 3, 4] = 5
    out, grad_data, grad_grid = both_ways(data, grid, out_grad)
    here = np.zeros((20, 25), bool)
    here[3, 4] = True
    np.testing.assert_array_equal(out[:, :, ~here], plain[0][:, :, ~here])
    np.testing.assert_allclose(grad_data, without[1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(grad_grid[:, :, ~here], without[2][:, :, ~here], rtol=0, atol=1e-2)
    if np.isfinite(value):
        assert (out[:, :, here] == 0).all() and (grad_grid[:, :, here] == 0).all()
    else:
        assert np.isnan(out[:, :, here]).all() and np.isnan(grad_grid[:, :, here]).all()


@pytest.mark.parametrize("channels", [1, 5, 33, 70])
def test_gradient_of_the_grid_sums_over_all_channels(channels):
    rng = np.random.default_rng(3)
    data, grid = rng.standard_normal((2, channels, 9, 8)), rng.uniform(-1.2, 1.2, (2, 2, 6, 7))
    out_grad = rng.standard_normal((2, channels, 6, 7))
    expected = sum(both_ways(data[:, [c]], grid, out_grad[:, [c]])[2] for c in range(channels))
    np.testing.assert_allclose(both_ways(data, grid, out_grad)[2], expected, rtol=0, atol=1e-12 * channels)
    into, start = [None, np.ones((2, 2, 7, 6)).swapaxes(2, 3)], np.ones((2, 2, 6, 7))
    _, pullback = so.vjp(so.GridSampler, data, grid, grad_req={"data": "null", "grid": "add"})
    grads = pullback(out_grad, out=into)
    assert grads[0] is None and grads[1] is into[1]
    np.testing.assert_allclose(grads[1], start + expected, rtol=0, atol=1e-12 * channels)


def test_dtypes():
    rng = np.random.default_rng(5)
    data, grid = rng.standard_normal((1, 2, 8, 9)), rng.uniform(-1, 1, (1, 2, 5, 6))
    exact = so.GridSampler(data, grid)
    for kind, grid_kind, bound in (
        ("float32", "float64", 1e-6),
        ("float16", "float16", 2e-2),
        ("float16", "float32", 2e-3),
    ):
        out, grad_data, grad_grid = both_ways(data.astype(kind), grid.astype(grid_kind), exact.astype(kind))
        assert (out.dtype, grad_data.dtype, grad_grid.dtype) == (kind, kind, grid_kind)
        np.testing.assert_allclose(out, exact, rtol=0, atol=bound * 9)
        loc = random_loc(rng, "affine", 1, kind)
        assert so.GridGenerator(loc, "affine", (4, 5)).dtype == kind


def test_a_grid_of_more_points_than_float32_counts():
    """MXNet counts points in float32, and is wrong from 2**24 points on."""
    loc = np.array([[0.9, -0.2, 0.05, 0.3, 1.1, -0.1]], "float32")
    grid = so.GridGenerator(loc, "affine", (4200, 4200))
    x = np.linspace(-1, 1, 4200)
    for axis in (0, 1):
        a, b, c = loc[0, 3 * axis : 3 * axis + 3].astype("float64")
        error = np.abs(grid[0, axis] - (a * x + b * x[:, None] + c))
        assert error.max() < 1e-6


def test_size_one_and_empty_batches():
    centre = so.GridGenerator(so.identity_loc("affine", 2), "affine", (1, 1))
    assert centre.shape == (2, 2, 1, 1) and not centre.any()
    for corners in (True, False):
        line = so.GridGenerator(np.zeros((1, 2, 1, 3)), "warp", align_corners=corners)
        np.testing.assert_allclose(
            line[0], [[[-1, 0, 1]], [[0, 0, 0]]] if corners else [[[-2 / 3, 0, 2 / 3]], [[0, 0, 0]]]
        )
    out, grad_data, grad_grid = both_ways(np.ones((0, 2, 3, 3)), np.ones((0, 2, 4, 4)), np.ones((0, 2, 4, 4)))
    assert (out.shape, grad_data.shape, grad_grid.shape) == ((0, 2, 4, 4), (0, 2, 3, 3), (0, 2, 4, 4))
    out, _, grad_grid = both_ways(np.ones((1, 0, 3, 3)), np.ones((1, 2, 4, 4)), np.ones((1, 0, 4, 4)))
    assert out.shape == (1, 0, 4, 4) and not grad_grid.any()
    (grad_loc,) = so.vjp(so.GridGenerator, np.ones((0, 6)), transform_type="affine", target_shape=(2, 2))[1](
        np.ones((0, 2, 2, 2))
    )
    assert grad_loc.shape == (0, 6)


@given(
    shape=st.tuples(st.integers(1, 2), st.just(2), SIDES, SIDES), seed=SEEDS, corners=st.booleans(), add=st.booleans()
)
def test_flow_gradient(shape, seed, corners, add):
    rng = np.random.default_rng(seed)
    flow, tangent, out_grad = rng.standard_normal((3, *shape))
    grid, pullback = so.vjp(
        so.GridGenerator, flow, transform_type="warp", align_corners=corners, grad_req="add" if add else "write"
    )
    np.testing.assert_allclose(grid, reference.grid_generator(flow, "warp", align_corners=corners), rtol=0, atol=1e-13)
    (grad,) = pullback(out_grad, out=[np.ones(shape)] if add else None)
    moved = so.GridGenerator(flow + tangent, "warp", align_corners=corners) - grid
    assert abs((out_grad * moved).sum() - ((grad - add) * tangent).sum()) < 1e-11 * out_grad.size
