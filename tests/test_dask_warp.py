"""Images that are warped chunk by chunk: the same bits however they are cut."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spatial_op as so
from reference import paddings as reference

pytest.importorskip("dask")
import dask
from dask import array as da

from spatial_op.dask import warp
from spatial_op.paddings import PADDINGS


@pytest.fixture(autouse=True)
def here():
    """Dask's tasks on the calling thread."""
    with dask.config.set(scheduler="synchronous"):
        yield


def numbers(shapes):
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, shape).astype("float32") for shape in shapes]


HEIGHT, WIDTH = 150, 200
TURN = np.array([[0.9, -0.4, 40], [0.4, 0.9, -30]])
MATRICES = {
    "turn": TURN,
    "shrink": [[3, 0.2, -50], [0.1, 2.5, 0]],
    "magnify": [[0.1, 0, 50], [0, 0.1, 60]],
    "away": [[1, 0, 5000], [0, 1, 0]],
    "homography": [[1, 0.1, 3], [0.05, 1.1, -20], [1e-4, 5e-4, 1]],
    "horizon": [[1, 0.1, 3], [0.05, 1.1, -20], [-8e-3, 1e-3, 1]],
}


def in_memory(image, matrix, target, **options):
    """Sampled at the points that the matrix says, at once."""
    matrix = np.vstack([matrix, [0, 0, 1]]) if len(matrix) == 2 else np.asarray(matrix)
    y, x = np.mgrid[: target[0], : target[1]].astype(float)
    points = np.einsum("ab,bij->aij", matrix, np.stack([x, y, np.ones_like(x)]))
    with np.errstate(divide="ignore", invalid="ignore"):
        points = np.where(points[2] == 0, np.nan, points[:2] / points[2])
    scale = np.array([WIDTH - 1, HEIGHT - 1])[:, None, None]
    return so.GridSampler(image[None], (2 * points / scale - 1)[None], **options)[0]


@pytest.mark.parametrize("padding_mode", PADDINGS)
@pytest.mark.parametrize("name", MATRICES)
def test_large_images_equal_small_ones(name, padding_mode):
    (image,) = numbers([(3, HEIGHT, WIDTH)])
    expected = in_memory(image, MATRICES[name], (130, 160), padding_mode=padding_mode)
    for source, target in (((2, 40, 70), None), ((3, 150, 30), (64, 50)), ((1, 7, 200), 160)):
        lazy = warp(
            da.from_array(image, chunks=source), MATRICES[name], (130, 160), padding_mode=padding_mode, chunks=target
        )
        out = lazy.compute()
        assert lazy.dtype == out.dtype == np.float32 and out.shape == expected.shape
        np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


def test_samplers_and_whole_pixels():
    (image,) = numbers([(HEIGHT, WIDTH)])
    lazy = da.from_array(image, chunks=(64, 64))
    for sampler_type in ("nearest", "bicubic"):
        expected = in_memory(image[None], TURN, (HEIGHT, WIDTH), sampler_type=sampler_type)[0]
        np.testing.assert_allclose(warp(lazy, TURN, sampler_type=sampler_type).compute(), expected, atol=1e-5)
    shifted = warp(lazy, [[1, 0, 33], [0, 1, -21]], chunks=50).compute()
    np.testing.assert_array_equal(shifted[21:, : WIDTH - 33], image[:-21, 33:])
    np.testing.assert_array_equal(shifted[:21], 0)


def test_only_what_is_needed_is_read():
    read = []

    def block(block_info=None):
        read.append(block_info[None]["chunk-location"])
        return np.ones(block_info[None]["chunk-shape"], "float32")

    image = da.map_blocks(block, chunks=((100,) * 50, (100,) * 50), dtype="float32", meta=np.empty((0, 0), "float32"))
    out = warp(image, [[1, 0, 2030], [0, 1, 1120]], (90, 160), chunks=80)
    assert not read
    np.testing.assert_array_equal(out.compute(), 1)
    assert sorted(set(read)) == [(row, column) for row in (11, 12) for column in (20, 21)]


def test_chunks_shrink_where_the_source_does():
    image = da.zeros((1600, 1600), chunks=400, dtype="float32")
    assert warp(image, np.eye(3)).chunks[0][0] == 400
    assert warp(image, [[8, 0, 0], [0, 8, 0]], (200, 200)).chunks[0][0] == 100


