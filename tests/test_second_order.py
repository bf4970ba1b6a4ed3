"""Second derivatives: how gradients and tangents change, against the complex step of the reference's gradients, and each other."""

import numpy as np
import pytest
from second import CASES, reference_gradients

import spatial_op as so

STEP = 1e-40


def random_like(rng, values):
    return [rng.standard_normal(value.shape) for value in values]


def one_by_one(values):
    """Each value alone, None in the place of the others, and all of them."""
    for number in range(len(values)):
        yield [value if number == place else None for place, value in enumerate(values)]
    yield list(values)


def inner(ones, others):
    return sum((one * other).sum() for one, other in zip(ones, others) if one is not None and other is not None)


@pytest.mark.parametrize("name", CASES)
def test_complex_step_of_the_gradients(name):
    op, inputs, params = CASES[name]
    rng = np.random.default_rng(0)
    out, pullback = so.vjp(op, *inputs, **params)
    out_grad = rng.standard_normal(out.shape)
    grads, pullback_twice = so.vjp(pullback, *inputs, out_grad)
    assert [grad.tobytes() for grad in grads] == [grad.tobytes() for grad in pullback(out_grad)]
    for moved in one_by_one(random_like(rng, inputs)):
        steps = [value if move is None else value + 1j * STEP * move for value, move in zip(inputs, moved)]
        expected = [grad.imag / STEP for grad in reference_gradients(op, steps, out_grad, params)]
        same, found = so.jvp(pullback, (*inputs, out_grad), (*moved, None))
        assert [grad.tobytes() for grad in grads] == [grad.tobytes() for grad in same]
        *symmetric, upper = pullback_twice(moved)
        scale = max(1.0, *(np.abs(grad).max() for grad in expected))
        for grad, again, exact in zip(found, symmetric, expected):
            np.testing.assert_allclose(grad, exact, rtol=0, atol=1e-12 * scale)
            assert again.tobytes() == grad.tobytes()
        np.testing.assert_array_equal(upper, so.jvp(op, inputs, moved, **params)[1])


@pytest.mark.parametrize("name", CASES)
def test_second_tangents_are_those_of_the_gradients(name):
    """``<out_grad, D2(one, other)>`` is the same as ``<one, H other>``, H being the derivative of the gradients."""
    op, inputs, params = CASES[name]
    rng = np.random.default_rng(1)
    call = op.operator.prepare(*inputs, **params)
    out_grad = rng.standard_normal(call.shape)
    _, pullback = so.vjp(op, *inputs, **params)
    others = random_like(rng, inputs)
    size = 0.0
    for one in one_by_one(random_like(rng, inputs)):
        for other in one_by_one(others):
            _, changes = so.jvp(pullback, (*inputs, out_grad), (*other, None))
            tangent = call.second_tangent(one, other)
            scale = 1 + np.abs(out_grad * tangent).sum()
            assert abs((out_grad * tangent).sum() - inner(one, changes)) <= 1e-11 * scale
            size = max(size, np.abs(tangent).max())
    linear = (
        "nearest" in name
        or name.startswith("GridGenerator")
        and not any(word in name for word in ("projective", "tps_points"))
    )
    assert size == 0 if linear else size > 0.1


def test_pull_backs_are_linear_in_the_upstream_gradient():
    op, inputs, params = CASES["SpatialTransformer-2-projective-bilinear-zeros"]
    rng = np.random.default_rng(2)
    out, pullback = so.vjp(op, *inputs, **params)
    out_grad, change = rng.standard_normal((2, *out.shape))
    moved = random_like(rng, inputs)
    _, alone = so.jvp(pullback, (*inputs, out_grad), (None, None, change))
    for grad, expected in zip(alone, pullback(change)):
        np.testing.assert_array_equal(grad, expected)
    _, both = so.jvp(pullback, (*inputs, out_grad), (*moved, change))
    _, still = so.jvp(pullback, (*inputs, out_grad), (*moved, None))
    for total, one, other in zip(both, alone, still):
        np.testing.assert_allclose(total, one + other, rtol=0, atol=1e-12 * np.abs(total).max())
    _, nothing = so.jvp(pullback, (*inputs, out_grad), (None, None, None))
    assert not any(grad.any() for grad in nothing)


