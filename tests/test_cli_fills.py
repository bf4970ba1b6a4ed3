"""The command `warp`: what lies outside a picture, by a colour's name or by the picture's own numbers."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from spatial_op.cli.main import cli

imagecodecs = pytest.importorskip("imagecodecs")
tifffile = pytest.importorskip("tifffile")

# Out of the picture on the left: three whole columns, and half of one that is mixed.
MOVE = ("--translate", "3.5,0")
HEIGHT, WIDTH = 12, 17


def random(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.fixture
def warp(tmp_path):
    """Options on an array in a file of one kind; what another file holds then."""

    def run(values, *options, source="png", target=None):
        target = target or source
        if source == "png":
            (tmp_path / "in.png").write_bytes(imagecodecs.png_encode(values))
        elif isinstance(values, Image.Image):
            values.save(tmp_path / f"in.{source}")
        else:
            colours = {"photometric": "rgb", "planarconfig": "contig"} if values.shape[-1] == 3 else {}
            tifffile.imwrite(tmp_path / f"in.{source}", values, **colours)
        names = [str(tmp_path / f"in.{source}"), str(tmp_path / f"out.{target}")]
        result = CliRunner().invoke(cli, ["warp", *names, *map(str, options)])
        if result.exit_code:
            assert not (tmp_path / f"out.{target}").exists()
            return result.output.splitlines()[-1]
        if target == "png":
            return imagecodecs.png_decode((tmp_path / "out.png").read_bytes())
        if target == "tif":
            return tifffile.imread(tmp_path / "out.tif")
        with Image.open(tmp_path / f"out.{target}") as picture:
            return np.asarray(picture)

    return run


def moved(values, fill):
    """What ``MOVE`` makes of an array, (H, W, ...), with a fill beside it."""
    wide = np.pad(values.astype(float), [(0, 0), (4, 0)] + [(0, 0)] * (values.ndim - 2))
    wide[:, :4] = fill
    return (wide[:, :-4] + wide[:, 1:-3]) / 2


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(
    ("channels", "fill", "numbers"),
    [
        (0, "white", 255), (0, "#808080", 128), (3, "orange", (255, 165, 0)), (3, "#FfEeDd", (255, 238, 221)),
        (3, "hsl(120, 100%, 50%)", (0, 255, 0)),
    ],
)  # fmt: skip
def test_colours(warp, dtype, channels, fill, numbers):
    """By the names of CSS, in 8 and in 16 bits, mixed with the picture's edge as with any other pixels."""
    values = random(*((HEIGHT, WIDTH, channels) if channels else (HEIGHT, WIDTH)), dtype=dtype)
    step = 1 if dtype == "uint8" else 257
    out = warp(values, *MOVE, "--fill", fill)
    assert abs(out - moved(values, np.multiply(numbers, step))).max() <= 0.5
    np.testing.assert_array_equal(out[:, :3], np.broadcast_to(np.multiply(numbers, step), out[:, :3].shape))


@pytest.mark.parametrize(("fill", "numbers"), [("9", 9), ("1,2,3", (1, 2, 3)), ("4 5 6", (4, 5, 6))])
def test_numbers(warp, fill, numbers):
    values = random(HEIGHT, WIDTH, 3)
    assert abs(warp(values, *MOVE, "--fill", fill) - moved(values, numbers)).max() <= 0.5


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint16", "float64"])
def test_numbers_of_every_dtype(warp, dtype):
    values = random(HEIGHT, WIDTH, dtype="uint8").astype(dtype)
    fill = 7 if dtype == "uint16" else -7
    np.testing.assert_allclose(warp(values, *MOVE, "--fill", fill, source="tif"), moved(values, fill), atol=0.5)


def test_pages_are_filled_alike(warp):
    values = random(4, HEIGHT, WIDTH, 3)
    out = warp(values, *MOVE, "--fill", "10,20,30", source="tif")
    assert out.shape == values.shape
    for page, expected in zip(out, values):
        assert abs(page - moved(expected, (10, 20, 30))).max() <= 0.5


@pytest.mark.parametrize("sampler", ["bilinear", "nearest"])
@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        ("red", (255, 0, 0, 255)), ("1,2,3", (1, 2, 3, 255)), ("1,2,3,4", (1, 2, 3, 4)), ("#01020304", (1, 2, 3, 4)),
        ("5", (5, 5, 5, 255)),
    ],
)  # fmt: skip
def test_pictures_with_opacity(warp, fill, expected, sampler):
    """A fill is opaque unless it says otherwise; its colour mixes by its opacity."""
    values = random(HEIGHT, WIDTH, 4)
    out = warp(values, *MOVE, "--fill", fill, "--sampler", sampler)
    assert (out[:, :3] == expected).all()
    if sampler == "bilinear":
        edge = values[:, 0].astype(float)
        opacity = (edge[:, 3:] + expected[3]) / 2
        colours = (edge[:, :3] * edge[:, 3:] + np.multiply(expected[:3], expected[3])) / 2
        assert abs(out[:, 3, 3:] - opacity).max() <= 0.5
        visible = opacity[:, 0] > 1
        assert abs(out[:, 3, :3] - colours / opacity)[visible].max() <= 0.51


