"""The command `warp --antialias`: a pixel of the result is the mean of all that it covers."""

import numpy as np
import pytest
from click.testing import CliRunner

import spatial_op as so
from spatial_op.cli import means
from spatial_op.cli.geometry import Geometry
from spatial_op.cli.main import cli

imagecodecs = pytest.importorskip("imagecodecs")

HEIGHT, WIDTH = 24, 36


@pytest.fixture
def warp(tmp_path):
    """Warp an array in a file; the array in the other one."""

    def run(values, *options, ending="npy"):
        source, target = tmp_path / f"in.{ending}", tmp_path / f"out.{ending}"
        if ending == "npy":
            np.save(source, values)
        elif ending == "png":
            source.write_bytes(imagecodecs.png_encode(values))
        else:
            zarr = pytest.importorskip("zarr")
            zarr.create_array(str(source), data=values, chunks=(7, 8))
        result = CliRunner().invoke(cli, ["warp", str(source), str(target), *map(str, options)])
        if result.exit_code:
            return result.output.splitlines()[-1]
        if ending == "npy":
            return np.load(target)
        return imagecodecs.png_decode(target.read_bytes()) if ending == "png" else zarr.open(str(target), mode="r")[:]

    return run


def random(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def averages(values, y, x):
    """Of blocks."""
    height, width = values.shape[0] // y, values.shape[1] // x
    return values.reshape(height, y, width, x, *values.shape[2:]).mean(axis=(1, 3), dtype=float)


@pytest.mark.parametrize("ending", ["npy", "png", "zarr"])
@pytest.mark.parametrize(("y", "x"), [(2, 3), (4, 4), (1, 6), (12, 1)])
def test_whole_factors_are_averages_of_blocks(warp, ending, y, x):
    values = random(HEIGHT, WIDTH)
    out = warp(values, "--size", f"{HEIGHT // y}x{WIDTH // x}", "--antialias", ending=ending)
    assert out.dtype == values.dtype and abs(out - averages(values, y, x)).max() <= 0.5


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int64", "uint64", "complex64", "bool"])
def test_every_dtype(warp, dtype):
    values = random(HEIGHT, WIDTH, dtype="uint8").astype(dtype)
    out = warp(values, "--size", "50%", "--antialias")
    expected = averages(values.astype(complex if dtype == "complex64" else float).real, 2, 2)
    expected = expected >= 0.5 if dtype == "bool" else expected
    assert out.dtype == dtype and abs(out.real - expected.astype(float)).max() <= 0.5


@pytest.mark.parametrize("ending", ["npy", "png", "zarr"])
@pytest.mark.parametrize("options", [("--rotate", 20), ("--scale", 2), ("--translate", "3,2"), ("--size", "200%")])
def test_what_does_not_shrink_stays_bit_for_bit(warp, options, ending):
    values = random(HEIGHT, WIDTH)
    if options[0] == "--rotate":
        options = (*options, "--scale", 1.5)
    plain = warp(values, *options, ending="npy")
    np.testing.assert_array_equal(warp(values, *options, "--antialias", ending=ending), plain)


def test_a_fine_pattern_becomes_grey(warp):
    """Of a board of single pixels, which plain sampling makes black or white."""
    board = np.uint8(np.indices((HEIGHT, WIDTH)).sum(0) % 2 * 255)
    options = ("--rotate", 10, "--scale", 0.25, "--crop", "4x6+10+15")  # away from the edge
    assert np.ptp(warp(board, *options).astype(int)) > 100
    assert np.ptp(warp(board, *options, "--antialias").astype(int)) < 50


def test_arrays_of_zarr_have_the_numbers_of_others(warp):
    values, options = random(HEIGHT, WIDTH), ("--rotate", 33, "--scale", "0.4,0.7", "--fill", 99, "--antialias")
    difference = warp(values, *options, ending="zarr").astype(int) - warp(values, *options)
    assert abs(difference).max() <= 1


@pytest.mark.parametrize("channels", [2, 4])
def test_transparent_pixels_lend_no_colour(warp, channels):
    values = random(HEIGHT, WIDTH, channels)
    values[..., -1] = np.where(values[..., -1] > 128, 255, 0)
    values[values[..., -1] == 0] = 0
    values[values[..., -1] > 0, :-1] = 200
    out = warp(values, "--size", "50%", "--antialias", ending="png")
    assert set(np.unique(out[out[..., -1] > 0][..., :-1])) == {200}
    assert abs(out[..., -1] - averages(values[..., -1], 2, 2)).max() <= 0.5


def test_samples_follow_the_largest_stretch():
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    assert means.samples(turn, (9, 9)) == (1, 1)
    assert means.samples(turn @ np.diag([3, 1.2, 1]), (9, 9)) == (2, 3)
    assert means.samples(np.diag([100.0, 1, 1]), (9, 9)) == (1, means.MOST)
    deep = Geometry(homography=(1, 0, 0, 0, 1, 0, -0.1, 0, 1)).of(9, 10)[0]
    assert means.samples(deep, (9, 9)) > (1, 5), "as at the corner where the picture is farthest away"


def test_means_are_those_of_samples_all_over_a_pixel(warp):
    """By hand: each sample on its own."""
    values, options = random(HEIGHT, WIDTH, dtype="float64"), ("--rotate", 20, "--scale", "0.5,0.4")
    matrix, target = Geometry(rotate=20.0, scale=(0.5, 0.4)).of(HEIGHT, WIDTH)
    y, x = means.samples(matrix, target)
    total = 0
    for j, i in np.ndindex(y, x):
        step = np.array([[1, 0, (i + 0.5) / x - 0.5], [0, 1, (j + 0.5) / y - 0.5], [0, 0, 1]])
        total = total + so.warp(values, matrix @ step, target)
    np.testing.assert_allclose(warp(values, *options, "--antialias"), total / (y * x), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("together", [1, 500, 1500])
def test_the_number_of_samples_at_a_time_is_no_matter(warp, monkeypatch, together):
    values, options = random(HEIGHT, WIDTH, 3), ("--axes", "yxc", "--rotate", 20, "--scale", "0.5,0.4", "--antialias")
    whole = warp(values, *options)
    monkeypatch.setattr(means, "TOGETHER", together)
    np.testing.assert_array_equal(warp(values, *options), whole)


def test_what_cannot_be(warp):
    assert "leave one of them out" in warp(random(9, 9), "--size", "50%", "--antialias", "--sampler", "nearest")
    big = random(HEIGHT, WIDTH, dtype="uint64")
    assert "leave --antialias out" in warp(big, "--size", "50%", "--antialias", ending="zarr")
