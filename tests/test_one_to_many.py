"""One image under many transforms or grids, and many images under one: the bits of repeated arrays, and the sums of their gradients."""

import tracemalloc

import numba
import numpy as np
import pytest
from beside_reference import compare
from tables import COMBINATIONS, PAIRS, options, random_loc

import spatial_op as so

# PyTorch's own parts still use what it calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

MANY = 5
either_way = pytest.mark.parametrize(("images", "others"), [(1, MANY), (MANY, 1)], ids=["one image", "one map"])
SIZES = {1: ((9,), (70,)), 2: ((7, 9), (5, 70)), 3: ((4, 5, 6), (3, 4, 35))}


def repeated(array):
    """As many copies as there are of the others."""
    return array.repeat(MANY // len(array), 0)


def of_one(grads, inputs):
    """Gradients of the repeated arrays as those of what was repeated."""
    return [
        grad.sum(axis=0, keepdims=len(value) == 1) if len(value) == 1 else grad for grad, value in zip(grads, inputs)
    ]


def same(found, expected):
    """To rounding, as sums have another order."""
    assert found.shape == expected.shape and found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def drawn(axes, images, others, channels, combination=None):
    """Images, and parameters or a grid."""
    rng, (source, target) = np.random.default_rng(0), SIZES[axes]
    data = rng.normal(size=(images, channels, *source))
    if combination is None:
        return so.GridSampler, (data, rng.uniform(-1.4, 1.4, (others, axes, *target))), {}
    loc = random_loc(rng, combination[0], others, "float64", 0.4 if axes == 2 else 0.2, axes)
    return so.SpatialTransformer, (data, loc), options(combination, target_shape=target)


@either_way
@pytest.mark.parametrize("combination", COMBINATIONS, ids="-".join)
def test_transforms_beside_the_reference(combination, images, others):
    op, inputs, params = drawn(2, images, others, 3, combination)
    compare(op, inputs, np.random.default_rng(1).normal(size=(MANY, 3, *params["target_shape"])), **params)


@either_way
@pytest.mark.parametrize(("axes", "pair"), [(axes, pair) for axes, pairs in PAIRS.items() for pair in pairs])
def test_grids_beside_the_reference(axes, pair, images, others):
    op, inputs, _ = drawn(axes, images, others, 2)
    out_grad = np.random.default_rng(1).normal(size=(MANY, 2, *SIZES[axes][1]))
    compare(op, inputs, out_grad, sampler_type=pair[0], padding_mode=pair[1])


CALLS = {
    "grid": (2, None), "grid of volumes": (3, None), "affine": (2, ("affine", "bilinear", "zeros")),
    "spline": (2, ("tps", "bilinear", "zeros")), "affine volumes": (3, ("affine", "bilinear", "zeros")),
}  # fmt: skip


@either_way
@pytest.mark.parametrize("channels", [1, 3, 37])
@pytest.mark.parametrize("side_by_side", [False, True], ids=["planes", "channels last"])
@pytest.mark.parametrize("name", CALLS)
def test_bits_of_the_repeated_arrays(name, side_by_side, channels, images, others):
    """What is summed is the same to rounding; all else to the bit. So are derivatives of the second order."""
    axes, combination = CALLS[name]
    op, inputs, params = drawn(axes, images, others, channels, combination)
    if side_by_side:
        data = inputs[0]
        inputs = np.moveaxis(np.ascontiguousarray(np.moveaxis(data, 1, -1)), -1, 1), inputs[1]
    copies = tuple(map(repeated, inputs))
    (out, pullback), (expected, pullback_of_copies) = so.vjp(op, *inputs, **params), so.vjp(op, *copies, **params)
    np.testing.assert_array_equal(out, expected)
    rng = np.random.default_rng(2)
    out_grad = rng.normal(size=out.shape)
    grads = pullback(out_grad), pullback_of_copies(out_grad)
    for one, other, value in zip(grads[0], of_one(grads[1], inputs), inputs):
        same(one, other)
        assert len(value) == 1 or one.tobytes() == other.tobytes()
    moved = [rng.normal(size=value.shape) for value in inputs]
    moved_copies = list(map(repeated, moved))
    along, expected = so.jvp(op, inputs, moved, **params), so.jvp(op, copies, moved_copies, **params)
    np.testing.assert_array_equal(along[1], expected[1])
    found = so.jvp(pullback, (*inputs, out_grad), (*moved, None))[1]
    expected = so.jvp(pullback_of_copies, (*copies, out_grad), (*moved_copies, None))[1]
    for one, other in zip(found, of_one(expected, inputs)):
        same(one, other)
    _, adding = so.vjp(op, *inputs, grad_req="add", **params)
    there = [np.ones_like(grad) for grad in grads[0]]
    for one, grad in zip(adding(out_grad, out=there), grads[0]):
        same(one, grad + 1)


@either_way
def test_any_number_of_threads(images, others):
    rng = np.random.default_rng(3)
    for channels in (1, 3, 33):
        data = rng.normal(size=(images, channels, 40, 50)).astype("float32")
        for op, given, params in (
            (so.SpatialTransformer, random_loc(rng, "affine", others, "float32"), {"target_shape": (140, 150)}),
            (so.GridSampler, rng.uniform(-2, 2, (others, 2, 140, 150)).astype("float32"), {}),
        ):
            seen = set()
            out_grad = rng.normal(size=(MANY, channels, 140, 150)).astype("float32")
            for count in (1, numba.config.NUMBA_NUM_THREADS):
                numba.set_num_threads(count)
                out, pullback = so.vjp(op, data, given, **params)
                seen.add(b"".join(array.tobytes() for array in (out, *pullback(out_grad))))
            assert len(seen) == 1


def test_crops_cost_no_memory_beside_their_results():
    """200 crops from one map of features, forward and backward."""
    rng = np.random.default_rng(4)
    features = rng.normal(size=(1, 64, 64, 64)).astype("float32")
    loc = np.tile(np.array([[0.2, 0, 0, 0, 0.2, 0]], "float32"), (200, 1))
    loc[:, [2, 5]] = rng.uniform(-0.8, 0.8, (200, 2))
    out, pullback = so.vjp(so.SpatialTransformer, features, loc, target_shape=(14, 14))
    pullback(out)  # compiled
    tracemalloc.start()
    try:
        crops = so.SpatialTransformer(features, loc, (14, 14))
        assert tracemalloc.get_traced_memory()[1] < crops.nbytes + 2**18
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        grads = pullback(out)
        assert tracemalloc.get_traced_memory()[1] - before < sum(grad.nbytes for grad in grads) + 2**18
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("channels", [3, 70])
def test_gradients_of_one_grid_are_not_kept_for_each_of_many_images(channels):
    rng = np.random.default_rng(7)
    data, grid = rng.normal(size=(50, channels, 6, 7)), rng.uniform(-1.2, 1.2, (1, 2, 40, 50))
    out, pullback = so.vjp(so.GridSampler, data, grid)
    expected, pullback_of_copies = so.vjp(so.GridSampler, data, grid.repeat(50, 0))
    np.testing.assert_array_equal(out, expected)
    pullback(out)  # compiled
    tracemalloc.start()
    try:
        grad_data, grad_grid = pullback(out)
        assert tracemalloc.get_traced_memory()[1] < grad_data.nbytes + 30 * grid.nbytes
    finally:
        tracemalloc.stop()
    each_data, each_grid = pullback_of_copies(out)
    np.testing.assert_array_equal(grad_data, each_data)
    same(grad_grid, each_grid.sum(0, keepdims=True))
    there = [np.ones(data.shape), np.ones(grid.shape)]
    so.vjp(so.GridSampler, data, grid, grad_req="add")[1](out, out=there)
    same(there[1], grad_grid + 1)
    moved = rng.normal(size=data.shape), rng.normal(size=grid.shape)
    found = so.jvp(pullback, (data, grid, out), (*moved, None))[1]
    copies = so.jvp(pullback_of_copies, (data, grid.repeat(50, 0), out), (moved[0], moved[1].repeat(50, 0), None))[1]
    np.testing.assert_array_equal(found[0], copies[0])
    same(found[1], copies[1].sum(0, keepdims=True))


def test_batches_of_no_sample():
    data, loc = np.ones((1, 2, 4, 5)), np.empty((0, 6))
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=(3, 3))
    assert out.shape == (0, 2, 3, 3)
    np.testing.assert_array_equal(pullback(out)[0], np.zeros(data.shape))
    assert so.SpatialTransformer(data[:0], np.zeros((1, 6)), (3, 3)).shape == (0, 2, 3, 3)


