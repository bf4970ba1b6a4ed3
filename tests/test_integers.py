"""Images of integers, booleans and complex numbers: samples are those of the reference in their dtype, and so are gradients by coordinates."""

from itertools import product

import numpy as np
import pytest
from oracle import draw, draw_grid
from tables import PAIRS, in_turn

import reference
import spatial_op as so
from spatial_op.dtypes import LABELS, PARTS, PICTURES, smooth
from spatial_op.operators.arguments import picks
from spatial_op.samplers import SAMPLERS

INTEGERS = [*map(str, PICTURES)]
WIDE = [str(dtype) for dtype in (*LABELS, *PARTS) if dtype.kind != "c"]
COMPLEX = [str(dtype) for dtype in PARTS if dtype.kind == "c"]
PICKING = [name for name, row in SAMPLERS.items() if picks(row)]
MIXING = [name for name in SAMPLERS if name not in PICKING]

# Channels that have kernels of their own, and an image whose tiles are cut.
CHANNELS = (1, 3, 6, 17)
AXES = {1: ((71,), (83,)), 2: ((43, 71), (70, 83)), 3: ((4, 9, 11), (3, 8, 21))}
# Every sampler; of volumes two.
ROWS = [(axes, name) for axes in AXES for name in SAMPLERS if axes < 3 or name in ("bilinear", "nearest")]
IN_TWO_PARTS = [
    (*row, *kind) for row, kinds in in_turn(ROWS, [*product(COMPLEX, (1, 3))], lambda row: row[1]) for kind in kinds
]
either = pytest.mark.parametrize("axes", AXES)


def images(shape, dtype, seed=0):
    """Numbers of the whole range of a dtype."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind == "c":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def call(axes, channels, dtype, seed=0):
    """Images, parameters that lead beyond them, and the shape of the output."""
    source, target = AXES[axes]
    _, loc, _ = draw("affine", 0.2, (2, channels, *source), target, seed)
    return images((2, channels, *source), dtype, seed), loc, target


def last(data):
    """The same, channels side by side."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(data, 1, -1)), -1, 1)


def assert_rounded(out, exact, dtype):
    """The nearest integers; halfway between two, what was computed may have come to lie on either side."""
    expected = reference.in_dtype(exact, dtype)
    clear = abs(exact - np.floor(exact) - 0.5) > (5e-2 if np.dtype(dtype).itemsize == 2 else 1e-4)
    assert out.dtype == expected.dtype and clear.mean() > 0.85
    np.testing.assert_array_equal(out[clear], expected[clear])
    assert abs(out.astype(float) - expected).max() <= 1


@either
@pytest.mark.parametrize(
    ("dtype", "channels"), [(name, count) for name, counts in in_turn(INTEGERS, CHANNELS) for count in counts]
)
def test_pictures_are_those_of_the_reference(dtype, channels, axes):
    data, loc, target = call(axes, channels, dtype)
    out = so.SpatialTransformer(data, loc, target)
    assert_rounded(out, reference.spatial_transformer(data, loc, target), dtype)
    np.testing.assert_array_equal(so.SpatialTransformer(last(data), loc, target), out)


@pytest.mark.parametrize(("sampler_type", "padding_mode"), PAIRS[2])
def test_every_row(sampler_type, padding_mode):
    data, loc, target = call(2, 3, "uint8")
    words = {"sampler_type": sampler_type, "padding_mode": padding_mode}
    assert_rounded(
        so.SpatialTransformer(data, loc, target, **words),
        reference.spatial_transformer(data, loc, target, **words),
        "uint8",
    )


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_grids_scattered_points_and_what_is_no_number(dtype):
    """A sample without a point is 0."""
    data, (_, grid, _) = images((2, 3, 37, 29), dtype), draw_grid((2, 3, 37, 29), (19, 45))
    out, exact = so.GridSampler(data, grid), reference.grid_sampler(data, grid)
    assert_rounded(out, exact, dtype)
    np.testing.assert_array_equal(so.GridSampler(last(data), grid), out)
    grid[0, 0, 3, 4], grid[1, 1, 5, 6] = np.nan, np.inf
    odd = so.GridSampler(data, grid)
    assert not odd[0, :, 3, 4].any() and not odd[1, :, 5, 6].any()
    odd[0, :, 3, 4], odd[1, :, 5, 6] = out[0, :, 3, 4], out[1, :, 5, 6]
    np.testing.assert_array_equal(odd, out)


def test_halves_are_rounded_to_even_and_what_shoots_over_stays_in_range():
    row, half = np.array([[[[0, 1, 2, 3, 254, 255]]]], "uint8"), np.array([[1, 0, 0.2, 0, 1, 0]])
    np.testing.assert_array_equal(so.SpatialTransformer(row, half, (1, 6))[0, 0], [[0, 2, 2, 128, 254, 128]])
    edge = np.array([[[[0, 0, 255, 255, 0, 0]]]], "uint8")
    np.testing.assert_array_equal(
        so.SpatialTransformer(edge, half, (1, 6), "affine", "bicubic")[0, 0, 0, :4], [0, 128, 255, 128]
    )


