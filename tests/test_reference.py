"""The reference against paper and pencil, complex steps and PyTorch."""

from itertools import product

import numpy as np
import pytest
from oracle import (
    EXACT,
    NAMES,
    SHAPE,
    TARGET_SHAPE,
    TORCH,
    beyond,
    complex_step,
    draw,
    every,
    every_rule,
    every_transform,
    rules_of,
)
from tolerances import assert_close

import reference
from reference.kernels import SAMPLERS
from reference.paddings import PADDINGS
from reference.sampling import sampling_backward, sampling_forward

# Paper and pencil.


@pytest.mark.parametrize(
    "target_shape, align_corners, x, y",
    [
        ((2, 3), True, [-1, 0, 1, -1, 0, 1], [-1, -1, -1, 1, 1, 1]),
        ((2, 4), False, [-0.75, -0.25, 0.25, 0.75] * 2, [-0.5] * 4 + [0.5] * 4),
        ((1, 3), True, [-1, 0, 1], [0, 0, 0]),
        ((1, 1), False, [0], [0]),
    ],
)
def test_homogeneous_grid(target_shape, align_corners, x, y):
    grid = reference.homogeneous_grid(target_shape, align_corners=align_corners)
    np.testing.assert_array_equal(grid, [x, y, np.ones(len(x))])


def test_gemm():
    a, b = np.arange(6.0).reshape(1, 2, 3), np.arange(12.0).reshape(3, 4)
    expected = [[[sum(a[0, i, k] * b[k, j] for k in range(3)) for j in range(4)] for i in range(2)]]
    np.testing.assert_array_equal(reference.gemm(a, b), expected)


# MXNet's answers for a row of the five pixels 1, 2, 4, 8, 16: the border is a ramp to zero, the derivative is the
# right-hand one.
X = [-2, -1.25, -1, -0.75, -0.25, 0, 0.5, 1, 3, 3.5, 4, 4.25, 4.75, 5, 5.5]
VALUES = [0, 0, 0, 0.25, 0.75, 1, 1.5, 2, 8, 12, 16, 12, 4, 0, 0]
SLOPES = [0, 0, 1, 1, 1, 1, 1, 2, 8, 8, -16, -16, -16, 0, 0]


@pytest.mark.parametrize("axis", [0, 1])
def test_bilinear_ramps(axis):
    data = np.array([1.0, 2, 4, 8, 16]).reshape((1, 1, 1, 5) if axis == 0 else (1, 1, 5, 1))
    grid = np.zeros((1, 2, 1, len(X)))
    grid[0, axis, 0] = np.array(X) / 2 - 1
    out = reference.bilinear_sampling_forward(data, grid)
    grad_data, grad_grid = reference.bilinear_sampling_backward(data, grid, np.ones(out.shape))
    np.testing.assert_array_equal(out[0, 0, 0], VALUES)
    np.testing.assert_array_equal(grad_grid[0, axis, 0], 2 * np.array(SLOPES))
    np.testing.assert_array_equal(grad_grid[0, 1 - axis, 0], np.zeros(len(X)))
    assert (grad_data * data).sum() == sum(VALUES)


@pytest.mark.parametrize(
    "padding_mode, align_corners, pixels",
    [
        ("zeros", True, "000abcd000"),
        ("zeros", False, "000abcd000"),
        ("border", True, "aaaabcdddd"),
        ("border", False, "aaaabcdddd"),
        ("reflection", True, "dcbabcdcba"),
        ("reflection", False, "cbaabcddcb"),
        ("wrap", True, "bcdabcdabc"),
        ("wrap", False, "bcdabcdabc"),
    ],
)
def test_paddings(padding_mode, align_corners, pixels):
    index, inside = PADDINGS[padding_mode](np.arange(-3.0, 7), 4, align_corners)
    assert "".join("abcd"[int(i)] if known else "0" for i, known in zip(index, inside)) == pixels


@pytest.mark.parametrize("sampler_type", SAMPLERS)
def test_kernels(sampler_type):
    """Weights add up to 1; the slope is the weight's derivative from the right; nothing lies beyond what is reached."""
    kernel, slope, reach = SAMPLERS[sampler_type]
    t = np.linspace(-4, 4, 65)
    steps = np.arange(-reach, reach)
    np.testing.assert_allclose([kernel(f + steps).sum() for f in (0.0, 0.25, 0.5, 0.75)], 1, rtol=1e-15)
    np.testing.assert_allclose(slope(t), kernel(t + 1e-30j).imag / 1e-30, atol=1e-14)
    assert (kernel(t[np.abs(t) >= reach]) == 0).all()


