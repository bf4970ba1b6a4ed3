"""The grid generator and the sampler beside MXNet 1.9.1 itself: equal where MXNet is right."""

import numpy as np
import pytest
import record_golden
from beside_mxnet import DTYPES, PLACES, SHAPES, bound, compare, mx, nd, theirs
from oracle import assert_same_answers

import spatial_op as so

# MXNet 1.9.1 looks for csr_matrix where SciPy used to keep it.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `csr_matrix`:DeprecationWarning")


# The calls, by name; MXNet's grid generator has float32 only.


def grids():
    for place, (centre, spread) in PLACES.items():
        for target_shape in ((5, 7), (13, 4), (1000, 3)):
            rng = np.random.default_rng(target_shape)
            loc = np.float32(centre + spread * rng.normal(size=(2, 6)))
            params = {"transform_type": "affine", "target_shape": target_shape}
            name = f"affine-{place}-{target_shape}".replace(" ", "_")
            yield name, record_golden.grid_generator(rng, loc, (2, 2, *target_shape), params)
    for shape in ((2, 2, 5, 7), (1, 2, 13, 4), (1, 2, 2, 301)):
        for spread in (0, 1, 100):
            rng = np.random.default_rng((spread, *shape))
            flow = np.float32(spread * rng.normal(size=shape))
            name = f"warp-{shape}-{spread}".replace(" ", "_")
            yield name, record_golden.grid_generator(rng, flow, shape, {"transform_type": "warp"})


def samples():
    for dtype in DTYPES:
        for shape, target_shape in SHAPES:
            for kind, rows in (("scattered", None), ("affine", [record_golden.ROTATED] * shape[0])):
                rng = np.random.default_rng(shape + target_shape)
                name = f"{kind}-{shape}-{dtype}".replace(" ", "_")
                yield name, record_golden.bilinear_sampler(rng, shape, target_shape, rows, dtype)


CALLS = {name: call for calls in (grids(), samples()) for name, call in calls}
every_call = pytest.mark.parametrize("name", CALLS)


@every_call
def test_grids_and_samples(name):
    compare(CALLS[name], theirs(CALLS[name]))


@pytest.mark.parametrize("name", [name for name in CALLS if "5,_7)" in name])
def test_grids_and_samples_as_symbols(name):
    compare(CALLS[name], bound(CALLS[name]))


@every_call
def test_grids_and_samples_add(name):
    """Unlike MXNet's spatial transformer, these add when they are told to."""
    call = CALLS[name]
    arrays = [nd(array) for array in call.inputs.values()]
    for array in arrays:
        array.attach_grad("add")
        array.grad[:] = 3
    with mx.autograd.record():
        out = getattr(mx.nd, call.operator)(*arrays, **call.params)
    out.backward(nd(call.out_grad))

    sums = [np.full_like(array, 3) for array in call.inputs.values()]
    result, pullback = so.vjp(getattr(so, call.operator), *call.inputs.values(), grad_req="add", **call.params)
    pullback(call.out_grad, out=sums)
    assert_same_answers((result, *sums), (out.asnumpy(), *(array.grad.asnumpy() for array in arrays)), call)


# The differences.


@pytest.mark.parametrize("target_shape", [(1, 1), (1, 3), (4, 1)])
def test_grid_of_size_one(target_shape):
    """MXNet divides by zero, in flows too; here the one coordinate of such an axis is 0, and nothing moves it."""
    loc = so.identity_loc("affine")
    assert np.isnan(mx.nd.GridGenerator(nd(loc), "affine", target_shape).asnumpy()).any()
    y, x = (np.linspace(-1, 1, size) if size > 1 else np.zeros(1) for size in target_shape)
    expected = np.stack(np.broadcast_arrays(x, y[:, None]))[None]
    np.testing.assert_allclose(so.GridGenerator(loc, "affine", target_shape), expected, atol=1e-7)

    flow = np.zeros((1, 2, *target_shape), "float32")
    assert np.isnan(mx.nd.GridGenerator(nd(flow), "warp").asnumpy()).any()
    flow[:, 0 if target_shape[1] == 1 else 1] = 5
    np.testing.assert_allclose(so.GridGenerator(flow, "warp"), expected, atol=1e-7)


def test_grids_are_float32_there():
    loc = so.identity_loc("affine", dtype="float64")
    with pytest.raises(mx.base.MXNetError, match="Other DTypes are not supported"):
        mx.nd.GridGenerator(nd(loc), "affine", (3, 5))
    assert so.GridGenerator(loc, "affine", (3, 5)).dtype == "float64"


def test_grids_of_many_points():
    """MXNet counts the pixels in float32: from 2**24 on, some are taken for the last one of the row before."""
    loc = so.identity_loc("affine")
    line = np.linspace(-1, 1, 4200)
    for generate, right in ((mx.nd.GridGenerator, False), (so.GridGenerator, True)):
        grid = generate(nd(loc) if generate is mx.nd.GridGenerator else loc, "affine", (4200, 4200))
        last_rows = (grid.asnumpy() if generate is mx.nd.GridGenerator else grid)[0, :, -300:]
        off = max(np.abs(last_rows[0] - line).max(), np.abs(last_rows[1] - line[-300:, None]).max())
        assert (off < 1e-6) == right