def test_requests():
    """What is added to, what is not wanted, and what is pulled back of it."""
    op, (data, loc), params = CASES["SpatialTransformer-2-affine-bicubic-border"]
    rng = np.random.default_rng(3)
    out, pullback = so.vjp(op, data, loc, grad_req={"data": "null"}, **params)
    out_grad, along = rng.standard_normal(out.shape), rng.standard_normal(loc.shape)
    grads, pullback_twice = so.vjp(pullback, data, loc, out_grad)
    assert grads[0] is None
    expected = pullback_twice((None, along))
    _, adding = so.vjp(pullback, data, loc, out_grad, grad_req="add")
    kept = [np.ones_like(value) for value in (data, loc, out_grad)]
    for total, grad in zip(adding((None, along), out=kept), expected):
        np.testing.assert_allclose(total, 1 + grad, rtol=1e-12, atol=1e-12)
    _, some = so.vjp(pullback, data, loc, out_grad, grad_req=("null", "write", "null"))
    first, second, third = some((None, along))
    assert first is None and third is None and second.tobytes() == expected[1].tobytes()
    assert not any(grad.any() for grad in pullback_twice((None, None)))
    with pytest.raises(
        ValueError,
        match=r"^the pull back of SpatialTransformer: out_grad of data is an array but grad_req of data is 'null', expected None; .*\.$",
    ):
        pullback_twice((data, along))


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-4), ("float16", 5e-2)])
def test_single_precision(dtype, bound):
    for name in ("GridSampler-2-bicubic-zeros", "DeformableConvolution-DeformableConvolution-mxnet"):
        op, inputs, params = CASES[name]
        out, pullback = so.vjp(op, *inputs, **params)
        exact = so.jvp(pullback, (*inputs, out), (*inputs, None))[1]
        narrow = [value.astype(dtype) for value in inputs]
        _, pullback = so.vjp(op, *narrow, **params)
        found = so.jvp(pullback, (*narrow, out.astype(dtype)), (*narrow, None))[1]
        for grad, expected in zip(found, exact):
            assert grad.dtype == dtype
            assert np.median(np.abs(grad - expected)) <= bound * np.abs(expected).max()


def test_at_a_whole_pixel_the_derivative_is_the_right_hand_one():
    data = np.array([[[[1.0, 2.0, 4.0], [3.0, 7.0, 8.0], [5.0, 6.0, 9.0]]]])
    grid, out_grad = np.zeros((1, 2, 1, 1)), np.ones((1, 1, 1, 1))
    _, pullback = so.vjp(so.GridSampler, data, grid)
    across, down = np.eye(2).reshape(2, 1, 2, 1, 1)
    for one, axis in ((across, 1), (down, 0)):
        _, (grad_data, grad_grid) = so.jvp(pullback, (data, grid, out_grad), (None, one, None))
        # The cell from (1, 1) to (2, 2): 7 8 / 6 9, of which the mixed derivative is 9 - 8 - 6 + 7.
        assert grad_grid[0, axis, 0, 0] == 2 and grad_grid[0, 1 - axis, 0, 0] == 0
        assert grad_data.sum() == 0 and grad_data[0, 0, 1, 1] == -1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_coordinates_that_are_no_numbers(value):
    """They have no part in the gradient of the data, and their own is no number; the others do not mind."""
    op, (data, grid), params = CASES["GridSampler-2-bilinear-border"]
    rng = np.random.default_rng(4)
    moved, out_grad = rng.standard_normal(grid.shape), rng.standard_normal((*data.shape[:2], *grid.shape[2:]))
    bad = grid.copy()
    bad[0, 1, 2, 3] = value
    quiet = out_grad.copy()
    quiet[0, :, 2, 3] = 0
    results = []
    for points, upper in ((bad, out_grad), (grid, quiet)):
        _, pullback = so.vjp(op, data, points, **params)
        results.append(so.jvp(pullback, (data, points, upper), (None, moved, None))[1])
    (grad_data, grad_grid), (expected, exact) = results
    np.testing.assert_array_equal(grad_data, expected)
    assert np.isnan(grad_grid[0, :, 2, 3]).all()
    exact[0, :, 2, 3] = np.nan
    np.testing.assert_array_equal(grad_grid, exact)


