"""``out_dtype="float32"`` of integer images: the bits of the same images in float32, in results, gradients and tangents, without a copy."""

import tracemalloc

import numpy as np
import pytest
from oracle import draw_grid
from test_integers import INTEGERS, call, either, images, last

import spatial_op as so
from spatial_op.dtypes import IMAGES
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS

# PyTorch's forward mode uses what PyTorch itself calls old.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

FLOATS = {"out_dtype": "float32"}


def same(found, expected):
    """Equal in every bit and in dtype, all NaN alike."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@either
@pytest.mark.parametrize("channels", (1, 3, 17))
@pytest.mark.parametrize("dtype", INTEGERS)
def test_results_are_those_of_floats(dtype, channels, axes):
    data, loc, target = call(axes, channels, dtype)
    expected = so.SpatialTransformer(data.astype("float32"), loc.astype("float32"), target)
    assert (expected != np.rint(expected)).mean() > 0.5
    for given in (data, last(data), data.astype(data.dtype.newbyteorder())):
        same(so.SpatialTransformer(given, loc.astype("float32"), target, **FLOATS), expected)
    out = np.empty_like(expected)
    assert so.SpatialTransformer(data, loc.astype("float32"), target, out=out, **FLOATS) is out
    same(out, expected)


@pytest.mark.parametrize("padding_mode", PADDINGS)
@pytest.mark.parametrize("sampler_type", SAMPLERS)
def test_every_row(sampler_type, padding_mode):
    data, loc, target = call(2, 3, "uint8")
    words = {"sampler_type": sampler_type, "padding_mode": padding_mode}
    same(
        so.SpatialTransformer(data, loc, target, **words, **FLOATS),
        so.SpatialTransformer(data.astype("float32"), loc, target, **words),
    )


@pytest.mark.parametrize("dtype", INTEGERS)
def test_grids_and_what_is_no_number(dtype):
    """Scattered, moved inside, by either operator; a sample without a point is NaN."""
    data, (_, grid, _) = images((2, 3, 37, 29), dtype), draw_grid((2, 3, 37, 29), (19, 45))
    grid[0, 0, 3, 4], grid[1, 1, 5, 6] = np.nan, np.inf
    for op, words in ((so.GridSampler, {"points_inside": True, "padding_mode": "border"}), (so.BilinearSampler, {})):
        same(op(data, grid, **words, **FLOATS), op(data.astype("float32"), grid, **words))
    assert np.isnan(so.GridSampler(data, grid, **FLOATS)[0, :, 3, 4]).all()


@pytest.mark.parametrize("words", [{"fill_value": (1, 250, 3.5)}, {"antialias": (2, 3)}, {"antialias": True}], ids=str)
def test_other_words(words):
    data, loc, target = call(2, 3, "uint8")
    for given in ((data, loc), (data[:1], loc), (data, loc[:1])):
        out, coverage = so.SpatialTransformer(*given, target, coverage=True, **words, **FLOATS)
        floats = given[0].astype("float32"), given[1]
        expected, inside = so.SpatialTransformer(*floats, target, coverage=True, **words)
        same(out, expected)
        same(coverage, inside)


@either
@pytest.mark.parametrize("dtype", INTEGERS)
def test_derivatives_are_those_of_floats(dtype, axes):
    data, loc, target = call(axes, 3, dtype)
    words, rng = {"target_shape": target}, np.random.default_rng(1)
    out_grad = rng.normal(size=(2, 3, *target)).astype("float32")
    moved = rng.normal(size=loc.shape)
    found = []
    for given, more in ((data, FLOATS), (data.astype("float32"), {})):
        out, pullback = so.vjp(so.SpatialTransformer, given, loc, grad_req={"data": "null"}, **words, **more)
        (_, grad), twice = so.vjp(pullback, given, loc, out_grad)
        _, tangent = so.jvp(so.SpatialTransformer, (given, loc), (None, moved), **words, **more)
        found.append(
            (out, tangent, grad.astype("float32"), *(part.astype("float32") for part in twice((None, moved))[1:]))
        )
    for ours, expected in zip(*found):
        same(ours, expected)


@pytest.mark.parametrize("padding_mode", PADDINGS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_warp(dtype, padding_mode):
    picture, volume, matrix = images((90, 70, 3), dtype), images((9, 20, 30), dtype), [[0.9, -0.3, 9.5], [0.2, 1.1, -7]]
    words = {"padding_mode": padding_mode, **FLOATS}
    expected = so.warp(picture.astype("float32"), matrix, padding_mode=padding_mode)
    same(so.warp(picture, matrix, **words), expected)
    displacement = np.random.default_rng(0).normal(scale=9, size=(3, 9, 20, 30))
    moved = so.warp(volume.astype("float32"), displacement=displacement, padding_mode=padding_mode)
    same(so.warp(volume, displacement=displacement, **words), moved)
    da = pytest.importorskip("dask.array")
    from spatial_op.dask import warp

    lazy = warp(da.from_array(picture, chunks=20), matrix, channel_axis=-1, chunks=30, **words)
    assert lazy.dtype == np.float32
    same(lazy.compute(scheduler="synchronous"), expected)
    away = warp(da.from_array(picture, chunks=20), [[1, 0, 1e4], [0, 1, 0]], channel_axis=-1, **words)
    same(away.compute(scheduler="synchronous"), so.warp(picture, [[1, 0, 1e4], [0, 1, 0]], **words))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_pytorch(dtype):
    """Eagerly, compiled and by the module, with gradients, tangents and second derivatives."""
    torch = pytest.importorskip("torch")
    from spatial_op.torch import SpatialTransformer

    data, loc, target = call(2, 3, dtype)
    expected, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=target, **FLOATS)
    grad = pullback(np.ones_like(expected))[1]
    tensor, words = torch.from_numpy(data), {"out_dtype": torch.float32}
    eager = lambda loc: so.SpatialTransformer(tensor, loc, target, **words)  # noqa: E731
    module = SpatialTransformer(target, **words)
    for run in (eager, lambda loc: module(tensor, loc), torch.compile(eager, backend="aot_eager")):
        given = torch.from_numpy(loc).requires_grad_()
        out = run(given)
        out.sum().backward()
        same(out.detach(), expected)
        np.testing.assert_array_equal(given.grad, grad)
    meta = so.SpatialTransformer(tensor.to("meta"), torch.from_numpy(loc).to("meta"), target, **words)
    assert meta.dtype == torch.float32 and meta.shape == expected.shape
    given, along = torch.from_numpy(loc), torch.ones(loc.shape, dtype=torch.float64)
    _, tangent = torch.func.jvp(eager, (given,), (along,))
    same(tangent, so.jvp(so.SpatialTransformer, (data, loc), (None, along.numpy()), target_shape=target, **FLOATS)[1])
    floats = lambda loc: so.SpatialTransformer(tensor.to(torch.float32), loc, target)  # noqa: E731
    second = [torch.func.hessian(lambda loc, run=run: run(loc).square().mean())(given) for run in (eager, floats)]
    np.testing.assert_array_equal(*second)


def test_pytorch_says_the_cure():
    torch = pytest.importorskip("torch")
    data, loc, target = call(2, 1, "uint8")
    tensors = torch.from_numpy(data), torch.from_numpy(loc).requires_grad_()
    with pytest.raises(
        TypeError, match=r"loc is differentiated and data has dtype uint8, .*; pass out_dtype=torch.float32, "
    ):
        so.SpatialTransformer(*tensors, target)
    with pytest.raises(
        TypeError, match="out_dtype is 'float64' and data has dtype uint8, expected None or torch.float32, "
    ):
        so.SpatialTransformer(tensors[0], tensors[1].detach(), target, out_dtype=torch.float64)
    with pytest.raises(TypeError, match="through which PyTorch passes no gradient"):
        so.SpatialTransformer(*tensors, target, out_dtype=torch.uint8)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_jax(dtype):
    """Compiled and not, with gradients, tangents and batches."""
    jax = pytest.importorskip("jax")
    data, loc, target = call(2, 3, dtype)
    data, loc = data, loc.astype("float32")
    expected, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=target, **FLOATS)
    grad = pullback(np.ones_like(expected))[1]
    warp = lambda *inputs: so.SpatialTransformer(*inputs, target, out_dtype=jax.numpy.float32)  # noqa: E731
    for run in (warp, jax.jit(warp)):
        same(run(jax.numpy.asarray(data), jax.numpy.asarray(loc)), expected)
        of_loc = lambda loc, run=run: run(jax.numpy.asarray(data), loc)  # noqa: E731
        found = jax.grad(lambda loc, of_loc=of_loc: of_loc(loc).sum())(jax.numpy.asarray(loc))
        np.testing.assert_allclose(found, grad, rtol=1e-5, atol=1e-5 * abs(grad).max())
        _, tangent = jax.jvp(of_loc, (jax.numpy.asarray(loc),), (jax.numpy.ones(loc.shape, "float32"),))
        wanted = so.jvp(so.SpatialTransformer, (data, loc), (None, np.ones_like(loc)), target_shape=target, **FLOATS)[1]
        same(tangent, wanted)
    many = jax.vmap(warp)(jax.numpy.asarray(data)[:, None], jax.numpy.asarray(loc)[:, None])
    same(many[:, 0], expected)


@pytest.mark.parametrize("dtype", IMAGES)
def test_what_cannot_be_asked_for(dtype):
    """Of any images: their own dtype changes nothing; another one is refused by all who take it."""
    data, loc, target = call(2, 1, "uint8")
    data, words = data.astype(dtype), {"sampler_type": "nearest"}
    expected = so.SpatialTransformer(data, loc, target, **words)
    np.testing.assert_array_equal(so.SpatialTransformer(data, loc, target, **words, out_dtype=dtype), expected)
    for other in ("uint8", "float64", "complex64"):
        if other != dtype:
            with pytest.raises(
                TypeError,
                match=f"^SpatialTransformer: out_dtype is '{other}' and data has dtype {dtype}, expected None",
            ):
                so.SpatialTransformer(data, loc, target, **words, out_dtype=other)
            with pytest.raises(
                TypeError, match=f"^warp: out_dtype is '{other}' and image has dtype {dtype}, expected None"
            ):
                so.warp(data[0, 0], np.eye(3), **words, out_dtype=other)
    for other in ("floats", 3, True, "(", object):
        with pytest.raises(TypeError, match="^SpatialTransformer: out_dtype is "):
            so.SpatialTransformer(data, loc, target, **words, out_dtype=other)


def test_onnx_refuses_it():
    onnx = pytest.importorskip("onnx", reason="without ONNX nothing is exported")
    from spatial_op.onnx import export

    assert onnx
    data, loc, target = call(2, 1, "uint8")
    with pytest.raises(ValueError, match="export: out_dtype is 'float32', expected None, since ONNX"):
        export(
            so.SpatialTransformer,
            data.astype("float32"),
            loc.astype("float32"),
            target_shape=target,
            out_dtype="float32",
        )


def test_images_are_not_copied():
    """Neither in results nor in gradients."""
    data, loc = images((1, 3, 1500, 1500), "uint8"), np.array([[0.9, 0.1, 0, -0.1, 0.9, 0]])
    words = {"target_shape": (9, 9), **FLOATS}
    pull = so.vjp(so.SpatialTransformer, data, loc, **words)[1]
    pull(np.ones((1, 3, 9, 9), "float32"))
    tracemalloc.start()
    so.SpatialTransformer(data, loc, **words)
    so.vjp(so.SpatialTransformer, data, loc, **words)[1](np.ones((1, 3, 9, 9), "float32"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < data.nbytes / 4
