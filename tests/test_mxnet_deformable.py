"""The deformable convolutions beside MXNet 1.9.1 itself: equal where MXNet is right, with its rule at the border."""

from itertools import product

import numpy as np
import pytest
import record_golden
from beside_mxnet import DTYPES, bound, compare, mx, nd, ours, theirs
from oracle import assert_same_answers
from tolerances import assert_close

import spatial_op as so

# MXNet 1.9.1 looks for csr_matrix where SciPy used to keep it.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `csr_matrix`:DeprecationWarning")

# (data's shape, num_filter, other parameters), as the recorded ones, and larger.
CASES = (
    ((2, 3, 5, 7), 4, {}),
    ((3, 2, 13, 11), 5, {"pad": (1, 1)}),
    ((2, 3, 12, 17), 5, {"stride": (2, 3), "pad": (3, 1)}),
    ((2, 3, 13, 11), 4, {"dilate": (2, 3), "pad": (1, 2)}),
    ((2, 3, 9, 7), 4, {"kernel": (3, 2), "pad": (1, 2)}),
    ((2, 3, 9, 7), 4, {"kernel": (2, 5), "pad": (0, 3)}),
    ((2, 37, 5, 7), 3, {"kernel": (1, 1)}),
    ((2, 3, 5, 7), 41, {"kernel": (1, 3), "pad": (0, 1), "no_bias": True}),
    ((1, 12, 7, 5), 6, {"pad": (1, 1), "num_group": 3}),
    ((1, 12, 7, 5), 6, {"pad": (1, 1), "num_deformable_group": 2}),
    ((2, 12, 7, 5), 6, {"pad": (1, 1), "num_group": 3, "num_deformable_group": 2}),
    ((2, 12, 7, 9), 8, {"kernel": (3, 2), "stride": (1, 2), "dilate": (2, 1), "pad": (2, 1), "num_group": 2, "num_deformable_group": 4}),
    ((2, 3, 1, 7), 4, {"pad": (1, 1)}),
    ((2, 3, 7, 1), 4, {"pad": (1, 1)}),
    ((1, 33, 29, 31), 35, {"pad": (1, 1), "stride": (2, 1)}),
)  # fmt: skip


def draw(shape, num_filter, params, dtype, modulated):
    """A call as the recorded ones, but of numbers that use every digit."""
    rng = np.random.default_rng(shape)
    call = record_golden.deformable_convolution(rng, shape, num_filter, params, dtype, modulated)
    inputs = {name: array + rng.uniform(-4e-3, 4e-3, array.shape) for name, array in call.inputs.items()}
    return call._replace(inputs={name: array.astype(dtype) for name, array in inputs.items()})


every_call = pytest.mark.parametrize(
    "call",
    [
        pytest.param(draw(*case, dtype, modulated), id=f"{'v2' if modulated else 'v1'}-{number}-{dtype}")
        for modulated, (number, case), dtype in product((False, True), enumerate(CASES), DTYPES)
    ],
)
either_version = pytest.mark.parametrize("modulated", [False, True], ids=["v1", "v2"])


@every_call
def test_ndarray(call):
    compare(call, theirs(call))


@every_call
def test_symbol(call):
    compare(call, bound(call))


