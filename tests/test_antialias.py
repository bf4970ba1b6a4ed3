"""Output pixels that are means of samples of their own area, against the reference, finer targets and each other."""

import numpy as np
import pytest
from beside_reference import compare
from oracle import draw, draw_grid, either_corner_rule, every_transform
from tables import COMBINATIONS, PAIRS, compiled, in_turn, random_loc

import spatial_op as so

EITHER_SIDE_OF_TILES = [
    ((2, 3, 13, 11), (5, 7), (2, 3)),
    ((1, 5, 29, 23), (3, 35), (4, 1)),  # several tiles beside each other
    ((1, 1, 19, 61), (66, 4), (1, 2)),  # and below
    ((2, 17, 9, 10), (3, 18), (3, 2)),  # two groups of channels
    ((2, 1, 1, 7), (1, 1), (2, 5)),
]


def with_sizes(combinations, sizes):
    """Test parameters: each combination, either corner rule in turn, and sizes."""
    return [
        pytest.param(*rows, number % 2 == 0, chosen, id="-".join(rows))
        for number, (rows, chosen) in enumerate(in_turn(combinations, sizes, compiled))
    ]


# Both tests have every sampler; so it meets two sizes.
TRANSFORMERS = with_sizes(COMBINATIONS, EITHER_SIDE_OF_TILES)
SAMPLERS = with_sizes(PAIRS[2], [*EITHER_SIDE_OF_TILES[1:], EITHER_SIDE_OF_TILES[0]])


@pytest.mark.parametrize(("transform_type", "sampler_type", "padding_mode", "align_corners", "sizes"), TRANSFORMERS)
def test_transformers(transform_type, sampler_type, padding_mode, align_corners, sizes):
    for shape, target_shape, antialias in sizes:
        data, loc, out_grad = draw(transform_type, 0.3 if transform_type == "affine" else 0.1, shape, target_shape)
        compare(
            so.SpatialTransformer, (data, loc), out_grad, target_shape=target_shape, transform_type=transform_type,
            sampler_type=sampler_type, padding_mode=padding_mode, align_corners=align_corners, antialias=antialias,
        )  # fmt: skip


@pytest.mark.parametrize(("sampler_type", "padding_mode", "align_corners", "sizes"), SAMPLERS)
def test_samplers(sampler_type, padding_mode, align_corners, sizes):
    params = {"sampler_type": sampler_type, "padding_mode": padding_mode, "align_corners": align_corners}
    for shape, target_shape, antialias in sizes:
        compare(so.GridSampler, *grids(shape, target_shape), **params, antialias=antialias)


def grids(shape, target_shape):
    """Inputs and the upstream gradient: points all over the image, and smooth ones, which windows are filled for."""
    data, grid, out_grad = draw_grid(shape, target_shape)
    _, loc, _ = draw("affine", 0.3, shape, target_shape)
    grid[::2] = 0.01 * grid[::2] + so.GridGenerator(loc, "affine", target_shape)[::2]
    return (data, grid), out_grad


def test_as_many_samples_as_there_may_be():
    data, loc, out_grad = draw("affine", 0.3, (1, 2, 7, 5), (2, 33))
    compare(so.SpatialTransformer, (data, loc), out_grad, target_shape=(2, 33), antialias=16)


VOLUMES = [("bilinear", "zeros"), ("bilinear", "reflection"), ("nearest_even", "border"), ("bicubic", "zeros")]


@pytest.mark.parametrize(("sampler_type", "padding_mode"), VOLUMES)
@either_corner_rule
def test_volumes(sampler_type, padding_mode, align_corners):
    params = {"sampler_type": sampler_type, "padding_mode": padding_mode, "align_corners": align_corners}
    shape, target_shape = (2, 2, 4, 5, 7), (2, 3, 18)
    data, loc, out_grad = draw("affine", 0.2, shape, target_shape)
    compare(so.SpatialTransformer, (data, loc), out_grad, target_shape=target_shape, antialias=(2, 1, 3), **params)
    data, grid, out_grad = draw_grid(shape, target_shape)
    compare(so.GridSampler, (data, grid), out_grad, antialias=(2, 1, 3), **params)