def test_errors_of_warp():
    image = da.ones((4, 5), dtype="float32")
    for wrong, kind, words in (
        ({"matrix": np.eye(5)}, ValueError, "matrix has shape"),
        ({"matrix": np.eye(4)}, ValueError, "the map is one of 3 coordinates"),
        ({"matrix": [[np.nan] * 3] * 2}, ValueError, "no finite number"),
        ({"image": np.ones((4, 5))}, TypeError, "image is a numpy.ndarray"),
        ({"image": image[0]}, ValueError, "image has shape"),
        ({"image": image.astype("datetime64[s]")}, TypeError, "image has dtype datetime64"),
        ({"padding_mode": "edge"}, ValueError, "padding_mode is 'edge', which is not known"),
        ({"coverage": 1}, TypeError, "coverage is 1, expected False, True or 'only'"),
        ({"sampler_type": "lanczos"}, ValueError, "sampler_type is 'lanczos'"),
        ({"target_shape": (3,)}, ValueError, "target_shape is"),
        ({"matrix": "turn"}, TypeError, "matrix is 'turn', expected 2x3 or 3x3 numbers"),
        ({"matrix": np.eye(3) * 1j}, TypeError, "all real"),
        ({"matrix": [[1j, 0, 0], [0, 1, 0]]}, TypeError, "all real"),
        ({"matrix": da.from_array(np.eye(3) * 1j)}, TypeError, "all real"),
        ({"matrix": [[10**400, 0, 0], [0, 1, 0]]}, TypeError, "expected 2x3 or 3x3 numbers"),
        ({"matrix": np.ma.masked_equal(np.eye(3), 1)}, TypeError, "matrix is masked"),
        ({"matrix": da.ma.masked_equal(da.eye(3), 1)}, TypeError, "matrix is masked"),
        (
            {"matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 0]]},
            ValueError,
            "a last row of zeros, so that no pixel has a source",
        ),
        ({"matrix": [[1e308, 0, 0], [0, 1, 0]]}, ValueError, "further than float64 can count"),
        ({"matrix": [[1, 0, 0], [0, -1e308, 1e308]]}, ValueError, "further than float64 can count"),
        ({"matrix": [[1e100, 0, 0], [0, 1, 0], [1e-300, 0, 0]]}, ValueError, "further than float64 can count"),
        (
            {"image": da.ma.masked_equal(image, 1)},
            TypeError,
            r"image has masked chunks.*dask.array.ma.filled\(image, 0\)",
        ),
        ({"chunks": 0}, ValueError, "chunks is 0, expected"),
        ({"chunks": (2, 2, 2)}, ValueError, r"chunks is \(2, 2, 2\), expected"),
    ):
        with pytest.raises(kind, match=words):
            warp(**{"image": image, "matrix": np.eye(3), **wrong})


DTYPES = ("float16", "float32", "float64")
SAMPLERS = ("bilinear", "nearest", "bicubic")


@st.composite
def images(draw, most=60):
    """Images with some NaN and infinities, in chunks."""
    height, width = draw(st.tuples(st.integers(1, most), st.integers(1, most)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    image = rng.standard_normal((height, width)).astype(draw(st.sampled_from(DTYPES)))
    image[rng.random(image.shape) < draw(st.sampled_from((0, 0.1)))] = np.nan
    image[rng.random(image.shape) < draw(st.sampled_from((0, 0.05)))] = -np.inf
    return image


chunkings = st.one_of(st.integers(1, 70), st.tuples(st.integers(1, 70), st.integers(1, 70)))


def chunked(image, sizes):
    height, width = (sizes, sizes) if isinstance(sizes, int) else sizes
    return da.from_array(image, chunks=(min(height, image.shape[0]), min(width, image.shape[1])))


def bits(array):
    """The array as integers, all NaN alike."""
    return np.where(np.isnan(array), array.dtype.type(np.nan), array).view(f"i{array.itemsize}")


def whole_pixels(image, steps, shift, target, padding_mode):
    """By indexing, what a map by whole pixels gives."""
    (y, held_y), (x, held_x) = (
        reference.PADDINGS[padding_mode](step * np.arange(length) + start, n, True)
        for step, start, length, n in zip(steps, shift, target, image.shape)
    )
    return np.where(held_y[:, None] & held_x, image[y][:, x], image.dtype.type(0))


@given(
    images(), st.tuples(st.sampled_from((1, -1, 2)), st.sampled_from((1, -1, 3))),
    st.tuples(st.integers(-20, 70), st.integers(-20, 70)), st.tuples(st.integers(1, 70), st.integers(1, 70)),
    chunkings, chunkings, st.sampled_from(SAMPLERS), st.sampled_from(list(PADDINGS)), st.sampled_from((1, 3, -0.125)),
)  # fmt: skip
def test_maps_by_whole_pixels_are_exact(image, steps, shift, target, source, chunks, sampler_type, padding_mode, scale):
    """The identity, flips, shifts and strides, as affine maps and as homographies; NaN stay where they are."""
    matrix = np.array([[steps[1], 0, shift[1]], [0, steps[0], shift[0]], [0, 0, 1]]) * scale
    if scale == 1:
        matrix = matrix[:2]
    lazy = warp(chunked(image, source), matrix, target, sampler_type, padding_mode=padding_mode, chunks=chunks)
    expected = whole_pixels(image, steps, shift, target, padding_mode)
    np.testing.assert_array_equal(bits(lazy.compute()), bits(expected))


entries = st.floats(-2, 2, width=32) | st.sampled_from((0.0, 1.0, -1.0, 0.5, 0.1))


@st.composite
def matrices(draw):
    """Affine maps and homographies, with and without a horizon in the image."""
    rows = [[draw(entries), draw(entries), draw(st.floats(-40, 60))] for _ in range(2)]
    if draw(st.booleans()):
        return rows
    small = st.floats(-0.02, 0.02) | st.sampled_from((0.0, 0.125, -0.01))
    return [*rows, [draw(small), draw(small), draw(st.sampled_from((1.0, -1.0, 3.0, 0.5)))]]


@given(
    images(), matrices(), st.tuples(st.integers(1, 70), st.integers(1, 70)), st.tuples(chunkings, chunkings),
    st.tuples(chunkings, chunkings), st.sampled_from(list(so.samplers.SAMPLERS)), st.sampled_from(list(PADDINGS)),
)  # fmt: skip
def test_chunks_change_no_bit(image, matrix, target, sources, targets, sampler_type, padding_mode):
    """Neither those of the source nor those of the result; without any it is the eager warp."""
    options = {"target_shape": target, "sampler_type": sampler_type, "padding_mode": padding_mode}
    whole = so.warp(image, matrix, **options)
    for source, chunks in zip(sources, targets):
        out = warp(chunked(image, source), matrix, chunks=chunks, **options).compute()
        np.testing.assert_array_equal(bits(out), bits(whole))


@pytest.mark.parametrize("dtype", DTYPES)
def test_places_far_from_the_first_pixel_are_as_exact(dtype):
    """In a line of 10^8 pixels, of which only a part is read; a third of a pixel is a third there too."""
    line = (da.arange(10**8, chunks=10**5, dtype="int64") % 2048).astype(dtype)[None]
    out = warp(line, [[-1, 0, 99_999_983], [0, 1, 0]], (1, 3000), chunks=700).compute()
    expected = ((99_999_983 - np.arange(3000)) % 2048).astype(dtype)[None]
    np.testing.assert_array_equal(out, expected)
    near, far = (warp(line, [[1, 0, start + 1 / 3], [0, 1, 0]], (1, 99)).compute() for start in (2048, 2048 * 45_000))
    np.testing.assert_allclose(near, far, rtol=1e-3 if dtype == "float16" else 1e-6)


def test_byte_swapped_images():
    image = np.arange(12.0).reshape(3, 4)
    out = warp(da.from_array(image.astype(">f8"), chunks=2), np.eye(3))
    assert out.dtype == "float64"
    np.testing.assert_array_equal(out.compute(), image)


def test_masks_that_only_chunks_know_are_not_ignored():
    image = da.ones((4, 5), chunks=2).map_blocks(np.ma.masked_equal, 1, meta=np.empty((0, 0)), dtype="float64")
    with pytest.raises(TypeError, match="a chunk of image is a masked array"):
        warp(image, np.eye(3)).compute()


def test_large_numbers_that_can_be_divided_lie_outside():
    image = da.ones((4, 5))
    out = warp(image, [[1e200, 0, 1e200], [0, 1, 0]]).compute()
    np.testing.assert_array_equal(out, 0)


LONG = 2**31 + 1000


@pytest.mark.parametrize(
    ("chunk", "options", "words"),
    [
        (-1, {}, "image has chunks whose width is 2147484648, expected at most .*image.rechunk"),
        (2**29, {"chunks": -1}, "the result has chunks whose width is 2147484648, expected at most .* smaller chunks"),
        (
            2**29,
            {"matrix": [[2**28, 0, 0], [0, 1, 0]], "target_shape": (1, 9), "chunks": 9},
            "reads a part of image whose",
        ),
    ],
)
def test_sides_that_cannot_be_counted_are_refused_before_anything_is_computed(chunk, options, words):
    image = da.zeros((1, LONG), "float32", chunks=chunk)
    with pytest.raises(ValueError, match=words):
        warp(image, **{"matrix": np.eye(3), **options})


def test_a_long_image_in_short_chunks_is_warped():
    """Longer than 32 bits count; no chunk is, nor what one reads."""
    image = da.zeros((1, LONG), "float32", chunks=2**24) + 7
    out = warp(image, [[1, 0, LONG - 3], [0, 1, 0]], (1, 5), chunks=5)
    np.testing.assert_array_equal(out.compute(), [[7, 7, 7, 0, 0]])


@pytest.mark.parametrize("last", [(1, -1, 0.3), (1, -1, 0), (1.001, -1.0003, 0.3), (0, 1, -2000.5), (-8e-4, 1e-4, 1)])
def test_a_horizon_across_a_large_chunk_takes_no_time(last):
    image = da.zeros((4096, 4096), "float32", chunks=-1)
    start = time.process_time()
    warp(image, [[1, 0, 0], [0, 1, 0], last], chunks=-1)
    assert time.process_time() - start < 0.3


@pytest.mark.parametrize("last", [(1, -1, 0.3), (0.3, -1, 0), (1, -1, 0)])
@pytest.mark.parametrize("most", [1, 10, 2**14])
def test_a_horizon_changes_no_bit_however_far_it_is_followed(last, most, monkeypatch):
    monkeypatch.setattr("spatial_op.adapters.dask_boxes.MOST_PARTS", most, raising=False)
    image = np.random.default_rng(0).random((70, 90))
    matrix = [[1, 0.1, 3], [0.05, 1.1, -20], last]
    whole, parts = (warp(da.from_array(image, chunks=size), matrix, chunks=size).compute() for size in (-1, 23))
    np.testing.assert_array_equal(bits(parts), bits(whole))


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": 1, "target_shape": (2**30, 2**30)},
        {"chunks": ((1,) * 2000, (1,) * 2000), "target_shape": (2000, 2000)},
        {"target_shape": (2**31 - 1, 2**31 - 1)},
        {"matrix": [[1000, 0, 0], [0, 1000, 0]], "target_shape": (10**5, 10**5)},  # few chunks, until they are halved
    ],
)
def test_more_chunks_than_can_be_tasks_are_refused(options):
    image = da.zeros((10**6, 10**6), "float32", chunks=5000)
    start = time.process_time()
    with pytest.raises(ValueError, match="chunks, expected at most 524288; choose larger chunks, or a smaller result"):
        warp(image, **{"matrix": np.eye(3), **options})
    assert time.process_time() - start < 20


EVERY_DTYPE = (*DTYPES, "uint8", "int8", "uint16", "int32", "uint64", "int64", "bool", "complex64", "complex128")


def drawn(shape, dtype):
    """Numbers of a dtype, off its limits and on them."""
    rng, dtype = np.random.default_rng(0), np.dtype(dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    values = rng.normal(size=shape)
    return values > 0 if dtype.kind == "b" else (values * (1 + 2j) if dtype.kind == "c" else values).astype(dtype)


@pytest.mark.parametrize("padding_mode", PADDINGS)
@pytest.mark.parametrize("dtype", EVERY_DTYPE)
def test_chunks_of_any_dtype_have_the_bits_of_the_eager_warp(dtype, padding_mode):
    image = drawn((HEIGHT, WIDTH, 3), dtype)
    lazy = da.from_array(image, chunks=(40, 70, 2))
    for matrix in (TURN, MATRICES["homography"]):
        for sampler_type in SAMPLERS:
            options = {"target_shape": (130, 160), "sampler_type": sampler_type, "padding_mode": padding_mode}
            out = warp(lazy, matrix, channel_axis=-1, chunks=50, **options)
            expected = so.warp(image, matrix, **options)
            assert out.dtype == expected.dtype == image.dtype and out.shape == expected.shape
            np.testing.assert_array_equal(out.compute(), expected)


@pytest.mark.parametrize("padding_mode", PADDINGS)
@pytest.mark.parametrize("sampler_type", ["bilinear", "nearest", "nearest_even", "bicubic"])
@pytest.mark.parametrize("last", [(0, 0, 0, 1), (1e-3, -2e-3, 3e-3, 1.2), (0.01, 0.02, -0.05, 0.3)])
def test_volumes_have_the_bits_of_the_eager_warp(last, sampler_type, padding_mode):
    """Affine, projective, and with a horizon."""
    matrix = [[0.9, 0.1, 0, 1], [-0.1, 0.9, 0.2, 0], [0, 0.1, 1.1, -0.5], last]
    for dtype in ("int16", "float32"):
        volume = drawn((2, 30, 40, 50), dtype)
        lazy, options = da.from_array(volume, chunks=(1, 7, 13, 11)), {"padding_mode": padding_mode}
        out = warp(lazy, matrix, (20, 50, 60), sampler_type, chunks=(16, 9, 60), **options).compute()
        expected = so.warp(volume, matrix, (20, 50, 60), sampler_type, channel_axis=0, **options)
        np.testing.assert_array_equal(out, expected)
    assert last[0] or warp(lazy, matrix).chunks[1:] == da.core.normalize_chunks((7, 13, 11), volume.shape[1:])


@pytest.mark.parametrize("padding_mode", PADDINGS)
@pytest.mark.parametrize("axes", [2, 3])
def test_displacements_have_the_bits_of_the_eager_warp(axes, padding_mode):
    source, target = ((HEIGHT, WIDTH), (130, 160)) if axes == 2 else ((30, 40, 50), (20, 50, 60))
    displacement = np.random.default_rng(1).normal(scale=9, size=(axes, *target))
    displacement[(0, *(1,) * axes)], displacement[(1, *(5,) * axes)] = np.nan, np.inf
    displacement[(0, ..., *(slice(8),) * axes)] = -5000  # a chunk that sees nothing of the image
    image, options = drawn(source, "float64"), {"displacement": displacement, "padding_mode": padding_mode}
    for sampler_type in ("bilinear", "nearest"):
        out = warp(da.from_array(image, chunks=23), sampler_type=sampler_type, chunks=8 if axes == 3 else 33, **options)
        expected = so.warp(image, sampler_type=sampler_type, **options)
        assert np.isnan(expected).any()
        np.testing.assert_array_equal(out.compute(), expected)


def test_displacements_read_only_what_they_need():
    read = []

    def block(block_info=None):
        read.append(block_info[None]["chunk-location"])
        return np.ones(block_info[None]["chunk-shape"], "float32")

    image = da.map_blocks(block, chunks=((100,) * 50, (100,) * 50), dtype="float32", meta=np.empty((0, 0), "float32"))
    displacement = np.full((2, 90, 160), 2030.5)
    displacement[1] = 1120
    np.testing.assert_array_equal(warp(image, displacement=displacement, chunks=80).compute(), 1)
    assert sorted(set(read)) == [(row, column) for row in (11, 12) for column in (20, 21)]


def test_direction_and_channels():
    image = drawn((3, HEIGHT, WIDTH), "uint8")
    back = np.linalg.inv(np.vstack([TURN, [0, 0, 1]]))
    out = warp(da.from_array(image, chunks=50), back, direction="source_to_target")
    np.testing.assert_array_equal(out.compute(), so.warp(image, back, direction="source_to_target", channel_axis=0))
    with pytest.raises(
        ValueError, match="whose last axis looks like channels.*pass channel_axis=-1, or channel_axis=0"
    ):
        warp(da.from_array(np.moveaxis(image, 0, -1)), TURN)
    with pytest.raises(ValueError, match="channel_axis is 3 and image has 3 axes"):
        warp(da.from_array(image), TURN, channel_axis=3)
    with pytest.raises(TypeError, match="neither is given"):
        warp(da.from_array(image))
