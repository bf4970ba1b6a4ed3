"""What lies outside has a value: against the reference, against images moved by it, in every framework, and refused."""

import warnings

import numpy as np
import pytest
from beside_reference import compare
from oracle import draw_grid
from tables import PAIRS, in_turn

import reference
import spatial_op as so
from reference.pixels import in_dtype
from spatial_op.dtypes import DTYPES

# Shape and target shape by the number of axes; groups of channels of every size, and more than a tile.
SIZES = {1: ((19,), (70,)), 2: ((5, 19), (17, 4)), 3: ((4, 5, 7), (6, 3, 8))}
CHANNELS = (1, 3, 7, 37)
SAMPLERS = [
    (axes, sampler, channels)
    for axes, pairs in PAIRS.items()
    for sampler, counts in in_turn([name for name, padding in pairs if padding == "zeros"], CHANNELS)
    for channels in counts
]
TURN = np.array([[0.8, -0.5, 0.1, 0.6, 0.9, -0.2]])


def fills(channels):
    """One number for all channels, and one for each."""
    return -0.7, np.random.default_rng(2).normal(size=channels)


def column(fill, axes):
    """The fill so that NumPy spreads it over images."""
    return np.reshape(fill, (-1, *(1,) * axes))


@pytest.mark.parametrize(("axes", "sampler_type", "channels"), SAMPLERS)
@pytest.mark.parametrize("align_corners", [True, False])
def test_reference(axes, sampler_type, channels, align_corners):
    source, target = SIZES[axes]
    data, grid, out_grad = draw_grid((2, channels, *source), target)
    for fill in fills(channels):
        rules = {"sampler_type": sampler_type, "align_corners": align_corners, "fill_value": fill}
        compare(so.GridSampler, (data, grid), out_grad, **rules)