@either_corner_rule
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_means_of_a_finer_target(align_corners, dtype):
    """With pixels' edges at -1 and +1, the same parameters; with their centres there, the finer target reaches further."""
    rng, (high, wide) = np.random.default_rng(0), (31, 70)
    for channels, (ny, nx) in ((1, (2, 4)), (3, (3, 4)), (8, (2, 8)), (20, (1, 5))):
        data = rng.standard_normal((2, channels, 90, 120)).astype(dtype)
        loc = random_loc(rng, "affine", 2, dtype)
        further = loc.astype("float64")
        if align_corners:
            further[:, [0, 3]] *= (nx * wide - 1) / (nx * (wide - 1))
            further[:, [1, 4]] *= (ny * high - 1) / (ny * (high - 1))
        params = {"align_corners": align_corners}
        finer = so.SpatialTransformer(data, further, (ny * high, nx * wide), **params)
        expected = finer.reshape(2, channels, high, ny, wide, nx).mean(axis=(3, 5))
        found = so.SpatialTransformer(data, loc, (high, wide), antialias=(ny, nx), **params)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 if dtype == "float32" else 1e-8)


@every_transform
def test_nothing_changes_where_nothing_shrinks(transform_type):
    data = np.random.default_rng(0).standard_normal((2, 3, 20, 30)).astype("float32")
    loc = so.identity_loc(transform_type, 2)
    for target_shape in ((20, 30), (41, 37), (19, 27)):
        params = {"target_shape": target_shape, "transform_type": transform_type}
        found = so.SpatialTransformer(data, loc, antialias=True, **params)
        assert found.tobytes() == so.SpatialTransformer(data, loc, **params).tobytes()
        grid = so.GridGenerator(loc, transform_type, target_shape)
        assert so.GridSampler(data, grid, antialias=True).tobytes() == so.GridSampler(data, grid).tobytes()


CHOICES = [  # rows of a matrix, and the samples along y and x that an output of half the size then has
    ((0.5, 0, 0, 0, 0.5, 0), (1, 1)),
    ((1, 0, 0, 0, 1, 0), (2, 2)),
    ((0, 1, 0, -1, 0, 0), (2, 2)),
    ((1.5, 0, 0.3, 0, 0.55, 0), (1, 3)),
    ((2.05, 0, 0, 0, 1.2, 0), (3, 4)),
    ((1, 0, 0, 1, 0.1, 0), (1, 3)),
    ((1000.0, 0, 0, 0, 0, 0), (1, 16)),
]


@either_corner_rule
@pytest.mark.parametrize(("row", "samples"), CHOICES)
def test_numbers_of_samples(row, samples, align_corners):
    data = np.random.default_rng(0).standard_normal((1, 2, 201, 201))
    loc, params = np.array([row], "float64"), {"align_corners": align_corners}
    expected = so.SpatialTransformer(data, loc, (101, 101), antialias=samples, **params)
    found = so.SpatialTransformer(data, loc, (101, 101), antialias=True, **params)
    assert found.tobytes() == expected.tobytes()
    grid = so.GridGenerator(loc, "affine", (101, 101), **params)
    expected = so.GridSampler(data, grid, antialias=samples, **params)
    assert so.GridSampler(data, grid, antialias=True, **params).tobytes() == expected.tobytes()


@every_transform
def test_numbers_of_samples_of_every_transform(transform_type):
    """What is shrunk most says how many: the slopes of the transform's grid do as well."""
    rng = np.random.default_rng(0)
    data, loc = rng.standard_normal((1, 1, 64, 64)), random_loc(rng, transform_type, 1, "float64", spread=0.05)
    found = so.SpatialTransformer(data, loc, (17, 17), transform_type, antialias=True)
    x, y = so.GridGenerator(loc, transform_type, (801, 801))[0] * (63 / 2 * 50)  # pixels, and steps of the finer grid
    counts = [np.ceil(np.hypot(np.diff(x, axis=axis), np.diff(y, axis=axis)).max() - 0.125) for axis in (0, 1)]
    expected = so.SpatialTransformer(data, loc, (17, 17), transform_type, antialias=tuple(map(int, counts)))
    np.testing.assert_array_equal(found, expected)