def torch_calls(torch):
    """Calls of both operators, and the same of repeated tensors."""

    def warp(data, given):
        if given.ndim == 2:
            return so.SpatialTransformer(data, given, target_shape=(4, 3))
        return so.GridSampler(data, given)

    def copies(data, given):
        count = max(len(data), len(given))
        return warp(*(value.expand(count, *(-1,) * (value.ndim - 1)) for value in (data, given)))

    return warp, copies


@either_way
@pytest.mark.parametrize("tail", [(6,), (2, 4, 3)], ids=["transform", "grid"])
def test_pytorch(tail, images, others):
    torch = pytest.importorskip("torch")
    warp, copies = torch_calls(torch)
    rng = np.random.default_rng(5)

    def random(*shape):
        return torch.tensor(rng.normal(size=shape), requires_grad=True)

    data, given = random(images, 2, 5, 6), random(others, *tail)
    out = warp(data, given)
    assert torch.equal(out, copies(data, given))
    cotangent = random(*out.shape)
    grads = [torch.autograd.grad(call(data, given), (data, given), cotangent) for call in (warp, copies)]
    for one, other in zip(*grads):
        torch.testing.assert_close(one, other)
    assert torch.autograd.gradcheck(warp, (data, given), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(warp, (data, given))
    data, given = data.detach(), given.detach()

    def loss(data, given):
        return warp(data, given).sin().sum()

    more = torch.tensor(rng.normal(size=(3, images, 2, 5, 6))), torch.tensor(rng.normal(size=(3, others, *tail)))
    for dims in ((0, None), (None, 0), (0, 0)):
        values = [many if dim == 0 else one for many, one, dim in zip(more, (data, given), dims)]
        each = [[value[i] if dim == 0 else value for value, dim in zip(values, dims)] for i in range(3)]
        assert torch.equal(torch.vmap(warp, dims)(*values), torch.stack([warp(*one) for one in each]))
        found = torch.vmap(torch.func.grad(loss, (0, 1)), dims)(*values)
        expected = zip(*(torch.func.grad(loss, (0, 1))(*one) for one in each))
        for grad, exact in zip(found, map(torch.stack, expected)):
            torch.testing.assert_close(grad, exact)


def test_pytorch_exports_any_number_of_transforms():
    torch = pytest.importorskip("torch")

    class Crops(torch.nn.Module):
        def forward(self, data, loc):
            return so.SpatialTransformer(data, loc, target_shape=(4, 3))

    data, loc = torch.rand(1, 2, 5, 6), torch.rand(3, 6)
    program = torch.export.export(Crops(), (data, loc), dynamic_shapes=({}, {0: torch.export.Dim("crops")}))
    more = torch.rand(7, 6)
    assert torch.equal(program.module()(data, more), Crops()(data, more))


@either_way
@pytest.mark.parametrize("name", ["affine", "tps", "grid"])
def test_jax(name, images, others):
    jax = pytest.importorskip("jax")
    from jax import numpy as jnp

    rng, tail = np.random.default_rng(6), {"affine": (6,), "tps": (18,), "grid": (2, 4, 3)}[name]

    def random(*shape):
        return jnp.asarray(rng.normal(size=shape), "float32")

    def warp(data, given):
        if name == "grid":
            return so.GridSampler(data, given)
        return so.SpatialTransformer(data, given, target_shape=(4, 3), transform_type=name)

    def copies(data, given):
        return warp(*(jnp.broadcast_to(value, (MANY, *value.shape[1:])) for value in (data, given)))

    def loss(data, given):
        return jnp.sin(warp(data, given)).sum()

    inputs, moved = ((random(images, 2, 5, 6), random(others, *tail)) for _ in range(2))
    (out, pull), (expected, pull_copies) = jax.vjp(jax.jit(warp), *inputs), jax.vjp(copies, *inputs)
    np.testing.assert_array_equal(out, expected)
    close = {"rtol": 1e-4, "atol": 1e-4}
    for one, other in zip(pull(out), pull_copies(out)):
        np.testing.assert_allclose(one, other, **close)
    np.testing.assert_allclose(jax.jvp(warp, inputs, moved)[1], jax.jvp(copies, inputs, moved)[1], **close)
    both = jnp.stack([inputs[1], moved[1]])
    np.testing.assert_array_equal(
        jax.vmap(warp, (None, 0))(inputs[0], both), jnp.stack([warp(inputs[0], one) for one in both])
    )
    found = jax.vmap(jax.grad(loss), (None, 0))(inputs[0], both)
    np.testing.assert_allclose(found, jnp.stack([jax.grad(loss)(inputs[0], one) for one in both]), **close)


@either_way
def test_dask(images, others):
    pytest.importorskip("dask")
    from dask import array as da

    op, inputs, params = drawn(2, images, others, 3, ("affine", "bilinear", "zeros"))
    lazy = [da.from_array(value, chunks=(2, *value.shape[1:])) for value in inputs]
    found = op(*lazy, **params)
    assert found.numblocks[0] == 3
    np.testing.assert_array_equal(found.compute(scheduler="synchronous"), op(*inputs, **params))


def test_onnx_shares_nothing():
    pytest.importorskip("onnx")
    from spatial_op.onnx import export

    with pytest.raises(
        ValueError, match=r"^export: grid has 5 samples and data has 1, expected as many, since .*; repeat the one\.$"
    ):
        export(so.GridSampler, np.zeros((1, 1, 3, 3), "float32"), np.zeros((5, 2, 3, 3), "float32"))