@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize("channels", CHANNELS)
def test_images_moved_by_the_fill(channels, side_by_side):
    """Tiles inside, at borders and outside: equal to sampling ``data - fill`` and adding it."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(1, 70, 90, channels)).transpose(0, 3, 1, 2)
    if not side_by_side:
        data = np.ascontiguousarray(data)
    for fill in fills(channels):
        out, pullback = so.vjp(so.SpatialTransformer, data, TURN, target_shape=(130, 140), fill_value=fill)
        moved, pullback_moved = so.vjp(so.SpatialTransformer, data - column(fill, 2), TURN, target_shape=(130, 140))
        np.testing.assert_allclose(out, moved + column(fill, 2), rtol=0, atol=1e-14)
        out_grad = rng.normal(size=out.shape)
        for grad, expected in zip(pullback(out_grad), pullback_moved(out_grad)):
            np.testing.assert_allclose(grad, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("axes", SIZES)
def test_derivatives_of_any_order(axes):
    """All of them are those of images moved by the fill, of which the result is not linear, but affine."""
    source, target = SIZES[axes]
    rng, fill = np.random.default_rng(1), 2.5
    data, grid, out_grad = draw_grid((2, 3, *source), target)
    tangents = rng.normal(size=data.shape), 0.1 * rng.normal(size=grid.shape)
    found = []
    for image, more in ((data, {"fill_value": fill}), (data - fill, {})):
        _, pullback = so.vjp(so.GridSampler, image, grid, **more)
        call = so.GridSampler.operator.prepare(image, grid, **more)
        found.append([
            so.jvp(so.GridSampler, (image, grid), tangents, **more)[1],
            *so.jvp(pullback, (image, grid, out_grad), (*tangents, None))[1],
            call.second_tangent(tangents, (tangents[0][::-1], tangents[1])),
        ])  # fmt: skip
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(other).max())


@pytest.mark.parametrize("fill", [np.nan, np.inf])
def test_what_is_no_number_stays_outside(fill):
    """A tap outside whose weight is zero is not looked at."""
    data = np.arange(12.0).reshape(1, 1, 3, 4)
    identity = so.identity_loc("affine", dtype="float64")
    np.testing.assert_array_equal(so.SpatialTransformer(data, identity, (3, 4), fill_value=fill), data)
    right = np.array([[1.0, 0, 2 / 3, 0, 1, 0]])  # one pixel
    out = so.SpatialTransformer(data, right, (3, 4), fill_value=fill)
    np.testing.assert_array_equal(out[..., :3], data[..., 1:])
    np.testing.assert_array_equal(out[..., 3], np.full((1, 1, 3), fill))


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype):
    data = np.ones((2, 3, 4, 5), dtype)
    far = np.full((2, 2, 1, 1), 9, dtype)
    out = so.GridSampler(data, far, fill_value=(0.25, 3, -2))
    assert out.dtype == dtype
    np.testing.assert_array_equal(out[0, :, 0, 0], [0.25, 3, -2])


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int16", "int64", "uint64", "bool", "complex64", "complex128"])
def test_pictures(dtype):
    dtype = np.dtype(dtype)
    image = np.random.default_rng(3).integers(0, 2, (9, 11, 2)).astype(dtype)
    fill = {"b": 1, "c": (1 + 2j, -3j), "u": (7, 200), "i": (-7, 100), "f": (-0.5, 2)}[dtype.kind]
    if dtype.itemsize == 8 and dtype.kind in "iu":
        fill = np.array([2**62 + 1, 5], dtype)
    away = so.warp(image, [[1, 0, 99], [0, 1, 0]], fill_value=fill)
    assert away.dtype == dtype
    np.testing.assert_array_equal(away, np.broadcast_to(np.asarray(fill, dtype), image.shape))
    matrix = np.array([[0.9137, -0.4071, 4.5313], [0.3053, 1.1071, -3.2573]])
    if dtype.itemsize < 8 or dtype.kind == "c":
        expected = in_dtype(reference.warp(image, matrix, fill_value=fill), dtype)
        close = 1e-5 if dtype.kind in "fc" else dtype.itemsize == 1  # half a number is rounded in float32
        np.testing.assert_allclose(so.warp(image, matrix, fill_value=fill), expected, rtol=0, atol=close)
    volume = np.random.default_rng(4).normal(size=(4, 5, 6))
    moved = np.eye(4)[:3] + 0.1
    expected = reference.warp(volume, moved, fill_value=0.5)
    np.testing.assert_allclose(so.warp(volume, moved, fill_value=0.5), expected, rtol=0, atol=1e-12)
    still = np.full((2, 9, 11), 0.3)
    expected = reference.warp(volume[0], displacement=still[:, :5, :6], fill_value=0.5)
    found = so.warp(volume[0], displacement=still[:, :5, :6], fill_value=0.5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


REFUSED = [
    (so.GridSampler, {"fill_value": "black"}, TypeError, r"fill_value is 'black', expected a number, or one for each of 3 channels; pass .*"),
    (so.GridSampler, {"fill_value": None}, TypeError, r"fill_value is None, expected a number, .*"),
    (so.GridSampler, {"fill_value": True}, TypeError, r"fill_value is True, expected a number, .*"),
    (so.GridSampler, {"fill_value": 1j}, TypeError, r"fill_value is 1j, expected a number, .*"),
    (so.GridSampler, {"fill_value": [[1], [2, 3]]}, TypeError, r"fill_value is \[\[1\], \[2, 3\]\], expected a number, .*"),
    (so.GridSampler, {"fill_value": (1, 2)}, ValueError, r"fill_value has shape \(2,\), expected a number, .*"),
    (so.GridSampler, {"fill_value": [[1, 2, 3]]}, ValueError, r"fill_value has shape \(1, 3\), expected a number, .*"),
    (so.GridSampler, {"fill_value": 1, "padding_mode": "border"}, ValueError,
     r"fill_value is 1 and padding_mode is 'border', expected 'zeros' with it, since .*; pass padding_mode='zeros', or .*"),
    (so.GridSampler, {"fill_value": 1e39}, ValueError, r"fill_value is 1e\+39 and the images have dtype float32, expected .* it holds; pass .*"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "params", "error", "sentence"), REFUSED)
def test_refused(op, params, error, sentence):
    data, grid = np.ones((2, 3, 4, 5), "float32"), np.zeros((2, 2, 3, 3), "float32")
    with pytest.raises(error, match=rf"^{op.__name__}: {sentence}\.$"):
        op(data, grid, **params)


def test_integers_are_filled_with_what_they_hold():
    image = np.zeros((4, 5), "uint8")
    for wrong in (256, -1, np.nan):
        with pytest.raises(
            ValueError, match=r"^warp: fill_value is .* and the images have dtype uint8, expected .*\.$"
        ):
            so.warp(image, np.eye(3), fill_value=wrong)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64"])
@pytest.mark.parametrize("fill", [0.5, 1.5, 2.5, 126.7])
def test_the_fill_of_integers_is_rounded_to_even(fill, dtype):
    """Where it is mixed with a pixel, after that."""
    image = np.full((1, 1, 2, 4), 7, dtype)
    far, half = np.float32([[1, 0, 9, 0, 1, 0]]), np.float32([[1, 0, 1 / 3, 0, 1, 0]])
    out = so.SpatialTransformer(image, far, (2, 4), sampler_type="nearest", fill_value=fill)
    assert out.dtype == dtype and (out == np.rint(fill)).all()
    mixed = so.warp(image[0, 0], [[1, 0, 0.5], [0, 1, 0]], fill_value=fill)
    np.testing.assert_array_equal(mixed[:, -1], np.rint((7 + fill) / 2).astype(dtype))
    if dtype != "int64":
        np.testing.assert_array_equal(so.SpatialTransformer(image, half, (2, 4), fill_value=fill)[0, 0], mixed)


def test_pytorch():
    torch = pytest.importorskip("torch")
    from spatial_op.torch import SpatialTransformer

    rng = np.random.default_rng(5)
    data, fill = torch.tensor(rng.normal(size=(2, 3, 5, 6)), requires_grad=True), torch.tensor([0.5, 2.0, -1.0])
    loc = torch.tensor(np.repeat(TURN, 2, 0), requires_grad=True)
    params = {"target_shape": (7, 8), "fill_value": fill}
    out = so.SpatialTransformer(data, loc, **params)
    moved = so.SpatialTransformer(data - fill[:, None, None], loc, (7, 8)) + fill[:, None, None]
    torch.testing.assert_close(out, moved, rtol=0, atol=1e-14)
    for one, other in zip(torch.autograd.grad(out.sum(), (data, loc)), torch.autograd.grad(moved.sum(), (data, loc))):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    module = SpatialTransformer((7, 8), fill_value=(0.5, 2.0, -1.0))
    torch.testing.assert_close(module(data, loc), out, rtol=0, atol=0)
    with pytest.raises(TypeError, match=r"^SpatialTransformer: fill_value is tensor\(.*\), expected a number"):
        so.SpatialTransformer(data, loc, (7, 8), fill_value=torch.ones(3, requires_grad=True))
    compiled = torch.compile(lambda data, loc: module(data, loc), backend="eager", fullgraph=True, dynamic=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.testing.assert_close(compiled(data, loc), out, rtol=0, atol=0)


def test_jax():
    jax = pytest.importorskip("jax")
    from jax import numpy as jnp

    rng = np.random.default_rng(5)
    data, loc = rng.normal(size=(2, 3, 5, 6)).astype("float32"), np.repeat(TURN, 2, 0).astype("float32")
    fill = (0.5, 2.0, -1.0)
    expected, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=(7, 8), fill_value=fill)
    tangents = rng.normal(size=data.shape).astype("float32"), rng.normal(size=loc.shape).astype("float32")
    _, tangent = so.jvp(so.SpatialTransformer, (data, loc), tangents, target_shape=(7, 8), fill_value=fill)

    def warp(data, loc):
        return so.SpatialTransformer(data, loc, target_shape=(7, 8), fill_value=fill)

    arrays = jnp.asarray(data), jnp.asarray(loc)
    out, pull = jax.vjp(jax.jit(warp), *arrays)
    np.testing.assert_array_equal(out, expected)
    for one, other in zip(pull(out), pullback(expected)):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    far = so.GridSampler(arrays[0], jnp.full((2, 2, 1, 1), 9.0), fill_value=np.nan)
    assert np.isnan(far).all()
    along = jax.jvp(warp, arrays, tuple(map(jnp.asarray, tangents)))[1]
    np.testing.assert_allclose(along, tangent, rtol=0, atol=1e-5)


def test_dask():
    pytest.importorskip("dask")
    from dask import array as da

    from spatial_op.dask import warp

    image = np.random.default_rng(6).integers(0, 255, (3, 80, 90)).astype("uint8")
    matrix, fill = [[1.2, -0.7, 30], [0.5, 0.9, -20]], (7, 200, 90)
    lazy = da.from_array(image, (2, 40, 30))
    options = {"matrix": matrix, "target_shape": (90, 70)}
    expected = so.warp(image, channel_axis=0, fill_value=fill, **options)
    assert (expected[:, 0, 0] == fill).all() or (expected[:, -1, -1] == fill).all()
    for chunks in (20, 90):
        found = warp(lazy, channel_axis=0, fill_value=fill, chunks=chunks, **options)
        np.testing.assert_array_equal(found.compute(scheduler="synchronous"), expected)
        found = warp(lazy, fill_value=9, chunks=chunks, **options).compute(scheduler="synchronous")
        np.testing.assert_array_equal(found, so.warp(image, channel_axis=0, fill_value=9, **options))
    with pytest.raises(
        ValueError, match=r"^warp: fill_value has shape \(3,\), expected a number, or one for each of 1 channels"
    ):
        warp(lazy, fill_value=fill, **options)
    far = warp(da.moveaxis(lazy, 0, -1), [[1, 0, 999], [0, 1, 0]], channel_axis=-1, fill_value=fill)
    np.testing.assert_array_equal(far[5, 6].compute(scheduler="synchronous"), fill)
    sampled = so.GridSampler(da.ones((2, 3, 4, 5)), da.full((2, 2, 1, 1), 9.0), fill_value=fill)
    np.testing.assert_array_equal(sampled.compute(scheduler="synchronous")[1, :, 0, 0], fill)


def test_kornia():
    torch = pytest.importorskip("torch")
    geometry = pytest.importorskip("kornia.geometry")
    image = torch.rand(1, 3, 20, 30, dtype=torch.float64)
    matrix, fill = np.array([[0.8, -0.5, 4.3], [0.6, 0.9, -2.2]]), (0.5, 2.0, -1.0)
    expected = geometry.warp_affine(
        image, torch.tensor(matrix)[None], (20, 30), padding_mode="fill", fill_value=torch.tensor(fill)
    )
    found = so.warp(image[0].numpy(), matrix, channel_axis=0, direction="source_to_target", fill_value=fill)
    np.testing.assert_allclose(found, expected[0].numpy(), rtol=0, atol=1e-12)


def test_onnx_has_no_fill():
    pytest.importorskip("onnx")
    from spatial_op.onnx import export

    with pytest.raises(ValueError, match=r"^export: fill_value is 1, expected 0, since ONNX has no other; .*\.$"):
        export(so.GridSampler, np.zeros((1, 1, 3, 3), "float32"), np.zeros((1, 2, 3, 3), "float32"), fill_value=1)