@either
@pytest.mark.parametrize("sampler_type", PICKING)
@pytest.mark.parametrize("dtype", [*INTEGERS, *WIDE])
def test_labels_keep_every_bit(dtype, sampler_type, axes):
    """Where each pixel comes from is asked of its number, which float64 holds."""
    data, loc, target = call(axes, 3, dtype)
    numbers = np.arange(1.0, data.size + 1).reshape(data.shape)
    places = so.SpatialTransformer(numbers, loc, target, sampler_type=sampler_type).astype(int)
    expected = np.concatenate([np.zeros(1, dtype), data.ravel()])[places]
    for given in (data, last(data), data.astype(data.dtype.newbyteorder())):
        out = so.SpatialTransformer(given, loc.astype("float64"), target, sampler_type=sampler_type)
        assert out.dtype == data.dtype
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("sampler_type", MIXING)
@pytest.mark.parametrize("dtype", WIDE)
def test_labels_are_not_mixed(dtype, sampler_type):
    data, loc, target = call(2, 1, dtype)
    sentence = f"SpatialTransformer: data has dtype {dtype} and sampler_type is '{sampler_type}', expected one that picks a pixel, .*; pass "
    with pytest.raises(TypeError, match=sentence):
        so.SpatialTransformer(data, loc, target, sampler_type=sampler_type)


@pytest.mark.parametrize(("axes", "sampler_type", "dtype", "channels"), IN_TWO_PARTS)
def test_complex_numbers_are_two_real_ones(axes, sampler_type, dtype, channels):
    data, loc, target = call(axes, channels, dtype)
    words = {"target_shape": target, "sampler_type": sampler_type}
    real, imaginary = (so.SpatialTransformer(part.copy(), loc, **words) for part in (data.real, data.imag))
    for given in (data, last(data), data.astype(data.dtype.newbyteorder())):
        out = so.SpatialTransformer(given, loc, **words)
        assert out.dtype == dtype
        np.testing.assert_array_equal(out, real + 1j * imaginary)


@pytest.mark.parametrize(
    ("dtype", "axes"),
    [(dtype, axes) for number, dtype in enumerate([*INTEGERS, *WIDE]) for axes in (2, (1, 3)[number % 2])],
)
def test_gradients_are_those_of_the_numbers_before_they_are_rounded(dtype, axes):
    data, loc, target = call(axes, 3, dtype)
    words = {"target_shape": target, "sampler_type": "bilinear" if dtype in INTEGERS else "nearest"}
    floats = data.astype("float64")
    out_grad = np.random.default_rng(1).normal(size=(2, 3, *target)).astype(smooth(data.dtype))
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **words)
    grad_data, grad_loc = pullback(out_grad)
    assert out.dtype == data.dtype and grad_data is None
    _, exact = so.vjp(so.SpatialTransformer, floats, loc, **words)[1](out_grad.astype("float64"))
    scale = abs(exact).max()
    np.testing.assert_allclose(grad_loc, exact, rtol=0, atol=2e-6 * scale)
    moved = np.random.default_rng(2).normal(size=loc.shape)
    out, tangent = so.jvp(so.SpatialTransformer, (data, loc), (None, moved), **words)
    assert tangent.dtype == out_grad.dtype
    along = (tangent.astype("float64") * out_grad).sum()
    assert abs(along - (grad_loc * moved).sum()) <= 1e-5 * scale


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_gradients_of_grids_and_second_derivatives(dtype):
    data, (_, grid, _) = images((2, 3, 37, 29), dtype), draw_grid((2, 3, 37, 29), (19, 45))
    out_grad = np.random.default_rng(1).normal(size=(2, 3, 19, 45)).astype("float32")
    cotangent = np.random.default_rng(2).normal(size=grid.shape)
    found = []
    for given in (data, data.astype("float32")):
        _, pullback = so.vjp(so.GridSampler, given, grid, grad_req={"data": "null"})
        (_, first), twice = so.vjp(pullback, given, grid, out_grad)
        found.append((first, *twice((None, cotangent))[1:]))
    for ours, floats in zip(*found):
        np.testing.assert_allclose(ours, floats, rtol=1e-5, atol=1e-5 * abs(floats).max())