def test_each_image_has_its_own_number():
    """A batch has the bits of its images, whatever the others are."""
    rng = np.random.default_rng(0)
    data = rng.standard_normal((5, 3, 90, 80)).astype("float32")
    loc = so.identity_loc("affine", 5)
    loc[:, [0, 4]] = np.array([1, 1, 3, 0.5, 1], "float32")[:, None]
    out_grad = rng.standard_normal((5, 3, 40, 50)).astype("float32")
    params = {"target_shape": (40, 50), "antialias": True}
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **params)
    sums = [np.ones_like(data), np.ones_like(loc)]
    grads, _ = (
        pullback(out_grad),
        so.vjp(so.SpatialTransformer, data, loc, grad_req="add", **params)[1](out_grad, out=sums),
    )
    for total, grad in zip(sums, grads):
        np.testing.assert_allclose(total, grad + 1, rtol=1e-5, atol=1e-4)
    _, moved = so.jvp(so.SpatialTransformer, (data, loc), (data, loc), **params)
    for sample in range(5):
        one = slice(sample, sample + 1)
        alone, pullback = so.vjp(so.SpatialTransformer, data[one], loc[one], **params)
        assert alone.tobytes() == out[one].tobytes()
        assert [grad.tobytes() for grad in pullback(out_grad[one])] == [grad[one].tobytes() for grad in grads]
        _, tangent = so.jvp(so.SpatialTransformer, (data[one], loc[one]), (data[one], loc[one]), **params)
        assert tangent.tobytes() == moved[one].tobytes()


def test_any_layout_dtype_and_result():
    rng = np.random.default_rng(0)
    data = rng.standard_normal((2, 3, 90, 80))
    grid = so.GridGenerator(random_loc(rng, "affine", 2, "float64"), "affine", (20, 35))
    last = np.ascontiguousarray(data.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    points = np.ascontiguousarray(grid.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    out_grad = rng.standard_normal((2, 3, 20, 35))
    out, pullback = so.vjp(so.GridSampler, data, grid, antialias=3)
    other, pullback_other = so.vjp(so.GridSampler, last, points, antialias=3)
    assert other.strides[1] == 8 and (other == out).all()
    for grad, same in zip(pullback(out_grad), pullback_other(out_grad)):
        np.testing.assert_array_equal(grad, same)
    room = np.empty_like(out)
    assert so.GridSampler(data, grid, antialias=3, out=room) is room and (room == out).all()
    for dtype, error in (("float32", 1e-4), ("float16", 2e-2)):
        found = so.GridSampler(data.astype(dtype), grid.astype("float32"), antialias=3)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, out, atol=error)


@pytest.mark.parametrize(
    ("antialias", "error", "words"),
    [
        (0, ValueError, "antialias is 0, expected True, False, a number of samples along each axis from 1 to 16"),
        (17, ValueError, "antialias is 17"),
        ((2, 3, 4), ValueError, r"antialias is \(2, 3, 4\)"),
        ((2, True), TypeError, r"antialias is \(2, True\)"),
        (2.0, TypeError, "antialias is 2.0"),
        (
            "box",
            TypeError,
            r"antialias is 'box'.*or one for each axis, \(ny, nx\); pass antialias=True to have them chosen",
        ),
        (None, TypeError, "antialias is None"),
    ],
)
def test_errors(antialias, error, words):
    data, loc, grid = np.zeros((1, 1, 4, 4)), so.identity_loc("affine", dtype="float64"), np.zeros((1, 2, 2, 2))
    with pytest.raises(error, match=f"SpatialTransformer: {words}"):
        so.SpatialTransformer(data, loc, (2, 2), antialias=antialias)
    with pytest.raises(error, match=f"GridSampler: {words}"):
        so.GridSampler(data, grid, antialias=antialias)


def test_nothing_to_sample():
    for batch, channels, target_shape in ((0, 3, (2, 2)), (2, 0, (2, 2)), (2, 3, (0, 2))):
        data, loc = np.zeros((batch, channels, 8, 8)), so.identity_loc("affine", batch, "float64")
        out, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=target_shape, antialias=True)
        assert out.shape == (batch, channels, *target_shape)
        assert all((grad == 0).all() for grad in pullback(out))


