"""The command `warp`: pictures, folders of them and zarr arrays."""

import numpy as np
import pytest
from click.testing import CliRunner

import spatial_op as so
from spatial_op.cli.main import cli

da = pytest.importorskip("dask.array")
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
    assert result.exit_code == 0 and result.output == f"wrote {tmp_path / 'out.png'} (1 picture)\n"
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
        "--size",
        "25x20",
        "--padding",
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


def test_zarr_arrays(run, tmp_path):
    values = np.random.default_rng(0).random((2, 70, 90), "float32")
    zarr.save_array(str(tmp_path / "in.zarr"), values)
    result = run(
        tmp_path / "in.zarr", tmp_path / "out.zarr", "--affine", "2,0,0,0,2,0", "--size", "35x45", "--chunk", 20
    )
    assert result.output.endswith("(2 x 35 x 45, float32)\n"), result.output
    out = zarr.open_array(str(tmp_path / "out.zarr"), mode="r")
    assert out.chunks == (2, 20, 20)
    np.testing.assert_array_equal(out[:], values[:, ::2, ::2])
    loc = np.array([[0.8, -0.6, 0, 0.6, 0.8, 0]])
    zarr.save_array(str(tmp_path / "square.zarr"), values[:, :61, :61])
    run(tmp_path / "square.zarr", tmp_path / "turned.zarr", "--rotate", np.degrees(np.arctan2(0.6, 0.8)))
    expected = so.SpatialTransformer(values[None, :, :61, :61], loc, (61, 61))[0]
    turned = zarr.open_array(str(tmp_path / "turned.zarr"), mode="r")[:]
    np.testing.assert_allclose(turned[:, 2:-2, 2:-2], expected[:, 2:-2, 2:-2], atol=1e-5)


# imageio asks all that it has about a file that is no picture, and leaves it open.
@pytest.mark.filterwarnings("ignore:The legacy .DICOM. plugin:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_errors_are_one_sentence(run, tmp_path):
    source, out = tmp_path / "in.png", tmp_path / "out.png"
    picture(source)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "broken.zarr").mkdir()
    turn = ("--rotate", 1)
    for arguments, words in (
        ((source, out), "no transform given, expected exactly one of"),
        ((source, out, *turn, "--affine", "1,0,0,0,1,0"), "--affine and --rotate given"),
        ((source, out, "--affine", "1,2"), "--affine has 2 numbers, expected 6"),
        ((source, out, "--affine", "a,b"), "'a,b' are not numbers"),
        ((source, out, *turn, "--size", "7"), "--size is '7', expected height and width"),
        ((source, tmp_path / "out", *turn), "expected a picture"),
        ((tmp_path / "none.png", out, *turn), "does not exist"),
        ((tmp_path / "empty", out, *turn), "holds no pictures"),
        ((tmp_path / "broken.png", out, *turn), "cannot be read as a picture"),
        ((tmp_path / "broken.zarr", tmp_path / "out.zarr", *turn), "cannot be read as a zarr array"),
        ((tmp_path / "broken.zarr", out, *turn), "expected a name that ends in .zarr"),
    ):
        result = run(*arguments)
        assert result.exit_code in (1, 2) and words in result.output, result.output
        assert "Traceback" not in result.output and not out.exists()
