"""The command `warp` on pictures: what a file holds is warped as it is seen, and kept."""

import contextlib
import io

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageCms, ImageSequence, PngImagePlugin

from spatial_op.cli.main import cli

pytest.importorskip("dask")
imagecodecs = pytest.importorskip("imagecodecs")
tifffile = pytest.importorskip("tifffile")

HEIGHT, WIDTH = 30, 41
IDENTITY = ("--affine", "1,0,0,0,1,0")
FLIP = ("--affine", f"-1,0,{WIDTH - 1},0,1,0")
HALF = ("--affine", "1,0,0.5,0,1,0")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def opened():
    """Open pictures, until the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda path: stack.enter_context(Image.open(path))


@pytest.fixture
def warp(tmp_path, opened):
    """Warp a file; the result, opened."""

    def run(source, target, *options):
        result = CliRunner().invoke(cli, ["warp", str(source), str(tmp_path / target), *map(str, options)])
        assert result.exit_code == 0, result.output
        return opened(tmp_path / target)

    return run


def random(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def image(mode):
    """A picture of noise in one of Pillow's modes."""
    if mode == "I;16":
        return Image.fromarray(random(HEIGHT, WIDTH, dtype="uint16"))
    if mode == "P":
        picture = Image.fromarray(random(HEIGHT, WIDTH))
        picture.putpalette(random(768).tolist())
        return picture
    return Image.fromarray(random(HEIGHT, WIDTH, 4)).convert(mode)