def test_points_that_are_no_numbers():
    """They make no number of the pixels whose area depends on them, and choose nothing."""
    data, grid = np.ones((1, 1, 9, 9)), so.GridGenerator(so.identity_loc("affine", dtype="float64"), "affine", (5, 5))
    grid[0, 0, 2, 2] = np.nan
    expected = np.zeros((5, 5), bool)
    expected[2, 1:4] = expected[1:4, 2] = True
    for antialias in (True, 2):
        out = so.GridSampler(data, grid, padding_mode="border", antialias=antialias)[0, 0]
        np.testing.assert_array_equal(np.isnan(out), expected)
        np.testing.assert_allclose(out[~expected], 1.0)
    grid[0, 0, 2, 2] = np.inf
    assert np.isnan(so.GridSampler(data, grid, antialias=(1, 3))[0, 0, 2]).sum() == 3


@pytest.mark.parametrize(("width", "target", "antialias"), [(50, 9, 3), (300, 140, (4,)), (70, 33, 16)])
def test_signals(width, target, antialias):
    rng = np.random.default_rng(0)
    data, out_grad = rng.standard_normal((2, 3, width)), rng.standard_normal((2, 3, target))
    loc = random_loc(rng, "affine", 2, "float64", 0.01, 1)
    compare(so.SpatialTransformer, (data, loc), out_grad, target_shape=(target,), antialias=antialias)
    grid = so.GridGenerator(loc, "affine", (target,))
    compare(so.GridSampler, (data, grid), out_grad, antialias=antialias)
    with pytest.raises(ValueError, match=r"SpatialTransformer: antialias is \(2, 2\).*\(nx,\)"):
        so.SpatialTransformer(data, loc, (target,), antialias=(2, 2))


def test_one_image_of_several_transforms():
    """They need not have one number of samples; the gradient of the image is the sum over them."""
    rng = np.random.default_rng(0)
    data, loc = rng.standard_normal((1, 3, 60, 61)), so.identity_loc("affine", 4, "float64")
    loc[:, [0, 4]] *= np.array([1.5, 1.5, 0.5, 3])[:, None]
    params = {"target_shape": (20, 21), "antialias": True, "fill_value": 2.5}
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **params)
    out_grad = rng.standard_normal(out.shape)
    grad_data, grad_loc = pullback(out_grad)
    total = np.zeros_like(data)
    for sample in range(4):
        one = slice(sample, sample + 1)
        alone, pullback = so.vjp(so.SpatialTransformer, data, loc[one], **params)
        more, grad = pullback(out_grad[one])
        np.testing.assert_array_equal(alone, out[one])
        np.testing.assert_array_equal(grad, grad_loc[one])
        total += more
    np.testing.assert_allclose(grad_data, total, rtol=0, atol=1e-12)
    images = rng.standard_normal((3, 3, 60, 61))
    shared = so.SpatialTransformer(images, loc[3:], **params)
    np.testing.assert_array_equal(shared, so.SpatialTransformer(images, np.tile(loc[3:], (3, 1)), **params))
    grid = so.GridGenerator(loc[3:], "affine", (20, 21))
    _, pullback = so.vjp(so.GridSampler, images, grid, antialias=True)
    _, pullback_each = so.vjp(so.GridSampler, images, np.tile(grid, (3, 1, 1, 1)), antialias=True)
    for one, each in zip(pullback(out_grad[:3]), pullback_each(out_grad[:3])):
        np.testing.assert_allclose(one, each if len(one) > 1 else each.sum(axis=0, keepdims=True), rtol=0, atol=1e-11)


