"""Images warped chunk by chunk, of which the outside is sampled: what is read of the source, rows of a user's, and the coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spatial_op as so

pytest.importorskip("dask")
import dask
from dask import array as da

from spatial_op.dask import warp
from spatial_op.paddings import PADDINGS, Padding

HEIGHT, WIDTH = 150, 201
TURN = [[0.9, -0.4, 40], [0.4, 0.9, -30]]


@pytest.fixture(autouse=True)
def here():
    """Dask's tasks on the calling thread."""
    with dask.config.set(scheduler="synchronous"):
        yield


def picture(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 99, shape).astype(dtype)


def halves(positions, n, edge):
    """The image and a gap of its size, over and over."""
    there = positions % (2 * n)
    return np.where(there < n, there, -1)


def one_side(positions, n, edge):
    """The edge goes on to the left, and nothing to the right."""
    return np.where(positions < n, np.maximum(positions, 0), -1)


OF_A_USER = {"halves": Padding(halves, lambda n, edge: 2 * n), "one_side": Padding(one_side)}


@pytest.fixture(params=[*PADDINGS, *OF_A_USER])
def padding_mode(request, monkeypatch):
    """Any row, those of a user too."""
    for name, row in OF_A_USER.items():
        monkeypatch.setitem(PADDINGS, name, row)
    return request.param


MAPS = {
    "turn": TURN,
    "turned in a corner": [[0.8, 0.6, -15.3], [-0.6, 0.8, 7.1]],
    "a period away": [[1, 0.01, 1000.3], [0.02, -1, -500.7]],
    "much away": [[1, 0, 1e12], [0, 1, -1e12]],
    "further than can be told": [[1, 0, 1e17], [0, 1, -1e16]],
    "several periods": [[9, 0.3, -900], [0.2, 7, -300]],
    "a horizon": [[1, 0.1, 3], [0.05, 1.1, -20], [-8e-3, 1e-3, 1]],
}


@pytest.mark.parametrize("name", MAPS)
def test_any_padding_has_the_bits_of_the_eager_warp(name, padding_mode):
    image = picture(HEIGHT, WIDTH, dtype="float64")
    for sampler_type in ("bilinear", "nearest_even", "lanczos3"):
        options = {"sampler_type": sampler_type, "padding_mode": padding_mode}
        out = warp(da.from_array(image, chunks=(40, 33)), MAPS[name], (90, 130), chunks=32, **options)
        np.testing.assert_array_equal(out.compute(), so.warp(image, MAPS[name], (90, 130), **options))


@pytest.mark.parametrize("antialias", [True, (2, 3)])
def test_antialias_samples_the_outside_too(antialias, padding_mode):
    image, options = picture(HEIGHT, WIDTH, 3), {"antialias": antialias, "padding_mode": padding_mode}
    matrix = [[3, 0.2, -150], [0.1, 2.5, -80]]
    out = warp(da.from_array(image, chunks=50), matrix, channel_axis=-1, chunks=40, **options)
    np.testing.assert_array_equal(out.compute(), so.warp(image, matrix, **options))


sides = st.integers(1, 40)


@given(
    st.tuples(sides, sides), st.tuples(sides, sides), st.tuples(sides, sides), st.integers(0, 9999),
    st.sampled_from(list(PADDINGS)), st.sampled_from(list(so.samplers.SAMPLERS)),
)  # fmt: skip
def test_images_of_any_size_displaced_anywhere(source, chunk, target, seed, padding_mode, sampler_type):
    rng = np.random.default_rng(seed)
    image = rng.standard_normal(source)
    displacement = rng.standard_normal((2, *target)) * rng.choice([0.5, 9, 300]) + rng.normal(scale=60, size=(2, 1, 1))
    options = {"displacement": displacement, "padding_mode": padding_mode, "sampler_type": sampler_type}
    out = warp(da.from_array(image, chunks=chunk), chunks=rng.integers(4, 40), **options)
    np.testing.assert_array_equal(out.compute(), so.warp(image, **options))


def chunks_read(matrix, padding_mode, chunks=80, **options):
    """Which chunks of a large image of 50 x 50 chunks of 100 x 100 a result reads, by rows and columns."""
    read = []

    def block(block_info=None):
        read.append(block_info[None]["chunk-location"])
        return np.ones(block_info[None]["chunk-shape"], "float32")

    image = da.map_blocks(block, chunks=((100,) * 50, (100,) * 50), dtype="float32", meta=np.empty((0, 0), "float32"))
    out = warp(image, matrix, (90, 160), padding_mode=padding_mode, chunks=chunks, **options)
    assert not read
    out.compute()
    return [sorted(set(each)) for each in zip(*read)] or [[], []]