@pytest.mark.parametrize(("source", "target"), [("png", "png"), ("png", "tif"), ("tif", "png"), ("tif", "tif")])
@pytest.mark.parametrize("channels", [0, 3])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_has_no_opacity_gets_one(warp, dtype, channels, source, target):
    """What was in the picture keeps its colours, also at the edge."""
    values = random(*((HEIGHT, WIDTH, channels) if channels else (HEIGHT, WIDTH)), dtype=dtype)
    out = warp(values, *MOVE, "--fill", "transparent", source=source, target=target)
    top = np.iinfo(dtype).max
    values = values.reshape(HEIGHT, WIDTH, -1)
    assert out.shape == (HEIGHT, WIDTH, values.shape[-1] + 1)
    assert not out[:, :3].any() and (out[:, 4:, -1] == top).all() and (abs(out[:, 3, -1] - top / 2) <= 0.5).all()
    np.testing.assert_array_equal(out[:, 3, :-1], values[:, 0])


def test_colours_that_are_multiplied_by_opacity(tmp_path):
    """As some TIFF files hold them."""
    values = random(HEIGHT, WIDTH, 4)
    tifffile.imwrite(tmp_path / "in.tif", values, photometric="rgb", extrasamples=["assocalpha"])
    names = [str(tmp_path / name) for name in ("in.tif", "out.tif")]
    result = CliRunner().invoke(cli, ["warp", *names, "--translate", "3,0", "--fill", "#ff800040"])
    assert result.exit_code == 0, result.output
    out = tifffile.imread(tmp_path / "out.tif")
    np.testing.assert_array_equal(out[:, 3:], values[:, :-3])
    assert (out[:, :3] == (64, 32, 0, 64)).all()


def test_palettes(warp, tmp_path):
    """A number is one of the palette's, which stays; a colour makes colours of it."""
    picture = Image.fromarray(random(HEIGHT, WIDTH))
    picture.putpalette(random(768).tolist())
    picture.save(tmp_path / "in.gif")
    picture.save(tmp_path / "palette.png")
    for fill, mode, found in (("7", "P", 7), ("lime", "RGB", (0, 255, 0))):
        out = tmp_path / f"{mode}.png"
        options = ["--translate", "3,0", "--sampler", "nearest", "--fill", fill]
        result = CliRunner().invoke(cli, ["warp", str(tmp_path / "palette.png"), str(out), *options])
        assert result.exit_code == 0, result.output
        with Image.open(out) as after:
            assert after.mode == mode and (np.asarray(after)[:, :3] == found).all()
            np.testing.assert_array_equal(
                np.asarray(after.convert("RGB"))[:, 3:], np.asarray(picture.convert("RGB"))[:, :-3]
            )


def test_arrays(tmp_path):
    zarr = pytest.importorskip("zarr")
    values = random(2, HEIGHT, WIDTH, dtype="uint16")
    zarr.create_array(str(tmp_path / "in.zarr"), data=values, chunks=(1, 5, 5))
    arguments = ["warp", str(tmp_path / "in.zarr"), str(tmp_path / "out.zarr"), *MOVE]
    for fill in ("white", "1,2"):
        result = CliRunner().invoke(cli, [*arguments, "--fill", fill])
        assert result.exit_code == 2 and "expected one, like --fill 0" in result.output
    result = CliRunner().invoke(cli, [*arguments, "--fill", "-1"])
    assert result.exit_code == 1 and "whole numbers from 0 to 65535" in result.output
    assert CliRunner().invoke(cli, [*arguments, "--fill", "9"]).exit_code == 0
    for page, expected in zip(zarr.open(str(tmp_path / "out.zarr"), mode="r")[:], values):
        assert abs(page - moved(expected, 9)).max() <= 0.5


def test_fills_that_cannot_be(warp):
    grey, colours = random(HEIGHT, WIDTH), random(HEIGHT, WIDTH, 3)
    for values, fill, words in (
        (grey, "blak", "'blak' is no colour; did you mean black?"),
        (grey, "#12", "'#12' is no colour; expected a name like white"),
        (grey, "nan", "'nan' is no colour"),
        (grey, "red", "--fill is red, and its pixels are grey; choose white, black or a grey"),
        (grey, "1,2", "--fill has 2 numbers, expected 1 for grey pixels"),
        (grey, "256", "--fill is 256, and its pixels hold whole numbers from 0 to 255"),
        (colours, "0.5", "--fill is 0.5, and its pixels hold whole numbers from 0 to 255"),
        (colours, "1,2", "--fill has 2 numbers, expected 1 or 3 for rgb pixels"),
        (random(HEIGHT, WIDTH, 4), "1,2", "--fill has 2 numbers, expected 1 or 3 or 4 for rgb pixels"),
    ):
        line = warp(values, *MOVE, "--fill", fill)
        assert isinstance(line, str) and line.startswith("Error: ") and words in line, line
    for fill in ("white", "transparent"):
        line = warp(grey.astype("float32"), *MOVE, "--fill", fill, source="tif")
        assert "float32" in line and "pass numbers, like --fill 0" in line
    line = warp(Image.new("CMYK", (5, 5)), *MOVE, "--fill", "white", source="jpg")
    assert "its pixels are cmyk; pass a number for each channel" in line
    line = warp(colours, *MOVE, "--fill", "white", "--border", "wrap")
    assert "--fill and --border wrap both say what lies outside; leave one of them out" in line


def test_names_of_colours_complete():
    from click.shell_completion import ShellComplete

    found = ShellComplete(cli, {}, "spatial_op", "_X").get_completions(["warp", "a", "b", "--fill"], "tran")
    assert [item.value for item in found] == ["transparent"]
