"""Forward differentiation: the transpose of reverse differentiation, and the derivative of the reference."""

import numpy as np
import pytest
from tables import TRANSFORMS_OF, random_loc

import reference
import spatial_op as so

RNG = np.random.default_rng(11)
STEP = 1e-40
SIDES = {1: ((7,), (1030,)), 2: ((6, 7), (19, 8)), 3: ((6, 7, 5), (4, 3, 18))}


def problem(axes, name):
    """An operator, its inputs and parameters: a transformer, the generator of its grid, or, without a name, a sampler."""
    source, target = SIDES[axes]
    data = RNG.standard_normal((2, 3, *source))
    if name is None:
        return so.GridSampler, (data, RNG.uniform(-1.3, 1.3, (2, axes, *target))), {}
    loc = random_loc(RNG, name, 2, "float64", 0.2, axes)
    return so.SpatialTransformer, (data, loc), {"transform_type": name, "target_shape": target}


CASES = [*TRANSFORMS_OF, *((axes, None) for axes in SIDES)]


def check_transpose(op, inputs, params):
    tangents = [RNG.standard_normal(value.shape) for value in inputs]
    out, out_tangent = so.jvp(op, inputs, tangents, **params)
    same, pullback = so.vjp(op, *inputs, **params)
    assert out.tobytes() == same.tobytes()
    out_grad = RNG.standard_normal(out.shape)
    left = (out_grad * out_tangent).sum()
    right = sum((grad * tangent).sum() for grad, tangent in zip(pullback(out_grad), tangents))
    assert abs(left - right) <= 1e-12 * np.abs(out_grad * out_tangent).sum()
    # One input at a time, and none.
    parts = []
    for i, tangent in enumerate(tangents):
        parts.append(so.jvp(op, inputs, [tangent if i == k else None for k in range(len(inputs))], **params)[1])
    np.testing.assert_allclose(sum(parts), out_tangent, rtol=0, atol=1e-12 * np.abs(out_tangent).max())
    assert not so.jvp(op, inputs, [None] * len(inputs), **params)[1].any()
    return tangents, out_tangent


@pytest.mark.parametrize(("axes", "name"), CASES)
def test_transpose_of_the_pullback_and_complex_step(axes, name):
    op, inputs, params = problem(axes, name)
    tangents, out_tangent = check_transpose(op, inputs, params)
    moved = [value + 1j * STEP * tangent for value, tangent in zip(inputs, tangents)]
    plain = reference.grid_sampler if name is None else reference.spatial_transformer
    expected = plain(*moved, **params).imag / STEP
    np.testing.assert_allclose(out_tangent, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    if name is not None:
        check_transpose(so.GridGenerator, inputs[1:], params)


@pytest.mark.parametrize("axes", SIDES)
def test_flow(axes):
    check_transpose(so.GridGenerator, (RNG.standard_normal((2, axes, *(5, 6, 4)[:axes])),), {"transform_type": "warp"})


@pytest.mark.parametrize("padding_mode", ["border", "reflection"])
def test_paddings_and_bicubic(padding_mode):
    op, inputs, params = problem(2, "affine")
    check_transpose(
        op, inputs, {**params, "sampler_type": "bicubic", "padding_mode": padding_mode, "align_corners": False}
    )


def test_single_precision_and_a_bad_coordinate():
    op, inputs, params = problem(2, "affine")
    exact = so.jvp(op, inputs, inputs, **params)[1]
    for dtype, bound in (("float32", 1e-5), ("float16", 2e-2)):
        narrow = [value.astype(dtype) for value in inputs]
        out, out_tangent = so.jvp(op, narrow, narrow, **params)
        assert out.dtype == out_tangent.dtype == dtype
        assert np.median(np.abs(out_tangent - exact)) < bound * np.abs(exact).max()
    loc = inputs[1].copy()
    loc[0, 2] = np.nan
    out, out_tangent = so.jvp(op, (inputs[0], loc), inputs, **params)
    assert np.isnan(out[0]).all() and np.isnan(out_tangent[0]).all() and np.isfinite(out_tangent[1]).all()


def test_wrong_tangents():
    op, (data, loc), params = problem(2, "affine")
    for tangents, error, sentence in (
        (
            (data,),
            ValueError,
            r"^jvp: SpatialTransformer got 1 tangents, expected one for each of data, loc; pass None .*\.$",
        ),
        (
            (data, loc[:1]),
            ValueError,
            r"^SpatialTransformer: the tangent of loc has shape \(1, 6\), expected \(2, 6\), the shape of loc; .*\.$",
        ),
        (
            (data.astype("f4"), None),
            TypeError,
            r"^SpatialTransformer: the tangent of data has dtype float32, expected float64 as data; .*\.$",
        ),
        (
            (None, [1.0]),
            TypeError,
            r"^SpatialTransformer: the tangent of loc is a builtins\.list, expected a NumPy array; .*\.$",
        ),
    ):
        with pytest.raises(error, match=sentence):
            so.jvp(op, (data, loc), tangents, **params)
    with pytest.raises(TypeError, match=r"^jvp: op is <built-in function sum>, expected an operator .*\.$"):
        so.jvp(sum, (data,), (data,))


def test_out_may_not_overlap_a_tangent():
    """The result would be written before the tangent is read."""
    data, grid = np.ones((1, 1, 3, 4)), np.zeros((1, 2, 3, 4))
    tangent = np.ones_like(data)
    with pytest.raises(ValueError, match="GridSampler: out overlaps the tangent of data in memory"):
        so.jvp(so.GridSampler, (data, grid), (tangent, None), out=tangent)
    assert (tangent == 1).all()


def test_no_samples():
    """Also without the compiler, which divides by nothing."""
    for shape in ((0, 1, 4, 4), (2, 0, 4, 4)):
        data, loc = np.ones(shape), so.identity_loc("affine", shape[0], "float64")
        out, tangent = so.jvp(so.SpatialTransformer, (data, loc), (None, loc), target_shape=(3, 3))
        assert out.shape == tangent.shape == (*shape[:2], 3, 3)
