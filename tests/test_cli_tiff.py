"""The command `warp` on TIFF files: any dtype, any axes, any number of pages; their tags are kept."""

import contextlib

import numpy as np
import pytest
from click.testing import CliRunner

from spatial_op.cli.main import cli

pytest.importorskip("dask")
tifffile = pytest.importorskip("tifffile")

HEIGHT, WIDTH = 30, 41
FLIP = ("--affine", f"-1,0,{WIDTH - 1},0,1,0")
HALF = ("--affine", "1,0,0.5,0,1,0")


@pytest.fixture
def opened():
    """Open TIFF files, until the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda path: stack.enter_context(tifffile.TiffFile(path))


@pytest.fixture
def warp(tmp_path, opened):
    """Write an array and warp it; the array that came out, its axes, and its first page."""

    def run(values, *options, **tags):
        tifffile.imwrite(tmp_path / "in.tif", values, **tags)
        result = CliRunner().invoke(
            cli, ["warp", str(tmp_path / "in.tif"), str(tmp_path / "out.tif"), *map(str, options)]
        )
        assert result.exit_code == 0, result.output
        file = opened(tmp_path / "out.tif")
        assert len(file.series) == 1
        return file.asarray(), file.series[0].axes, file.series[0].keyframe

    return run


def random(*shape, dtype="uint8"):
    """All bits of all bytes; of floats, whole numbers."""
    dtype, rng = np.dtype(dtype), np.random.default_rng(0)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        values.flat[:2] = limits.min, limits.max
        return values
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    values = rng.integers(-1000, 1000, shape).astype(dtype)
    return values + 1j * rng.integers(-1000, 1000, shape).astype(dtype) if dtype.kind == "c" else values


EVERY = "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 complex64 complex128".split()


@pytest.mark.parametrize("sampler", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("dtype", EVERY)
def test_a_flip_is_exact_in_every_dtype(warp, dtype, sampler):
    values = random(HEIGHT, WIDTH, dtype=dtype)
    out, _, page = warp(values, *FLIP, "--sampler", sampler)
    assert out.dtype == dtype and page.compression == 1
    np.testing.assert_array_equal(out, values[:, ::-1])


@pytest.mark.parametrize("dtype", [name for name in EVERY if "int" in name])
def test_integers_are_rounded_half_to_even(warp, dtype):
    """Half way between two pixels; the last one fades to nothing."""
    values = random(HEIGHT, WIDTH, dtype=dtype)
    out, *_ = warp(values, *HALF)
    assert out.dtype == dtype
    wide = np.concatenate([values.astype(object), np.zeros((HEIGHT, 1), object)], axis=1)
    sums = wide[:, :-1] + wide[:, 1:]
    down = sums // 2
    expected = np.where(sums % 2 == 0, down, down + down % 2)
    if np.dtype(dtype).itemsize < 8:
        np.testing.assert_array_equal(out, expected.astype(dtype))
    else:  # sums of halves of 32 bits have 53
        assert abs(out.astype(object) - expected).max() <= 1


@pytest.mark.parametrize("dtype", [name for name in EVERY if "int" in name])
def test_integers_stay_in_their_range(warp, dtype):
    """Where bicubic weights reach beyond the largest and the smallest one."""
    limits = np.iinfo(dtype)
    values = np.full((HEIGHT, WIDTH), limits.max, dtype)
    values[:, ::3] = limits.min
    out, *_ = warp(values, *HALF, "--sampler", "bicubic", "--padding", "border")
    column = out[0, 4:-4].astype(object)
    between = column[1::3][: len(column[1::3])]
    assert limits.max in column and all(limits.min <= number <= limits.max for number in column) and len(between)
    middle = [number for number in column if number != limits.max]
    spread = limits.max - limits.min
    assert middle and all(limits.min + spread // 10 < number < limits.max - spread // 10 for number in middle)


AXES = [
    ("QYX", {}, (5, HEIGHT, WIDTH)),
    ("QYXS", {"photometric": "rgb"}, (5, HEIGHT, WIDTH, 3)),
    ("YXS", {"photometric": "rgb"}, (HEIGHT, WIDTH, 3)),
    ("SYX", {"photometric": "rgb", "planarconfig": "separate"}, (3, HEIGHT, WIDTH)),
    ("YXS", {"photometric": "rgb", "extrasamples": ["unassalpha"]}, (HEIGHT, WIDTH, 4)),
    ("YXS", {"photometric": "rgb", "extrasamples": ["assocalpha"]}, (HEIGHT, WIDTH, 4)),
    ("YXS", {"photometric": "separated"}, (HEIGHT, WIDTH, 4)),
    ("YX", {"photometric": "miniswhite"}, (HEIGHT, WIDTH)),
    ("YX", {"compression": "lzw", "predictor": True}, (HEIGHT, WIDTH)),
    ("YX", {"compression": "zlib", "tile": (16, 16)}, (HEIGHT, WIDTH)),
    ("ZCYX", {"imagej": True, "metadata": {"axes": "ZCYX", "unit": "um", "spacing": 2.5}}, (4, 2, HEIGHT, WIDTH)),
    ("ZCYX", {"ome": True, "metadata": {"axes": "ZCYX", "PhysicalSizeX": 0.3}}, (4, 2, HEIGHT, WIDTH)),
    ("TYX", {"photometric": "minisblack", "metadata": {"axes": "TYX", "fps": 25}}, (4, HEIGHT, WIDTH)),
    ("YX", {"bigtiff": True, "byteorder": ">"}, (HEIGHT, WIDTH)),
]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(("axes", "tags", "shape"), AXES)
def test_height_and_width_are_what_the_file_says(warp, tmp_path, axes, tags, shape, dtype):
    """Stacks of pages and colours, whichever way they lie; the file that comes out is of the same kind."""
    values = random(*shape, dtype=dtype)
    out, found, page = warp(values, *FLIP, **tags)
    assert found == axes and out.dtype == dtype
    np.testing.assert_array_equal(out, np.flip(values, axes.index("X")))
    with tifffile.TiffFile(tmp_path / "in.tif") as file, tifffile.TiffFile(tmp_path / "out.tif") as result:
        before = file.series[0].keyframe
        for name in ("photometric", "planarconfig", "extrasamples", "compression", "predictor", "tile", "is_tiled"):
            assert getattr(page, name) == getattr(before, name), name
        assert result.is_bigtiff == file.is_bigtiff and result.byteorder == file.byteorder
        assert result.is_ome == file.is_ome and result.is_imagej == file.is_imagej
        if file.is_imagej:
            assert result.imagej_metadata["unit"] == "um" and result.imagej_metadata["spacing"] == 2.5
        if file.is_ome:
            assert 'PhysicalSizeX="0.3"' in result.ome_metadata
        if "fps" in tags.get("metadata", {}):
            assert result.shaped_metadata[0]["fps"] == 25


def test_ome_files_of_another_size(warp, tmp_path):
    values = random(4, 2, HEIGHT, WIDTH)
    out, axes, _ = warp(values, *FLIP, "--crop", "20x60", ome=True, metadata={"axes": "ZCYX"})
    assert axes == "ZCYX" and out.shape == (4, 2, 20, 60)
    np.testing.assert_array_equal(out[..., :WIDTH], values[:, :, :20, ::-1])


def test_resolution_profile_and_words_are_kept(warp, tmp_path):
    extra = [(33432, 2, 0, "nobody", True), (272, 2, 0, "microscope", True)]
    *_, page = warp(
        random(HEIGHT, WIDTH), *FLIP, resolution=(1200.5, 300), resolutionunit=3, iccprofile=b"profile" * 20,
        description="of noise", metadata=None, software="a program", extratags=extra,
    )  # fmt: skip
    x, y = page.tags.valueof(282), page.tags.valueof(283)
    assert (x[0] / x[1], y[0] / y[1], page.tags.valueof(296)) == (1200.5, 300, 3)
    assert page.iccprofile == b"profile" * 20 and page.description == "of noise" and page.software == "a program"
    assert page.tags.valueof(33432) == "nobody" and page.tags.valueof(272) == "microscope"


def test_palettes(warp):
    """Nearest keeps the numbers, the others give colours."""
    colours = random(3, 256).astype("uint16") * 257
    values = random(HEIGHT, WIDTH)
    out, _, page = warp(values, *FLIP, "--sampler", "nearest", photometric="palette", colormap=colours)
    np.testing.assert_array_equal(out, values[:, ::-1])
    np.testing.assert_array_equal(page.colormap, colours)
    out, axes, page = warp(values, *FLIP, photometric="palette", colormap=colours)
    assert axes == "YXS" and page.photometric == 2 and out.dtype == "uint8"
    np.testing.assert_array_equal(out, np.moveaxis((colours // 257)[:, values[:, ::-1]], 0, -1))


def test_pages_of_several_sizes(tmp_path):
    pages = [random(HEIGHT, WIDTH), random(20, 10), random(12, 13, 3)[..., 0]]
    with tifffile.TiffWriter(tmp_path / "in.tif") as file:
        for page in pages:
            file.write(page)
    result = CliRunner().invoke(cli, ["warp", str(tmp_path / "in.tif"), str(tmp_path / "out.tif"), "--rotate", "180"])
    assert result.exit_code == 0, result.output
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        for page, series in zip(pages, file.series, strict=True):
            np.testing.assert_array_equal(series.asarray(), page[::-1, ::-1])


def test_jpeg_inside(warp, tmp_path):
    """What was compressed with losses once is not compressed with losses again."""
    smooth = np.linspace(0, 250, HEIGHT * WIDTH * 3).astype("uint8").reshape(HEIGHT, WIDTH, 3)
    out, _, page = warp(smooth, *FLIP, photometric="rgb", compression="jpeg")
    np.testing.assert_array_equal(out, tifffile.imread(tmp_path / "in.tif")[:, ::-1])
    assert page.photometric == 2


def test_a_place_on_earth_is_mentioned(tmp_path):
    tag = (33550, 12, 3, (1.0, 1.0, 0.0), True)
    tifffile.imwrite(tmp_path / "in.tif", random(HEIGHT, WIDTH), extratags=[tag])
    result = CliRunner().invoke(cli, ["warp", str(tmp_path / "in.tif"), str(tmp_path / "out.tif"), *FLIP])
    assert result.exit_code == 0 and "a place on Earth" in result.stderr


def test_what_cannot_be_warped_is_refused(tmp_path):
    for values, tags, words in (
        (random(HEIGHT, WIDTH, 3), {"photometric": "cielab"}, "are CIELAB, expected"),
        (random(HEIGHT, WIDTH, 3), {"photometric": "rgb", "extrasamples": []}, None),
    ):
        tifffile.imwrite(tmp_path / "in.tif", values, **tags)
        result = CliRunner().invoke(cli, ["warp", str(tmp_path / "in.tif"), str(tmp_path / "out.tif"), *FLIP])
        assert (result.exit_code == 0) == (words is None) and (words or "wrote") in result.output
