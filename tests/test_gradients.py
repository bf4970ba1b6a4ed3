"""Gradients against the complex step: exact derivatives of the reference, without a difference quotient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import COMBINATIONS, compiled, in_turn, options, random_loc

import reference
import spatial_op as so

STEP = 1e-40
SIDES = st.integers(1, 8)
CASES = [(rows, count) for rows, counts in in_turn(COMBINATIONS, (3, 1), compiled) for count in counts]


@pytest.mark.parametrize(("combination", "channels"), CASES, ids=str)
@given(
    batch=st.integers(1, 2), size=st.tuples(SIDES, SIDES), target_shape=st.tuples(SIDES, SIDES),
    seed=st.integers(0, 2**32 - 1), align_corners=st.booleans(),
)  # fmt: skip
def test_gradients_equal_the_complex_step(combination, channels, batch, size, target_shape, seed, align_corners):
    rng, shape = np.random.default_rng(seed), (batch, channels, *size)
    data = rng.standard_normal(shape)
    loc = random_loc(rng, combination[0], shape[0], "float64")
    out_grad = rng.standard_normal(shape[:2] + target_shape)
    params = options(combination, align_corners=align_corners)
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=target_shape, **params)
    grad_data, grad_loc = pullback(out_grad)

    direction = rng.standard_normal(shape)
    moved = reference.spatial_transformer(data + 1j * STEP * direction, loc, target_shape, **params)
    np.testing.assert_allclose(out, moved.real, rtol=1e-12, atol=1e-12 * np.abs(data).max())
    left, right = (out_grad * moved.imag / STEP).sum(), (grad_data * direction).sum()
    assert abs(left - right) <= 1e-12 * (1 + np.abs(out_grad).sum() * np.abs(direction).max())

    scale = 1 + np.abs(grad_loc).max() + np.abs(out_grad).sum() * np.abs(data).max() * max(shape[2:])
    direction = rng.standard_normal(loc.shape)
    moved = reference.spatial_transformer(data, loc + 1j * STEP * direction, target_shape, **params)
    expected = (out_grad * moved.imag / STEP).sum(axis=(1, 2, 3))
    found = (grad_loc * direction).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * scale * np.abs(direction).sum())
