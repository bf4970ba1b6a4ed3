"""Splines with many control points: as far as they go, in bounded time and memory, and a sentence beyond."""

import time
import tracemalloc

import numpy as np
import pytest

import reference
import spatial_op as so

MOST = 4096


@pytest.fixture
def traced():
    """The trace of what NumPy and Python allocate."""
    tracemalloc.start()
    yield tracemalloc.get_traced_memory
    tracemalloc.stop()


def bent(points, batch=1, seed=0):
    """Control points near their places."""
    rest = so.identity_loc("tps", batch, "float64", points)
    return rest + 0.02 * np.random.default_rng(seed).standard_normal(rest.shape)


@pytest.mark.parametrize("width", [2 * MOST + 2, 2 * 65**2, 2 * 110**2, 10**9, 2**40])
def test_too_many_are_refused_before_anything_is_allocated(width, traced):
    loc, data = np.broadcast_to(np.float32(0), (1, width)), np.zeros((1, 1, 4, 4), "float32")
    start = time.perf_counter()
    for argument, call in (
        ("SpatialTransformer: loc", lambda: so.SpatialTransformer(data, loc, (4, 4), "tps")),
        ("GridGenerator: data", lambda: so.GridGenerator(loc, "tps", (4, 4))),
    ):
        with pytest.raises(
            ValueError, match=rf"^{argument} has shape \(1, {width}\), expected at most 8192 .* 4096 .*; pass .*\.$"
        ):
            call()
    assert time.perf_counter() - start < 1 and traced()[1] < 2**21


@pytest.mark.parametrize("points", [65**2, 2**30])
def test_identity_loc_has_the_same_bound(points, traced):
    with pytest.raises(
        ValueError, match=rf"^identity_loc: control_points is {points}, expected at most 4096; pass .*\.$"
    ):
        so.identity_loc("tps", control_points=points)
    assert traced()[1] < 2**21
    assert so.identity_loc("affine", control_points=65**2).shape == (1, 6)  # which has none


def test_a_wide_loc_of_other_transforms_is_refused_as_quickly(traced):
    loc, data = np.broadcast_to(np.float32(0), (1, 10**9)), np.zeros((1, 1, 4, 4), "float32")
    with pytest.raises(ValueError, match=r"loc has shape \(1, 1000000000\), expected \(1, 6\)"):
        so.SpatialTransformer(data, loc, (4, 4))
    assert traced()[1] < 2**21


def test_the_largest_spline(traced):
    """Where each pixel is a control point the grid is ``loc``, and the derivative the identity; memory stays bounded."""
    loc = bent(MOST)
    spline = {"transform_type": "tps", "target_shape": (64, 64)}
    out, pullback = so.vjp(so.GridGenerator, loc, **spline)
    np.testing.assert_allclose(out.reshape(loc.shape), loc, rtol=0, atol=1e-8)
    direction = np.random.default_rng(1).standard_normal(loc.shape)
    (grad,) = pullback(direction.reshape(out.shape))
    np.testing.assert_allclose(grad, direction, rtol=0, atol=1e-6)
    _, change = so.jvp(so.GridGenerator, (loc,), (direction,), **spline)
    np.testing.assert_allclose(change.reshape(loc.shape), direction, rtol=0, atol=1e-6)
    matrix = 8 * (MOST + 3) ** 2
    assert traced()[1] < 4 * matrix


def test_few_large_systems_are_kept(traced):
    """Of sizes that come and go, that is: memory does not grow with their number."""
    sides = range(34, 39)
    for side in sides:
        so.GridGenerator(bent(side**2), "tps", (2, 2))
    assert traced()[0] < 2 * 8 * (sides[-1] ** 2 + 3) ** 2


@pytest.mark.parametrize("points", [900, 1600])
def test_many_points_beside_the_reference(points):
    """Result and gradient, on both sides of what is kept."""
    loc, target = bent(points, 2), (5, 7)
    out, pullback = so.vjp(so.GridGenerator, loc, transform_type="tps", target_shape=target)
    np.testing.assert_allclose(out, reference.grid_generator(loc, "tps", target), rtol=0, atol=1e-9)
    out_grad = np.random.default_rng(2).standard_normal(out.shape)
    expected = reference.grid_generator_backward(loc, out_grad, "tps", target)
    np.testing.assert_allclose(pullback(out_grad)[0], expected, rtol=0, atol=1e-8 * abs(expected).max())