def test_kernels_by_hand():
    """At 0, 1/2, 1, 3/2, ... pixels from the sample; those of Lanczos before the division are sinc(x) sinc(x / 3)."""
    sine = 3 * np.sin(np.pi / 6), 3, 3 * np.sin(5 * np.pi / 6)
    lobes = np.array([12 * sine[0], -4 / 3 * sine[1], 12 / 25 * sine[2]]) / np.pi**2
    expected = {
        "bilinear": [1, 1 / 2, 0],
        "bicubic": [1, 19 / 32, 0, -3 / 32, 0],
        "catmull_rom": [1, 9 / 16, 0, -1 / 16, 0],
        "mitchell": [8 / 9, 77 / 144, 1 / 18, -5 / 144, 0],
        "cubic_bspline": [2 / 3, 23 / 48, 1 / 6, 1 / 48, 0],
        "lanczos3": [1, lobes[0] / lobes.sum() / 2, 0, lobes[1] / lobes.sum() / 2, 0, lobes[2] / lobes.sum() / 2, 0],
    }
    for name, values in expected.items():
        found = SAMPLERS[name][0](np.arange(len(values)) / 2)
        np.testing.assert_allclose(found, values, rtol=1e-14, atol=1e-15)


def test_nearest_rounds_halves_up():
    data, x = np.array([1.0, 2, 4, 8, 16]).reshape(1, 1, 1, 5), np.array([-0.75, -0.5, 0.49, 0.5, 1.5, 4.49, 4.5])
    grid = np.stack([x / 2 - 1, np.zeros(7)]).reshape(1, 2, 1, 7)
    np.testing.assert_array_equal(
        sampling_forward(data, grid, "nearest", "zeros", True)[0, 0, 0], [0, 1, 1, 2, 4, 16, 0]
    )


def test_nearest_even_rounds_halves_to_even():
    data, x = np.array([1.0, 2, 4, 8, 16]).reshape(1, 1, 1, 5), np.array([-0.75, -0.5, 0.5, 0.51, 1.5, 2.5, 3.5, 4.5])
    grid = np.stack([x / 2 - 1, np.zeros(8)]).reshape(1, 2, 1, 8)
    np.testing.assert_array_equal(
        sampling_forward(data, grid, "nearest_even", "zeros", True)[0, 0, 0], [0, 1, 1, 2, 4, 4, 16, 16]
    )


@pytest.mark.parametrize("sampler_type", SAMPLERS)
def test_equation_3(sampler_type):
    """The sum over all pixels of the image, as printed."""
    kernel, *_ = SAMPLERS[sampler_type]
    data, loc, _ = draw("affine")
    grid = reference.gemm(loc.reshape(-1, 2, 3), reference.homogeneous_grid(TARGET_SHAPE))
    x, y = (grid[:, 0] + 1) * 3, (grid[:, 1] + 1) * 2
    expected = sum(
        data[:, :, h, w, None] * (kernel(x - w) * kernel(y - h))[:, None] for h in range(5) for w in range(7)
    )
    found = reference.spatial_transformer(data, loc, TARGET_SHAPE, "affine", sampler_type)
    np.testing.assert_allclose(found, expected.reshape(found.shape), atol=1e-13)


# Numbers that are none.


@pytest.mark.parametrize(NAMES, every(product(EXACT, PADDINGS)))
def test_identity_reads_no_neighbour(sampler_type, padding_mode, align_corners):
    """A NaN pixel remains one pixel."""
    data = np.arange(45.0).reshape(1, 1, 5, 9)
    data[0, 0, 2, 3] = np.nan
    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    # Sizes whose coordinates are exact: spans of 4 and 8, or of 4 and 8 once more.
    data = data if align_corners else data[:, :, :4, :8]
    out = reference.spatial_transformer(
        data, np.array([[0.0, 0]]), data.shape[2:], "translation", sampler_type, **rules
    )
    np.testing.assert_array_equal(out, data)