@pytest.mark.parametrize("shape, kernel", [((2, 4, 9), (3,)), ((2, 4, 3, 4, 5), (2, 1, 3))], ids=["signals", "volumes"])
def test_signals_and_volumes(shape, kernel):
    """MXNet has no such operators; with its arrays and symbols this package's compute what they compute with NumPy's."""
    rng, axes, taps = np.random.default_rng(0), len(kernel), int(np.prod(kernel))
    target = [size - count + 1 for size, count in zip(shape[2:], kernel)]
    shapes = shape, (2, axes * taps, *target), (2, taps, *target), (6, 4, *kernel), (6,)
    arrays, params = [rng.standard_normal(one) for one in shapes], {"kernel": kernel, "num_filter": 6}
    op = so.ModulatedDeformableConvolution
    expected, pullback = so.vjp(op, *arrays, **params)
    inputs = [mx.nd.array(array, dtype="float64") for array in arrays]
    for value in inputs:
        value.attach_grad()
    with mx.autograd.record():
        out = op(*inputs, **params)
    out.backward()
    np.testing.assert_array_equal(out.asnumpy(), expected)
    for value, grad in zip(inputs, pullback(np.ones_like(expected))):
        np.testing.assert_array_equal(value.grad.asnumpy(), grad)
    symbol = op(*map(mx.sym.var, op.operator.inputs), **params)
    assert symbol.infer_shape(data=shape)[:2] == (list(shapes), [expected.shape])


def around(size):
    """Coordinates on both sides of each border and of a whole pixel."""
    inside = [0, 0.5, 1, size - 1.5, size - 1, size - 0.75, size - 0.001, np.nextafter(np.float32(size), np.float32(0))]
    return [-1.25, -1, -0.75, -0.25, -1e-9, -0.0, *inside, size, size + 0.25]


@either_version
@pytest.mark.parametrize("dtype", DTYPES)
def test_borders(dtype, modulated):
    """One sample of each image, at every pair of such coordinates."""
    places = np.array([*product(around(4), around(5))], dtype)
    size = len(places)
    rng = np.random.default_rng(6)
    inputs = {
        "data": np.tile(rng.normal(size=(2, 4, 5)), (size, 1, 1, 1)),
        "offset": places.reshape(size, 2, 1, 1),
        "mask": rng.normal(size=(size, 1, 1, 1)),
        "weight": rng.normal(size=(3, 2, 1, 1)),
        "bias": rng.normal(size=3),
    }
    params = {"kernel": (1, 1), "stride": (4, 5), "num_filter": 3}
    if modulated:
        params["im2col_step"] = size
    else:
        del inputs["mask"]
    call = record_golden.Call(
        "ModulatedDeformableConvolution" if modulated else "DeformableConvolution",
        {name: array.astype(dtype) for name, array in inputs.items()},
        params,
        rng.normal(size=(size, 3, 1, 1)).astype(dtype),
    )
    compare(call, theirs(call))


# The differences.


def contrib(call):
    return getattr(mx.nd.contrib, call.operator)


@pytest.fixture
def call():
    return draw((2, 3, 5, 7), 4, {"pad": (1, 1)}, "float64", modulated=False)


@pytest.fixture
def modulated_call():
    return draw((2, 3, 5, 7), 4, {"pad": (1, 1)}, "float64", modulated=True)


def test_add(call):
    """MXNet overwrites the gradients of data and offset that it should add to."""
    arrays = [nd(array) for array in call.inputs.values()]
    for array in arrays:
        array.attach_grad("add")
        array.grad[:] = 100
    with mx.autograd.record():
        out = contrib(call)(*arrays, **call.params)
    out.backward(nd(call.out_grad))
    _, *grads = ours(call)
    for array, grad, before in zip(arrays, grads, (0, 0, 100, 100)):
        assert_close(array.grad.asnumpy(), before + grad, grad.dtype, call.inputs["data"].shape)

    sums = [np.full_like(array, 100) for array in call.inputs.values()]
    _, pullback = so.vjp(so.DeformableConvolution, *call.inputs.values(), grad_req="add", **call.params)
    pullback(call.out_grad, out=sums)
    for total, grad in zip(sums, grads):
        assert_close(total, 100 + grad, grad.dtype, call.inputs["data"].shape)


