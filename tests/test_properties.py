"""Properties that hold for every call: exactness, linearity, adjointness, independence of layout, batch and threads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import EXACT
from tables import COMBINATIONS, EPS, MXNET_ROWS, options, random_loc

import spatial_op as so
from spatial_op.transforms import TRANSFORMS

SIDES = st.integers(1, 23)
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 4), SIDES, SIDES)
TARGETS = st.tuples(SIDES, SIDES)
SEEDS = st.integers(0, 2**32 - 1)
DTYPES = st.sampled_from(["float32", "float64"])
BITS = {"float32": "uint32", "float64": "uint64"}


def same_bits(a, b):
    """Equal to the last bit, NaN and the sign of zero included."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def both_ways(data, loc, out_grad, target_shape, **params):
    """Result and gradients."""
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=target_shape, **params)
    return (out, *pullback(out_grad))


@pytest.mark.parametrize("combination", COMBINATIONS, ids="-".join)
@given(shape=SHAPES, target_shape=TARGETS, seed=SEEDS, align_corners=st.booleans())
def test_pullback_is_the_adjoint(combination, shape, target_shape, seed, align_corners):
    """<g, f(v)> = <pullback(g), v>, the operator being linear in the data."""
    rng = np.random.default_rng(seed)
    data, v = rng.standard_normal((2, *shape))
    loc = random_loc(rng, combination[0], shape[0], "float64")
    out_grad = rng.standard_normal(shape[:2] + target_shape)
    params = options(combination, align_corners=align_corners)
    _, grad_data, _ = both_ways(data, loc, out_grad, target_shape, **params)
    image = so.SpatialTransformer(v, loc, target_shape, **params)
    scale = np.abs(out_grad).sum() * np.abs(v).max() + 1
    assert abs((out_grad * image).sum() - (grad_data * v).sum()) <= EPS[data.dtype] * np.sqrt(image.size) * scale


@given(shape=SHAPES, target_shape=TARGETS, seed=SEEDS, dtype=DTYPES)
def test_adjoint_identity_in_both_precisions(shape, target_shape, seed, dtype):
    rng = np.random.default_rng(seed)
    data, v = rng.standard_normal((2, *shape)).astype(dtype)
    loc = random_loc(rng, "affine", shape[0], dtype)
    out_grad = rng.standard_normal(shape[:2] + target_shape).astype(dtype)
    _, grad_data, _ = both_ways(data, loc, out_grad, target_shape)
    image = so.SpatialTransformer(v, loc, target_shape)
    left = (out_grad.astype("float64") * image).sum()
    right = (grad_data.astype("float64") * v).sum()
    scale = np.abs(out_grad).sum() * np.abs(v).max() + 1
    assert abs(left - right) <= 4 * EPS[data.dtype] * scale


@pytest.mark.parametrize("combination", COMBINATIONS, ids="-".join)
@given(shape=SHAPES, target_shape=TARGETS, seed=SEEDS)
def test_linear_in_data(combination, shape, target_shape, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, *shape))
    loc = random_loc(rng, combination[0], shape[0], "float64")
    params = options(combination)
    together = so.SpatialTransformer(2 * a - 3 * b, loc, target_shape, **params)
    apart = 2 * so.SpatialTransformer(a, loc, target_shape, **params) - 3 * so.SpatialTransformer(
        b, loc, target_shape, **params
    )
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-13 * 40)


@given(height=st.integers(1, 140), width=st.integers(1, 140), seed=SEEDS, dtype=DTYPES, corners=st.booleans())
def test_identity_and_flips_are_exact(height, width, seed, dtype, corners):
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((2, 3, height, width)).astype(dtype)
    for sx in (1, -1):
        for sy in (1, -1):
            loc = np.tile(np.array([[sx, 0, 0, 0, sy, 0]], dtype), (2, 1))
            out = so.SpatialTransformer(data, loc, (height, width), align_corners=corners)
            assert same_bits(out, np.ascontiguousarray(data[:, :, ::sy, ::sx]))


@given(
    height=st.integers(2, 200), width=st.integers(2, 200), dy=st.integers(-210, 210), dx=st.integers(-210, 210),
    seed=SEEDS, dtype=DTYPES, corners=st.booleans(),
)  # fmt: skip
def test_whole_pixel_shifts_are_exact(height, width, dy, dx, seed, dtype, corners):
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((1, 2, height, width)).astype(dtype)
    span_x, span_y = (width - 1, height - 1) if corners else (width, height)
    loc = np.array([[2 * dx / span_x, 2 * dy / span_y]], dtype)
    out = so.SpatialTransformer(data, loc, (height, width), "translation", align_corners=corners)
    expected = np.zeros_like(data)
    ys, xs = np.arange(height) + dy, np.arange(width) + dx
    rows, cols = (ys >= 0) & (ys < height), (xs >= 0) & (xs < width)
    expected[:, :, np.ix_(rows, cols)[0], np.ix_(rows, cols)[1]] = data[:, :, ys[rows][:, None], xs[cols][None]]
    assert same_bits(out, expected)


