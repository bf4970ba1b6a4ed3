"""The package beside MXNet 1.9.1 itself: equal where MXNet is right, and different in the ways that docs/differences.md lists."""

import numpy as np
import pytest
import record_golden
from beside_mxnet import DTYPES, PLACES, SHAPES, bound, compare, mx, nd, ours, theirs
from oracle import assert_same_answers
from tolerances import assert_close

import spatial_op as so

# MXNet 1.9.1 looks for csr_matrix where SciPy used to keep it.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `csr_matrix`:DeprecationWarning")


def draw(shape, target_shape, place, dtype):
    centre, spread = PLACES[place]
    rng = np.random.default_rng(shape + target_shape)
    rows = centre + spread * rng.normal(size=(shape[0], 6))
    return record_golden.inputs(rng, shape, target_shape, rows, dtype)


def warp(data, loc, out_grad):
    return record_golden.spatial_transformer(data, loc, out_grad)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape, target_shape", SHAPES)
def test_ndarray(shape, target_shape, place, dtype):
    call = warp(*draw(shape, target_shape, place, dtype))
    compare(call, theirs(call))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape, target_shape", SHAPES)
def test_symbol(shape, target_shape, dtype):
    call = warp(*draw(shape, target_shape, "near the identity", dtype))
    compare(call, bound(call))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", record_golden.ON_PIXELS)
def test_on_the_border(row, dtype):
    """Samples exactly at whole pixels, those of the border and those around it: the derivative from the right."""
    call = warp(*record_golden.inputs(np.random.default_rng(5), (1, 2, 5, 9), (3, 17), (row,), dtype))
    compare(call, theirs(call))


def test_golden_file_is_what_mxnet_answers():
    with np.load(record_golden.GOLDEN) as golden:
        for case, call in record_golden.calls():
            inputs = {name: golden[f"{case}/{name}"] for name in call.inputs}
            again = call._replace(inputs=inputs, out_grad=golden[f"{case}/out_grad"])
            recorded = [golden[f"{case}/{name}"] for name in record_golden.results(call)]
            assert_same_answers(theirs(again), recorded, again)


# The differences.


@pytest.fixture
def arrays():
    return draw((2, 3, 5, 7), (4, 6), "near the identity", "float64")


def test_add(arrays):
    """MXNet overwrites what it should add to."""
    data, loc, out_grad = arrays
    images, parameters = nd(data), nd(loc)
    images.attach_grad("add")
    parameters.attach_grad("add")
    images.grad[:], parameters.grad[:] = 100, 1000
    with mx.autograd.record():
        out = mx.nd.SpatialTransformer(images, parameters, (4, 6), "affine", "bilinear")
    out.backward(nd(out_grad))
    _, grad_data, grad_loc = ours(warp(*arrays))
    assert_close(images.grad.asnumpy(), grad_data, data.dtype, data.shape)
    assert_close(parameters.grad.asnumpy(), grad_loc, data.dtype, data.shape)

    sums = np.full(data.shape, 100.0), np.full(loc.shape, 1000.0)
    _, pullback = so.vjp(so.SpatialTransformer, data, loc, grad_req="add", target_shape=(4, 6))
    pullback(out_grad, out=sums)
    assert_close(sums[0], 100 + grad_data, data.dtype, data.shape)
    assert_close(sums[1], 1000 + grad_loc, data.dtype, data.shape)


def test_second_backward(arrays):
    """MXNet's first backward overwrites the coordinates that the second one needs."""
    data, loc, out_grad = arrays
    images, parameters = nd(data), nd(loc)
    images.attach_grad()
    parameters.attach_grad()
    with mx.autograd.record():
        out = mx.nd.SpatialTransformer(images, parameters, (4, 6), "affine", "bilinear")
    answers = []
    for _ in range(2):
        out.backward(nd(out_grad), retain_graph=True)
        answers.append((images.grad.asnumpy(), parameters.grad.asnumpy()))
    for first, second in zip(*answers):
        assert np.abs(first - second).max() > 0.1 * np.abs(first).max()

    _, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=(4, 6))
    for grads in (pullback(out_grad), pullback(out_grad)):
        for grad, first in zip(grads, answers[0]):
            assert_close(grad, first, data.dtype, data.shape)


