"""Signals: exactness, the images of one row that they are, matrices, layouts, frameworks, and what looks like a signal but is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import EXACT

import reference
import spatial_op as so
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS

RNG = np.random.default_rng(0)
DATA, GRID = RNG.standard_normal((2, 3, 11)), RNG.uniform(-1.3, 1.3, (2, 1, 19))
LOC = np.array([[0.83, 0.113], [-1.17, 0.219]])


@given(
    width=st.integers(1, 2500),
    dtype=st.sampled_from(["float32", "float64"]),
    corners=st.booleans(),
    sampler_type=st.sampled_from(EXACT),
)
@settings(max_examples=60)
def test_identity_and_flips_are_exact(width, dtype, corners, sampler_type):
    data = np.random.default_rng(1).standard_normal((2, 3, width)).astype(dtype)
    rules = {"align_corners": corners, "sampler_type": sampler_type}
    for sign in (1, -1):
        loc = np.array([[sign, 0]] * 2, dtype)
        out = so.SpatialTransformer(data, loc, (width,), **rules)
        assert out.tobytes() == data[:, :, ::sign].tobytes()
    still = so.GridGenerator(np.zeros((2, 1, width), dtype), "warp", align_corners=corners)
    assert so.GridSampler(data, still, **rules).tobytes() == data.tobytes()


@given(width=st.integers(2, 2500), shift=st.integers(-9, 9), dtype=st.sampled_from(["float32", "float64"]))
def test_whole_shifts_are_exact(width, shift, dtype):
    data = np.random.default_rng(2).standard_normal((1, 2, width)).astype(dtype)
    expected = np.pad(data, ((0, 0), (0, 0), (9, 9)))[:, :, 9 + shift : 9 + shift + width]
    for kind, rest in (("affine", [1]), ("translation", []), ("attention", [1])):
        loc = np.array([[*rest, 2 * shift / (width - 1)]], dtype)
        np.testing.assert_array_equal(so.SpatialTransformer(data, loc, (width,), kind), expected)
    flow = np.full((1, 1, width), shift, dtype)
    np.testing.assert_array_equal(so.BilinearSampler(data, so.GridGenerator(flow, "warp")), expected)


@pytest.mark.parametrize("padding_mode", PADDINGS)
@pytest.mark.parametrize("sampler_type", EXACT)
def test_signals_are_images_of_one_row(sampler_type, padding_mode):
    """Values and gradients."""
    rules, out_grad = {"sampler_type": sampler_type, "padding_mode": padding_mode}, RNG.standard_normal((2, 3, 19))
    out, pullback = so.vjp(so.GridSampler, DATA, GRID, **rules)
    flat = np.concatenate([GRID, np.zeros_like(GRID)], axis=1)[:, :, None]
    image, pull_image = so.vjp(so.GridSampler, DATA[:, :, None], flat, **rules)
    np.testing.assert_allclose(out, image[:, :, 0], rtol=0, atol=1e-14)
    for one, other in zip(pullback(out_grad), pull_image(out_grad[:, :, None])):
        np.testing.assert_allclose(one, other[:, : one.shape[1], 0], rtol=0, atol=1e-12)


def test_matrices_layouts_and_half_precision():
    expected = so.SpatialTransformer(DATA, LOC, (19,))
    for data, loc in (
        (DATA, LOC[:, None]),
        (np.asfortranarray(DATA), LOC),
        (DATA[:, :, ::-1].copy()[:, :, ::-1], np.asfortranarray(LOC)),
        (DATA.astype(">f8"), LOC),
        (np.ascontiguousarray(DATA.transpose(0, 2, 1)).transpose(0, 2, 1), LOC),
    ):
        out, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=(19,))
        assert out.tobytes() == expected.tobytes()
        assert [grad.shape for grad in pullback(out)] == [data.shape, loc.shape]
    half = so.SpatialTransformer(DATA.astype("float16"), LOC, (19,))
    np.testing.assert_allclose(half, expected, rtol=0, atol=5e-3)
    side = so.GridGenerator(LOC, "affine", (19,), side_by_side=True)
    np.testing.assert_array_equal(side, so.GridGenerator(LOC, "affine", (19,)))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_special_numbers_in_the_grid(value):
    grid = GRID.copy()
    grid[0, 0, 5] = value
    out, pullback = so.vjp(so.GridSampler, DATA, grid)
    grad_data, grad_grid = pullback(np.ones(out.shape))
    lost = not np.isfinite(value)
    assert np.isnan(out[0, :, 5]).all() == np.isnan(grad_grid[0, 0, 5]) == lost
    assert np.isfinite(grad_data).all() and np.isfinite(np.delete(out[0], 5, axis=1)).all()


def test_splines_go_through_the_samples():
    coefficients = so.spline_coefficients(DATA)
    same = so.identity_loc("affine", 2, "float64", axes=1)
    out = so.SpatialTransformer(coefficients, same, (11,), "affine", "cubic_bspline", padding_mode="reflection")
    np.testing.assert_allclose(out, DATA, rtol=0, atol=1e-13)


def gradients_of_torch(sampler_type):
    torch = pytest.importorskip("torch")
    inputs = [torch.tensor(value, requires_grad=True) for value in (DATA, LOC)]
    out = so.SpatialTransformer(*inputs, (19,), sampler_type=sampler_type)
    return out.detach().numpy(), *(grad.numpy() for grad in torch.autograd.grad(out.square().sum() / 2, inputs))


def gradients_of_jax(sampler_type):
    jax = pytest.importorskip("jax")

    def loss(data, loc):
        out = so.SpatialTransformer(data, loc, (19,), sampler_type=sampler_type)
        return (out**2).sum() / 2, out

    with jax.enable_x64(True):
        grads, out = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(DATA, LOC)
        return np.asarray(out), *map(np.asarray, grads)


@pytest.mark.parametrize("sampler_type", SAMPLERS)
@pytest.mark.parametrize("gradients", [gradients_of_torch, gradients_of_jax])
def test_frameworks(gradients, sampler_type):
    out, *grads = gradients(sampler_type)
    expected = reference.spatial_transformer(DATA, LOC, (19,), "affine", sampler_type)
    exact = reference.spatial_transformer_backward(DATA, LOC, expected, (19,), "affine", sampler_type)
    for found, one in zip((out, *grads), (expected, *exact)):
        np.testing.assert_allclose(found, one, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (
            lambda: so.SpatialTransformer(DATA, LOC, (4, 5)),
            r"data has shape \(2, 3, 11\), expected 4 axes .*; add the missing axes in front with data\[None\]",
        ),
        (
            lambda: so.GridSampler(DATA, np.zeros((1, 2, 4, 5))),
            r"data has shape \(2, 3, 11\), expected 4 axes .*; add the missing axes",
        ),
        (
            lambda: so.GridSampler(DATA, GRID[:, 0]),
            r"grid has shape \(2, 19\), expected 3 axes .*; add the axis of its coordinate with grid\[:, None\]",
        ),
        (
            lambda: so.GridSampler(DATA, GRID.transpose(0, 2, 1)),
            r"grid has shape \(2, 19, 1\), expected \(2, 1, 1\), data's batch and one plane each for x; ",
        ),
        (
            lambda: so.GridGenerator(np.zeros((2, 4, 5)), "warp"),
            r"expected \(2, 1, 5\), .* along x, in pixels; add the batch axis with data\[None\]",
        ),
        (
            lambda: so.SpatialTransformer(DATA, LOC, 19),
            r"target_shape is 19, expected one integer in a tuple, \(width,\)",
        ),
        (lambda: so.identity_loc("tps", axes=1), "transform_type is 'tps', which is not known"),
        (lambda: so.warp(DATA[0, 0], [[1, 0]]), r"matrix has shape \(1, 2\)"),
    ],
)  # fmt: skip
def test_what_is_none(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_onnx_refuses_them():
    pytest.importorskip("onnx")
    import spatial_op.onnx

    refused = pytest.raises(ValueError, match="export: data are signals, expected images or volumes, .*; give them")
    for op, inputs, params in (
        (so.SpatialTransformer, (DATA, LOC), {"target_shape": (19,)}),
        (so.GridSampler, (DATA, GRID), {}),
        (so.GridGenerator, (LOC,), {"transform_type": "affine", "target_shape": (19,)}),
        (so.GridGenerator, (GRID,), {"transform_type": "warp"}),
    ):
        with refused:
            spatial_op.onnx.export(op, *inputs, **params)