def test_quarter_turns_of_a_square_are_exact():
    data = np.random.default_rng(0).standard_normal((1, 2, 37, 37)).astype("float32")
    loc = np.array([[0, 1, 0, -1, 0, 0]], "float32")
    assert same_bits(so.SpatialTransformer(data, loc, (37, 37)), np.ascontiguousarray(np.rot90(data, -1, (2, 3))))


def test_identity_keeps_one_bad_pixel_to_itself():
    data = np.random.default_rng(0).standard_normal((1, 1, 33, 41)).astype("float32")
    data[0, 0, 7, 11], data[0, 0, 20, 3], data[0, 0, 30, 40], data[0, 0, 0, 0] = np.nan, np.inf, -np.inf, -0.0
    for sampler in EXACT:
        out = so.SpatialTransformer(data, so.identity_loc("affine"), (33, 41), sampler_type=sampler)
        assert same_bits(out, data)


@given(shape=SHAPES, target_shape=TARGETS, seed=SEEDS, dtype=DTYPES)
def test_samples_do_not_depend_on_their_batch(shape, target_shape, seed, dtype):
    rng = np.random.default_rng(seed)
    data = rng.standard_normal(shape).astype(dtype)
    loc = random_loc(rng, "affine", shape[0], dtype)
    out_grad = rng.standard_normal(shape[:2] + target_shape).astype(dtype)
    together = both_ways(data, loc, out_grad, target_shape)
    for n in range(shape[0]):
        alone = both_ways(data[n : n + 1], loc[n : n + 1], out_grad[n : n + 1], target_shape)
        for whole, part in zip(together, alone):
            assert same_bits(whole[n : n + 1].copy(), part)


def layouts(array):
    """The same numbers in memory layouts that users have."""
    padded = np.zeros(tuple(2 * size for size in array.shape), array.dtype)
    strided = padded[tuple(slice(0, 2 * size, 2) for size in array.shape)]
    strided[...] = array
    locked = array.copy()
    locked.flags.writeable = False
    raw = np.zeros(array.nbytes + 1, "uint8")[1:].view(array.dtype).reshape(array.shape)
    raw[...] = array
    yield "strided", strided
    yield "transposed", np.ascontiguousarray(array.T).T
    yield "reversed", array[::-1].copy()[::-1]
    yield "read-only", locked
    yield "byte-swapped", array.astype(array.dtype.newbyteorder())
    yield "unaligned", raw


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_any_memory_layout(dtype):
    rng = np.random.default_rng(1)
    data = rng.standard_normal((2, 3, 7, 9)).astype(dtype)
    loc = random_loc(rng, "affine", 2, dtype)
    out_grad = rng.standard_normal((2, 3, 4, 5)).astype(dtype)
    expected = both_ways(data, loc, out_grad, (4, 5))
    for (name, d), (_, p), (_, g) in zip(layouts(data), layouts(loc), layouts(out_grad)):
        before = d.tobytes(), p.tobytes(), g.tobytes()
        got = both_ways(d, p, g, (4, 5))
        assert all(same_bits(a, b) for a, b in zip(got, expected)), name
        assert before == (d.tobytes(), p.tobytes(), g.tobytes()), f"{name} input was written to"


@pytest.mark.parametrize("shape", [(0, 3, 5, 7), (2, 0, 5, 7), (0, 0, 5, 7)])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_zero_sized_inputs(shape, padding_mode):
    data, loc = np.ones(shape, "float32"), so.identity_loc("affine", shape[0])
    out_grad = np.ones(shape[:2] + (4, 6), "float32")
    out, grad_data, grad_loc = both_ways(data, loc, out_grad, (4, 6), padding_mode=padding_mode)
    assert out.shape == shape[:2] + (4, 6) and not out.any()
    assert grad_data.shape == shape and not grad_data.any()
    assert grad_loc.shape == loc.shape and not grad_loc.any()


def test_size_one_lies_at_the_centre():
    data = np.arange(15.0).reshape(1, 1, 3, 5)
    for target_shape, expected in (((1, 1), [[7.0]]), ((1, 5), data[0, 0, 1:2]), ((3, 1), data[0, 0, :, 2:3])):
        for align_corners in (True, False):
            out = so.SpatialTransformer(
                data, so.identity_loc("affine", dtype="float64"), target_shape, align_corners=align_corners
            )
            np.testing.assert_array_equal(out[0, 0], expected)