@either
@pytest.mark.parametrize("dtype", COMPLEX)
def test_gradients_of_complex_numbers_are_those_of_both_parts(dtype, axes):
    data, loc, target = call(axes, 2, dtype)
    for given in (data, last(data)):
        out, pullback = so.vjp(so.SpatialTransformer, given, loc, target_shape=target)
        out_grad = images(out.shape, dtype, seed=3)
        start = images(data.shape, dtype, seed=4)
        added = start.copy()
        grad_data, grad_loc = pullback(out_grad)
        words = {"grad_req": {"data": "add"}, "target_shape": target}
        so.vjp(so.SpatialTransformer, given, loc, **words)[1](out_grad, out=(added, None))
        parts = [
            so.vjp(so.SpatialTransformer, one.copy(), loc, target_shape=target)[1](other.copy())
            for one, other in ((data.real, out_grad.real), (data.imag, out_grad.imag))
        ]
        tolerance = {"rtol": 0, "atol": 1e-5 if dtype == "complex64" else 1e-12}
        np.testing.assert_allclose(grad_data, parts[0][0] + 1j * parts[1][0], **tolerance)
        np.testing.assert_allclose(added, start + grad_data, **tolerance)
        np.testing.assert_allclose(grad_loc, parts[0][1] + parts[1][1], rtol=1e-5)


def test_integers_have_neither_gradients_nor_tangents():
    data, loc, target = call(2, 1, "uint8")
    for grad_req in ({"data": "write"}, ("add", "write")):
        with pytest.raises(
            TypeError, match="grad_req of data is .* and data has dtype uint8, expected 'null', .*; pass "
        ):
            so.vjp(so.SpatialTransformer, data, loc, grad_req=grad_req, target_shape=target)
    with pytest.raises(
        TypeError, match="the tangent of data is an array and data has dtype uint8, expected None, .*; pass None"
    ):
        so.jvp(so.SpatialTransformer, (data, loc), (data, None), target_shape=target)
    _, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=target)
    with pytest.raises(TypeError, match="out_grad has dtype float64, expected float32 as the result"):
        pullback(np.ones((2, 1, *target)))


def test_coordinates_are_precise_enough():
    """Those of float16 are not, though integers may be narrower."""
    data, loc, target = call(2, 1, "uint8")
    with pytest.raises(TypeError, match=r"loc has dtype float16 .*uint8.*; convert it with loc\.astype\('float32'\)"):
        so.SpatialTransformer(data, loc.astype("float16"), target)
    so.SpatialTransformer(images(data.shape, "int64"), loc.astype("float32"), target, sampler_type="nearest")


@pytest.mark.parametrize("dtype", [*INTEGERS, *WIDE, *COMPLEX])
def test_memory_of_the_caller(dtype):
    """Results are written to ``out`` in any layout and order of bytes; inputs are not written to."""
    data, loc, target = call(2, 3, dtype)
    words = {"sampler_type": "nearest"}
    before, expected = data.copy(), so.SpatialTransformer(data, loc, target, **words)
    for out in (np.empty_like(expected), last(expected), np.empty(expected.shape, expected.dtype.newbyteorder())):
        assert so.SpatialTransformer(data, loc, target, out=out, **words) is out
        np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(data, before)
    assert so.SpatialTransformer(data[:, :0], loc, target, **words).shape == (2, 0, *target)


def test_labels_are_those_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    labels = images((51, 67), "int32")
    matrix = np.array([[0.9137, -0.4071, 4.5313], [0.3053, 1.1071, -3.2573]])
    turned = matrix[::-1, 1::-1], matrix[::-1, 2]
    expected = ndimage.affine_transform(labels, *turned, order=0, mode="constant")
    out = so.warp(labels, matrix, sampler_type="nearest")
    inside = ndimage.affine_transform(np.ones(labels.shape), *turned, order=1, mode="constant") == 1
    np.testing.assert_array_equal(out[inside], expected[inside])


@pytest.mark.parametrize("dtype", [*INTEGERS, *WIDE, *COMPLEX])
def test_fill_and_coverage(dtype):
    """A fill has the images' range; the coverage is that of floats."""
    data, loc, target = call(2, 3, dtype)
    fills = {"b": [1, 0, 1], "c": [1 + 2j, -3, 0.5j]}
    fill = fills.get(data.dtype.kind) or np.concatenate([np.zeros(2, dtype), data.ravel()[:1]])
    words = {"target_shape": target, "sampler_type": "nearest"}
    coverage = so.SpatialTransformer(data, loc, **words, coverage="only")
    assert coverage.dtype == smooth(PARTS.get(data.dtype, data.dtype))
    floats = np.zeros(data.shape)
    np.testing.assert_array_equal(coverage, so.SpatialTransformer(floats, loc, **words, coverage="only"))
    outside = np.array(fill, dtype)[:, None, None]
    expected = np.where(coverage == 1, so.SpatialTransformer(data, loc, **words), outside)
    for given in (data, last(data)):
        np.testing.assert_array_equal(so.SpatialTransformer(given, loc, **words, fill_value=fill), expected)
    assert so.SpatialTransformer(data[:1], loc, **words).shape == (2, 3, *target)
