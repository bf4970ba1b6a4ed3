"""Halfway between two pixels: "nearest" takes the upper one, as the paper, "nearest_even" the even one, as PyTorch and ONNX."""

import numpy as np
import pytest
from oracle import TORCH

import spatial_op as so

# Sizes whose spans are powers of two: there halves of a pixel have exact coordinates.
SIZES = {(2, True): (5, 9), (2, False): (4, 8), (3, True): (3, 5, 9), (3, False): (2, 4, 8)}
TARGETS = {2: (5, 37), 3: (2, 3, 37)}
either_dimension = pytest.mark.parametrize("axes", [2, 3])
either_corner_rule = pytest.mark.parametrize("align_corners", [True, False])
DTYPES = ("float16", "float32", "float64")


def halves(axes, align_corners, dtype="float64", seed=0):
    """Images, a grid of whole and half pixels inside and outside, and these pixels, x first."""
    rng, sizes = np.random.default_rng(seed), SIZES[axes, align_corners]
    shape = (-1, *(1,) * axes)
    span, middle = np.reshape(sizes[::-1], shape) - align_corners, (np.reshape(sizes[::-1], shape) - 1) / 2
    pixels = rng.integers(-20, 40, (2, axes, *TARGETS[axes])) / 2
    grid = (2 * (pixels - middle) / span).astype(dtype)
    return rng.normal(size=(2, 3, *sizes)).astype(dtype), grid, pixels


def picked(data, cells):
    """The pixels at whole positions, x first, of images with zeros around."""
    sizes = data.shape[2:]
    cells = cells.astype(int)[:, ::-1]
    inside = np.all([(0 <= cells[:, axis]) & (cells[:, axis] < size) for axis, size in enumerate(sizes)], axis=0)
    places = [np.clip(cells[:, axis], 0, size - 1) for axis, size in enumerate(sizes)]
    found = np.stack([data[n][(slice(None), *(place[n] for place in places))] for n in range(len(data))])
    return np.where(inside[:, None], found, 0)


@either_dimension
@either_corner_rule
@pytest.mark.parametrize("dtype", DTYPES)
def test_each_rule_halfway_between_pixels(axes, align_corners, dtype):
    data, grid, pixels = halves(axes, align_corners, dtype)
    for sampler_type, cells in (("nearest", np.floor(pixels + 0.5)), ("nearest_even", np.rint(pixels))):
        out = so.GridSampler(data, grid, sampler_type, align_corners=align_corners)
        np.testing.assert_array_equal(out, picked(data, cells))


@pytest.mark.parametrize("size, target", [(12, 6), (7, 3), (100, 50), (30, 10)])
def test_transforms_meet_halves_exactly(size, target):
    """Every second or third pixel of an image, seen from the edges: no rounding of a coordinate may break the tie."""
    data = np.arange(float(size * size)).reshape(1, 1, size, size)
    shrink = size / target
    pixels = np.arange(target) * shrink + (shrink - 1) / 2
    for dtype in DTYPES[1:]:
        loc = so.identity_loc("affine", 1, dtype)
        for sampler_type, cells in (("nearest", np.floor(pixels + 0.5)), ("nearest_even", np.rint(pixels))):
            if shrink == size // target:
                params = {"target_shape": (target, target), "sampler_type": sampler_type, "align_corners": False}
                out = so.SpatialTransformer(data.astype(dtype), loc, **params)
                np.testing.assert_array_equal(out[0, 0], data[0, 0][np.ix_(cells.astype(int), cells.astype(int))])


@either_dimension
@either_corner_rule
@pytest.mark.parametrize("padding_mode", TORCH.paddings)
def test_pytorch(axes, align_corners, padding_mode):
    """PyTorch's nearest is nearest_even, in values and gradients.

    One case is left out: PyTorch mirrors a coordinate and rounds then, which is another pixel at half positions beyond an
    edge that lies halfway between pixels itself. ONNX rounds first, as the package does.
    """
    torch = pytest.importorskip("torch")
    data, grid, pixels = halves(axes, align_corners)
    if padding_mode == "reflection" and not align_corners:
        sizes = np.reshape(SIZES[axes, False][::-1], (-1, *(1,) * axes))
        outside = (pixels < 0) | (pixels > sizes - 1)
        grid = np.where(outside & (pixels % 1 != 0), 0.75 / sizes + grid, grid)
    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    out, pullback = so.vjp(so.GridSampler, data, grid, sampler_type="nearest_even", **rules)
    out_grad = np.random.default_rng(1).normal(size=out.shape)
    images = torch.tensor(data, requires_grad=True)
    points = torch.tensor(np.moveaxis(grid, 1, -1))
    theirs = torch.nn.functional.grid_sample(images, points, mode="nearest", **rules)
    theirs.backward(torch.tensor(out_grad))
    np.testing.assert_array_equal(out, theirs.detach().numpy())
    grad_data, grad_grid = pullback(out_grad)
    np.testing.assert_allclose(grad_data, images.grad.numpy(), rtol=1e-13, atol=1e-13)
    assert not grad_grid.any()


def test_an_ordinary_affine_grid_of_pytorch():
    """The grid of a halved image, which is all ties, from PyTorch; and the same through tensors."""
    torch = pytest.importorskip("torch")
    images = torch.arange(3 * 16 * 32, dtype=torch.float64).reshape(1, 3, 16, 32).requires_grad_()
    points = torch.nn.functional.affine_grid(torch.eye(2, 3, dtype=torch.float64)[None], (1, 3, 8, 16), False)
    theirs = torch.nn.functional.grid_sample(images, points, "nearest", "zeros", False)
    mine = so.GridSampler(images, points.movedim(-1, 1), "nearest_even", align_corners=False)
    assert torch.equal(mine, theirs)
    (grad,) = torch.autograd.grad(mine.sum(), images, retain_graph=True)
    (expected,) = torch.autograd.grad(theirs.sum(), images)
    assert torch.equal(grad, expected)
    upper = so.GridSampler(images, points.movedim(-1, 1), "nearest", align_corners=False)
    assert torch.equal(upper, images[:, :, 1::2, 1::2])


@either_dimension
@pytest.mark.parametrize("sampler_type", ["nearest", "nearest_even"])
def test_no_small_step_changes_a_pixel(sampler_type, axes):
    data, grid, _ = halves(axes, True)
    params = {"sampler_type": sampler_type, "padding_mode": "border"}
    out, change = so.jvp(so.GridSampler, (data, grid), (data, np.ones_like(grid)), **params)
    np.testing.assert_array_equal(change, out)


def test_a_coordinate_that_is_no_number():
    data, grid, _ = halves(2, True)
    grid[0, 0, 1, 2], grid[1, 1, 0, 3] = np.nan, np.inf
    out, pullback = so.vjp(so.GridSampler, data, grid, sampler_type="nearest_even")
    broken = ~np.isfinite(grid).all(axis=1, keepdims=True)
    assert (np.isnan(out) == broken).all()
    grad_data, grad_grid = pullback(np.ones_like(out))
    assert np.isfinite(grad_data).all() and (np.isnan(grad_grid) == broken).all()