SPECIAL = st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30, 3e38, 1e10, -1e10])


@pytest.mark.parametrize("combination", [MXNET_ROWS, ("affine", "bicubic", "reflection")], ids="-".join)
@given(value=SPECIAL, at=st.integers(0, 5), shape=SHAPES, target_shape=TARGETS, seed=SEEDS, dtype=DTYPES)
def test_special_numbers_in_loc(combination, value, at, shape, target_shape, seed, dtype):
    """NaN or infinite: the sample is NaN, gives nothing to the data and NaN to loc. Huge but finite: no NaN at all."""
    rng = np.random.default_rng(seed)
    data = rng.standard_normal(shape).astype(dtype)
    loc = random_loc(rng, "affine", shape[0], dtype)
    loc[0, at] = value
    out_grad = rng.standard_normal(shape[:2] + target_shape).astype(dtype) + 3
    out, grad_data, grad_loc = both_ways(data, loc, out_grad, target_shape, **options(combination))
    assert np.isfinite(grad_data).all()
    assert np.isfinite(out[1:]).all() and np.isfinite(grad_loc[1:]).all()
    if np.isfinite(value):
        assert np.isfinite(out).all() and np.isfinite(grad_loc).all()
    else:
        assert np.isnan(out[0]).all()
        assert not grad_data[0].any()
        assert np.isnan(grad_loc[0]).any()


@given(value=st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -3e38]), shape=SHAPES, target_shape=TARGETS, seed=SEEDS)
def test_special_numbers_in_data_stay_where_they_are_sampled(value, shape, target_shape, seed):
    """Only samples that give the pixel a weight see it; gradients with respect to the data do not depend on the data."""
    rng = np.random.default_rng(seed)
    data = rng.standard_normal(shape).astype("float32")
    loc = random_loc(rng, "affine", shape[0], "float32")
    out_grad = rng.standard_normal(shape[:2] + target_shape).astype("float32")
    y, x = rng.integers(shape[2]), rng.integers(shape[3])
    out, grad_data, _ = both_ways(data, loc, out_grad, target_shape)
    one = np.zeros_like(data)
    one[0, 0, y, x] = 1
    weights = so.SpatialTransformer(one, loc, target_shape)
    data[0, 0, y, x] = value
    spoilt, grad_spoilt, _ = both_ways(data, loc, out_grad, target_shape)
    assert same_bits(spoilt[weights == 0], out[weights == 0])
    assert np.isfinite(value) or not np.isfinite(spoilt[weights != 0]).any()
    assert same_bits(grad_spoilt, grad_data)


def test_a_sample_without_upstream_gradient_has_none():
    """0 upstream times NaN in the data is no gradient, so that a loss can mask what it must not see."""
    data = np.ones((1, 1, 6, 6))
    data[0, 0, :, :3] = np.nan
    loc = np.array([[1.0, 0, 0.05, 0, 1, 0.05]])
    out_grad = np.zeros((1, 1, 6, 6))
    out_grad[0, 0, 1:4, 4] = 1
    _, _, grad_loc = both_ways(data, loc, out_grad, (6, 6))
    assert np.isfinite(grad_loc).all()


REQUESTS = st.sampled_from(["write", "add", "null"])


@given(of_data=REQUESTS, of_loc=REQUESTS, form=st.sampled_from(["dict", "tuple"]), seed=SEEDS)
def test_every_grad_req(of_data, of_loc, form, seed):
    rng = np.random.default_rng(seed)
    data, loc = rng.standard_normal((2, 3, 5, 7)), random_loc(rng, "affine", 2, "float64")
    out_grad = rng.standard_normal((2, 3, 4, 6))
    out, *plain = both_ways(data, loc, out_grad, (4, 6))
    requests = {"data": of_data, "loc": of_loc} if form == "dict" else (of_data, of_loc)
    same_out, pullback = so.vjp(so.SpatialTransformer, data, loc, grad_req=requests, target_shape=(4, 6))
    given_arrays = [np.full_like(data, 100.0), np.full_like(loc, 1000.0)]
    before = [array.copy() for array in given_arrays]
    grads = pullback(out_grad, out=given_arrays)
    assert same_bits(out, same_out)
    for request, grad, mine, old, expected in zip((of_data, of_loc), grads, given_arrays, before, plain):
        if request == "null":
            assert grad is None and same_bits(mine, old)
        else:
            assert grad is mine
            np.testing.assert_allclose(mine, expected + (old if request == "add" else 0), rtol=1e-13, atol=1e-12)