@pytest.mark.parametrize("target_shape", [(1, 1), (1, 3), (4, 1)])
def test_target_size_of_one(target_shape):
    """MXNet divides by zero; here the one coordinate of such an axis is 0, the centre."""
    data = np.arange(35.0).reshape(1, 1, 5, 7)
    loc = np.array([[1.0, 0, 0, 0, 1, 0]])
    out, grad_data, grad_loc = theirs(warp(data, loc, np.ones((1, 1, *target_shape))))
    assert np.isnan(out).all()
    assert (grad_data == 0).all()
    assert np.isnan(grad_loc).all()

    rows = [2] if target_shape[0] == 1 else [0, 4 / 3, 8 / 3, 4]
    columns = [3] if target_shape[1] == 1 else [0, 3, 6]
    found = ours(warp(data, loc, np.ones((1, 1, *target_shape))))
    expected = 7 * np.array(rows)[:, None] + np.array(columns)
    np.testing.assert_allclose(found[0][0, 0], expected, rtol=1e-14)
    assert found[1].sum() == pytest.approx(len(rows) * len(columns))
    assert np.isfinite(found[2]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_no_numbers(arrays, value):
    """MXNet's gradient is NaN for the other row of the matrix and 0 for the one at fault; here it is NaN for both."""
    data, loc, out_grad = arrays
    loc[0, 2] = value
    for result, row_at_fault in ((theirs(warp(*arrays)), 0), (ours(warp(*arrays)), np.nan)):
        out, grad_data, grad_loc = result
        assert np.isnan(out[0]).all()
        assert (grad_data[0] == 0).all()
        np.testing.assert_array_equal(grad_loc[0], [row_at_fault] * 3 + [np.nan] * 3)
        assert np.isfinite(out[1]).all()
        assert np.isfinite(grad_data[1]).all()
        assert np.isfinite(grad_loc[1]).all()


@pytest.mark.parametrize("value", [1e10, -1e30])
def test_huge_coordinates(arrays, value):
    """Both say zero."""
    data, loc, out_grad = arrays
    loc[:, 2] = value
    for results in (theirs(warp(*arrays)), ours(warp(*arrays))):
        for result in results:
            assert (result == 0).all()


@pytest.mark.parametrize("which", ["data", "both"])
def test_float16(arrays, which):
    """MXNet has neither a product of float16 matrices on CPUs nor a way to mix precisions."""
    data, loc, out_grad = arrays
    half = [data.astype("float16"), loc.astype("float16" if which == "both" else "float32"), out_grad.astype("float16")]
    with pytest.raises(mx.base.MXNetError, match="FP16 gemm on cpu" if which == "both" else "Non-uniform data type"):
        mx.nd.SpatialTransformer(nd(half[0]), nd(half[1]), (4, 6), "affine", "bilinear").asnumpy()

    results = ours(warp(*half))
    assert [result.dtype for result in results] == [half[0].dtype, half[0].dtype, half[1].dtype]
    exact = ours(warp(*(array.astype("float64") for array in half)))
    # Rounding to float16 takes half a unit of 2**-10; the computation before it is exact to float32.
    np.testing.assert_allclose(results[0], exact[0], rtol=2**-11, atol=1e-5 * np.abs(data).max())
    np.testing.assert_allclose(results[1], exact[1], rtol=2**-11, atol=1e-5 * np.abs(exact[1]).max())


def test_batch_of_loc(arrays):
    """MXNet infers a shape and fails when it computes; here the call fails, and says why."""
    data, loc, _ = arrays
    loc = np.concatenate([loc, loc])
    warped = mx.sym.SpatialTransformer(mx.sym.var("data"), mx.sym.var("loc"), (4, 6), "affine", "bilinear")
    assert warped.infer_shape(data=data.shape, loc=loc.shape)[1] == [(2, 3, 4, 6)]
    with pytest.raises(mx.base.MXNetError, match="new and old shape do not match"):
        mx.nd.SpatialTransformer(nd(data), nd(loc), (4, 6), "affine", "bilinear").asnumpy()

    with pytest.raises(ValueError, match="SpatialTransformer: loc has shape \\(4, 6\\), expected \\(2, 6\\)"):
        so.SpatialTransformer(data, loc, (4, 6), "affine", "bilinear")


def test_identity_is_exact():
    """In float32, MXNet's identity is off by rounding in the coordinates; here it returns the data."""
    data = np.random.default_rng(0).normal(size=(1, 2, 61, 67)).astype("float32")
    loc = so.identity_loc("affine")
    theirs = mx.nd.SpatialTransformer(nd(data), nd(loc), (61, 67), "affine", "bilinear").asnumpy()
    assert (theirs != data).any()
    assert (so.SpatialTransformer(data, loc, (61, 67), "affine", "bilinear") == data).all()
