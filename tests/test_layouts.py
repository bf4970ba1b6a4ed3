"""Images whose channels lie side by side, as OpenCV and PyTorch's channels_last have them, give the same bits and come out so."""

import numpy as np
import pytest
from tables import COMBINATIONS, compiled, in_turn, options, random_loc

import spatial_op as so

CHANNELS = [2, 3, 4, 7, 16, 37]
SIZES = [(70, 81), (5, 7), (1, 6)]
ROWS = [(rows, dtype) for rows, dtypes in in_turn(COMBINATIONS, ["float32", "float64"], compiled) for dtype in dtypes]


def beside(value):
    """The same numbers, channels side by side."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(value, 1, -1)), -1, 1)


def problem(combination, channels, size, dtype, target):
    """Images, parameters, keywords and the gradient of the result; the transform turns, and reaches outside."""
    rng = np.random.default_rng(channels)
    data = rng.standard_normal((2, channels, *size)).astype(dtype)
    loc = random_loc(rng, combination[0], 2, dtype)
    upper = rng.standard_normal((2, channels, *target)).astype(dtype)
    return data, loc, options(combination, target_shape=target), upper


def same(op, data, given, params, upper):
    """Results and gradients of both layouts must agree in bits, and have the layout of the images."""
    out, pullback = so.vjp(op, data, given, **params)
    lying, pull_lying = so.vjp(op, beside(data), given, **params)
    assert lying.tobytes() == out.tobytes()
    assert lying.strides == beside(out).strides
    grads = pull_lying(beside(upper))
    for one, other in zip(pullback(upper), grads):
        assert one.tobytes() == other.tobytes()
    assert grads[0].strides == beside(data).strides
    for one, other in zip(grads, pull_lying(upper)):  # whatever the gradient's own layout is
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(("combination", "dtype"), ROWS, ids=str)
def test_every_row(combination, dtype):
    data, loc, params, upper = problem(combination, 3, (70, 81), dtype, (67, 75))
    same(so.SpatialTransformer, data, loc, params, upper)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_number_of_channels(channels, size):
    data, loc, params, upper = problem(("affine", "bilinear", "border"), channels, size, "float32", (67, 75))
    same(so.SpatialTransformer, data, loc, params, upper)


@pytest.mark.parametrize("channels", [3, 20])
def test_points_that_no_window_holds(channels):
    rng = np.random.default_rng(0)
    data, upper = (rng.standard_normal((2, channels, 90, 95)).astype("float32") for _ in range(2))
    grid = rng.uniform(-1.3, 1.3, (2, 2, 90, 95)).astype("float32")
    grid[0, :, :40] *= 0.1  # some tiles have windows, others have none
    same(so.GridSampler, data, grid, {}, upper)
    few = np.ascontiguousarray(grid[..., 40:49, :9]), np.ascontiguousarray(upper[..., 40:49, :9])
    same(so.GridSampler, np.tile(data, (1, 1, 4, 4)), few[0], {}, few[1])


def test_float16_and_volumes():
    data, loc, params, upper = problem(("affine", "bilinear", "zeros"), 3, (9, 8), "float16", (6, 7))
    same(so.SpatialTransformer, data, loc, params, upper)
    rng = np.random.default_rng(0)
    data, loc = rng.standard_normal((1, 2, 4, 5, 6)), np.eye(3, 4).reshape(1, 12) + 0.1
    params = {"target_shape": (3, 4, 5)}
    expected = so.SpatialTransformer(data, loc, **params)
    assert so.SpatialTransformer(beside(data), loc, **params).tobytes() == expected.tobytes()


@pytest.mark.parametrize("given", [beside, np.ascontiguousarray])
def test_an_array_for_the_result_may_have_either_layout(given):
    data, loc, params, upper = problem(("affine", "bilinear", "zeros"), 3, (20, 21), "float32", (18, 19))
    expected, pullback = so.vjp(so.SpatialTransformer, data, loc, **params)
    out = given(np.empty_like(expected))
    assert so.SpatialTransformer(beside(data), loc, **params, out=out) is out
    assert out.tobytes() == expected.tobytes()
    start = np.random.default_rng(1).standard_normal(data.shape).astype("float32")
    sums = [given(start.copy()), None]
    so.vjp(so.SpatialTransformer, beside(data), loc, grad_req=("add", "null"), **params)[1](upper, out=sums)
    alone = start.copy()
    so.vjp(so.SpatialTransformer, data, loc, grad_req=("add", "null"), **params)[1](upper, out=[alone, None])
    assert sums[0].tobytes() == alone.tobytes()


def test_tensors_keep_their_memory_format():
    torch = pytest.importorskip("torch")
    data = torch.rand(2, 3, 30, 31).to(memory_format=torch.channels_last).requires_grad_()
    loc = torch.tensor(so.identity_loc("affine", 2, "float32") * np.float32(0.9))
    out = so.SpatialTransformer(data, loc, (30, 31))
    out.backward(torch.ones_like(out))
    for tensor in (out, data.grad):
        assert tensor.is_contiguous(memory_format=torch.channels_last)
    plain = data.detach().contiguous().requires_grad_()
    so.SpatialTransformer(plain, loc, (30, 31)).sum().backward()
    assert torch.equal(out, so.SpatialTransformer(plain, loc, (30, 31)))
    assert torch.equal(data.grad, plain.grad)