def test_gradients_into_awkward_arrays():
    rng = np.random.default_rng(4)
    data, loc = rng.standard_normal((2, 3, 5, 7)).astype("float32"), random_loc(rng, "affine", 2, "float32")
    out_grad = rng.standard_normal((2, 3, 4, 6)).astype("float32")
    _, *plain = both_ways(data, loc, out_grad, (4, 6))
    into = [np.ones((2, 3, 5, 14), "float32")[..., ::2], np.ones((2, 6), ">f4")]
    _, pullback = so.vjp(so.SpatialTransformer, data, loc, grad_req="add", target_shape=(4, 6))
    pullback(out_grad, out=into)
    for got, expected in zip(into, plain):
        np.testing.assert_allclose(got, expected + 1, rtol=1e-5, atol=1e-5)


@given(seed=SEEDS, order=st.permutations([0, 1, 2, 0]))
def test_a_pullback_can_be_called_again_in_any_order(seed, order):
    rng = np.random.default_rng(seed)
    data, loc = rng.standard_normal((2, 2, 6, 5)), random_loc(rng, "affine", 2, "float64")
    out_grads = rng.standard_normal((3, 2, 2, 4, 7))
    _, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=(4, 7))
    expected = [both_ways(data, loc, g, (4, 7))[1:] for g in out_grads]
    for i in order:
        assert all(same_bits(a, b) for a, b in zip(pullback(out_grads[i]), expected[i]))


def test_out_is_written_and_returned():
    rng = np.random.default_rng(5)
    data, loc = rng.standard_normal((2, 3, 5, 7)).astype("float32"), random_loc(rng, "affine", 2, "float32")
    expected = so.SpatialTransformer(data, loc, (4, 6))
    for out in (
        np.empty((2, 3, 4, 6), "float32"),
        np.empty((2, 3, 6, 4), "float32").swapaxes(2, 3),
        np.empty((2, 3, 4, 6), ">f4"),
    ):
        assert so.SpatialTransformer(data, loc, (4, 6), out=out) is out
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("combination", COMBINATIONS, ids="-".join)
def test_strong_shrinking_and_huge_displacements(combination):
    """Tiles too wide for a window, whole, cut by the border and outside, agree with small tiles of the same image."""
    rng = np.random.default_rng(6)
    data = rng.standard_normal((1, 2, 400, 380))
    loc = random_loc(rng, combination[0], 1, "float64", spread=0.1)
    params = options(combination)
    out_grad = rng.standard_normal((1, 2, 20, 21))
    out, grad_data, grad_loc = both_ways(data, loc, out_grad, (20, 21), **params)
    v = rng.standard_normal(data.shape)
    image = so.SpatialTransformer(v, loc, (20, 21), **params)
    assert abs((out_grad * image).sum() - (grad_data * v).sum()) < 1e-11 * np.abs(out_grad).sum()
    # The same points, asked for one by one: a target of one pixel, whose transform is a translation.
    if combination[0] != "affine":
        return
    ys, xs = np.linspace(-1, 1, 20), np.linspace(-1, 1, 21)
    for i, j in ((0, 0), (3, 17), (10, 10), (19, 20), (19, 0)):
        x = loc[0, 0] * xs[j] + loc[0, 1] * ys[i] + loc[0, 2]
        y = loc[0, 3] * xs[j] + loc[0, 4] * ys[i] + loc[0, 5]
        one = so.SpatialTransformer(data, np.array([[1, 0, x, 0, 1, y]]), (1, 1), **params)
        np.testing.assert_allclose(out[:, :, i, j], one[:, :, 0, 0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_parameters_that_are_no_numbers_are_no_warnings(name, value):
    """Of every transform, every parameter: NumPy's part of the work keeps quiet, and so does every derivative."""
    rest = so.identity_loc(name, 1, control_points=4)
    loc = np.tile(rest, (rest.shape[1], 1))
    np.fill_diagonal(loc, value)
    data = np.ones((len(loc), 1, 4, 5), "float32")
    params = {"transform_type": name, "target_shape": (3, 4)}
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **params)
    assert len(pullback(np.full_like(out, value))) == 2
    grid, pullback = so.vjp(so.GridGenerator, loc, **params)
    assert pullback(np.full_like(grid, value))[0].shape == loc.shape
    for tangent in (loc, np.zeros_like(loc)):
        assert so.jvp(so.SpatialTransformer, (data, loc), (data, tangent), **params)[1].shape == out.shape
        assert so.jvp(so.GridGenerator, (loc,), (tangent,), **params)[1].shape == grid.shape
    if not np.isfinite(value):
        assert not np.isfinite(grid[:2]).all()