def test_gradients_of_the_second_version(modulated_call):
    """MXNet has none on CPUs; here they are those of its first version where all samples lie inside, with a mask of 1."""
    arrays = [nd(array) for array in modulated_call.inputs.values()]
    arrays[3].attach_grad()
    with mx.autograd.record():
        out = contrib(modulated_call)(*arrays, **modulated_call.params)
    with pytest.raises(mx.base.MXNetError, match="only implemented in GPU"):
        out.backward(nd(modulated_call.out_grad))
        arrays[3].grad.asnumpy()

    inside = draw((2, 3, 6, 8), 4, {"stride": (2, 2)}, "float64", modulated=True)
    inputs = {**inside.inputs, "offset": inside.inputs["offset"] % 1, "mask": np.ones_like(inside.inputs["mask"])}
    second = inside._replace(inputs=inputs)
    first = inside._replace(
        operator="DeformableConvolution", inputs={name: inputs[name] for name in inputs if name != "mask"}
    )
    out, grad_data, grad_offset, _, grad_weight, grad_bias = ours(second)
    assert_same_answers((out, grad_data, grad_offset, grad_weight, grad_bias), theirs(first), first)


def test_batches_of_the_second_version():
    """MXNet takes 64 images at a time, and refuses a batch that does not divide into such."""
    call = draw((65, 1, 3, 4), 1, {"pad": (1, 1)}, "float64", modulated=True)
    with pytest.raises(mx.base.MXNetError, match="divide im2col_step"):
        theirs(call)
    compare(call, theirs(call._replace(params={**call.params, "im2col_step": 13})))


@either_version
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_no_numbers(call, modulated_call, modulated, value):
    """Samples there are zero in MXNet, whose gradient may end the process; here they are NaN."""
    call = modulated_call if modulated else call
    before = ours(call)[0]
    call.inputs["offset"][1, 0, 2, 3] = value
    found = contrib(call)(*map(nd, call.inputs.values()), **call.params).asnumpy()
    assert np.isfinite(found).all()

    out, _, grad_offset, *_ = ours(call)
    changed = np.zeros(out.shape, bool)
    changed[1, :, 2, 3] = True
    assert np.isnan(out[changed]).all()
    np.testing.assert_array_equal(out[~changed], before[~changed])
    assert np.isnan(grad_offset[1, 0, 2, 3])


@either_version
@pytest.mark.parametrize("value", [1e10, -1e30])
def test_huge_coordinates(call, modulated_call, modulated, value):
    """Samples there are zero in both."""
    call = modulated_call if modulated else call
    call.inputs["offset"][1, 0, 2, 3] = value
    compare(call, theirs(call))


@either_version
def test_float16(call, modulated_call, modulated):
    """MXNet has no product of float16 matrices on CPUs."""
    call = modulated_call if modulated else call
    half = call._replace(
        inputs={name: array.astype("float16") for name, array in call.inputs.items()},
        out_grad=call.out_grad.astype("float16"),
    )
    with pytest.raises(mx.base.MXNetError, match="FP16 gemm on cpu"):
        contrib(half)(*map(nd, half.inputs.values()), **half.params).asnumpy()

    results = ours(half)
    assert {result.dtype.name for result in results} == {"float16"}
    wide = half._replace(
        inputs={name: array.astype("float64") for name, array in half.inputs.items()},
        out_grad=half.out_grad.astype("float64"),
    )
    # Rounding to float16 takes half a unit of 2**-10; the computation before it is exact to float32.
    for result, exact in zip(results, ours(wide)):
        np.testing.assert_allclose(result, exact, rtol=2**-11, atol=1e-5 * np.abs(exact).max())


def test_batch_of_offset(call):
    """MXNet reads beyond the end of the offsets; here the call fails, and says why."""
    offset = call.inputs["offset"][:1]
    symbol = mx.sym.contrib.DeformableConvolution(*map(mx.sym.var, call.inputs), **call.params)
    assert symbol.infer_shape(data=(2, 3, 5, 7), offset=offset.shape)[1] == [(2, 4, 5, 7)]
    with pytest.raises(ValueError, match="DeformableConvolution: offset has shape"):
        so.DeformableConvolution(*{**call.inputs, "offset": offset}.values(), **call.params)