def test_pixels_that_are_no_numbers_are_not_looked_at_without_weight():
    """A point within the cell of four pixels depends on these only, however often it is differentiated."""
    data, grid = np.full((1, 1, 5, 6), np.nan), np.full((1, 2, 1, 1), 0.3)
    data[0, 0, 2:4, 3:5] = [[1, 2], [3, 5]]
    _, pullback = so.vjp(so.GridSampler, data, grid)
    one = np.ones((1, 1, 1, 1))
    _, (_, grad_grid) = so.jvp(pullback, (data, grid, one), (None, np.ones_like(grid), None))
    np.testing.assert_allclose(grad_grid.ravel(), [2.5 * 2, 2.5 * 2])
    offset, weight = np.full((1, 2, 1, 1), 0.3), np.ones((1, 1, 1, 1))
    params = {"kernel": (1, 1), "num_filter": 1, "no_bias": True, "stride": (5, 6)}
    data = np.roll(data, (-2, -3), (2, 3))
    _, pullback = so.vjp(so.DeformableConvolution, data, offset, weight, **params)
    moved = (None, np.ones_like(offset), None, None)
    _, (_, grad_offset, grad_weight) = so.jvp(pullback, (data, offset, weight, one), moved)
    np.testing.assert_allclose(grad_offset.ravel(), [1, 1])
    np.testing.assert_allclose(grad_weight.ravel(), (2 + 0.3) + (1 + 0.3))


def test_nothing_flows_where_the_upstream_gradient_is_zero():
    data, grid = np.full((1, 2, 4, 4), np.inf), np.full((1, 2, 3, 3), 0.3)
    _, pullback = so.vjp(so.GridSampler, data, grid)
    _, found = so.jvp(pullback, (data, grid, np.zeros((1, 2, 3, 3))), (data, np.ones_like(grid), None))
    assert not any(grad.any() for grad in found)


def test_sizes_of_zero():
    for shape in ((0, 1, 4, 4), (2, 0, 4, 4)):
        data, loc = np.ones(shape), so.identity_loc("affine", shape[0], "float64")
        out, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=(3, 3))
        grads, pullback_twice = so.vjp(pullback, data, loc, out)
        assert [grad.shape for grad in pullback_twice(grads)] == [data.shape, loc.shape, out.shape]
        assert not any(grad.any() for grad in so.jvp(pullback, (data, loc, out), (data, loc, out))[1])
        _, pullback = so.vjp(so.GridGenerator, loc, transform_type="affine", target_shape=(0, 3))
        _, (grad,) = so.jvp(pullback, (loc, np.zeros((shape[0], 2, 0, 3))), (loc, None))
        assert grad.shape == loc.shape and not grad.any()


def test_wrong_calls():
    op, (data, loc), params = CASES["SpatialTransformer-2-affine-bilinear-zeros"]
    out, pullback = so.vjp(op, data, loc, **params)
    grads, pullback_twice = so.vjp(pullback, data, loc, out)
    _, adding = so.vjp(op, data, loc, grad_req="add", **params)
    for call, error, sentence in (
        (lambda: so.vjp(pullback, data, loc), TypeError, r"vjp: the pull back of SpatialTransformer got 2 inputs, .*"),
        (
            lambda: so.vjp(pullback, data, loc, out[:1]),
            ValueError,
            r"the pull back of SpatialTransformer: out_grad has shape \(1, .*\), expected \(2, .*\), the shape of the result; .*",
        ),
        (
            lambda: so.vjp(pullback, data, loc, out, align_corners=False),
            TypeError,
            r"vjp: align_corners is given to the pull back of SpatialTransformer, .*expected none; leave it out",
        ),
        (
            lambda: so.vjp(adding, data, loc, out),
            ValueError,
            r"the pull back of SpatialTransformer: grad_req of data is 'add', expected 'write' or 'null' .*; add .*",
        ),
        (
            lambda: pullback_twice(data),
            TypeError,
            r"the pull back of SpatialTransformer: out_grad is a numpy\.ndarray, expected a tuple .*; pass them as \(data, loc\)",
        ),
        (
            lambda: pullback_twice((data,)),
            ValueError,
            r"the pull back of SpatialTransformer: out_grad has 1 entries, expected one for each of data, loc; pass None .*",
        ),
        (
            lambda: pullback_twice((data, loc.astype("f4"))),
            TypeError,
            r"the pull back of SpatialTransformer: out_grad of loc has dtype float32, expected float64 as loc; .*",
        ),
        (
            lambda: pullback_twice(grads, out=(None, grads[1], None)),
            ValueError,
            r"the pull back of SpatialTransformer: out for the gradient of loc overlaps out_grad of loc in memory, .*",
        ),
        (
            lambda: so.jvp(pullback, (data, loc, out), (data, loc, out[:1])),
            ValueError,
            r"the pull back of SpatialTransformer: the tangent of out_grad has shape \(1, .*",
        ),
    ):
        with pytest.raises(error, match=rf"^{sentence}\.$"):
            call()
    for call in (lambda: so.vjp(pullback_twice, data), lambda: so.jvp(pullback_twice, (data,), (data,))):
        with pytest.raises(
            NotImplementedError, match=r"^SpatialTransformer: a third derivative is not available, .*\.$"
        ):
            call()
