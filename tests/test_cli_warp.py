"""The command `warp`: its options, folders, what goes wrong, and what is left behind."""

import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from spatial_op.cli.main import cli

pytest.importorskip("dask")
one_picture = pytest.importorskip("spatial_op.cli.one_picture")
pictures = one_picture.pictures
zarr = pytest.importorskip("zarr")
io = pytest.importorskip("skimage.io")


@pytest.fixture
def run():
    def invoke(*arguments):
        result = CliRunner().invoke(cli, ["warp", *map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return invoke


def picture(path, shape=(30, 41, 3), dtype="uint8"):
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)
    io.imsave(path, values, check_contrast=False)
    return values


def test_a_quarter_turn_of_a_picture_is_exact(run, tmp_path):
    """Of a square one, counter-clockwise as it is seen."""
    values = picture(tmp_path / "in.png", (31, 31, 3))
    result = run(tmp_path / "in.png", tmp_path / "out.png", "--rotate", 90)
    assert result.exit_code == 0 and result.output == f"wrote {tmp_path / 'out.png'} (31 pixels high, 31 wide)\n"
    np.testing.assert_array_equal(io.imread(tmp_path / "out.png"), np.rot90(values))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_matrices_and_sizes(run, tmp_path, dtype):
    """A grey picture, shifted and turned into another size; numbers that are not whole are rounded."""
    values = picture(tmp_path / "in.png", (30, 41), dtype)
    run(
        tmp_path / "in.png",
        tmp_path / "out.png",
        "--affine",
        "1,0,2.5,0,1,-1",
        "--crop",
        "25x20",
        "--border",
        "border",
    )
    out = io.imread(tmp_path / "out.png")
    assert out.dtype == dtype and out.shape == (25, 20)
    wide = values.astype("float64")
    rows = np.maximum(np.arange(25) - 1, 0)
    expected = np.rint((wide[rows, 2:22] + wide[rows, 3:23]) / 2)
    np.testing.assert_array_equal(out, expected.astype(dtype))
    run(tmp_path / "in.png", tmp_path / "same.png", "--homography", "1 0 0 0 1 0 0 0 1", "--sampler", "nearest")
    np.testing.assert_array_equal(io.imread(tmp_path / "same.png"), values)


def test_folders(run, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    for number, shape in enumerate([(10, 10, 3), (12, 12)]):
        picture(tmp_path / "in" / f"{number}.png", shape)
    assert "(2 pictures)" in run(tmp_path / "in", tmp_path / "out", "--rotate", "-180").output
    for number in range(2):
        turned = io.imread(tmp_path / "out" / f"{number}.png")
        np.testing.assert_array_equal(turned, io.imread(tmp_path / "in" / f"{number}.png")[::-1, ::-1])


@pytest.mark.parametrize("degrees", [90, -90, 180, 270, 360, -450])
def test_quarter_turns_are_exact(run, tmp_path, degrees):
    values = picture(tmp_path / "in.png", (31, 31))
    run(tmp_path / "in.png", tmp_path / "out.png", "--rotate", degrees)
    np.testing.assert_array_equal(io.imread(tmp_path / "out.png"), np.rot90(values, degrees // 90))


def test_a_large_picture_has_the_bits_of_a_small_one(run, tmp_path):
    """Whether it is cut into parts or not."""
    values = picture(tmp_path / "in.png", (1100, 1300))
    run(tmp_path / "in.png", tmp_path / "out.png", "--affine", "1,0.3,-100,0.1,1,7", "--crop", "1080x1290")
    run(tmp_path / "in.png", tmp_path / "same.png", "--affine", "1,0,0,0,1,0")
    np.testing.assert_array_equal(io.imread(tmp_path / "same.png"), values)
    run(tmp_path / "in.png", tmp_path / "part.png", "--affine", "1,0.3,-100,0.1,1,7", "--crop", "50x1290")
    np.testing.assert_array_equal(io.imread(tmp_path / "part.png"), io.imread(tmp_path / "out.png")[:50])


def test_a_broken_picture_does_not_stop_the_others(run, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "c.png"):
        picture(tmp_path / "in" / name)
    whole = (tmp_path / "in" / "a.png").read_bytes()
    (tmp_path / "in" / "b.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in" / "d.jpg").write_text("no picture")
    result = run(tmp_path / "in", tmp_path / "out", "--rotate", 1)
    assert result.exit_code == 1
    *errors, last = result.output.splitlines()
    assert [error.split(": ")[1].rpartition("/")[2] for error in errors] == ["b.png", "d.jpg"]
    assert all("cannot be read as a picture" in error for error in errors)
    assert last == f"Error: 2 of 4 pictures are in {tmp_path / 'out'}; the same command tries the others again."
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == ["a.png", "c.png"]


@pytest.mark.parametrize(
    "error", [RuntimeError("a codec\nfailed."), ValueError(), ImportError("no codec"), MemoryError()]
)
@pytest.mark.parametrize("when", ["reading", "warping", "writing"])
def test_nothing_that_one_picture_raises_stops_the_others(run, tmp_path, monkeypatch, when, error):
    (tmp_path / "in").mkdir()
    for name, width in (("a.png", 41), ("b.png", 17), ("c.png", 41)):
        picture(tmp_path / "in" / name, (30, width, 3))
    place, name = {
        "reading": (pictures, "read"),
        "warping": (one_picture, "warped"),
        "writing": (pictures, "write"),
    }[when]
    function = getattr(place, name)

    def failing(first, *args, **kwargs):
        page = args[0].pages[0] if when == "writing" else first
        if getattr(first, "name", None) == "b.png" or getattr(page, "shape", (0,))[-1] == 17:
            raise error
        return function(first, *args, **kwargs)

    monkeypatch.setattr(place, name, failing)
    result = run(tmp_path / "in", tmp_path / "out", "--rotate", 1)
    first, last = result.output.splitlines()
    assert result.exit_code == 1 and first.startswith(f"Error: {tmp_path / 'in' / 'b.png'}: "), result.output
    assert last == f"Error: 2 of 3 pictures are in {tmp_path / 'out'}; the same command tries the others again."
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == ["a.png", "c.png"]


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "tif", "webp", "bmp"])
def test_pictures_that_are_damaged_inside(run, tmp_path, ending):
    """Wherever their bytes are wrong: each is warped, or one sentence."""
    (tmp_path / "in").mkdir()
    picture(tmp_path / f"whole.{ending}", (30, 41, 3))
    whole, rng = (tmp_path / f"whole.{ending}").read_bytes(), np.random.default_rng(0)
    for number in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(4, min(len(whole), 4 if number % 3 else 10**9) + 200, 3) % len(whole):
            damaged[place] = rng.integers(256)
        (tmp_path / "in" / f"{number:02}.{ending}").write_bytes(damaged)
    result = run(tmp_path / "in", tmp_path / "out", "--rotate", 1)
    lines = [line for line in result.output.splitlines() if not line.startswith("Note: ")]
    done = {path.name for path in (tmp_path / "out").glob("[!.]*")}
    assert len(lines) == 61 - len(done) and "Traceback" not in result.output, result.output
    assert all(str(tmp_path) in line for line in lines)


def test_hidden_files_are_no_pictures(run, tmp_path):
    """What macOS puts beside a file, and what a process that was killed left."""
    (tmp_path / "in").mkdir()
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / ".b.partial.png")
    (tmp_path / "in" / "._a.png").write_bytes(b"no picture")
    result = run(tmp_path / "in", tmp_path / "out", "--rotate", 1)
    assert result.exit_code == 0 and "(1 picture)" in result.output, result.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


def test_two_writers_of_one_picture(run, tmp_path, monkeypatch):
    """The second one begins and ends while the first one has written half of it."""
    values = picture(tmp_path / "in.png", (31, 31, 3))
    save = Image.Image.save

    def halting(image, path, *args, **kwargs):
        monkeypatch.setattr(Image.Image, "save", save)
        save(image, path, *args, **kwargs)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert run(tmp_path / "in.png", tmp_path / "out.png", "--rotate", 180).exit_code == 0
        np.testing.assert_array_equal(io.imread(tmp_path / "out.png"), values[::-1, ::-1])
        with open(path, "ab") as file:
            file.write(whole[len(whole) // 2 :])

    monkeypatch.setattr(Image.Image, "save", halting)
    result = run(tmp_path / "in.png", tmp_path / "out.png", "--rotate", 90)
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(io.imread(tmp_path / "out.png"), np.rot90(values))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "out.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
def test_results_have_the_permissions_of_new_files(run, tmp_path):
    picture(tmp_path / "in.png")
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--rotate", 1).exit_code == 0
    (tmp_path / "new").touch()
    assert (tmp_path / "out.png").stat().st_mode == (tmp_path / "new").stat().st_mode


def test_a_homography_without_source_points_is_a_wrong_option(run, tmp_path):
    picture(tmp_path / "in.png")
    result = run(tmp_path / "in.png", tmp_path / "out.png", "--homography", "1 0 0 0 1 0 0 0 0")
    assert result.exit_code == 2 and "no pixel has a source point" in result.output
    zarr.create_array(str(tmp_path / "in.zarr"), shape=(20, 30), dtype="uint8", chunks=(10, 10))
    result = run(tmp_path / "in.zarr", tmp_path / "out.zarr", "--homography", "1 0 0 0 1 0 0 0 0")
    assert result.exit_code == 2 and "no pixel has a source point" in result.output


def test_originals_are_not_replaced(run, tmp_path):
    source = tmp_path / "in" / "a.png"
    source.parent.mkdir()
    picture(source)
    before = source.read_bytes()
    (tmp_path / "link.png").symlink_to(source)
    shutil.copytree(tmp_path / "in", tmp_path / "other")
    (tmp_path / "other" / "a.png").unlink()
    (tmp_path / "other" / "a.png").hardlink_to(source)
    for one, two in (
        (source, source),
        (source, tmp_path / "link.png"),
        (tmp_path / "link.png", source),
        (source.parent, source.parent),
        (source.parent, tmp_path / "in" / ".." / "in"),
        (source.parent, tmp_path / "other"),
    ):
        result = run(one, two, "--rotate", 20)
        assert result.exit_code == 1 and "the original" in result.output, result.output
        assert source.read_bytes() == before
    assert not list(tmp_path.glob("**/.*"))


def test_a_file_that_cannot_be_written_leaves_the_old_one(run, tmp_path, monkeypatch):
    picture(tmp_path / "in.png")
    (tmp_path / "out.png").write_text("old")

    def half(image, path, *_, **__):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    result = run(tmp_path / "in.png", tmp_path / "out.png", "--rotate", 1)
    assert result.exit_code == 1 and "no space left on device" in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "out.png"]
    assert (tmp_path / "out.png").read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupted_command_can_be_run_again(tmp_path):
    zarr.create_array(str(tmp_path / "in.zarr"), shape=(6000, 6000), dtype="float32", chunks=(100, 100))
    command = [sys.executable, "-m", "spatial_op", "warp", "in.zarr", "out.zarr", "--rotate", "3"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not list(tmp_path.glob(".*/work/out.zarr")):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and errors.startswith("Interrupted: ") and errors.count("\n") == 1, errors
    assert {path.name for path in tmp_path.iterdir()} <= {"in.zarr", ".out.zarr.unfinished"}


def test_errors_are_one_sentence(run, tmp_path):
    source, out = tmp_path / "in.png", tmp_path / "out.png"
    picture(source)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "nothing.png").write_bytes(b"")
    (tmp_path / "broken.tif").write_bytes(b"II*\0 and no more")
    (tmp_path / "notes.txt").write_text("of a text")
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "file").write_text("in the way")
    turn = ("--rotate", 1)
    for arguments, words in (
        ((source, out), "there is nothing to do; expected is at least one of --homography"),
        ((source, out, "--affine", "1,2"), "'1,2' has 2 numbers, expected 6"),
        ((source, out, "--affine", "a,b"), "'a,b' has other words than numbers, expected 6, like 1,0,20,0,1,0."),
        ((source, out, "--affine", "nan,0,0,0,1,0"), "no finite number"),
        ((source, out, "--homography", "1 0 0 0 1 0 0 0 inf"), "no finite number"),
        (
            (source, out, "--homography", "1 0 0 0 1 0 0 0 0"),
            "a last row of zeros, so that no pixel has a source point",
        ),
        ((source, out, "--affine", "1e308,0,0,0,1,0"), "in.png: it cannot be warped: warp: matrix maps pixels"),
        ((source, out, "--rotate", "nan"), "no finite number"),
        ((source, out, *turn, "--size", "7"), "'--size': '7', expected height x width"),
        ((source, out, *turn, "--size", "0x7"), "'--size': '0x7', expected height x width"),
        ((source, out, *turn, "--size", "1000000000x1000000000"), "and this machine has"),
        ((source, out, *turn, "--size", "99999999999x1"), "has 99999999999 pixels, expected at most 2147483647"),
        ((source, out, *turn, "--axes", "yx"), "--axes is given and IN is no array"),
        ((source, out, *turn, "--chunk", "7"), "--chunk is given and IN is no zarr array"),
        ((source, tmp_path / "out", *turn), "expected a picture"),
        ((source, tmp_path / "out.zarr", *turn), "expected a picture"),
        ((source, tmp_path / "none" / "out.png", *turn), "of OUT does not exist; make it first"),
        ((source, tmp_path / "file" / "out.png", *turn), "of OUT does not exist; make it first"),
        ((tmp_path / "none.png", out, *turn), "does not exist"),
        ((tmp_path / "empty", tmp_path / "out", *turn), "holds no pictures"),
        ((tmp_path / "empty", out, *turn), "IN is a folder"),
        ((tmp_path / "broken.png", out, *turn), "cannot be read as a picture"),
        ((tmp_path / "nothing.png", out, *turn), "cannot be read as a picture"),
        ((tmp_path / "broken.tif", out, *turn), "cannot be read as a picture"),
        ((tmp_path / "notes.txt", out, *turn), "cannot be read as a picture"),
        ((tmp_path / "broken.zarr", tmp_path / "out.zarr", *turn), "cannot be read as a zarr array"),
        ((tmp_path / "broken.zarr", out, *turn), "expected a name that ends in .zarr"),
    ):
        result = run(*arguments)
        assert result.exit_code in (1, 2) and words in result.output, result.output
        assert result.output.splitlines()[-1].startswith("Error: ") and "Traceback" not in result.output
        assert not out.exists() and not list(tmp_path.glob("**/.*"))


def test_an_output_folder_that_is_a_file(run, tmp_path):
    (tmp_path / "in").mkdir()
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "out").write_text("in the way")
    result = run(tmp_path / "in", tmp_path / "out", "--rotate", 1)
    assert result.exit_code == 1 and "file exists" in result.output


def test_help_is_made_for_people():
    for command in ([], ["warp"], ["bench"]):
        output = CliRunner().invoke(cli, [*command, "--help"]).output
        assert "\b" not in output and "\\b" not in output
    assert "--axes" in CliRunner().invoke(cli, ["warp", "--help"]).output
