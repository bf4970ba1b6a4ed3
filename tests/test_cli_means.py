"""The command `warp --antialias`: a pixel of the result is the mean of all that it covers."""

import numpy as np
import pytest
from click.testing import CliRunner

import spatial_op as so
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


@pytest.mark.parametrize("ending", ["npy", "zarr"])
def test_means_are_those_of_warp(warp, ending):
    values, matrix = random(HEIGHT, WIDTH), Geometry(rotate=20.0, scale=(0.5, 0.4)).of(HEIGHT, WIDTH)
    found = warp(values, "--rotate", 20, "--scale", "0.5,0.4", "--antialias", ending=ending)
    np.testing.assert_array_equal(found, so.warp(values, *matrix, antialias=True))
    assert abs(found.astype(int) - so.warp(values, *matrix)).max() > 9


def test_what_cannot_be(warp):
    assert "leave one of them out" in warp(random(9, 9), "--size", "50%", "--antialias", "--sampler", "nearest")