@every_rule
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308])
def test_coordinates_that_are_no_numbers(sampler_type, padding_mode, align_corners, value):
    """1e308 is one that is infinite in pixels."""
    data, grid = np.ones((1, 1, 41, 43)), np.zeros((1, 2, 1, 2))
    grid[0, 0, 0, 0] = value
    rules = (sampler_type, padding_mode, align_corners)
    out = sampling_forward(data, grid, *rules)
    grad_data, grad_grid = sampling_backward(data, grid, np.ones(out.shape), *rules)
    np.testing.assert_allclose(out[0, 0, 0], [np.nan, 1])
    assert grad_data.sum() == pytest.approx(1)
    assert np.isnan(grad_grid[0, :, 0, 0]).all()
    assert np.isfinite(grad_grid[0, :, 0, 1]).all()


@every_rule
@pytest.mark.parametrize("value", [1e18, -1e30, 1e300])
def test_huge_coordinates(sampler_type, padding_mode, align_corners, value):
    """They are what the padding says: no reading out of bounds and no overflow of indices."""
    data, grid = np.arange(1.0, 6).reshape(1, 1, 1, 5), np.array([value, 0]).reshape(1, 2, 1, 1)
    out = sampling_forward(data, grid, sampler_type, padding_mode, align_corners)
    pixel = beyond(padding_mode, 5, align_corners)[int(value > 0)]
    if pixel is None:  # no digit of the coordinate says which pixel it is
        assert 0.5 <= out.item() <= 5.5
    else:
        np.testing.assert_allclose(out.item(), [*data.ravel(), 0][pixel], rtol=1e-15)


# Gradients.


@every_rule
def test_gradient_of_sampling(sampler_type, padding_mode, align_corners):
    rng = np.random.default_rng(1)
    data, grid = rng.normal(size=(1, 2, 3, 5)), 1.5 * rng.normal(size=(1, 2, 2, 4))
    out_grad = rng.normal(size=(1, 2, 2, 4))
    rules = (sampler_type, padding_mode, align_corners)
    grad_data, grad_grid = sampling_backward(data, grid, out_grad, *rules)
    by_data = complex_step(lambda moved: out_grad * sampling_forward(moved, grid, *rules), data)
    by_grid = complex_step(lambda moved: out_grad * sampling_forward(data, moved, *rules), grid)
    assert_close(grad_data, by_data, "float64", data.shape)
    assert_close(grad_grid, by_grid, "float64", data.shape)


@every_transform
def test_gradient_of_transforms(transform_type):
    data, loc, out_grad = draw(transform_type, shape=(2, 3, 3, 5), target_shape=(4, 7))
    grad_data, grad_loc = reference.spatial_transformer_backward(data, loc, out_grad, (4, 7), transform_type, "bicubic")

    def warp(data, loc):
        return out_grad * reference.spatial_transformer(data, loc, (4, 7), transform_type, "bicubic")

    assert_close(grad_data, complex_step(lambda moved: warp(moved, loc), data), "float64", data.shape)
    assert_close(grad_loc, complex_step(lambda moved: warp(data, moved), loc), "float64", data.shape)


# PyTorch.


@pytest.mark.parametrize(NAMES, rules_of(TORCH, 2))
@pytest.mark.parametrize(
    "shape, target_shape", [(SHAPE, TARGET_SHAPE), ((3, 2, 13, 11), (5, 7)), ((2, 3, 1, 7), (4, 5))]
)
def test_pytorch(sampler_type, padding_mode, align_corners, shape, target_shape):
    torch = pytest.importorskip("torch")
    data, loc, out_grad = draw("affine", 0.5, shape, target_shape)
    images, theta = torch.tensor(data, requires_grad=True), torch.tensor(loc, requires_grad=True)
    grid = torch.nn.functional.affine_grid(theta.reshape(-1, 2, 3), out_grad.shape, align_corners=align_corners)
    out = torch.nn.functional.grid_sample(
        images, grid, TORCH.samplers[sampler_type], TORCH.paddings[padding_mode], align_corners
    )
    out.backward(torch.tensor(out_grad))

    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    found = reference.spatial_transformer(data, loc, target_shape, "affine", sampler_type, **rules)
    grads = reference.spatial_transformer_backward(data, loc, out_grad, target_shape, "affine", sampler_type, **rules)
    assert_close(found, out.detach().numpy(), "float64", shape)
    assert_close(grads[0], images.grad.numpy(), "float64", shape)
    assert_close(grads[1], theta.grad.numpy(), "float64", shape)