def test_fill_and_coverage():
    """A fill is what lies outside of each sample; coverage is the mean of theirs, and has the same gradients as the image of ones."""
    rng = np.random.default_rng(0)
    data, loc = rng.standard_normal((2, 3, 60, 61)), 1.3 * so.identity_loc("affine", 2, "float64") + 0.01
    params = {"target_shape": (20, 21), "antialias": (3, 4)}
    out, inside = so.SpatialTransformer(data, loc, coverage=True, fill_value=2.5, **params)
    np.testing.assert_allclose(out, so.SpatialTransformer(data - 2.5, loc, **params) + 2.5, rtol=0, atol=1e-12)
    ones = np.ones((2, 1, 60, 61))
    expected, pullback = so.vjp(so.SpatialTransformer, ones, loc, **params)
    np.testing.assert_allclose(inside, expected, rtol=0, atol=1e-12)
    assert 0.01 < ((inside > 0) & (inside < 1)).mean() < 0.5
    _, pullback_inside = so.vjp(so.SpatialTransformer, data, loc, coverage="only", **params)
    np.testing.assert_allclose(pullback_inside(expected)[1], pullback(expected)[1], rtol=0, atol=1e-10)
    _, inside = so.warp(data[0, 0], np.diag([3.0, 3, 1]), (25, 25), antialias=True, coverage=True)
    np.testing.assert_allclose(inside, so.warp(ones[0, 0], np.diag([3.0, 3, 1]), (25, 25), antialias=3), atol=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "complex64"])
def test_integers_and_complex_numbers(dtype):
    """Rounded once, after the mean."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 100, (2, 3, 90, 80))
    data = (numbers + 1j * numbers[:, ::-1] if dtype == "complex64" else numbers).astype(dtype)
    loc = 1.5 * so.identity_loc("affine", 2, "float64")
    for params in ({"antialias": True}, {"antialias": (3, 2), "sampler_type": "nearest"}, {"antialias": (16, 1)}):
        found = so.SpatialTransformer(data, loc, (20, 35), **params)
        parts = [
            so.SpatialTransformer(part.astype("float64"), loc, (20, 35), **params) for part in (data.real, data.imag)
        ]
        expected = parts[0] + 1j * parts[1] if dtype == "complex64" else parts[0]
        assert found.dtype == dtype and abs(found - expected).max() <= (1e-4 if dtype == "complex64" else 0.5001)
        last = np.ascontiguousarray(data.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(so.SpatialTransformer(last, loc, (20, 35), **params), found)
    out_grad = rng.standard_normal(found.shape).astype("float32" if dtype != "complex64" else dtype)
    _, pullback = so.vjp(
        so.SpatialTransformer, data, loc, target_shape=(20, 35), antialias=2, grad_req=("null", "write")
    )
    real = data.astype("float32") if dtype != "complex64" else data
    _, exact = so.vjp(so.SpatialTransformer, real, loc, target_shape=(20, 35), antialias=2, grad_req=("null", "write"))
    np.testing.assert_allclose(pullback(out_grad)[1], exact(out_grad)[1], rtol=1e-4)


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64"])
def test_labels_have_no_means(dtype):
    data, loc = np.zeros((1, 1, 4, 4), dtype), so.identity_loc("affine")
    words = f"SpatialTransformer: antialias is True and data has dtype {dtype}.*labels.*; leave antialias out"
    with pytest.raises(TypeError, match=words):
        so.SpatialTransformer(data, loc, (2, 2), sampler_type="nearest", antialias=True)
    so.SpatialTransformer(data, loc, (2, 2), sampler_type="nearest", antialias=np.False_)
