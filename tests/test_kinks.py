"""Slopes one pixel outside the image, where a network with zero offsets and padding starts: the right-hand ones."""

import numpy as np
import pytest

import spatial_op as so
from reference.deformable_convolution import modulated_deformable_convolution_backward

RNG = np.random.default_rng(0)
DATA, WEIGHT, BIAS = RNG.random((2, 4, 5, 6)), RNG.standard_normal((3, 4, 3, 3)), RNG.random(3)
OFFSET, MASK = np.zeros((2, 18, 5, 6)), RNG.random((2, 9, 5, 6)) + 0.5
PARAMS = {"kernel": (3, 3), "pad": (1, 1)}


def test_zero_initialised_second_version():
    """Taps at exactly -1 have the slope towards the image, where MXNet's kernel for GPUs sets it to 0."""
    op = so.ModulatedDeformableConvolution
    out, pullback = so.vjp(op, DATA, OFFSET, MASK, WEIGHT, BIAS, num_filter=3, **PARAMS)
    upper = RNG.standard_normal(out.shape)
    grad = pullback(upper)[1]
    expected = modulated_deformable_convolution_backward(DATA, OFFSET, MASK, WEIGHT, BIAS, upper, **PARAMS)[1]
    np.testing.assert_allclose(grad, expected, rtol=1e-12, atol=1e-12)
    # The first row of the output reads row -1 with its first three taps; the offset of y is entry 0 of each pair.
    border = grad.reshape(2, 9, 2, 5, 6)[:, :3, 0, 0]
    assert (abs(border) > 1e-3).sum() > 0.8 * border.size
    step = 2.0**-20
    moved = OFFSET.copy()
    moved.reshape(2, 9, 2, 5, 6)[:, :3, 0, 0] += step
    change = (op(DATA, moved, MASK, WEIGHT, BIAS, num_filter=3, **PARAMS) - out) * upper
    np.testing.assert_allclose(change.sum() / step, border.sum(), rtol=1e-8)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_sample_at_exactly_minus_one(axis):
    """Of a grid too: the value is 0, and the slope is that of the pixel beside."""
    place = -1 - 2 / (DATA.shape[2 + axis] - 1)  # one pixel before the first
    grid = np.full((2, 2, 1, 1), 0.0)
    grid[:, 1 - axis] = place
    out, pullback = so.vjp(so.GridSampler, DATA, grid)
    grad = pullback(np.ones_like(out))[1]
    inside = np.take(DATA, 0, 2 + axis)
    size = inside.shape[2]
    middle = inside[:, :, (size - 1) // 2] if size % 2 else inside[:, :, size // 2 - 1 : size // 2 + 1].mean(2)
    np.testing.assert_allclose(out, 0, atol=1e-15)
    half = (DATA.shape[2 + axis] - 1) / 2  # pixels from the centre to the border
    np.testing.assert_allclose(grad[:, 1 - axis, 0, 0], middle.sum(1) * half, rtol=1e-12)