LOSSLESS = [
    *(("png", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(("bmp", mode) for mode in ("1", "L", "P", "RGB")),
    *(("webp", mode) for mode in ("RGB", "RGBA")),
    *(("gif", mode) for mode in ("1", "L", "P")),
    ("tif", "RGBA"),
]


@pytest.mark.parametrize("sampler", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize(("ending", "mode"), LOSSLESS)
def test_a_flip_keeps_every_bit(warp, opened, tmp_path, ending, mode, sampler):
    """Colours of transparent pixels among them."""
    options = {"lossless": True, "exact": True} if ending == "webp" else {}
    image(mode).save(tmp_path / f"in.{ending}", **options)
    before = opened(tmp_path / f"in.{ending}")
    after = warp(tmp_path / f"in.{ending}", f"out.{ending}", *FLIP, "--sampler", sampler)
    wide = before.mode if before.mode == "I;16" else "RGBA"
    expected = np.asarray(before.convert(wide))[:, ::-1]
    np.testing.assert_array_equal(np.asarray(after.convert(wide)), expected)
    if before.mode != "P" and ending != "gif":
        assert after.mode == before.mode


def test_a_palettes_numbers_are_labels(warp, tmp_path):
    """Nearest keeps them and their colours, the others mix the colours."""
    picture = image("P")
    picture.save(tmp_path / "in.png")
    kept = warp(tmp_path / "in.png", "out.png", *HALF, "--sampler", "nearest")
    assert kept.mode == "P" and kept.getpalette() == picture.getpalette()
    np.testing.assert_array_equal(np.asarray(kept)[:, :-1], np.asarray(picture)[:, 1:])
    mixed = warp(tmp_path / "in.png", "mixed.png", *HALF)
    colours = np.asarray(picture.convert("RGB")).astype(float)
    np.testing.assert_array_equal(np.asarray(mixed)[:, :-1], np.rint((colours[:, 1:] + colours[:, :-1]) / 2))


@pytest.mark.parametrize("ending", ["webp", "gif", "jpg"])
def test_a_palette_becomes_colours_where_there_is_none(warp, tmp_path, ending):
    picture = image("P")
    picture.save(tmp_path / "in.png", **({"transparency": b"\xff" * 255 + b"\0"} if ending == "gif" else {}))
    after = np.asarray(warp(tmp_path / "in.png", f"out.{ending}", *FLIP, "--sampler", "nearest").convert("RGBA"))
    expected = np.asarray(picture.convert("RGBA"))[:, ::-1].copy()
    if ending == "gif":
        expected[np.asarray(picture)[:, ::-1] == 255] = 0
        after = after * (after[..., 3:] > 0)
    if ending != "jpg":
        np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colours_of_16_bits(warp, tmp_path, channels):
    values = random(HEIGHT, WIDTH, channels, dtype="uint16")
    (tmp_path / "in.png").write_bytes(imagecodecs.png_encode(values))
    warp(tmp_path / "in.png", "out.png", *FLIP)
    np.testing.assert_array_equal(imagecodecs.png_decode((tmp_path / "out.png").read_bytes()), values[:, ::-1])


def test_colours_of_16_bits_keep_profile_and_resolution(warp, tmp_path):
    values = random(3, HEIGHT, WIDTH, dtype="uint16")
    tifffile.imwrite(
        tmp_path / "in.tif", np.moveaxis(values, 0, -1), photometric="rgb", iccprofile=PROFILE, resolution=(300, 300)
    )
    warp(tmp_path / "in.tif", "first.png", *IDENTITY)
    after = warp(tmp_path / "first.png", "out.png", *FLIP)
    assert after.info["icc_profile"] == PROFILE and round(after.info["dpi"][0]) == 300
    after.load()
    np.testing.assert_array_equal(
        imagecodecs.png_decode((tmp_path / "out.png").read_bytes()), np.moveaxis(values, 0, -1)[:, ::-1]
    )


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_profile_and_resolution_are_kept(warp, tmp_path, ending):
    more = {} if ending == "tif" else {"exif": exif(1)}
    image("RGB").save(tmp_path / f"in.{ending}", icc_profile=PROFILE, dpi=(300, 150), **more)
    after = warp(tmp_path / f"in.{ending}", f"out.{ending}", *FLIP)
    assert after.info["icc_profile"] == PROFILE
    if ending != "webp":  # which has no resolution
        assert [round(float(number)) for number in after.info["dpi"]] == [300, 150]
    if ending != "tif":
        assert after.getexif()[0x010F] == "Maker"


def test_texts_and_gamma_of_a_png_are_kept(warp, tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "noise")
    texts.add_itxt("Author", "Ünal")
    texts.add(b"gAMA", (45455).to_bytes(4, "big"))
    image("RGB").save(tmp_path / "in.png", pnginfo=texts)
    after = warp(tmp_path / "in.png", "out.png", *FLIP)
    assert after.text == {"Title": "noise", "Author": "Ünal"} and after.info["gamma"] == 0.45455


def exif(orientation):
    tags = Image.Exif()
    tags[0x010F], tags[0x0112] = "Maker", orientation
    return tags


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_warped_as_it_is_seen(warp, tmp_path, orientation, ending):
    """Whichever way the camera was held: a quarter is white, and a turn of 180 degrees takes it to the opposite corner."""
    seen = np.zeros((32, 48), np.uint8)
    seen[:16, :24] = 255
    tags = exif(orientation)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions
    stored = Image.fromarray(seen)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    stored.save(
        tmp_path / f"in.{ending}", **({"tiffinfo": {0x0112: orientation}} if ending == "tif" else {"exif": tags})
    )
    after = warp(tmp_path / f"in.{ending}", f"out.{ending}", "--rotate", 180)
    assert after.size == (48, 32) and after.getexif().get(0x0112, 1) == 1
    np.testing.assert_allclose(np.asarray(after).astype(float), seen[::-1, ::-1], atol=3)
    if ending != "tif":
        assert after.getexif()[0x010F] == "Maker"


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_keeps_its_quality(warp, opened, tmp_path, mode):
    smooth = Image.fromarray((127 + 120 * np.sin(np.arange(64 * 64 * 3) / 500)).astype("uint8").reshape(64, 64, 3))
    smooth.convert(mode).save(tmp_path / "in.jpg", quality=97, subsampling=0, progressive=True)
    before = opened(tmp_path / "in.jpg")
    after = warp(tmp_path / "in.jpg", "out.jpg", *IDENTITY)
    assert after.quantization == before.quantization and after.mode == mode and after.info["progressive"]
    assert abs(np.asarray(after).astype(float) - np.asarray(before)).max() <= 2
    if mode == "RGB":
        assert after.layer == before.layer  # subsampling
    opened(tmp_path / "in.jpg").convert("RGB").save(tmp_path / "in.png")
    fresh = warp(tmp_path / "in.png", "fresh.jpg", *IDENTITY)
    assert abs(np.asarray(fresh).astype(float) - np.asarray(opened(tmp_path / "in.png"))).max() <= 4


@pytest.mark.parametrize("sampler", ["bilinear", "bicubic"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_transparent_pixels_lend_no_colour(warp, tmp_path, dtype, sampler):
    """A white disc on transparent black, turned: what can be seen is white, also at the edge."""
    top = np.iinfo(dtype).max
    y, x = np.mgrid[:40, :40] - 19.5
    disc = np.zeros((40, 40, 4), dtype)
    disc[np.hypot(x, y) < 15] = top
    (tmp_path / "in.png").write_bytes(imagecodecs.png_encode(disc))
    warp(tmp_path / "in.png", "out.png", "--rotate", 17, "--sampler", sampler)
    out = imagecodecs.png_decode((tmp_path / "out.png").read_bytes())
    opacity = out[..., 3]
    assert ((opacity > 0) & (opacity < top)).sum() > 20, "the edge is soft"
    assert (out[..., :3][opacity > top // 100] == top).all()


FRAMES = [np.full((20, 24, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
for number, frame in enumerate(FRAMES):
    frame[2 + number : 8, 3:9] = 255


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_animations(warp, tmp_path, ending):
    """Every picture of it is warped; they last as long as they did, as often."""
    options = {"lossless": True} if ending == "webp" else {}
    first, *rest = map(Image.fromarray, FRAMES)
    first.save(
        tmp_path / f"in.{ending}", save_all=True, append_images=rest, duration=[100, 250, 400], loop=3, **options
    )
    after = warp(tmp_path / f"in.{ending}", f"out.{ending}", "--affine", "-1,0,23,0,1,0")
    assert after.n_frames == 3 and after.info["loop"] == 3
    for frame, found, duration in zip(FRAMES, ImageSequence.Iterator(after), (100, 250, 400)):
        np.testing.assert_array_equal(np.asarray(found.convert("RGB")), frame[:, ::-1])
        assert found.info["duration"] == duration


def test_animations_with_holes(warp, tmp_path):
    """What was transparent is so in each picture, and shows none of the one before."""
    frames = []
    for number in range(3):
        frame = np.zeros((20, 24, 4), np.uint8)
        frame[2:10, 5 * number : 5 * number + 6] = (200, 100 * number, 50, 255)
        frames.append(frame)
    first, *rest = map(Image.fromarray, frames)
    first.save(tmp_path / "in.gif", save_all=True, append_images=rest, duration=100, disposal=2)
    after = warp(tmp_path / "in.gif", "out.gif", "--affine", "-1,0,23,0,1,0")
    for frame, found in zip(frames, ImageSequence.Iterator(after)):
        found, flipped = np.asarray(found.convert("RGBA")), frame[:, ::-1]
        np.testing.assert_array_equal(found[..., 3], flipped[..., 3])
        np.testing.assert_array_equal(found[flipped[..., 3] > 0], flipped[flipped[..., 3] > 0])


def test_several_pictures_in_one_jpeg_are_mentioned(opened, tmp_path):
    """Phones add previews and depth maps."""
    first, second = image("RGB"), image("RGB")
    first.save(tmp_path / "in.jpg", "MPO", save_all=True, append_images=[second])
    result = CliRunner().invoke(cli, ["warp", str(tmp_path / "in.jpg"), str(tmp_path / "out.jpg"), *FLIP])
    assert result.exit_code == 0 and "holds more than one picture" in result.stderr
    assert opened(tmp_path / "out.jpg").size == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("RGBA", "jpg", "JPEG files cannot hold RGB colours with opacity of type uint8; write a PNG file"),
        ("I;16", "jpg", "JPEG files cannot hold grey values of type uint16; write a PNG file"),
        ("CMYK", "png", "PNG files cannot hold CMYK colours of type uint8; write a TIFF file"),
        ("F", "png", "PNG files cannot hold grey values of type float32; write a TIFF file"),
        ("F", "jpg", "JPEG files cannot hold grey values of type float32; write a TIFF file"),
        ("CMYK", "gif", "GIF files cannot hold CMYK colours"),
        ("I;16", "webp", "WEBP files cannot hold grey values of type uint16; write a PNG file"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, source, target, words):
    Image.new(source, (WIDTH, HEIGHT)).save(tmp_path / "in.tif")
    result = CliRunner().invoke(cli, ["warp", str(tmp_path / "in.tif"), str(tmp_path / f"out.{target}"), *FLIP])
    assert result.exit_code == 1 and words in result.output and result.output.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


def test_a_size_that_a_format_cannot_hold_is_refused(tmp_path):
    image("L").save(tmp_path / "in.png")
    result = CliRunner().invoke(
        cli, ["warp", str(tmp_path / "in.png"), str(tmp_path / "out.jpg"), *FLIP, "--size", "1x70000"]
    )
    assert result.exit_code == 1 and "JPEG files cannot hold sides of more than 65500 pixels" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_a_png_with_a_transparent_colour(warp, tmp_path):
    """The colour becomes opacity, which can be sampled."""
    values = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    values[:, :20] = 10, 20, 30
    Image.fromarray(values).save(tmp_path / "in.png", transparency=(0, 0, 0))
    after = np.asarray(warp(tmp_path / "in.png", "out.png", *FLIP))
    expected = np.dstack([values, np.where(values[..., 0] > 0, 255, 0).astype(np.uint8)])[:, ::-1]
    np.testing.assert_array_equal(after, expected)


def test_pictures_that_only_the_pixels_fill(warp, tmp_path):
    """A file in memory, without a name that says its kind, is what its first bytes say."""
    data = io.BytesIO()
    image("RGB").save(data, "TIFF")
    (tmp_path / "in.png").write_bytes(data.getvalue())
    after = warp(tmp_path / "in.png", "out.png", *FLIP)
    np.testing.assert_array_equal(np.asarray(after), np.asarray(image("RGB"))[:, ::-1])