def test_only_what_the_outside_repeats_is_read():
    """Beside a corner, across it, and beyond."""
    beside, across, beyond = ([[1, 0, shift], [0, 1, shift]] for shift in (5000 + 2030.5, -50.5, 5000 * 2**20 + 1030.5))
    assert chunks_read(beside, "wrap") == [[20, 21], [20, 21]]
    assert chunks_read(beside, "reflection") == [[28, 29], [28, 29]]  # up to 9998 - 7030.5, and down
    assert chunks_read(beside, "border") == [[49], [49]]
    assert chunks_read(beside, "zeros") == [[], []]
    assert chunks_read(across, "wrap") == [[0, 49], [0, 1, 49]]
    assert chunks_read(across, "reflection") == [[0], [0, 1]]
    assert chunks_read(beyond, "wrap") == [[10, 11], [10, 11]]


def test_a_chunk_that_covers_a_period_reads_the_whole_axis():
    assert chunks_read([[40, 0, 2005], [0, 1, 2005]], "wrap", chunks=(90, 160)) == [[20], list(range(50))]
    assert chunks_read([[1, 0, 10], [0, 80, 10]], "reflection", chunks=(90, 160)) == [list(range(50)), [0, 1]]


def test_parts_hold_no_more_than_is_read(monkeypatch):
    """Of a long line, where a chunk samples both ends: so few pixels, whatever the length."""
    from spatial_op import dask as ours

    sizes, gathered = [], ours.gathered
    monkeypatch.setattr(ours, "gathered", lambda *given: sizes.append(gathered(*given)) or sizes[-1])
    line = da.arange(10**6, chunks=10**4, dtype="float64")[None]
    out = warp(line, [[1, 0, 10**6 - 20.5], [0, 1, 0]], (1, 50), padding_mode="wrap", chunks=50).compute()
    left = 10**6 - 21 + np.arange(50)
    np.testing.assert_array_equal(out[0], (left % 10**6 + (left + 1) % 10**6) / 2)
    assert len(sizes) == 1 and sizes[0].shape[1] < 60


def test_lines_whose_period_cannot_be_counted():
    """Inside, what is long is sampled; outside it is refused."""
    line = da.zeros((1, 2**31 + 1000), "float32", chunks=2**24) + 7
    out = warp(line, [[1, 0, 2**31 + 9], [0, 0, 0]], (1, 5), chunks=5, padding_mode="zeros")
    np.testing.assert_array_equal(out.compute(), 7)
    for padding_mode in ("reflection", "wrap"):
        with pytest.raises(ValueError, match=f"padding_mode is '{padding_mode}' and the width of image is 2147484648"):
            warp(line, [[1, 0, -9], [0, 1, 0]], (1, 5), chunks=5, padding_mode=padding_mode)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float64", "complex64"])
def test_the_coverage_has_the_bits_of_the_eager_one(dtype, padding_mode):
    image = picture(HEIGHT, WIDTH, 3, dtype=dtype)
    lazy = da.from_array(image, chunks=(40, 70, 2))
    for matrix in (TURN, MAPS["a horizon"]):
        options = {"target_shape": (130, 160), "padding_mode": padding_mode, "sampler_type": "bicubic"}
        both = warp(lazy, matrix, channel_axis=-1, chunks=50, coverage=True, **options)
        expected = so.warp(image, matrix, coverage=True, **options)
        alone = warp(lazy, matrix, channel_axis=-1, chunks=50, coverage="only", **options)
        for found, wanted in zip((*both, alone), (*expected, expected[1])):
            assert found.dtype == wanted.dtype and found.shape == wanted.shape
            np.testing.assert_array_equal(found.compute(), wanted)
    assert 0 < expected[1][expected[1] == expected[1]].mean() < 1


def test_the_coverage_of_volumes_and_displacements():
    volume, rng = picture(2, 20, 30, 25, dtype="int16"), np.random.default_rng(1)
    displacement = rng.normal(scale=9, size=(3, 16, 20, 24))
    out, coverage = warp(
        da.from_array(volume, chunks=9), displacement=displacement, channel_axis=0, chunks=8, coverage=True
    )
    for found, wanted in zip(
        (out, coverage), so.warp(volume, displacement=displacement, channel_axis=0, coverage=True)
    ):
        np.testing.assert_array_equal(found.compute(), wanted)


def test_the_coverage_alone_reads_no_image():
    assert chunks_read(TURN, "zeros", coverage="only") == [[], []]
